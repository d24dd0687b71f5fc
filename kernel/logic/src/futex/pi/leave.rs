//! The end of a thread that holds locks for which others wait.

use super::{Heirs, LockWord};
use crate::futex::{Key, Table};
use crate::host::RawLock;
use crate::mutant::{self, Mutant};
use crate::thread::{Thread, Tid};

impl<L: RawLock, const N: usize> Table<L, N> {
    /// The calling thread ends, as `me`: hands over every lock of its for which somebody waits, with the news that its holder died. From
    /// then on nobody waits for it to let go. After its robust list.
    pub fn leave_locks(&self, host: &impl Heirs, me: Tid) {
        while let Some(lender) = Self::lender_left(host, me) {
            host.before_giving_way(|| self.bequeath(host, me, lender));
        }
    }

    /// Half a round of [`leave_locks`](Self::leave_locks): one who waits for `me` to let go. `None`: nobody does, or will.
    pub fn lender_left(host: &impl Heirs, me: Tid) -> Option<Thread> {
        host.heir(me.thread()).first_lender_or_gone()
    }

    /// The other half: hands over the lock that `lender` waits for, if that is still so.
    pub fn bequeath(&self, host: &impl Heirs, me: Tid, lender: Thread) {
        let waiter = host.waiter(lender);
        let Some(index) = waiter.bucket() else { return };
        let bucket = &self.buckets[index];
        let handed_over = bucket.lock.locked(|| {
            // Elsewhere its node is not this lock's to look at.
            let is_here = waiter.bucket() == Some(index) && host.heir(lender).wait.with(|wait| wait.holder) == Some(me);
            if !is_here && !mutant::is(Mutant::AnyNodeRead) {
                return false;
            }
            let key = waiter.node.with(|node| node.key);
            // The one that lends is the first; it may have been another a moment ago.
            let is_first = is_here && (self.first_lock(host, key) == lender || mutant::is(Mutant::BequeathedToWhoeverLent));
            if is_first {
                self.write_died(host, key, lender);
                self.hand_over(host, key, lender, me);
            }
            is_first
        });
        if handed_over {
            host.unpark(lender);
        }
    }

    /// The word of `key` says that `heir` holds the lock and that the holder before died. A word that is not there does no harm.
    fn write_died(&self, host: &impl Heirs, key: Key, heir: Thread) {
        let new = self.word_of(host, key, heir).died();
        let word = host.word_at(host.heir(heir).wait.with(|wait| wait.address));
        let mut held = word.read();
        while let Ok(seen) = held {
            match word.exchange(seen, new) {
                Ok(before) if before == seen => return,
                other => held = other,
            }
        }
    }
}
