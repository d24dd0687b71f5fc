//! `select(2)` and `pselect`, by way of `poll(2)`. Functions, not numbers: a program that calls neither carries none.
#![allow(unsafe_code, reason = "exported names; sets where the program has them")]

use core::ffi::{c_int, c_void};
use core::slice;

use skete::files::poll;
use skete::time::{self, Instant};
use skete_abi::Errno;
use skete_abi::files::{POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, PollFd};
use skete_abi::futex::TimeSpec;

use crate::errno;
use crate::heap::{free, malloc};
use crate::linux::time::ns_at;
use crate::signal::{self, Outcome};
use crate::thread::cancel;

/// The most numbers that a set has (`FD_SETSIZE`).
const MOST: usize = 1024;
const NS_PER_MS: u64 = 1_000_000;

/// `fd_set`: a bit a number.
#[repr(C)]
pub struct Set([u64; MOST / 64]);

impl Set {
    const fn has(&self, number: usize) -> bool {
        self.0[number / 64] >> (number % 64) & 1 != 0
    }

    const fn put(&mut self, number: usize) {
        self.0[number / 64] |= 1 << (number % 64);
    }
}

/// `struct timeval`.
#[repr(C)]
pub struct TimeVal {
    seconds: i64,
    microseconds: i64,
}

/// What each of the three sets asks of a number, and what of its answer is in the set then. Nothing is ever exceptional here.
const ASKED: [i16; 3] = [POLLIN, POLLOUT, 0];
const TOLD: [i16; 3] = [POLLIN | POLLHUP | POLLERR, POLLOUT | POLLERR, 0];

/// Numbers asked about, in memory of the heap.
struct Asked {
    first: *mut PollFd,
    count: usize,
}

impl Asked {
    /// Those of the first `count` numbers that are in a set.
    fn new(count: usize, sets: &[Option<&mut Set>; 3]) -> Result<Self, Errno> {
        let first = malloc(count.max(1) * size_of::<PollFd>()).cast::<PollFd>();
        if first.is_null() {
            return Err(Errno::ENOMEM);
        }
        let mut asked = Self { first, count: 0 };
        for number in 0..count {
            let wanted = |set: &Option<&mut Set>| set.as_ref().is_some_and(|set| set.has(number));
            if sets.iter().any(wanted) {
                let events = sets.iter().zip(ASKED).filter(|(set, _)| wanted(set)).fold(0, |events, (_, asked)| events | asked);
                let fd = PollFd { fd: c_int::try_from(number).unwrap_or(c_int::MAX), events, revents: 0 };
                // SAFETY: there is room for `count`.
                unsafe { asked.first.add(asked.count).write(fd) };
                asked.count += 1;
            }
        }
        Ok(asked)
    }

    fn all(&mut self) -> &mut [PollFd] {
        // SAFETY: so many were written.
        unsafe { slice::from_raw_parts_mut(self.first, self.count) }
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        // SAFETY: of `malloc`.
        unsafe { free(self.first.cast()) };
    }
}

/// Waits until a number is ready, or until `deadline`; the sets hold those that are. How many bits they have.
fn wait(count: c_int, sets: [*mut Set; 3], deadline: Option<Instant>) -> Result<c_int, Errno> {
    let count = usize::try_from(count).ok().filter(|count| *count <= MOST).ok_or(Errno::EINVAL)?;
    // SAFETY: the program says that each is a set of its own, or null.
    let mut sets = sets.map(|set| unsafe { set.as_mut() });
    let mut asked = Asked::new(count, &sets)?;
    loop {
        // Rounded up: never early.
        let ms = deadline.map(|deadline| deadline.as_ns().saturating_sub(time::now().as_ns()).div_ceil(NS_PER_MS));
        let ms = ms.map_or(-1, |ms| i32::try_from(ms).unwrap_or(i32::MAX));
        match cancel::while_waiting(|| poll::wait(asked.all(), ms)) {
            Err(Errno::EINTR) if cancel::interrupted() == Outcome::Nothing => {}
            Ok(0) if deadline.is_some_and(|deadline| time::now() < deadline) => {}
            waited => {
                waited?;
                break;
            }
        }
    }
    if asked.all().iter().any(|fd| fd.revents & POLLNVAL != 0) {
        return Err(Errno::EBADF);
    }
    let mut bits = 0;
    for (set, (asks, told)) in sets.iter_mut().zip(ASKED.into_iter().zip(TOLD)) {
        let Some(set) = set else { continue };
        set.0 = [0; MOST / 64];
        for fd in asked.all().iter().filter(|fd| fd.events & asks != 0 && fd.revents & told != 0) {
            set.put(usize::try_from(fd.fd).unwrap_or(0));
            bits += 1;
        }
    }
    signal::point();
    Ok(bits)
}

/// POSIX `select`. The time that is left is not told.
///
/// # Safety
/// Sets and time are there, or null.
#[unsafe(no_mangle)]
unsafe extern "C" fn select(count: c_int, read: *mut Set, write: *mut Set, except: *mut Set, timeout: *const TimeVal) -> c_int {
    // SAFETY: the caller's promise.
    let timeout = unsafe { timeout.as_ref() }.map(|time| {
        let seconds = u64::try_from(time.seconds).map_err(|_| Errno::EINVAL)?;
        let microseconds = u64::try_from(time.microseconds).map_err(|_| Errno::EINVAL)?;
        Ok(seconds.saturating_mul(1_000_000_000).saturating_add(microseconds.saturating_mul(1_000)))
    });
    let deadline = timeout.transpose().map(|ns| ns.map(|ns: u64| time::now().saturating_add_ns(ns)));
    errno::answer(deadline.and_then(|deadline| wait(count, [read, write, except], deadline)))
}

/// POSIX `pselect`; with a mask of signals: `ENOSYS`.
///
/// # Safety
/// As [`select`].
#[unsafe(no_mangle)]
unsafe extern "C" fn pselect(
    count: c_int,
    read: *mut Set,
    write: *mut Set,
    except: *mut Set,
    timeout: *const TimeSpec,
    mask: *const c_void,
) -> c_int {
    if !mask.is_null() {
        return errno::set(Errno::ENOSYS);
    }
    let deadline = if timeout.is_null() { Ok(None) } else { ns_at(timeout).map(|ns| Some(time::now().saturating_add_ns(ns))) };
    errno::answer(deadline.and_then(|deadline| wait(count, [read, write, except], deadline)))
}
