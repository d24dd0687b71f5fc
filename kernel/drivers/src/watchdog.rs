//! The power manager's watchdog of the BCM2835 family: the one way to reset the board, and to switch it off as far as it can be. The
//! registers are in no manual; the facts are from Linux (`bcm2835_wdt.c`) and Circle (`bcmwatchdog.cpp`).
//!
//! One user at a time. `dsb sy` before [`Watchdog::reset`] and [`Watchdog::power_off`] is the caller's, and so is waiting for the end
//! after them: on the board it comes about 160 µs later.

use crate::window::Registers;

/// Where the power manager stands, as the ARM sees it.
pub const BASE: usize = 0x3F10_0000;
/// Bytes of its window.
pub const WINDOW_BYTES: usize = 0x28;

const RSTC: usize = 0x1C;
const RSTS: usize = 0x20;
const WDOG: usize = 0x24;

/// Every write carries it in its top byte, or is ignored.
const PASSWORD: u32 = 0x5A00_0000;
const PASSWORD_MASK: u32 = 0xFF00_0000;
/// RSTC: what happens when the watchdog runs out.
const WRCFG_MASK: u32 = 0x30;
const WRCFG_FULL_RESET: u32 = 0x20;
/// RSTC as after power-on: the watchdog does nothing.
const STOPPED: u32 = 0x102;
/// RSTS: the partition to boot from, in bits 0, 2, 4, 6, 8 and 10. 63 tells the firmware to halt.
const PARTITION_MASK: u32 = 0x555;
const PARTITION_HALT: u32 = 0x555;
/// Ticks of 16 µs until a reset that was asked for.
const AT_ONCE: u32 = 10;
/// The most ticks that fit into WDOG: 16.7 s.
pub const MAX_TICKS: u32 = 0xF_FFFF;

/// The watchdog.
#[derive(Clone, Copy, Debug)]
pub struct Watchdog<R> {
    registers: R,
}

impl<R: Registers> Watchdog<R> {
    /// The watchdog behind this window.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Resets the whole board, at once. It boots as after power-on.
    pub fn reset(&self) {
        self.boot_from(0);
        self.start(AT_ONCE);
    }

    /// Resets the board, at once, with a note to the firmware to stay down. It draws power until it is unplugged; QEMU ends.
    pub fn power_off(&self) {
        self.boot_from(PARTITION_HALT);
        self.start(AT_ONCE);
    }

    /// Resets the board in `ticks` of 16 µs (at most [`MAX_TICKS`]), unless it is started anew or stopped before. QEMU 7.2 does not
    /// count: it resets at once.
    pub fn start(&self, ticks: u32) {
        self.write(WDOG, ticks.min(MAX_TICKS));
        let control = self.registers.read(RSTC) & !(PASSWORD_MASK | WRCFG_MASK);
        self.write(RSTC, control | WRCFG_FULL_RESET);
    }

    /// Stops the watchdog.
    pub fn stop(&self) {
        self.write(RSTC, STOPPED);
    }

    fn boot_from(&self, partition: u32) {
        let status = self.registers.read(RSTS) & !(PASSWORD_MASK | PARTITION_MASK);
        self.write(RSTS, status | partition);
    }

    fn write(&self, offset: usize, value: u32) {
        self.registers.write(offset, PASSWORD | value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access, Access::Read, Access::Write, Script};

    fn play(accesses: &[Access], test: impl FnOnce(Watchdog<&Script<'_>>)) {
        let script = Script::new(accesses);
        test(Watchdog::new(&script));
        script.assert_done();
    }

    #[test]
    fn the_time_is_set_before_the_reset_is_armed() {
        play(
            &[Read(0x20, 0x1555), Write(0x20, 0x5A00_1000), Write(0x24, 0x5A00_000A), Read(0x1C, 0x112), Write(0x1C, 0x5A00_0122)],
            |watchdog| watchdog.reset(),
        );
    }

    #[test]
    fn the_note_to_the_firmware_is_left_before_the_board_goes_down() {
        play(
            &[Read(0x20, 0x1000), Write(0x20, 0x5A00_1555), Write(0x24, 0x5A00_000A), Read(0x1C, 0x102), Write(0x1C, 0x5A00_0122)],
            |watchdog| watchdog.power_off(),
        );
    }

    #[test]
    fn a_time_that_is_too_long_becomes_the_longest() {
        play(&[Write(0x24, 0x5A0F_FFFF), Read(0x1C, 0xFF00_0000), Write(0x1C, 0x5A00_0020)], |watchdog| watchdog.start(u32::MAX));
    }

    #[test]
    fn a_stopped_watchdog_is_as_after_power_on() {
        play(&[Write(0x1C, 0x5A00_0102)], |watchdog| watchdog.stop());
    }
}
