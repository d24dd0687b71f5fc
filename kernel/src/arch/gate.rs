//! The moves of a gate's word: a lock that shows a number while nobody holds it ([`skete_logic::sysv::sem::Gate`]).
//!
//! Bit 31 says that somebody holds it. Bit 0 is turned round with it, so that a held gate shows no number that leads to its place.
//! Written out: one comparison asks both whether the lock is free and what it shows, and who must wait does so on the monitor that LDAXR
//! set, which the store that frees the lock clears.
#![allow(unsafe_code, reason = "exclusive loads and stores")]

use core::arch::asm;
use core::sync::atomic::AtomicU32;

/// What is turned round in a gate's word while it is held.
const HELD: u32 = 0x8000_0001;

/// Takes `gate` if it is free and shows `number`. Acquires.
#[inline(always)]
pub fn take_at(gate: &AtomicU32, number: u32) -> bool {
    // SAFETY: an atomic word, changed by an exclusive pair.
    unsafe {
        asm!(
            "2:",
            "ldaxr {seen:w}, [{gate}]",
            "cmp {seen:w}, {number:w}",
            "b.ne {refuse}",
            "eor {seen:w}, {seen:w}, #{held}",
            "stxr {failed:w}, {seen:w}, [{gate}]",
            "cbnz {failed:w}, 2b",
            gate = in(reg) gate.as_ptr(),
            number = in(reg) number,
            seen = out(reg) _,
            failed = out(reg) _,
            held = const HELD,
            refuse = label { return false },
            options(nostack),
        );
    }
    true
}

/// Takes `gate` once it is free, whatever it shows. Acquires.
#[inline(always)]
pub fn take(gate: &AtomicU32) {
    // SAFETY: as in `take_at`.
    unsafe {
        asm!(
            "2: ldaxr {seen:w}, [{gate}]",
            "tbz {seen:w}, #31, 3f",
            "wfe",
            "b 2b",
            "3: eor {seen:w}, {seen:w}, #{held}",
            "stxr {failed:w}, {seen:w}, [{gate}]",
            "cbnz {failed:w}, 2b",
            gate = in(reg) gate.as_ptr(),
            seen = out(reg) _,
            failed = out(reg) _,
            held = const HELD,
            options(nostack, preserves_flags),
        );
    }
}
