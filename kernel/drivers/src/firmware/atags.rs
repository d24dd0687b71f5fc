//! The ATAG list: how the Pi's firmware describes memory, initial ramdisk and command line when there is no devicetree.
//!
//! A tag is `{words: u32, id: u32, …}`, little-endian, `words` counting the whole tag; the list ends with id 0 (Linux,
//! `Documentation/arch/arm/booting.rst`, and `uapi/asm/setup.h` for the ids).

use super::{Board, Machine};

const NONE: u32 = 0;
const CORE: u32 = 0x5441_0001;
const MEMORY: u32 = 0x5441_0002;
const INITRD: u32 = 0x5442_0005;
const COMMAND_LINE: u32 = 0x5441_0009;

/// Whether a tag list starts with these bytes.
#[must_use]
pub fn is_list(bytes: &[u8]) -> bool {
    word(bytes, 1) == Some(CORE)
}

/// Reads the list that `bytes` begins with; also says how many bytes long it is. `None` if it does not begin as one, or has no end.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<(Machine<'_>, usize)> {
    if !is_list(bytes) {
        return None;
    }
    let mut machine = Machine { board: Board::RaspberryPi3, ..Machine::default() };
    let mut at = 0;
    loop {
        let tag = bytes.get(at..)?;
        let words = usize::try_from(word(tag, 0)?).ok()?;
        let id = word(tag, 1)?;
        if id == NONE {
            return Some((machine, at + 8));
        }
        if words < 2 {
            return None;
        }
        let length = words.checked_mul(4)?;
        take(&mut machine, id, tag.get(8..length)?);
        at += length;
    }
}

/// Adds one tag's body to what is known.
fn take<'a>(machine: &mut Machine<'a>, id: u32, body: &'a [u8]) {
    match id {
        MEMORY => {
            if let (Some(bytes), Some(start)) = (word(body, 0), word(body, 1)) {
                // A ninth range of memory is left unused.
                let _ = machine.ram.try_push(u64::from(start)..u64::from(start) + u64::from(bytes));
            }
        }
        INITRD => {
            if let (Some(start), Some(bytes)) = (word(body, 0), word(body, 1)) {
                machine.initrd = Some(u64::from(start)..u64::from(start) + u64::from(bytes));
            }
        }
        COMMAND_LINE => machine.command_line = text(body),
        _ => {}
    }
}

/// The text up to the first NUL.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[inline(never)]
fn word(bytes: &[u8], index: usize) -> Option<u32> {
    bytes.get(index * 4..)?.first_chunk().map(|four| u32::from_le_bytes(*four))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn list(tags: &[(u32, &[u32])]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (id, body) in tags {
            let words = u32::try_from(body.len() + 2).expect("a test's tag is short");
            for word in [words, *id].iter().chain(*body) {
                bytes.extend(word.to_le_bytes());
            }
        }
        bytes
    }

    #[test]
    fn a_list_says_memory_ramdisk_and_command_line() {
        let line = [u32::from_le_bytes(*b"core"), u32::from_le_bytes(*b"s=2\0")];
        let bytes =
            list(&[(CORE, &[1, 4096, 0]), (MEMORY, &[0x3C00_0000, 0]), (INITRD, &[0x80_0000, 0x1234]), (COMMAND_LINE, &line), (NONE, &[])]);
        let (machine, length) = read(&bytes).expect("the list is whole");
        assert_eq!(length, bytes.len());
        assert_eq!(machine.board, Board::RaspberryPi3);
        assert_eq!(machine.ram.first(), Some(&(0..0x3C00_0000)));
        assert_eq!(machine.initrd, Some(0x80_0000..0x80_1234));
        assert_eq!(machine.command_line, b"cores=2");
    }

    #[test]
    fn a_list_without_end_is_no_list() {
        let bytes = list(&[(CORE, &[1, 4096, 0]), (MEMORY, &[16, 0])]);
        assert!(read(&bytes).is_none());
    }

    #[test]
    fn a_tag_that_claims_no_length_does_not_loop() {
        let mut bytes = list(&[(CORE, &[])]);
        bytes.extend([1, 0, 0, 0, 9, 0, 0x41, 0x54]);
        assert!(read(&bytes).is_none());
    }

    #[test]
    fn bytes_that_are_no_list_are_refused() {
        assert!(!is_list(&[0; 8]));
        assert!(!is_list(&[]));
        assert!(read(&[0xFF; 64]).is_none());
    }
}
