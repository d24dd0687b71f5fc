//! The host controller of a Raspberry Pi: Synopsys' DesignWare USB 2.0 OTG, with its own DMA. Sources: Linux' `dwc2/hw.h` for the registers;
//! BCM2835 ARM Peripherals, chapter 15, for the board's own bits; Circle's and U-Boot's drivers for the order of the start.
//!
//! - [`registers`]: names and bits · [`start`]: from whatever the firmware left to a device that answers
//! - [`channel`]: one transaction after the other, by the controller itself · [`transfer`]: what is made of them
//!
//! # Interrupts
//! Only channels that have halted interrupt. The line stays up until all is looked at, so an
//! interrupt handler closes the controller's gate ([`close_gate`]), and whoever has looked opens it ([`open_gate`]): what has happened
//! meanwhile interrupts at once. Each is one write of a constant; they need no lock.
//!
//! # A board and QEMU
//! On a board an idle receive stays in its channel for as long as nothing comes, and costs nothing: the controller asks the device again and
//! again, and tells nobody. In QEMU it is asked every 250 µs, and each time HCINT.NAK is set: it is masked. What else QEMU 7.2 does in its
//! own way: a transfer to an address where nobody is never ends; a channel that is disabled goes on with its transfer in secret, so no
//! transfer is ever taken back, and memory that was lent to one stays lent; it moves a transfer of 1,536 bytes and less by one packet in 250
//! µs, unless one packet is all: so [`transfer`] asks for more, or for single packets; HCTSIZ's next data toggle is not kept, nor needed.

pub mod channel;
pub mod registers;
pub mod start;
pub mod transfer;

use crate::window::Registers;
use registers::{GINTMSK, Global};

/// Where the controller stands, as the ARM sees it.
pub const BASE: usize = 0x3F98_0000;
/// Bytes of its window.
pub const WINDOW_BYTES: usize = 0x1000;

/// No interrupt comes any more. For the interrupt's handler.
pub fn close_gate(registers: &impl Registers) {
    registers.write(GINTMSK, 0);
}

/// Interrupts come for channels that have halted.
pub fn open_gate(registers: &impl Registers) {
    registers.write(GINTMSK, Global::CHANNEL.bits());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access::Write, Script};

    #[test]
    fn the_gate_is_one_write_each_way() {
        let script = Script::new(&[Write(0x18, 0), Write(0x18, 1 << 25)]);
        close_gate(&script);
        open_gate(&script);
        script.assert_done();
    }
}
