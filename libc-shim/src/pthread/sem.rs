//! `sem_…`, unnamed. A wait is a cancellation point.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::{c_int, c_uint};
use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_sync::semaphore::MOST;
use skete_sync::{Deadline, Semaphore};

use super::kernel::Kernel;
use super::{deadline, wall};
use crate::errno::answer;
use crate::signal::Outcome;
use crate::thread::cancel::{self, Waiting};

/// What C is told: 0, or −1 and `errno`.
#[inline(always)]
pub fn told(result: Result<(), Errno>) -> c_int {
    if result.is_ok() { 0 } else { answer(result.map(|()| 0)) }
}

/// POSIX `sem_init`.
#[unsafe(no_mangle)]
pub extern "C" fn sem_init(semaphore: &mut MaybeUninit<Semaphore>, _shared: c_int, count: c_uint) -> c_int {
    if count > MOST {
        return told(Err(Errno::EINVAL));
    }
    semaphore.write(Semaphore::new(count));
    0
}

/// POSIX `sem_destroy`.
#[unsafe(no_mangle)]
pub extern "C" fn sem_destroy(_semaphore: &Semaphore) -> c_int {
    0
}

/// Waits; a thread that is to be cancelled ends here. A handler without SA_RESTART ends the wait: `EINTR`.
pub extern "C" fn wait(semaphore: &Semaphore, until: Option<&Deadline>) -> c_int {
    cancel::point();
    if semaphore.try_wait().is_ok() { 0 } else { sleep_until(semaphore, until.copied()) }
}

/// [`wait`] for ever, where it seems that nothing is there to take.
#[optimize(speed)]
pub extern "C" fn sleep(semaphore: &Semaphore) -> c_int {
    let Ok(waiting) = Waiting::begin() else { return sleep_again(semaphore, Errno::EINTR) };
    match semaphore.wait_slow(&Kernel, None) {
        Ok(()) => {
            let _ = waiting.end(Ok(()));
            0
        }
        Err(errno) => {
            let _ = waiting.end(Err::<(), _>(errno));
            sleep_again(semaphore, errno)
        }
    }
}

/// [`sleep`] ended with `errno`.
#[cold]
#[inline(never)]
fn sleep_again(semaphore: &Semaphore, errno: Errno) -> c_int {
    if errno == Errno::EINTR && cancel::interrupted() != Outcome::Ends { sleep_until(semaphore, None) } else { told(Err(errno)) }
}

#[inline(never)]
fn sleep_until(semaphore: &Semaphore, until: Option<Deadline>) -> c_int {
    loop {
        let waited = match Waiting::begin() {
            Ok(waiting) => waiting.end(semaphore.wait_slow(&Kernel, until)),
            interrupted => interrupted.map(|_| ()),
        };
        match waited {
            Err(Errno::EINTR) if cancel::interrupted() != Outcome::Ends => {}
            waited => return told(waited),
        }
    }
}

/// POSIX `sem_trywait`.
#[unsafe(no_mangle)]
pub extern "C" fn sem_trywait(semaphore: &Semaphore) -> c_int {
    told(semaphore.try_wait())
}

/// POSIX `sem_timedwait`.
#[unsafe(no_mangle)]
pub extern "C" fn sem_timedwait(semaphore: &Semaphore, time: &TimeSpec) -> c_int {
    wait(semaphore, Some(&wall(time)))
}

/// POSIX `sem_clockwait`.
#[unsafe(no_mangle)]
pub extern "C" fn sem_clockwait(semaphore: &Semaphore, clock: c_int, time: &TimeSpec) -> c_int {
    deadline(clock, time).map_or_else(|errno| told(Err(errno)), |deadline| wait(semaphore, Some(&deadline)))
}

/// POSIX `sem_getvalue`.
#[unsafe(no_mangle)]
pub extern "C" fn sem_getvalue(semaphore: &Semaphore, place: &mut MaybeUninit<c_int>) -> c_int {
    place.write(semaphore.count().cast_signed());
    0
}
