//! Spin locks: who waits does not sleep.

use skete_abi::Errno;

use crate::atomic::{AtomicU32, Ordering, constructor};
use crate::futex::Futex;
use crate::mutant::{self, Mutant};

/// A spin lock.
///
/// | `word` | means |
/// |---|---|
/// | 0 | free |
/// | a thread's name | held by it |
#[derive(Debug)]
#[repr(transparent)]
pub struct SpinLock {
    word: AtomicU32,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<SpinLock>() == 4, "the room of musl's pthread_spinlock_t");

impl SpinLock {
    constructor! {
        /// A free one.
        pub fn new() -> Self {
            Self { word: AtomicU32::new(0) }
        }
    }

    /// Takes it, turning round until it is free.
    ///
    /// # Errors
    /// `EDEADLK`: the caller holds it.
    #[inline]
    pub fn lock(&self, futex: &impl Futex) -> Result<(), Errno> {
        let me = futex.tid();
        if self.take(me) { Ok(()) } else { self.turn_round(futex, me) }
    }

    #[cold]
    fn turn_round(&self, futex: &impl Futex, me: u32) -> Result<(), Errno> {
        if self.word.load(Ordering::Relaxed) == me {
            return Err(Errno::EDEADLK);
        }
        let mut turn = 0;
        while !self.take(me) {
            while self.word.load(Ordering::Relaxed) != 0 {
                futex.spin(turn);
                turn = turn.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Takes it if it is free.
    ///
    /// # Errors
    /// `EBUSY`: it is not.
    #[inline]
    pub fn try_lock(&self, futex: &impl Futex) -> Result<(), Errno> {
        if self.take(futex.tid()) { Ok(()) } else { Err(Errno::EBUSY) }
    }

    #[inline(always)]
    fn take(&self, me: u32) -> bool {
        if mutant::is(Mutant::SpinTakenInTwoSteps) {
            let is_free = self.word.load(Ordering::Acquire) == 0;
            if is_free {
                self.word.store(me, Ordering::Relaxed);
            }
            return is_free;
        }
        // Acquire: pairs with `unlock`.
        self.word.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Lets it go. Who does not hold it must not.
    #[inline]
    pub fn unlock(&self) {
        // Release: pairs with the Acquire of who takes it.
        self.word.store(0, if mutant::is(Mutant::SpinReleasedRelaxed) { Ordering::Relaxed } else { Ordering::Release });
    }

    /// Whether it can go: nobody holds it.
    ///
    /// # Errors
    /// `EBUSY`: somebody does.
    pub fn destroy(&self) -> Result<(), Errno> {
        if self.word.load(Ordering::Relaxed) == 0 { Ok(()) } else { Err(Errno::EBUSY) }
    }
}

impl Default for SpinLock {
    fn default() -> Self {
        Self::new()
    }
}
