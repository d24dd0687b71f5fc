//! How the machine stops, and with what status.

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicBool, Ordering};

use skete_drivers::firmware::Board;
use skete_drivers::psci::Psci;
use skete_drivers::semihosting::Host;
use skete_drivers::watchdog::Watchdog;

use super::{PERIPHERALS, console, window};
use crate::arch::cpu;
use crate::arch::firmware::{self, Emulator};

/// Whether the emulator takes an exit status: boot option `semihosting=1`.
static SEMIHOSTING: AtomicBool = AtomicBool::new(false);

/// Whether somebody at the other end of the serial line wants the status, and the loader back: boot option `serial=1`, which
/// `cargo xtask push` gives.
static SERIAL: AtomicBool = AtomicBool::new(false);

/// Says that the status goes out as a line of text, and that the machine then resets into the loader.
pub fn use_serial() {
    SERIAL.store(true, Ordering::Relaxed);
}

/// Says that the emulator takes an exit status.
pub fn use_semihosting() {
    SEMIHOSTING.store(true, Ordering::Relaxed);
}

/// The emulator that listens, if one does.
pub fn emulator() -> Option<Host<Emulator>> {
    SEMIHOSTING.load(Ordering::Relaxed).then(|| Host::new(Emulator))
}

/// PSCI, if the firmware has it.
pub fn psci() -> Option<Psci<firmware::Psci>> {
    super::get().machine.psci.map(|conduit| Psci::new(firmware::Psci(conduit)))
}

/// Stops the machine with `status`, as far as it can tell one: QEMU's own exit status, else only that it is off.
pub fn off(status: i32) -> ! {
    cpu::mask();
    let is_serial = SERIAL.load(Ordering::Relaxed);
    if is_serial {
        // A status is a byte, as a shell sees it. The console takes every line.
        let _ = writeln!(Console, "skete: status {}", status & 0xff);
    }
    console::flush();
    if let Some(emulator) = emulator() {
        emulator.exit(status.cast_unsigned());
    }
    if let Some(psci) = psci() {
        // Either comes back only if the firmware refused.
        let _ = if is_serial { psci.reset() } else { psci.power_off() };
    }
    if super::get().machine.board == Board::RaspberryPi3 {
        let watchdog = Watchdog::new(window(PERIPHERALS + 0x10_0000, 0x1000));
        if is_serial { watchdog.reset() } else { watchdog.power_off() }
    }
    cpu::halt()
}

/// The console as it is, for the last words.
struct Console;

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        console::write(text.as_bytes());
        Ok(())
    }
}
