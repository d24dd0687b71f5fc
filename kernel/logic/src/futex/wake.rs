//! Waking those who wait for a word.

use super::chain::Chain;
use super::waiter::Node;
use super::{ANY, Bucket, Key, NO_WAKE, Table};
use crate::host::{Host, RawLock};
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use skete_abi::Errno;
use skete_cell::atomic::{Ordering, fence};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Wakes at most `nr` of those who wait for `key` with a bit of `bitset`: higher priority first, then first come first served.
    /// Says how many. Whoever calls has changed the word before.
    #[inline]
    pub fn wake(&self, host: &impl Host, key: Key, nr: u32, bitset: u32) -> u32 {
        self.try_wake(host, key, nr, bitset).unwrap_or(0)
    }

    /// [`wake`](Self::wake) of a word that may be a lock's.
    ///
    /// # Errors
    /// `EINVAL`: fewer wait than asked for, but some are in no wake's reach ([`super::pi`]).
    #[inline]
    pub fn try_wake(&self, host: &impl Host, key: Key, nr: u32, bitset: u32) -> Result<u32, Errno> {
        let bucket = self.bucket(key);
        if bucket.is_deserted() {
            Ok(0)
        } else if nr == 1 && bitset == ANY {
            bucket.wake_one(host, key)
        } else {
            bucket.wake_some(host, key, nr, bitset)
        }
    }

    /// `FUTEX_WAKE_OP`: changes a second word and wakes at most `nr` waiters of `key`; and of the second word's key, `other`, at most
    /// `other_nr`, if `operate` says so. `operate` makes the change, atomically, and is called under spin locks: no waiter of either
    /// word is between its compare and its queue. Says how many were woken.
    ///
    /// # Errors
    /// What `operate` answers; then nobody was woken. `EINVAL`: as [`try_wake`](Self::try_wake), of either word.
    pub fn wake_op(
        &self,
        host: &impl Host,
        key: Key,
        nr: u32,
        other: Key,
        other_nr: u32,
        operate: impl FnOnce() -> Result<bool, Errno>,
    ) -> Result<u32, Errno> {
        if mutant::is(Mutant::WakeOpLooksFirst) && self.bucket(key).is_deserted() && self.bucket(other).is_deserted() {
            return operate().map(|_| 0);
        }
        host.uninterrupted(|masking| {
            let (woken, left) = self.both_locked(Self::index(key), Self::index(other), || {
                let wakes_other = operate()?;
                let (mut woken, mut left) = self.bucket(key).gather_or_left(host, key, nr, ANY);
                if wakes_other && left.is_ok() {
                    let others;
                    (others, left) = self.bucket(other).gather_or_left(host, other, other_nr, ANY);
                    woken.join(host, others);
                }
                Ok((woken, left))
            })?;
            woken.wake(host, masking);
            left.map(|_| woken.len())
        })
    }
}

impl<L: RawLock> Bucket<L> {
    /// Whether nobody waits here, nor is about to without having seen what the caller wrote before.
    #[inline(always)]
    pub(super) fn is_deserted(&self) -> bool {
        if !mutant::is(Mutant::WakeWithoutFence) {
            // Between the program's store to the word and the count: pairs with the fence in `compare`.
            fence(Ordering::SeqCst);
        }
        self.waiters.load(Ordering::Relaxed) == 0
    }

    #[inline(never)]
    fn wake_some(&self, host: &impl Host, key: Key, nr: u32, bitset: u32) -> Result<u32, Errno> {
        host.uninterrupted(|masking| {
            let (woken, left) = self.lock.locked_uninterrupted(|| self.gather_or_left(host, key, nr, bitset));
            woken.wake(host, masking);
            left.map(|_| woken.len())
        })
    }

    /// [`wake_some`](Self::wake_some) for one, whatever its bits. Who stands first in the bucket is let go under the lock, for no chain
    /// runs through its node.
    #[inline(never)]
    fn wake_one(&self, host: &impl Host, key: Key) -> Result<u32, Errno> {
        let mut late = Thread::NONE;
        let is_woken = host.unpark_claimed(|| {
            self.lock.locked_uninterrupted(|| {
                let thread = self.queue.with_mut(|queue| queue.take_first(host, key));
                if thread.is_none() {
                    return Thread::NONE;
                }
                self.lower(1);
                if mutant::is(Mutant::UnparkedBeforeLetGo) {
                    late = thread;
                } else {
                    host.waiter(thread).release();
                }
                thread
            })
        });
        if !late.is_none() {
            host.waiter(late).release();
        }
        if is_woken { Ok(1) } else { self.wake_some(host, key, 1, ANY) }
    }

    /// Nobody is left for a wake of `key`: 0.
    ///
    /// # Errors
    /// `EINVAL`: but somebody is in no wake's reach. The caller holds the lock.
    #[cold]
    pub(super) fn left(&self, host: &impl Host, key: Key) -> Result<u32, Errno> {
        let is_mixed = |_, node: &Node| node.key == key && node.bitset == NO_WAKE;
        if self.queue.with(|queue| queue.find_by(host, is_mixed)).is_none() { Ok(0) } else { Err(Errno::EINVAL) }
    }

    /// Claims waiters from the queue, and says what to answer if that were fewer than asked for. The caller holds the lock.
    #[inline]
    fn gather_or_left(&self, host: &impl Host, key: Key, nr: u32, bitset: u32) -> (Chain, Result<u32, Errno>) {
        let gathered = self.queue.with_mut(|queue| Chain::gather(host, queue, key, nr, bitset));
        self.lower(gathered.len());
        (gathered, if gathered.len() < nr { self.left(host, key) } else { Ok(0) })
    }
}
