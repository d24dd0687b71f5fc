//! Which UART is on the Pi's header (GPIO 14 sends, GPIO 15 receives), and giving those pins to the PL011.
//!
//! The firmware decides by `config.txt`: `enable_uart=1` alone puts the mini UART there, for it keeps the PL011 for Bluetooth, on GPIO
//! 32 and 33; with `dtoverlay=disable-bt` it is the PL011. Without either the pins are connected to nothing, as in QEMU, and
//! the PL011 is the better one: its clock is its own, its FIFO twice as long.

use crate::gpio::{Function, Gpio, Pin, Pull};
use crate::window::Registers;

const SEND: Pin = pin(14);
const RECEIVE: Pin = pin(15);
/// Where the firmware may have the PL011 for Bluetooth.
const BLUETOOTH: [Pin; 2] = [pin(32), pin(33)];

/// A UART on the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The firmware has put the mini UART there: its user looks at it.
    MiniUart,
    /// The PL011 is there, or can be put there.
    Pl011,
}

/// Whose the header's pins are.
pub fn owner<R: Registers>(gpio: &Gpio<R>) -> Owner {
    if gpio.is_connected(SEND, Function::Alternative5) { Owner::MiniUart } else { Owner::Pl011 }
}

/// Connects the PL011 with the header and with nothing else. The receiving pin is pulled up, so that a header with nothing on it is a
/// silent line. `pause` lets at least 150 cycles of the core clock pass.
pub fn give_to_pl011<R: Registers>(gpio: &Gpio<R>, mut pause: impl FnMut()) {
    for pin in BLUETOOTH {
        if gpio.is_connected(pin, Function::Alternative3) {
            gpio.set_function(pin, Function::Input);
        }
    }
    gpio.set_function(SEND, Function::Alternative0);
    gpio.set_function(RECEIVE, Function::Alternative0);
    gpio.set_pull(SEND, Pull::Off, &mut pause);
    gpio.set_pull(RECEIVE, Pull::Up, &mut pause);
}

const fn pin(number: u8) -> Pin {
    match Pin::new(number) {
        Some(pin) => pin,
        None => panic!("the header's pins are below 54"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::Access::{Read, Write};
    use crate::window::fake::Script;

    const GPFSEL1: usize = 0x04;
    const GPFSEL3: usize = 0x0C;
    const GPPUD: usize = 0x94;
    const GPPUDCLK0: usize = 0x98;

    #[test]
    fn the_mini_uart_owns_the_header_where_the_firmware_put_it_there() {
        let script = Script::new(&[Read(GPFSEL1, 0b010_010 << 12), Read(GPFSEL1, 0b100_100 << 12), Read(GPFSEL1, 0)]);
        let gpio = Gpio::new(&script);
        assert_eq!([owner(&gpio), owner(&gpio), owner(&gpio)], [Owner::MiniUart, Owner::Pl011, Owner::Pl011]);
        script.assert_done();
    }

    #[test]
    fn the_pl011_is_taken_from_bluetooth_and_put_on_the_header() {
        let script = Script::new(&[
            Read(GPFSEL3, 0b111_111 << 6),
            Read(GPFSEL3, 0b111_111 << 6),
            Write(GPFSEL3, 0b111_000 << 6),
            Read(GPFSEL3, 0b111_000 << 6),
            Read(GPFSEL3, 0b111_000 << 6),
            Write(GPFSEL3, 0),
            Read(GPFSEL1, 0),
            Write(GPFSEL1, 0b100 << 12),
            Read(GPFSEL1, 0b100 << 12),
            Write(GPFSEL1, 0b100_100 << 12),
            Write(GPPUD, 0),
            Write(GPPUDCLK0, 1 << 14),
            Write(GPPUD, 0),
            Write(GPPUDCLK0, 0),
            Write(GPPUD, 2),
            Write(GPPUDCLK0, 1 << 15),
            Write(GPPUD, 0),
            Write(GPPUDCLK0, 0),
        ]);
        give_to_pl011(&Gpio::new(&script), || ());
        script.assert_done();
    }
}
