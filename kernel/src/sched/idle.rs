//! What a core does with nothing to do: waits for an interrupt, asks the other queues, waits again.

use super::core::Core;
use super::{Reason, handle_interrupts, suspend};
use crate::arch::cpu;

/// The idle thread's life. Its interrupts are answered here, without an exception: WFI ends when one is pending, masked or not.
pub fn idle() -> ! {
    cpu::mask();
    let core = Core::this();
    loop {
        core.announce_idle();
        if core.find_work() {
            core.stop_idling();
            suspend(Reason::Idle);
        } else {
            cpu::wait_for_interrupt();
            core.stop_idling();
            handle_interrupts(core);
        }
    }
}
