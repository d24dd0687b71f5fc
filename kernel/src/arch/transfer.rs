//! Copies from and to memory that may not be there, with fix-ups that the fault handler knows.
//!
//! Not for use under a spin lock: memory reserved but not touched yet gets mapped on the way.
#![allow(unsafe_code, reason = "loads and stores at addresses that the application chose")]

use core::arch::{asm, naked_asm};
use core::mem::MaybeUninit;

/// Loads a word and the halfword behind it to X0, 0 to X1.
#[unsafe(naked)]
unsafe extern "C" fn load_six() {
    naked_asm!("ldr w1, [x0]", "ldrh w0, [x0, #4]", "orr x0, x1, x0, lsl #32", "mov x1, #0", "ret")
}

#[unsafe(naked)]
unsafe extern "C" fn load_failed() {
    naked_asm!("mov x1, #1", "ret")
}

/// The six bytes at `address`, the first one lowest, or `None` if they are not all mapped.
#[inline(always)]
pub fn read_six(address: usize) -> Option<u64> {
    let (value, failed): (u64, u64);
    // SAFETY: each load either succeeds or `fix_up` sends it to `load_failed`; neither touches another register than these.
    unsafe { asm!("bl {}", sym load_six, inout("x0") address => value, out("x1") failed, out("x30") _, options(readonly, nostack)) };
    (failed == 0).then_some(value)
}

/// Copies `bytes` bytes; 0 if they cannot all be read and written. The second instruction reads, the third writes.
#[unsafe(naked)]
unsafe extern "C" fn copy(to: usize, from: usize, bytes: usize) -> u64 {
    naked_asm!("cbz x2, 2f", "1: ldrb w3, [x1], #1", "strb w3, [x0], #1", "subs x2, x2, #1", "b.ne 1b", "2: mov x0, #1", "ret")
}

#[unsafe(naked)]
unsafe extern "C" fn copy_failed() -> u64 {
    naked_asm!("mov x0, #0", "ret")
}

/// Fills `into` from `address`; false if something there cannot be read.
pub fn read_bytes(address: usize, into: &mut [MaybeUninit<u8>]) -> bool {
    // SAFETY: writes `into` alone; a read that fails is sent to `copy_failed`.
    unsafe { copy(into.as_mut_ptr() as usize, address, into.len()) != 0 }
}

/// Writes `from` to `address`; false if something there cannot be written, and then some of it may be.
///
/// # Safety
/// What is mapped there is the program's, and it wants it written.
pub unsafe fn write_bytes(address: usize, from: &[u8]) -> bool {
    // SAFETY: the caller's promise; a write that fails is sent to `copy_failed`.
    unsafe { copy(address, from.as_ptr() as usize, from.len()) != 0 }
}

/// Where a fault at `pc` goes on, if that instruction is one of these.
pub fn fix_up(pc: u64) -> Option<u64> {
    let start_of = |function: *const ()| function as u64;
    let (six, copy) = (start_of(load_six as *const ()), start_of(copy as *const ()));
    if pc == six || pc == six + 4 {
        return Some(start_of(load_failed as *const ()));
    }
    (pc == copy + 4 || pc == copy + 8).then_some(start_of(copy_failed as *const ()))
}
