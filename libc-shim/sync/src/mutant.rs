//! Faults that a model plants in the shipping files, to show that it would find them.
//!
//! Each place where an order or a check matters asks [`is`](is): "am I broken in this way now?". On the machine the answer is the constant
//! `false` and nothing is left of the question; under loom the running test names one mutant, and must fail.

/// One way to break a file of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Mutex: who slept takes it as if nobody else did.
    SleeperForgetsOthers,
    /// Mutex: who lets go wakes nobody.
    ReleasedSilently,
    /// Mutex: it is taken without Acquire.
    TakenRelaxed,
    /// Mutex: one who waits for a holder that is known does not say so in the word.
    WaitedForSilently,
    /// Mutex: one that nobody can recover is let go as if it were consistent.
    RecoveredByItself,
    /// Mutex: who finds it free of a dead holder takes it and forgets that the holder died.
    DeathForgotten,
    /// Mutex: one that lends priority is let go by a store although somebody waits.
    LentAndStored,
    /// Condition: the mutex is let go before the turn is read.
    TurnReadLate,
    /// Condition: a signal wakes, and gives the turn away then.
    WokenBeforeTheTurn,
    /// Condition: who was moved to the mutex takes it as if nobody else was.
    MovedForgetsOthers,
    /// Condition: who changes the mutex leaves the turn as it is.
    BoundSilently,
    /// Condition: it is destroyed without waiting for those who are inside.
    DestroyedAtOnce,
    /// Condition: a signal moves nobody to a mutex that lends priority: it wakes, which reaches nobody.
    WokenNotMoved,
    /// Lock: one who waits to read does not say so in the word.
    ReaderSilent,
    /// Lock: the last reader leaves without a look for writers.
    WriterForgotten,
    /// Lock: a writer that gives up does not let readers go on who waited for it.
    LateWriterForgetsReaders,
    /// Lock: readers who gave up are taken for readers who will let go.
    LateReadersCounted,
    /// Lock: it is taken without Acquire.
    LockTakenRelaxed,
    /// Barrier: the last to arrive wakes first and lets go then.
    WokenBeforeTheRound,
    /// Barrier: arrivals are counted by a look and a store.
    ArrivedInTwoSteps,
    /// Barrier: it is destroyed while others are on their way out.
    BarrierGoneAtOnce,
    /// Once: who finds it running does not say that it waits.
    OnceWaitedForSilently,
    /// Once: one that was given up stays as if it ran.
    AbandonedForEver,
    /// Once: done is told without Release.
    DoneRelaxed,
    /// Semaphore: who takes one down takes the mark away as if nobody else waited.
    TakerForgetsOthers,
    /// Semaphore: who gives up takes the mark away and wakes nobody.
    LeaverForgetsOthers,
    /// Semaphore: who must wait does not mark the word.
    SemaphoreWaitedForSilently,
    /// Semaphore: the count is looked at and stored.
    PostedInTwoSteps,
    /// Spin lock: it is let go without Release.
    SpinReleasedRelaxed,
    /// Spin lock: it is looked at and then taken by a store.
    SpinTakenInTwoSteps,
    /// Attention: who is signalled twice is counted twice.
    WantedTwice,
    /// Attention: a thread's end looks at the word and stores it.
    ClosedInTwoSteps,
    /// Attention: a wait's end looks for signals before it says that it is over.
    WaitEndedInTwoSteps,
    /// Leaving: who ends looks whether anything is pending before it says that it leaves.
    LeaverLooksFirst,
    /// Leaving: who sends says that something is pending when it has chosen.
    AnnouncedLate,
    /// First moves in assembly: the load by which a lock is taken is no Acquire.
    FirstMoveTakesRelaxed,
    /// First moves in assembly: the store by which it is let go is no Release.
    FirstMoveReleasesRelaxed,
    /// First moves in assembly: who finds the mark of a sleeper does not go on to wake it.
    FirstMoveForgetsSleepers,
}

/// Whether `mutant` is planted.
#[cfg(not(loom))]
#[must_use]
#[inline(always)]
pub const fn is(_mutant: Mutant) -> bool {
    false
}

#[cfg(loom)]
pub use planted::{is, plant};

#[cfg(loom)]
mod planted {
    extern crate std;
    use super::Mutant;
    use core::cell::Cell;

    std::thread_local! {
        // A model's threads are coroutines of one thread of the host: tests that run beside it have their own mutant.
        static PLANTED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Breaks this crate, for the models that this thread of the host runs from now on.
    pub fn plant(mutant: Mutant) {
        PLANTED.set(Some(mutant));
    }

    /// Whether `mutant` is planted.
    pub fn is(mutant: Mutant) -> bool {
        PLANTED.get() == Some(mutant)
    }
}
