//! The console, opened only when there is something to say or to hear.
#![allow(unsafe_code, reason = "a UART's window is at the address that the board gives it")]

use core::fmt;

use skete_drivers::firmware::{Board, Machine};
use skete_drivers::gpio::{self, Gpio};
use skete_drivers::header_uart::{self, Owner};
use skete_drivers::mailbox::{self, Answer, Clock, Mailbox, Message, Request};
use skete_drivers::mini_uart::{self, MiniUart};
use skete_drivers::pl011::{self, Pl011};
use skete_drivers::window::Window;

use super::{PI_RAM_END, memory};

const BAUD: u32 = 115_200;

/// The reference clock of `virt`'s PL011 (its devicetree's `apb-pclk`; QEMU sends at any rate).
const VIRT_CLOCK_HZ: u32 = 24_000_000;

/// `virt`'s PL011.
const VIRT_PL011: usize = 0x900_0000;

/// The Pi's PL011 and auxiliary block.
const PI_PL011: usize = 0x3F20_1000;
const PI_AUXILIARY: usize = 0x3F21_5000;
/// The PL011's clock, as asked for.
const PI_CLOCK_HZ: u32 = 48_000_000;
/// The mini UART's clock as `enable_uart=1` fixes it, if the firmware does not tell.
const PI_CORE_CLOCK_HZ: u32 = 250_000_000;

/// How often the firmware's mailbox is looked at: a tenth of a second and more.
const MAILBOX_POLLS: u32 = 1_000_000;

/// Where lines go.
pub enum Console {
    /// A PL011.
    Pl011(Pl011<Window>),
    /// The Pi's mini UART.
    MiniUart(MiniUart<Window>),
    /// A board without a UART that we know.
    None,
}

impl Console {
    /// Sets up this machine's UART.
    pub fn open(machine: &Machine<'_>) -> Self {
        match (machine.board, machine.uart) {
            (Board::RaspberryPi3, _) => Self::on_the_pi(),
            (_, Some(uart)) => Self::pl011(usize::try_from(uart.base).unwrap_or_default(), VIRT_CLOCK_HZ),
            (Board::Unknown, None) => Self::on_the_pi(),
            (Board::Virt, None) => Self::None,
        }
    }

    /// The UART of the board that has memory at this address, if nothing else is known.
    pub fn guess(address: u64) -> Self {
        if address < PI_RAM_END { Self::on_the_pi() } else { Self::pl011(VIRT_PL011, VIRT_CLOCK_HZ) }
    }

    fn on_the_pi() -> Self {
        // SAFETY: the pins stand there on every Pi 3.
        let gpio = Gpio::new(unsafe { Window::new(gpio::BASE, gpio::WINDOW_BYTES) });
        match header_uart::owner(&gpio) {
            Owner::MiniUart => {
                // SAFETY: the auxiliary block stands there on every Pi 3.
                let uart = MiniUart::new(unsafe { Window::new(PI_AUXILIARY, mini_uart::WINDOW_BYTES) });
                let clock_hz = clock_hz(Request::ClockRate(Clock::Core)).unwrap_or(PI_CORE_CLOCK_HZ);
                uart.init(clock_hz, BAUD);
                Self::MiniUart(uart)
            }
            Owner::Pl011 => {
                header_uart::give_to_pl011(&gpio, || memory::pause(1000));
                let asked = Request::SetClockRate { clock: Clock::Uart, hz: PI_CLOCK_HZ, skips_turbo: false };
                Self::pl011(PI_PL011, clock_hz(asked).unwrap_or(PI_CLOCK_HZ))
            }
        }
    }

    fn pl011(base: usize, clock_hz: u32) -> Self {
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

    /// Sends a byte as it is.
    pub fn send(&self, byte: u8) {
        match self {
            Self::Pl011(uart) => uart.send(byte),
            Self::MiniUart(uart) => uart.send(byte),
            Self::None => {}
        }
    }

    /// The next byte that came, if one did.
    pub fn receive(&self) -> Option<u8> {
        match self {
            Self::Pl011(uart) => uart.receive(),
            Self::MiniUart(uart) => uart.receive(),
            Self::None => None,
        }
    }

    /// Waits until all of it has left.
    pub fn flush(&self) {
        match self {
            Self::Pl011(uart) => uart.flush(),
            Self::MiniUart(uart) => uart.flush(),
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

/// Asks the Pi's firmware about a clock, or for one; how fast it runs then.
fn clock_hz(request: Request) -> Option<u32> {
    let mut buffer = mailbox::Buffer::new();
    let mut message = Message::new(&mut buffer.0);
    message.ask(request).ok()?;
    message.finish();
    let address = u32::try_from(buffer.0.as_ptr().expose_provenance()).ok()?;
    // SAFETY: the mailbox stands there on every Pi 3.
    let mailbox = Mailbox::new(unsafe { Window::new(mailbox::BASE, mailbox::WINDOW_BYTES) });
    memory::barrier();
    mailbox.call(mailbox::bus_address(address), MAILBOX_POLLS).ok()?;
    memory::barrier();
    Answer::check(&buffer.0).ok()?.clock_hz()
}
