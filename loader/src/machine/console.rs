//! The console, opened only when there is something to say.

use core::fmt;

use skete_drivers::firmware::{Board, Machine};
use skete_drivers::pl011::{self, Pl011};
use skete_drivers::window::Window;

/// The reference clock of `virt`'s PL011, and of the Pi's once the mailbox was asked for it.
const VIRT_CLOCK_HZ: u32 = 24_000_000;
const PI_CLOCK_HZ: u32 = 48_000_000;
const BAUD: u32 = 115_200;

/// The Pi's PL011.
const PI_PL011: usize = 0x3F20_1000;

/// Where lines go.
pub enum Console {
    /// A PL011.
    Pl011(Pl011<Window>),
    /// A board without a UART that we know.
    None,
}

impl Console {
    /// Sets up this machine's UART.
    pub fn open(machine: &Machine<'_>) -> Self {
        let (base, clock_hz) = match (machine.board, machine.uart) {
            (_, Some(uart)) => (
                usize::try_from(uart.base).unwrap_or_default(),
                VIRT_CLOCK_HZ,
            ),
            (Board::RaspberryPi3 | Board::Unknown, None) => (PI_PL011, PI_CLOCK_HZ),
            (Board::Virt, None) => return Self::None,
        };
        // SAFETY: the devicetree says that a PL011 is there, or it is the Pi's.
        let uart = Pl011::new(unsafe { Window::new(base, pl011::WINDOW_BYTES) });
        uart.init(clock_hz, BAUD);
        Self::Pl011(uart)
    }

    /// Sends text; each line feed gets its carriage return.
    pub fn say(&self, text: &str) {
        for byte in text.bytes() {
            if byte == b'\n' {
                self.send(b'\r');
            }
            self.send(byte);
        }
    }

    /// Waits until all of it has left.
    pub fn flush(&self) {
        match self {
            Self::Pl011(uart) => uart.flush(),
            Self::None => {}
        }
    }

    fn send(&self, byte: u8) {
        match self {
            Self::Pl011(uart) => uart.send(byte),
            Self::None => {}
        }
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.say(text);
        Ok(())
    }
}
