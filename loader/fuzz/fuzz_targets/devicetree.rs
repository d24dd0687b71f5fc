//! A devicetree of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_drivers::firmware::dtb;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(machine) = dtb::read(bytes) {
        assert!(machine.command_line.len() <= bytes.len());
    }
});
