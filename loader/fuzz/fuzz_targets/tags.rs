//! A tag list of any bytes is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_drivers::firmware::atags;

fuzz_target!(|bytes: &[u8]| {
    if let Some((_, length)) = atags::read(bytes) {
        assert!(length <= bytes.len());
    }
});
