//! Names of any bytes are looked up without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_abi::names::{MOST_NAME_BYTES, Names};

fuzz_target!(|bytes: &[u8]| {
    let mut buffer = [0; MOST_NAME_BYTES];
    for address in [0, 0x1000, u32::MAX] {
        if let Some((name, distance)) = Names::parse(bytes).lookup(address, &mut buffer) {
            assert!(name.len() <= MOST_NAME_BYTES && distance <= address);
        }
    }
});
