//! Waiting for a thread's end, and doing without: `pthread_join`, `pthread_detach`.
#![allow(unsafe_code, reason = "exported names, and places that the program names by their address")]

use core::ffi::{c_int, c_void};
use core::sync::atomic::Ordering;

use skete::sched::spawn;
use skete::time::Deadline;
use skete_abi::Errno;
use skete_abi::futex::TimeSpec;

use super::block::{Block, Name, state};
use super::cancel;
use crate::errno::number;
use crate::linux::time;

/// Waits until the thread has ended, `deadline` at the latest, and tells what it left. A cancellation point.
///
/// # Errors
/// `ESRCH`: no such thread. `EINVAL`: detached, or another waits for it. `EDEADLK`: the caller. `ETIMEDOUT`: it has not ended by then.
#[optimize(speed)]
pub fn join(name: Name, deadline: Option<Deadline>) -> Result<*mut c_void, Errno> {
    let block = Block::named(name)?;
    if core::ptr::eq(block, Block::current()) {
        return Err(Errno::EDEADLK);
    }
    let seen = claim(block)?;
    if seen == state::JOINABLE {
        let tid = block.tid.load(Ordering::Relaxed);
        if let Err(errno) = cancel::while_waiting(|| spawn::join_until(tid, deadline)) {
            return Err(give_up(block, errno));
        }
    } else {
        // It has left its state behind, but perhaps not yet its stack.
        let _ = spawn::join(block.tid.load(Ordering::Relaxed));
    }
    // SAFETY: it has ended, and nobody else may join it.
    let result = unsafe { block.own() }.result;
    block.give();
    Ok(result)
}

/// Makes the caller the one who joins: the state that it was in, [`state::JOINABLE`] or [`state::ENDED`].
fn claim(block: &Block) -> Result<u32, Errno> {
    loop {
        let seen = block.state.load(Ordering::Acquire);
        let next = match seen {
            state::JOINABLE => state::JOINING,
            // Nobody else will find it.
            state::ENDED => state::JOINING,
            state::FREE => return Err(Errno::ESRCH),
            _ => return Err(Errno::EINVAL),
        };
        if block.state.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            return Ok(seen);
        }
    }
}

/// Lets others join: the caller waits no longer. If it was cancelled it does not come back.
#[cold]
fn give_up(block: &Block, errno: Errno) -> Errno {
    // If the thread has ended meanwhile it says so itself.
    let _ = block.state.compare_exchange(state::JOINING, state::JOINABLE, Ordering::AcqRel, Ordering::Relaxed);
    cancel::point();
    errno
}

fn tell(joined: Result<*mut c_void, Errno>, place: *mut *mut c_void) -> c_int {
    number(joined.map(|result| {
        if !place.is_null() {
            // SAFETY: the program says that there is room.
            unsafe { place.write(result) };
        }
    }))
}

/// POSIX `pthread_join`: the thread's result goes to `*place`, unless that is null.
#[unsafe(no_mangle)]
#[optimize(speed)]
pub extern "C" fn pthread_join(name: Name, place: *mut *mut c_void) -> c_int {
    loop {
        match join(name, None) {
            // Somebody wanted to cancel a thread that lets nobody.
            Err(Errno::EINTR) => {}
            joined => return tell(joined, place),
        }
    }
}

/// `pthread_tryjoin_np(3)`: `EBUSY` if it has not ended.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_tryjoin_np(name: Name, place: *mut *mut c_void) -> c_int {
    match Block::named(name) {
        Ok(block) if block.state.load(Ordering::Acquire) == state::JOINABLE => Errno::EBUSY.number(),
        _ => pthread_join(name, place),
    }
}

/// `pthread_timedjoin_np(3)`: the deadline is CLOCK_REALTIME's; null: none.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_timedjoin_np(name: Name, place: *mut *mut c_void, deadline: *const TimeSpec) -> c_int {
    pthread_clockjoin_np(name, place, time::REALTIME, deadline)
}

/// `pthread_clockjoin_np(3)`: as [`pthread_timedjoin_np`], by the clock of that name, which is CLOCK_REALTIME or CLOCK_MONOTONIC.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_clockjoin_np(name: Name, place: *mut *mut c_void, clock: c_int, deadline: *const TimeSpec) -> c_int {
    if deadline.is_null() {
        return pthread_join(name, place);
    }
    if ![time::REALTIME, time::MONOTONIC].contains(&clock) {
        return Errno::EINVAL.number();
    }
    match time::ns_at(deadline).and_then(|ns| time::moment(clock, ns)) {
        Ok(deadline) => loop {
            match join(name, Some(deadline)) {
                Err(Errno::EINTR) => {}
                joined => return tell(joined, place),
            }
        },
        Err(errno) => errno.number(),
    }
}

/// POSIX `pthread_detach`: nobody joins it, and nothing is left of it at its end.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_detach(name: Name) -> c_int {
    number(Block::named(name).and_then(|block| {
        let change = |from, to| block.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed);
        match change(state::JOINABLE, state::DETACHED) {
            Ok(_) => Ok(()),
            Err(state::ENDED) if change(state::ENDED, state::JOINING).is_ok() => {
                let _ = spawn::join(block.tid.load(Ordering::Relaxed));
                block.give();
                Ok(())
            }
            Err(state::FREE) => Err(Errno::ESRCH),
            Err(_) => Err(Errno::EINVAL),
        }
    }))
}
