//! Calls that Linux has and the Hermit ABI has not, with Linux's arguments and answers: `futex(2)`, a thread's name, the words and locks
//! that its end takes care of.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

use core::sync::atomic::Ordering;

use skete_abi::Errno;
use skete_abi::futex::{CLOCK_REALTIME, PRIVATE, RobustListHead, TimeSpec, op};
use skete_logic::futex::ANY;

use super::answer;
use crate::arch::probe;
use crate::futex;
use crate::sched::{self, record};
use crate::thread;

/// `futex(2)`: what [`do_futex`](futex::do_futex) answers, or the error's number below zero. `timeout` is a `struct timespec`, null for
/// ever; or `val2`, in operations without one. No word, no timeout that is not mapped: `-EFAULT`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_futex(uaddr: *mut u32, op: i32, val: u32, timeout: *const TimeSpec, uaddr2: *mut u32, val3: u32) -> i64 {
    record::count_entry();
    let op = op.cast_unsigned();
    let word = sched::futex::Word { address: uaddr as usize, is_shared: false, is_sure: false };
    // What locks ask for again and again is told apart before all else.
    if op == op::WAKE | PRIVATE {
        return answer(sched::futex::wake_word(word, val, ANY));
    }
    if op == op::WAIT | PRIVATE && timeout.is_null() {
        return answer(sched::futex::wait_word(word, val, ANY, None).map(|()| 0));
    }
    any_futex(uaddr, op, val, timeout, uaddr2, val3)
}

/// [`sys_futex`], whatever it is to do.
#[inline(never)]
fn any_futex(uaddr: *mut u32, op: u32, val: u32, timeout: *const TimeSpec, uaddr2: *mut u32, val3: u32) -> i64 {
    #[allow(clippy::cast_possible_truncation, reason = "as Linux takes it")]
    let val2 = timeout as usize as u32;
    let timeout = if has_timeout(op) { time_at(timeout) } else { Ok(None) };
    // SAFETY: the program says that it may.
    answer(timeout.and_then(|timeout| unsafe { futex::dispatch(uaddr, op, val, timeout, uaddr2, val2, val3) }))
}

/// Whether the fourth argument of an operation is a timeout.
const fn has_timeout(op: u32) -> bool {
    let command = op & !(PRIVATE | CLOCK_REALTIME);
    matches!(command, op::WAIT | op::WAIT_BITSET | op::LOCK_PI | op::LOCK_PI2 | op::WAIT_REQUEUE_PI)
}

/// The time at `pointer`; none at a null pointer.
pub(super) fn time_at(pointer: *const TimeSpec) -> Result<Option<TimeSpec>, Errno> {
    if pointer.is_null() {
        return Ok(None);
    }
    let number = |address: usize| probe::read_long(address).map(u64::cast_signed).ok_or(Errno::EFAULT);
    let address = pointer as usize;
    Ok(Some(TimeSpec { tv_sec: number(address)?, tv_nsec: number(address.wrapping_add(8))? }))
}

/// `gettid(2)`: the caller's name.
#[unsafe(no_mangle)]
pub extern "C" fn sys_gettid() -> i32 {
    thread::tid().cast_signed()
}

/// `set_tid_address(2)`: the word that the caller's end zeroes, waking one who waits for it; null: none. The caller's name.
#[unsafe(no_mangle)]
pub extern "C" fn sys_set_tid_address(word: *mut u32) -> i32 {
    record::current().clear_tid.store(word as usize, Ordering::Relaxed);
    sys_gettid()
}

/// `set_robust_list(2)`: the locks that the caller's end lets go of; null: none. `-EINVAL` if `bytes` is not the head's size.
#[unsafe(no_mangle)]
pub extern "C" fn sys_set_robust_list(head: *const RobustListHead, bytes: usize) -> i64 {
    if bytes != size_of::<RobustListHead>() {
        return answer(Err::<i64, _>(Errno::EINVAL));
    }
    // SAFETY: the program says that it is a list.
    unsafe { thread::set_robust_list(head) };
    0
}

/// `get_robust_list(2)`: puts the address of a thread's list into `*head` and its head's size into `*bytes`; thread 0 is the caller.
/// `-ESRCH`, `-EFAULT`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_get_robust_list(tid: i32, head: *mut *const RobustListHead, bytes: *mut usize) -> i64 {
    answer(thread::robust_list_of(tid.cast_unsigned()).and_then(|list| {
        let are_written =
            probe::write_long(bytes as usize, size_of::<RobustListHead>() as u64) && probe::write_long(head as usize, list as u64);
        if are_written { Ok(0) } else { Err(Errno::EFAULT) }
    }))
}
