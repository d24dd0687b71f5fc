//! `pthread_barrier_…`, `pthread_barrierattr_…`.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::{c_int, c_uint};
use core::mem::MaybeUninit;

use skete_sync::Barrier;

use super::kernel::Kernel;
use super::sharing;
use crate::errno::number;

/// `PTHREAD_BARRIER_SERIAL_THREAD`.
const SERIAL_THREAD: c_int = -1;

/// POSIX `pthread_barrier_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_barrier_init(barrier: &mut MaybeUninit<Barrier>, _attributes: Option<&u32>, count: c_uint) -> c_int {
    number(Barrier::new(count).map(|new| {
        barrier.write(new);
    }))
}

/// POSIX `pthread_barrier_destroy`: waits for those who have passed and have not gone yet.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_barrier_destroy(barrier: &Barrier) -> c_int {
    number(barrier.destroy(&Kernel))
}

/// POSIX `pthread_barrier_wait`.
#[unsafe(no_mangle)]
#[optimize(speed)]
pub extern "C" fn pthread_barrier_wait(barrier: &Barrier) -> c_int {
    if barrier.wait(&Kernel) { SERIAL_THREAD } else { 0 }
}

/// POSIX `pthread_barrierattr_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_barrierattr_init(shared: &mut MaybeUninit<u32>) -> c_int {
    shared.write(0);
    0
}

/// POSIX `pthread_barrierattr_destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_barrierattr_destroy(_shared: &u32) -> c_int {
    0
}

/// POSIX `pthread_barrierattr_setpshared`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_barrierattr_setpshared(shared: &mut u32, value: c_int) -> c_int {
    number(sharing(value).map(|value| *shared = value))
}

/// POSIX `pthread_barrierattr_getpshared`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_barrierattr_getpshared(shared: &u32, place: &mut MaybeUninit<c_int>) -> c_int {
    place.write(shared.cast_signed());
    0
}
