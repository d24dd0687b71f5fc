//! Masks, what is pending, and waiting for signals.
#![allow(unsafe_code, reason = "exported names, and sets that the program names by their address")]

use core::ffi::c_int;
use core::sync::atomic::{AtomicU32, Ordering};

use skete::sched::futex;
use skete::time::{self, Instant};
use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_signals::{Info, Set, Signal};

use super::handler::SigInfo;
use super::{Outcome, STATE, code, number_of, point, send_to};
use crate::errno::{answer, number};
use crate::linux::time::ns_at;
use crate::thread::block::{Block, Name};
use crate::thread::cancel;

/// Changes the calling thread's mask as `how` says, if a set is given; what it was.
///
/// # Errors
/// `EINVAL`: no such `how`.
pub fn change(how: c_int, set: Option<Set>) -> Result<Set, Errno> {
    let block = Block::current();
    let before = block.signals.mask();
    if let Some(set) = set {
        let mask = before.changed(how, set)?;
        STATE.lock().change_mask(block, mask);
    }
    Ok(before)
}

/// What is pending for the calling thread, and kept away by it.
pub fn pending() -> Set {
    let block = Block::current();
    let pending = STATE.lock().queue.pending(number_of(block));
    Set(pending.0 & block.signals.mask().0)
}

/// Sleeps with `mask` until a handler has run; the mask is then what it was (POSIX `sigsuspend`).
pub fn suspend(mask: Set) -> Errno {
    let block = Block::current();
    let before = block.signals.mask();
    STATE.lock().change_mask(block, mask.as_mask());
    let word = AtomicU32::new(0);
    loop {
        let _ = cancel::while_waiting(|| futex::wait(&word, 0, None));
        if block.cancelling.is_cancelled() || super::deliver(block) != Outcome::Nothing {
            break;
        }
    }
    STATE.lock().change_mask(block, before);
    cancel::point();
    Errno::EINTR
}

/// Takes one of `set`, or waits for it until `deadline`; with its timer's overrun.
///
/// # Errors
/// `EAGAIN`: none came. `EINTR`: a handler ran.
pub fn wait(set: Set, deadline: Option<Instant>) -> Result<(Info, u32), Errno> {
    let block = Block::current();
    let word = AtomicU32::new(0);
    loop {
        let taken = {
            let mut state = STATE.lock();
            let taken = state.take(block, set.as_mask());
            block.signals.waits.store(if taken.is_none() { set.0 } else { 0 }, Ordering::Relaxed);
            taken
        };
        if let Some(taken) = taken {
            return Ok(taken);
        }
        if deadline.is_some_and(|deadline| time::now() >= deadline) {
            return give_up(block, set);
        }
        if cancel::while_waiting(|| futex::wait(&word, 0, deadline)) == Err(Errno::EINTR) {
            if let Ok(taken) = give_up(block, set) {
                return Ok(taken);
            }
            if cancel::interrupted() != Outcome::Nothing {
                return Err(Errno::EINTR);
            }
        }
    }
}

/// The caller waits no more; but if one was sent to it just now it takes that.
fn give_up(block: &Block, set: Set) -> Result<(Info, u32), Errno> {
    let mut state = STATE.lock();
    block.signals.waits.store(0, Ordering::Relaxed);
    state.take(block, set.as_mask()).ok_or(Errno::EAGAIN)
}

/// What the first word of a set of musl's holds: the kernel's set.
///
/// # Safety
/// `set` is null or a set.
unsafe fn set_at(set: *const u64) -> Option<Set> {
    // SAFETY: the caller's promise.
    (!set.is_null()).then(|| Set(unsafe { set.read() }))
}

/// POSIX `pthread_sigmask`.
///
/// # Safety
/// `set` and `before` are sets, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_sigmask(how: c_int, set: *const u64, before: *mut [u64; 16]) -> c_int {
    // SAFETY: the caller's promise.
    let set = unsafe { set_at(set) };
    let changed = change(how, set);
    if let (Ok(mask), false) = (changed, before.is_null()) {
        let mut words = [0; 16];
        words[0] = mask.0;
        // SAFETY: the caller's promise.
        unsafe { before.write(words) };
    }
    point();
    number(changed.map(|_| ()))
}

/// POSIX `pthread_kill`: signal 0 asks whether there is such a thread. One that has ended and was not joined is there (POSIX.1-2024), and
/// no signal does anything to it.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_kill(name: Name, signal: c_int) -> c_int {
    let sent = Block::named(name).and_then(|block| {
        if signal == 0 {
            return Ok(());
        }
        let info = Info { signal: Signal::new(signal)?, code: code::THREAD, value: 0, timer: None };
        if Block::living(name).is_ok() { send_to(block, info) } else { Ok(()) }
    });
    point();
    number(sent)
}

/// Waits until the moment `timeout` from now, for ever if that is null.
fn wait_for(set: *const u64, timeout: *const TimeSpec) -> Result<(Info, u32), Errno> {
    // SAFETY: the program says that a set is there.
    let set = unsafe { set_at(set) }.ok_or(Errno::EFAULT)?;
    let deadline = if timeout.is_null() { None } else { Some(time::now().saturating_add_ns(ns_at(timeout)?)) };
    wait(set, deadline)
}

/// POSIX `sigtimedwait`: `EINTR` after a handler.
///
/// # Safety
/// A set and a time are there, and room for what is told; the last two may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigtimedwait(set: *const u64, place: *mut SigInfo, timeout: *const TimeSpec) -> c_int {
    answer(wait_for(set, timeout).map(|(info, overrun)| {
        if !place.is_null() {
            // SAFETY: the caller's promise.
            unsafe { place.write(SigInfo::new(&info, overrun)) };
        }
        c_int::from(info.signal.number())
    }))
}

/// POSIX `sigwait`: no handler ends it.
///
/// # Safety
/// A set is there, and room for the number.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sigwait(set: *const u64, place: *mut c_int) -> c_int {
    loop {
        match wait_for(set, core::ptr::null()) {
            Err(Errno::EINTR) => {}
            waited => {
                return number(waited.map(|(info, _)| {
                    // SAFETY: the caller's promise.
                    unsafe { place.write(c_int::from(info.signal.number())) };
                }));
            }
        }
    }
}
