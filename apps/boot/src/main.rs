//! How long it takes from reset to `main`: the system counter begins at zero when the machine does. Prints one line, as `bench` does:
//! `row boot.main 1298624.0 ns`. A program of its own, as small as hello: what a program carries is unpacked before it begins.
//!
//! Floor of `boot.main`, 80,504: the packed program's 100,000 bytes checked, eight with a load and a CRC (2 × 12,500), its 135,200 bytes
//! stored where they belong, sixteen with a load and a store (2 × 8,450), the memory behind them cleared, 592,000 bytes, sixteen a store
//! (37,000), an address moved (4 × 151), tables of pages for memory and devices (1,000).
#![allow(unsafe_code, reason = "the clock's own value is not to be had from std")]

use std::time::Duration;

use hermit_abi::{CLOCK_MONOTONIC, clock_gettime, timespec};
use skete as _;

fn main() {
    let mut now = timespec::default();
    // SAFETY: writes the struct.
    let result = unsafe { clock_gettime(CLOCK_MONOTONIC, &raw mut now) };
    assert_eq!(result, 0, "there is a monotonic clock");
    let since_reset = Duration::new(now.tv_sec.unsigned_abs(), now.tv_nsec.unsigned_abs());
    println!("row boot.main {}.0 ns", since_reset.as_nanos());
}
