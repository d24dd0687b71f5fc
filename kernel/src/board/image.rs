//! The program's own segments, as its ELF headers tell: they lie at the image's start (`__ehdr_start`).
#![allow(unsafe_code, reason = "the image's headers are read where the linker put them")]

use core::ops::Range;

use hermit_sync::OnceCell;
use skete_logic::pages::Access;

unsafe extern "C" {
    static __ehdr_start: u8;
}

/// ELF64 program header (ELF-64 Object File Format 1.5, chapter 6).
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    physical: u64,
    file_size: u64,
    size: u64,
    align: u64,
}

const LOAD: u32 = 1;
const TLS: u32 = 7;
const RELRO: u32 = 0x6474_e552;
const EXECUTE: u32 = 1;
const WRITE: u32 = 2;

/// The program's thread-local segment.
#[derive(Clone, Copy, Debug)]
pub struct Tls {
    /// Where its initial content lies.
    pub template: u64,
    /// Bytes of initial content.
    pub file_size: u64,
    /// Bytes in all; what the content does not cover is zero.
    pub size: u64,
    /// Its alignment, a power of two.
    pub align: u64,
}

/// The address that the program's virtual address 0 was loaded at.
#[inline]
pub fn base() -> u64 {
    (&raw const __ehdr_start) as u64
}

fn headers() -> &'static [ProgramHeader] {
    let ehdr = base() as *const u8;
    // SAFETY: the linker puts the ELF header there: e_phoff at 32, e_phnum at 56.
    let offset = unsafe { ehdr.add(32).cast::<u64>().read_unaligned() };
    // SAFETY: as above.
    let count = unsafe { ehdr.add(56).cast::<u16>().read_unaligned() };
    // SAFETY: the loader checked that the headers lie in the first segment.
    unsafe { core::slice::from_raw_parts((base() + offset) as *const ProgramHeader, usize::from(count)) }
}

static THREAD_LOCAL: OnceCell<Tls> = OnceCell::new();

/// The thread-local segment; empty if the program has none.
#[inline]
pub fn tls() -> Tls {
    THREAD_LOCAL.get().copied().unwrap_or_else(|| {
        let found = find_tls();
        let _ = THREAD_LOCAL.set(found);
        found
    })
}

#[cold]
fn find_tls() -> Tls {
    headers().iter().find(|header| header.kind == TLS).map_or(Tls { template: 0, file_size: 0, size: 0, align: 1 }, |header| Tls {
        template: base() + header.address,
        file_size: header.file_size,
        size: header.size,
        align: header.align.max(1),
    })
}

/// The segments in memory, and how each may be used. What is read-only after relocation (RELRO) comes first, as constants.
pub fn segments() -> impl Iterator<Item = (Range<u64>, Access)> {
    let range = |header: &ProgramHeader| base() + header.address..base() + header.address + header.size;
    let relro = headers().iter().filter(|header| header.kind == RELRO).map(move |header| (range(header), Access::Constant));
    let load = headers().iter().filter(|header| header.kind == LOAD).map(move |header| {
        let access = match (header.flags & EXECUTE != 0, header.flags & WRITE != 0) {
            (true, _) => Access::Code,
            (false, true) => Access::Data,
            (false, false) => Access::Constant,
        };
        (range(header), access)
    });
    relro.chain(load)
}
