//! `futex_waitv(2)` with Linux's arguments and answers.
#![allow(unsafe_code, reason = "an exported name")]

use skete_abi::Errno;
use skete_abi::futex::{PRIVATE, SIZE_U32, TimeSpec, WAITV_MAX, WaitV, clock};
use skete_logic::time::{Deadline, Instant};

use super::{answer, linux, sysv};
use crate::sched::futex::Word;
use crate::sched::{many, record};

/// Sleeps until a wake of any of the `count` words that `waiters` describes, or until `*timeout` of clock `clock`, null for ever: the place
/// of a word that was woken, or `-EINVAL`, `-EFAULT`, `-EAGAIN`, `-ETIMEDOUT`, `-ENOMEM` (see [`futex_waitv`](crate::futex::futex_waitv)).
/// `flags` is 0.
#[unsafe(no_mangle)]
pub extern "C" fn sys_futex_waitv(waiters: *const WaitV, count: u32, flags: u32, timeout: *const TimeSpec, clock: i32) -> i64 {
    record::count_entry();
    answer(wait(waiters, count as usize, flags, timeout, clock))
}

#[allow(clippy::cast_possible_wrap, reason = "a place is less than 128")]
fn wait(waiters: *const WaitV, count: usize, flags: u32, timeout: *const TimeSpec, clock: i32) -> Result<i64, Errno> {
    if flags != 0 || waiters.is_null() || !(1..=WAITV_MAX).contains(&count) {
        return Err(Errno::EINVAL);
    }
    let deadline = deadline_of(timeout, clock)?;
    let word = |place: usize| sysv::read::<WaitV>(waiters.wrapping_add(place) as usize).and_then(|waiter| word_of(&waiter));
    // All are looked at before any word is.
    (0..count).try_for_each(|place| word(place).map(|_| ()))?;
    many::wait(count, word, deadline).map(|place| place as i64)
}

/// Of which word a waiter is, and what it is to hold.
fn word_of(waiter: &WaitV) -> Result<(Word, u32), Errno> {
    let is_known = waiter.flags & !PRIVATE == SIZE_U32 && waiter.reserved == 0;
    let expected = u32::try_from(waiter.val).ok().filter(|_| is_known).ok_or(Errno::EINVAL)?;
    let address = usize::try_from(waiter.uaddr).map_err(|_| Errno::EFAULT)?;
    Ok((Word { address, is_shared: waiter.flags & PRIVATE == 0, is_sure: false }, expected))
}

fn deadline_of(timeout: *const TimeSpec, clock: i32) -> Result<Option<Deadline>, Errno> {
    if timeout.is_null() {
        return Ok(None);
    }
    let at: fn(u64) -> Deadline = match clock {
        clock::REALTIME => Deadline::wall,
        clock::MONOTONIC => |ns| Deadline::at(Instant::from_ns(ns)),
        _ => return Err(Errno::EINVAL),
    };
    linux::time_at(timeout)?.map(|time| time.as_ns().map(at).ok_or(Errno::EINVAL)).transpose()
}
