//! The hang report: every thread, its state and core, what it waits for and who holds that, who called whom.
//!
//! Asked for on the console by a break or by Ctrl-], which `cargo xtask run --timeout` sends before it gives up, and by the program itself
//! ([`crate::thread::report`]). Core 0 takes the console's interrupt: while it has IRQs masked for ever, nobody answers.
//!
//! The world stands still meanwhile: the teller kicks every other core, which saves its thread as for any interrupt and waits in
//! [`stand_still`] until all is told. A core that has IRQs masked does not come; it is told as such, and what it runs may change while it
//! is told.
#![allow(unsafe_code, reason = "reads the registers of threads that do not run")]

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, Ordering};

use skete_logic::thread::{Thread, Tid};
use skete_logic::waiting::Aim;

use super::core::{CORES, Core, online};
use super::fault::Who;
use super::record::{self, Record, Records};
use super::{futex, spawn};
use crate::arch::{context, cpu, probe};
use crate::panic::backtrace;
use crate::{interrupt, time, trace};

/// Threads that are told at most.
const MOST: usize = 64;
/// How long a core may take to come to a stand, in nanoseconds: a line of the console takes 20 ms on the board.
const PATIENCE_NS: u64 = 100_000_000;

/// Whether somebody tells: whoever else is asked to, leaves it at that.
static IS_TOLD: AtomicBool = AtomicBool::new(false);
/// One bit per core that is to stand still.
static ASKED: AtomicU8 = AtomicU8::new(0);
/// One bit per core that stands still.
static STANDING: AtomicU8 = AtomicU8::new(0);
/// The threads that the cores run; good while the core's bit of `STANDING` is set.
static RUNNING: [AtomicU16; cpu::CORES] = [const { AtomicU16::new(Thread::NONE.number()) }; cpu::CORES];

/// A core was kicked: if a report is told it stands still until its end. IRQs are masked, and no spin lock is held.
#[inline]
pub fn stand_still(core: &Core) {
    if ASKED.load(Ordering::Relaxed) & 1 << core.number() != 0 {
        stand(core.number());
    }
}

#[cold]
fn stand(number: usize) {
    RUNNING[number].store(record::current().thread().number(), Ordering::Relaxed);
    // Release, and with it all that this core has written: pairs with the Acquire in `stop_others`.
    STANDING.fetch_or(1 << number, Ordering::Release);
    while ASKED.load(Ordering::Acquire) & 1 << number != 0 {
        cpu::pass_turn();
    }
    STANDING.fetch_and(!(1 << number), Ordering::Release);
}

/// Waits until `STANDING` is `wanted`, within reason; what it is then.
fn await_standing(wanted: u8) -> u8 {
    let deadline = time::now().saturating_add_ns(PATIENCE_NS);
    while STANDING.load(Ordering::Acquire) != wanted && time::now() < deadline {
        cpu::pass_turn();
    }
    STANDING.load(Ordering::Acquire)
}

/// Brings the other cores to a stand; one bit per core that came, this one included.
fn stop_others(me: usize) -> u8 {
    // Those that have not left the last report yet.
    await_standing(0);
    RUNNING[me].store(record::current().thread().number(), Ordering::Relaxed);
    let others = online() & !(1 << me);
    ASKED.store(others, Ordering::Release);
    (0..cpu::CORES).filter(|number| others & 1 << number != 0).for_each(interrupt::kick);
    await_standing(others) | 1 << me
}

/// Tells about every thread.
pub fn tell() {
    let before = cpu::mask();
    if !IS_TOLD.swap(true, Ordering::Acquire) {
        let standing = stop_others(Core::this().number());
        tell_all(standing);
        ASKED.store(0, Ordering::Release);
        cpu::send_event();
        IS_TOLD.store(false, Ordering::Release);
    }
    cpu::unmask(before);
}

fn tell_all(standing: u8) {
    let switches: u64 = CORES.iter().map(Core::switches).sum();
    trace::say(format_args!("report: {} threads, {} wait for a word, {switches} switches", spawn::alive(), futex::waiters()));
    for core in &CORES[..super::core::count()] {
        let ready = core.ready.count();
        let state = if standing & 1 << core.number() == 0 { "does not answer: IRQs are masked there" } else { core.state() };
        trace::say(format_args!("  core {}: {ready} ready, {state}", core.number()));
    }
    let numbers = (0..spawn::used()).filter_map(|number| u16::try_from(number).ok());
    let alive = numbers.map(|number| record::of(Thread::new(number))).filter(|record| record.tid.load(Ordering::Relaxed) != 0);
    for (told, record) in alive.enumerate() {
        if told == MOST {
            trace::say(format_args!("  … and {} more", spawn::alive() as usize - told));
            break;
        }
        tell_one(record, standing);
    }
}

fn tell_one(record: &'static Record, standing: u8) {
    trace::say(format_args!("  {}, priority {}: {}", Who(record), record.priority(), State { record, standing }));
    if core::ptr::eq(record, record::current()) && !cpu::is_on_core_stack() {
        let (pc, frame) = backtrace::here();
        return backtrace::print(pc, frame);
    }
    // SAFETY: it does not run: it is parked, queued, or on a core that stands still; at worst, on one that did not come to a stand, the
    // values are old, and each frame is looked up before it is read.
    let registers = unsafe { record.registers() };
    let pc = if registers.kind == context::VOLUNTARY { registers.x[30].wrapping_sub(4) } else { registers.pc };
    backtrace::print(pc, registers.x[29]);
}

/// What a thread does.
struct State {
    record: &'static Record,
    standing: u8,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_running =
            |core: usize| self.standing & 1 << core != 0 && RUNNING[core].load(Ordering::Relaxed) == self.record.thread().number();
        if !self.record.token.is_parked() {
            return f.write_str(match (0..cpu::CORES).any(is_running) {
                true => "runs",
                false if self.standing == online() => "ready",
                false => "ready, or runs on a core that does not answer",
            });
        }
        let Some(key) = self.record.waiter().awaited() else {
            let is_waiting = Records::sleeper(self.record.thread()).is_waiting();
            return f.write_str(if is_waiting { "waits for a set of semaphores" } else { "sleeps" });
        };
        // Of a shared word where it lies in memory: RAM is mapped there too.
        let address = key.address();
        let value = probe::read_quietly(address).unwrap_or(0);
        match self.record.cause().aim(value) {
            Aim::Word => write!(f, "waits for the word at {address:#x}, now {value:#x}"),
            Aim::Words => write!(f, "waits for the word at {address:#x}, now {value:#x}, and maybe others"),
            Aim::Lock(holder) => write!(f, "waits for the lock at {address:#x}, held by {}", Named(holder)),
            Aim::End(thread) => write!(f, "waits for the end of {}", Named(thread)),
            Aim::Semaphore => write!(f, "waits for the semaphore at {address:#x}, now {value}"),
            Aim::Queue => write!(f, "waits in the queue at {address:#x}, which holds {value}"),
            Aim::Files => f.write_str("waits for the console or another file"),
            Aim::Socket => f.write_str("waits for a socket"),
        }
    }
}

/// A thread by its name towards programs.
struct Named(Option<Tid>);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(tid) = self.0 else { return f.write_str("nobody") };
        match record::named(tid.number()) {
            Some((record, _)) if record.tid.load(Ordering::Relaxed) == tid.number() => Who(record).fmt(f),
            _ => write!(f, "thread {:#x}, which has ended", tid.number()),
        }
    }
}
