//! Faults that a model plants in the shipping files, to show that it would find them.
//!
//! A model that passes proves little until it has failed. Each place where an order or a check matters asks
//! [`is`](is): "am I broken in this way now?". On the machine the answer is the constant `false` and nothing is left of the
//! question; under loom the running test names one mutant, and must fail.

/// One way to break a file of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Token: the thread takes its notification with a load and a store, between which another one is lost.
    TokenTakenInTwoSteps,
    /// Token: the core that leaves a thread's stack marks it parked without looking.
    TokenSettledBlindly,
    /// Meter: one who begins to run does not wait until the core that it left has charged it.
    StartedBeforeItStood,
    /// Meter: who stops it asks the clock before it takes the lock.
    ClockReadOutsideTheLock,
    /// Token: one who parks, and was notified, takes an interruption with that.
    InterruptionTakenByThePark,
    /// Sleep: one who has queued forgets a wake-up that came since.
    NoticeDroppedBehindTheQueueing,
    /// Sleep: who is claimed alone is unparked first and let go then.
    UnparkedBeforeLetGo,
    /// Futex: no fence between the waiter's count and its look at the word.
    WaitWithoutFence,
    /// Futex: no fence between the waker's store and its look at the count.
    WakeWithoutFence,
    /// Futex: the waiter is counted after it has looked at the word.
    CountRaisedLate,
    /// Futex: the word is compared before the lock is taken.
    CompareOutsideTheLock,
    /// The program wakes first and changes the word then: no fault of this crate, and a model must still see it.
    WakeBeforeTheStore,
    /// Futex: `FUTEX_WAKE_OP` looks for waiters before it changes the word.
    WakeOpLooksFirst,
    /// Futex: two buckets are locked in the order in which the caller names them.
    LockedInAnyOrder,
    /// Futex: a waiter may go while the waker's chain still runs through its node.
    WokenUnderTheLock,
    /// Futex: a waker lets a waiter go without publishing that it is done with the node.
    ReleasedRelaxed,
    /// Futex: one who is late leaves the bucket it was last seen in without looking again.
    WithdrawnWithoutASecondLook,
    /// Futex: one who is interrupted goes without leaving its queue.
    InterruptedInTheQueue,
    /// Futex: an interruption is taken by a wait that a waker ends before.
    InterruptionDropped,
    /// Futex: one who is to be let go leaves an interruption where it is while it sleeps for that.
    InterruptionLeftWhileLetGo,
    /// Futex: a compare-and-requeue compares before it takes the locks, not under them.
    RequeueComparedOutsideTheLocks,
    /// Futex: no fence between the target's count and the move.
    RequeueWithoutFence,
    /// Futex: a requeue raises the target's count after the move.
    RequeueCountedLate,
    /// Waits for several words: an unpark of a borrowed node is not passed on to who waits.
    UnparkEndsAtTheNode,
    /// Waits for several words: one word differs, and a wake that another one got on the way is forgotten.
    WokenOnTheWayForgotten,
    /// Waits for several words: who was woken by one of them leaves the others without a look at who woke those.
    OthersLeftUnseen,
    /// Waits for several words: nodes are counted free and then reserved, so that two may reserve the same ones.
    NodesReservedInTwoSteps,
    /// Waits for several words: a node is taken without seeing that its last owner is done with it.
    NodeTakenRelaxed,
    /// Locks that lend: a waiter does not say in the word that it waits.
    LockWaitedForSilently,
    /// Locks that lend: who lets go does not write who holds the lock then.
    HandedOverUnwritten,
    /// Locks that lend: one begins to wait for a holder that has ended.
    LentToTheGone,
    /// Locks that lend: one begins to wait for a holder that has ended, and lends to the thread that lives in its record next.
    LentToTheNext,
    /// Locks that lend: one who may not wait for a holder that is ending seems to wait all the same.
    RefusedInPlace,
    /// Locks that lend: one who was not moved to a lock, since its holder is ending, seems to wait for that lock.
    MovedBackAsALocks,
    /// Locks that lend: one who was not moved to a lock, since its holder is ending, seems to be in that lock's bucket.
    MovedBackElsewhere,
    /// Locks that lend: one who ends hands a lock to whoever was first a moment ago.
    BequeathedToWhoeverLent,
    /// Locks that lend: who sends another away does not publish why.
    DismissedRelaxed,
    /// Locks that lend: a holder keeps what it inherited.
    LentForEver,
    /// Locks that lend: nobody looks whether the chain leads back.
    RingUnnoticed,
    /// Locks that lend: a chain that led back once is a ring, though its steps were never true together.
    RingSeenOnce,
    /// Locks that lend: who comes upon a ring of others is told that it is in it.
    BystanderRefused,
    /// Locks that lend: one that can never get the lock that it was moved to is sent away from whatever it waits for by then.
    DismissedFromAnyWait,
    /// Locks that lend: a thread that ends reads the node of a lender that may have gone elsewhere.
    AnyNodeRead,
    /// Locks that lend: a move of several ends as soon as the lock's word changes under it.
    MovedUntilTheWordChanges,
    /// Locks that lend: a changed priority goes no further than to the first holder.
    ChainCut,
    /// Locks that lend: a chain is walked without a fence between a thread's priority and its place.
    WalkedWithoutFence,
    /// Futex: a wake looks at no bits.
    WokenWhateverTheBits,
    /// Futaphore: one who was interrupted leaves the queue, and the word says that it waits there.
    FutaphoreLeftByTheInterrupted,
    /// Futaphore: an interruption is taken by a P that goes on.
    FutaphoreInterruptionDropped,
    /// Wall clock: one who waits reads the clock before it says so.
    WallReadBeforeTheMark,
    /// Wall clock: no fence between a waiter's mark and the clock that it reads.
    WallWaitWithoutFence,
    /// Wall clock: no fence between the clock that is set and the look for who waits.
    WallSetWithoutFence,
    /// Wall clock: who sets it looks for who waits first.
    WallSetBehindTheLook,
    /// Placement: no fence between a core's announcement that it idles and its look at the queues.
    IdleWithoutFence,
    /// Placement: no fence between the queueing and the look for idle cores.
    QueuedWithoutFence,
    /// Placement: who queues behind a busy core does not look for idle ones.
    QueuedWithoutASecondLook,
    /// Placement: a core that found something ceases to idle after it has counted its queue, not with it.
    BegunOutsideTheLock,
    /// Placement: a core that found more than it can run tells nobody.
    BegunWithoutALook,
    /// Placement: who claims a core may take it to run what it ran before.
    ClaimedRelaxed,
    /// Placement: a core that found something does not ask whether it was claimed for something else.
    ClaimNotPassedOn,
    /// Sleep: a thread that comes back looks for its deadline before it takes the lock.
    DroppedAfterALook,
    /// Sleep: a thread that comes back drops its deadline on the core that it is on now.
    DroppedWhereItWakes,
    /// Sleep: a thread that was woken in time leaves its deadline where it is.
    DeadlineLeft,
    /// Semaphores: a sleeper may go while the waker's chain still runs through its node.
    SleeperFreedUnderTheLock,
    /// Semaphores: a waker lets a sleeper go without publishing what it did for it.
    SleeperFreedRelaxed,
    /// Semaphores: one who is late leaves the queue without looking whether its operations were done meanwhile.
    SleeperWithdrawnBlindly,
    /// Semaphores: one who must wait queues in a second section under the lock, without trying again.
    QueuedInASecondSection,
    /// Semaphores: a set's lock shows its id although somebody sleeps there, so that who raises a value simply goes on.
    GateOpenWhileSomebodySleeps,
    /// Semaphores: a set is removed, and who sleeps in it is forgotten.
    SetRemovedBeforeTheSleepersGo,
    /// Semaphores: the id is compared before the lock is taken.
    IdComparedOutsideTheLock,
    /// Semaphores: the last who leaves an undo list need not see what the others did.
    LeftRelaxed,
    /// Semaphores: who leaves an undo list reads how many share it, then writes one less.
    LeftInTwoSteps,
    /// Semaphores: nobody counts who begins to share an undo list.
    JoinedUncounted,
    /// Semaphores: the number of an undo list is given back before the list was applied.
    ListEndedBeforeItIsApplied,
    /// Semaphores: who gives back the number of an undo list need not have done all with it by then.
    ListEndedRelaxed,
    /// Semaphores: who takes the number of an undo list anew need not see what was done with the last of that number.
    ListBegunRelaxed,
    /// Semaphores: an undo is read in one section under the lock, and done in another.
    UndoneInTwoSections,
    /// Futex: a thread that ends wakes first and clears its word then.
    EndWakesFirst,
    /// Futex: a thread that ends wakes one by each of its word's names.
    EndWakesByEachName,
    /// Futex: who takes shared memory away looks for waiters, with no fence after it was unmapped.
    BuriedWithoutFence,
    /// Futex: a robust lock's word is overwritten whatever it holds by then.
    RobustWithoutExchange,
    /// Futaphore: the word is looked at and then stored, so that a waiters bit set between is lost, and its wake-up with it.
    FutaphoreMovedInTwoSteps,
    /// Futaphore: the moves on the word neither acquire nor release.
    FutaphoreMovedRelaxed,
    /// Futaphore: P sleeps without looking at the word again under the queue's lock.
    FutaphoreNotCheckedAgain,
    /// Futaphore: V takes the waiters bit back although it leaves others asleep.
    FutaphoreClearedEarly,
    /// Futaphore: a P that gives up takes the waiters bit back although others sleep.
    FutaphoreClearedByTheLate,
    /// Futaphore: making one does not mark its slot as used.
    FutaphoreInUseForgotten,
    /// Futaphore: making one does not pass by the guard of the table.
    FutaphoreTableUnguarded,
    /// Futaphore: a free wakes those who wait, and frees then.
    FutaphoreWokenBeforeFreed,
    /// Futaphore: a slot freed and made again looks as if it had not been.
    FutaphoreLifeForgotten,
    /// Pages: the first touch stores the entry, whatever it is by then.
    TouchStores,
    /// Pages: who finds the page mapped by another keeps the frame that it took.
    TouchKeepsTheFrame,
    /// Pages: a page is taken away by a look and a store, between which it may be filled.
    ReplacedInTwoSteps,
    /// Pages: a frame goes back while a core may still have its translation.
    FrameGivenBeforeForgotten,
    /// Pages: who takes a page away does not make the cores forget it where access is denied.
    DeniedNotForgotten,
    /// Pages: who touches a page that is to be used in another way just now takes it for nothing.
    TouchGivesUp,
    /// Window: pages leave a unit before the lock is taken under which it is given back.
    UnitEmptiedOutsideTheLock,
    /// Window: whoever finds a unit empty gives it back, whether it emptied it or not.
    UnitGivenByWhoeverLooks,
    /// A program's test-and-set lock wakes first and is released then: no fault of this crate, and a model must still see it.
    LockWakesFirst,
    /// A program's lock with a flag for "somebody may sleep", as it was published: who slept takes the lock with the flag down.
    LockFlagAsPublished,
    /// A program's three-state lock: who slept takes it as if nobody else did.
    LockSleeperForgetsOthers,
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
