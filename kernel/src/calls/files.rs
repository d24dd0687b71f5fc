//! The Hermit ABI's file calls. Each checks its pointers, asks [`crate::files`], and turns the answer into a number.
//!
//! A pointer that is null is `EFAULT`; one that is wild ends the program as any other wild access does.
#![allow(unsafe_code, reason = "the face towards programs: symbols and their pointers")]

use core::ffi::{c_char, c_int, c_void};
use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_abi::files::{self as numbers, PATH_MAX, PollFd, Stat};
use skete_logic::event::Event;
use skete_logic::fds::LIMIT;
use skete_logic::tree::{Kind, OpenFlags, Status};

use super::{answer, answer_int, note, time_spec};
use crate::files::{self, event, poll, stored};

/// The program's buffer to be filled.
///
/// # Safety
/// If not null, `len` bytes from `start` on are the caller's to lend.
pub(super) unsafe fn buffer<'a>(start: *mut u8, len: usize) -> Result<&'a mut [MaybeUninit<u8>], Errno> {
    let len = check(start, len)?;
    // SAFETY: not null unless empty, and lent by the caller.
    Ok(if len == 0 { &mut [] } else { unsafe { core::slice::from_raw_parts_mut(start.cast(), len) } })
}

/// The program's bytes to be read.
///
/// # Safety
/// If not null, `len` bytes from `start` on are the caller's to lend.
pub(super) unsafe fn bytes<'a>(start: *const u8, len: usize) -> Result<&'a [u8], Errno> {
    let len = check(start, len)?;
    // SAFETY: not null unless empty, and lent by the caller.
    Ok(if len == 0 { &[] } else { unsafe { core::slice::from_raw_parts(start, len) } })
}

fn check(start: *const u8, len: usize) -> Result<usize, Errno> {
    if isize::try_from(len).is_err() {
        return Err(Errno::EINVAL);
    }
    if start.is_null() && len > 0 {
        return Err(Errno::EFAULT);
    }
    Ok(len)
}

/// The program's path, up to its NUL.
///
/// # Safety
/// If not null, a NUL or [`PATH_MAX`] bytes can be read from `name` on.
pub(super) unsafe fn path<'a>(name: *const c_char) -> Result<&'a [u8], Errno> {
    if name.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: nothing is read behind the first NUL.
    let len = (0..PATH_MAX).find(|&at| unsafe { *name.add(at) } == 0).ok_or(Errno::ENAMETOOLONG)?;
    // SAFETY: read just now.
    unsafe { bytes(name.cast(), len) }
}

/// Writes `value` where the program wants it.
///
/// # Safety
/// If not null, `place` can take a `T`.
unsafe fn put<T>(place: *mut T, value: T) -> Result<i32, Errno> {
    if place.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: not null, and the caller's to lend.
    unsafe { place.write(value) };
    Ok(0)
}

/// A count of bytes as a call answers it: no buffer is longer than `isize::MAX`.
pub(super) fn count(result: Result<usize, Errno>) -> isize {
    answer(result.map(|count| count as i64)) as isize
}

pub(super) fn done(result: Result<(), Errno>) -> i32 {
    answer_int(result.map(|()| 0))
}

/// Opens what `name` names; a number, or an error below zero (`open(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_open(name: *const c_char, flags: i32, mode: i32) -> i32 {
    // SAFETY: a C string, by the ABI.
    let path = unsafe { path(name) };
    let flags = OpenFlags::from_bits_truncate(flags);
    answer_int(path.and_then(|path| stored::open(path, flags, mode.cast_unsigned())))
}

/// [`sys_open`] of a directory.
#[unsafe(no_mangle)]
pub extern "C" fn sys_opendir(name: *const c_char) -> i32 {
    sys_open(name, numbers::O_DIRECTORY, 0)
}

/// Closes a number.
#[unsafe(no_mangle)]
pub extern "C" fn sys_close(fd: i32) -> i32 {
    done(files::close(fd))
}

/// Reads at most `len` bytes; 0 is the end.
#[unsafe(no_mangle)]
pub extern "C" fn sys_read(fd: i32, start: *mut u8, len: usize) -> isize {
    // SAFETY: the caller's buffer, by the ABI.
    count(unsafe { buffer(start, len) }.and_then(|into| files::read(fd, into)))
}

/// Writes at most `len` bytes.
#[unsafe(no_mangle)]
pub extern "C" fn sys_write(fd: i32, start: *const u8, len: usize) -> isize {
    // SAFETY: the caller's bytes, by the ABI.
    count(unsafe { bytes(start, len) }.and_then(|from| files::write(fd, from)))
}

