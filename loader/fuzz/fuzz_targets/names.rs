//! Names of any bytes are looked up without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_abi::names::Names;

fuzz_target!(|bytes: &[u8]| {
    for address in [0, 0x1000, u32::MAX] {
        if let Some((name, distance)) = Names::parse(bytes).lookup(address) {
            assert!(name.len() < bytes.len() && distance <= address);
        }
    }
});
