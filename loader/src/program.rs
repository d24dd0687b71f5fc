//! The program as an ELF file: what must be true of it, where its bytes go, and how it is relocated.
//!
//! A program is a static-PIE executable: addresses count from 0, and only `R_AARCH64_RELATIVE` in `DT_RELA` moves it. Thread-local
//! storage, RELRO and the dynamic table are the kernel's to read, through the ELF header that the program itself loads.

use arrayvec::ArrayVec;

use crate::elf::{self, Dyn, Header, ProgramHeader};
use crate::refusal::Refusal;

/// The unit in which memory is given and mapped.
pub const PAGE_BYTES: usize = 4096;

/// A relocation entry is three words: where, what, and the number to add.
const RELOCATION_WORDS: usize = 3;

/// EI_OSABI of a program for the Hermit target.
const SYSTEM_STANDALONE: u8 = 255;

/// What a refused program may have asked for at most: the kernel reaches all of it through one table.
const MOST_BYTES: u64 = 1 << 30;

/// One piece of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Where it goes, from the program's start.
    pub start: usize,
    /// What goes there.
    pub bytes: &'a [u8],
    /// How long it is in memory; behind `bytes` come zeroes.
    pub memory_bytes: usize,
}

/// How a program is loaded.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    segments: ArrayVec<Segment<'a>, 8>,
    relocations: Relocations,
    /// Memory the program takes, from its start: whole pages.
    pub bytes: usize,
    /// Where it begins to run, from its start.
    pub entry: usize,
}

/// The relocation table, in words from the program's start.
#[derive(Clone, Copy, Debug, Default)]
struct Relocations {
    first: usize,
    end: usize,
}

impl<'a> Plan<'a> {
    /// Checks an ELF file and plans how it is loaded.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn new(file: &'a [u8]) -> Result<Self, Refusal> {
        let header = header(file)?;
        let headers = elf::program_headers(file, header).ok_or(Refusal::TruncatedElf)?;
        let mut segments = ArrayVec::new();
        let (mut dynamic, mut is_entry_executable) = (None, false);
        let entry = header.e_entry;
        for header in headers {
            match header.p_type {
                elf::PT_INTERP => return Err(Refusal::Dynamic),
                elf::PT_DYNAMIC => dynamic = Some(header),
                elf::PT_LOAD if header.p_memsz > 0 => {
                    let segment = Segment::new(file, header, segments.last())?;
                    segments.try_push(segment).map_err(|_| Refusal::SegmentCount)?;
                    let range = header.p_vaddr..header.p_vaddr + header.p_memsz;
                    is_entry_executable |= header.p_flags & elf::PF_X != 0 && range.contains(&entry);
                }
                _ => {}
            }
        }
        let last = segments.last().ok_or(Refusal::SegmentCount)?;
        let bytes = (last.start + last.memory_bytes).next_multiple_of(PAGE_BYTES);
        if !is_entry_executable || !entry.is_multiple_of(4) {
            return Err(Refusal::Entry);
        }
        let relocations = match dynamic {
            Some(header) => Relocations::find(file, header, bytes)?,
            None => Relocations::default(),
        };
        let entry = usize::try_from(entry).map_err(|_| Refusal::Entry)?;
        Ok(Self { segments, relocations, bytes, entry })
    }

    /// The program's segments, by address.
    #[must_use]
    pub fn segments(&self) -> &[Segment<'a>] {
        &self.segments
    }

    /// Fills `memory`, which is the program's: segments at their places, zeroes everywhere else.
    pub fn fill(&self, memory: &mut [u8]) {
        let mut filled = 0;
        for segment in &self.segments {
            let end = segment.start + segment.bytes.len();
            memory[filled..segment.start].fill(0);
            memory[segment.start..end].copy_from_slice(segment.bytes);
            filled = end;
        }
        memory[filled..].fill(0);
    }

    /// Relocates the filled memory, as words, to run at address `base`.
    ///
    /// # Errors
    /// When an entry of the table is of another kind than `R_AARCH64_RELATIVE`, or lies outside the program.
    pub fn relocate(&self, memory: &mut [u64], base: u64) -> Result<(), Refusal> {
        let Relocations { first, end } = self.relocations;
        for entry in (first..end).step_by(RELOCATION_WORDS) {
            let words = memory.get(entry..entry + RELOCATION_WORDS).and_then(|words| words.first_chunk());
            let &[place, info, addend] = words.ok_or(Refusal::RelocationTarget)?;
            if info != u64::from(elf::R_AARCH64_RELATIVE) {
                let (kind, symbol) = split(info);
                // A relative one has no symbol.
                let is_relative = kind == elf::R_AARCH64_RELATIVE && symbol != 0;
                return Err(if is_relative { Refusal::RelocationTarget } else { Refusal::Relocation(kind) });
            }
            let word = usize::try_from(place / 8).ok().filter(|_| place % 8 == 0);
            let word = word.and_then(|word| memory.get_mut(word)).ok_or(Refusal::RelocationTarget)?;
            *word = base.wrapping_add(addend);
        }
        Ok(())
    }
}

