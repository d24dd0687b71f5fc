//! Taking a lock that lends priority, and letting it go.

use super::{Heirs, Held, Kind, LockWait, LockWord, NO_WAKE, Target};
use crate::futex::Table;
use crate::futex::waiter::{Links, Node};
use crate::host::RawLock;
use crate::mutant::{self, Mutant};
use crate::thread::{Thread, Tid};
use crate::time::Deadline;
use skete_abi::Errno;

/// What came of a try.
#[derive(Clone, Copy, Debug)]
pub(super) enum Tried {
    /// The thread holds the lock.
    Holds,
    /// It must wait for this holder.
    Must(Tid),
    /// The word changed meanwhile: once more.
    Changed,
}

impl<L: RawLock, const N: usize> Table<L, N> {
    /// `FUTEX_LOCK_PI`: takes `lock`, waiting for it until `deadline`. Of one whose holder died the word says so to whoever takes it. While a
    /// holder ends its end is waited for, whatever the deadline, as on Linux.
    ///
    /// # Errors
    /// `EDEADLK`: the caller holds it, or the chain of holders leads back to the caller. `ETIMEDOUT`: the deadline passed. `ESRCH`: the
    /// word names no thread. `EINVAL`: who waits first for the word waits for no lock, or it says another holder than the kernel knows. `EFAULT`:
    /// no word is there.
    pub fn lock_pi(&self, host: &impl Heirs, lock: Target, deadline: Option<Deadline>) -> Result<(), Errno> {
        if self.enter_lock_pi(host, lock)? { Ok(()) } else { self.sleep_lock(host, host.current(), deadline) }
    }

    /// The first half of [`lock_pi`](Self::lock_pi): takes `lock`, or queues the caller. True: it holds the lock.
    ///
    /// # Errors
    /// As there; then the caller is in no queue.
    pub fn enter_lock_pi(&self, host: &impl Heirs, lock: Target) -> Result<bool, Errno> {
        let me = host.current();
        // Without the lock: maps a page that was never touched.
        host.word_at(lock.address).read()?;
        loop {
            let outcome = self.bucket(lock.key).lock.locked(|| {
                let tried = self.try_lock(host, lock, me, true)?;
                Ok(match tried {
                    Tried::Must(holder) => {
                        let waits = self.queue_for_lock(host, LockWait::new(Kind::Lock, lock), me, holder);
                        if !waits && !mutant::is(Mutant::RefusedInPlace) {
                            host.waiter(me).leave();
                        }
                        (tried, waits)
                    }
                    Tried::Holds | Tried::Changed => (tried, false),
                })
            });
            match outcome? {
                (Tried::Holds, _) => return Ok(true),
                (Tried::Must(_), true) => break,
                (Tried::Must(holder), false) => host.await_end(holder),
                (Tried::Changed, _) => {}
            }
        }
        match self.search(host, me) {
            Err(deadlock) if self.withdraw_lock(host, me) => Err(deadlock),
            // Handed to it meanwhile, so that the ring was none.
            Err(_) => Ok(true),
            Ok(()) => Ok(false),
        }
    }

    /// `FUTEX_TRYLOCK_PI`: takes `lock` if nobody holds it.
    ///
    /// # Errors
    /// `EAGAIN`: somebody does. Else as [`lock_pi`](Self::lock_pi).
    pub fn try_lock_pi(&self, host: &impl Heirs, lock: Target) -> Result<(), Errno> {
        host.word_at(lock.address).read()?;
        loop {
            match self.bucket(lock.key).lock.locked(|| self.try_lock(host, lock, host.current(), false))? {
                Tried::Holds => return Ok(()),
                Tried::Must(_) => return Err(Errno::EAGAIN),
                Tried::Changed => {}
            }
        }
    }

