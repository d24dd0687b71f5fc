//! Puts the running thread to sleep, and wakes it: the one way to wait.

use core::sync::atomic::Ordering;

use skete_logic::host::Parked;
use skete_logic::thread::Thread;
use skete_logic::time::Instant;

use super::core::{CORES, Core};
use super::record::{self, Record};
use super::{Reason, ready, suspend};
use crate::arch::cpu;
use crate::time;

/// Sleeps until [`unpark`] or `deadline`. May return for no reason; never says `Expired` early.
#[inline]
pub fn park(deadline: Option<Instant>) -> Parked {
    let me = record::current();
    if me.token.take() {
        return Parked::Notified;
    }
    match deadline {
        None => {
            let before = cpu::mask();
            suspend(Reason::Park);
            cpu::unmask(before);
            Parked::Notified
        }
        Some(at) => park_until(me, at),
    }
}

fn park_until(me: &'static Record, at: Instant) -> Parked {
    if time::now() >= at {
        return Parked::Expired;
    }
    let before = cpu::mask();
    let core = Core::this();
    #[allow(clippy::cast_possible_truncation, reason = "0 to 3")]
    me.deadline_core.store(core.number() as u8, Ordering::Relaxed);
    core.set_deadline(me.thread(), at);
    suspend(Reason::Park);
    CORES[usize::from(me.deadline_core.load(Ordering::Relaxed))].drop_deadline(me.thread());
    cpu::unmask(before);
    if time::now() >= at { Parked::Expired } else { Parked::Notified }
}

/// Ends the present or the next [`park`] of `thread`.
#[inline]
pub fn unpark(thread: Thread) {
    let record = record::of(thread);
    if record.token.notify() {
        ready::make_ready(record);
    }
}

/// Unparks each of `threads`: all are queued before one of them may take this core from the caller.
#[inline]
pub fn unpark_each(threads: impl Iterator<Item = Thread>) {
    ready::make_all_ready(threads.map(record::of).filter(|record| record.token.notify()));
}

/// Sleeps for at least `ns` nanoseconds.
pub fn sleep(ns: u64) {
    let end = time::now().saturating_add_ns(ns);
    while park(Some(end)) != Parked::Expired {}
}
