//! Files, directories, the console.
#![allow(unsafe_code, reason = "memory that the program names by its address")]

use core::ffi::{CStr, c_char};

use skete::calls::process::sys_get_errno;
use skete::calls::{files as face, vectors};
use skete::files::console::DEVICE as CONSOLE;
use skete_abi::Errno;
use skete_abi::files::{O_DIRECTORY, PollFd, S_IFCHR, S_IFMT, Stat as OurStat};
use skete_abi::futex::TimeSpec;

use skete_signals::{Info, Signal};

use super::time;
use super::{Answered, Arguments, int, pointer, told, word};
use crate::signal::{self, code};
use crate::thread::block::Block;

/// `read(2)`.
pub const READ: u64 = 63;
/// `write(2)`.
pub const WRITE: u64 = 64;
/// `ioctl(2)`.
pub const IOCTL: u64 = 29;

/// Linux's numbers.
mod number {
    pub use super::{IOCTL, READ, WRITE};

    pub const GETCWD: u64 = 17;
    pub const DUP: u64 = 23;
    pub const FCNTL: u64 = 25;
    pub const MKDIRAT: u64 = 34;
    pub const UNLINKAT: u64 = 35;
    pub const FTRUNCATE: u64 = 46;
    pub const FACCESSAT: u64 = 48;
    pub const CHDIR: u64 = 49;
    pub const OPENAT: u64 = 56;
    pub const CLOSE: u64 = 57;
    pub const GETDENTS: u64 = 61;
    pub const LSEEK: u64 = 62;
    pub const READV: u64 = 65;
    pub const WRITEV: u64 = 66;
    pub const PREAD: u64 = 67;
    pub const PWRITE: u64 = 68;
    pub const PPOLL: u64 = 73;
    pub const FSTATAT: u64 = 79;
    pub const FSTAT: u64 = 80;
    pub const SYNC: u64 = 81;
    pub const FSYNC: u64 = 82;
    pub const FDATASYNC: u64 = 83;
}

/// `AT_FDCWD`: the folder that relative paths begin at. There is one only, the root.
pub const HERE: i32 = -100;
/// `AT_SYMLINK_NOFOLLOW`.
pub const NO_FOLLOW: i32 = 0x100;
/// `O_CLOEXEC`, which each call that opens something has under a name of its own.
pub const CLOSE_ON_EXEC: i32 = 0o200_0000;
/// `AT_REMOVEDIR`, `AT_EMPTY_PATH`.
const REMOVE_DIRECTORY: i32 = 0x200;
const EMPTY_PATH: i32 = 0x1000;

/// Answers the calls of this file.
pub fn call(number: u64, arguments: &Arguments) -> Option<Answered> {
    let [first, second, third, fourth, ..] = *arguments;
    let length = third as usize;
    Some(match number {
        number::READ => told(face::sys_read(int(first), pointer(second), length) as i64),
        number::WRITE => written(face::sys_write(int(first), pointer(second), length)),
        number::PREAD => told(face::sys_pread(int(first), pointer(second), length, fourth.cast_signed()) as i64),
        number::PWRITE => told(face::sys_pwrite(int(first), pointer(second), length, fourth.cast_signed()) as i64),
        number::READV => told(vectors::sys_readv(int(first), pointer(second), length) as i64),
        number::WRITEV => written(vectors::sys_writev(int(first), pointer(second), length)),
        number::LSEEK => told(face::sys_lseek(int(first), second as isize, int(third)) as i64),
        number::OPENAT => open(int(first), pointer(second), int(third), int(fourth)),
        number::CLOSE => told(face::sys_close(int(first))),
        number::DUP => told(face::sys_dup(int(first))),
        number::FCNTL => control(int(first), int(second), third),
        number::IOCTL => device(int(first), word(second), pointer(third)),
        number::PPOLL => poll(pointer(first), second as usize, pointer(third)),
        number::FSTAT => status(pointer(second), |place| face::sys_fstat(int(first), place)),
        number::FSTATAT => status_at(int(first), pointer(second), pointer(third), int(fourth)),
        number::FACCESSAT => path(int(first), pointer(second)).and_then(|name| found(face::sys_stat(name, &mut OurStat::default()))),
        number::UNLINKAT => unlink(int(first), pointer(second), int(third)),
        number::MKDIRAT => path(int(first), pointer(second)).and_then(|name| told(face::sys_mkdir(name, word(third)))),
        number::FTRUNCATE => told(face::sys_ftruncate(int(first), second.cast_signed())),
        number::GETDENTS => told(face::sys_getdents64(int(first), pointer(second), length)),
        number::FSYNC | number::FDATASYNC => told(face::sys_fsync(int(first))),
        number::SYNC => Ok(0),
        number::GETCWD => here(pointer(first), second),
        number::CHDIR => change_here(pointer(first)),
        _ => return None,
    })
}

