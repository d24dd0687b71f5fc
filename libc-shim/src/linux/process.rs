//! The program as a whole: its end, its ids, what it may use, what it is told of the machine.
#![allow(unsafe_code, reason = "structs and buffers that the program names by their address")]

use skete::calls::process::{sys_exit, sys_read_entropy};
use skete_abi::Errno;

use super::{Answered, Arguments, int, pointer, told};

/// Linux's numbers.
mod number {
    pub const EXIT_GROUP: u64 = 94;
    pub const GETPGID: u64 = 155;
    pub const UNAME: u64 = 160;
    pub const GETRLIMIT: u64 = 163;
    pub const UMASK: u64 = 166;
    pub const GETPID: u64 = 172;
    pub const GETPPID: u64 = 173;
    pub const GETUID: u64 = 174;
    pub const GETEUID: u64 = 175;
    pub const GETGID: u64 = 176;
    pub const GETEGID: u64 = 177;
    pub const PRLIMIT: u64 = 261;
    pub const GETRANDOM: u64 = 278;
}

/// The program's number, for there is one only: as `getpid` tells it.
pub const PID: i32 = 1;

/// Answers the calls of this file.
#[optimize(size)]
pub fn call(number: u64, arguments: &Arguments) -> Option<Answered> {
    let [first, second, third, fourth, ..] = *arguments;
    Some(match number {
        number::EXIT_GROUP => sys_exit(int(first) & 0xff),
        number::GETRANDOM => random(pointer(first), second),
        // It is its own group.
        number::GETPID | number::GETPGID => told(PID),
        // One user, numbered 0; no parent.
        number::GETPPID | number::GETUID | number::GETEUID | number::GETGID | number::GETEGID => Ok(0),
        number::UMASK => Ok(0o22),
        number::UNAME => name(pointer(first)),
        number::GETRLIMIT => limit(int(first), pointer(second)),
        number::PRLIMIT if third == 0 => limit(int(second), pointer(fourth)),
        _ => return None,
    })
}

fn random(buffer: *mut u8, bytes: u64) -> Answered {
    if buffer.is_null() {
        return Err(Errno::EFAULT);
    }
    told(sys_read_entropy(buffer, usize::try_from(bytes).map_err(|_| Errno::EINVAL)?, 0) as i64)
}

/// Bytes of each text of `struct utsname`.
const TEXT: usize = 65;

/// `uname(2)`: as Linux is called, for programs that go by it.
fn name(place: *mut [[u8; TEXT]; 6]) -> Answered {
    if place.is_null() {
        return Err(Errno::EFAULT);
    }
    let mut texts = [[0; TEXT]; 6];
    for (text, word) in texts.iter_mut().zip(["Linux", "skete", "6.1.0-skete", "#1 SMP PREEMPT", "aarch64", "(none)"]) {
        text[..word.len()].copy_from_slice(word.as_bytes());
    }
    // SAFETY: the program says that there is room.
    unsafe { place.write(texts) };
    Ok(0)
}

/// A `struct rlimit` without a limit.
const NO_LIMIT: u64 = u64::MAX;

/// `getrlimit(2)`.
fn limit(resource: i32, place: *mut [u64; 2]) -> Answered {
    const STACK: i32 = 3;
    const CORE_FILE: i32 = 4;
    const FILES: i32 = 7;
    const RESOURCES: i32 = 16;
    let limit = match resource {
        STACK => 8 << 20,
        CORE_FILE => 0,
        FILES => skete::files::LIMIT as u64,
        0..RESOURCES => NO_LIMIT,
        _ => return Err(Errno::EINVAL),
    };
    if !place.is_null() {
        // SAFETY: the program says that there is room.
        unsafe { place.write([limit; 2]) };
    }
    Ok(0)
}
