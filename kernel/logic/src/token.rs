//! A thread's wake-up token: what makes "notified, then parked" end as well as "parked, then notified".
//!
//! Three parties meet on one word in the thread record: the thread that is about to sleep ([`take`](Token::take)), the core that has
//! left the thread's stack and may now give it away ([`settle`](Token::settle)), and whoever wakes it ([`notify`](Token::notify)).
//! Between the decision to sleep and `settle` the thread is in no queue, and its registers are not saved: a `notify` in that
//! interval leaves its mark, and it is the settling core that runs the thread on.
//!
//! An interruption stands in the same word. It notifies too, but nobody who parks takes it: until the thread itself does
//! ([`take_interruption`](Token::take_interruption)), whatever it waits for, no park lasts. So it is never left behind where a wait ends for
//! another reason, and a wait that cares needs no look before it sleeps. One that may not be ended takes it, and
//! [keeps](Token::keep_interruption) it when it has got what it waited for.

use crate::mutant::{self, Mutant};
use skete_cell::atomic::{AtomicU64, Ordering};

/// The state of a token:
///
/// | state | the thread | [`take`](Self::take) | [`settle`](Self::settle) | [`notify`](Self::notify) |
/// |---|---|---|---|---|
/// | `EMPTY` | runs, is ready, or is leaving its stack | false | → `PARKED`, true | → notified, false |
/// | notified (any other) | the same, and must not sleep | → `EMPTY`, true | → `EMPTY`, false | counts on, false |
/// | `PARKED` | sleeps: in no run queue | – | – | → `EMPTY`, true |
///
/// `PARKED` is −1, so one addition is the whole of `notify`. 62 bits do not run over, however long a thread is notified without looking.
///
/// Bit 62 of a notified thread: it was interrupted. [`take`](Self::take) and [`settle`](Self::settle) leave that, as if they had come
/// before it; [`interrupt`](Self::interrupt) sets it, in a parked thread's `EMPTY` too.
#[derive(Debug)]
pub struct Token(AtomicU64);

const EMPTY: u64 = 0;
const PARKED: u64 = u64::MAX;
const INTERRUPTED: u64 = 1 << 62;

impl Token {
    skete_cell::constructor! {
        /// A thread that runs and was not notified.
        pub fn new() -> Self {
            Self(AtomicU64::new(EMPTY))
        }
    }

    /// Wakes the thread. True if it slept: the caller makes it ready. False if it runs or is about to look.
    #[inline]
    #[must_use]
    pub fn notify(&self) -> bool {
        // Release: what the notifier did before is seen by a `take` or `settle` that finds the mark. Acquire: pairs with `settle`, so
        // the notifier's core sees the registers that the parking core saved.
        self.0.fetch_add(1, Ordering::AcqRel) == PARKED
    }

    /// Wakes the thread, and tells it that this was to end a wait. True as [`notify`](Self::notify).
    #[must_use]
    pub fn interrupt(&self) -> bool {
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let interrupted = if seen == PARKED { INTERRUPTED } else { seen | INTERRUPTED };
            // As in `notify`.
            match self.0.compare_exchange(seen, interrupted, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return seen == PARKED,
                Err(other) => seen = other,
            }
        }
    }

    /// Whether the thread was interrupted since it last asked; asked by the thread itself.
    #[must_use]
    pub fn take_interruption(&self) -> bool {
        // Acquire: as in `take`.
        self.0.load(Ordering::Relaxed) & INTERRUPTED != 0 && self.0.fetch_and(!INTERRUPTED, Ordering::Acquire) & INTERRUPTED != 0
    }

    /// Puts back what the thread itself has taken.
    pub fn keep_interruption(&self) {
        self.0.fetch_or(INTERRUPTED, Ordering::Relaxed);
    }

    /// As new: the thread has left its stack for good, and nobody interrupts it any more.
    pub fn reset(&self) {
        if self.0.load(Ordering::Relaxed) != EMPTY {
            // Acquire: as in `take`.
            self.0.swap(EMPTY, Ordering::Acquire);
        }
    }

    /// Takes all notifications. What the word was.
    #[inline]
    fn clear(&self) -> u64 {
        let left = if mutant::is(Mutant::InterruptionTakenByThePark) { 0 } else { INTERRUPTED };
        // Not a store: with every notification that it wipes out it sees what that notifier did. Pairs with `notify`.
        self.0.fetch_and(left, Ordering::Acquire)
    }

    /// Takes a notification, if there is one: asked by the thread itself before it leaves its stack.
    #[inline]
    #[must_use]
    pub fn take(&self) -> bool {
        if self.0.load(Ordering::Relaxed) == EMPTY {
            return false;
        }
        if mutant::is(Mutant::TokenTakenInTwoSteps) {
            let notified = self.0.load(Ordering::Acquire) != EMPTY;
            self.0.store(EMPTY, Ordering::Relaxed);
            return notified;
        }
        self.clear() != EMPTY
    }

    /// Parks the thread, asked by the core that has left its stack for good. False if a notification came meanwhile: it is taken, and
    /// the thread must run on.
    #[inline]
    #[must_use]
    pub fn settle(&self) -> bool {
        if mutant::is(Mutant::TokenSettledBlindly) {
            self.0.store(PARKED, Ordering::Release);
            return true;
        }
        // Release: pairs with the notifier that will make the thread ready elsewhere.
        if self.0.compare_exchange(EMPTY, PARKED, Ordering::Release, Ordering::Relaxed).is_ok() {
            return true;
        }
        self.clear();
        false
    }

    /// Whether the thread sleeps: for reports.
    #[must_use]
    pub fn is_parked(&self) -> bool {
        self.0.load(Ordering::Relaxed) == PARKED
    }
}

impl Default for Token {
    fn default() -> Self {
        Self::new()
    }
}
