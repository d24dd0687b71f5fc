//! Names, rights and times of files, and `eventfd`, by their C names. They are not in the table of Linux's calls: only a program that asks
//! for one carries what does it.
//!
//! Rights are kept and told; there is one user, numbered 0, who may do everything.
#![allow(unsafe_code, reason = "exported names; strings and structs that the program names by their address")]

use core::ffi::{CStr, c_char, c_int};

use skete::calls::files::sys_eventfd;
use skete::files::{Change, stored};
use skete_abi::Errno;
use skete_abi::files::EFD_CLOEXEC;
use skete_abi::futex::TimeSpec;

use crate::linux::files::{CLOSE_ON_EXEC, HERE, NO_FOLLOW, READ, WRITE, path};
use crate::linux::time;
use crate::{errno, linux};

/// The bytes of path `name`, which begins at folder `start`.
fn bytes<'a>(start: c_int, name: *const c_char) -> Result<&'a [u8], Errno> {
    let name = path(start, name)?;
    // SAFETY: the program says that it is a C string.
    Ok(unsafe { CStr::from_ptr(name) }.to_bytes())
}

fn done(result: Result<(), Errno>) -> c_int {
    errno::answer(result.map(|()| 0))
}

fn change(start: c_int, name: *const c_char, flags: c_int, change: Change) -> c_int {
    let is_known = if flags & !NO_FOLLOW == 0 { Ok(()) } else { Err(Errno::EINVAL) };
    done(is_known.and_then(|()| bytes(start, name)).and_then(|name| stored::change(name, flags & NO_FOLLOW == 0, change)))
}

/// `eventfd(2)`. The kernel has another bit for `EFD_CLOEXEC`.
#[allow(clippy::cast_possible_truncation, reason = "what was an int stays one")]
#[unsafe(no_mangle)]
pub extern "C" fn eventfd(count: u32, flags: c_int) -> c_int {
    let ours = if flags & CLOSE_ON_EXEC == 0 { 0 } else { EFD_CLOEXEC };
    errno::of(sys_eventfd(count.into(), ours | i16::try_from(flags & !CLOSE_ON_EXEC).unwrap_or(i16::MAX)).into()) as c_int
}

/// Reads or writes the counter at `place`.
fn count(number: u64, fd: c_int, place: *const u64) -> c_int {
    let answer = linux::enter(number, &[u64::from(fd.cast_unsigned()), place as u64, size_of::<u64>() as u64, 0, 0, 0], 0);
    if errno::of(answer) < 0 { -1 } else { 0 }
}

/// `eventfd_read(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn eventfd_read(fd: c_int, value: *mut u64) -> c_int {
    count(READ, fd, value)
}

/// `eventfd_write(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn eventfd_write(fd: c_int, value: u64) -> c_int {
    count(WRITE, fd, &raw const value)
}

/// POSIX `rename`.
#[unsafe(no_mangle)]
pub extern "C" fn rename(from: *const c_char, to: *const c_char) -> c_int {
    renameat(HERE, from, HERE, to)
}

/// POSIX `renameat`.
#[unsafe(no_mangle)]
pub extern "C" fn renameat(start: c_int, from: *const c_char, other: c_int, to: *const c_char) -> c_int {
    done(bytes(start, from).and_then(|from| stored::rename(from, bytes(other, to)?)))
}

/// POSIX `chmod`.
#[unsafe(no_mangle)]
pub extern "C" fn chmod(name: *const c_char, bits: u32) -> c_int {
    change(HERE, name, 0, Change::Permissions(bits))
}

/// POSIX `fchmodat`.
#[unsafe(no_mangle)]
pub extern "C" fn fchmodat(start: c_int, name: *const c_char, bits: u32, flags: c_int) -> c_int {
    change(start, name, flags, Change::Permissions(bits))
}

/// POSIX `fchmod`.
#[unsafe(no_mangle)]
pub extern "C" fn fchmod(fd: c_int, bits: u32) -> c_int {
    done(stored::change_open(fd, Change::Permissions(bits)))
}

/// The change of owner to `user` and `group`, of which −1 means that it stays.
///
/// # Errors
/// `EPERM`: there is no such user.
fn owner(user: u32, group: u32) -> Result<Change, Errno> {
    const STAYS: u32 = u32::MAX;
    let is_ours = |id| matches!(id, 0 | STAYS);
    if is_ours(user) && is_ours(group) { Ok(Change::Owner) } else { Err(Errno::EPERM) }
}

/// POSIX `fchownat`.
#[unsafe(no_mangle)]
pub extern "C" fn fchownat(start: c_int, name: *const c_char, user: u32, group: u32, flags: c_int) -> c_int {
    owner(user, group).map_or_else(errno::set, |owner| change(start, name, flags, owner))
}

/// POSIX `chown`.
#[unsafe(no_mangle)]
pub extern "C" fn chown(name: *const c_char, user: u32, group: u32) -> c_int {
    fchownat(HERE, name, user, group, 0)
}

/// POSIX `lchown`.
#[unsafe(no_mangle)]
pub extern "C" fn lchown(name: *const c_char, user: u32, group: u32) -> c_int {
    fchownat(HERE, name, user, group, NO_FOLLOW)
}

/// POSIX `fchown`.
#[unsafe(no_mangle)]
pub extern "C" fn fchown(fd: c_int, user: u32, group: u32) -> c_int {
    done(owner(user, group).and_then(|owner| stored::change_open(fd, owner)))
}

/// The change of times that `utimensat` asks for with two of them: now, if they are null.
///
/// # Errors
/// `EINVAL`: it is no time.
fn times(two: *const TimeSpec) -> Result<Change, Errno> {
    /// `UTIME_NOW` and `UTIME_OMIT`, in place of nanoseconds.
    const NOW: i64 = 0x3fff_ffff;
    const STAYS: i64 = 0x3fff_fffe;
    let now_ns = skete::time::realtime_ns();
    if two.is_null() {
        return Ok(Change::Times { accessed_ns: Some(now_ns), modified_ns: Some(now_ns) });
    }
    let one = |index| {
        let place = two.wrapping_add(index);
        // SAFETY: the program says that two are there.
        match unsafe { place.read() }.tv_nsec {
            NOW => Ok(Some(now_ns)),
            STAYS => Ok(None),
            _ => time::ns_at(place).map(Some),
        }
    };
    Ok(Change::Times { accessed_ns: one(0)?, modified_ns: one(1)? })
}

/// POSIX `utimensat`; without a name, Linux's: of the open file `start` (`futimens`).
#[unsafe(no_mangle)]
pub extern "C" fn utimensat(start: c_int, name: *const c_char, two: *const TimeSpec, flags: c_int) -> c_int {
    match times(two) {
        Ok(times) if name.is_null() => done(stored::change_open(start, times)),
        Ok(times) => change(start, name, flags, times),
        Err(error) => errno::set(error),
    }
}
