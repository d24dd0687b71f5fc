//! What loops that spin do in each round.
#![allow(unsafe_code, reason = "one instruction")]

use std::arch::asm;
use std::hint::black_box;

/// Spins one round. `yield`, not `isb` as in `std::hint::spin_loop`: under `--icount` it passes the emulator's turn to the next core.
pub fn pause() {
    // SAFETY: a hint, which changes nothing.
    unsafe { asm!("yield", options(nomem, nostack, preserves_flags)) };
}

/// Computes for a microsecond or so, then [pauses](pause): for who takes all the time there is. A look at the clock, or a pause, costs the
/// emulator as much as a thousand other instructions.
pub fn compute() {
    (0..1000).for_each(|round| {
        black_box(round);
    });
    pause();
}
