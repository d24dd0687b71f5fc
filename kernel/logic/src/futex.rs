//! Futexes: threads that sleep until a 32-bit word of a program's memory changes (`futex(2)`).
//!
//! A [`Table`] of buckets, each with its own lock in its own cache line; a word's [`Key`] says which bucket. A waiter's node lives in
//! its thread's record and is in a bucket's queue only while the thread waits: nothing to allocate, nothing to leak.
//!
//! Two rules keep every wake-up from being lost:
//! - The word is compared **under the bucket's lock**, by whoever then queues under the same lock ([`wait`](Table::wait)).
//! - A wake with nobody waiting takes no lock: each bucket counts its waiters. A waiter raises the count, *fences*, then reads the
//!   word; a waker (whose program has written the word) *fences*, then reads the count. Of two such pairs at least one sees the
//!   other: the waiter finds the new word, or the waker finds the waiter.
//!
//! - [`key`](Key): the word's name · [`Waiter`]: the node, and who may touch it when
//! - `bucket`: lock, count, queue · `chain`: the woken, on their way from the lock to the run queues
//! - `wait`, `wake`, `requeue`, `decide`: the operations · [`operation`]: the little program inside `FUTEX_WAKE_OP`
//! - [`many`]: one thread waits for several words · [`pi`]: locks that lend their holder their waiters' priority
//! - `end`: the word that a thread clears when it ends · [`robust`]: the locks that it leaves behind

mod bucket;
mod chain;
mod decide;
mod end;
mod key;
pub mod many;
pub mod operation;
pub mod pi;
mod requeue;
pub mod robust;
mod wait;
mod waiter;
mod wake;

pub use bucket::Bucket;
pub use key::Key;
pub use requeue::{Requeued, Shares};
pub use waiter::Waiter;

use crate::host::{Host, RawLock};
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use skete_cell::atomic::Ordering;

/// The bitset of one who does not use bitsets: matches everyone (`FUTEX_BITSET_MATCH_ANY`).
pub const ANY: u32 = u32::MAX;

/// The bitset of one who is in no wake's reach: it waits for a lock that is handed over, or to be moved to one.
const NO_WAKE: u32 = 0;

/// Everyone who waits for a word: `N` buckets, a power of two.
#[derive(Debug)]
pub struct Table<L, const N: usize> {
    buckets: [Bucket<L>; N],
}

impl<L: RawLock, const N: usize> Table<L, N> {
    /// An empty table of these buckets.
    #[must_use]
    pub const fn new(buckets: [Bucket<L>; N]) -> Self {
        assert!(N.is_power_of_two(), "the hash yields whole bits");
        Self { buckets }
    }

    /// How many threads wait, or are about to: 0 in a table at rest. For reports and tests; the sum is not of one moment.
    #[must_use]
    pub fn waiters(&self) -> u32 {
        self.buckets.iter().map(|bucket| bucket.waiters.load(Ordering::Relaxed)).sum()
    }

    /// How many threads wait for the word of `key` now.
    #[must_use]
    pub fn waiters_of(&self, host: &impl Host, key: Key) -> u32 {
        let bucket = self.bucket(key);
        bucket.lock.locked(|| bucket.queue.with(|queue| queue.count(host, key, u32::MAX)))
    }

    /// Whether the words of two keys share a bucket: for tests that need them to, or not to.
    #[must_use]
    pub const fn is_shared_bucket(one: Key, other: Key) -> bool {
        Self::index(one) == Self::index(other)
    }

    /// Whether `thread` is in the queue that it says it is in, and in no other; or in none, if it says that. For tests.
    #[must_use]
    pub fn is_in_place(&self, host: &impl Host, thread: Thread) -> bool {
        let place = host.waiter(thread).bucket();
        (0..N).all(|index| {
            let bucket = &self.buckets[index];
            let found = bucket.lock.locked(|| bucket.queue.with(|queue| queue.find_by(host, |one, _| one == thread)));
            (found == thread) == (place == Some(index))
        })
    }

    #[inline(always)]
    const fn index(key: Key) -> usize {
        key.hash(N.trailing_zeros())
    }

    #[inline(always)]
    fn bucket(&self, key: Key) -> &Bucket<L> {
        &self.buckets[Self::index(key)]
    }

    /// Runs `section` under the locks of two buckets, which may be one. The lower index is locked first, by everyone. In an
    /// [uninterrupted](crate::host::Host::uninterrupted) section.
    fn both_locked<R>(&self, one: usize, other: usize, section: impl FnOnce() -> R) -> R {
        let (low, high) = if mutant::is(Mutant::LockedInAnyOrder) { (one, other) } else { (one.min(other), one.max(other)) };
        self.buckets[low]
            .lock
            .locked_uninterrupted(|| if low == high { section() } else { self.buckets[high].lock.locked_uninterrupted(section) })
    }
}
