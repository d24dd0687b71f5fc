//! From a condition's word to a lock: what spares a condition variable the stampede, and hands the lock on by priority.

use super::hold::Tried;
use super::{Heirs, Kind, LockWait, NO_WAKE, Target};
use crate::futex::waiter::Node;
use crate::futex::{Key, Table};
use crate::host::RawLock;
use crate::mutant::{self, Mutant};
use crate::thread::{Thread, Tid};
use crate::time::Deadline;
use skete_abi::Errno;

/// What came of moving one waiter.
enum Moved {
    /// It holds the lock, and is to be unparked.
    Holds(Thread),
    /// It waits for the lock.
    Waits,
    /// There is nobody left.
    Nobody,
    /// The lock's word changed meanwhile: once more.
    Changed,
    /// Its holder ends: once more, when it has.
    Ends(Tid),
}

/// What came of moving many.
struct Many {
    count: u32,
    heir: Option<Thread>,
    /// What moved nobody; `None`: there is nothing to be done about it.
    end: Option<Moved>,
}

impl<L: RawLock, const N: usize> Table<L, N> {
    /// `FUTEX_WAIT_REQUEUE_PI`: sleeps as long as the word of `key` holds `expected`, until somebody moves the caller to `lock` and it was
    /// handed that. `read` loads the word, as in [`wait`](Self::wait).
    ///
    /// # Errors
    /// `EAGAIN`: the word differs. `ETIMEDOUT`: the deadline passed. `EINTR`: somebody wanted the wait to end, be it for `key` or already for
    /// the lock. `EINVAL`: the lock's word is the same one. `EDEADLK`: the chain of the lock's holders leads back to the caller. What `read`
    /// answers.
    pub fn wait_requeue_pi(
        &self,
        host: &impl Heirs,
        key: Key,
        lock: Target,
        deadline: Option<Deadline>,
        read: impl Fn() -> Result<u32, Errno>,
        expected: u32,
    ) -> Result<(), Errno> {
        self.enter_requeue_pi(host, key, lock, read, expected)?;
        self.sleep_lock(host, host.current(), deadline)
    }

    /// The first half of [`wait_requeue_pi`](Self::wait_requeue_pi): queues the caller, unless the word differs.
    ///
    /// # Errors
    /// As there; then the caller is in no queue.
    pub fn enter_requeue_pi(
        &self,
        host: &impl Heirs,
        key: Key,
        lock: Target,
        read: impl Fn() -> Result<u32, Errno>,
        expected: u32,
    ) -> Result<(), Errno> {
        if key == lock.key {
            return Err(Errno::EINVAL);
        }
        if read()? != expected {
            return Err(Errno::EAGAIN);
        }
        let me = host.current();
        host.heir(me).begin_wait(LockWait::new(Kind::Condition, lock));
        self.enter(host, me, key, NO_WAKE, read, expected)
    }

    /// `FUTEX_CMP_REQUEUE_PI`: if the word of `from` still holds `expected`, takes `lock` for the first of those who wait for `from` to be
    /// moved there, if it is free, and lets at most `nr` others wait for it. How many there were in all.
    ///
    /// # Errors
    /// `EAGAIN`: the word differs. `EINVAL`: the two are one word; somebody waits for `from` who did not ask to be moved to `lock`; or as
    /// [`lock_pi`](Self::lock_pi). `EDEADLK`: the first holds the lock already. `ESRCH`, `EFAULT`: as [`lock_pi`](Self::lock_pi).
    pub fn cmp_requeue_pi(
        &self,
        host: &impl Heirs,
        from: Key,
        lock: Target,
        nr: u32,
        read: impl Fn() -> Result<u32, Errno>,
        expected: u32,
    ) -> Result<u32, Errno> {
        if from == lock.key {
            return Err(Errno::EINVAL);
        }
        let (most, mut count) = (nr.saturating_add(1), 0);
        loop {
            let moved = host.uninterrupted(|_| {
                self.both_locked(Self::index(from), Self::index(lock.key), || {
                    // Once some were moved the others are not to be left behind, whatever the word says by now.
                    if count == 0 && read()? != expected {
                        return Err(Errno::EAGAIN);
                    }
                    self.move_many(host, from, lock, most - count)
                })
            });
            let moved = match moved {
                Err(_) if count != 0 => return Ok(count),
                moved => moved?,
            };
            if let Some(heir) = moved.heir {
                host.unpark(heir);
            }
            self.check_moved(host, lock.key);
            count += moved.count;
            match moved.end {
                Some(_) if mutant::is(Mutant::MovedUntilTheWordChanges) && count != 0 => return Ok(count),
                Some(Moved::Changed) => {}
                Some(Moved::Ends(holder)) => host.await_end(holder),
                _ => return Ok(count),
            }
        }
    }

