//! The UART, byte by byte, with no lock around what goes out.
//!
//! On `virt` the PL011 that the devicetree names; on the Pi the one that the loader speaks through. What comes in is
//! taken by the UART's interrupt and waits in a ring of its own, so that nothing is lost while the program is busy.

use core::sync::atomic::AtomicU32;

use skete_drivers::firmware::Board;
use skete_drivers::pl011::{Pl011, Received};
use skete_drivers::window::Window;

use super::{PERIPHERALS, window};
use crate::lock::Spin;

/// The Pi's PL011, UART0 (BCM2835 ARM Peripherals 13), and its line at the peripherals' controller.
const PI_PL011: u64 = PERIPHERALS + 0x20_1000;
const PI_LINE: u16 = 57;
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

fn uart() -> Option<Pl011<Window>> {
    if !super::is_known() {
        return None;
    }
    let machine = &super::get().machine;
    match (machine.board, machine.uart) {
        (Board::RaspberryPi3, _) => Some(Pl011::new(window(PI_PL011, 0x1000))),
        (_, Some(device)) => Some(Pl011::new(window(device.base, device.bytes))),
        _ => None,
    }
}

/// Writes `bytes`, waiting for room as the UART needs. Line feeds go out as they are.
pub fn write(bytes: &[u8]) {
    if let Some(uart) = uart() {
        bytes.iter().for_each(|byte| uart.send(*byte));
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
    let Some(uart) = uart() else { return false };
    uart.acknowledge();
    let mut is_report_asked = false;
    let mut ring = ARRIVED.lock();
    while let Some(received) = uart.receive_all() {
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
    let number = match &super::get().machine {
        machine if machine.board == Board::RaspberryPi3 => PI_LINE,
        machine => u16::try_from(machine.uart?.interrupt?).ok()?,
    };
    uart()?.interrupt_on_receive(true);
    Some(number)
}

/// Waits until the last byte has left.
pub fn flush() {
    if let Some(uart) = uart() {
        uart.flush();
    }
}
