//! The locks of `<threads.h>` (C11 7.26.2 to 7.26.4). Its threads are in [`thread::c11`](crate::thread::c11).
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::c_int;
use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_sync::mutex::kind::RECURSIVE;
use skete_sync::{Clock, Condition, Kind, Mutex, Once};

use super::kernel::Kernel;
use super::{cond, once, wall};

/// `mtx_recursive`.
const IS_RECURSIVE: c_int = 1;

/// `thrd_success`, `thrd_busy`, `thrd_error`, `thrd_timedout`.
const SUCCESS: c_int = 0;
const BUSY: c_int = 1;
const ERROR: c_int = 2;
const LATE: c_int = 4;

fn told(result: Result<(), Errno>) -> c_int {
    match result {
        Ok(()) => SUCCESS,
        Err(Errno::EBUSY) => BUSY,
        Err(Errno::ETIMEDOUT) => LATE,
        Err(_) => ERROR,
    }
}

/// Begins a mutex of these kinds, `mtx_plain`, `mtx_timed`, `mtx_recursive`.
#[unsafe(no_mangle)]
pub extern "C" fn mtx_init(mutex: &mut MaybeUninit<Mutex>, kinds: c_int) -> c_int {
    let number = if kinds & IS_RECURSIVE != 0 { RECURSIVE } else { 0 };
    told(Kind::PLAIN.with_type(number).map(|kind| {
        mutex.write(Mutex::new(kind));
    }))
}

/// Ends a mutex.
#[unsafe(no_mangle)]
pub extern "C" fn mtx_destroy(_mutex: &Mutex) {}

/// As `pthread_mutex_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn mtx_lock(mutex: &Mutex) -> c_int {
    told(mutex.lock(&Kernel))
}

/// As `pthread_mutex_timedlock`.
#[unsafe(no_mangle)]
pub extern "C" fn mtx_timedlock(mutex: &Mutex, time: &TimeSpec) -> c_int {
    told(mutex.lock_until(&Kernel, wall(time)))
}

/// As `pthread_mutex_trylock`.
#[unsafe(no_mangle)]
pub extern "C" fn mtx_trylock(mutex: &Mutex) -> c_int {
    told(mutex.try_lock(&Kernel))
}

/// As `pthread_mutex_unlock`.
#[unsafe(no_mangle)]
pub extern "C" fn mtx_unlock(mutex: &Mutex) -> c_int {
    told(mutex.unlock(&Kernel))
}

/// Begins a condition variable.
#[unsafe(no_mangle)]
pub extern "C" fn cnd_init(condition: &mut MaybeUninit<Condition>) -> c_int {
    condition.write(Condition::new(Clock::Realtime));
    SUCCESS
}

/// As `pthread_cond_destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn cnd_destroy(condition: &Condition) {
    condition.destroy(&Kernel);
}

/// As `pthread_cond_wait`.
#[unsafe(no_mangle)]
pub extern "C" fn cnd_wait(condition: &Condition, mutex: &Mutex) -> c_int {
    told(cond::wait(condition, mutex, None))
}

/// As `pthread_cond_timedwait`.
#[unsafe(no_mangle)]
pub extern "C" fn cnd_timedwait(condition: &Condition, mutex: &Mutex, time: &TimeSpec) -> c_int {
    told(cond::wait(condition, mutex, Some(wall(time))))
}

/// As `pthread_cond_signal`.
#[unsafe(no_mangle)]
pub extern "C" fn cnd_signal(condition: &Condition) -> c_int {
    condition.signal(&Kernel);
    SUCCESS
}

/// As `pthread_cond_broadcast`.
#[unsafe(no_mangle)]
pub extern "C" fn cnd_broadcast(condition: &Condition) -> c_int {
    condition.broadcast(&Kernel);
    SUCCESS
}

/// As `pthread_once`.
#[unsafe(no_mangle)]
pub extern "C" fn call_once(flag: &Once, function: extern "C" fn()) {
    once::pthread_once(flag, function);
}
