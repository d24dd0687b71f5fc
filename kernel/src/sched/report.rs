//! The hang report: every thread, its state, its core, the word it waits for, who called whom.
//!
//! Asked for by Ctrl-] on the console, which `cargo xtask run --timeout` sends before it gives up. It is told from the console's
//! interrupt, while the other cores go on: what they run now shows where they were at their last switch.
#![allow(unsafe_code, reason = "reads the registers of threads that sleep")]

use core::sync::atomic::Ordering;

use skete_logic::thread::Thread;

use super::core::CORES;
use super::fault::Who;
use super::record::{self, Record, Records};
use super::{futex, spawn};
use crate::arch::context::VOLUNTARY;
use crate::panic::backtrace;
use crate::trace;

/// Threads that are told at most.
const MOST: usize = 64;

/// Tells about every thread.
pub fn tell() {
    let used = spawn::used();
    trace::say(format_args!("report: {} threads, {} wait for a word, {} switches", spawn::alive(), futex::waiters(), switches()));
    let alive =
        (0..used).map(|number| record::of(Thread::new(u16::try_from(number).unwrap_or(u16::MAX)))).filter(|record| is_alive(record));
    let mut told = 0;
    for record in alive {
        if told == MOST {
            trace::say(format_args!("  … and {} more", spawn::alive() as usize - told));
            break;
        }
        tell_one(record);
        told += 1;
    }
    for core in &CORES[..super::core::count()] {
        trace::say(format_args!("  core {}: {} ready, {}", core.number(), core.ready.load(Ordering::Relaxed), core.state()));
    }
}

fn switches() -> u64 {
    CORES.iter().map(super::core::Core::switches).sum()
}

fn is_alive(record: &Record) -> bool {
    record.tid.load(Ordering::Relaxed) != 0
}

fn tell_one(record: &'static Record) {
    let core = record.core.load(Ordering::Relaxed);
    let priority = record.priority();
    if !record.token.is_parked() {
        trace::say(format_args!("  {}, priority {priority}: ready or running, last on core {core}", Who(record)));
        return;
    }
    let word = record.waits_for.load(Ordering::Relaxed);
    match word {
        0 if Records::sleeper(record.thread()).is_waiting() => {
            trace::say(format_args!("  {}, priority {priority}: waits for a semaphore", Who(record)));
        }
        0 => trace::say(format_args!("  {}, priority {priority}: sleeps", Who(record))),
        _ => {
            let value = crate::arch::probe::read_word(word as usize).unwrap_or(0);
            trace::say(format_args!("  {}, priority {priority}: waits for the word at {word:#x}, now {value:#x}", Who(record)));
        }
    }
    // SAFETY: it is parked: nobody writes its registers until it is notified, and a report may show one that goes on meanwhile.
    let registers = unsafe { record.registers() };
    if registers.kind == VOLUNTARY {
        backtrace::print(registers.x[30].wrapping_sub(4), registers.x[29]);
    }
}
