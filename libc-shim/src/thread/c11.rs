//! Threads by the names of `<threads.h>` (C11 7.26.5, 7.26.6). Its locks are in [`pthread`](crate::pthread).
#![allow(unsafe_code, reason = "exported names, and places that the program names by their address")]

use core::ffi::{c_int, c_uint, c_void};
use core::ptr::{null, null_mut, without_provenance_mut};

use skete_abi::Errno;
use skete_abi::futex::TimeSpec;

use super::block::{Block, Name};
use super::{create, end, join, keys, schedule};
use crate::linux::time;

/// `thrd_success`, `thrd_error`, `thrd_nomem`.
const SUCCESS: c_int = 0;
const ERROR: c_int = 2;
const NO_MEMORY: c_int = 3;

fn told(number: c_int) -> c_int {
    if number == 0 { SUCCESS } else { ERROR }
}

/// Begins a thread; what its function returns is for `thrd_join`.
///
/// # Safety
/// There is room for the name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn thrd_create(name: *mut Name, function: extern "C" fn(*mut c_void) -> c_int, argument: *mut c_void) -> c_int {
    // SAFETY: an `int` comes back in a register's low half; `thrd_join` reads no more of it.
    let function = unsafe { core::mem::transmute::<extern "C" fn(*mut c_void) -> c_int, create::Function>(function) };
    // SAFETY: the caller's promise.
    match unsafe { create::pthread_create(name, null(), function, argument) } {
        0 => SUCCESS,
        number if number == Errno::EAGAIN.number() => NO_MEMORY,
        _ => ERROR,
    }
}

/// Ends the calling thread.
#[unsafe(no_mangle)]
pub extern "C" fn thrd_exit(result: c_int) -> ! {
    end::pthread_exit(without_provenance_mut(result.cast_unsigned() as usize))
}

/// Waits until a thread has ended; its result goes to `*place`, unless that is null.
#[unsafe(no_mangle)]
pub extern "C" fn thrd_join(name: Name, place: *mut c_int) -> c_int {
    let mut result = null_mut();
    let number = join::pthread_join(name, &raw mut result);
    if number == 0 && !place.is_null() {
        #[allow(clippy::cast_possible_truncation, reason = "an int in a pointer's low half")]
        // SAFETY: the program says that there is room.
        unsafe {
            place.write(result as usize as c_int);
        };
    }
    told(number)
}

/// As `pthread_detach`.
#[unsafe(no_mangle)]
pub extern "C" fn thrd_detach(name: Name) -> c_int {
    told(join::pthread_detach(name))
}

/// As `pthread_self`.
#[unsafe(no_mangle)]
pub extern "C" fn thrd_current() -> Name {
    Block::current()
}

/// As `pthread_equal`.
#[unsafe(no_mangle)]
pub extern "C" fn thrd_equal(one: Name, other: Name) -> c_int {
    c_int::from(core::ptr::eq(one, other))
}

/// As `sched_yield`.
#[unsafe(no_mangle)]
pub extern "C" fn thrd_yield() {
    schedule::sched_yield();
}

/// Sleeps: 0, −1 if it was ended before, −2 for no time; what is left goes to `*rest` in the first case.
#[unsafe(no_mangle)]
pub extern "C" fn thrd_sleep(request: *const TimeSpec, rest: *mut TimeSpec) -> c_int {
    match time::sleep(time::REALTIME, 0, request, rest) {
        Ok(()) => 0,
        Err(Errno::EINTR) => -1,
        Err(_) => -2,
    }
}

/// As `pthread_key_create`.
///
/// # Safety
/// There is room for the key.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tss_create(place: *mut c_uint, destructor: Option<extern "C" fn(*mut c_void)>) -> c_int {
    // SAFETY: the caller's promise.
    told(unsafe { keys::pthread_key_create(place, destructor) })
}

/// As `pthread_key_delete`.
#[unsafe(no_mangle)]
pub extern "C" fn tss_delete(key: c_uint) {
    let _ = keys::pthread_key_delete(key);
}

/// As `pthread_setspecific`.
#[unsafe(no_mangle)]
pub extern "C" fn tss_set(key: c_uint, value: *mut c_void) -> c_int {
    told(keys::pthread_setspecific(key, value))
}

/// As `pthread_getspecific`.
#[unsafe(no_mangle)]
pub extern "C" fn tss_get(key: c_uint) -> *mut c_void {
    keys::pthread_getspecific(key)
}
