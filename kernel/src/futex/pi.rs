//! Locks that lend their holder the priority of whoever waits for them.
//!
//! The word is 0 while the lock is free, else the holder's [`tid`](crate::thread::tid), with [`WAITERS`](super::WAITERS) while somebody
//! waits. The program takes a free lock and lets go of one that nobody waits for by itself, with one exchange each, and calls these else.
//! Who is handed a lock whose holder ended finds [`OWNER_DIED`](super::OWNER_DIED) in the word.

use skete_abi::Errno;

use super::{Deadline, Word};
use crate::sched::{futex, inherit, record};

/// Takes the lock of `word`, waiting for it until `deadline`, `None` for ever; its holder runs at the caller's priority meanwhile, if that
/// is the higher one, and so on along the chain of holders (FUTEX_LOCK_PI2).
///
/// While the holder is just ending, this waits for its end and tries again, as Linux does.
///
/// # Errors
/// `EDEADLK`: the caller holds it, or the chain of holders leads back to the caller. `ETIMEDOUT`: the deadline passed. `ESRCH`: the word
/// names no thread. `EINVAL`: somebody waits for the word as for no lock, or it names another holder than the kernel knows. `EFAULT`: it
/// cannot be written. `EINTR`: as [`futex_wait`](super::futex_wait); the caller does not hold it.
pub fn futex_lock_pi<'a>(word: impl Into<Word<'a>>, deadline: Option<Deadline>) -> Result<(), Errno> {
    record::count_entry();
    inherit::lock(word.into().0, deadline.map(Deadline::moment))
}

/// Takes the lock of `word` if nobody holds it; also one whose holder died (FUTEX_TRYLOCK_PI).
///
/// # Errors
/// `EAGAIN`: somebody holds it. Else as [`futex_lock_pi`].
pub fn futex_trylock_pi<'a>(word: impl Into<Word<'a>>) -> Result<(), Errno> {
    record::count_entry();
    inherit::try_lock(word.into().0)
}

/// Lets go of the lock of `word`: the most urgent of those who wait holds it then (FUTEX_UNLOCK_PI).
///
/// # Errors
/// `EPERM`: the caller does not hold it. `EINVAL`: as [`futex_lock_pi`]. `EAGAIN`: the word changed meanwhile. `EFAULT`: it cannot be
/// written.
pub fn futex_unlock_pi<'a>(word: impl Into<Word<'a>>) -> Result<(), Errno> {
    record::count_entry();
    inherit::unlock(word.into().0)
}

/// Sleeps as long as `word` holds `val`, until [`futex_cmp_requeue_pi`] has moved the caller to `lock` and it was handed that
/// (FUTEX_WAIT_REQUEUE_PI).
///
/// # Errors
/// `EAGAIN`: it does not hold it. `ETIMEDOUT`: the deadline passed, and the caller does not hold the lock. `EINVAL`: the two are one word.
/// `EDEADLK`: the chain of the lock's holders leads back to the caller. `EINTR`: as [`futex_lock_pi`].
pub fn futex_wait_requeue_pi<'a, 'b>(
    word: impl Into<Word<'a>>,
    val: u32,
    deadline: Option<Deadline>,
    lock: impl Into<Word<'b>>,
) -> Result<(), Errno> {
    record::count_entry();
    inherit::wait_requeue(word.into().0, val, deadline.map(Deadline::moment), lock.into().0)
}

/// [`futex_wait_requeue_pi`], and whether the caller was moved to `lock`, however its wait ended then.
///
/// # Errors
/// As [`futex_wait_requeue_pi`].
pub fn futex_wait_movable_pi<'a, 'b>(
    word: impl Into<Word<'a>>,
    val: u32,
    deadline: Option<Deadline>,
    lock: impl Into<Word<'b>>,
) -> (Result<(), Errno>, bool) {
    record::count_entry();
    let word = word.into().0;
    let waited = inherit::wait_requeue(word, val, deadline.map(Deadline::moment), lock.into().0);
    (waited, waited.is_ok() || futex::was_moved(word, waited) == Ok(true))
}

/// If `word` holds `expected`: the first of those who wait for it to be moved to `lock` gets that, if it is free, and at most `nr_requeue`
/// others wait for it from now on. How many in all (FUTEX_CMP_REQUEUE_PI).
///
/// # Errors
/// `EAGAIN`: it does not hold it. `EINVAL`: the two are one word; somebody waits for `word` who did not ask for `lock`; a number above
/// 2³¹ − 1; or as [`futex_lock_pi`]. `EDEADLK`: the first holds the lock. `ESRCH`, `EFAULT`: as [`futex_lock_pi`].
pub fn futex_cmp_requeue_pi<'a, 'b>(
    word: impl Into<Word<'a>>,
    lock: impl Into<Word<'b>>,
    nr_requeue: u32,
    expected: u32,
) -> Result<u32, Errno> {
    record::count_entry();
    let shares = super::shares(1, nr_requeue)?;
    inherit::cmp_requeue(word.into().0, lock.into().0, shares.requeue, expected)
}
