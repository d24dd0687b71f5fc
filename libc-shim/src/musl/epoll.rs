//! `epoll(7)`. Functions of their own, not numbers of the table of Linux's calls: a program that calls none carries none.
#![allow(unsafe_code, reason = "exported names; events where the program wants them")]

use core::ffi::{c_int, c_void};

use skete::files::epoll::{self, Told, Wish};
use skete::{files, time};
use skete_abi::Errno;

use crate::linux::files::CLOSE_ON_EXEC;
use crate::signal::Outcome;
use crate::thread::cancel;
use crate::{errno, signal};

/// `struct epoll_event`, as this processor has it.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Event {
    ready: u32,
    word: u64,
}

/// See `epoll_create(2)`.
#[unsafe(no_mangle)]
extern "C" fn epoll_create(size: c_int) -> c_int {
    if size <= 0 { errno::set(Errno::EINVAL) } else { epoll_create1(0) }
}

/// See `epoll_create(2)`.
#[unsafe(no_mangle)]
extern "C" fn epoll_create1(flags: c_int) -> c_int {
    if flags & !CLOSE_ON_EXEC != 0 {
        return errno::set(Errno::EINVAL);
    }
    errno::answer(epoll::open().and_then(|fd| files::close_on_exec(fd, Some(flags != 0)).map(|_| fd)))
}

/// See `epoll_ctl(2)`.
///
/// # Safety
/// An event is where one is told of.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *const Event) -> c_int {
    // SAFETY: the caller's promise.
    let event = unsafe { event.as_ref() }.ok_or(Errno::EFAULT);
    let wish = match operation {
        1 => event.map(|event| Wish::Add(event.ready, event.word)),
        2 => Ok(Wish::Remove),
        3 => event.map(|event| Wish::Change(event.ready, event.word)),
        _ => Err(Errno::EINVAL),
    };
    errno::answer(wish.and_then(|wish| epoll::control(epoll, fd, wish).map(|()| 0)))
}

/// See `epoll_wait(2)`: a cancellation point.
///
/// # Safety
/// There is room for `most` events.
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_wait(epoll: c_int, events: *mut Event, most: c_int, timeout_ms: c_int) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { epoll_pwait(epoll, events, most, timeout_ms, core::ptr::null()) }
}

/// See `epoll_wait(2)`; with a mask of signals: `ENOSYS`.
///
/// # Safety
/// As [`epoll_wait`].
#[unsafe(no_mangle)]
unsafe extern "C" fn epoll_pwait(epoll: c_int, events: *mut Event, most: c_int, timeout_ms: c_int, mask: *const c_void) -> c_int {
    let Some(most) = usize::try_from(most).ok().filter(|most| *most > 0) else { return errno::set(Errno::EINVAL) };
    if !mask.is_null() {
        return errno::set(Errno::ENOSYS);
    }
    let deadline = u64::try_from(timeout_ms).ok().map(|ms| time::now().saturating_add_ns(ms * 1_000_000));
    loop {
        let mut place = events;
        let tell = |told: Told| {
            // SAFETY: the caller's promise: no more than `most` are told.
            unsafe { place.write(Event { ready: told.ready, word: told.word }) };
            place = place.wrapping_add(1);
        };
        match cancel::while_waiting(|| epoll::wait(epoll, most, deadline, tell)) {
            Err(Errno::EINTR) => {
                if cancel::interrupted() != Outcome::Nothing {
                    return errno::set(Errno::EINTR);
                }
            }
            answer => {
                signal::point();
                return errno::answer(answer.and_then(|count| c_int::try_from(count).map_err(|_| Errno::EINVAL)));
            }
        }
    }
}
