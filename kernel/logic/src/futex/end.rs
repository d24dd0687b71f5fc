//! What a thread's end does to the word that it was to clear (`set_tid_address(2)`), and the end of shared memory to those who wait there.

use super::{ANY, Key, NO_WAKE, Table};
use crate::host::{Host, RawLock};
use crate::mutant::{self, Mutant};
use skete_cell::atomic::{Ordering, fence};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// The caller ends: `clear` zeroes its word, then one who waits for it is woken. The word has two names; who waits by the first is
    /// served first. `clear` says whether the word could be written; from then on its memory may be gone, so its names were found before.
    pub fn exit_wakeup(&self, host: &impl Host, names: [Option<Key>; 2], clear: impl FnOnce() -> bool) {
        let wake_one = |key: Key| self.wake(host, key, 1, ANY) == 1 && !mutant::is(Mutant::EndWakesByEachName);
        let wake = || names.into_iter().flatten().any(wake_one);
        if mutant::is(Mutant::EndWakesFirst) {
            wake();
            clear();
        } else if clear() {
            wake();
        }
    }

    /// The memory of shared words is gone where `is_gone` says so of their physical address, and will be another's: no wake there reaches who
    /// waits here. They wait on, until their deadline or an interruption. `mark` tells this end from others, from 1 on. Who waits for a lock
    /// that lends priority is left alone. Nothing is mapped there any more: nobody begins to wait, or is moved there.
    pub fn bury(&self, host: &impl Host, mark: u16, is_gone: impl Fn(u64) -> bool) {
        if !mutant::is(Mutant::BuriedWithoutFence) {
            // Who comes later finds nothing mapped; who found the memory is counted by now. Pairs with the fences of one who waits, and of
            // one who moves others.
            fence(Ordering::SeqCst);
        }
        for bucket in self.buckets.iter().filter(|bucket| bucket.waiters.load(Ordering::Relaxed) != 0) {
            bucket.lock.locked(|| {
                bucket.queue.with_mut(|queue| {
                    queue.for_each(host, |node| {
                        if node.key.is_shared() && node.bitset != NO_WAKE && is_gone(node.key.address()) {
                            node.key = node.key.of_the_gone(mark);
                        }
                    });
                });
            });
        }
    }
}
