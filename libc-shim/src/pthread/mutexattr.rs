//! `pthread_mutexattr_…`: a [`Kind`].
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::c_int;
use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_sync::Kind;

use super::given;
use crate::errno::number;

/// POSIX `pthread_mutexattr_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_init(kind: &mut MaybeUninit<Kind>) -> c_int {
    kind.write(Kind::PLAIN);
    0
}

/// POSIX `pthread_mutexattr_destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_destroy(_kind: &Kind) -> c_int {
    0
}

fn change(kind: &mut Kind, value: c_int, with: impl FnOnce(Kind, u32) -> Result<Kind, Errno>) -> c_int {
    number(given(value).and_then(|value| with(*kind, value)).map(|changed| *kind = changed))
}

fn tell(place: &mut MaybeUninit<c_int>, value: u32) -> c_int {
    place.write(value.cast_signed());
    0
}

/// POSIX `pthread_mutexattr_settype`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_settype(kind: &mut Kind, value: c_int) -> c_int {
    change(kind, value, Kind::with_type)
}

/// POSIX `pthread_mutexattr_gettype`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_gettype(kind: &Kind, place: &mut MaybeUninit<c_int>) -> c_int {
    tell(place, kind.type_number())
}

/// POSIX `pthread_mutexattr_setprotocol`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_setprotocol(kind: &mut Kind, value: c_int) -> c_int {
    change(kind, value, Kind::with_protocol)
}

/// POSIX `pthread_mutexattr_getprotocol`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_getprotocol(kind: &Kind, place: &mut MaybeUninit<c_int>) -> c_int {
    tell(place, kind.protocol())
}

/// POSIX `pthread_mutexattr_setrobust`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_setrobust(kind: &mut Kind, value: c_int) -> c_int {
    change(kind, value, Kind::with_robustness)
}

/// POSIX `pthread_mutexattr_getrobust`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_getrobust(kind: &Kind, place: &mut MaybeUninit<c_int>) -> c_int {
    tell(place, kind.is_robust().into())
}

/// POSIX `pthread_mutexattr_setpshared`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_setpshared(kind: &mut Kind, value: c_int) -> c_int {
    change(kind, value, Kind::with_sharing)
}

/// POSIX `pthread_mutexattr_getpshared`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_getpshared(kind: &Kind, place: &mut MaybeUninit<c_int>) -> c_int {
    tell(place, kind.is_shared().into())
}

/// POSIX `pthread_mutexattr_setprioceiling`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_setprioceiling(kind: &mut Kind, value: c_int) -> c_int {
    change(kind, value, Kind::with_ceiling)
}

/// POSIX `pthread_mutexattr_getprioceiling`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutexattr_getprioceiling(kind: &Kind, place: &mut MaybeUninit<c_int>) -> c_int {
    tell(place, kind.ceiling().into())
}
