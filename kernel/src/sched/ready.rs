//! Makes a thread ready and chooses its core.
//!
//! An idle core first, the thread's last one if that is idle; else its last one, unless another has less to do. A thread that became
//! ready never waits behind a busy core while an allowed one idles: after queueing, the waker looks for idle cores once more, and an
//! idle core looks at all queues after it has said that it idles.

use core::sync::atomic::{Ordering, fence};

use super::core::{self as cores, CORES, Core, Kick};
use super::record::Record;
use super::{Reason, suspend};
use crate::arch::cpu;
use crate::interrupt;

/// Makes `record` ready: it was parked, or is new.
#[inline]
pub fn make_ready(record: &'static Record) {
    make_all_ready(core::iter::once(record));
}

/// Makes `records` ready, in this order, before any of them may take this core from its thread.
#[inline]
pub fn make_all_ready(records: impl Iterator<Item = &'static Record>) {
    let before = cpu::mask();
    let this = Core::this();
    let mut must_give_way = false;
    for record in records {
        must_give_way |= queue_somewhere(this, record);
    }
    if must_give_way {
        give_way(this, before);
    }
    cpu::unmask(before);
}

/// Queues `record`; true if this core's running thread must give way to it. IRQs are masked.
#[inline]
fn queue_somewhere(this: &'static Core, record: &'static Record) -> bool {
    let allowed = record.affinity.load(Ordering::Relaxed) & cores::online();
    // With this core alone to choose there is nobody to kick.
    if allowed == 1 << this.number() { take_notice(this, this.queue(record)) } else { queue_on(choose(record, this, allowed), record) }
}

/// This core learns what was queued on it; true if its running thread must give way.
#[inline]
fn take_notice(this: &Core, kick: Kick) -> bool {
    if kick == Kick::Slice {
        this.begin_slice();
    }
    kick == Kick::GiveWay
}

/// The running thread gives way at once if it may. A handler, the switch and the idle loop look at the queue anyway.
#[cold]
fn give_way(this: &'static Core, before: cpu::Masking) {
    if cpu::is_on_core_stack() || super::record::current().is_idle() {
        return;
    }
    if before.lets_irqs_in() {
        suspend(Reason::GiveWay);
    } else {
        this.give_way_soon();
    }
}

fn choose(record: &Record, this: &'static Core, allowed: u8) -> &'static Core {
    if this.is_idle() && this.ready.load(Ordering::Relaxed) == 0 && allowed & 1 << this.number() != 0 {
        return this;
    }
    let last = usize::from(record.core.load(Ordering::Relaxed));
    if let Some(core) = cores::claim_idle(allowed, last) {
        return core;
    }
    let last_core = &CORES[last];
    if allowed & 1 << last != 0 && last_core.ready.load(Ordering::Relaxed) == 0 {
        return last_core;
    }
    cores::lightest(allowed).unwrap_or(this)
}

/// Queues `record` on `core` and kicks whoever has to know. True if this core's running thread must give way. IRQs are masked.
pub fn queue_on(core: &'static Core, record: &'static Record) -> bool {
    // Read before it is queued: from then on the thread may run, move and end.
    let affinity = record.affinity.load(Ordering::Relaxed);
    let was_idle = core.is_idle();
    let kick = core.queue(record);
    let this = Core::this();
    let is_here = core::ptr::eq(core, this);
    let must_give_way = is_here && take_notice(core, kick);
    if kick != Kick::None && !is_here {
        interrupt::kick(core.number());
    }
    // Pairs with the fence in `Core::announce_idle`.
    fence(Ordering::SeqCst);
    if !was_idle && let Some(idle) = cores::claim_idle(affinity & cores::online(), core.number()) {
        interrupt::kick(idle.number());
    }
    must_give_way
}

/// Queues the thread that just left on a core where it may run: its affinity changed. On the core's own stack.
pub fn elsewhere(record: &'static Record) {
    let allowed = record.affinity.load(Ordering::Relaxed) & cores::online();
    let this = Core::this();
    queue_on(choose(record, this, allowed), record);
}
