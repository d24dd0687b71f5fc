//! The calls that std does not make, with errors as numbers: `Err(9)` is `EBADF`.
#![allow(unsafe_code, reason = "the Hermit ABI is foreign functions")]

use std::ffi::CStr;

use hermit_abi::pollfd;

/// What a call answers: a count or a number of a file, or the error's number.
pub type Answer = Result<usize, i32>;

fn answer(number: i64) -> Answer {
    usize::try_from(number).map_err(|_| i32::try_from(-number).unwrap_or(i32::MAX))
}

/// `open(2)`.
pub fn open(path: &CStr, flags: i32) -> Answer {
    // SAFETY: a C string.
    answer(unsafe { hermit_abi::open(path.as_ptr(), flags, 0o644) }.into())
}

/// `open(2)` of no path at all.
pub fn open_null() -> Answer {
    // SAFETY: null is what is tested: the kernel looks before it reads.
    answer(unsafe { hermit_abi::open(std::ptr::null(), 0, 0) }.into())
}

/// `close(2)`.
pub fn close(fd: usize) -> Answer {
    // SAFETY: the caller owns the number.
    answer(unsafe { hermit_abi::close(number(fd)) }.into())
}

/// `read(2)`.
pub fn read(fd: usize, into: &mut [u8]) -> Answer {
    // SAFETY: the slice.
    answer(unsafe { hermit_abi::read(number(fd), into.as_mut_ptr(), into.len()) } as i64)
}

/// `write(2)`.
pub fn write(fd: usize, from: &[u8]) -> Answer {
    // SAFETY: the slice.
    answer(unsafe { hermit_abi::write(number(fd), from.as_ptr(), from.len()) } as i64)
}

/// `dup(2)`.
pub fn duplicate(fd: usize) -> Answer {
    // SAFETY: touches no memory.
    answer(unsafe { hermit_abi::dup(number(fd)) }.into())
}

/// `fcntl(2)`.
pub fn control(fd: usize, command: i32, argument: i32) -> Answer {
    // SAFETY: touches no memory.
    answer(unsafe { hermit_abi::fcntl(number(fd), command, argument) }.into())
}

/// `ioctl(2)` with FIONBIO.
pub fn set_nonblocking(fd: usize, mut is_nonblocking: i32) -> Answer {
    // SAFETY: an int, as FIONBIO wants.
    answer(unsafe { hermit_abi::ioctl(number(fd), hermit_abi::FIONBIO, (&raw mut is_nonblocking).cast()) }.into())
}

/// `ioctl(2)` without an argument.
pub fn control_device(fd: usize, command: i32) -> Answer {
    // SAFETY: nothing is pointed to.
    answer(unsafe { hermit_abi::ioctl(number(fd), command, std::ptr::null_mut()) }.into())
}

/// `lseek(2)` from the start.
pub fn seek(fd: usize, offset: isize) -> Answer {
    // SAFETY: touches no memory.
    answer(unsafe { hermit_abi::lseek(number(fd), offset, hermit_abi::SEEK_SET) } as i64)
}

/// `eventfd(2)`.
pub fn event(count: u64, flags: i16) -> Answer {
    // SAFETY: touches no memory.
    answer(unsafe { hermit_abi::eventfd(count, flags) }.into())
}

/// `poll(2)`: each number with what to wait for; what there is comes back in its place.
pub fn poll(fds: &mut [(usize, i16)], timeout_ms: i32) -> Answer {
    let mut polled: Vec<_> = fds.iter().map(|&(fd, events)| pollfd { fd: number(fd), events, revents: 0 }).collect();
    // SAFETY: the vector.
    let ready = answer(unsafe { hermit_abi::poll(polled.as_mut_ptr(), polled.len(), timeout_ms) }.into());
    for (fd, polled) in fds.iter_mut().zip(polled) {
        fd.1 = polled.revents;
    }
    ready
}

fn number(fd: usize) -> i32 {
    i32::try_from(fd).unwrap_or(-1)
}
