//! What a program is told of its own image: its program headers, where its tables for unwinding are, what the processor can do.
//!
//! An unwinder asks here; a program without one has none of this.
#![allow(unsafe_code, reason = "exported names; the ELF header that the program itself loads")]

use core::arch::asm;
use core::ffi::{c_char, c_int, c_ulong, c_void};

use skete_abi::Errno;

use super::state::PAGE;
use crate::errno;

unsafe extern "C" {
    /// The file's first byte, where it was loaded.
    static __ehdr_start: Header;
}

/// An ELF file's header.
#[repr(C)]
struct Header {
    identity: [u8; 16],
    kind: u16,
    machine: u16,
    version: u32,
    entry: u64,
    program_headers: u64,
    section_headers: u64,
    flags: u32,
    bytes: u16,
    program_header_bytes: u16,
    program_header_count: u16,
    rest: [u16; 3],
}

/// A program header.
#[repr(C)]
struct ProgramHeader {
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    load_address: u64,
    file_bytes: u64,
    memory_bytes: u64,
    alignment: u64,
}

/// `PT_LOAD`, `PT_GNU_EH_FRAME`.
const LOAD: u32 = 1;
const UNWINDING: u32 = 0x6474_e550;

/// Where the program's addresses count from.
fn base() -> usize {
    &raw const __ehdr_start as usize
}

fn headers() -> &'static [ProgramHeader] {
    // SAFETY: the file's beginning is part of its first segment, which stays as it is.
    let header = unsafe { &*(&raw const __ehdr_start) };
    let first = (base() + header.program_headers as usize) as *const ProgramHeader;
    // SAFETY: they follow the header, within the same page.
    unsafe { core::slice::from_raw_parts(first, header.program_header_count.into()) }
}

/// `struct dl_find_object` (glibc 2.35).
#[repr(C)]
pub struct Found {
    flags: u64,
    start: usize,
    end: usize,
    link_map: usize,
    unwinding: usize,
    reserved: [u64; 7],
}

/// What of the program lies at `address`, and the table by which it is unwound (`_dl_find_object`): 0, or −1 if nothing does.
///
/// # Safety
/// There is room for what is found.
#[unsafe(no_mangle)]
unsafe extern "C" fn _dl_find_object(address: usize, found: *mut Found) -> c_int {
    let place = address.wrapping_sub(base()) as u64;
    let loaded = headers().iter().filter(|header| header.kind == LOAD);
    let end = loaded.map(|header| header.address + header.memory_bytes).max().unwrap_or(0);
    let Some(table) = headers().iter().find(|header| header.kind == UNWINDING).filter(|_| place < end) else { return -1 };
    let at = |place: u64| base() + place as usize;
    let of_program = Found { flags: 0, start: base(), end: at(end), link_map: 0, unwinding: at(table.address), reserved: [0; 7] };
    // SAFETY: the caller's promise.
    unsafe { found.write(of_program) };
    0
}

/// `struct dl_phdr_info`.
#[repr(C)]
pub struct Object {
    base: usize,
    name: *const c_char,
    headers: *const ProgramHeader,
    count: u16,
    added: u64,
    removed: u64,
    thread_storage: [usize; 2],
}

/// Calls `visit` for each part of the program, of which there is one (`dl_iterate_phdr(3)`).
#[unsafe(no_mangle)]
extern "C" fn dl_iterate_phdr(visit: extern "C" fn(*mut Object, usize, *mut c_void) -> c_int, data: *mut c_void) -> c_int {
    let headers = headers();
    let mut object = Object {
        base: base(),
        name: c"".as_ptr(),
        headers: headers.as_ptr(),
        count: u16::try_from(headers.len()).unwrap_or(u16::MAX),
        added: 1,
        removed: 0,
        thread_storage: [0; 2],
    };
    visit(&raw mut object, size_of::<Object>(), data)
}

/// What Linux's kernel would tell of the program and the machine (`getauxval(3)`): 0 with `ENOENT` if it is nothing that is told here.
#[unsafe(no_mangle)]
extern "C" fn getauxval(name: c_ulong) -> c_ulong {
    const HEADERS: c_ulong = 3;
    const HEADER_BYTES: c_ulong = 4;
    const HEADER_COUNT: c_ulong = 5;
    const PAGE_BYTES: c_ulong = 6;
    const ABILITIES: c_ulong = 16;
    const TICKS: c_ulong = 17;
    const SECURE: c_ulong = 23;
    match name {
        HEADERS => headers().as_ptr() as c_ulong,
        HEADER_BYTES => size_of::<ProgramHeader>() as c_ulong,
        HEADER_COUNT => headers().len() as c_ulong,
        PAGE_BYTES => PAGE as c_ulong,
        ABILITIES => abilities(),
        TICKS => 100,
        SECURE => 0,
        _ => {
            errno::set(Errno::ENOENT);
            0
        }
    }
}

/// `HWCAP_…` of this processor, by what its register tells (Arm ARM, `ID_AA64ISAR0_EL1`): floating point and vectors, and of the others
/// those that a Cortex-A53 may have.
fn abilities() -> c_ulong {
    const ALWAYS: u64 = 0b11;
    let told: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, id_aa64isar0_el1", out(reg) told, options(nomem, nostack, preserves_flags)) };
    let has = |shift: u32, least: u64, bit: u32| u64::from(told >> shift & 0xf >= least) << bit;
    ALWAYS | has(4, 1, 3) | has(4, 2, 4) | has(8, 1, 5) | has(12, 1, 6) | has(16, 1, 7)
}
