//! What the loader carries: one piece of bytes with a directory, the same appended to the loader, as initial ramdisk or over the
//! serial line.
//!
//! ```text
//! header     32 bytes  "SKETEPAY", version u32 = 2, count u32, total bytes u64, CRC-32 of the directory u32, 0 u32
//! directory  32 each   kind u32, CRC-32 of the body u32, offset from the header u64, bytes u64, unpacked bytes u64
//! bodies               each at a multiple of 16
//! ```
//! Little-endian throughout. The CRC-32 is IEEE's, which the Pi's cores have an instruction for. A body is as it is where its unpacked
//! bytes are 0, else [`crate::packed`].

use crate::refusal::Refusal;

/// How a payload begins.
pub const MAGIC: [u8; 8] = *b"SKETEPAY";

const VERSION: u32 = 2;
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

/// A part as the payload holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Its body.
    pub bytes: &'a [u8],
    /// How many bytes are packed in it; none if the body is the part itself.
    pub unpacked_bytes: Option<usize>,
}

impl<'a> Part<'a> {
    /// A part that is not packed.
    #[must_use]
    pub const fn plain(bytes: &'a [u8]) -> Self {
        Self { bytes, unpacked_bytes: None }
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
    pub fn parts(&self) -> impl Iterator<Item = (Kind, Part<'a>)> + '_ {
        self.entries().filter_map(|entry| {
            let unpacked_bytes = (entry.unpacked_bytes != 0).then(|| usize::try_from(entry.unpacked_bytes).unwrap_or(usize::MAX));
            Some((Kind::from_number(entry.kind)?, Part { bytes: self.body(entry)?, unpacked_bytes }))
        })
    }

    /// The first part of this kind.
    #[must_use]
    pub fn part(&self, kind: Kind) -> Option<Part<'a>> {
        self.parts().find(|(found, _)| *found == kind).map(|(_, part)| part)
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
    unpacked_bytes: u64,
}

impl Entry {
    fn parse(entry: &[u8]) -> Option<Self> {
        let (kind, crc) = (word(entry, 0)?, word(entry, 4)?);
        Some(Self { kind, crc, offset: long(entry, 8)?, bytes: long(entry, 16)?, unpacked_bytes: long(entry, 24)? })
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|eight| u64::from_le_bytes(*eight))
}

#[cfg(any(feature = "emit", test))]
mod emit;

#[cfg(any(feature = "emit", test))]
pub use emit::{checksum, emit, emit_packed};

#[cfg(test)]
mod tests;
