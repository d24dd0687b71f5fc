//! The structures of an ELF file of 64 bits, read in place: goblin's, without its allocating half.
//!
//! A structure that is out of bounds or not aligned is none.

use plain::Plain;

pub use goblin::elf::dynamic::{DT_JMPREL, DT_NEEDED, DT_NULL, DT_REL, DT_RELA, DT_RELAENT, DT_RELASZ};
pub use goblin::elf::header::{EI_OSABI, EM_AARCH64, ET_DYN};
pub use goblin::elf::program_header::{PF_R, PF_W, PF_X, PT_DYNAMIC, PT_INTERP, PT_LOAD};
pub use goblin::elf::reloc::R_AARCH64_RELATIVE;
pub use goblin::elf64::dynamic::Dyn;
pub use goblin::elf64::header::Header;
pub use goblin::elf64::program_header::ProgramHeader;

/// The tag of packed relative relocations, which goblin does not name.
pub const DT_RELR: u64 = 36;

/// How a file of 64 bits, little-endian, begins.
pub const BEGINNING: [u8; 7] = [0x7F, b'E', b'L', b'F', 2, 1, 1];

/// Whether such a file begins here.
#[must_use]
pub fn is_at(bytes: &[u8]) -> bool {
    bytes.starts_with(&BEGINNING)
}

/// The file's header.
#[must_use]
pub fn header(file: &[u8]) -> Option<&Header> {
    plain::from_bytes(file).ok()
}

/// The file's program headers.
#[must_use]
pub fn program_headers<'a>(file: &'a [u8], header: &Header) -> Option<&'a [ProgramHeader]> {
    if usize::from(header.e_phentsize) != size_of::<ProgramHeader>() {
        return None;
    }
    let headers = file.get(usize::try_from(header.e_phoff).ok()?..)?;
    plain::slice_from_bytes_len(headers, header.e_phnum.into()).ok()
}

/// What the file holds of a segment.
#[must_use]
pub fn segment_bytes<'a>(file: &'a [u8], header: &ProgramHeader) -> Option<&'a [u8]> {
    let rest = file.get(usize::try_from(header.p_offset).ok()?..)?;
    rest.get(..usize::try_from(header.p_filesz).ok()?)
}

/// The entries of a table; none if it is not aligned.
#[must_use]
pub fn table<T: Plain>(bytes: &[u8]) -> &[T] {
    plain::slice_from_bytes(bytes).unwrap_or_default()
}
