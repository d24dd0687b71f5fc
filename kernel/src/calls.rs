//! The faces: what std, C and the program call. Each is thin; what it does is on the floors below.
//!
//! One file a subject: [`threads`], [`futex`], [`futaphore`], [`time`], [`memory`], [`process`], [`files`], [`net`], [`sysv`], [`linux`]. Here an
//! [`Errno`] becomes a number, and a pointer from the program is looked at.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

pub mod files;
pub mod futaphore;
pub mod futex;
pub mod linux;
pub mod memory;
pub mod net;
pub mod process;
pub mod shm;
pub mod sysv;
pub mod threads;
pub mod time;

use core::sync::atomic::Ordering;

use skete_abi::Errno;
use skete_logic::time::{Instant, seconds_of};

use crate::sched::record;

/// `struct timespec` of the Hermit ABI: its nanoseconds are 32 bits wide.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Timespec {
    /// Seconds.
    pub seconds: i64,
    /// Nanoseconds, 0–999,999,999.
    pub nanoseconds: i32,
}

impl Timespec {
    const NS: i64 = 1_000_000_000;

    /// Nanoseconds in all; later than anybody waits if they do not fit.
    ///
    /// # Errors
    /// `EINVAL`: negative, or a second or more of nanoseconds.
    pub fn as_ns(self) -> Result<u64, Errno> {
        if self.seconds < 0 || !(0..Self::NS as i32).contains(&self.nanoseconds) {
            return Err(Errno::EINVAL);
        }
        Ok(self.seconds.cast_unsigned().saturating_mul(Self::NS.cast_unsigned()).saturating_add(self.nanoseconds.cast_unsigned().into()))
    }

    /// From nanoseconds.
    #[inline]
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "a remainder, and seconds for 292 years")]
    pub const fn from_ns(ns: u64) -> Self {
        let (seconds, nanoseconds) = seconds_of(ns);
        // SAFETY: a remainder, as the tests of `seconds_of` show. It spares std its own look.
        unsafe { core::hint::assert_unchecked(nanoseconds < Self::NS as u32) };
        Self { seconds: seconds as i64, nanoseconds: nanoseconds as i32 }
    }
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
pub fn timeout_of(pointer: *const Timespec) -> Result<Option<u64>, Errno> {
    if pointer.is_null() {
        return Ok(None);
    }
    if !pointer.is_aligned() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the program says that a timespec is there.
    unsafe { pointer.read() }.as_ns().map(Some)
}

/// The moment `ns` from now.
pub fn deadline_in(ns: u64) -> Instant {
    crate::time::now().saturating_add_ns(ns)
}
