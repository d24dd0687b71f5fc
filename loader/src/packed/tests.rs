//! What was packed is unpacked again, and junk is refused.

use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::{pack, unpack};

fn unpacked(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0xA5; length];
    unpack(packed, &mut bytes, <[u8]>::copy_from_slice).then_some(bytes)
}

/// Pieces that repeat, from near and from far, long and short.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0usize..2000).prop_map(|(byte, length)| vec![byte; length]),
        prop::collection::vec(0u8..3, 0..40),
    ];
    prop::collection::vec((piece, 1usize..4), 0..12).prop_map(|pieces| {
        let mut all: Vec<u8> = pieces.iter().flat_map(|(piece, times)| piece.repeat(*times)).collect();
        all.extend_from_within(..);
        all
    })
}

proptest! {
    #[test]
    fn what_was_packed_is_unpacked_again(bytes in bytes()) {
        let packed = pack(&bytes);
        prop_assert_eq!(unpacked(&packed, bytes.len()), Some(bytes.clone()));
        prop_assert!(packed.len() <= bytes.len() + bytes.len() / 255 + 2);
        // Another's half of each.
        prop_assert_eq!(lz4_flex::block::decompress(&packed, bytes.len()).ok(), Some(bytes.clone()));
        prop_assert_eq!(unpacked(&lz4_flex::block::compress(&bytes), bytes.len()), Some(bytes));
    }

    #[test]
    fn another_length_than_what_is_packed_is_refused(bytes in bytes(), more in 1usize..40) {
        let packed = pack(&bytes);
        prop_assert_eq!(unpacked(&packed, bytes.len() + more), None);
        if more <= bytes.len() {
            prop_assert_eq!(unpacked(&packed, bytes.len() - more), None);
        }
    }

    #[test]
    fn random_bytes_never_panic(packed in prop::collection::vec(any::<u8>(), 0..300), length in 0usize..600) {
        let _ = unpacked(&packed, length);
    }

    #[test]
    fn a_changed_part_is_unpacked_or_refused(bytes in bytes(), changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let mut packed = pack(&bytes);
        for (at, byte) in changes {
            let at = at % packed.len();
            packed[at] = byte;
        }
        let _ = unpacked(&packed, bytes.len());
    }
}

#[test]
fn a_part_that_ends_early_or_refers_to_nothing_is_refused() {
    let bytes = b"abcdefgh".repeat(8);
    let packed = pack(&bytes);
    for length in 0..packed.len() {
        assert_eq!(unpacked(&packed[..length], bytes.len()), None);
    }
    // One literal, then four bytes from two back; from nowhere.
    assert_eq!(unpacked(&[0x10, b'a', 2, 0, 0x10, b'b'], 6), None);
    assert_eq!(unpacked(&[0x10, b'a', 0, 0, 0x10, b'b'], 6), None);
    assert_eq!(unpacked(&[0x10, b'a', 1, 0, 0x10, b'b'], 6), Some(b"aaaaab".to_vec()));
}

#[test]
fn what_repeats_from_as_far_as_can_be_told_is_told_once() {
    let mut bytes: Vec<u8> = (0..0x8000u32).flat_map(|n| (n.wrapping_mul(0x9E37_79B1) >> 16).to_le_bytes()[..2].to_vec()).collect();
    let plain = pack(&bytes).len();
    bytes.extend_from_within(1..2000);
    let packed = pack(&bytes);
    assert!(packed.len() < plain + 20, "{} after {plain}", packed.len());
    assert_eq!(unpacked(&packed, bytes.len()), Some(bytes));
}
