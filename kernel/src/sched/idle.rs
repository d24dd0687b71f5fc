//! What a core does with nothing to do: waits for an interrupt, asks the other queues, waits again.

use skete_logic::placement;

use super::core::{Core, IDLE};
use super::ready::Machine;
use super::{Reason, handle_interrupts, suspend};
use crate::arch::cpu;

/// The idle thread's life. Its interrupts are answered here, without an exception: WFI ends when one is pending, masked or not.
pub fn idle() -> ! {
    cpu::mask();
    let core = Core::this();
    // Whether it was claimed, and has not looked at all queues since.
    let mut was_claimed = false;
    loop {
        IDLE.announce(core.number());
        if placement::find_work(&Machine, core.number(), was_claimed) {
            suspend(Reason::Idle);
            was_claimed = false;
        } else {
            cpu::wait_for_interrupt();
            was_claimed = !IDLE.leave(core.number());
            handle_interrupts(core);
        }
    }
}
