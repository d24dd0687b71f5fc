//! What the loader carries: one piece of bytes with a directory, the same appended to the loader, as initial ramdisk or over the
//! serial line.
//!
//! ```text
//! header     32 bytes  "SKETEPAY", version u32 = 1, count u32, total bytes u64, CRC-32 of the directory u32, 0 u32
//! directory  32 each   kind u32, CRC-32 of the body u32, offset from the header u64, bytes u64, 0 u64
//! bodies               each at a multiple of 16
//! ```
//! Little-endian throughout. The CRC-32 is IEEE's, which the Pi's cores have an instruction for.

use crate::refusal::Refusal;

/// How a payload begins.
pub const MAGIC: [u8; 8] = *b"SKETEPAY";

const VERSION: u32 = 1;
const HEADER_BYTES: usize = 32;
const ENTRY_BYTES: usize = 32;
const ALIGNMENT: usize = 16;

/// What a part of the payload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The program: a static-PIE ELF file, stripped.
    Program = 1,
    /// The root file tree: a cpio archive, format newc.
    Root = 2,
    /// Boot options: text.
    Options = 3,
    /// Function names for backtraces (see [`crate::names`]).
    Names = 4,
}

impl Kind {
    const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Program,
            2 => Self::Root,
            3 => Self::Options,
            4 => Self::Names,
            _ => return None,
        })
    }
}

/// Computes the CRC-32 of bytes: the loader's instruction, or a host's library.
pub type Checksum = fn(&[u8]) -> u32;

/// A payload whose directory and bodies were checked.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    bytes: &'a [u8],
    directory: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Whether a payload begins here.
    #[must_use]
    pub fn is_at(bytes: &[u8]) -> bool {
        bytes.starts_with(&MAGIC)
    }

    /// How many bytes the payload that begins here says it has; `None` if the header is not whole.
    #[must_use]
    pub fn total_bytes(bytes: &[u8]) -> Option<u64> {
        if Self::is_at(bytes) { long(bytes, 16) } else { None }
    }

    /// Checks the payload that begins here. Bytes behind it are left alone.
    ///
    /// # Errors
    /// What is wrong with it. A part of unknown kind is not: its checksum is checked, and it is passed over.
    pub fn parse(bytes: &'a [u8], checksum: Checksum) -> Result<Self, Refusal> {
        let total = Self::total_bytes(bytes).ok_or(Refusal::TruncatedPayload)?;
        let version = word(bytes, 8).ok_or(Refusal::TruncatedPayload)?;
        if version != VERSION {
            return Err(Refusal::PayloadVersion(version));
        }
        let total = usize::try_from(total).map_err(|_| Refusal::TruncatedPayload)?;
        let bytes = bytes.get(..total).ok_or(Refusal::TruncatedPayload)?;
        let count = word(bytes, 12).ok_or(Refusal::TruncatedPayload)?;
        let directory = usize::try_from(count)
            .ok()
            .and_then(|count| count.checked_mul(ENTRY_BYTES))
            .and_then(|length| bytes.get(HEADER_BYTES..)?.get(..length))
            .ok_or(Refusal::TruncatedPayload)?;
        if word(bytes, 24) != Some(checksum(directory)) {
            return Err(Refusal::DirectoryChecksum);
        }
        let payload = Self { bytes, directory };
        for entry in payload.entries() {
            let body = payload.body(entry).ok_or(Refusal::MisplacedPart(entry.kind))?;
            if checksum(body) != entry.crc {
                return Err(Refusal::PartChecksum(entry.kind));
            }
        }
        Ok(payload)
    }

    /// The payload's own bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The parts whose kind is known, in their order.
    pub fn parts(&self) -> impl Iterator<Item = (Kind, &'a [u8])> + '_ {
        self.entries().filter_map(|entry| Some((Kind::from_number(entry.kind)?, self.body(entry)?)))
    }

    /// The first part of this kind.
    #[must_use]
    pub fn part(&self, kind: Kind) -> Option<&'a [u8]> {
        self.parts().find(|(found, _)| *found == kind).map(|(_, body)| body)
    }

    fn entries(&self) -> impl Iterator<Item = Entry> + use<'a> {
        self.directory.chunks_exact(ENTRY_BYTES).filter_map(Entry::parse)
    }

    fn body(&self, entry: Entry) -> Option<&'a [u8]> {
        let start = usize::try_from(entry.offset).ok()?;
        let length = usize::try_from(entry.bytes).ok()?;
        if !start.is_multiple_of(ALIGNMENT) {
            return None;
        }
        self.bytes.get(start..)?.get(..length)
    }
}

#[derive(Clone, Copy)]
struct Entry {
    kind: u32,
    crc: u32,
    offset: u64,
    bytes: u64,
}

impl Entry {
    fn parse(entry: &[u8]) -> Option<Self> {
        Some(Self { kind: word(entry, 0)?, crc: word(entry, 4)?, offset: long(entry, 8)?, bytes: long(entry, 16)? })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

/// Makes a payload of these parts.
#[cfg(any(feature = "emit", test))]
#[must_use]
pub fn emit(parts: &[(Kind, &[u8])]) -> alloc::vec::Vec<u8> {
    let bodies_start = HEADER_BYTES + parts.len() * ENTRY_BYTES;
    let mut directory = alloc::vec::Vec::new();
    let mut bodies = alloc::vec::Vec::new();
    for (kind, body) in parts {
        directory.extend((*kind as u32).to_le_bytes());
        directory.extend(crc32fast::hash(body).to_le_bytes());
        directory.extend(((bodies_start + bodies.len()) as u64).to_le_bytes());
        directory.extend((body.len() as u64).to_le_bytes());
        directory.extend(0u64.to_le_bytes());
        bodies.extend(*body);
        bodies.resize(bodies.len().next_multiple_of(ALIGNMENT), 0);
    }
    let mut payload = alloc::vec::Vec::new();
    payload.extend(MAGIC);
    payload.extend(VERSION.to_le_bytes());
    payload.extend(u32::try_from(parts.len()).unwrap_or(u32::MAX).to_le_bytes());
    payload.extend(((bodies_start + bodies.len()) as u64).to_le_bytes());
    payload.extend(crc32fast::hash(&directory).to_le_bytes());
    payload.extend(0u32.to_le_bytes());
    payload.extend(directory);
    payload.extend(bodies);
    payload
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

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
            prop_assert_eq!(payload.parts().collect::<Vec<_>>(), parts);
        }

        #[test]
        fn random_bytes_never_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), is_begun in any::<bool>()) {
            if is_begun && bytes.len() >= 12 {
                bytes[..8].copy_from_slice(&MAGIC);
                bytes[8..12].copy_from_slice(&1u32.to_le_bytes());
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
    fn a_later_version_is_refused_by_its_number() {
        let mut bytes = emit(&[]);
        bytes[8] = 2;
        assert_eq!(Payload::parse(&bytes, crc32fast::hash).err(), Some(Refusal::PayloadVersion(2)));
    }

    #[test]
    fn a_changed_directory_is_noticed() {
        let mut bytes = emit(&[(Kind::Program, &[1; 64])]);
        bytes[32] = 2;
        assert_eq!(Payload::parse(&bytes, crc32fast::hash).err(), Some(Refusal::DirectoryChecksum));
    }
}
