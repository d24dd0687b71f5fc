//! Makes a thread ready and chooses its core.
//!
//! An idle core first, the thread's last one if that is idle; else its last one, unless another has less to do. That a ready thread
//! never waits behind a busy core while an allowed one idles is [`skete_logic::placement`]'s, proved there; this file gives it the machine.
#![allow(unsafe_code, reason = "unlocks what it locked")]

use core::sync::atomic::Ordering;

use lock_api::RawMutex;
use skete_logic::host::RawLock;
use skete_logic::placement::{self, Cores, IdleSet};
use skete_logic::ready::{Ready, Runs};
use skete_logic::thread::Thread;

use super::core::{self as cores, CORES, Core, IDLE};
use super::record::{self, Record, Records};
use super::{Reason, suspend};
use crate::arch::cpu;
use crate::interrupt;
use crate::lock::RawBare;

/// The lock of a core's run queue or of its sleepers. IRQs are masked by its taker.
pub struct QueueLock(RawBare);

impl QueueLock {
    /// A free one.
    pub const fn new() -> Self {
        Self(RawBare::INIT)
    }
}

impl RawLock for QueueLock {
    #[inline(always)]
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
        self.0.lock();
        let result = section();
        // SAFETY: locked above, by this core.
        unsafe { self.0.unlock() };
        result
    }
}

/// The cores as placement sees them. IRQs are masked.
#[derive(Clone, Copy, Debug)]
pub struct Machine;

impl Cores for Machine {
    type Lock = QueueLock;
    type Records = Records;

    #[inline(always)]
    fn records(&self) -> &Records {
        &Records
    }

    #[inline(always)]
    fn ready(&self, core: usize) -> &Ready<QueueLock> {
        &CORES[core].ready
    }

    #[inline(always)]
    fn count(&self) -> usize {
        cpu::CORES
    }

    #[inline(always)]
    fn idle(&self) -> &IdleSet {
        &IDLE
    }

    #[inline(always)]
    fn allowed(&self, thread: Thread) -> u8 {
        record::of(thread).affinity.load(Ordering::Relaxed) & cores::online()
    }

    #[inline(always)]
    fn priority(&self, thread: Thread) -> u8 {
        record::of(thread).priority()
    }

    #[inline(always)]
    fn tell(&self, core: usize, runs: Runs) {
        let core = &CORES[core];
        if !core::ptr::eq(core, Core::this()) && core.must_know(runs) {
            interrupt::kick(core.number());
        }
    }

    fn kick(&self, core: usize) {
        interrupt::kick(core);
    }
}

/// Makes `record` ready: it was parked, or is new.
#[inline]
pub fn make_ready(record: &'static Record) {
    make_all_ready(core::iter::once(record));
}

/// [`make_ready`] of `thread` by one who has masked IRQs and knows what was masked `before`.
#[inline(always)]
pub fn make_ready_masked(thread: Thread, before: cpu::Masking) {
    let (this, record) = (Core::this(), record::of(thread));
    if !this.is_alone_in(record.affinity.load(Ordering::Relaxed)) {
        make_ready_on_the_best(this, before, record);
    } else if queue_here(this, thread) {
        give_way(this, before);
    }
}

#[inline(never)]
extern "rust-cold" fn make_ready_on_the_best(this: &'static Core, before: cpu::Masking, record: &'static Record) {
    if queue_on_the_best(this, record) {
        give_way(this, before);
    }
}

/// Makes `records` ready, in this order, before any of them may take this core from its thread.
#[inline]
pub fn make_all_ready(records: impl Iterator<Item = &'static Record>) {
    let before = cpu::mask();
    make_all_ready_masked(records, before);
    cpu::unmask(before);
}

/// [`make_all_ready`] by one who has masked IRQs and knows what was masked `before`.
#[inline]
pub fn make_all_ready_masked(records: impl Iterator<Item = &'static Record>, before: cpu::Masking) {
    let this = Core::this();
    let mut must_give_way = false;
    for record in records {
        must_give_way |= queue_somewhere(this, record);
    }
    if must_give_way {
        give_way(this, before);
    }
}

/// Queues `record`; true if this core's running thread must give way to it. IRQs are masked.
#[inline(always)]
fn queue_somewhere(this: &'static Core, record: &'static Record) -> bool {
    // With this core alone to choose there is nobody to kick.
    if this.is_alone_in(record.affinity.load(Ordering::Relaxed)) {
        queue_here(this, record.thread())
    } else {
        queue_on_the_best(this, record)
    }
}

/// Queues `thread`, which may run on no other core than `this` one; true if the running thread must give way to it.
#[inline(always)]
fn queue_here(this: &'static Core, thread: Thread) -> bool {
    this.take_notice(this.ready.push_back(&Records, thread, || record::of(thread).priority()))
}

#[inline(never)]
fn queue_on_the_best(this: &'static Core, record: &'static Record) -> bool {
    let allowed = record.affinity.load(Ordering::Relaxed) & cores::online();
    queue_on(choose(record, this, allowed), record)
}

/// The running thread gives way at once if it may. A handler, the switch and the idle loop look at the queue anyway.
///
/// Cold, and by a convention by which it keeps the registers that its caller uses, so that a wake-up that comes by saves none.
#[inline(never)]
pub extern "rust-cold" fn give_way(this: &'static Core, before: cpu::Masking) {
    if cpu::is_on_core_stack() || record::current().is_idle() {
        return;
    }
    if before.lets_irqs_in() {
        suspend(Reason::GiveWay);
    } else {
        this.give_way_soon();
    }
}

fn choose(record: &Record, this: &'static Core, allowed: u8) -> &'static Core {
    if this.ready.is_idle() && this.ready.count() == 0 && allowed & 1 << this.number() != 0 {
        return this;
    }
    let last = usize::from(record.core.load(Ordering::Relaxed));
    if let Some(core) = IDLE.claim(allowed, last) {
        return &CORES[core];
    }
    let last_core = &CORES[last];
    if allowed & 1 << last != 0 && last_core.ready.count() == 0 {
        return last_core;
    }
    cores::lightest(allowed).unwrap_or(this)
}

/// Queues `record` on `core` and kicks whoever has to know. True if this core's running thread must give way. IRQs are masked.
pub fn queue_on(core: &'static Core, record: &'static Record) -> bool {
    let runs = placement::queue_on(&Machine, core.number(), record.thread());
    core::ptr::eq(core, Core::this()) && core.take_notice(runs)
}

/// Queues the thread that just left on a core where it may run: its affinity changed. On the core's own stack.
pub fn elsewhere(record: &'static Record) {
    let allowed = record.affinity.load(Ordering::Relaxed) & cores::online();
    let this = Core::this();
    queue_on(choose(record, this, allowed), record);
}
