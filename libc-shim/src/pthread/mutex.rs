//! `pthread_mutex_…`.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::c_int;
use core::mem::MaybeUninit;

use skete_abi::futex::TimeSpec;
use skete_sync::{Kind, Mutex};

use super::kernel::Kernel;
use super::{deadline, given, wall};
use crate::errno::number;

/// POSIX `pthread_mutex_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_init(mutex: &mut MaybeUninit<Mutex>, kind: Option<&Kind>) -> c_int {
    mutex.write(Mutex::new(kind.copied().unwrap_or(Kind::PLAIN)));
    0
}

/// POSIX `pthread_mutex_destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_destroy(mutex: &Mutex) -> c_int {
    number(mutex.destroy())
}

/// POSIX `pthread_mutex_trylock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_trylock(mutex: &Mutex) -> c_int {
    number(mutex.try_lock(&Kernel))
}

/// POSIX `pthread_mutex_timedlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_timedlock(mutex: &Mutex, time: &TimeSpec) -> c_int {
    number(mutex.lock_until(&Kernel, wall(time)))
}

/// POSIX `pthread_mutex_clocklock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_clocklock(mutex: &Mutex, clock: c_int, time: &TimeSpec) -> c_int {
    number(deadline(clock, time).and_then(|deadline| mutex.lock_until(&Kernel, deadline)))
}

/// POSIX `pthread_mutex_consistent`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_consistent(mutex: &Mutex) -> c_int {
    number(mutex.consistent(&Kernel))
}

/// POSIX `pthread_mutex_getprioceiling`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_getprioceiling(mutex: &Mutex, place: &mut MaybeUninit<c_int>) -> c_int {
    number(mutex.ceiling().map(|ceiling| {
        place.write(ceiling.into());
    }))
}

/// POSIX `pthread_mutex_setprioceiling`; the old one goes to `*old`, unless that is null.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_setprioceiling(mutex: &Mutex, ceiling: c_int, old: Option<&mut MaybeUninit<c_int>>) -> c_int {
    number(given(ceiling).and_then(|ceiling| mutex.set_ceiling(&Kernel, ceiling)).map(|before| {
        if let Some(place) = old {
            place.write(before.into());
        }
    }))
}
