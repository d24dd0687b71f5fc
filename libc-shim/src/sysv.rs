//! System V's semaphores and shared memory by their C names, and the teaching interface of `<skete/sem.h>`.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::{c_int, c_void};

use skete::calls::shm::{sys_shmat, sys_shmctl, sys_shmdt, sys_shmget};
use skete::calls::sysv::{sys_semctl, sys_semget, sys_semop, sys_semtimedop, sys_unshare};
use skete::sysv::simple;
use skete_abi::futex::TimeSpec;
use skete_abi::sem::SemBuf;

use crate::errno;

#[allow(clippy::cast_possible_truncation, reason = "what was an int stays one")]
fn int(answer: c_int) -> c_int {
    errno::of(answer.into()) as c_int
}

/// `semget(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn semget(key: c_int, count: c_int, flags: c_int) -> c_int {
    int(sys_semget(key, count, flags))
}

/// `semop(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn semop(id: c_int, operations: *const SemBuf, count: usize) -> c_int {
    int(sys_semop(id, operations, count))
}

/// `semtimedop(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn semtimedop(id: c_int, operations: *const SemBuf, count: usize, timeout: *const TimeSpec) -> c_int {
    int(sys_semtimedop(id, operations, count, timeout))
}

/// `unshare(2)`: CLONE_SYSVSEM. `EINVAL`: any other flag.
#[unsafe(no_mangle)]
pub extern "C" fn unshare(flags: c_int) -> c_int {
    int(sys_unshare(flags))
}

/// `semctl(2)`: C passes its union, if there is one, as a number.
#[unsafe(no_mangle)]
pub extern "C" fn semctl(id: c_int, number: c_int, command: c_int, argument: usize) -> c_int {
    int(sys_semctl(id, number, command, argument))
}

/// `shmget(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn shmget(key: c_int, bytes: usize, flags: c_int) -> c_int {
    int(sys_shmget(key, bytes, flags))
}

/// `shmat(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn shmat(id: c_int, address: *const c_void, flags: c_int) -> *mut c_void {
    errno::of(sys_shmat(id, address.cast(), flags) as i64) as *mut c_void
}

/// `shmdt(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn shmdt(address: *const c_void) -> c_int {
    int(sys_shmdt(address.cast()))
}

/// `shmctl(2)`.
#[unsafe(no_mangle)]
pub extern "C" fn shmctl(id: c_int, command: c_int, argument: usize) -> c_int {
    int(sys_shmctl(id, command, argument))
}

/// See `<skete/sem.h>`.
#[unsafe(no_mangle)]
pub extern "C" fn skete_semget(key: c_int) -> c_int {
    simple::semget(key)
}

/// See `<skete/sem.h>`.
#[unsafe(no_mangle)]
pub extern "C" fn skete_semctl(id: c_int, command: c_int, value: c_int) -> c_int {
    simple::semctl(id, command, value)
}

/// See `<skete/sem.h>`.
#[unsafe(no_mangle)]
pub extern "C" fn skete_semop(id: c_int, operation: c_int) -> c_int {
    simple::semop(id, operation)
}