/// The answer of a write. Who writes what nobody will read is sent SIGPIPE (POSIX `write`).
fn written(answer: isize) -> Answered {
    if answer == -(Errno::EPIPE.number() as isize) {
        tell_of_broken_pipe();
    }
    told(answer as i64)
}

/// Sends the calling thread SIGPIPE.
#[inline(always)]
pub fn tell_of_broken_pipe() {
    // Too many that are pending make no difference: one more of them is SIGPIPE.
    let _ = signal::send_to(Block::current(), Info { signal: Signal::PIPE, code: code::USER, value: 0, timer: None });
}

/// Whether a call of this file goes on after a handler that wants it to.
pub fn restarts(number: u64) -> bool {
    matches!(number, number::READ | number::READV | number::WRITE | number::WRITEV | number::OPENAT)
}

/// Whether it can be made anew where nothing has interrupted it after all: no timeout has begun.
pub fn waits_anew(number: u64, arguments: &Arguments) -> bool {
    restarts(number) || number == number::PPOLL && arguments[2] == 0
}

/// `ppoll(2)`: the timeout, null for ever, is rounded up to milliseconds.
fn poll(fds: *mut PollFd, count: usize, timeout: *const TimeSpec) -> Answered {
    const NS_PER_MS: u64 = 1_000_000;
    let ms = if timeout.is_null() { None } else { Some(time::ns_at(timeout)?.div_ceil(NS_PER_MS)) };
    let ms = ms.map_or(-1, |ms| i32::try_from(ms).unwrap_or(i32::MAX));
    match face::sys_poll(fds, count, ms) {
        -1 => told(-sys_get_errno()),
        count => told(count),
    }
}

fn found(answer: i32) -> Answered {
    told(answer.min(0))
}

/// The path `name`, which begins at folder `start`.
///
/// # Errors
/// `EFAULT`: there is none. `ENOSYS`: at another folder than the root.
#[inline(never)]
pub fn path(start: i32, name: *const c_char) -> Result<*const c_char, Errno> {
    if name.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the program says that it is a C string.
    let is_absolute = unsafe { name.read() } == b'/';
    if start == HERE || is_absolute { Ok(name) } else { Err(Errno::ENOSYS) }
}

/// Flags of `open(2)` whose bit is another on this processor than the kernel's: `O_DIRECTORY`; those that are nothing here go.
fn flags_of(flags: i32) -> i32 {
    const DIRECTORY: i32 = 0o4_0000;
    const NOTHING_HERE: i32 = 0o10_0000 | 0o20_0000 | 0o40_0000;
    let directory = if flags & DIRECTORY != 0 { O_DIRECTORY } else { 0 };
    flags & !(DIRECTORY | NOTHING_HERE) | directory
}

fn open(start: i32, name: *const c_char, flags: i32, mode: i32) -> Answered {
    path(start, name).and_then(|name| told(face::sys_open(name, flags_of(flags & !CLOSE_ON_EXEC), mode)))
}

#[optimize(size)]
fn control(fd: i32, command: i32, argument: u64) -> Answered {
    const DUPLICATE_TO_CLOSE: i32 = 1030;
    const SET_FLAGS: i32 = 4;
    const GET_LOCK: i32 = 5;
    const WAIT_FOR_LOCK: i32 = 7;
    let place = argument;
    let argument = int(argument);
    match command {
        GET_LOCK..=WAIT_FOR_LOCK => lock(fd, command == GET_LOCK, pointer(place)),
        DUPLICATE_TO_CLOSE => told(face::sys_fcntl(fd, 0, argument)),
        SET_FLAGS => told(face::sys_fcntl(fd, command, flags_of(argument))),
        _ => told(face::sys_fcntl(fd, command, argument)),
    }
}

/// `struct flock`: kind of lock, and where; who has it behind them.
#[repr(C)]
struct Lock {
    kind: i16,
    whence: i16,
    range: [i64; 2],
    holder: i32,
}

