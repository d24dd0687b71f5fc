//! What everything that sleeps asks of its surroundings: a kernel, a unit test, a model.

use crate::futex::Waiter;
use crate::thread::Thread;
use crate::time::Instant;
use skete_abi::Errno;

/// A lock that its holder spins for, never sleeps under. In the kernel: interrupts masked, then test-and-set with WFE.
pub trait RawLock {
    /// Runs `section` while holding the lock, and lets go. Not to be entered again from inside.
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R;

    /// [`locked`](Self::locked) by a [`Host`], which has seen to it that nothing interrupts the caller: in the kernel it masked interrupts.
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
    fn park(&self, deadline: Option<Instant>) -> Parked;

    /// Ends the present or the next [`park`](Self::park) of `thread`. Does no harm to a thread that is not parked, or that ended.
    fn unpark(&self, thread: Thread);

    /// Unparks each of `threads`, in this order, and runs the iterator to its end: what it has not yielded sleeps for ever. A kernel
    /// makes all of them ready before it gives way to any, and gathers the interrupts that this sends to other cores.
    #[inline]
    fn unpark_each(&self, threads: impl Iterator<Item = Thread>) {
        for thread in threads {
            self.unpark(thread);
        }
    }

    /// Unparks the thread that `claim`, run under `lock`, answers; [`Thread::NONE`]: nobody. A kernel masks interrupts once for both.
    #[inline(always)]
    fn unpark_claimed(&self, lock: &impl RawLock, claim: impl FnOnce() -> Thread) {
        let thread = lock.locked(claim);
        if !thread.is_none() {
            self.unpark(thread);
        }
    }

    /// Runs `enter` under `lock`, and parks if it agrees. A kernel masks interrupts once for both.
    ///
    /// # Errors
    /// What `enter` answers; then the caller has not parked.
    #[inline(always)]
    fn park_after(&self, lock: &impl RawLock, enter: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        lock.locked(enter)?;
        let _ = self.park(None);
        Ok(())
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

    /// Whether somebody wants the calling thread's wait to end before its time. Asked once, nobody wants it any more.
    #[inline(always)]
    fn take_interruption(&self) -> bool {
        false
    }

    /// The time now.
    fn now(&self) -> Instant;
}
