//! Waking as many as somebody decides who knows how many wait.

use super::chain::Chain;
use super::{ANY, Key, Table};
use crate::host::{Host, RawLock};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Tells `decide` how many wait for `key`, counted up to `most`, and wakes as many as it answers: higher priority first, then first
    /// come first served. `decide` is called under the bucket's spin lock: nobody comes or goes between the count and the wake, and no
    /// waiter is between its compare and its queue. Says how many were woken.
    pub fn wake_decided(&self, host: &impl Host, key: Key, most: u32, decide: impl FnOnce(u32) -> u32) -> u32 {
        let bucket = self.bucket(key);
        let woken = bucket.lock.locked(|| {
            let waiting = bucket.queue.with(|queue| queue.count(host, key, most));
            let nr = decide(waiting);
            let woken = bucket.queue.with_mut(|queue| Chain::gather(host, queue, key, nr, ANY));
            bucket.lower(woken.len());
            woken
        });
        woken.wake(host);
        woken.len()
    }
}
