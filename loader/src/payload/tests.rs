//! What is emitted is parsed back, and what was harmed is refused.

use std::vec::Vec;

use proptest::prelude::*;

use super::{Kind, MAGIC, Part, Payload, emit, emit_packed};
use crate::packed::unpack;
use crate::refusal::Refusal;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::Program), Just(Kind::Root), Just(Kind::Options), Just(Kind::Names)]
}

proptest! {
    #[test]
    fn what_was_emitted_is_parsed_back(
        parts in prop::collection::vec((kind(), prop::collection::vec(any::<u8>(), 0..100)), 0..6),
        behind in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let parts: Vec<(Kind, &[u8])> = parts.iter().map(|(kind, body)| (*kind, body.as_slice())).collect();
        let mut bytes = emit(&parts);
        let length = bytes.len();
        bytes.extend(behind);
        let payload = Payload::parse(&bytes, crc32fast::hash).expect("it was just emitted");
        prop_assert_eq!(payload.bytes().len(), length);
        let parts: Vec<(Kind, Part<'_>)> = parts.into_iter().map(|(kind, body)| (kind, Part::plain(body))).collect();
        prop_assert_eq!(payload.parts().collect::<Vec<_>>(), parts);
    }

    #[test]
    fn what_was_packed_is_unpacked_again(kind in kind(), words in prop::collection::vec(0u64..3, 0..200)) {
        let body: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        let bytes = emit_packed(&[(kind, &body)]);
        let payload = Payload::parse(&bytes, crc32fast::hash).expect("it was just emitted");
        let part = payload.part(kind).expect("it is the only part");
        let Some(length) = part.unpacked_bytes else {
            prop_assert_eq!(part.bytes, &body);
            return Ok(());
        };
        prop_assert!(matches!(kind, Kind::Program | Kind::Names) && part.bytes.len() < body.len());
        let mut unpacked = std::vec![0xA5; length];
        prop_assert!(unpack(part.bytes, &mut unpacked, <[u8]>::copy_from_slice));
        prop_assert_eq!(unpacked, body);
    }

    #[test]
    fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), is_begun in any::<bool>()) {
        if is_begun && bytes.len() >= 12 {
            bytes[..8].copy_from_slice(&MAGIC);
            bytes[8..12].copy_from_slice(&2u32.to_le_bytes());
        }
        let _ = Payload::parse(&bytes, |_| 0);
    }

    #[test]
    fn any_flipped_bit_of_a_body_is_noticed(bit in 0usize..800) {
        let mut bytes = emit(&[(Kind::Options, &[0x5A; 100])]);
        bytes[64 + bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(Payload::parse(&bytes, crc32fast::hash).err(), Some(Refusal::PartChecksum(3)));
    }
}

#[test]
fn a_short_payload_is_truncated() {
    let bytes = emit(&[(Kind::Program, &[1; 64])]);
    for length in 0..bytes.len() {
        assert_eq!(Payload::parse(&bytes[..length], crc32fast::hash).err(), Some(Refusal::TruncatedPayload));
    }
}

#[test]
fn another_version_is_refused_by_its_number() {
    for version in [1, 3] {
        let mut bytes = emit(&[]);
        bytes[8] = version;
        assert_eq!(Payload::parse(&bytes, crc32fast::hash).err(), Some(Refusal::PayloadVersion(version.into())));
    }
}

#[test]
fn a_changed_directory_is_noticed() {
    let mut bytes = emit(&[(Kind::Program, &[1; 64])]);
    bytes[32] = 2;
    assert_eq!(Payload::parse(&bytes, crc32fast::hash).err(), Some(Refusal::DirectoryChecksum));
}
