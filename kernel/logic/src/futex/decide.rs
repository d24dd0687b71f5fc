//! What a semaphore kept in a program's word asks of the table: to sleep without a look before the lock, and to wake one while the word
//! is settled under it.

use super::waiter::Node;
use super::{ANY, Key, Table};
use crate::host::{Host, RawLock};
use crate::thread::Thread;
use crate::time::Instant;
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
        self.sleep(host, me, deadline)
    }

    /// Tells `decide` how many wait for `key`, counted up to two, and wakes one if it says so: the highest priority first, then the one
    /// that came first. `decide` is called under the bucket's spin lock: nobody comes or goes between the count and the wake, and no waiter
    /// is between its look at the word and its queue.
    #[inline]
    pub fn wake_decided(&self, host: &impl Host, key: Key, decide: impl FnOnce(u32) -> bool) {
        let bucket = self.bucket(key);
        host.unpark_claimed(&bucket.lock, || {
            let find = |mut thread: Thread| {
                while !thread.is_none() {
                    let node = host.waiter(thread).node.get();
                    if node.key == key {
                        return Some((thread, node));
                    }
                    thread = node.links.next();
                }
                None::<(Thread, Node)>
            };
            let first = find(bucket.queue.with(|queue| queue.first()));
            let waiting = first.map_or(0, |(_, node)| 1 + u32::from(find(node.links.next()).is_some()));
            let wakes = decide(waiting);
            let Some((thread, node)) = first.filter(|_| wakes) else { return Thread::NONE };
            bucket.queue.with_mut(|queue| queue.remove(host, node));
            bucket.lower(1);
            // It is in no queue and no chain: it may go as soon as it looks.
            host.waiter(thread).release();
            thread
        });
    }
}
