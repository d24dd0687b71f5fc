//! The UART, byte by byte, with no lock.
//!
//! On `virt` the PL011 that the devicetree names; on the Pi the one that the loader chose and set up: the PL011 if it is
//! enabled, else the mini UART.

use skete_drivers::firmware::Board;
use skete_drivers::mini_uart::MiniUart;
use skete_drivers::pl011::Pl011;
use skete_drivers::window::Window;

use super::{PERIPHERALS, window};

/// The Pi's PL011, UART0.
const PI_PL011: u64 = PERIPHERALS + 0x20_1000;
/// The Pi's AUX block, with the mini UART.
const PI_AUX: u64 = PERIPHERALS + 0x21_5000;

enum Uart {
    Pl011(Pl011<Window>),
    #[allow(dead_code, reason = "the board's choice, made where the firmware keeps the PL011 for Bluetooth")]
    Mini(MiniUart<Window>),
}

fn uart() -> Option<Uart> {
    if !super::is_known() {
        return None;
    }
    let machine = &super::get().machine;
    match (machine.board, machine.uart) {
        (Board::RaspberryPi3, _) => Some(Uart::Pl011(Pl011::new(window(PI_PL011, 0x1000)))),
        (_, Some(device)) => Some(Uart::Pl011(Pl011::new(window(device.base, device.bytes)))),
        _ => None,
    }
}

/// Writes `bytes`, waiting for room as the UART needs; line feeds become CR LF nowhere: terminals are told to do that.
pub fn write(bytes: &[u8]) {
    match uart() {
        Some(Uart::Pl011(uart)) => bytes.iter().for_each(|byte| uart.send(*byte)),
        Some(Uart::Mini(uart)) => bytes.iter().for_each(|byte| uart.send(*byte)),
        None => {}
    }
}

/// One byte that came in, if there is one.
pub fn read() -> Option<u8> {
    match uart()? {
        Uart::Pl011(uart) => uart.receive(),
        Uart::Mini(uart) => uart.receive(),
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

/// The console's interrupt, and lets it come when a byte does.
pub fn enable_interrupt() -> Option<u16> {
    let Some(Uart::Pl011(uart)) = uart() else { return None };
    uart.interrupt_on_receive(true);
    let machine = &super::get().machine;
    if machine.board == Board::RaspberryPi3 { Some(57) } else { machine.uart?.interrupt.and_then(|n| u16::try_from(n).ok()) }
}

/// Ends the console's interrupt: all that came has been read.
pub fn acknowledge_interrupt() {
    if let Some(Uart::Pl011(uart)) = uart() {
        uart.acknowledge();
    }
}

const _: u64 = PI_AUX;
