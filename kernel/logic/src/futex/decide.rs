//! Waking as many as somebody decides who knows how many wait.

use super::chain::Chain;
use super::{ANY, Key, Table};
use crate::host::{Host, RawLock};
use skete_cell::atomic::Ordering;

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Tells `decide` how many wait for `key`, counted up to `most`, and wakes as many as it answers: higher priority first, then first
    /// come first served. `decide` is called under the bucket's spin lock: nobody comes or goes between the count and the wake, and no
    /// waiter is between its compare and its queue. Says how many were woken.
    pub fn wake_decided(&self, host: &impl Host, key: Key, most: u32, decide: impl FnOnce(u32) -> u32) -> u32 {
        let bucket = self.bucket(key);
        let mut chain = Chain::EMPTY;
        bucket.lock.locked(|| {
            let waiting = bucket.queue.with(|queue| queue.count(host, key, most));
            let nr = decide(waiting);
            let gathered = bucket.queue.with_mut(|queue| chain.gather(host, queue, key, nr, ANY));
            bucket.waiters.fetch_sub(gathered, Ordering::Relaxed);
        });
        let woken = chain.len();
        chain.wake(host);
        woken
    }
}
