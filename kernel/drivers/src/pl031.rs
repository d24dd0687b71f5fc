//! ARM's PL031 real-time clock: seconds since 1970 on QEMU's `virt`. Source: PrimeCell Real Time Clock (PL031) Technical Reference
//! Manual, DDI 0224.

use crate::window::Registers;

/// Bytes of the clock's window.
pub const WINDOW_BYTES: usize = 0x1000;

/// Data (3.3.1): the time.
const RTCDR: usize = 0x00;
/// Control (3.3.4): bit 0 starts the clock.
const RTCCR: usize = 0x0C;
const START: u32 = 1 << 0;

/// The clock.
#[derive(Clone, Copy, Debug)]
pub struct Rtc<R> {
    registers: R,
}

impl<R: Registers> Rtc<R> {
    /// The clock behind this window.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Seconds since 1970-01-01 UTC, up to the year 2106; none if the clock stands still.
    pub fn read_seconds(&self) -> Option<u32> {
        let is_running = self.registers.read(RTCCR) & START != 0;
        is_running.then(|| self.registers.read(RTCDR))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access::Read, Script};

    #[test]
    fn a_running_clock_tells_its_seconds() {
        let script = Script::new(&[Read(0x0C, 1), Read(0, 1_800_000_000)]);
        assert_eq!(Rtc::new(&script).read_seconds(), Some(1_800_000_000));
        script.assert_done();
    }

    #[test]
    fn a_clock_that_stands_still_tells_nothing() {
        let script = Script::new(&[Read(0x0C, 0)]);
        assert_eq!(Rtc::new(&script).read_seconds(), None);
        script.assert_done();
    }
}
