//! What a semaphore kept in a program's word asks of the table: to sleep without a look before the lock, and to wake one while the word
//! is settled under it.

use super::bucket::Queue;
use super::{ANY, Bucket, Key, Table, Waiter};
use crate::host::{Host, RawLock};
use crate::thread::Thread;
use crate::time::{Deadline, Instant};
use skete_abi::Errno;

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Sleeps until a wake for `key`, as long as `must_wait`, asked under the bucket's spin lock, says so.
    ///
    /// # Errors
    /// `EAGAIN` it does not · `ETIMEDOUT` the deadline passed.
    #[inline]
    pub fn wait_while(&self, host: &impl Host, key: Key, deadline: Option<Instant>, must_wait: impl Fn() -> bool) -> Result<(), Errno> {
        if deadline.is_none() {
            return self.wait_for_ever(host, key, ANY, || Ok(u32::from(must_wait())), 1);
        }
        let me = host.current();
        self.enter(host, me, key, ANY, || Ok(u32::from(must_wait())), 1)?;
        self.sleep(host, me, deadline.map(Deadline::at))
    }

    /// Tells `decide` how many wait for `key`, counted up to two, and wakes one if it says so: the highest priority first, then the one
    /// that came first. `decide` is called under the bucket's spin lock: nobody comes or goes between the count and the wake, and no waiter
    /// is between its look at the word and its queue.
    #[inline]
    pub fn wake_decided(&self, host: &impl Host, key: Key, decide: impl FnOnce(u32) -> bool) {
        let bucket = self.bucket(key);
        host.unpark_claimed(|| bucket.lock.locked_uninterrupted(|| bucket.claim_decided(host, key, decide)));
    }

    /// [`wake_decided`](Self::wake_decided) where that is simple: whoever waits for `key` is alone in the bucket. Else `decide` is not
    /// called, and the answer is false.
    #[inline(always)]
    pub fn wake_lone(&self, host: &impl Host, key: Key, decide: impl FnOnce() -> bool) -> bool {
        let bucket = self.bucket(key);
        host.unpark_claimed(|| bucket.lock.locked_uninterrupted(|| bucket.claim_lone(host, key, decide)))
    }
}

impl<L: RawLock> Bucket<L> {
    /// See [`Table::wake_lone`]; whom it woke. The caller holds the lock.
    #[inline(always)]
    fn claim_lone(&self, host: &impl Host, key: Key, decide: impl FnOnce() -> bool) -> Thread {
        let thread = self.queue.with(Queue::lone);
        if thread.is_none() {
            return Thread::NONE;
        }
        let waiter = host.waiter(thread);
        if !waiter.node.with(|node| node.is_for(key, ANY)) || !decide() {
            return Thread::NONE;
        }
        self.queue.set(Queue::EMPTY);
        self.let_go(waiter);
        thread
    }

    /// See [`Table::wake_decided`]; whom it woke. The caller holds the lock.
    #[inline(always)]
    fn claim_decided(&self, host: &impl Host, key: Key, decide: impl FnOnce(u32) -> bool) -> Thread {
        let find = |thread| Queue::find_from(host, thread, |_, node| node.is_for(key, ANY));
        let thread = find(self.queue.with(Queue::first));
        let node = (!thread.is_none()).then(|| host.waiter(thread).node.get());
        let waiting = node.map_or(0, |node| 1 + u32::from(!find(node.links.next()).is_none()));
        let wakes = decide(waiting);
        let Some(node) = node.filter(|_| wakes) else { return Thread::NONE };
        self.queue.with_mut(|queue| queue.remove(host, node));
        self.let_go(host.waiter(thread));
        thread
    }

    /// `waiter` is in no queue any more and in no chain: it may go as soon as it looks.
    #[inline(always)]
    fn let_go(&self, waiter: &Waiter) {
        self.lower(1);
        waiter.release();
    }
}