/// Reads at most `len` bytes from `position` on (`pread(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_pread(fd: i32, start: *mut u8, len: usize, position: i64) -> isize {
    // SAFETY: the caller's buffer, by the ABI.
    let into = unsafe { buffer(start, len) };
    count(into.and_then(|into| files::read_at(fd, u64::try_from(position).map_err(|_| Errno::EINVAL)?, into)))
}

/// Writes at most `len` bytes from `position` on (`pwrite(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_pwrite(fd: i32, start: *const u8, len: usize, position: i64) -> isize {
    // SAFETY: the caller's bytes, by the ABI.
    let from = unsafe { bytes(start, len) };
    count(from.and_then(|from| files::write_at(fd, u64::try_from(position).map_err(|_| Errno::EINVAL)?, from)))
}

/// Moves the position; where it is now (`lseek(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_lseek(fd: i32, offset: isize, whence: i32) -> isize {
    // `seek` answers no position beyond `i64::MAX`.
    answer(files::seek(fd, offset as i64, whence).map(u64::cast_signed)) as isize
}

/// Makes an open file so many bytes long (`ftruncate(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_ftruncate(fd: i32, length: i64) -> i32 {
    done(u64::try_from(length).map_err(|_| Errno::EINVAL).and_then(|length| files::set_length(fd, length)))
}

/// There is nothing behind memory: 0 for an open number.
#[unsafe(no_mangle)]
pub extern "C" fn sys_fsync(fd: i32) -> i32 {
    done(files::sync(fd))
}

/// A second number for the same opening.
#[unsafe(no_mangle)]
pub extern "C" fn sys_dup(fd: i32) -> i32 {
    answer_int(files::duplicate(fd, 0))
}

/// What there is to say of a path.
#[unsafe(no_mangle)]
pub extern "C" fn sys_stat(name: *const c_char, place: *mut Stat) -> i32 {
    // SAFETY: a C string, by the ABI.
    let status = unsafe { path(name) }.and_then(|path| stored::status_of(path, true));
    // SAFETY: the caller's struct, by the ABI.
    answer_int(status.and_then(|status| unsafe { put(place, stat(&status)) }))
}

/// [`sys_stat`], of a symbolic link itself.
#[unsafe(no_mangle)]
pub extern "C" fn sys_lstat(name: *const c_char, place: *mut Stat) -> i32 {
    // SAFETY: a C string, by the ABI.
    let status = unsafe { path(name) }.and_then(|path| stored::status_of(path, false));
    // SAFETY: the caller's struct, by the ABI.
    answer_int(status.and_then(|status| unsafe { put(place, stat(&status)) }))
}

/// What there is to say of an open number.
#[unsafe(no_mangle)]
pub extern "C" fn sys_fstat(fd: i32, place: *mut Stat) -> i32 {
    // SAFETY: the caller's struct, by the ABI.
    answer_int(files::status(fd).and_then(|status| unsafe { put(place, stat(&status)) }))
}

/// A status as `struct stat`.
fn stat(status: &Status) -> Stat {
    const BLOCK: i64 = 512;
    let (kind, device) = match status.kind {
        Kind::Directory => (numbers::S_IFDIR, 0),
        Kind::File => (numbers::S_IFREG, 0),
        Kind::Link => (numbers::S_IFLNK, 0),
        Kind::Device(number) => (numbers::S_IFCHR, number),
        Kind::Socket => (numbers::S_IFSOCK, 0),
        Kind::Pipe => (numbers::S_IFIFO, 0),
    };
    let size = i64::try_from(status.bytes).unwrap_or(i64::MAX);
    Stat {
        st_dev: 1,
        st_ino: u64::from(status.node.0) + 1,
        st_nlink: u64::from(status.links),
        st_mode: kind | status.permissions,
        st_uid: 0,
        st_gid: 0,
        st_rdev: u64::from(device),
        st_size: size,
        st_blksize: 4096,
        st_blocks: size.saturating_add(BLOCK - 1) / BLOCK,
        st_atim: time_spec(status.times.accessed_ns),
        st_mtim: time_spec(status.times.modified_ns),
        st_ctim: time_spec(status.times.changed_ns),
    }
}

/// Takes a file's name away.
#[unsafe(no_mangle)]
pub extern "C" fn sys_unlink(name: *const c_char) -> i32 {
    // SAFETY: a C string, by the ABI.
    done(unsafe { path(name) }.and_then(stored::unlink))
}

