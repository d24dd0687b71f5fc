//! `pipe(2)`. Functions, not a number of the table of Linux's calls: a program that makes no pipe carries none.
#![allow(unsafe_code, reason = "exported names; numbers where the program wants them")]

use core::ffi::c_int;

use skete::files::{self, pipe};
use skete_abi::Errno;

use crate::errno;
use crate::linux::files::CLOSE_ON_EXEC;

const NON_BLOCKING: c_int = 0o4000;

fn open(flags: c_int) -> Result<[c_int; 2], Errno> {
    if flags & !(NON_BLOCKING | CLOSE_ON_EXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    let ends = pipe::open(flags & NON_BLOCKING != 0)?;
    for end in ends {
        files::close_on_exec(end, Some(flags & CLOSE_ON_EXEC != 0))?;
    }
    Ok(ends)
}

/// `pipe2(2)`.
///
/// # Safety
/// There is room for two numbers, or it is null.
#[unsafe(no_mangle)]
unsafe extern "C" fn pipe2(place: *mut [c_int; 2], flags: c_int) -> c_int {
    if place.is_null() {
        return errno::set(Errno::EFAULT);
    }
    errno::answer(open(flags).map(|ends| {
        // SAFETY: the caller's promise.
        unsafe { place.write(ends) };
        0
    }))
}

/// POSIX `pipe`.
///
/// # Safety
/// As [`pipe2`].
#[unsafe(no_mangle)]
unsafe extern "C" fn pipe(place: *mut [c_int; 2]) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { pipe2(place, 0) }
}
