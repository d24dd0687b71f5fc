//! How the machine stops, and with what status.

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
    console::flush();
    if has_semihosting() {
        let block = [APPLICATION_EXIT, u64::from(status.cast_unsigned())];
        firmware::semihost(EXIT_EXTENDED, block.as_ptr() as usize);
    }
    if let Some(conduit) = psci() {
        firmware::psci(conduit, SYSTEM_OFF, 0, 0, 0);
    }
    if super::get().machine.board == Board::RaspberryPi3 {
        Watchdog::new(window(PERIPHERALS + 0x10_0000, 0x1000)).power_off();
    }
    cpu::halt()
}
