//! Clocks and sleep.
#![allow(unsafe_code, reason = "structs that the program names by their address; a function without a frame is assembly")]

use core::arch::naked_asm;
use core::sync::atomic::AtomicU32;

use skete::sched::core::CLOCK_AT;
use skete::sched::{clock, futex};
use skete::thread;
use skete::time::{self, Deadline, Instant, When, seconds_of};
use skete_abi::Errno;
use skete_abi::futex::TimeSpec;

use crate::signal::{Outcome, timer};
use crate::thread::cancel;

use super::{Answered, Arguments, int, pointer};

/// Linux's numbers.
mod number {
    pub const NANOSLEEP: u64 = 101;
    pub const CLOCK_SETTIME: u64 = 112;
    pub const CLOCK_GETTIME: u64 = 113;
    pub const CLOCK_GETRES: u64 = 114;
    pub const CLOCK_NANOSLEEP: u64 = 115;
    pub const GETTIMEOFDAY: u64 = 169;
}

/// Linux's clocks (`clock_gettime(2)`).
pub const REALTIME: i32 = 0;
/// Since boot.
pub const MONOTONIC: i32 = 1;
/// For how long the program's threads have run.
pub const PROCESS_CPU: i32 = 2;
/// For how long the calling thread has run.
pub const THREAD_CPU: i32 = 3;
const MONOTONIC_RAW: i32 = 4;
const REALTIME_COARSE: i32 = 5;
const MONOTONIC_COARSE: i32 = 6;
const BOOT: i32 = 7;

/// `TIMER_ABSTIME`: the time of a sleep is its end.
const ABSOLUTE: i32 = 1;

/// Answers the calls of this file.
#[optimize(size)]
pub fn call(number: u64, arguments: &Arguments) -> Option<Answered> {
    let [first, second, third, fourth, ..] = *arguments;
    Some(match number {
        number::CLOCK_GETTIME => now(int(first)).and_then(|ns| put(pointer(second), ns)).map(|()| 0),
        number::CLOCK_GETRES => now(int(first)).map(|_| resolution(pointer(second))),
        number::CLOCK_SETTIME => set(int(first), pointer(second)).map(|()| 0),
        number::NANOSLEEP => sleep(MONOTONIC, 0, pointer(first), pointer(second)).map(|()| 0),
        number::CLOCK_NANOSLEEP => sleep(int(first), int(second), pointer(third), pointer(fourth)).map(|()| 0),
        number::GETTIMEOFDAY => time_of_day(pointer(first)).map(|()| 0),
        _ => return None,
    })
}

/// Bits of a thread's number that a clock's name has room for: all but the highest of the generation.
const TID_BITS: u32 = 28;

/// The name of the clock of thread `tid`, as `pthread_getcpuclockid` tells it: the complement of the number above three bits, which are 6,
/// and 2 in the name of the program's.
pub const fn clock_of(tid: u32) -> i32 {
    (!tid << 3 | 1 << 31 | 6).cast_signed()
}

/// For how long what a clock of computing is of has run: a program or a thread, in both of which 0 is the caller.
fn ran(clock: i32) -> Result<u64, Errno> {
    let number = !(clock >> 3);
    match (clock, clock & 7) {
        (PROCESS_CPU, _) => Ok(thread::all_ran_ns()),
        (THREAD_CPU, _) => Ok(thread::ran_ns()),
        (..0, 2) if number == 0 || number == super::process::PID => Ok(thread::all_ran_ns()),
        (..0, 6) if number == 0 => Ok(thread::ran_ns()),
        (..0, 6) => {
            let tid = number.cast_unsigned();
            thread::ran_ns_of(tid).or_else(|_| thread::ran_ns_of(tid | 1 << TID_BITS)).map_err(|_| Errno::EINVAL)
        }
        _ => Err(Errno::EINVAL),
    }
}

/// A clock's time in nanoseconds.
///
/// # Errors
/// `EINVAL`: no such clock.
#[inline]
pub fn now(clock: i32) -> Result<u64, Errno> {
    match clock {
        REALTIME | REALTIME_COARSE => Ok(time::realtime_ns()),
        MONOTONIC | MONOTONIC_RAW | MONOTONIC_COARSE | BOOT => Ok(time::now().as_ns()),
        _ => ran(clock),
    }
}

/// The time at `place`, looked at.
///
/// # Errors
/// `EFAULT`: a null pointer. `EINVAL`: it is no time.
pub fn ns_at(place: *const TimeSpec) -> Result<u64, Errno> {
    if place.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the program says that a timespec is there.
    unsafe { place.read() }.as_ns().ok_or(Errno::EINVAL)
}

