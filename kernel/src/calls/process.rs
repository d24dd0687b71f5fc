//! The program as a whole: its end, its errors, its random numbers.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

use core::sync::atomic::Ordering;

use crate::board::{options, power};
use crate::files;
use crate::sched::{fault, record};
use crate::trace;

/// Ends the program with `status`. What it left in `/out` goes to the host first, if that was asked for.
#[unsafe(no_mangle)]
pub extern "C" fn sys_exit(status: i32) -> ! {
    if options::is_on("out") {
        files::hand_out();
    }
    trace::finish();
    power::off(status)
}

/// Ends the program at once: status 101 after a panic, else 134.
#[unsafe(no_mangle)]
pub extern "C" fn sys_abort() -> ! {
    fault::abort()
}

/// This thread's last error.
#[unsafe(no_mangle)]
pub extern "C" fn sys_get_errno() -> i32 {
    record::current().errno.load(Ordering::Relaxed).cast_signed()
}

/// As [`sys_get_errno`].
#[unsafe(no_mangle)]
pub extern "C" fn sys_errno() -> i32 {
    sys_get_errno()
}

/// Fills `buffer` with random bytes: how many, or −1.
#[unsafe(no_mangle)]
pub extern "C" fn sys_read_entropy(buffer: *mut u8, bytes: usize, _flags: u32) -> isize {
    if buffer.is_null() {
        return -1;
    }
    // SAFETY: the program says that there is room.
    let buffer = unsafe { core::slice::from_raw_parts_mut(buffer, bytes) };
    crate::entropy::fill(buffer);
    bytes.cast_signed()
}
