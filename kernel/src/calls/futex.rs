//! Futexes as std calls them, and the semaphores and queues of Hermit's older ABI, which are made of them.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

use skete_abi::Errno;
use skete_logic::futex::ANY;
use skete_logic::time::Instant;

use super::{Timespec, answer_int, deadline_in, timeout_of};
use crate::sched::futex;

/// The timeout is a length, not a moment (`FUTEX_RELATIVE_TIMEOUT`).
const RELATIVE: u32 = 1;

/// Sleeps until a wake, as long as the word at `address` is `expected`: 0, `-EAGAIN`, `-ETIMEDOUT`, `-EFAULT`, `-EINVAL`. `timeout` null:
/// for ever.
#[unsafe(no_mangle)]
pub extern "C" fn sys_futex_wait(address: *mut u32, expected: u32, timeout: *const Timespec, flags: u32) -> i32 {
    if flags & !RELATIVE != 0 {
        return answer_int(Err::<i64, _>(Errno::EINVAL));
    }
    let deadline = match timeout_of(timeout) {
        Ok(None) => None,
        Ok(Some(ns)) if flags & RELATIVE != 0 => Some(deadline_in(ns)),
        Ok(Some(ns)) => Some(Instant::from_ns(ns)),
        Err(errno) => return answer_int(Err::<i64, _>(errno)),
    };
    answer_int(futex::wait_at(address as usize, expected, ANY, deadline).map(|()| 0))
}

/// Wakes at most `count` of those who wait for the word at `address`: how many, or `-EINVAL`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_futex_wake(address: *mut u32, count: i32) -> i32 {
    if address.is_null() || count < 0 {
        return answer_int(Err::<i64, _>(Errno::EINVAL));
    }
    let count = if count == i32::MAX { u32::MAX } else { count.cast_unsigned() };
    i32::try_from(futex::wake_at(address as usize, count)).unwrap_or(i32::MAX)
}
