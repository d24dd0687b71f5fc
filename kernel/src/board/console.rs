//! The UART, byte by byte, with no lock around what goes out.
//!
//! On `virt` the PL011 that the devicetree names. On the Pi the one on the header's pins, which are the firmware's word and the
//! loader's: both look at them, and where the loader has spoken it left them as it found or made them. What comes in is taken by the UART's
//! interrupt and waits in a ring of its own, so that nothing is lost while the program is busy.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use skete_drivers::bcm2835_intc::Irq;
use skete_drivers::firmware::Board;
use skete_drivers::gpio::{self, Gpio};
use skete_drivers::header_uart::{self, Owner};
use skete_drivers::mini_uart::{self, MiniUart};
use skete_drivers::pl011::{self, Pl011, Received};
use skete_drivers::window::Window;

use super::{PERIPHERALS, mailbox, power, window};
use crate::arch::cpu;
use crate::lock::Spin;

/// The Pi's PL011, UART0 (BCM2835 ARM Peripherals 13), and its auxiliary block with the mini UART (2).
const PI_PL011: u64 = PERIPHERALS + 0x20_1000;
const PI_AUXILIARY: u64 = PERIPHERALS + 0x21_5000;
const BAUD: u32 = 115_200;
/// The PL011's clock, as asked for; and the mini UART's as `enable_uart=1` fixes it, should the firmware not tell.
const PL011_HZ: u32 = 48_000_000;
const CORE_HZ: u32 = 250_000_000;
/// Turns that last the 150 cycles of the core clock that a pin's pull wants, at whatever rate.
const PULL_TURNS: u32 = 1000;
/// Bytes that wait to be read at most; what comes then is lost, as from any full FIFO.
const RING: usize = 256;

/// Asks for the hang report, as a break does: Ctrl-].
const ASKS_FOR_REPORT: u8 = 0x1d;

struct Ring {
    bytes: [u8; RING],
    first: usize,
    length: usize,
}

static ARRIVED: Spin<Ring> = Spin::new(Ring { bytes: [0; RING], first: 0, length: 0 });

/// Counts the console's interrupts: who waits for input waits for this word.
pub static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

/// Whether the Pi's header belongs to the mini UART. Written at boot.
static IS_MINI: AtomicBool = AtomicBool::new(false);

enum Uart {
    Pl011(Pl011<Window>),
    Mini(MiniUart<Window>),
}

fn uart() -> Option<Uart> {
    if !super::is_known() {
        return None;
    }
    let machine = &super::get().machine;
    let pl011 = |base| Uart::Pl011(Pl011::new(window(base, pl011::WINDOW_BYTES as u64)));
    match (machine.board, machine.uart) {
        (Board::RaspberryPi3, _) if IS_MINI.load(Ordering::Relaxed) => {
            Some(Uart::Mini(MiniUart::new(window(PI_AUXILIARY, mini_uart::WINDOW_BYTES as u64))))
        }
        (Board::RaspberryPi3, _) => Some(pl011(PI_PL011)),
        (_, Some(device)) => Some(pl011(device.base)),
        _ => None,
    }
}

/// Finds out which UART is on the Pi's header, and sets it up: the loader did so only if it had something to say. On `virt` the
/// PL011 needs nothing; nor does either in an emulator, where a FIFO that is emptied would lose what was typed ahead. Called once, by
/// core 0, before anybody speaks.
pub fn init() {
    if super::get().machine.board != Board::RaspberryPi3 {
        return;
    }
    let gpio = Gpio::new(window(gpio::BASE as u64, gpio::WINDOW_BYTES as u64));
    let owner = header_uart::owner(&gpio);
    IS_MINI.store(owner == Owner::MiniUart, Ordering::Relaxed);
    if power::emulator().is_some() {
        return;
    }
    match uart() {
        Some(Uart::Mini(uart)) => uart.init(mailbox::core_clock_hz().unwrap_or(CORE_HZ), BAUD),
        Some(Uart::Pl011(uart)) => {
            header_uart::give_to_pl011(&gpio, || (0..PULL_TURNS).for_each(|_| cpu::pass_turn()));
            uart.init(mailbox::set_uart_clock(PL011_HZ).unwrap_or(PL011_HZ), BAUD);
        }
        None => {}
    }
}

/// Writes `bytes`, waiting for room as the UART needs. Line feeds go out as they are.
pub fn write(bytes: &[u8]) {
    match uart() {
        Some(Uart::Pl011(uart)) => bytes.iter().for_each(|byte| uart.send(*byte)),
        Some(Uart::Mini(uart)) => bytes.iter().for_each(|byte| uart.send(*byte)),
        None => {}
    }
}

/// Sends one byte if the UART has room; whether it had. Without a UART there always is.
pub fn try_send(byte: u8) -> bool {
    match uart() {
        Some(Uart::Pl011(uart)) => uart.try_send(byte),
        Some(Uart::Mini(uart)) => uart.try_send(byte),
        None => true,
    }
}

/// One byte that came in, if there is one.
pub fn read() -> Option<u8> {
    let mut ring = ARRIVED.lock();
    if ring.length == 0 {
        return None;
    }
    let byte = ring.bytes[ring.first];
    ring.first = (ring.first + 1) % RING;
    ring.length -= 1;
    Some(byte)
}

/// Takes what the UART holds; true if somebody asked for the hang report. Called by its interrupt.
pub fn take_arrived() -> bool {
    match uart() {
        Some(Uart::Pl011(uart)) => {
            uart.acknowledge();
            keep(|| uart.receive_all())
        }
        // It knows no breaks: there, Ctrl-] alone asks.
        Some(Uart::Mini(uart)) => keep(|| uart.receive().map(Received::Byte)),
        None => false,
    }
}

/// Keeps the bytes that `receive` has; true if the report was asked for among them.
fn keep(receive: impl Fn() -> Option<Received>) -> bool {
    let mut is_report_asked = false;
    let mut ring = ARRIVED.lock();
    while let Some(received) = receive() {
        match received {
            Received::Break | Received::Byte(ASKS_FOR_REPORT) => is_report_asked = true,
            Received::Byte(byte) if ring.length < RING => {
                let at = (ring.first + ring.length) % RING;
                ring.bytes[at] = byte;
                ring.length += 1;
            }
            Received::Byte(_) => {}
        }
    }
    is_report_asked
}

/// Lets the console's interrupt come when a byte does; its number.
pub fn enable_interrupt() -> Option<u16> {
    match uart()? {
        Uart::Pl011(uart) => uart.interrupt_on_receive(true),
        Uart::Mini(uart) => uart.interrupt_on_receive(true),
    }
    match &super::get().machine {
        machine if machine.board == Board::RaspberryPi3 => {
            let irq = if IS_MINI.load(Ordering::Relaxed) { Irq::AUX } else { Irq::UART };
            Some(irq.number().into())
        }
        machine => u16::try_from(machine.uart?.interrupt?).ok(),
    }
}

/// Waits until the last byte has left.
pub fn flush() {
    match uart() {
        Some(Uart::Pl011(uart)) => uart.flush(),
        Some(Uart::Mini(uart)) => uart.flush(),
        None => {}
    }
}