/// Makes a directory.
#[unsafe(no_mangle)]
pub extern "C" fn sys_mkdir(name: *const c_char, mode: u32) -> i32 {
    // SAFETY: a C string, by the ABI.
    done(unsafe { path(name) }.and_then(|path| stored::make_directory(path, mode)))
}

/// Removes an empty directory.
#[unsafe(no_mangle)]
pub extern "C" fn sys_rmdir(name: *const c_char) -> i32 {
    // SAFETY: a C string, by the ABI.
    done(unsafe { path(name) }.and_then(stored::remove_directory))
}

/// All the entries of a directory that come next: std takes the first answer for the whole, so `-EINVAL` until all of them fit.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getdents64(fd: i32, entries: *mut u8, len: usize) -> i64 {
    // SAFETY: the caller's buffer, by the ABI.
    answer(unsafe { buffer(entries, len) }.and_then(|into| files::entries(fd, into)).map(|count| count as i64))
}

/// Flags of a number or an opening, and [`sys_dup`] with a least number.
#[unsafe(no_mangle)]
pub extern "C" fn sys_fcntl(fd: i32, command: i32, argument: i32) -> i32 {
    answer_int(match command {
        numbers::F_DUPFD => files::duplicate(fd, argument),
        numbers::F_GETFD => files::close_on_exec(fd, None).map(|set| if set { numbers::FD_CLOEXEC } else { 0 }),
        numbers::F_SETFD => files::close_on_exec(fd, Some(argument & numbers::FD_CLOEXEC != 0)).map(|_| 0),
        numbers::F_GETFL => files::flags(fd).map(|flags| flags.bits()),
        numbers::F_SETFL => files::set_flags(fd, OpenFlags::from_bits_truncate(argument)).map(|()| 0),
        _ => Err(Errno::EINVAL),
    })
}

/// `FIONBIO` alone: whether calls on this opening wait.
#[unsafe(no_mangle)]
pub extern "C" fn sys_ioctl(fd: i32, command: i32, argument: *mut c_void) -> i32 {
    done(files::flags(fd).and_then(|mut flags| {
        if command != numbers::FIONBIO {
            return Err(Errno::ENOTTY);
        }
        if argument.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: not null; an `int`, by the ABI.
        let is_nonblocking = unsafe { argument.cast::<c_int>().read() } != 0;
        flags.set(OpenFlags::NONBLOCKING, is_nonblocking);
        files::set_flags(fd, flags)
    }))
}

/// A counter that can be waited for (`eventfd(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_eventfd(count: u64, flags: i16) -> i32 {
    const KNOWN: i16 = numbers::EFD_SEMAPHORE | numbers::EFD_NONBLOCK | numbers::EFD_CLOEXEC;
    if flags & !KNOWN != 0 {
        return done(Err(Errno::EINVAL));
    }
    let event = Event::new(count, flags & numbers::EFD_SEMAPHORE != 0);
    let fd = event::open(event, flags & numbers::EFD_NONBLOCK != 0);
    answer_int(fd.and_then(|fd| files::close_on_exec(fd, Some(flags & numbers::EFD_CLOEXEC != 0)).map(|_| fd)))
}

/// Waits for the first of several; how many are ready. Alone among the calls it answers an error with -1 and leaves its number to
/// `sys_get_errno`: std reads it so.
#[unsafe(no_mangle)]
pub extern "C" fn sys_poll(fds: *mut PollFd, len: usize, timeout_ms: i32) -> i32 {
    // SAFETY: the caller's array, by the ABI.
    match unsafe { poll(fds, len, timeout_ms) } {
        Ok(count) => count,
        Err(errno) => {
            note(errno);
            -1
        }
    }
}

/// # Safety
/// If not null, `fds` is the caller's array of `len`.
unsafe fn poll(fds: *mut PollFd, len: usize, timeout_ms: i32) -> Result<i32, Errno> {
    if fds.is_null() && len > 0 {
        return Err(Errno::EFAULT);
    }
    if len > LIMIT {
        return Err(Errno::EINVAL);
    }
    // SAFETY: not null unless empty; the caller's array.
    let fds = if len == 0 { &mut [] } else { unsafe { core::slice::from_raw_parts_mut(fds, len) } };
    poll::wait(fds, timeout_ms).and_then(|count| i32::try_from(count).map_err(|_| Errno::EOVERFLOW))
}
