//! Parts that were packed: LZ4 in its block format (lz4.org, `lz4_Block_format.md`), told in sequences:
//!
//! ```text
//! token      u8   literals in the upper half, the match's bytes less 4 in the lower; 15: more of it follows
//! more       u8s  added up, as long as they are 255 and once beyond
//! literals        as many as the token says
//! distance   u16  how far back the match is, little-endian; then more of its length
//! ```
//! The last sequence ends behind its literals.

/// A match's bytes, less what its token says.
const LEAST_MATCH: usize = 4;
/// What a half of a token says by itself.
const NIBBLE: usize = 15;

/// Unpacks a part; false if it is not packed, or has not as many bytes as `into`. `copy` copies as many bytes as both its slices have: the
/// loader's assembly, or a host's own.
#[must_use]
pub fn unpack(packed: &[u8], into: &mut [u8], copy: impl Fn(&mut [u8], &[u8])) -> bool {
    sequences(packed, into, copy).is_some_and(|length| length == into.len())
}

/// Unpacks sequence by sequence; how many bytes it were.
fn sequences(packed: &[u8], into: &mut [u8], copy: impl Fn(&mut [u8], &[u8])) -> Option<usize> {
    let (mut from, mut at) = (0, 0);
    loop {
        let token = usize::from(*packed.get(from)?);
        from += 1;
        let mut count = token >> 4;
        if count == NIBBLE {
            count += more(packed, &mut from)?;
        }
        let literals = packed.get(from..)?.get(..count)?;
        copy(into.get_mut(at..)?.get_mut(..count)?, literals);
        from += count;
        at += count;
        if from == packed.len() {
            return Some(at);
        }
        let distance = usize::from(u16::from_le_bytes(*packed.get(from..)?.first_chunk()?));
        from += 2;
        count = token & NIBBLE;
        if count == NIBBLE {
            count += more(packed, &mut from)?;
        }
        count += LEAST_MATCH;
        let (before, behind) = into.split_at_mut_checked(at)?;
        let start = at.checked_sub(distance)?;
        let place = behind.get_mut(..count)?;
        match before.get(start..start + count) {
            Some(bytes) => copy(place, bytes),
            None => repeat(into, start, at, count)?,
        }
        at += count;
    }
}

/// A match that reaches into itself: what is there of it by now is copied on.
#[cold]
#[inline(never)]
fn repeat(into: &mut [u8], start: usize, mut at: usize, bytes: usize) -> Option<()> {
    let end = at + bytes;
    while at < end {
        let count = (end - at).min(at - start);
        if count == 0 {
            return None;
        }
        into.copy_within(start..start + count, at);
        at += count;
    }
    Some(())
}

/// The rest of a length of which half a token says the beginning.
#[cold]
#[inline(never)]
fn more(packed: &[u8], from: &mut usize) -> Option<usize> {
    let mut sum = 0;
    loop {
        let byte = *packed.get(*from)?;
        *from += 1;
        sum += usize::from(byte);
        if byte != u8::MAX {
            return Some(sum);
        }
    }
}

#[cfg(any(feature = "emit", test))]
mod pack;

#[cfg(any(feature = "emit", test))]
pub use pack::pack;

#[cfg(test)]
mod tests;
