//! The program as an ELF file: what must be true of it, where its bytes go, and how it is relocated.
//!
//! A program is a static-PIE executable: addresses count from 0, and only `R_AARCH64_RELATIVE` in `DT_RELA` moves it. Thread-local
//! storage, RELRO and the dynamic table are the kernel's to read, through the ELF header that the program itself loads.

use arrayvec::ArrayVec;
use elf::ElfBytes;
use elf::abi;
use elf::dynamic::Dyn;
use elf::endian::LittleEndian;
use elf::file::Class;
use elf::parse::{ParseError, ParsingTable};
use elf::segment::ProgramHeader;

use crate::refusal::Refusal;

/// The unit in which memory is given and mapped.
pub const PAGE_BYTES: usize = 4096;

/// A relocation entry is three words: where, what, and the number to add.
const RELOCATION_WORDS: usize = 3;

/// EI_OSABI of a program for the Hermit target.
const SYSTEM_STANDALONE: u8 = 255;

/// What a refused program may have asked for at most: the kernel reaches all of it through one table.
const MOST_BYTES: u64 = 1 << 30;

/// The tag of packed relative relocations, which `elf` does not name.
const DT_RELR: i64 = 36;

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
        let elf = ElfBytes::<LittleEndian>::minimal_parse(file).map_err(refuse)?;
        check_header(&elf)?;
        let mut segments = ArrayVec::new();
        let (mut dynamic, mut is_entry_executable) = (None, false);
        let entry = elf.ehdr.e_entry;
        for header in elf.segments().into_iter().flatten() {
            match header.p_type {
                abi::PT_INTERP => return Err(Refusal::Dynamic),
                abi::PT_DYNAMIC => dynamic = Some(header),
                abi::PT_LOAD if header.p_memsz > 0 => {
                    let segment = segment(&elf, &header, segments.last())?;
                    segments
                        .try_push(segment)
                        .map_err(|_| Refusal::SegmentCount)?;
                    let range = header.p_vaddr..header.p_vaddr + header.p_memsz;
                    is_entry_executable |=
                        header.p_flags & abi::PF_X != 0 && range.contains(&entry);
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
            Some(header) => Relocations::find(&elf, &header, bytes)?,
            None => Relocations::default(),
        };
        let entry = usize::try_from(entry).map_err(|_| Refusal::Entry)?;
        Ok(Self {
            segments,
            relocations,
            bytes,
            entry,
        })
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
            let words = memory
                .get(entry..entry + RELOCATION_WORDS)
                .and_then(|words| words.first_chunk());
            let &[place, info, addend] = words.ok_or(Refusal::RelocationTarget)?;
            if info != u64::from(abi::R_AARCH64_RELATIVE) {
                let [low, high] = [info, info >> 32].map(|word| (word & 0xFFFF_FFFF) as u32);
                return Err(if high == 0 || low != abi::R_AARCH64_RELATIVE {
                    Refusal::Relocation(low)
                } else {
                    Refusal::RelocationTarget
                });
            }
            let word = usize::try_from(place / 8).ok().filter(|_| place % 8 == 0);
            let word = word
                .and_then(|word| memory.get_mut(word))
                .ok_or(Refusal::RelocationTarget)?;
            *word = base.wrapping_add(addend);
        }
        Ok(())
    }
}

impl Relocations {
    fn find(
        elf: &ElfBytes<'_, LittleEndian>,
        header: &ProgramHeader,
        bytes: usize,
    ) -> Result<Self, Refusal> {
        let table = elf.segment_data(header).map_err(refuse)?;
        let (mut address, mut length, mut entry_bytes) = (0, 0, None);
        for entry in ParsingTable::<_, Dyn>::new(LittleEndian, Class::ELF64, table) {
            match entry.d_tag {
                abi::DT_NULL => break,
                abi::DT_RELA => address = entry.d_ptr(),
                abi::DT_RELASZ => length = entry.d_val(),
                abi::DT_RELAENT => entry_bytes = Some(entry.d_val()),
                abi::DT_NEEDED => return Err(Refusal::Dynamic),
                abi::DT_REL | abi::DT_JMPREL | DT_RELR => {
                    return Err(Refusal::RelocationTable(entry.d_tag.unsigned_abs()));
                }
                _ => {}
            }
        }
        let end = address
            .checked_add(length)
            .filter(|end| *end <= bytes as u64);
        let end = end.ok_or(Refusal::RelocationTarget)?;
        let stride = 8 * RELOCATION_WORDS as u64;
        if !address.is_multiple_of(8)
            || !length.is_multiple_of(stride)
            || entry_bytes.unwrap_or(stride) != stride
        {
            return Err(Refusal::RelocationTable(abi::DT_RELA.unsigned_abs()));
        }
        let word =
            |address: u64| usize::try_from(address / 8).map_err(|_| Refusal::RelocationTarget);
        Ok(Self {
            first: word(address)?,
            end: word(end)?,
        })
    }
}

fn check_header(elf: &ElfBytes<'_, LittleEndian>) -> Result<(), Refusal> {
    let header = &elf.ehdr;
    if header.class != Class::ELF64 {
        return Err(Refusal::NotElf);
    }
    if header.e_machine != abi::EM_AARCH64 {
        return Err(Refusal::Machine(header.e_machine));
    }
    if !matches!(header.osabi, 0 | SYSTEM_STANDALONE) {
        return Err(Refusal::System(header.osabi));
    }
    if header.e_type != abi::ET_DYN {
        return Err(Refusal::NotPie(header.e_type));
    }
    Ok(())
}

/// Checks one segment, and that it comes behind `last`.
fn segment<'a>(
    elf: &ElfBytes<'a, LittleEndian>,
    header: &ProgramHeader,
    last: Option<&Segment<'_>>,
) -> Result<Segment<'a>, Refusal> {
    let bytes = elf.segment_data(header).map_err(refuse)?;
    let end = header
        .p_vaddr
        .checked_add(header.p_memsz)
        .ok_or(Refusal::SegmentSize)?;
    if header.p_filesz > header.p_memsz {
        return Err(Refusal::SegmentSize);
    }
    if end > MOST_BYTES {
        return Err(Refusal::TooBig(end >> 10));
    }
    let start = usize::try_from(header.p_vaddr).map_err(|_| Refusal::SegmentSize)?;
    let memory_bytes = usize::try_from(header.p_memsz).map_err(|_| Refusal::SegmentSize)?;
    if last.is_some_and(|last| start < last.start + last.memory_bytes) {
        return Err(Refusal::SegmentsOverlap);
    }
    Ok(Segment {
        start,
        bytes,
        memory_bytes,
    })
}

/// What the parser's verdict means to whoever made the file.
fn refuse(error: ParseError) -> Refusal {
    match error {
        ParseError::SliceReadError(_) | ParseError::IntegerOverflow => Refusal::TruncatedElf,
        _ => Refusal::NotElf,
    }
}