impl Relocations {
    fn find(file: &[u8], header: &ProgramHeader, bytes: usize) -> Result<Self, Refusal> {
        let table = elf::segment_bytes(file, header).ok_or(Refusal::TruncatedElf)?;
        let stride = 8 * RELOCATION_WORDS as u64;
        let (mut address, mut length, mut entry_bytes) = (0, 0, stride);
        for entry in elf::table::<Dyn>(table) {
            match entry.d_tag {
                elf::DT_NULL => break,
                elf::DT_RELA => address = entry.d_val,
                elf::DT_RELASZ => length = entry.d_val,
                elf::DT_RELAENT => entry_bytes = entry.d_val,
                elf::DT_NEEDED => return Err(Refusal::Dynamic),
                tag @ (elf::DT_REL | elf::DT_JMPREL | elf::DT_RELR) => {
                    return Err(Refusal::RelocationTable(tag));
                }
                _ => {}
            }
        }
        let end = address.checked_add(length).filter(|end| *end <= bytes as u64);
        let end = end.ok_or(Refusal::RelocationTarget)?;
        if !address.is_multiple_of(8) || !length.is_multiple_of(stride) || entry_bytes != stride {
            return Err(Refusal::RelocationTable(elf::DT_RELA));
        }
        let word = |address: u64| usize::try_from(address / 8).map_err(|_| Refusal::RelocationTarget);
        Ok(Self { first: word(address)?, end: word(end)? })
    }
}

impl<'a> Segment<'a> {
    /// Checks one segment, and that it comes behind `last`.
    fn new(file: &'a [u8], header: &ProgramHeader, last: Option<&Segment<'_>>) -> Result<Self, Refusal> {
        let bytes = elf::segment_bytes(file, header).ok_or(Refusal::TruncatedElf)?;
        let end = header.p_vaddr.checked_add(header.p_memsz).ok_or(Refusal::SegmentSize)?;
        if header.p_filesz > header.p_memsz {
            return Err(Refusal::SegmentSize);
        }
        if end > MOST_BYTES {
            return Err(Refusal::TooBig(end >> 10));
        }
        let size = |bytes: u64| usize::try_from(bytes).map_err(|_| Refusal::SegmentSize);
        let (start, memory_bytes) = (size(header.p_vaddr)?, size(header.p_memsz)?);
        if last.is_some_and(|last| start < last.start + last.memory_bytes) {
            return Err(Refusal::SegmentsOverlap);
        }
        Ok(Self { start, bytes, memory_bytes })
    }
}

/// The file's header, if it is that of a program for this machine.
fn header(file: &[u8]) -> Result<&Header, Refusal> {
    if !elf::is_at(file) {
        return Err(Refusal::NotElf);
    }
    let header = elf::header(file).ok_or(Refusal::TruncatedElf)?;
    let system = header.e_ident[elf::EI_OSABI];
    if header.e_machine != elf::EM_AARCH64 {
        Err(Refusal::Machine(header.e_machine))
    } else if !matches!(system, 0 | SYSTEM_STANDALONE) {
        Err(Refusal::System(system))
    } else if header.e_type != elf::ET_DYN {
        Err(Refusal::NotPie(header.e_type))
    } else {
        Ok(header)
    }
}

/// The two halves of `r_info`: what kind of relocation, against which symbol.
fn split(info: u64) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = info.to_le_bytes();
    (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
}

#[cfg(test)]
mod tests;
