//! What lies below the kernel: PSCI by HVC or SMC, and QEMU's semihosting.
#![allow(unsafe_code, reason = "calls into firmware and the emulator")]

use core::arch::asm;

/// How PSCI is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduit {
    /// HVC.
    Hvc,
    /// SMC.
    Smc,
}

/// Calls PSCI function `function` (SMC Calling Convention): the result is what the firmware left in X0.
pub fn psci(conduit: Conduit, function: u32, a: u64, b: u64, c: u64) -> i64 {
    let mut result = u64::from(function);
    // SAFETY: the convention says which registers the call may change; all are listed.
    unsafe {
        match conduit {
            Conduit::Hvc => {
                asm!("hvc #0", inout("x0") result, inout("x1") a => _, inout("x2") b => _, inout("x3") c => _, clobber_abi("C"))
            }
            Conduit::Smc => {
                asm!("smc #0", inout("x0") result, inout("x1") a => _, inout("x2") b => _, inout("x3") c => _, clobber_abi("C"))
            }
        }
    }
    result.cast_signed()
}

/// Asks QEMU's semihosting for `operation` with the parameter block at `parameter`; its answer.
///
/// Only where QEMU was started with `-semihosting`: elsewhere the instruction is undefined.
pub fn semihost(operation: u64, parameter: usize) -> i64 {
    let mut result = operation;
    // SAFETY: HLT #0xF000 changes X0 alone (Arm semihosting specification); the block is the caller's memory.
    unsafe { asm!("hlt #0xf000", inout("x0") result, in("x1") parameter, options(nostack)) };
    result.cast_signed()
}
