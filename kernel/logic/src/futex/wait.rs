//! Waiting for a word to change.

use super::waiter::{Links, Node};
use super::{Bucket, Key, Table, Waiter};
use crate::host::{Host, Parked, RawLock};
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use crate::time::Deadline;
use skete_abi::Errno;
use skete_cell::atomic::{Ordering, fence};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Sleeps until a wake for `key` with a bit of `bitset`, as long as the word holds `expected`.
    ///
    /// `read` loads the word, atomically, relaxed; it is called twice, the second time under a spin lock.
    ///
    /// Errors: `EINVAL` bitset 0 · `EAGAIN` the word differs · `ETIMEDOUT` the deadline passed · `EINTR` somebody wanted it to end
    /// ([`Host::take_interruption`]) · whatever `read` answers.
    #[inline]
    pub fn wait(
        &self,
        host: &impl Host,
        key: Key,
        bitset: u32,
        deadline: Option<Deadline>,
        read: impl Fn() -> Result<u32, Errno>,
        expected: u32,
    ) -> Result<(), Errno> {
        if bitset == 0 {
            return Err(Errno::EINVAL);
        }
        // Without the lock: maps a page that was never touched, finds a bad address, and spares the lock to one who comes late.
        if read()? != expected {
            return Err(Errno::EAGAIN);
        }
        match deadline {
            // By a path of its own, which has less to keep over the sleep.
            None => self.wait_for_ever(host, key, bitset, read, expected),
            Some(_) => {
                let me = host.current();
                self.enter(host, me, key, bitset, read, expected)?;
                self.sleep(host, me, deadline)
            }
        }
    }

    /// [`wait`](Self::wait) without a deadline, and without a look before the lock.
    #[inline(always)]
    pub(super) fn wait_for_ever(
        &self,
        host: &impl Host,
        key: Key,
        bitset: u32,
        read: impl Fn() -> Result<u32, Errno>,
        expected: u32,
    ) -> Result<(), Errno> {
        let index = Self::index(key);
        let bucket = &self.buckets[index];
        let waiter = host.own_waiter();
        let early = mutant::is(Mutant::CompareOutsideTheLock).then(&read);
        host.park_after(|_| {
            bucket.lock.locked_uninterrupted(|| {
                bucket.compare(early, read, expected)?;
                waiter.enter(index);
                waiter.node.set(Node { key, bitset, links: Links::NONE, priority: host.own_priority() });
                bucket.queue.with_mut(|queue| queue.link_in(host, host.current()));
                Ok(())
            })
        })?;
        if waiter.is_woken() { Ok(()) } else { self.sleep_on(host, waiter) }
    }

    /// The first half of [`wait`](Self::wait): queues `me`, unless the word differs.
    ///
    /// # Errors
    /// `EAGAIN` the word differs, or what `read` answers; then `me` is in no queue.
    #[inline]
    pub fn enter(
        &self,
        host: &impl Host,
        me: Thread,
        key: Key,
        bitset: u32,
        read: impl Fn() -> Result<u32, Errno>,
        expected: u32,
    ) -> Result<(), Errno> {
        let index = Self::index(key);
        let bucket = &self.buckets[index];
        let early = mutant::is(Mutant::CompareOutsideTheLock).then(&read);
        bucket.lock.locked(|| {
            bucket.compare(early, read, expected)?;
            host.waiter(me).enter(index);
            let node = Node { key, bitset, links: Links::NONE, priority: host.priority(me) };
            bucket.queue.with_mut(|queue| queue.insert(host, me, node));
            Ok(())
        })
    }

    /// The second half of [`wait`](Self::wait): parks `me`, the calling thread, until it is woken or late.
    pub(super) fn sleep(&self, host: &impl Host, me: Thread, deadline: Option<Deadline>) -> Result<(), Errno> {
        let waiter = host.waiter(me);
        loop {
            let parked = host.park(deadline);
            if waiter.is_woken() {
                return Ok(());
            }
            let why = match parked {
                Parked::Expired => Errno::ETIMEDOUT,
                Parked::Notified if host.take_interruption() => Errno::EINTR,
                Parked::Notified => continue,
            };
            if self.withdraw(host, me) {
                return Err(why);
            }
            Self::be_outrun(host, waiter, why);
            return Ok(());
        }
    }

    /// A waker was faster than what was to end this wait, `why`: sleeps until it lets go. An interruption is kept for the next wait.
    #[cold]
    pub(super) fn be_outrun(host: &impl Host, waiter: &Waiter, why: Errno) {
        Self::be_let_go(host, waiter);
        if why == Errno::EINTR && !mutant::is(Mutant::InterruptionDropped) {
            host.keep_interruption();
        }
    }

    /// Sleeps until the waker that has claimed this waiter lets it go: that is about to happen. An interruption does not end that.
    #[cold]
    pub(super) fn be_let_go(host: &impl Host, waiter: &Waiter) {
        let mut was_interrupted = false;
        while !waiter.is_woken() {
            if !mutant::is(Mutant::InterruptionLeftWhileLetGo) {
                was_interrupted |= host.take_interruption();
            }
            let _ = host.park(None);
        }
        if was_interrupted {
            host.keep_interruption();
        }
    }

    /// Sleeps until it is woken: parking ended for no reason, or a waker has claimed this thread and is about to let go, and to unpark.
    ///
    /// # Errors
    /// `EINTR`: somebody wanted it to end.
    #[cold]
    fn sleep_on(&self, host: &impl Host, waiter: &Waiter) -> Result<(), Errno> {
        while !waiter.is_woken() {
            if host.take_interruption() {
                if mutant::is(Mutant::InterruptedInTheQueue) || self.withdraw(host, host.current()) {
                    return Err(Errno::EINTR);
                }
                Self::be_outrun(host, waiter, Errno::EINTR);
                break;
            }
            let _ = host.park(None);
        }
        Ok(())
    }

    /// Takes `me` out of its queue: its deadline has passed. False if a waker was faster.
    #[cold]
    pub fn withdraw(&self, host: &impl Host, me: Thread) -> bool {
        let waiter = host.waiter(me);
        while let Some(index) = waiter.bucket() {
            let bucket = &self.buckets[index];
            let withdrawn = bucket.lock.locked(|| {
                // A requeue may have moved the thread before the lock was taken: then the new bucket's lock is the right one.
                if waiter.bucket() != Some(index) && !mutant::is(Mutant::WithdrawnWithoutASecondLook) {
                    return false;
                }
                let node = waiter.node.get();
                bucket.queue.with_mut(|queue| queue.remove(host, node));
                bucket.lower(1);
                waiter.leave();
                true
            });
            if withdrawn {
                return true;
            }
        }
        false
    }
}

impl<L> Bucket<L> {
    /// Counts the caller in, if the word holds what is `expected`. The caller holds the lock, and queues next.
    ///
    /// # Errors
    /// `EAGAIN` it does not, or what `read` answers.
    #[inline(always)]
    fn compare(&self, early: Option<Result<u32, Errno>>, read: impl Fn() -> Result<u32, Errno>, expected: u32) -> Result<(), Errno> {
        if !mutant::is(Mutant::CountRaisedLate) {
            self.raise(1);
        }
        if !mutant::is(Mutant::WaitWithoutFence) {
            // Between the count and the word: pairs with the fence in `is_deserted`.
            fence(Ordering::SeqCst);
        }
        let word = early.unwrap_or_else(&read);
        if mutant::is(Mutant::CountRaisedLate) {
            self.raise(1);
        }
        if word != Ok(expected) {
            self.lower(1);
            return word.and(Err(Errno::EAGAIN));
        }
        Ok(())
    }
}
