//! The difference of two `long double`, with which `printf` tells floating point: the compiler's library has the sum's code for it once
//! more, three kilobytes.
#![allow(unsafe_code, reason = "an exported name, in assembly: Rust has no such type yet")]

use core::arch::naked_asm;

/// `one − other`, which come and go in q0 and q1: the sum of `one` and the negative of `other` (IEEE 754-2019, 5.4.1).
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __subtf3() {
    naked_asm!("mov x0, v1.d[1]", "eor x0, x0, #0x8000000000000000", "mov v1.d[1], x0", "b __addtf3")
}