/// The moment when `clock` will show `ns`.
///
/// # Errors
/// `EINVAL`: no such clock, or one that nobody can wait for. `ENOTSUP`: one of computing, other than the caller's own.
pub fn moment(clock: i32, ns: u64) -> Result<Deadline, Errno> {
    match clock {
        REALTIME => Ok(Deadline::wall(ns)),
        MONOTONIC | BOOT => Ok(Deadline::at(Instant::from_ns(ns))),
        ..0 | PROCESS_CPU => Err(ran(clock).map_or_else(|errno| errno, |_| Errno::EOPNOTSUPP)),
        _ => Err(Errno::EINVAL),
    }
}

/// Nanoseconds as C has them.
#[inline]
pub fn spec(ns: u64) -> TimeSpec {
    let (seconds, rest) = seconds_of(ns);
    TimeSpec { tv_sec: seconds.cast_signed(), tv_nsec: i64::from(rest) }
}

fn put(place: *mut TimeSpec, ns: u64) -> Result<(), Errno> {
    if place.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the program says that there is room.
    unsafe { place.write(spec(ns)) };
    Ok(())
}

/// A nanosecond is told, if anybody wants to know: what a count of the counter's is, rounded down.
fn resolution(place: *mut TimeSpec) -> i64 {
    let _ = put(place, 1);
    0
}

fn set(clock: i32, place: *const TimeSpec) -> Result<(), Errno> {
    if clock != REALTIME {
        return Err(Errno::EINVAL);
    }
    clock::set_ns(ns_at(place)?);
    timer::look_again();
    Ok(())
}

/// Sleeps by `clock`, for the time at `request` or until it; what is left goes to `rest` if a signal or a cancellation ends it.
///
/// # Errors
/// `EINVAL`: no such clock, or no time. `EFAULT`: a null pointer. `EINTR`: it was ended before.
pub fn sleep(clock: i32, flags: i32, request: *const TimeSpec, rest: *mut TimeSpec) -> Result<(), Errno> {
    let ns = ns_at(request)?;
    let end = if flags & ABSOLUTE != 0 {
        moment(clock, ns)?
    } else {
        moment(clock, 0)?;
        Deadline::at(time::now().saturating_add_ns(ns))
    };
    let word = AtomicU32::new(0);
    while cancel::while_waiting(|| futex::wait_until(&word, 0, Some(end))) == Err(Errno::EINTR) {
        if cancel::interrupted() != Outcome::Nothing {
            if let When::At(end) = end.when()
                && flags & ABSOLUTE == 0
                && !rest.is_null()
            {
                put(rest, end.as_ns().saturating_sub(time::now().as_ns()))?;
            }
            return Err(Errno::EINTR);
        }
    }
    Ok(())
}

fn time_of_day(place: *mut [i64; 2]) -> Result<(), Errno> {
    if !place.is_null() {
        let TimeSpec { tv_sec, tv_nsec } = spec(time::realtime_ns());
        // SAFETY: the program says that there is room for a timeval.
        unsafe { place.write([tv_sec, tv_nsec / 1000]) };
    }
    Ok(())
}

/// Writes the time of `clock` (POSIX `clock_gettime`). CLOCK_MONOTONIC is told at once, without a frame: as [`time::now_split`].
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn clock_gettime(clock: i32, place: *mut TimeSpec) -> i32 {
    naked_asm!(
        "sub w0, w0, #{monotonic}",
        "cbnz w0, 2f",
        "cbz x1, 2f",
        // The counter is not read before what was to be done before (Arm ARM D11.1.2).
        "isb",
        "mrs x2, cntvct_el0",
        "mrs x3, tpidr_el1",
        "ldp x3, x4, [x3, #{factors}]",
        "umulh x5, x2, x3",
        "mul x2, x2, x3",
        "umulh x2, x2, x4",
        "stp x5, x2, [x1]",
        "ret",
        "2: add w0, w0, #{monotonic}",
        "b {tell}",
        monotonic = const MONOTONIC,
        factors = const CLOCK_AT,
        tell = sym tell,
    )
}

extern "C" fn tell(clock: i32, place: *mut TimeSpec) -> i32 {
    crate::errno::answer(now(clock).and_then(|ns| put(place, ns)).map(|()| 0))
}

/// As [`clock_gettime`]: musl's own name for it.
#[unsafe(no_mangle)]
pub extern "C" fn __clock_gettime(clock: i32, place: *mut TimeSpec) -> i32 {
    clock_gettime(clock, place)
}
