//! Making payloads, for the tool.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{ALIGNMENT, ENTRY_BYTES, HEADER_BYTES, Kind, MAGIC, VERSION};
use crate::packed::pack;

/// The [`super::Checksum`] on a host.
pub use crc32fast::hash as checksum;

/// A part's kind, its body, and how many bytes that unpacks to: 0 if it is not packed.
type Body<'a> = (Kind, Cow<'a, [u8]>, usize);

/// Makes a payload of these parts as they are.
#[must_use]
pub fn emit(parts: &[(Kind, &[u8])]) -> Vec<u8> {
    lay_out(&parts.iter().map(|(kind, bytes)| (*kind, Cow::Borrowed(*bytes), 0)).collect::<Vec<_>>())
}

/// Makes a payload of these parts, those packed that the loader unpacks and that get shorter by it. A file tree stays as it is: the
/// kernel uses it in place.
#[must_use]
pub fn emit_packed(parts: &[(Kind, &[u8])]) -> Vec<u8> {
    lay_out(&parts.iter().map(|(kind, bytes)| packed(*kind, bytes)).collect::<Vec<_>>())
}

fn packed(kind: Kind, bytes: &[u8]) -> Body<'_> {
    if let Kind::Program | Kind::Names = kind {
        let packed = pack(bytes);
        if packed.len() < bytes.len() {
            return (kind, Cow::Owned(packed), bytes.len());
        }
    }
    (kind, Cow::Borrowed(bytes), 0)
}

/// Puts bodies behind their directory.
fn lay_out(parts: &[Body<'_>]) -> Vec<u8> {
    let bodies_start = HEADER_BYTES + parts.len() * ENTRY_BYTES;
    let mut directory = Vec::new();
    let mut bodies = Vec::new();
    for (kind, body, unpacked_bytes) in parts {
        directory.extend((*kind as u32).to_le_bytes());
        directory.extend(checksum(body).to_le_bytes());
        directory.extend(((bodies_start + bodies.len()) as u64).to_le_bytes());
        directory.extend((body.len() as u64).to_le_bytes());
        directory.extend((*unpacked_bytes as u64).to_le_bytes());
        bodies.extend(body.iter());
        bodies.resize(bodies.len().next_multiple_of(ALIGNMENT), 0);
    }
    let mut payload = Vec::new();
    payload.extend(MAGIC);
    payload.extend(VERSION.to_le_bytes());
    payload.extend(u32::try_from(parts.len()).unwrap_or(u32::MAX).to_le_bytes());
    payload.extend(((bodies_start + bodies.len()) as u64).to_le_bytes());
    payload.extend(checksum(&directory).to_le_bytes());
    payload.extend(0u32.to_le_bytes());
    payload.extend(directory);
    payload.extend(bodies);
    payload
}
