//! Waking those who wait for a word.

use super::chain::Chain;
use super::{Key, Table};
use crate::host::{Host, RawLock};
use crate::mutant::{self, Mutant};
use skete_abi::Errno;
use skete_cell::atomic::{Ordering, fence};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Wakes at most `nr` of those who wait for `key` with a bit of `bitset`: higher priority first, then first come first served.
    /// Says how many. Whoever calls has changed the word before.
    #[inline]
    pub fn wake(&self, host: &impl Host, key: Key, nr: u32, bitset: u32) -> u32 {
        if self.is_deserted(key) {
            0
        } else {
            self.wake_some(host, key, nr, bitset)
        }
    }

    /// Whether nobody waits in the bucket of `key`, nor is about to without having seen what the caller wrote before.
    #[inline(always)]
    pub(super) fn is_deserted(&self, key: Key) -> bool {
        if !mutant::is(Mutant::WakeWithoutFence) {
            // Between the program's store to the word and the count: pairs with the fence in `enter`.
            fence(Ordering::SeqCst);
        }
        self.bucket(key).waiters.load(Ordering::Relaxed) == 0
    }

    #[inline(never)]
    fn wake_some(&self, host: &impl Host, key: Key, nr: u32, bitset: u32) -> u32 {
        let bucket = self.bucket(key);
        let mut chain = Chain::EMPTY;
        bucket.lock.locked(|| {
            let woken = bucket
                .queue
                .with_mut(|queue| chain.gather(host, queue, key, nr, bitset));
            bucket.waiters.fetch_sub(woken, Ordering::Relaxed);
        });
        let woken = chain.len();
        chain.wake(host);
        woken
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
        let mut chain = Chain::EMPTY;
        self.both_locked(Self::index(key), Self::index(other), || {
            let wakes_other = operate()?;
            for (key, nr) in [(key, nr), (other, if wakes_other { other_nr } else { 0 })] {
                let bucket = self.bucket(key);
                let woken = bucket
                    .queue
                    .with_mut(|queue| chain.gather(host, queue, key, nr, super::ANY));
                bucket.waiters.fetch_sub(woken, Ordering::Relaxed);
            }
            Ok(())
        })?;
        let woken = chain.len();
        chain.wake(host);
        Ok(woken)
    }
}
