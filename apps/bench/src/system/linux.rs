//! Linux.
#![allow(unsafe_code, reason = "calls C")]

use std::{mem, ptr};

use super::{Condition, Counts};

/// Lets the calling thread run on these cores only, bit n for core n. It is on one of them when this returns.
pub fn set_affinity(mask: u8) {
    // SAFETY: a set of no cores is all zeroes.
    let mut cores: libc::cpu_set_t = unsafe { mem::zeroed() };
    for core in (0..8).filter(|core| mask & 1 << core != 0) {
        // SAFETY: the set has room for far more than eight cores.
        unsafe { libc::CPU_SET(core, &mut cores) };
    }
    // SAFETY: reads the set.
    let result = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const cores) };
    assert_eq!(result, 0, "the cores are there");
}

/// Nobody counts.
pub fn counts() -> Option<Counts> {
    None
}

/// What is compared with Linux runs in QEMU.
pub fn condition() -> Option<Condition> {
    None
}

/// See [`condition`].
pub fn count_cycles() {}

/// See [`condition`].
pub fn cycles() -> u64 {
    0
}

/// Maps so many bytes of new pages.
pub fn map(bytes: usize) -> *mut u8 {
    // SAFETY: maps what nobody has.
    let pages =
        unsafe { libc::mmap(ptr::null_mut(), bytes, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
    assert_ne!(pages, libc::MAP_FAILED, "there is memory");
    pages.cast()
}

/// Unmaps what [`map`] gave.
pub fn unmap(pages: *mut u8, bytes: usize) {
    // SAFETY: nobody uses these pages any more.
    assert_eq!(unsafe { libc::munmap(pages.cast(), bytes) }, 0, "it is mapped");
}
