//! Reads memory that may not be there: one load, with a fix-up that the fault handler knows.
#![allow(unsafe_code, reason = "one load of an address that the application chose")]

use core::arch::{asm, naked_asm};

/// A word, or the news that it could not be read.
#[repr(C)]
struct Word {
    value: u64,
    failed: u64,
}

#[unsafe(naked)]
unsafe extern "C" fn load(address: usize) -> Word {
    naked_asm!("ldr w0, [x0]", "mov x1, #0", "ret")
}

#[unsafe(naked)]
unsafe extern "C" fn load_failed() -> Word {
    naked_asm!("mov x1, #1", "ret")
}

/// The 32-bit word at `address`, or `None` if nothing is mapped there. Memory reserved but not touched yet gets mapped.
#[inline]
pub fn read_word(address: usize) -> Option<u32> {
    // SAFETY: the load either succeeds or `fix_up` sends it to `load_failed`.
    let word = unsafe { load(address) };
    #[allow(clippy::cast_possible_truncation, reason = "`ldr w` zero-extends")]
    (word.failed == 0).then_some(word.value as u32)
}

/// Whether the translation tables have something readable at `address` now.
pub fn is_mapped(address: u64) -> bool {
    let before = super::cpu::mask();
    let result: u64;
    // SAFETY: asks this core's walker (AT S1E1R) and reads its answer, with nothing in between.
    unsafe { asm!("at s1e1r, {}", "isb", "mrs {}, par_el1", in(reg) address, out(reg) result, options(nostack, preserves_flags)) };
    super::cpu::unmask(before);
    result & 1 == 0
}

/// [`read_word`] for one that may not fault, on a core's own stack: what is not mapped now is not there.
pub fn read_quietly(address: u64) -> Option<u32> {
    // SAFETY: mapped, and a word does not cross a page.
    (address.is_multiple_of(4) && is_mapped(address)).then(|| unsafe { (address as *const u32).read_volatile() })
}

/// Where a fault at `pc` goes on, if that instruction is allowed to fault.
pub fn fix_up(pc: u64) -> Option<u64> {
    (pc == load as *const () as u64).then_some(load_failed as *const () as u64)
}
