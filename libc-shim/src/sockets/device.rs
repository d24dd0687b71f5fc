//! `ioctl(2)`, where a program asks for it by its name: what can be read at once, and what a number has of its own; the rest is the
//! table's of Linux's calls.
#![allow(unsafe_code, reason = "an exported name; an int where the program has it")]

use core::ffi::c_int;

use skete::calls::files::sys_fstat;
use skete::files;
use skete_abi::Errno;
use skete_abi::files::{S_IFIFO, S_IFMT, S_IFSOCK, Stat};

use crate::linux::files::IOCTL;
use crate::{errno, linux};

/// `FIONREAD`, `FIOCLEX`, `FIONCLEX`.
const UNREAD: c_int = 0x541b;
const CLOSE_ON_EXEC: c_int = 0x5451;
const KEEP_ON_EXEC: c_int = 0x5450;

/// Bytes that can be read at once from a pipe or a socket: of datagrams, those of the next.
fn unread(fd: c_int, place: *mut c_int) -> Result<c_int, Errno> {
    let mut status = Stat::default();
    if sys_fstat(fd, &raw mut status) < 0 {
        return Err(Errno::EBADF);
    }
    if !matches!(status.st_mode & S_IFMT, S_IFSOCK | S_IFIFO) {
        return Err(Errno::ENOTTY);
    }
    if place.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the program says that there is room.
    unsafe { place.write(c_int::try_from(status.st_size).unwrap_or(c_int::MAX)) };
    Ok(0)
}

/// See `ioctl(2)`. C passes a variable number of arguments as it does a fixed one.
#[allow(clippy::cast_possible_truncation, reason = "what was an int stays one")]
#[unsafe(no_mangle)]
extern "C" fn ioctl(fd: c_int, request: c_int, argument: u64) -> c_int {
    match request {
        UNREAD => errno::answer(unread(fd, argument as *mut c_int)),
        CLOSE_ON_EXEC | KEEP_ON_EXEC => errno::answer(files::close_on_exec(fd, Some(request == CLOSE_ON_EXEC)).map(|_| 0)),
        _ => {
            let arguments = [u64::from(fd.cast_unsigned()), u64::from(request.cast_unsigned()), argument, 0, 0, 0];
            errno::of(linux::enter(IOCTL, &arguments, 0)) as c_int
        }
    }
}
