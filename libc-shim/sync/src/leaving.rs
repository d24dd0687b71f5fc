//! A thread ends while others send signals: of one that leaves and one that sends, one sees the other.
//!
//! Who sends holds the lock of the signals, and says that something will be [`Pending`] before it looks who may take it. Who leaves says so
//! before it looks whether anything is pending, and takes the lock only then. So nothing is given to a thread that is gone.

use crate::atomic::{AtomicU32, Ordering, constructor, fence};
use crate::mutant::{self, Mutant};

/// How many signals are pending. Written under the lock of the signals.
#[derive(Debug)]
pub struct Pending {
    count: AtomicU32,
}

impl Pending {
    constructor! {
        /// None.
        pub fn new() -> Self {
            Self { count: AtomicU32::new(0) }
        }
    }

    /// There are `count`, counting one that the caller is about to give to a thread. Before it looks which have [left](Leaving::has_left).
    pub fn announce(&self, count: u32) {
        if mutant::is(Mutant::AnnouncedLate) {
            return;
        }
        self.count.store(count, Ordering::Relaxed);
        // Pairs with the one of `leave`.
        fence(Ordering::SeqCst);
    }

    /// There are `count`.
    pub fn tell(&self, count: u32) {
        self.count.store(count, Ordering::Relaxed);
    }
}

impl Default for Pending {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether a thread has left, or is about to.
#[derive(Debug)]
pub struct Leaving {
    word: AtomicU32,
}

impl Leaving {
    constructor! {
        /// One that stays.
        pub fn new() -> Self {
            Self { word: AtomicU32::new(0) }
        }
    }

    /// It takes signals, still or again: it begins, or has found some that are to be taken first.
    #[inline]
    pub fn stay(&self) {
        self.word.store(0, Ordering::Relaxed);
    }

    /// From now on nobody gives it a signal. True: nor has anybody given it one that is pending. Else it must look, under the lock.
    #[inline]
    #[must_use]
    pub fn leave(&self, pending: &Pending) -> bool {
        if mutant::is(Mutant::LeaverLooksFirst) {
            let is_none = pending.count.load(Ordering::Relaxed) == 0;
            self.word.store(1, Ordering::Relaxed);
            return is_none;
        }
        self.word.store(1, Ordering::Relaxed);
        // Pairs with the one of `announce`.
        fence(Ordering::SeqCst);
        pending.count.load(Ordering::Relaxed) == 0
    }

    /// Whether it takes signals no more.
    pub fn has_left(&self) -> bool {
        self.word.load(Ordering::Relaxed) != 0
    }
}

impl Default for Leaving {
    fn default() -> Self {
        Self::new()
    }
}
