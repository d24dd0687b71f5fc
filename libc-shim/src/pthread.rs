//! The locks of POSIX threads, and its semaphores: C's symbols over `skete-sync`. One file a subject.
//!
//! They answer with an error's number; semaphores with −1 and [`errno`](crate::errno). What C hands over is taken for what it says that it
//! is: a pointer to an object of musl's type, which has room for ours, all zero or initialised.
//!
//! - [`kernel`]: what the locks ask of the kernel; the one place where they sleep · [`robust`]: the list of what a thread holds
//! - [`fast`]: the calls that find a lock as they wish, without a frame
//! - [`mutex`], [`mutexattr`], [`cond`], [`rwlock`], [`barrier`], [`spin`], [`once`]: `pthread.h`
//! - [`sem`], [`named`]: `semaphore.h` · [`c11`]: the locks of `threads.h`

pub mod barrier;
pub mod c11;
pub mod cond;
pub mod fast;
pub mod kernel;
pub mod mutex;
pub mod mutexattr;
pub mod named;
pub mod once;
pub mod robust;
pub mod rwlock;
pub mod sem;
pub mod spin;

use core::ffi::c_int;

use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_sync::{Clock, Deadline};

use crate::linux::time::{MONOTONIC, REALTIME};

/// The moment of this clock, by C's number.
///
/// # Errors
/// `EINVAL`: no clock that one can wait by.
fn deadline(clock: c_int, time: &TimeSpec) -> Result<Deadline, Errno> {
    let clock = match clock {
        REALTIME => Clock::Realtime,
        MONOTONIC => Clock::Monotonic,
        _ => return Err(Errno::EINVAL),
    };
    Ok(Deadline { clock, time: *time })
}

/// The moment of the wall clock.
fn wall(time: &TimeSpec) -> Deadline {
    Deadline { clock: Clock::Realtime, time: *time }
}

/// An attribute's number; `None`: none that there can be.
///
/// # Errors
/// `EINVAL`: it is below 0.
fn given(number: c_int) -> Result<u32, Errno> {
    u32::try_from(number).map_err(|_| Errno::EINVAL)
}

/// PTHREAD_PROCESS_PRIVATE or PTHREAD_PROCESS_SHARED: there is one process.
///
/// # Errors
/// `EINVAL`: neither.
fn sharing(number: c_int) -> Result<u32, Errno> {
    given(number).and_then(|number| if number > 1 { Err(Errno::EINVAL) } else { Ok(number) })
}
