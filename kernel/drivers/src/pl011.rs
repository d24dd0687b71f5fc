//! ARM's PL011 UART (PrimeCell UART PL011 TRM, DDI 0183): the console of `virt`, and the Pi's UART0.

use crate::window::Registers;

const DR: usize = 0x00;
const FR: usize = 0x18;
const IBRD: usize = 0x24;
const FBRD: usize = 0x28;
const LCRH: usize = 0x2C;
const CR: usize = 0x30;
const IMSC: usize = 0x38;
const ICR: usize = 0x44;

const FR_BUSY: u32 = 1 << 3;
const FR_RXFE: u32 = 1 << 4;
const FR_TXFF: u32 = 1 << 5;

/// Eight data bits, FIFOs on, no parity, one stop bit.
const LCRH_8N1: u32 = 0x70;
/// UART, transmitter and receiver on.
const CR_ON: u32 = 0x301;
/// A byte came, bytes lie below the FIFO's mark and the line is idle, or a break came: without the second, short input stays unseen.
const RECEIVED: u32 = 1 << 4 | 1 << 6 | 1 << 9;
/// DR: the line was held low for longer than a byte takes. Such a break stands in the FIFO as one zero byte, mostly with a framing
/// error besides.
const DR_BREAK: u32 = 1 << 10;
/// DR: framing, parity, break, overrun.
const DR_ERRORS: u32 = 0xF << 8;
const EVERY_INTERRUPT: u32 = 0x7FF;

/// The bytes of register space.
pub const WINDOW_BYTES: usize = 0x1000;

/// What came over the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A byte.
    Byte(u8),
    /// A break: somebody wants attention.
    Break,
}

/// A PL011.
#[derive(Clone, Copy, Debug)]
pub struct Pl011<R> {
    registers: R,
}

impl<R: Registers> Pl011<R> {
    /// The UART behind these registers, in whatever state it is.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Sets it up: 8 data bits, no parity, `baud` from a reference clock of `clock_hz`, interrupts off, FIFOs empty and on.
    pub fn init(&self, clock_hz: u32, baud: u32) {
        self.flush();
        self.registers.write(CR, 0);
        self.registers.write(LCRH, 0);
        self.registers.write(IMSC, 0);
        self.registers.write(ICR, EVERY_INTERRUPT);
        let divisor = divisor_64ths(clock_hz, baud);
        self.registers.write(IBRD, divisor >> 6);
        self.registers.write(FBRD, divisor & 63);
        // Latches the divisor, so it comes after it.
        self.registers.write(LCRH, LCRH_8N1);
        self.registers.write(CR, CR_ON);
    }

    /// Sends one byte, waiting for room.
    pub fn send(&self, byte: u8) {
        while !self.try_send(byte) {
            core::hint::spin_loop();
        }
    }

    /// Sends one byte if there is room; whether there was.
    pub fn try_send(&self, byte: u8) -> bool {
        let has_room = self.registers.read(FR) & FR_TXFF == 0;
        if has_room {
            self.registers.write(DR, u32::from(byte));
        }
        has_room
    }

    /// The next byte that came, if one did. A byte with a framing error, an overrun or a break is dropped.
    pub fn receive(&self) -> Option<u8> {
        while let Some(received) = self.receive_all() {
            if let Received::Byte(byte) = received {
                return Some(byte);
            }
        }
        None
    }

    /// The next byte or break that came, if one did. A byte with another error is dropped.
    pub fn receive_all(&self) -> Option<Received> {
        while self.registers.read(FR) & FR_RXFE == 0 {
            let data = self.registers.read(DR);
            if data & DR_BREAK != 0 {
                return Some(Received::Break);
            }
            if data & DR_ERRORS == 0 {
                let [byte, ..] = data.to_le_bytes();
                return Some(Received::Byte(byte));
            }
        }
        None
    }

    /// Waits until the last bit has left.
    pub fn flush(&self) {
        while self.registers.read(FR) & FR_BUSY != 0 {
            core::hint::spin_loop();
        }
    }

    /// Lets received bytes and breaks raise the interrupt, or stops them.
    pub fn interrupt_on_receive(&self, on: bool) {
        self.registers.write(IMSC, if on { RECEIVED } else { 0 });
    }

    /// Takes the interrupt back once the bytes are read.
    pub fn acknowledge(&self) {
        self.registers.write(ICR, RECEIVED);
    }
}

/// clock / (16 · baud) in 64ths, rounded to the nearest.
fn divisor_64ths(clock_hz: u32, baud: u32) -> u32 {
    let twice = u64::from(clock_hz) * 8 / u64::from(baud.max(1));
    u32::try_from(twice.div_ceil(2)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::Access::{Read, Write};
    use crate::window::fake::Script;

    #[test]
    fn set_up_waits_for_the_last_byte_and_latches_the_divisor_last() {
        let script = Script::new(&[
            Read(FR, FR_BUSY),
            Read(FR, 0),
            Write(CR, 0),
            Write(LCRH, 0),
            Write(IMSC, 0),
            Write(ICR, 0x7FF),
            Write(IBRD, 26),
            Write(FBRD, 3),
            Write(LCRH, 0x70),
            Write(CR, 0x301),
        ]);
        Pl011::new(&script).init(48_000_000, 115_200);
        script.assert_done();
    }

    #[test]
    fn a_byte_waits_for_room() {
        let script = Script::new(&[Read(FR, FR_TXFF), Read(FR, 0), Write(DR, 0x41)]);
        Pl011::new(&script).send(b'A');
        script.assert_done();
    }

    #[test]
    fn a_byte_that_finds_no_room_is_not_sent() {
        let script = Script::new(&[Read(FR, FR_TXFF), Read(FR, 0), Write(DR, 0x42)]);
        let uart = Pl011::new(&script);
        assert!(!uart.try_send(b'A') && uart.try_send(b'B'));
        script.assert_done();
    }

    #[test]
    fn a_byte_with_an_error_is_not_delivered() {
        let script = Script::new(&[Read(FR, 0), Read(DR, 0x400), Read(FR, 0), Read(DR, 0x42), Read(FR, FR_RXFE)]);
        let uart = Pl011::new(&script);
        assert_eq!(uart.receive(), Some(b'B'));
        assert_eq!(uart.receive(), None);
        script.assert_done();
    }

    #[test]
    fn a_break_is_told_from_the_zero_byte_that_it_leaves() {
        let script = Script::new(&[
            Read(FR, 0),
            Read(DR, 0x500),
            Read(FR, 0),
            Read(DR, 0x100),
            Read(FR, 0),
            Read(DR, 0),
            Read(FR, 0),
            Read(DR, 0x400),
            Read(FR, FR_RXFE),
        ]);
        let uart = Pl011::new(&script);
        let came: std::vec::Vec<Received> = core::iter::from_fn(|| uart.receive_all()).collect();
        assert_eq!(came, [Received::Break, Received::Byte(0), Received::Break]);
        script.assert_done();
    }

    #[test]
    fn the_receive_interrupt_covers_short_input_and_breaks() {
        let script = Script::new(&[Write(IMSC, 0x250), Write(ICR, 0x250), Write(IMSC, 0)]);
        let uart = Pl011::new(&script);
        uart.interrupt_on_receive(true);
        uart.acknowledge();
        uart.interrupt_on_receive(false);
        script.assert_done();
    }
}
