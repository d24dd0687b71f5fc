//! What the program and a thread have used: the time for which they have run. By their C names, so that only who asks carries it.
#![allow(unsafe_code, reason = "exported names, and structs that the program names by their address")]

use core::ffi::c_int;

use skete::thread;
use skete::time;
use skete_abi::Errno;

use crate::errno;
use crate::linux::time::spec;

/// Nanoseconds of `sysconf(_SC_CLK_TCK)`, in which `times` counts.
const TICK_NS: u64 = 10_000_000;

/// `struct rusage`, as far as `getrusage` writes it: two times, in seconds and microseconds, and fourteen counts.
#[repr(C)]
pub struct Usage {
    /// In the program, and in the kernel, which is a part of it.
    times: [[i64; 2]; 2],
    /// What nobody counts.
    counts: [i64; 14],
}

/// `getrusage(2)`: for how long the program has run, or the calling thread; all else is 0.
///
/// # Safety
/// There is room for a `struct rusage`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrusage(who: c_int, place: *mut Usage) -> c_int {
    const PROGRAM: c_int = 0;
    const CHILDREN: c_int = -1;
    const THREAD: c_int = 1;
    let ns = match who {
        PROGRAM => thread::all_ran_ns(),
        THREAD => thread::ran_ns(),
        CHILDREN => 0,
        _ => return errno::set(Errno::EINVAL),
    };
    if place.is_null() {
        return errno::set(Errno::EFAULT);
    }
    let ran = spec(ns);
    // SAFETY: the caller's promise.
    unsafe { place.write(Usage { times: [[ran.tv_sec, ran.tv_nsec / 1000], [0; 2]], counts: [0; 14] }) };
    0
}

/// POSIX `times`: hundredths of seconds for which the program has run, into the first of four counts; answers with those since boot.
///
/// # Safety
/// There is room for a `struct tms`, or `place` is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn times(place: *mut [i64; 4]) -> i64 {
    if !place.is_null() {
        // SAFETY: the caller's promise.
        unsafe { place.write([(thread::all_ran_ns() / TICK_NS).cast_signed(), 0, 0, 0]) };
    }
    (time::now().as_ns() / TICK_NS).cast_signed()
}
