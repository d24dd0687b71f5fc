//! How the machine stops, and with what status.

use core::fmt::{self, Write as _};
use core::sync::atomic::{AtomicBool, Ordering};

use skete_drivers::firmware::{Board, Conduit};
use skete_drivers::watchdog::Watchdog;

use super::{PERIPHERALS, console, window};
use crate::arch::cpu;
use crate::arch::firmware;

/// Whether the emulator takes an exit status: boot option `semihosting=1`.
static SEMIHOSTING: AtomicBool = AtomicBool::new(false);

/// Semihosting's SYS_EXIT_EXTENDED, and the reason it wants: ADP_Stopped_ApplicationExit.
const EXIT_EXTENDED: u64 = 0x20;
const APPLICATION_EXIT: u64 = 0x20026;
/// PSCI SYSTEM_OFF (PSCI 1.1, 5.9).
const SYSTEM_OFF: u32 = 0x8400_0008;
/// PSCI SYSTEM_RESET (PSCI 1.1, 5.10).
const SYSTEM_RESET: u32 = 0x8400_0009;

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

/// Whether the emulator's semihosting is there.
pub fn has_semihosting() -> bool {
    SEMIHOSTING.load(Ordering::Relaxed)
}

/// PSCI's conduit, if the firmware has PSCI.
pub fn psci() -> Option<firmware::Conduit> {
    super::get().machine.psci.map(|conduit| match conduit {
        Conduit::Hvc => firmware::Conduit::Hvc,
        Conduit::Smc => firmware::Conduit::Smc,
    })
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
    if has_semihosting() {
        let block = [APPLICATION_EXIT, u64::from(status.cast_unsigned())];
        firmware::semihost(EXIT_EXTENDED, block.as_ptr() as usize);
    }
    if let Some(conduit) = psci() {
        firmware::psci(conduit, if is_serial { SYSTEM_RESET } else { SYSTEM_OFF }, 0, 0, 0);
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
