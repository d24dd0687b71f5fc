//! `pthread_spin_…`.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::c_int;
use core::mem::MaybeUninit;

use skete_sync::SpinLock;

use super::kernel::Kernel;
use super::sharing;
use crate::errno::number;

/// POSIX `pthread_spin_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_spin_init(lock: &mut MaybeUninit<SpinLock>, shared: c_int) -> c_int {
    number(sharing(shared).map(|_| {
        lock.write(SpinLock::new());
    }))
}

/// POSIX `pthread_spin_destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_spin_destroy(lock: &SpinLock) -> c_int {
    number(lock.destroy())
}

/// POSIX `pthread_spin_lock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_spin_lock(lock: &SpinLock) -> c_int {
    number(lock.lock(&Kernel))
}

/// POSIX `pthread_spin_trylock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_spin_trylock(lock: &SpinLock) -> c_int {
    number(lock.try_lock(&Kernel))
}

/// POSIX `pthread_spin_unlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_spin_unlock(lock: &SpinLock) -> c_int {
    lock.unlock();
    0
}
