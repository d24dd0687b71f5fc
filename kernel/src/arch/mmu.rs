//! Switches translation tables and forgets old translations.
#![allow(unsafe_code, reason = "translation registers")]

use core::arch::asm;

use aarch64_cpu::asm::barrier;

/// MAIR_EL1: 0 Normal write-back, 1 Device-nGnRE, 2 Normal non-cacheable, 3 Device-nGnRnE.
pub const MAIR: u64 = 0x0044_04ff;
/// TCR_EL1: 39-bit addresses from TTBR0, 4 KiB pages, walks write-back and inner shareable, 4 GiB of physical memory, no TTBR1.
pub const TCR: u64 = 0x0080_3519;
/// Of more pages than a table of translations holds, all translations are forgotten at once.
const MOST_PAGES: u64 = 512;
/// SCTLR_EL1: MMU, caches, SP alignment checks; its RES1 bits.
pub const SCTLR: u64 = 0x30d0_181d;

/// Makes `table` (physical, 4 KiB aligned) the level-1 table of this core. Early entries carry ASID 0, these ASID 1, so that no
/// translation of one can meet one of the other.
///
/// # Safety
/// The table maps everything that runs and is used, at the same addresses with the same attributes.
pub unsafe fn switch_tables(table: u64) {
    let value = table | 1 << 48;
    barrier::dsb(barrier::ISHST);
    // SAFETY: the caller's promise.
    unsafe { asm!("msr ttbr0_el1, {0}", "isb", "tlbi vmalle1", "dsb nsh", "isb", in(reg) value, options(nostack, preserves_flags)) };
}

/// Makes a new entry visible to the walkers of all cores. Enough where the entry was invalid before: those are never cached.
#[inline]
pub fn publish_entry() {
    barrier::dsb(barrier::ISHST);
    barrier::isb(barrier::SY);
}

/// Forgets the translation of the page at `address` on every core.
pub fn forget(address: u64) {
    let page = address >> 12 & ((1 << 44) - 1);
    // SAFETY: a translation that is not cached is walked again.
    unsafe { asm!("dsb ishst", "tlbi vaae1is, {}", "dsb ish", "isb", in(reg) page, options(nostack, preserves_flags)) };
}

/// Forgets the translations of the pages of `range` on every core, with one wait for all.
pub fn forget_all(range: core::ops::Range<u64>) {
    let pages = range.start >> 12..range.end.div_ceil(1 << 12);
    barrier::dsb(barrier::ISHST);
    if pages.end - pages.start > MOST_PAGES {
        // SAFETY: as in `forget`.
        unsafe { asm!("tlbi vmalle1is", options(nostack, preserves_flags)) };
    } else {
        for page in pages {
            // SAFETY: as in `forget`.
            unsafe { asm!("tlbi vaae1is, {}", in(reg) page & ((1 << 44) - 1), options(nostack, preserves_flags)) };
        }
    }
    barrier::dsb(barrier::ISH);
    barrier::isb(barrier::SY);
}

/// Forgets cached instructions on every core: code was written.
pub fn forget_instructions() {
    // SAFETY: instructions that are not cached are fetched again.
    unsafe { asm!("ic ialluis", "dsb ish", "isb", options(nostack, preserves_flags)) };
}
