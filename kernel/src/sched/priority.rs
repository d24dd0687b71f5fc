//! Changes a thread's priority, wherever it is: running here or elsewhere, ready, asleep.
//!
//! The new priority is written first, then every queue is asked for the thread, each under its lock; whoever queues a thread reads its
//! priority under that lock. So either the one who queues reads the new one, or the thread is found in the old one's line. A thread
//! that no queue holds may run: then whatever core runs it looks again. One that sleeps is queued by whoever wakes it, later than every
//! queue was asked, and so with the new priority: nobody is interrupted for it.

use core::sync::atomic::Ordering;

use super::core::{CORES, Core, online};
use super::ready::give_way;
use super::record::{self, Record, Records};
use crate::arch::cpu;
use crate::interrupt;

/// Gives `record` another priority, 0–31. Whoever is more urgent then runs first.
pub fn set(record: &'static Record, priority: u8) {
    let before = cpu::mask();
    record.priority.store(priority, Ordering::Relaxed);
    let this = Core::this();
    let must_give_way =
        if core::ptr::eq(record, record::current()) { this.takes_notice_of_priority(record) } else { set_other(this, record) };
    if must_give_way {
        give_way(this, before);
    }
    cpu::unmask(before);
}

/// True if this core's running thread must give way to `record`.
fn set_other(this: &'static Core, record: &'static Record) -> bool {
    let requeue = |core: &'static Core| Some((core, core.ready.requeue(&Records, record.thread(), || record.priority())?));
    match CORES.iter().find_map(requeue) {
        Some((core, runs)) if core::ptr::eq(core, this) => this.take_notice(runs),
        Some((core, runs)) => {
            if core.must_know(runs) {
                interrupt::kick(core.number());
            }
            false
        }
        // Asked behind the queues: one that was woken and queued before would have been found there, or has left by now, awake.
        None if record.token.is_parked() => false,
        None => {
            let others = online() & !(1 << this.number());
            (0..cpu::CORES).filter(|number| others & 1 << number != 0).for_each(interrupt::kick);
            false
        }
    }
}
