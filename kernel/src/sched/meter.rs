//! For how long threads have run, counted from the first question on.
//!
//! Under QEMU every reading of the counter takes the lock of all cores, so a switch reads it for a reason only, and this is none as long as
//! nobody asks. Who asks first lets every core count from then on ([`look`]). Of the time before, a thread is said to have run for as long
//! as it has lived, and the program since boot, on one core.
//!
//! [`skete_logic::meter`] tells how the cores take turns at a thread's meter.
#![allow(unsafe_code, reason = "the table is memory taken at boot")]

use core::sync::atomic::{AtomicU16, AtomicU64, Ordering, fence};

use skete_cell::Guarded;
use skete_logic::meter::Meter;
use skete_logic::thread::Thread;

use super::core::{CORES, Core, online};
use super::ready::QueueLock;
use super::record::Record;
use crate::arch::cpu;
use crate::time;

/// When somebody first asked, in ticks; 0: nobody has.
static SINCE: AtomicU64 = AtomicU64::new(0);

/// What there is of a thread, beside its record.
pub struct Life {
    /// When it began, in ticks.
    born: AtomicU64,
    /// How long it has run since somebody first asked, in ticks; stands while it does not run.
    meter: Meter<QueueLock>,
}

/// Where the table begins. Written by [`install`] while nobody else runs, only read from then on: so it needs no lock.
static LIVES: Guarded<usize> = Guarded::new(0);

/// Gives the table its memory. Called once, before the first thread.
///
/// # Safety
/// `memory` is room for as many lives as there are records, used for nothing else ever.
pub unsafe fn install(memory: *mut Life) {
    LIVES.set(memory.expose_provenance());
}

fn place(thread: Thread) -> *mut Life {
    core::ptr::with_exposed_provenance_mut::<Life>(LIVES.get()).wrapping_add(thread.index())
}

/// Prepares what there is of `thread`, whose record was never used before.
pub fn prepare(thread: Thread) {
    // SAFETY: `install` made room; nobody knows this thread yet.
    unsafe { place(thread).write(Life { born: AtomicU64::new(0), meter: Meter::new(QueueLock::new()) }) };
}

fn life(thread: Thread) -> &'static Life {
    // SAFETY: a thread that is named was prepared.
    unsafe { &*place(thread) }
}

/// A thread begins to live in the record of `thread`; the core that the last one left has stopped its meter.
#[inline]
pub fn begin_life(thread: Thread) {
    let life = life(thread);
    life.born.store(cpu::ticks_about(), Ordering::Relaxed);
    life.meter.reset();
}

/// What a core counts.
pub struct CoreMeter {
    /// Whose meter runs, and stops when another is passed on to; [`Thread::NONE`] while it idles. Its own business.
    running: AtomicU16,
    /// For how long it has run threads.
    busy: Meter<QueueLock>,
}

impl CoreMeter {
    /// Nothing runs.
    pub const fn new() -> Self {
        Self { running: AtomicU16::new(Thread::NONE.number()), busy: Meter::new(QueueLock::new()) }
    }
}

/// This core goes over from what it ran to `next`, or to nothing. IRQs are masked, and no lock of a queue is held.
pub fn pass(core: &Core, next: Option<&Record>) {
    let meter = &core.meter;
    let left = Thread::from_number(meter.running.load(Ordering::Relaxed));
    meter.running.store(next.map_or(Thread::NONE, Record::thread).number(), Ordering::Relaxed);
    if !left.is_none() {
        life(left).meter.stop(cpu::ticks);
    }
    match (left.is_none(), next.is_none()) {
        (true, false) => meter.busy.start(cpu::ticks, cpu::pass_turn),
        (false, true) => meter.busy.stop(cpu::ticks),
        _ => {}
    }
    // Whoever ran it before has let it go, and stops it without waiting for anybody.
    if let Some(next) = next {
        life(next.thread()).meter.start(cpu::ticks, cpu::pass_turn);
    }
}

/// Begins to count on this core, if somebody has asked. IRQs are masked.
#[inline]
pub fn look(core: &Core) {
    if SINCE.load(Ordering::Relaxed) != 0 {
        core.begin_meter();
    }
}

/// Somebody asks: lets every core count. IRQs are masked. When that was first, in ticks.
fn begin() -> u64 {
    let this = Core::this();
    let now = cpu::ticks();
    if let Err(since) = SINCE.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed) {
        this.begin_meter();
        return since;
    }
    this.begin_meter();
    // Pairs with the order in `Core::join`: a core that is not seen online here sees that somebody has asked.
    fence(Ordering::SeqCst);
    (0..cpu::CORES).filter(|number| *number != this.number() && online() & 1 << number != 0).for_each(crate::interrupt::kick);
    now
}

/// For how long `thread` has run, in nanoseconds.
pub fn of(thread: &Record) -> u64 {
    let life = life(thread.thread());
    let before = cpu::mask();
    let since = begin();
    let ticks = since.saturating_sub(life.born.load(Ordering::Relaxed)) + life.meter.read(cpu::ticks);
    cpu::unmask(before);
    time::ns_of(ticks)
}

/// For how long all threads have run, in nanoseconds.
pub fn of_all() -> u64 {
    let before = cpu::mask();
    let since = begin();
    let ticks = CORES.iter().fold(since, |sum, core| sum + core.meter.busy.read(cpu::ticks));
    cpu::unmask(before);
    time::ns_of(ticks)
}
