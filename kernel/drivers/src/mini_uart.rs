//! The Pi's mini UART, UART1 (BCM2835 ARM Peripherals, chapter 2): its baud rate follows the core clock, its receive FIFO holds 8
//! bytes, and it detects neither breaks nor framing errors (2.2): a break is a zero byte like any other.

use crate::window::Registers;

const ENABLES: usize = 0x04;
const IO: usize = 0x40;
const IER: usize = 0x44;
const IIR: usize = 0x48;
const LCR: usize = 0x4C;
const MCR: usize = 0x50;
const LSR: usize = 0x54;
const CNTL: usize = 0x60;
const BAUD: usize = 0x68;

const LSR_RECEIVED: u32 = 1 << 0;
const LSR_HAS_ROOM: u32 = 1 << 5;
const LSR_IDLE: u32 = 1 << 6;

/// Empties both FIFOs.
const IIR_CLEAR: u32 = 6;
/// Both bits, against the data sheet: with one, it is 7 bits.
const LCR_8_BITS: u32 = 3;
/// The receive interrupt, whose bit the data sheet swaps with the transmit one.
const IER_RECEIVED: u32 = 1 << 0;
const CNTL_ON: u32 = 3;

/// The bytes of register space, from the auxiliary block's first register.
pub const WINDOW_BYTES: usize = 0x80;

/// The mini UART, behind the auxiliary block's registers (0x3F215000 on the Pi 3).
#[derive(Clone, Copy, Debug)]
pub struct MiniUart<R> {
    registers: R,
}

impl<R: Registers> MiniUart<R> {
    /// The UART behind these registers, in whatever state it is.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Sets it up: 8 data bits, `baud` from a core clock of `clock_hz`, interrupts off, FIFOs empty. The block's two SPI masters keep
    /// their state.
    pub fn init(&self, clock_hz: u32, baud: u32) {
        let enabled = self.registers.read(ENABLES) & 7;
        self.registers.write(ENABLES, enabled | 1);
        self.registers.write(CNTL, 0);
        self.registers.write(IER, 0);
        self.registers.write(LCR, LCR_8_BITS);
        self.registers.write(MCR, 0);
        self.registers.write(IIR, IIR_CLEAR);
        self.registers.write(BAUD, divisor(clock_hz, baud));
        self.registers.write(CNTL, CNTL_ON);
    }

    /// Sends one byte, waiting for room.
    pub fn send(&self, byte: u8) {
        while !self.try_send(byte) {
            core::hint::spin_loop();
        }
    }

    /// Sends one byte if there is room; whether there was.
    pub fn try_send(&self, byte: u8) -> bool {
        let has_room = self.registers.read(LSR) & LSR_HAS_ROOM != 0;
        if has_room {
            self.registers.write(IO, u32::from(byte));
        }
        has_room
    }

    /// The next byte that came, if one did.
    pub fn receive(&self) -> Option<u8> {
        if self.registers.read(LSR) & LSR_RECEIVED == 0 {
            return None;
        }
        let [byte, ..] = self.registers.read(IO).to_le_bytes();
        Some(byte)
    }

    /// Waits until the last bit has left.
    pub fn flush(&self) {
        while self.registers.read(LSR) & LSR_IDLE == 0 {
            core::hint::spin_loop();
        }
    }

    /// Lets received bytes raise the interrupt, or stops them. Reading the bytes takes it back.
    pub fn interrupt_on_receive(&self, on: bool) {
        self.registers.write(IER, if on { IER_RECEIVED } else { 0 });
    }
}

/// clock / (8 · baud) − 1, rounded to the nearest.
fn divisor(clock_hz: u32, baud: u32) -> u32 {
    let eighths = u64::from(clock_hz) / 4 / u64::from(baud.max(1));
    u32::try_from(eighths.div_ceil(2).saturating_sub(1)).unwrap_or(0xFFFF).min(0xFFFF)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::Access::{Read, Write};
    use crate::window::fake::Script;

    #[test]
    fn set_up_keeps_the_other_devices_of_the_block() {
        let script = Script::new(&[
            Read(ENABLES, 2),
            Write(ENABLES, 3),
            Write(CNTL, 0),
            Write(IER, 0),
            Write(LCR, 3),
            Write(MCR, 0),
            Write(IIR, 6),
            Write(BAUD, 270),
            Write(CNTL, 3),
        ]);
        MiniUart::new(&script).init(250_000_000, 115_200);
        script.assert_done();
    }

    #[test]
    fn a_byte_waits_for_room() {
        let script = Script::new(&[Read(LSR, 0), Read(LSR, LSR_HAS_ROOM), Write(IO, 0x41)]);
        MiniUart::new(&script).send(b'A');
        script.assert_done();
    }

    #[test]
    fn a_byte_that_finds_no_room_is_not_sent() {
        let script = Script::new(&[Read(LSR, 0), Read(LSR, LSR_HAS_ROOM), Write(IO, 0x42)]);
        let uart = MiniUart::new(&script);
        assert!(!uart.try_send(b'A') && uart.try_send(b'B'));
        script.assert_done();
    }

    #[test]
    fn the_receive_interrupt_is_let_in_and_stopped() {
        let script = Script::new(&[Write(IER, 1), Write(IER, 0)]);
        let uart = MiniUart::new(&script);
        uart.interrupt_on_receive(true);
        uart.interrupt_on_receive(false);
        script.assert_done();
    }

    #[test]
    fn what_has_not_come_is_not_read() {
        let script = Script::new(&[Read(LSR, LSR_IDLE), Read(LSR, LSR_RECEIVED), Read(IO, 0x7A)]);
        let uart = MiniUart::new(&script);
        assert_eq!(uart.receive(), None);
        assert_eq!(uart.receive(), Some(b'z'));
        script.assert_done();
    }
}
