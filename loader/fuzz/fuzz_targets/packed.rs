//! A packed part of any bytes is unpacked within its memory, or refused; what is unpacked can be packed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_loader::packed::{pack, unpack};

fuzz_target!(|input: &[u8]| {
    // The first two bytes say how long it is to be.
    let Some((length, packed)) = input.split_first_chunk() else { return };
    let mut bytes = vec![0; u16::from_le_bytes(*length).into()];
    if unpack(packed, &mut bytes, <[u8]>::copy_from_slice) {
        let mut again = vec![0xA5; bytes.len()];
        assert!(unpack(&pack(&bytes), &mut again, <[u8]>::copy_from_slice) && again == bytes);
    }
});
