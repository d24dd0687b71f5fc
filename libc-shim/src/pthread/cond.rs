//! `pthread_cond_…`, `pthread_condattr_…`. A wait is a cancellation point: who is cancelled holds the mutex again.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::c_int;
use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_sync::{Clock, Condition, Deadline, Mutex};

use super::kernel::Kernel;
use super::{deadline, sharing};
use crate::errno::number;
use crate::thread::cancel;

/// `pthread_condattr_t`: bit 0, whether the clock counts from boot; bit 1, whether it is shared.
pub type Attributes = u32;

const MONOTONIC: Attributes = 1;
const SHARED: Attributes = 2;

/// POSIX `pthread_cond_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_cond_init(condition: &mut MaybeUninit<Condition>, attributes: Option<&Attributes>) -> c_int {
    let is_monotonic = attributes.is_some_and(|attributes| attributes & MONOTONIC != 0);
    condition.write(Condition::new(if is_monotonic { Clock::Monotonic } else { Clock::Realtime }));
    0
}

/// POSIX `pthread_cond_destroy`: waits for those who were woken and have not gone yet.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_cond_destroy(condition: &Condition) -> c_int {
    condition.destroy(&Kernel);
    0
}

/// POSIX `pthread_cond_signal`.
#[unsafe(no_mangle)]
#[optimize(speed)]
pub extern "C" fn pthread_cond_signal(condition: &Condition) -> c_int {
    condition.signal(&Kernel);
    0
}

/// POSIX `pthread_cond_broadcast`.
#[unsafe(no_mangle)]
#[optimize(speed)]
pub extern "C" fn pthread_cond_broadcast(condition: &Condition) -> c_int {
    condition.broadcast(&Kernel);
    0
}

/// Waits; a thread that is to be cancelled ends here.
///
/// # Errors
/// As [`Condition::wait`], but for `EINTR`: then nothing has happened that one waited for.
#[optimize(speed)]
pub fn wait(condition: &Condition, mutex: &Mutex, until: Option<Deadline>) -> Result<(), Errno> {
    match condition.wait(&Kernel, mutex, until) {
        Err(Errno::EINTR) => {
            cancel::point();
            Ok(())
        }
        waited => waited,
    }
}

/// POSIX `pthread_cond_wait`.
#[unsafe(no_mangle)]
#[optimize(speed)]
pub extern "C" fn pthread_cond_wait(condition: &Condition, mutex: &Mutex) -> c_int {
    number(wait(condition, mutex, None))
}

/// POSIX `pthread_cond_timedwait`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_cond_timedwait(condition: &Condition, mutex: &Mutex, time: &TimeSpec) -> c_int {
    number(wait(condition, mutex, Some(Deadline { clock: condition.clock(), time: *time })))
}

/// POSIX `pthread_cond_clockwait`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_cond_clockwait(condition: &Condition, mutex: &Mutex, clock: c_int, time: &TimeSpec) -> c_int {
    number(deadline(clock, time).and_then(|deadline| wait(condition, mutex, Some(deadline))))
}

/// POSIX `pthread_condattr_init`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_condattr_init(attributes: &mut MaybeUninit<Attributes>) -> c_int {
    attributes.write(0);
    0
}

/// POSIX `pthread_condattr_destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_condattr_destroy(_attributes: &Attributes) -> c_int {
    0
}

/// POSIX `pthread_condattr_setclock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_condattr_setclock(attributes: &mut Attributes, clock: c_int) -> c_int {
    number(
        match clock {
            crate::linux::time::REALTIME => Ok(0),
            crate::linux::time::MONOTONIC => Ok(MONOTONIC),
            _ => Err(Errno::EINVAL),
        }
        .map(|bit| *attributes = *attributes & !MONOTONIC | bit),
    )
}

/// POSIX `pthread_condattr_getclock`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_condattr_getclock(attributes: &Attributes, place: &mut MaybeUninit<c_int>) -> c_int {
    let is_monotonic = attributes & MONOTONIC != 0;
    place.write(if is_monotonic { crate::linux::time::MONOTONIC } else { crate::linux::time::REALTIME });
    0
}

/// POSIX `pthread_condattr_setpshared`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_condattr_setpshared(attributes: &mut Attributes, shared: c_int) -> c_int {
    number(sharing(shared).map(|shared| *attributes = *attributes & !SHARED | shared * SHARED))
}

/// POSIX `pthread_condattr_getpshared`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_condattr_getpshared(attributes: &Attributes, place: &mut MaybeUninit<c_int>) -> c_int {
    place.write(c_int::from(attributes & SHARED != 0));
    0
}
