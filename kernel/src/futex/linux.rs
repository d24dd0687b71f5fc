//! Words that are named by their address; and the one call of `futex(2)` with them: which operation, with which of its arguments.
#![allow(unsafe_code, reason = "changes words that the program names by their address")]

use core::marker::PhantomData;

use skete_abi::Errno;
use skete_abi::futex::{CLOCK_REALTIME, PRIVATE, TimeSpec, op};
use skete_logic::futex::ANY;
use skete_logic::futex::operation::Operation;
use skete_logic::time::{Deadline, Instant};

use super::{Word, shares};
use crate::sched::{futex, inherit, record};
use crate::time;

impl Word<'static> {
    /// The word at this address, if there is one: what reads or writes it answers `EFAULT` otherwise. Wakes and requeues need not look at
    /// it.
    ///
    /// # Safety
    /// If there is memory, then what it is given to may write it: only [`futex_wake_op`](super::futex_wake_op) and the locks that lend
    /// priority do.
    #[must_use]
    #[inline]
    pub const unsafe fn at(address: usize) -> Self {
        Self(futex::Word { address, is_shared: false, is_sure: false }, PhantomData)
    }
}

/// Does what `op` says, one of [`op`](super::op) with [`PRIVATE`] and [`CLOCK_REALTIME`], to the word at `uaddr`; what `futex(2)` says that
/// it answers.
///
/// | `op` | `val` | `timeout` | `val2` | `val3` |
/// |---|---|---|---|---|
/// | WAIT | expected | relative | | |
/// | WAIT_BITSET | expected | absolute, CLOCK_MONOTONIC or the flag's | | bitset |
/// | WAKE | most to wake | | | |
/// | WAKE_BITSET | most to wake | | | bitset |
/// | REQUEUE | most to wake | | most to move to `uaddr2` | |
/// | CMP_REQUEUE | most to wake | | most to move to `uaddr2` | expected |
/// | WAKE_OP | most to wake | | most to wake at `uaddr2` | [`Operation`] |
/// | LOCK_PI | | absolute, CLOCK_REALTIME | | |
/// | LOCK_PI2 | | absolute, CLOCK_MONOTONIC or the flag's | | |
/// | TRYLOCK_PI, UNLOCK_PI | | | | |
/// | WAIT_REQUEUE_PI | expected | absolute, CLOCK_MONOTONIC or the flag's | | |
/// | CMP_REQUEUE_PI | 1 | | most to move to the lock at `uaddr2` | expected |
///
/// # Errors
/// `ENOSYS`: FUTEX_FD, an operation or flag that is none, or CLOCK_REALTIME with one that takes no deadline of it (as Linux since 5.13:
/// FUTEX_WAIT is one of those). `EINVAL`: a word not aligned, a timeout that is no time, a bitset of 0, a number of threads to move above
/// 2³¹ − 1. `EFAULT`: no word there. `EAGAIN` (also of one who was interrupted when WAIT_REQUEUE_PI had
/// been answered by a move already), `EINTR`, `ETIMEDOUT`, and of locks `EDEADLK`, `ESRCH`, `EPERM`: as the operation says.
///
/// # Safety
/// The words at `uaddr` and, where the operation has one, `uaddr2` are the program's to change at any time, by several threads at once;
/// or nothing is mapped there.
pub unsafe fn do_futex(
    uaddr: *const u32,
    op: u32,
    val: u32,
    timeout: Option<TimeSpec>,
    uaddr2: *const u32,
    val2: u32,
    val3: u32,
) -> Result<u32, Errno> {
    record::count_entry();
    // SAFETY: the caller's promise.
    unsafe { dispatch(uaddr, op, val, timeout, uaddr2, val2, val3) }
}

/// [`do_futex`], counted already.
///
/// # Safety
/// As there.
pub(crate) unsafe fn dispatch(
    uaddr: *const u32,
    op: u32,
    val: u32,
    timeout: Option<TimeSpec>,
    uaddr2: *const u32,
    val2: u32,
    val3: u32,
) -> Result<u32, Errno> {
    let (command, is_shared) = (op & !(PRIVATE | CLOCK_REALTIME), op & PRIVATE == 0);
    if op & CLOCK_REALTIME != 0 && !takes_realtime(command) {
        let waits = matches!(command, op::WAIT | op::LOCK_PI);
        return Err(if waits && timeout.is_some_and(|timeout| timeout.as_ns().is_none()) { Errno::EINVAL } else { Errno::ENOSYS });
    }
    let word = futex::Word { address: uaddr as usize, is_shared, is_sure: false };
    let other = futex::Word { address: uaddr2 as usize, is_shared, is_sure: false };
    let until = |clock: fn(u64) -> Deadline| deadline_of(timeout, clock);
    match command {
        op::WAIT => futex::wait_word(word, val, ANY, until(from_now)?).map(|()| 0),
        op::WAIT_BITSET => futex::wait_word(word, val, val3, until(clock_of(op))?).map(|()| 0),
        op::WAKE => futex::wake_word(word, val, ANY),
        op::WAKE_BITSET => futex::wake_word(word, val, val3),
        op::REQUEUE => futex::requeue(word, other, shares(val, val2)?, None).map(|done| done.woken),
        op::CMP_REQUEUE => futex::requeue(word, other, shares(val, val2)?, Some(val3)).map(|done| done.woken + done.moved),
        op::WAKE_OP => futex::wake_op(word, val, other, val2, Operation::parse(val3)?),
        op::LOCK_PI => inherit::lock(word, until(Deadline::wall)?).map(|()| 0),
        op::LOCK_PI2 => inherit::lock(word, until(clock_of(op))?).map(|()| 0),
        op::TRYLOCK_PI => inherit::try_lock(word).map(|()| 0),
        op::UNLOCK_PI => inherit::unlock(word).map(|()| 0),
        op::WAIT_REQUEUE_PI => {
            let waited = inherit::wait_requeue(word, val, until(clock_of(op))?, other);
            let is_moved = waited == Err(Errno::EINTR) && futex::was_moved(word, waited)?;
            // Who made the call anew would wait to be moved once more: so it is over, as on Linux.
            if is_moved { Err(Errno::EAGAIN) } else { waited.map(|()| 0) }
        }
        // The first gets the lock: more than one cannot.
        op::CMP_REQUEUE_PI if val != 1 => Err(Errno::EINVAL),
        op::CMP_REQUEUE_PI => inherit::cmp_requeue(word, other, shares(1, val2)?.requeue, val3),
        _ => Err(Errno::ENOSYS),
    }
}

/// Whether a deadline of `command` may be one of CLOCK_REALTIME by the flag.
const fn takes_realtime(command: u32) -> bool {
    matches!(command, op::WAIT_BITSET | op::WAIT_REQUEUE_PI | op::LOCK_PI2)
}

/// What an absolute deadline of `op` counts from.
const fn clock_of(op: u32) -> fn(u64) -> Deadline {
    if op & CLOCK_REALTIME == 0 { from_boot } else { Deadline::wall }
}

const fn from_boot(ns: u64) -> Deadline {
    Deadline::at(Instant::from_ns(ns))
}

fn from_now(ns: u64) -> Deadline {
    Deadline::at(time::now().saturating_add_ns(ns))
}

fn deadline_of(timeout: Option<TimeSpec>, clock: fn(u64) -> Deadline) -> Result<Option<Deadline>, Errno> {
    timeout.map(|timeout| timeout.as_ns().map(clock).ok_or(Errno::EINVAL)).transpose()
}
