//! What the tool does to a linked program: strip it, and list its functions.

use anyhow::{Context as _, Result, ensure};
use object::LittleEndian as Le;
use object::elf::{EM_AARCH64, ET_DYN, FileHeader64, STT_FUNC};
use object::read::elf::{ElfFile64, FileHeader as _, ProgramHeader as _};
use object::{Object as _, ObjectSymbol as _, SymbolFlags};

/// Offset of `e_shoff` in an ELF64 header, and its size.
const SECTION_TABLE: std::ops::Range<usize> = 0x28..0x30;
/// Offset of `e_shnum` and `e_shstrndx`, two bytes each.
const SECTION_COUNT: std::ops::Range<usize> = 0x3c..0x40;

/// The program without what only a debugger reads: everything behind its last segment's bytes, the section table among it.
///
/// # Errors
/// It is no ELF of ours, or its segments lie outside of it.
pub fn strip(bytes: &[u8]) -> Result<Vec<u8>> {
    let (header, segments) = program(bytes)?;
    ensure!(header.e_type(Le) == ET_DYN, "the program is not position-independent");
    let table = header.e_phoff(Le) + u64::from(header.e_phnum(Le)) * u64::from(header.e_phentsize(Le));
    let ends = segments.iter().map(|segment| segment.p_offset(Le).saturating_add(segment.p_filesz(Le)));
    let end = usize::try_from(ends.max().unwrap_or(0).max(table))?;
    let mut kept = bytes.get(..end).context("the program ends before its segments do")?.to_vec();
    for range in [SECTION_TABLE, SECTION_COUNT] {
        kept.get_mut(range).context("the program ends within its header")?.fill(0);
    }
    Ok(kept)
}

/// Whether the program uses the network: then a part of the kernel begins before it (`kernel/src/calls/net.rs`).
///
/// # Errors
/// It is no ELF of ours.
pub fn uses_network(bytes: &[u8]) -> Result<bool> {
    let file = ElfFile64::<Le>::parse(bytes).context("the program is no ELF file")?;
    let has_parts = file.section_by_name("skete_parts").is_some();
    // One without symbols does not tell which parts it has.
    Ok(has_parts && (file.symbols().next().is_none() || file.symbols().any(|symbol| symbol.name() == Ok("skete_network"))))
}

/// A function as the symbol table has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Function {
    /// Where it begins, from the program's start.
    pub start: u32,
    /// One past its last byte.
    pub end: u32,
    /// Its name, demangled, without the hash.
    pub name: String,
}

/// The functions in a program's symbol table, sorted, one an address.
///
/// # Errors
/// The symbol table cannot be read.
pub fn functions(bytes: &[u8]) -> Result<Vec<Function>> {
    let file = ElfFile64::<Le>::parse(bytes).context("the program is no ELF file")?;
    let mut found = Vec::new();
    for symbol in file.symbols() {
        let SymbolFlags::Elf { st_info, .. } = symbol.flags() else {
            continue;
        };
        if st_info.st_type() != STT_FUNC || symbol.is_undefined() {
            continue;
        }
        let place = |address: u64| u32::try_from(address).context("a function lies above 4 GiB");
        let (start, end) = (place(symbol.address())?, place(symbol.address() + symbol.size())?);
        let name = rustc_demangle::demangle(symbol.name().context("a symbol has no name")?);
        found.push(Function { start, end, name: format!("{name:#}") });
    }
    found.sort();
    found.dedup_by_key(|function| function.start);
    Ok(found)
}

type Segments<'a> = &'a [object::elf::ProgramHeader64<Le>];

fn program(bytes: &[u8]) -> Result<(&FileHeader64<Le>, Segments<'_>)> {
    let header = FileHeader64::<Le>::parse(bytes).context("not an ELF file of 64 bits")?;
    ensure!(header.endian().is_ok() && header.e_machine(Le) == EM_AARCH64, "not an ELF file for little-endian aarch64");
    Ok((header, header.program_headers(Le, bytes).context("the program headers cannot be read")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF64 header for aarch64 with one PT_LOAD of `body` at 0x1000 and `bss` zeros behind it, then trailing bytes.
    fn sample(body: &[u8], bss: u64, trailing: usize) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01\xff\0\0\0\0\0\0\0\0".to_vec();
        bytes.extend(3u16.to_le_bytes());
        bytes.extend(183u16.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        for word in [0u64, 64, 0x9999] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(0u32.to_le_bytes());
        for half in [64u16, 56, 1, 64, 7, 6] {
            bytes.extend(half.to_le_bytes());
        }
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(5u32.to_le_bytes());
        let size = body.len() as u64;
        for word in [120, 0x1000, 0x1000, size, size + bss, 8] {
            bytes.extend(u64::to_le_bytes(word));
        }
        bytes.extend(body);
        bytes.extend(vec![0xee; trailing]);
        bytes
    }

    #[test]
    fn stripping_keeps_the_segments_and_forgets_the_sections() {
        let whole = sample(b"code", 0, 500);
        let kept = strip(&whole).expect("the sample is a program");
        assert_eq!(kept.len(), 124);
        assert!(kept.ends_with(b"code"));
        assert_eq!(&kept[SECTION_TABLE], [0; 8]);
        assert_eq!(&kept[SECTION_COUNT], [0; 4]);
        assert_eq!(strip(&kept).expect("it still is one"), kept);
    }

    #[test]
    fn a_cut_program_is_refused() {
        let whole = sample(b"code", 0, 0);
        assert!(strip(&whole[..122]).is_err());
        assert!(strip(b"\x7fELF").is_err());
    }

    #[test]
    fn another_machine_is_refused() {
        let mut whole = sample(b"code", 0, 0);
        whole[18] = 62;
        assert!(strip(&whole).expect_err("62 is x86-64").to_string().contains("aarch64"));
    }
}
