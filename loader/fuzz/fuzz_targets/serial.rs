//! A receiver that hears anything stays within its memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_loader::serial::Receiver;

fuzz_target!(|bytes: &[u8]| {
    let mut memory = [0; 256];
    let mut receiver = Receiver::new(&mut memory, |_| 0);
    for byte in bytes {
        // 0xFF stands for silence, too.
        let _ = if *byte == 0xFF {
            receiver.silence()
        } else {
            receiver.take(*byte)
        };
    }
    assert!(receiver.into_payload().len() <= 256);
});
