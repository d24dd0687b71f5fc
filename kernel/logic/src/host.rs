//! What everything that sleeps asks of its surroundings: a kernel, a unit test, a model. And what they all do with it: how a thread
//! parks right behind its queueing, and how one is unparked right behind the claim on it.

use crate::futex::Waiter;
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use crate::time::{Deadline, Instant};
use crate::token::Token;

/// A lock that its holder spins for, never sleeps under. In the kernel: interrupts masked, then test-and-set with WFE.
pub trait RawLock {
    /// Runs `section` while holding the lock, and lets go. Not to be entered again from inside.
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R;

    /// [`locked`](Self::locked) in a section that is [uninterrupted](Host::uninterrupted): in the kernel interrupts are masked already.
    #[inline(always)]
    fn locked_uninterrupted<R>(&self, section: impl FnOnce() -> R) -> R {
        self.locked(section)
    }
}

/// Why [`Host::park`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Parked {
    /// Somebody called [`Host::unpark`], or it returned for no reason: the caller looks again.
    Notified,
    /// The deadline has passed. An `unpark` may have come as well.
    Expired,
}

/// Threads as those see them who put them to sleep and wake them.
pub trait Host {
    /// The calling thread.
    fn current(&self) -> Thread;

    /// Sleeps until an [`unpark`](Self::unpark) or `deadline`; `None` is never. An `unpark` that came before makes it return at once.
    /// May return for no reason, but never says `Expired` early. No lock is held.
    fn park(&self, deadline: Option<Deadline>) -> Parked;

    /// Ends the present or the next [`park`](Self::park) of `thread`. Does no harm to a thread that is not parked, or that ended.
    #[inline]
    fn unpark(&self, thread: Thread) {
        self.uninterrupted(|masking| self.unpark_uninterrupted(thread, masking));
    }

    /// Unparks each of `threads`, in this order, and runs the iterator to its end: what it has not yielded sleeps for ever. A kernel
    /// makes all of them ready before it gives way to any. In an uninterrupted section.
    #[inline]
    fn unpark_each_uninterrupted(&self, threads: impl Iterator<Item = Thread>, masking: Self::Masking) {
        for thread in threads {
            self.unpark_uninterrupted(thread, masking);
        }
    }

    /// What was masked before [`uninterrupted`](Self::uninterrupted).
    type Masking: Copy;

    /// Runs `section`, in which nothing interrupts the caller: a kernel masks interrupts. Tells it what was masked before.
    fn uninterrupted<R>(&self, section: impl FnOnce(Self::Masking) -> R) -> R;

    /// The wake-up token in the record of `thread`.
    fn token(&self, thread: Thread) -> &Token;

    /// Lets `thread`, whose token says that it slept, run. It may take the core from the caller if `masking` lets it. In an uninterrupted
    /// section.
    fn make_ready(&self, thread: Thread, masking: Self::Masking);

    /// Leaves the calling thread; whoever has left its stack [settles](Token::settle) its token, and only then does it sleep. In an
    /// uninterrupted section.
    fn leave(&self);

    /// [`unpark`](Self::unpark) in an uninterrupted section.
    #[inline(always)]
    fn unpark_uninterrupted(&self, thread: Thread, masking: Self::Masking) {
        if self.token(thread).notify() {
            self.make_ready(thread, masking);
        } else {
            self.pass_on(thread, masking);
        }
    }

    /// Whom an unpark of `thread` is for if that is a lent node ([`owner_of`](crate::futex::many::owner_of)); else [`Thread::NONE`].
    #[inline(always)]
    fn owner(&self, _thread: Thread) -> Thread {
        Thread::NONE
    }

    /// [`pass_on`] of this host. A kernel keeps it out of the way of those who wake a thread that sleeps.
    #[inline(always)]
    fn pass_on(&self, thread: Thread, masking: Self::Masking) {
        pass_on(self, thread, masking);
    }

    /// Unparks the thread that `claim` answers, if it is not [`Thread::NONE`]; whether it is not. `claim` takes and lets go the lock of the
    /// queue that the thread is in, uninterrupted, and lets the thread go before that: the other way round it could look, find itself
    /// claimed, and park again.
    #[inline(always)]
    fn unpark_claimed(&self, claim: impl FnOnce() -> Thread) -> bool {
        self.uninterrupted(|masking| {
            let thread = claim();
            if thread.is_none() {
                return false;
            }
            self.unpark_uninterrupted(thread, masking);
            true
        })
    }

    /// Parks if `enter` agrees, which queues the calling thread, uninterrupted. May return for no reason: an unpark that came since then
    /// is not lost, and an older one may end it too.
    ///
    /// # Errors
    /// What `enter` answers; then the caller has not parked.
    #[inline(always)]
    fn park_after<E>(&self, enter: impl FnOnce(Self::Masking) -> Result<(), E>) -> Result<(), E> {
        self.uninterrupted(|masking| {
            enter(masking)?;
            if mutant::is(Mutant::NoticeDroppedBehindTheQueueing) {
                let _ = self.token(self.current()).take();
            }
            self.leave();
            Ok(())
        })
    }

    /// The futex waiter in the record of the calling thread.
    #[inline(always)]
    fn own_waiter(&self) -> &Waiter {
        self.waiter(self.current())
    }

    /// The priority at which the calling thread waits.
    #[inline(always)]
    fn own_priority(&self) -> u8 {
        self.priority(self.current())
    }

    /// The priority at which `thread` waits: 31 is woken first.
    fn priority(&self, thread: Thread) -> u8;

    /// The futex waiter in the record of `thread`, which is never [`Thread::NONE`].
    fn waiter(&self, thread: Thread) -> &Waiter;

    /// Whether somebody wants the calling thread's wait to end before its time. Asked once, nobody wants it any more; until then no
    /// [`park`](Self::park) lasts ([`Token`]).
    #[inline(always)]
    fn take_interruption(&self) -> bool {
        false
    }

    /// What the calling thread took ended no wait, for a waker was faster, or the wait may not be ended: the next one is to end. Called when
    /// the wait is over.
    #[inline(always)]
    fn keep_interruption(&self) {}

    /// The time now.
    fn now(&self) -> Instant;
}

/// An unpark of `thread` that found nobody asleep: if that is a lent node, it is for its owner. In an uninterrupted section.
#[cold]
#[inline(never)]
pub fn pass_on<H: Host + ?Sized>(host: &H, thread: Thread, masking: H::Masking) {
    let owner = host.owner(thread);
    if !owner.is_none() && host.token(owner).notify() {
        host.make_ready(owner, masking);
    }
}
