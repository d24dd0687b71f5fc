//! The faces: what std, C and the program call. Each is thin; what it does is on the floors below.
//!
//! One file a subject: [`threads`], [`futex`], [`futaphore`], [`time`], [`memory`], [`process`], [`files`], [`vectors`], [`net`],
//! [`sockopt`], [`lookup`], [`sysv`], [`linux`], [`waitv`]. Here an [`Errno`] becomes a number, and a pointer from the program is looked
//! at.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

pub mod files;
pub mod futaphore;
pub mod futex;
pub mod linux;
pub mod lookup;
pub mod memory;
pub mod net;
pub mod process;
pub mod shm;
pub mod sockopt;
pub mod sysv;
pub mod threads;
pub mod time;
pub mod vectors;
pub mod waitv;

use core::sync::atomic::Ordering;

use skete_abi::Errno;
use skete_abi::files::TimeSpec;
use skete_logic::time::{Instant, seconds_of};

use crate::sched::record;

const NS_PER_SECOND: u32 = 1_000_000_000;

/// Nanoseconds of `time` in all; later than anybody waits if they do not fit.
///
/// # Errors
/// `EINVAL`: negative, or a second or more of nanoseconds.
pub fn ns_of(time: TimeSpec) -> Result<u64, Errno> {
    let seconds = u64::try_from(time.tv_sec).map_err(|_| Errno::EINVAL)?;
    let ns = u32::try_from(time.tv_nsec).ok().filter(|ns| *ns < NS_PER_SECOND).ok_or(Errno::EINVAL)?;
    Ok(seconds.saturating_mul(NS_PER_SECOND.into()).saturating_add(ns.into()))
}

/// `ns` nanoseconds as the ABI has them.
#[inline]
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a remainder, and seconds for 292 years")]
pub const fn time_spec(ns: u64) -> TimeSpec {
    split_spec(seconds_of(ns))
}

/// Seconds, and the nanoseconds beyond them, as std has them.
#[inline(always)]
pub const fn split_spec((seconds, rest): (u64, u32)) -> TimeSpec {
    // SAFETY: less than a second, as the tests of `seconds_of` and `split` show. It spares std its own look.
    unsafe { core::hint::assert_unchecked(rest < NS_PER_SECOND) };
    TimeSpec { tv_sec: seconds as i64, tv_nsec: rest as i32 }
}

/// The number that a call answers with: its value, or the error's number below zero. `sys_get_errno` tells the last error again.
pub fn answer<T: Into<i64>>(result: Result<T, Errno>) -> i64 {
    match result {
        Ok(value) => value.into(),
        Err(errno) => -i64::from(note(errno)),
    }
}

/// [`answer`] for the calls that return an `int`.
#[allow(clippy::cast_possible_truncation, reason = "descriptors, counts of threads and error numbers fit an int")]
pub fn answer_int<T: Into<i64>>(result: Result<T, Errno>) -> i32 {
    answer(result) as i32
}

/// Remembers `errno` as this thread's last error.
#[cold]
pub fn note(errno: Errno) -> i32 {
    record::current().errno.store(errno.number().cast_unsigned(), Ordering::Relaxed);
    errno.number()
}

/// What a pointer to an optional timeout says.
///
/// # Errors
/// `EINVAL`: not a time. `EFAULT`: nothing is there.
pub fn timeout_of(pointer: *const TimeSpec) -> Result<Option<u64>, Errno> {
    if pointer.is_null() {
        return Ok(None);
    }
    if !pointer.is_aligned() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the program says that a timespec is there.
    ns_of(unsafe { pointer.read() }).map(Some)
}

/// The moment `ns` from now.
pub fn deadline_in(ns: u64) -> Instant {
    crate::time::now().saturating_add_ns(ns)
}
