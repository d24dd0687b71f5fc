//! A thread's wake-up token: what makes "notified, then parked" end as well as "parked, then notified".
//!
//! Three parties meet on one word in the thread record: the thread that is about to sleep ([`take`](Token::take)), the core that has
//! left the thread's stack and may now give it away ([`settle`](Token::settle)), and whoever wakes it ([`notify`](Token::notify)).
//! Between the decision to sleep and `settle` the thread is in no queue, and its registers are not saved: a `notify` in that
//! interval leaves its mark, and it is the settling core that runs the thread on.

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
/// `PARKED` is −1, so one addition is the whole of `notify`. 64 bits do not wrap, however long a thread is notified without looking.
#[derive(Debug)]
pub struct Token(AtomicU64);

const EMPTY: u64 = 0;
const PARKED: u64 = u64::MAX;

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
        // A swap, not a store: with every notification that it wipes out it sees what that notifier did. Pairs with `notify`.
        self.0.swap(EMPTY, Ordering::Acquire) != EMPTY
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
        // Acquire: as in `take`.
        self.0.swap(EMPTY, Ordering::Acquire);
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
