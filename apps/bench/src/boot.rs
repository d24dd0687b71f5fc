//! From reset to `main`: the system counter begins at zero when the machine does.
#![allow(unsafe_code, reason = "the clock's own value is not to be had from std")]

use hermit_abi::{CLOCK_MONOTONIC, clock_gettime, timespec};

use crate::meter::say_ns;

/// Prints `boot.main`.
pub fn run() {
    let mut now = timespec::default();
    // SAFETY: writes the struct.
    let result = unsafe { clock_gettime(CLOCK_MONOTONIC, &raw mut now) };
    assert_eq!(result, 0, "there is a monotonic clock");
    let seconds = std::time::Duration::from_secs(now.tv_sec.unsigned_abs());
    say_ns("boot.main", seconds.as_secs_f64() * 1e9 + f64::from(now.tv_nsec));
}
