//! Function names for backtraces on the target: which function does an address lie in?
//!
//! One entry per function, by ascending address, each told as the difference from the one before:
//! ```text
//! distance / 4   LEB128: from the previous function's start (from 0 for the first)
//! shared u8      how many bytes the name shares with the previous name
//! rest u8        how many bytes follow, and then those
//! ```
//! An empty name ends the function before it: nothing is known from there on. Addresses count from the program's start.

/// The longest name that is kept, in bytes.
pub const MOST_NAME_BYTES: usize = 255;

/// Function names, as bytes. Junk in them leads to no answer or a wrong name, never out of bounds.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    bytes: &'a [u8],
}

/// Room for one name while it is looked up.
pub type NameBuffer = [u8; MOST_NAME_BYTES];

struct Entry<'a> {
    distance: u32,
    shared: usize,
    rest: &'a [u8],
}

impl<'a> Names<'a> {
    /// The names in these bytes.
    #[must_use]
    pub const fn parse(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The function that `address` lies in, and how far behind its start. The name is put together in `buffer`.
    #[must_use]
    pub fn lookup<'b>(&self, address: u32, buffer: &'b mut NameBuffer) -> Option<(&'b str, u32)> {
        let (mut rest, mut start, mut length) = (self.bytes, 0u32, 0);
        while let Some((entry, behind)) = Entry::parse(rest) {
            let next = start.checked_add(entry.distance)?;
            if next > address {
                break;
            }
            (rest, start) = (behind, next);
            length = entry.apply(buffer)?;
        }
        let name = core::str::from_utf8(&buffer[..length]).ok()?;
        if name.is_empty() { None } else { Some((name, address - start)) }
    }
}

impl<'a> Entry<'a> {
    fn parse(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (distance, bytes) = read_leb128(bytes)?;
        let (&[shared, length], bytes) = bytes.split_first_chunk()?;
        let (rest, behind) = bytes.split_at_checked(length.into())?;
        Some((Self { distance: distance.checked_mul(4)?, shared: shared.into(), rest }, behind))
    }

    /// Turns the previous name in `buffer` into this one; its length.
    fn apply(&self, buffer: &mut NameBuffer) -> Option<usize> {
        let length = self.shared + self.rest.len();
        buffer.get_mut(self.shared..length)?.copy_from_slice(self.rest);
        Some(length)
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

/// Writes the names of functions, given by ascending address, each a multiple of 4. Of a name longer than [`MOST_NAME_BYTES`] the
/// beginning is kept. To say that nothing is known from an address on, give it an empty name.
#[cfg(any(feature = "emit", test))]
#[must_use]
pub fn emit<'a>(functions: impl IntoIterator<Item = (u32, &'a str)>) -> alloc::vec::Vec<u8> {
    let mut bytes = alloc::vec::Vec::new();
    let (mut previous_start, mut previous) = (0, "");
    for (start, name) in functions {
        let name = &name[..name.floor_char_boundary(MOST_NAME_BYTES)];
        let shared = name.bytes().zip(previous.bytes()).take_while(|(ours, theirs)| ours == theirs).count();
        write_leb128((start - previous_start) / 4, &mut bytes);
        bytes.extend([shared, name.len() - shared].map(|length| u8::try_from(length).unwrap_or(u8::MAX)));
        bytes.extend(&name.as_bytes()[shared..]);
        (previous_start, previous) = (start, name);
    }
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
        let mut buffer = [0; MOST_NAME_BYTES];
        assert_eq!(names.lookup(0x3F, &mut buffer), None);
        assert_eq!(names.lookup(0x40, &mut buffer), Some(("alpha::run", 0)));
        assert_eq!(names.lookup(0x1FF, &mut buffer), Some(("alpha::stop", 0xFF)));
        assert_eq!(names.lookup(0x200, &mut buffer), None);
    }

    #[test]
    fn a_long_name_keeps_its_beginning() {
        let long: String = "ä".repeat(300);
        let bytes = emit([(0, long.as_str()), (4, "b")]);
        let mut buffer = [0; MOST_NAME_BYTES];
        let (name, _) = Names::parse(&bytes).lookup(0, &mut buffer).expect("the function is there");
        assert!(long.starts_with(name) && name.len() == 254);
        assert_eq!(Names::parse(&bytes).lookup(4, &mut buffer), Some(("b", 0)));
    }

    proptest! {
        #[test]
        fn every_function_is_found_again(functions in prop::collection::btree_map(0u32..1 << 22, "[a-zäö:<>]{1,60}", 1..50)) {
            let functions: BTreeMap<u32, String> = functions.into_iter().map(|(start, name)| (start * 4, name)).collect();
            let bytes = emit(functions.iter().map(|(start, name)| (*start, name.as_str())));
            let mut buffer = [0; MOST_NAME_BYTES];
            for (start, name) in &functions {
                prop_assert_eq!(Names::parse(&bytes).lookup(*start, &mut buffer), Some((name.as_str(), 0)));
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), address in any::<u32>()) {
            let mut buffer = [0; MOST_NAME_BYTES];
            let _ = Names::parse(&bytes).lookup(address, &mut buffer);
        }
    }
}
