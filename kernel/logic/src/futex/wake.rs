//! Waking those who wait for a word.

use super::chain::Chain;
use super::{ANY, Bucket, Key, Table};
use crate::host::{Host, RawLock};
use crate::mutant::{self, Mutant};
use skete_abi::Errno;
use skete_cell::atomic::{Ordering, fence};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Wakes at most `nr` of those who wait for `key` with a bit of `bitset`: higher priority first, then first come first served.
    /// Says how many. Whoever calls has changed the word before.
    #[inline]
    pub fn wake(&self, host: &impl Host, key: Key, nr: u32, bitset: u32) -> u32 {
        let bucket = self.bucket(key);
        if bucket.is_deserted() { 0 } else { bucket.wake_some(host, key, nr, bitset) }
    }

    /// `FUTEX_WAKE_OP`: changes a second word and wakes at most `nr` waiters of `key`; and of the second word's key, `other`, at most
    /// `other_nr`, if `operate` says so. `operate` makes the change, atomically, and is called under spin locks: no waiter of either
    /// word is between its compare and its queue. Says how many were woken.
    ///
    /// # Errors
    /// What `operate` answers; then nobody was woken.
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
        let mut chain = Chain::EMPTY;
        self.both_locked(Self::index(key), Self::index(other), || {
            let wakes_other = operate()?;
            self.bucket(key).gather(host, &mut chain, key, nr, ANY);
            self.bucket(other).gather(host, &mut chain, other, if wakes_other { other_nr } else { 0 }, ANY);
            Ok(())
        })?;
        let woken = chain.len();
        chain.wake(host);
        Ok(woken)
    }
}

impl<L: RawLock> Bucket<L> {
    /// Whether nobody waits here, nor is about to without having seen what the caller wrote before.
    #[inline(always)]
    pub(super) fn is_deserted(&self) -> bool {
        if !mutant::is(Mutant::WakeWithoutFence) {
            // Between the program's store to the word and the count: pairs with the fence in `enter`.
            fence(Ordering::SeqCst);
        }
        self.waiters.load(Ordering::Relaxed) == 0
    }

    #[inline(never)]
    fn wake_some(&self, host: &impl Host, key: Key, nr: u32, bitset: u32) -> u32 {
        let mut chain = Chain::EMPTY;
        self.lock.locked(|| self.gather(host, &mut chain, key, nr, bitset));
        let woken = chain.len();
        chain.wake(host);
        woken
    }

    /// Moves waiters from the queue to `chain`. The caller holds the lock.
    #[inline]
    fn gather(&self, host: &impl Host, chain: &mut Chain, key: Key, nr: u32, bitset: u32) {
        let gathered = self.queue.with_mut(|queue| chain.gather(host, queue, key, nr, bitset));
        self.waiters.fetch_sub(gathered, Ordering::Relaxed);
    }
}
