//! The pins of the BCM2835 family: what each is connected to, its level and its pull. Source: BCM2835 ARM Peripherals, chapter 6.
//!
//! Pins share registers: callers take turns. The pull resistors want a pause of 150 core cycles between their steps, which is the
//! caller's to make: [`Gpio::set_pull`] takes it as a function.

use crate::window::Registers;

/// Where the pins' registers stand, as the ARM sees them.
pub const BASE: usize = 0x3F20_0000;
/// Bytes of their window.
pub const WINDOW_BYTES: usize = 0xB4;

const GPFSEL0: usize = 0x00;
const GPSET0: usize = 0x1C;
const GPCLR0: usize = 0x28;
const GPLEV0: usize = 0x34;
const GPPUD: usize = 0x94;
const GPPUDCLK0: usize = 0x98;

/// A pin, 0–53.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pin(u8);

impl Pin {
    /// Pin `number`; none above 53.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        if number < 54 { Some(Self(number)) } else { None }
    }

    /// The word and the bit of this pin in a pair of registers that begins at `first`.
    const fn place(self, first: usize) -> (usize, u32) {
        (first + 4 * (self.0 as usize / 32), 1 << (self.0 % 32))
    }
}

/// What a pin is connected to; the alternatives are in the table of chapter 6.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// A level that software reads.
    Input = 0b000,
    /// A level that software sets.
    Output = 0b001,
    /// Alternative 0: on pins 14 and 15 the PL011.
    Alternative0 = 0b100,
    /// Alternative 1.
    Alternative1 = 0b101,
    /// Alternative 2.
    Alternative2 = 0b110,
    /// Alternative 3: on pins 48 to 53 Arasan's SD host.
    Alternative3 = 0b111,
    /// Alternative 4.
    Alternative4 = 0b011,
    /// Alternative 5: on pins 14 and 15 the mini UART.
    Alternative5 = 0b010,
}

/// The resistor of a pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pull {
    /// None: the pin floats, or its device drives it.
    Off = 0,
    /// Towards ground.
    Down = 1,
    /// Towards 3.3 V.
    Up = 2,
}

/// All pins.
#[derive(Clone, Copy, Debug)]
pub struct Gpio<R> {
    registers: R,
}

impl<R: Registers> Gpio<R> {
    /// The pins behind this window.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Connects a pin. The other nine of its register keep their functions.
    pub fn set_function(&self, pin: Pin, function: Function) {
        let word = GPFSEL0 + 4 * (usize::from(pin.0) / 10);
        let shift = 3 * (pin.0 % 10);
        let others = self.registers.read(word) & !(0b111 << shift);
        self.registers.write(word, others | (function as u32) << shift);
    }

    /// Whether a pin is connected so.
    pub fn is_connected(&self, pin: Pin, function: Function) -> bool {
        let word = GPFSEL0 + 4 * (usize::from(pin.0) / 10);
        self.registers.read(word) >> (3 * (pin.0 % 10)) & 0b111 == function as u32
    }

    /// Sets the level of an output; `true` is high.
    pub fn write_level(&self, pin: Pin, is_high: bool) {
        let (word, bit) = pin.place(if is_high { GPSET0 } else { GPCLR0 });
        self.registers.write(word, bit);
    }

    /// The level of a pin; `true` is high.
    pub fn read_level(&self, pin: Pin) -> bool {
        let (word, bit) = pin.place(GPLEV0);
        self.registers.read(word) & bit != 0
    }

    /// Gives a pin its resistor. `pause` lets at least 150 cycles of the core clock pass (GPPUD, chapter 6.1).
    pub fn set_pull(&self, pin: Pin, pull: Pull, mut pause: impl FnMut()) {
        let (clock, bit) = pin.place(GPPUDCLK0);
        self.registers.write(GPPUD, pull as u32);
        pause();
        self.registers.write(clock, bit);
        pause();
        self.registers.write(GPPUD, 0);
        self.registers.write(clock, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access, Access::Read, Access::Write, Script};

    fn pin(number: u8) -> Pin {
        Pin::new(number).expect("a number below 54")
    }

    fn play(accesses: &[Access], test: impl FnOnce(Gpio<&Script<'_>>)) {
        let script = Script::new(accesses);
        test(Gpio::new(&script));
        script.assert_done();
    }

    #[test]
    fn a_pin_is_connected_without_touching_its_neighbours() {
        play(&[Read(0x04, 0x3FFF_FFFF), Write(0x04, 0x3FFF_CFFF), Read(0x14, 0), Write(0x14, 0b111 << 9)], |gpio| {
            gpio.set_function(pin(14), Function::Alternative0);
            gpio.set_function(pin(53), Function::Alternative3);
        });
    }

    #[test]
    fn a_pins_connection_is_told_from_its_neighbours() {
        play(&[Read(0x04, 0b010 << 12), Read(0x04, 0b010 << 15)], |gpio| {
            assert!(gpio.is_connected(pin(14), Function::Alternative5));
            assert!(!gpio.is_connected(pin(14), Function::Alternative5));
        });
    }

    #[test]
    fn levels_of_both_words_are_set_cleared_and_read() {
        play(&[Write(0x1C, 1 << 29), Write(0x2C, 1 << 15), Read(0x38, 1 << 15), Read(0x34, 0)], |gpio| {
            gpio.write_level(pin(29), true);
            gpio.write_level(pin(47), false);
            assert!(gpio.read_level(pin(47)));
            assert!(!gpio.read_level(pin(0)));
        });
    }

    #[test]
    fn a_resistor_is_clocked_into_its_pin_between_two_pauses() {
        let script = Script::new(&[Write(0x94, 2), Write(0x9C, 1 << 16), Write(0x94, 0), Write(0x9C, 0)]);
        let mut made_at_pauses = std::vec::Vec::new();
        Gpio::new(&script).set_pull(pin(48), Pull::Up, || made_at_pauses.push(script.made()));
        assert_eq!(made_at_pauses, [1, 2]);
        script.assert_done();
        assert_eq!(Pin::new(54), None);
    }
}
