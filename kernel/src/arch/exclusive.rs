//! The moves of a futaphore's word, as the program makes them: an exclusive load, one sum, one test, an exclusive store.
//!
//! Written out for ARMv8.0, which has no LDADD: a compare-and-swap of the compiler's would be three instructions longer. Inlined into the
//! program. What the test means is in [`skete_logic::futaphore`]. Between the load and the store there is no other access of memory, so the
//! store fails only if another core stored to the same 64 bytes, or an exception came between.
#![allow(unsafe_code, reason = "exclusive loads and stores")]

use core::arch::asm;
use core::sync::atomic::AtomicU64;

/// Takes one from `word`, unless bit `REFUSED` of the difference is set. Acquires and releases.
///
/// # Errors
/// The word that did not allow it.
#[inline(always)]
pub fn lower<const REFUSED: u32>(word: &AtomicU64) -> Result<(), u64> {
    let seen: u64;
    // SAFETY: an atomic word, changed by an exclusive pair; registers that LDAXR writes are not those that STLXR reads again.
    unsafe {
        asm!(
            "2:",
            "ldaxr {seen}, [{word}]",
            "sub {new}, {seen}, #1",
            "tbnz {new}, #{refused}, {refuse}",
            "stlxr {failed:w}, {new}, [{word}]",
            "cbnz {failed:w}, 2b",
            word = in(reg) word.as_ptr(),
            seen = out(reg) seen,
            new = out(reg) _,
            failed = out(reg) _,
            refused = const REFUSED,
            refuse = label { return Err(seen) },
            options(nostack, preserves_flags),
        );
    }
    Ok(())
}

/// Adds one to `word`, unless bit `REFUSED` of the sum is set. Acquires and releases.
///
/// # Errors
/// The word that did not allow it.
#[inline(always)]
pub fn raise<const REFUSED: u32>(word: &AtomicU64) -> Result<(), u64> {
    let seen: u64;
    // SAFETY: as in `lower`.
    unsafe {
        asm!(
            "2:",
            "ldaxr {seen}, [{word}]",
            "add {new}, {seen}, #1",
            "tbnz {new}, #{refused}, {refuse}",
            "stlxr {failed:w}, {new}, [{word}]",
            "cbnz {failed:w}, 2b",
            word = in(reg) word.as_ptr(),
            seen = out(reg) seen,
            new = out(reg) _,
            failed = out(reg) _,
            refused = const REFUSED,
            refuse = label { return Err(seen) },
            options(nostack, preserves_flags),
        );
    }
    Ok(())
}
