//! Waiting for a lock: in its queue, out of it, and from its queue to its holder.

use super::{Heirs, Held, Kind, is_for_lock};
use crate::futex::waiter::Node;
use crate::futex::{Key, Table};
use crate::host::{Parked, RawLock};
use crate::mutant::{self, Mutant};
use crate::thread::{Thread, Tid};
use crate::time::Deadline;
use skete_abi::Errno;

impl<L: RawLock, const N: usize> Table<L, N> {
    /// The first of those who wait for the lock of `key`; [`Thread::NONE`] if there is none. The caller holds the bucket's lock.
    pub(super) fn first_lock(&self, host: &impl Heirs, key: Key) -> Thread {
        self.bucket(key).queue.with(|queue| queue.find_by(host, |thread, node| node.key == key && is_for_lock(host, thread, node)))
    }

    /// Whether the first who waits for `key` waits for no lock. Whoever stands behind is not looked at, as on Linux: many may. The caller
    /// holds the bucket's lock.
    pub(super) fn is_mixed(&self, host: &impl Heirs, key: Key) -> bool {
        let first = self.bucket(key).queue.with(|queue| queue.find_by(host, |_, node| node.key == key));
        !first.is_none() && !host.waiter(first).node.with(|node| is_for_lock(host, first, node))
    }

    /// Sleeps until the lock was handed over to `me`, or `deadline`.
    ///
    /// # Errors
    /// `ETIMEDOUT`: it was not. `EINTR`: somebody wanted the wait to end. `EDEADLK`: somebody moved `me` to a lock whose chain of holders
    /// leads back to `me`.
    pub(super) fn sleep_lock(&self, host: &impl Heirs, me: Thread, deadline: Option<Deadline>) -> Result<(), Errno> {
        let waiter = host.waiter(me);
        loop {
            let parked = host.park(deadline);
            if !waiter.is_woken() {
                let why = match parked {
                    Parked::Expired => Errno::ETIMEDOUT,
                    Parked::Notified if host.take_interruption() => Errno::EINTR,
                    Parked::Notified => continue,
                };
                if self.withdraw_lock(host, me) {
                    return Err(why);
                }
                Self::be_outrun(host, waiter, why);
            }
            let is_refused = host.heir(me).wait.with(|wait| wait.is_refused);
            return if is_refused { Err(Errno::EDEADLK) } else { Ok(()) };
        }
    }

    /// Takes `me` out of the queue that it waits in; the holder of its lock inherits from the others. False if it was woken.
    #[cold]
    pub fn withdraw_lock(&self, host: &impl Heirs, me: Thread) -> bool {
        self.remove_lock(host, me, |_| true)
    }

    /// Sends `thread` away, who was moved to a lock that it can never get, by its wait `number`. Nothing, if that has ended: what it waits
    /// for by now is its own to look into.
    #[cold]
    pub(super) fn dismiss(&self, host: &impl Heirs, thread: Thread, number: u32) {
        let is_dismissed = self.remove_lock(host, thread, |is_lock| {
            host.heir(thread).wait.with_mut(|wait| {
                wait.is_refused = is_lock && (wait.number == number || mutant::is(Mutant::DismissedFromAnyWait));
                wait.is_refused
            })
        });
        if is_dismissed {
            host.unpark(thread);
        }
    }

    /// Takes `thread` out of its queue if `must`, told whether that is a lock's, says so.
    fn remove_lock(&self, host: &impl Heirs, thread: Thread, must: impl Fn(bool) -> bool) -> bool {
        let waiter = host.waiter(thread);
        while let Some(index) = waiter.bucket() {
            let removed = self.buckets[index].lock.locked(|| {
                // A requeue may have moved the thread before the lock was taken: then the new bucket's lock is the right one.
                if waiter.bucket() != Some(index) && !mutant::is(Mutant::WithdrawnWithoutASecondLook) {
                    return None;
                }
                let is_lock = waiter.node.with(|node| is_for_lock(host, thread, node));
                Some(must(is_lock).then(|| self.take_out(host, thread)))
            });
            match removed {
                None => {}
                Some(None) => return false,
                Some(Some(holder)) => {
                    if let Some(holder) = holder {
                        self.pass_on(host, holder.thread());
                    }
                    return true;
                }
            }
        }
        false
    }

    /// Takes `thread` out of its bucket, whose lock the caller holds; the holder of its lock, if that runs at another priority now.
    fn take_out(&self, host: &impl Heirs, thread: Thread) -> Option<Tid> {
        let (waiter, wait) = (host.waiter(thread), host.heir(thread).wait.get());
        let node = waiter.node.get();
        let is_first = wait.kind == Kind::Lock && self.first_lock(host, node.key) == thread;
        let bucket = self.bucket(node.key);
        bucket.queue.with_mut(|queue| queue.remove(host, node));
        bucket.lower(1);
        let holder = wait.holder.filter(|_| is_first);
        let changed = holder.filter(|&holder| self.relend(host, holder, thread, self.first_lock(host, node.key)) == Some(true));
        if mutant::is(Mutant::DismissedRelaxed) {
            waiter.leave();
        } else {
            // It may be another that takes it out, and reads `is_refused` as soon as it finds itself out.
            waiter.release();
        }
        changed
    }

    /// What the word of `key` says when `heir`, its first waiter, holds the lock. The caller holds the bucket's lock.
    pub(super) fn word_of(&self, host: &impl Heirs, key: Key, heir: Thread) -> Held {
        let is_next = |thread, node: &Node| thread != heir && node.key == key && is_for_lock(host, thread, node);
        let next = self.bucket(key).queue.with(|queue| queue.find_by(host, is_next));
        Held::by(host.tid(heir)).waited_for(!next.is_none())
    }

    /// `heir`, the first waiter of `key`, holds the lock from now on, in place of `holder`; its word says so already. The caller holds the
    /// bucket's lock, and unparks the heir after.
    pub(super) fn hand_over(&self, host: &impl Heirs, key: Key, heir: Thread, holder: Tid) {
        let (bucket, waiter) = (self.bucket(key), host.waiter(heir));
        let _ = self.relend(host, holder, heir, Thread::NONE);
        bucket.queue.with_mut(|queue| queue.remove(host, waiter.node.get()));
        bucket.lower(1);
        let next = self.first_lock(host, key);
        if !next.is_none() {
            let _ = self.relend(host, host.tid(heir), Thread::NONE, next);
        }
        waiter.release();
    }
}
