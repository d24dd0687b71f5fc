//! C's `errno`: the thread's own number, 164 bytes below the thread pointer, where musl's `libc.a` looks for it too.
#![allow(unsafe_code, reason = "the thread's block below its thread pointer; exported names")]

use core::ffi::c_int;

use skete::arch::cpu;
use skete_abi::Errno;

/// How far below the thread pointer `errno` lies: musl's `struct pthread` is 200 bytes, and ends there.
const BELOW: u64 = 164;

/// Where the calling thread's `errno` is.
#[unsafe(no_mangle)]
pub extern "C" fn __errno_location() -> *mut c_int {
    (cpu::thread_pointer() - BELOW) as *mut c_int
}

/// As [`__errno_location`]: musl's own name for it.
#[unsafe(no_mangle)]
pub extern "C" fn ___errno_location() -> *mut c_int {
    __errno_location()
}

/// Makes `errno` this error; −1, which most of C's calls answer then.
#[cold]
pub fn set(errno: Errno) -> c_int {
    // SAFETY: the thread's own, aligned, and there as long as the thread.
    unsafe { __errno_location().write(errno.number()) };
    -1
}

/// What C's calls answer: the value, or −1 with `errno` set.
pub fn answer<T: From<i8>>(result: Result<T, Errno>) -> T {
    result.unwrap_or_else(|errno| {
        set(errno);
        T::from(-1)
    })
}

/// What C's calls answer, of what the kernel's do: the value, or −1 with `errno` set to what is below zero there.
pub fn of(answer: i64) -> i64 {
    if answer >= 0 {
        return answer;
    }
    #[allow(clippy::cast_possible_truncation, reason = "an error's number")]
    // SAFETY: as in `set`.
    unsafe {
        __errno_location().write(-answer as c_int);
    };
    -1
}

/// What the functions of `pthread.h` answer: 0, or the error's number.
pub fn number(result: Result<(), Errno>) -> c_int {
    result.map_or_else(Errno::number, |()| 0)
}