    /// Moves at most `most` waiters. The caller holds both locks.
    fn move_many(&self, host: &impl Heirs, from: Key, lock: Target, most: u32) -> Result<Many, Errno> {
        let mut many = Many { count: 0, heir: None, end: None };
        while many.count < most {
            match self.move_one(host, from, lock) {
                Ok(Moved::Holds(heir)) => many.heir = Some(heir),
                Ok(Moved::Waits) => {}
                Ok(end) => {
                    many.end = Some(end);
                    break;
                }
                // Whoever was moved stays moved.
                Err(errno) if many.count == 0 => return Err(errno),
                Err(_) => break,
            }
            many.count += 1;
        }
        Ok(many)
    }

    /// Moves the first of those who wait for `from`. The caller holds both locks.
    fn move_one(&self, host: &impl Heirs, from: Key, lock: Target) -> Result<Moved, Errno> {
        let source = self.bucket(from);
        let thread = source.queue.with(|queue| queue.find_by(host, |_, node| node.key == from));
        if thread.is_none() {
            return Ok(Moved::Nobody);
        }
        let waiter = host.waiter(thread);
        let node = waiter.node.get();
        if node.bitset != NO_WAKE {
            // It may be one that inherits nothing: a borrowed node.
            return Err(Errno::EINVAL);
        }
        let wait = host.heir(thread).wait.get();
        if wait.kind != Kind::Condition || wait.key != lock.key {
            return Err(Errno::EINVAL);
        }
        match self.try_lock(host, lock, thread, true)? {
            Tried::Changed => Ok(Moved::Changed),
            Tried::Holds => {
                source.queue.with_mut(|queue| queue.remove(host, node));
                source.lower(1);
                waiter.release();
                Ok(Moved::Holds(thread))
            }
            Tried::Must(holder) => {
                source.queue.with_mut(|queue| queue.remove(host, node));
                let wanted = LockWait { is_unchecked: true, ..LockWait::new(Kind::Lock, Target { address: wait.address, ..lock }) };
                if self.queue_for_lock(host, wanted, thread, holder) {
                    source.lower(1);
                    return Ok(Moved::Waits);
                }
                if !mutant::is(Mutant::MovedBackAsALocks) {
                    host.heir(thread).wait.set(wait);
                }
                // Where it stood: behind its equals another would be the first to be moved.
                source.queue.with_mut(|queue| queue.put_back(host, thread, node));
                if !mutant::is(Mutant::MovedBackElsewhere) {
                    waiter.enter(Self::index(from));
                }
                Ok(Moved::Ends(holder))
            }
        }
    }

    /// Looks whether the chain of holders leads back to any of those who were moved to the lock of `key`: it is sent away then.
    fn check_moved(&self, host: &impl Heirs, key: Key) {
        loop {
            let found = self.bucket(key).lock.locked(|| {
                let is_unchecked = |thread, node: &Node| {
                    node.key == key && node.bitset == NO_WAKE && host.heir(thread).wait.with(|wait| wait.is_unchecked)
                };
                let thread = self.bucket(key).queue.with(|queue| queue.find_by(host, is_unchecked));
                (!thread.is_none()).then(|| {
                    host.heir(thread).wait.with_mut(|wait| wait.is_unchecked = false);
                    (thread, host.heir(thread).wait.with(|wait| wait.number))
                })
            });
            let Some((thread, number)) = found else { return };
            if self.search(host, thread).is_err() {
                self.dismiss(host, thread, number);
            }
        }
    }
}
