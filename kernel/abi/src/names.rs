//! Function names for backtraces on the target: which function does an address lie in?
//!
//! Functions stand by ascending address, first where they begin, then what they are called: like stands beside like, which packs well.
//! ```text
//! bytes      u32 little-endian: of the distances together
//! distances  LEB128 each, a fourth of it: from the previous function's start (from 0 for the first)
//! names      each with a NUL behind it
//! ```
//! An empty name ends the function before it: nothing is known from there on. Addresses count from the program's start.

/// Function names, as bytes. Junk in them leads to no answer or a wrong name, never out of bounds.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    bytes: &'a [u8],
}

impl<'a> Names<'a> {
    /// The names in these bytes.
    #[must_use]
    pub const fn parse(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The function that `address` lies in, and how far behind its start.
    #[must_use]
    pub fn lookup(&self, address: u32) -> Option<(&'a str, u32)> {
        let (length, rest) = self.bytes.split_first_chunk()?;
        let (mut distances, names) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let (mut start, mut count) = (0u32, 0usize);
        while let Some((distance, behind)) = read_leb128(distances) {
            let next = start.checked_add(distance.checked_mul(4)?)?;
            if next > address {
                break;
            }
            (distances, start) = (behind, next);
            count += 1;
        }
        let name = names.split(|byte| *byte == 0).nth(count.checked_sub(1)?)?;
        if name.is_empty() { None } else { Some((core::str::from_utf8(name).ok()?, address - start)) }
    }
}

fn read_leb128(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (mut value, mut shift) = (0u32, 0);
    for (index, byte) in bytes.iter().enumerate() {
        value |= u32::from(byte & 0x7F).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

/// Writes the names of functions, given by ascending address, each a multiple of 4. Of a name with a NUL in it the beginning is kept. To
/// say that nothing is known from an address on, give it an empty name.
#[cfg(any(feature = "emit", test))]
#[must_use]
pub fn emit<'a>(functions: impl IntoIterator<Item = (u32, &'a str)>) -> alloc::vec::Vec<u8> {
    let (mut distances, mut names) = (alloc::vec::Vec::new(), alloc::vec::Vec::new());
    let mut previous = 0;
    for (start, name) in functions {
        write_leb128((start - previous) / 4, &mut distances);
        names.extend(name.bytes().take_while(|byte| *byte != 0).chain([0]));
        previous = start;
    }
    let length = u32::try_from(distances.len()).unwrap_or(u32::MAX);
    let mut bytes = alloc::vec::Vec::from(length.to_le_bytes());
    bytes.extend(distances);
    bytes.extend(names);
    bytes
}

#[cfg(any(feature = "emit", test))]
fn write_leb128(mut value: u32, bytes: &mut alloc::vec::Vec<u8>) {
    loop {
        let [low, ..] = (value & 0x7F).to_le_bytes();
        value >>= 7;
        bytes.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::string::String;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_told_by_function_and_distance() {
        let bytes = emit([(0x40, "alpha::run"), (0x100, "alpha::stop"), (0x200, "")]);
        let names = Names::parse(&bytes);
        assert_eq!(names.lookup(0x3F), None);
        assert_eq!(names.lookup(0x40), Some(("alpha::run", 0)));
        assert_eq!(names.lookup(0x1FF), Some(("alpha::stop", 0xFF)));
        assert_eq!(names.lookup(0x200), None);
    }

    #[test]
    fn a_name_is_kept_however_long_but_not_beyond_a_nul() {
        let long: String = "ä".repeat(300);
        let bytes = emit([(0, long.as_str()), (4, "b\0c"), (8, "d")]);
        let names = Names::parse(&bytes);
        assert_eq!([0, 4, 8].map(|address| names.lookup(address)), [Some((long.as_str(), 0)), Some(("b", 0)), Some(("d", 0))]);
    }

    proptest! {
        #[test]
        fn every_function_is_found_again(functions in prop::collection::btree_map(0u32..1 << 22, "[a-zäö:<>]{1,60}", 1..50)) {
            let functions: BTreeMap<u32, String> = functions.into_iter().map(|(start, name)| (start * 4, name)).collect();
            let bytes = emit(functions.iter().map(|(start, name)| (*start, name.as_str())));
            for (start, name) in &functions {
                prop_assert_eq!(Names::parse(&bytes).lookup(*start), Some((name.as_str(), 0)));
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), address in any::<u32>()) {
            let _ = Names::parse(&bytes).lookup(address);
        }
    }
}
