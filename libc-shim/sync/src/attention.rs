//! What a thread is to attend to: that it is to be cancelled, or to take signals. One word of its own, which others set bits in.
//!
//! The surroundings count the threads that are **wanted**: signalled and not closed. While there are any, somebody looks for them wherever
//! they are. Each change of the word that makes one more or one fewer says so, and whoever changed it counts.

use crate::atomic::{AtomicU32, Ordering, constructor};
use crate::mutant::{self, Mutant};

/// A thread's word.
///
/// | bit | means |
/// |---|---|
/// | 1 | somebody wants it cancelled |
/// | 2 | it is to look: for signals, or whether it is cancelled anywhere |
/// | 4 | it ends: it is neither cancelled nor wanted any more |
/// | 8 | it does not let itself be cancelled |
/// | 16 | it lets itself be cancelled anywhere, not only at a point |
/// | 32 | it waits at a point |
///
/// Bits that are asked for together are neighbours, which one instruction tests.
#[derive(Debug)]
pub struct Attention {
    word: AtomicU32,
}

const CANCELLED: u32 = 1;
const SIGNALLED: u32 = 2;
const CLOSED: u32 = 4;
const REFUSES: u32 = 8;
const ANYWHERE: u32 = 16;
const WAITS: u32 = 32;

/// What `pthread_cancel` is to do for a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: it finds out by itself.
    Busy,
    /// It waits at a point, and lets itself be cancelled: the wait is to end.
    Waiting,
    /// It lets itself be cancelled anywhere: it is to be signalled.
    Anywhere,
}

impl Attention {
    constructor! {
        /// A thread's that nobody wants, and that would let itself be cancelled.
        pub fn new() -> Self {
            Self { word: AtomicU32::new(0) }
        }
    }

    /// As new. It was closed, or never used.
    pub fn reset(&self) {
        self.word.store(0, Ordering::Relaxed);
    }

    /// From now on nobody cancels it, nor is it wanted. True: it was.
    #[must_use]
    pub fn close(&self) -> bool {
        if mutant::is(Mutant::ClosedInTwoSteps) {
            let before = self.word.load(Ordering::Relaxed);
            self.word.store(before | CLOSED, Ordering::Relaxed);
            return before & (SIGNALLED | CLOSED) == SIGNALLED;
        }
        self.word.fetch_or(CLOSED, Ordering::Relaxed) & (SIGNALLED | CLOSED) == SIGNALLED
    }

    /// It is to look. True: it is wanted from now on. SeqCst pairs with [`begin_wait`](Self::begin_wait).
    #[must_use]
    pub fn signal(&self) -> bool {
        let before = self.word.fetch_or(SIGNALLED, Ordering::SeqCst);
        if mutant::is(Mutant::WantedTwice) { before & CLOSED == 0 } else { before & (SIGNALLED | CLOSED) == 0 }
    }

    /// It has looked. True: it is wanted no more.
    #[must_use]
    pub fn forget_signal(&self) -> bool {
        self.word.fetch_and(!SIGNALLED, Ordering::Relaxed) & (SIGNALLED | CLOSED) == SIGNALLED
    }

    /// Whether it is to look.
    #[inline]
    pub fn is_signalled(&self) -> bool {
        self.word.load(Ordering::Relaxed) & SIGNALLED != 0
    }

    /// Whether it is to look, and does not end.
    #[inline]
    pub fn is_wanted(&self) -> bool {
        self.word.load(Ordering::Relaxed) & (SIGNALLED | CLOSED) == SIGNALLED
    }

    /// Whether it is to look, or to be cancelled.
    #[inline]
    pub fn has_any(&self) -> bool {
        self.word.load(Ordering::Relaxed) & (CANCELLED | SIGNALLED) != 0
    }

    /// Whether it waits where a signal ends the wait.
    pub fn is_waiting(&self) -> bool {
        self.word.load(Ordering::Relaxed) & WAITS != 0
    }

    /// Whether it is to be cancelled at a point.
    pub fn is_cancelled(&self) -> bool {
        is_due(self.word.load(Ordering::Relaxed))
    }

    /// Whether it is to be cancelled wherever it is.
    pub fn is_cancelled_anywhere(&self) -> bool {
        let bits = self.word.load(Ordering::Relaxed);
        is_due(bits) && bits & ANYWHERE != 0
    }

    /// Whether it lets itself be cancelled anywhere.
    pub fn is_anywhere(&self) -> bool {
        self.word.load(Ordering::Relaxed) & ANYWHERE != 0
    }

    /// Whether it lets itself be cancelled no more, or again; what was so.
    pub fn refuse(&self, refuses: bool) -> bool {
        self.set(REFUSES, refuses)
    }

    /// Whether it lets itself be cancelled anywhere from now on; what was so.
    pub fn allow_anywhere(&self, allows: bool) -> bool {
        self.set(ANYWHERE, allows)
    }

    fn set(&self, bit: u32, is_set: bool) -> bool {
        let before = if is_set { self.word.fetch_or(bit, Ordering::SeqCst) } else { self.word.fetch_and(!bit, Ordering::SeqCst) };
        before & bit != 0
    }

    /// Somebody wants it cancelled. SeqCst pairs with [`begin_wait`](Self::begin_wait).
    pub fn cancel(&self) -> Found {
        let before = self.word.fetch_or(CANCELLED, Ordering::SeqCst);
        if before & (ANYWHERE | REFUSES | CLOSED) == ANYWHERE {
            Found::Anywhere
        } else if before & (WAITS | REFUSES) == WAITS {
            Found::Waiting
        } else {
            Found::Busy
        }
    }

    /// It is about to wait at a point. False: it must not, for it is to be cancelled or to look. SeqCst pairs with [`cancel`](Self::cancel)
    /// and [`signal`](Self::signal): either they see that it waits, or theirs is seen here.
    #[inline]
    #[must_use]
    pub fn begin_wait(&self) -> bool {
        let before = self.word.fetch_or(WAITS, Ordering::SeqCst);
        if before & (CANCELLED | SIGNALLED) != 0 && (before & SIGNALLED != 0 || is_due(before)) {
            self.word.fetch_and(!WAITS, Ordering::SeqCst);
            return false;
        }
        true
    }

    /// The wait has ended. True: it is wanted, and who wanted it saw that it waited, and left it to the wait's end.
    #[inline]
    #[must_use]
    pub fn end_wait(&self) -> bool {
        if mutant::is(Mutant::WaitEndedInTwoSteps) {
            let before = self.word.load(Ordering::SeqCst);
            self.word.fetch_and(!WAITS, Ordering::SeqCst);
            return before & SIGNALLED != 0;
        }
        self.word.fetch_and(!WAITS, Ordering::SeqCst) & SIGNALLED != 0
    }
}

fn is_due(bits: u32) -> bool {
    bits & (CANCELLED | REFUSES | CLOSED) == CANCELLED
}

impl Default for Attention {
    fn default() -> Self {
        Self::new()
    }
}
