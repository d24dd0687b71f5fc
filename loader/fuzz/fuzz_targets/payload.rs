//! A payload of any bytes is taken or refused; its checksums are let pass, so that what lies behind them is reached.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_loader::payload::Payload;

fuzz_target!(|bytes: &[u8]| {
    // A checksum of zero is what a fuzzer finds.
    if let Ok(payload) = Payload::parse(bytes, |_| 0) {
        for (_, part) in payload.parts() {
            assert!(part.bytes.len() <= bytes.len());
        }
    }
});
