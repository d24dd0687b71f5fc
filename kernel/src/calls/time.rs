//! Clocks and sleep.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

use skete_abi::Errno;
use skete_abi::files::TimeSpec;

use super::{answer_int, split_spec, time_spec, timeout_of};
use crate::sched::park;
use crate::time;

const REALTIME: i32 = 1;
const MONOTONIC: i32 = 4;

/// Tells a clock's time (POSIX `clock_gettime`): `-EINVAL` for an unknown clock, `-EFAULT` for a null pointer.
#[unsafe(no_mangle)]
pub extern "C" fn sys_clock_gettime(clock: i32, time: *mut TimeSpec) -> i32 {
    let told = match clock {
        MONOTONIC => split_spec(time::now_split()),
        REALTIME => time_spec(time::realtime_ns()),
        _ => return answer_int(Err::<i64, _>(Errno::EINVAL)),
    };
    if time.is_null() {
        return answer_int(Err::<i64, _>(Errno::EFAULT));
    }
    // SAFETY: the program says that there is room for a timespec.
    unsafe { time.write(told) };
    0
}

/// Sleeps for at least `us` microseconds.
#[unsafe(no_mangle)]
pub extern "C" fn sys_usleep(us: u64) {
    park::sleep(us.saturating_mul(1000));
}

/// Sleeps for at least `*requested` (POSIX `nanosleep`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_nanosleep(requested: *const TimeSpec) -> i32 {
    answer_int(timeout_of(requested).and_then(|ns| ns.ok_or(Errno::EFAULT)).map(|ns| {
        park::sleep(ns);
        0
    }))
}
