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
    let before = cpu::mask();
    let this = Core::this();
    let allowed = record.affinity.load(Ordering::Relaxed) & cores::online();
    // With this core alone to choose there is nobody to kick.
    let is_here = if allowed == 1 << this.number() { this.queue(record) == Kick::Core } else { queue_on(choose(record, this, allowed), record) };
    if is_here {
        notice_here(this, before);
    }
    cpu::unmask(before);
}

/// Something was queued on this core that the running thread has to know: gives way at once if it must and may.
#[cold]
fn notice_here(this: &'static Core, before: cpu::Masking) {
    if cpu::is_on_core_stack() || super::record::current().is_idle() || !this.must_give_way() {
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

/// Queues `record` on `core` and kicks whoever has to know. True if that is this core. IRQs are masked.
pub fn queue_on(core: &'static Core, record: &'static Record) -> bool {
    // Read before it is queued: from then on the thread may run, move and end.
    let affinity = record.affinity.load(Ordering::Relaxed);
    let was_idle = core.is_idle();
    let kick = core.queue(record);
    let this = Core::this();
    let is_here = core::ptr::eq(core, this);
    if kick == Kick::Core && !is_here {
        interrupt::kick(core.number());
    }
    // Pairs with the fence in `Core::announce_idle`.
    fence(Ordering::SeqCst);
    if !was_idle && let Some(idle) = cores::claim_idle(affinity & cores::online(), core.number()) {
        interrupt::kick(idle.number());
    }
    is_here && kick == Kick::Core
}

/// Queues the thread that just left on a core where it may run: its affinity changed. On the core's own stack.
pub fn elsewhere(record: &'static Record) {
    let allowed = record.affinity.load(Ordering::Relaxed) & cores::online();
    let this = Core::this();
    queue_on(choose(record, this, allowed), record);
}
