//! Waiting for a word to change.

use super::waiter::Node;
use super::{Key, Table, Waiter};
use crate::host::{Host, Parked, RawLock};
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use crate::time::Instant;
use skete_abi::Errno;
use skete_cell::atomic::{Ordering, fence};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Sleeps until a wake for `key` with a bit of `bitset`, as long as the word holds `expected`.
    ///
    /// `read` loads the word, atomically, relaxed; it is called twice, the second time under a spin lock.
    ///
    /// Errors: `EINVAL` bitset 0 · `EAGAIN` the word differs · `ETIMEDOUT` the deadline passed · whatever `read` answers.
    #[inline]
    pub fn wait(
        &self,
        host: &impl Host,
        key: Key,
        bitset: u32,
        deadline: Option<Instant>,
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
        self.wait_on(host, key, bitset, deadline, read, expected)
    }

    /// [`wait`](Self::wait) of one who has looked already, and has a bit.
    ///
    /// # Errors
    /// As there.
    #[inline(always)]
    pub fn wait_on(
        &self,
        host: &impl Host,
        key: Key,
        bitset: u32,
        deadline: Option<Instant>,
        read: impl Fn() -> Result<u32, Errno>,
        expected: u32,
    ) -> Result<(), Errno> {
        let (me, waiter) = (host.current(), host.own_waiter());
        self.enter_as(host, me, waiter, || host.own_priority(), Node::new(key, bitset), read, expected)?;
        self.sleep(host, me, waiter, deadline)
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
        self.enter_as(host, me, host.waiter(me), || host.priority(me), Node::new(key, bitset), read, expected)
    }

    /// [`enter`](Self::enter) of a thread whose waiter is at hand; `node` says what it waits for.
    #[inline(always)]
    #[allow(clippy::too_many_arguments, reason = "what the two faces above have at hand")]
    fn enter_as(
        &self,
        host: &impl Host,
        me: Thread,
        waiter: &Waiter,
        priority: impl FnOnce() -> u8,
        node: Node,
        read: impl Fn() -> Result<u32, Errno>,
        expected: u32,
    ) -> Result<(), Errno> {
        let index = Self::index(node.key);
        let bucket = &self.buckets[index];
        let early = mutant::is(Mutant::CompareOutsideTheLock).then(&read);
        bucket.lock.locked(|| {
            if !mutant::is(Mutant::CountRaisedLate) {
                bucket.raise(1);
            }
            if !mutant::is(Mutant::WaitWithoutFence) {
                // Between the count and the word: pairs with the fence in `wake`.
                fence(Ordering::SeqCst);
            }
            let word = early.unwrap_or_else(&read);
            if mutant::is(Mutant::CountRaisedLate) {
                bucket.raise(1);
            }
            if word != Ok(expected) {
                bucket.lower(1);
                return word.and(Err(Errno::EAGAIN));
            }
            waiter.enter(index);
            bucket.queue.with_mut(|queue| queue.insert_as(host, me, waiter, Node { priority: priority(), ..node }));
            Ok(())
        })
    }

    /// The second half of [`wait`](Self::wait): parks `me`, the calling thread, until it is woken or late.
    #[inline(always)]
    pub(super) fn sleep(&self, host: &impl Host, me: Thread, waiter: &Waiter, deadline: Option<Instant>) -> Result<(), Errno> {
        loop {
            let parked = host.park(deadline);
            if waiter.is_woken() {
                return Ok(());
            }
            if parked == Parked::Expired {
                return if self.withdraw(host, me) { Err(Errno::ETIMEDOUT) } else { Self::sleep_claimed(host, waiter) };
            }
        }
    }

    /// Waits for the waker that has claimed this thread: it is about to let go, and to unpark.
    #[cold]
    fn sleep_claimed(host: &impl Host, waiter: &Waiter) -> Result<(), Errno> {
        while !waiter.is_woken() {
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