    /// Takes `lock` for `thread` if nobody holds it; else, if it is to wait, the word says that somebody may. The caller holds the bucket's
    /// lock.
    pub(super) fn try_lock(&self, host: &impl Heirs, lock: Target, thread: Thread, waits: bool) -> Result<Tried, Errno> {
        if self.is_mixed(host, lock.key) {
            return Err(Errno::EINVAL);
        }
        let (word, tid) = (host.word_at(lock.address), host.tid(thread));
        let held = word.read()?;
        if held.is_by(tid) {
            return Err(Errno::EDEADLK);
        }
        let first = self.first_lock(host, lock.key);
        if first.is_none() && held.is_free() {
            let is_taken = word.exchange(held, Held::by(tid).died_as(held))? == held;
            return Ok(if is_taken { Tried::Holds } else { Tried::Changed });
        }
        let holder = if first.is_none() {
            // Who ended may have said so by now; else there was never such a thread. A word that cannot be written is an `EFAULT` before
            // that, as on Linux, which would set the mark of waiters first.
            let Some(holder) = held.holder().filter(|holder| host.is_alive(*holder)) else {
                return if word.exchange(held, held)? == held { Err(Errno::ESRCH) } else { Ok(Tried::Changed) };
            };
            holder
        } else {
            let known = host.heir(first).wait.with(|wait| wait.holder).ok_or(Errno::EINVAL)?;
            // Of a holder that is ending the word may be free already, and the lock not handed over yet.
            let is_ending = held.is_free() && held.is_died();
            if !held.is_by(known) && !is_ending {
                return Err(Errno::EINVAL);
            }
            known
        };
        let is_told = !waits || mutant::is(Mutant::LockWaitedForSilently) || word.exchange(held, held.waited_for(true))? == held;
        Ok(if is_told { Tried::Must(holder) } else { Tried::Changed })
    }

    /// Puts `thread` into the queue of the lock that `wait` names and that `holder` holds. False: the holder is about to end, and hands
    /// over nothing more; then the caller, who holds the bucket's lock, puts the thread where it belongs.
    pub(super) fn queue_for_lock(&self, host: &impl Heirs, wait: LockWait, thread: Thread, holder: Tid) -> bool {
        let bucket = self.bucket(wait.key);
        let (first, waiter) = (self.first_lock(host, wait.key), host.waiter(thread));
        host.heir(thread).begin_wait(wait);
        let node = Node { key: wait.key, bitset: NO_WAKE, links: Links::NONE, priority: host.priority(thread) };
        bucket.queue.with_mut(|queue| queue.insert(host, thread, node));
        // Before it lends: a holder that ends looks there for its lenders.
        waiter.enter(Self::index(wait.key));
        if self.first_lock(host, wait.key) != first && self.relend(host, holder, first, thread).is_none() {
            bucket.queue.with_mut(|queue| queue.remove(host, waiter.node.get()));
            return false;
        }
        bucket.raise(1);
        true
    }

    /// `FUTEX_UNLOCK_PI`: lets go of `lock`. The most urgent waiter holds it then, the longest waiting of equals.
    ///
    /// # Errors
    /// `EPERM`: the caller does not hold it. `EINVAL`: who waits first for the word waits for no lock, or the kernel knows another holder.
    /// `EAGAIN`: the program changed the word meanwhile. `EFAULT`: no word is there.
    pub fn unlock_pi(&self, host: &impl Heirs, lock: Target) -> Result<(), Errno> {
        let (me, word) = (host.tid(host.current()), host.word_at(lock.address));
        if !word.read()?.is_by(me) {
            return Err(Errno::EPERM);
        }
        let let_go = || {
            let held = word.read()?;
            if !held.is_by(me) {
                return Err(Errno::EPERM);
            }
            let first = self.first_lock(host, lock.key);
            let is_known = first.is_none() || host.heir(first).wait.with(|wait| wait.holder) == Some(me);
            if !is_known || self.is_mixed(host, lock.key) {
                return Err(Errno::EINVAL);
            }
            let new = if first.is_none() { Held::FREE } else { self.word_of(host, lock.key, first) };
            if !mutant::is(Mutant::HandedOverUnwritten) && word.exchange(held, new)? != held {
                return Err(Errno::EAGAIN);
            }
            if !first.is_none() {
                self.hand_over(host, lock.key, first, me);
            }
            Ok(first)
        };
        host.before_giving_way(|| {
            let heir = self.bucket(lock.key).lock.locked(let_go)?;
            if !heir.is_none() {
                host.unpark(heir);
            }
            Ok(())
        })
    }
}
