//! What happens once, whoever comes first.

use crate::atomic::{AtomicU32, Ordering, constructor};
use crate::futex::{ANY, Futex};
use crate::mutant::{self, Mutant};

/// Whether something was done.
///
/// | `word` | means |
/// |---|---|
/// | 0 | not yet |
/// | 1 | somebody does it |
/// | 2 | somebody does it, and others sleep until it is done or given up |
/// | 3 | it is done |
#[derive(Debug)]
#[repr(transparent)]
pub struct Once {
    word: AtomicU32,
}

const NEW: u32 = 0;
const RUNNING: u32 = 1;
const AWAITED: u32 = 2;
const DONE: u32 = 3;

#[cfg(not(loom))]
const _: () = assert!(size_of::<Once>() == 4, "the room of musl's pthread_once_t");

impl Once {
    constructor! {
        /// Nothing was done yet.
        pub fn new() -> Self {
            Self { word: AtomicU32::new(NEW) }
        }
    }

    /// Whether the caller is to do it, and to say [`done`](Self::done) or [`abandon`](Self::abandon) then. Else it is done.
    #[inline]
    #[must_use]
    pub fn begin(&self, futex: &impl Futex) -> bool {
        // Acquire: pairs with the Release in `end`.
        self.word.load(Ordering::Acquire) != DONE && self.begin_slow(futex)
    }

    #[cold]
    fn begin_slow(&self, futex: &impl Futex) -> bool {
        loop {
            let exchange = |from, to| self.word.compare_exchange(from, to, Ordering::Acquire, Ordering::Acquire);
            match exchange(NEW, RUNNING) {
                Ok(_) => return true,
                Err(DONE) => return false,
                Err(RUNNING) if mutant::is(Mutant::OnceWaitedForSilently) => {
                    let _ = futex.wait(&self.word, RUNNING, ANY, None);
                }
                Err(RUNNING) if exchange(RUNNING, AWAITED).is_err() => {}
                Err(_) => {
                    let _ = futex.wait(&self.word, AWAITED, ANY, None);
                }
            }
        }
    }

    /// It is done.
    pub fn done(&self, futex: &impl Futex) {
        self.end(futex, DONE);
    }

    /// It was given up (a thread was cancelled): whoever comes next begins again.
    pub fn abandon(&self, futex: &impl Futex) {
        if !mutant::is(Mutant::AbandonedForEver) {
            self.end(futex, NEW);
        }
    }

    fn end(&self, futex: &impl Futex, word: u32) {
        // Release: pairs with the Acquires in `begin`.
        let order = if mutant::is(Mutant::DoneRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        if self.word.swap(word, order) == AWAITED {
            futex.wake(&self.word, u32::MAX, ANY);
        }
    }
}

impl Default for Once {
    fn default() -> Self {
        Self::new()
    }
}
