//! What a loop that spins does in each round.
#![allow(unsafe_code, reason = "one instruction")]

use std::arch::asm;

/// Spins one round. `yield`, not `isb` as in `std::hint::spin_loop`: under `--icount` it passes the emulator's turn to the next core.
pub fn pause() {
    // SAFETY: a hint, which changes nothing.
    unsafe { asm!("yield", options(nomem, nostack, preserves_flags)) };
}
