//! The peripherals' interrupt controller of the BCM2835 family: 64 level-triggered lines, no priorities, nothing to acknowledge. It
//! stands behind [`crate::bcm2836`], which sends all of them to one core. Source: BCM2835 ARM Peripherals, chapter 7.
//!
//! The enable registers take ones and ignore zeroes, so cores need not take turns.

use crate::window::Registers;

/// Where the controller stands, as the ARM sees it (chapter 7.5 gives 0x7E00B000; the registers begin at 0x200).
pub const BASE: usize = 0x3F00_B200;
/// Bytes of its window.
pub const WINDOW_BYTES: usize = 0x28;

const PENDING_1: usize = 0x04;
const PENDING_2: usize = 0x08;
const FIQ_CONTROL: usize = 0x0C;
const ENABLE_1: usize = 0x10;
const DISABLE_1: usize = 0x1C;
const DISABLE_2: usize = 0x20;
const DISABLE_BASIC: usize = 0x24;

/// A peripheral's line, 0–63 (chapter 7.5, "ARM peripherals interrupts table"; the lines that it leaves out are known from Linux'
/// devicetree `bcm283x.dtsi`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Irq(u8);

impl Irq {
    /// System timer, compare 1 (compare 0 and 2 belong to the GPU).
    pub const SYSTEM_TIMER_1: Self = Self(1);
    /// System timer, compare 3.
    pub const SYSTEM_TIMER_3: Self = Self(3);
    /// The USB host controller.
    pub const USB: Self = Self(9);
    /// The mini UART, and two SPI controllers.
    pub const AUX: Self = Self(29);
    /// The SD host of Broadcom.
    pub const SDHOST: Self = Self(56);
    /// PL011, UART 0.
    pub const UART: Self = Self(57);
    /// The random number generator.
    pub const RNG: Self = Self(61);
    /// The SD host of Arasan.
    pub const EMMC: Self = Self(62);

    /// Line `number`; none above 63.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 64 { Some(Self(number)) } else { None }
    }

    /// The line's number.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The word and the bit of this line in a pair of registers that begins at `first`.
    const fn place(self, first: usize) -> (usize, u32) {
        (first + 4 * (self.0 as usize / 32), 1 << (self.0 % 32))
    }
}

/// The enabled lines that were up when a core looked, lowest number first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending(u64);

impl Iterator for Pending {
    type Item = Irq;

    fn next(&mut self) -> Option<Irq> {
        #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
        let irq = Irq::new(self.0.trailing_zeros() as u8)?;
        self.0 &= self.0 - 1;
        Some(irq)
    }
}

/// The peripherals' interrupt controller.
#[derive(Clone, Copy, Debug)]
pub struct Controller<R> {
    registers: R,
}

impl<R: Registers> Controller<R> {
    /// The controller behind this window.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Disables every line and the fast interrupt: what was enabled survives a reset of the ARM.
    pub fn disable_all(&self) {
        self.registers.write(FIQ_CONTROL, 0);
        for disable in [DISABLE_1, DISABLE_2, DISABLE_BASIC] {
            self.registers.write(disable, u32::MAX);
        }
    }

    /// Lets a line through.
    pub fn enable(&self, irq: Irq) {
        let (word, bit) = irq.place(ENABLE_1);
        self.registers.write(word, bit);
    }

    /// Holds a line back. For a line that stays up until a thread has served its device, disable it first, or the core never leaves
    /// the interrupt.
    pub fn disable(&self, irq: Irq) {
        let (word, bit) = irq.place(DISABLE_1);
        self.registers.write(word, bit);
    }

    /// The enabled lines that are up. The basic pending register is left out: its summary bits mean different things on the board and
    /// in QEMU.
    pub fn pending(&self) -> Pending {
        let low = self.registers.read(PENDING_1);
        let high = self.registers.read(PENDING_2);
        Pending(u64::from(high) << 32 | u64::from(low))
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::window::fake::{Access, Access::Read, Access::Write, Script};

    fn play(accesses: &[Access], test: impl FnOnce(Controller<&Script<'_>>)) {
        let script = Script::new(accesses);
        test(Controller::new(&script));
        script.assert_done();
    }

    #[test]
    fn all_three_words_and_the_fast_interrupt_are_disabled() {
        play(&[Write(0x0C, 0), Write(0x1C, u32::MAX), Write(0x20, u32::MAX), Write(0x24, u32::MAX)], |controller| controller.disable_all());
    }

    #[test]
    fn lines_below_and_above_32_have_their_own_words() {
        play(&[Write(0x10, 1 << 9), Write(0x14, 1 << 25), Write(0x1C, 1 << 29), Write(0x20, 1 << 30)], |controller| {
            controller.enable(Irq::USB);
            controller.enable(Irq::UART);
            controller.disable(Irq::AUX);
            controller.disable(Irq::EMMC);
        });
    }

    #[test]
    fn pending_lines_of_both_words_come_in_order() {
        play(&[Read(4, 1 << 9 | 1), Read(8, 1 << 25 | 1 << 31)], |controller| {
            let lines: Vec<u8> = controller.pending().map(Irq::number).collect();
            assert_eq!(lines, [0, 9, 57, 63]);
        });
    }

    #[test]
    fn no_line_is_pending_when_both_words_are_zero() {
        play(&[Read(4, 0), Read(8, 0)], |controller| {
            assert_eq!(controller.pending().next(), None);
        });
        assert_eq!(Irq::new(64), None);
    }
}
