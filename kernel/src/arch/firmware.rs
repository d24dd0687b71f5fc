//! What lies below the kernel: PSCI by HVC or SMC, and QEMU's semihosting. The instructions alone: what is asked for is
//! [`skete_drivers::psci`]'s and [`skete_drivers::semihosting`]'s to know.
#![allow(unsafe_code, reason = "calls into firmware and the emulator")]

use core::arch::asm;

use skete_drivers::firmware::Conduit;
use skete_drivers::psci;
use skete_drivers::semihosting::{Operation, Trap};

/// PSCI behind the instruction that the firmware named.
#[derive(Clone, Copy, Debug)]
pub struct Psci(pub Conduit);

impl psci::Conduit for Psci {
    fn call(&self, function: u32, arguments: [u64; 3]) -> u64 {
        let mut result = u64::from(function);
        let [a, b, c] = arguments;
        match self.0 {
            Conduit::Hvc => {
                // SAFETY: the SMC Calling Convention says which registers the call may change; all are listed.
                unsafe { asm!("hvc #0", inout("x0") result, inout("x1") a => _, inout("x2") b => _, inout("x3") c => _, clobber_abi("C")) };
            }
            Conduit::Smc => {
                // SAFETY: as above.
                unsafe { asm!("smc #0", inout("x0") result, inout("x1") a => _, inout("x2") b => _, inout("x3") c => _, clobber_abi("C")) };
            }
        }
        result
    }
}

/// The emulator. Only where QEMU was started with `-semihosting`: elsewhere the instruction is undefined.
#[derive(Clone, Copy, Debug)]
pub struct Emulator;

impl Trap for Emulator {
    fn trap(&self, operation: Operation, parameters: &[u64]) -> i64 {
        let mut result = operation as u64;
        // SAFETY: HLT #0xF000 changes X0 alone (Arm semihosting specification), and reads the memory that the parameters name.
        unsafe { asm!("hlt #0xf000", inout("x0") result, in("x1") parameters.as_ptr(), options(nostack)) };
        result.cast_signed()
    }
}