/// Locks of ranges of a file (`fcntl(2)`) are between processes, so nobody else's is ever in the way of the one program that there is.
#[optimize(size)]
fn lock(fd: i32, only_asks: bool, place: *mut Lock) -> Answered {
    const READ: i16 = 0;
    const WRITE: i16 = 1;
    const NONE: i16 = 2;
    let flags = skete::files::flags(fd)?;
    if place.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the program says that a lock is there.
    let lock = unsafe { &mut *place };
    let may = match lock.kind {
        READ => only_asks || flags.is_readable(),
        WRITE => only_asks || flags.is_writable(),
        NONE if !only_asks => true,
        _ => return Err(Errno::EINVAL),
    };
    if only_asks {
        lock.kind = NONE;
    }
    if may { Ok(0) } else { Err(Errno::EBADF) }
}

/// `ioctl(2)`: whether a number is the console, which has no size that it knows; and what the kernel answers.
fn device(fd: i32, command: u32, argument: *mut core::ffi::c_void) -> Answered {
    const WINDOW_SIZE: u32 = 0x5413;
    const NONBLOCKING: u32 = 0x5421;
    match command {
        WINDOW_SIZE => {
            let mut status = OurStat::default();
            let answer = face::sys_fstat(fd, &raw mut status);
            if answer < 0 {
                return told(answer);
            }
            if status.st_mode & S_IFMT != S_IFCHR || status.st_rdev != u64::from(CONSOLE) {
                return Err(Errno::ENOTTY);
            }
            // SAFETY: the program says that there is room for a `struct winsize`.
            unsafe { argument.cast::<[u16; 4]>().write([0; 4]) };
            Ok(0)
        }
        NONBLOCKING => told(face::sys_ioctl(fd, skete_abi::files::FIONBIO, argument)),
        _ => Err(Errno::ENOTTY),
    }
}

/// `struct stat` as Linux lays it out on this processor.
#[repr(C)]
struct Stat {
    device: u64,
    node: u64,
    mode: u32,
    links: u32,
    user: u32,
    group: u32,
    stands_for: u64,
    nothing: u64,
    bytes: i64,
    block_bytes: i32,
    nothing_either: i32,
    blocks: i64,
    times: [[i64; 2]; 3],
    unused: u64,
}

const _: () = assert!(size_of::<Stat>() == 128);

fn status(place: *mut Stat, ask: impl FnOnce(*mut OurStat) -> i32) -> Answered {
    let mut ours = OurStat::default();
    let answer = ask(&raw mut ours);
    if answer < 0 {
        return told(answer);
    }
    if place.is_null() {
        return Err(Errno::EFAULT);
    }
    let theirs = Stat {
        device: ours.st_dev,
        node: ours.st_ino,
        mode: ours.st_mode,
        links: u32::try_from(ours.st_nlink).unwrap_or(u32::MAX),
        user: ours.st_uid,
        group: ours.st_gid,
        stands_for: ours.st_rdev,
        nothing: 0,
        bytes: ours.st_size,
        block_bytes: i32::try_from(ours.st_blksize).unwrap_or(i32::MAX),
        nothing_either: 0,
        blocks: ours.st_blocks,
        times: [ours.st_atim, ours.st_mtim, ours.st_ctim].map(|time| [time.tv_sec, time.tv_nsec.into()]),
        unused: 0,
    };
    // SAFETY: the program says that there is room.
    unsafe { place.write(theirs) };
    Ok(0)
}

fn status_at(start: i32, name: *const c_char, place: *mut Stat, flags: i32) -> Answered {
    // SAFETY: the program says that it is a C string.
    if flags & EMPTY_PATH != 0 && (name.is_null() || unsafe { name.read() } == 0) {
        return status(place, |ours| face::sys_fstat(start, ours));
    }
    let name = path(start, name)?;
    status(place, |ours| if flags & NO_FOLLOW != 0 { face::sys_lstat(name, ours) } else { face::sys_stat(name, ours) })
}

fn unlink(start: i32, name: *const c_char, flags: i32) -> Answered {
    let name = path(start, name)?;
    told(if flags & REMOVE_DIRECTORY != 0 { face::sys_rmdir(name) } else { face::sys_unlink(name) })
}

/// `getcwd(2)`: the bytes of the path, its NUL included.
fn here(place: *mut [u8; 2], bytes: u64) -> Answered {
    if bytes < 2 {
        return Err(Errno::ERANGE);
    }
    // SAFETY: the program says that there is room.
    unsafe { place.write(*b"/\0") };
    Ok(2)
}

fn change_here(name: *const c_char) -> Answered {
    let name = path(HERE, name)?;
    // SAFETY: the program says that it is a C string.
    if matches!(unsafe { CStr::from_ptr(name) }.to_bytes(), b"/" | b"." | b"/." | b"./") { Ok(0) } else { Err(Errno::ENOSYS) }
}
