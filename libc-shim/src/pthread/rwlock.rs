//! `pthread_rwlock_…`, `pthread_rwlockattr_…`.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::c_int;
use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_sync::RwLock;

use super::kernel::Kernel;
use super::{deadline, sharing, wall};
use crate::errno::number;

/// `pthread_rwlockattr_t`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Attributes {
    shared: u32,
    preference: c_int,
}

/// GNU's preferences: readers; writers, as far as a reader may take the lock twice, which is not at all; writers.
const WRITERS: c_int = 2;

/// POSIX `pthread_rwlock_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_init(lock: &mut MaybeUninit<RwLock>, attributes: Option<&Attributes>) -> c_int {
    lock.write(RwLock::new(attributes.is_some_and(|attributes| attributes.preference == WRITERS)));
    0
}

/// POSIX `pthread_rwlock_destroy`. Nothing is held; of a lock that somebody holds POSIX leaves it open, and Linux answers the same.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_destroy(_lock: &RwLock) -> c_int {
    0
}

/// POSIX `pthread_rwlock_tryrdlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_tryrdlock(lock: &RwLock) -> c_int {
    number(lock.try_read())
}

/// POSIX `pthread_rwlock_timedrdlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_timedrdlock(lock: &RwLock, time: &TimeSpec) -> c_int {
    number(lock.read(&Kernel, Some(wall(time))))
}

/// POSIX `pthread_rwlock_clockrdlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_clockrdlock(lock: &RwLock, clock: c_int, time: &TimeSpec) -> c_int {
    number(deadline(clock, time).and_then(|deadline| lock.read(&Kernel, Some(deadline))))
}

/// POSIX `pthread_rwlock_wrlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_wrlock(lock: &RwLock) -> c_int {
    number(lock.write(&Kernel, None))
}

/// POSIX `pthread_rwlock_trywrlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_trywrlock(lock: &RwLock) -> c_int {
    number(lock.try_write(&Kernel))
}

/// POSIX `pthread_rwlock_timedwrlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_timedwrlock(lock: &RwLock, time: &TimeSpec) -> c_int {
    number(lock.write(&Kernel, Some(wall(time))))
}

/// POSIX `pthread_rwlock_clockwrlock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_clockwrlock(lock: &RwLock, clock: c_int, time: &TimeSpec) -> c_int {
    number(deadline(clock, time).and_then(|deadline| lock.write(&Kernel, Some(deadline))))
}

/// POSIX `pthread_rwlockattr_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlockattr_init(attributes: &mut MaybeUninit<Attributes>) -> c_int {
    attributes.write(Attributes::default());
    0
}

/// POSIX `pthread_rwlockattr_destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlockattr_destroy(_attributes: &Attributes) -> c_int {
    0
}

/// POSIX `pthread_rwlockattr_setpshared`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlockattr_setpshared(attributes: &mut Attributes, shared: c_int) -> c_int {
    number(sharing(shared).map(|shared| attributes.shared = shared))
}

/// POSIX `pthread_rwlockattr_getpshared`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlockattr_getpshared(attributes: &Attributes, place: &mut MaybeUninit<c_int>) -> c_int {
    place.write(attributes.shared.cast_signed());
    0
}

/// `pthread_rwlockattr_setkind_np(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlockattr_setkind_np(attributes: &mut Attributes, preference: c_int) -> c_int {
    if !(0..=WRITERS).contains(&preference) {
        return Errno::EINVAL.number();
    }
    attributes.preference = preference;
    0
}

/// `pthread_rwlockattr_getkind_np(3)`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlockattr_getkind_np(attributes: &Attributes, place: &mut MaybeUninit<c_int>) -> c_int {
    place.write(attributes.preference);
    0
}
