//! The ways out when there is no program to jump to.
#![allow(
    unsafe_code,
    reason = "QEMU and the power firmware are called by instructions"
)]

use core::arch::asm;

use super::console::Console;
use super::memory;
use skete_drivers::firmware::{self, Machine};
use skete_drivers::psci::{Conduit, Psci};
use skete_drivers::semihosting::{Host, Operation, Trap};

/// QEMU's exit status for a refusal.
const REFUSED: u32 = 1;

struct Qemu;

impl Trap for Qemu {
    fn trap(&self, operation: Operation, parameters: &[u64]) -> i64 {
        let answer;
        // SAFETY: a boot option says that QEMU listens; it reads and writes no more than the operation says.
        unsafe {
            asm!("hlt #0xf000", inout("x0") operation as u64 => answer, in("x1") parameters.as_ptr(), options(nostack));
        }
        answer
    }
}

/// The power firmware, by the instruction that the devicetree names.
struct Power(firmware::Conduit);

impl Conduit for Power {
    fn call(&self, function: u32, [one, two, three]: [u64; 3]) -> u64 {
        let function = u64::from(function);
        let answer;
        match self.0 {
            // SAFETY: the devicetree says that PSCI listens; the calling convention says which registers are lost.
            firmware::Conduit::Hvc => unsafe {
                asm!("hvc #0", inout("x0") function => answer, in("x1") one, in("x2") two, in("x3") three, clobber_abi("C"));
            },
            // SAFETY: as above.
            firmware::Conduit::Smc => unsafe {
                asm!("smc #0", inout("x0") function => answer, in("x1") one, in("x2") two, in("x3") three, clobber_abi("C"));
            },
        }
        answer
    }
}

/// Ends the machine's run, where there is a way: QEMU by its semihosting, if a boot option says so, else `virt` by PSCI.
pub fn leave(machine: &Machine<'_>, is_semihosted: bool) {
    if is_semihosted {
        Host::new(Qemu).exit(REFUSED);
    }
    if let Some(conduit) = machine.psci {
        Psci::new(Power(conduit)).power_off();
    }
}

/// A mistake of the loader's own. It says so and stops; where it was would take a fifth of the loader's size to tell.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    let console = Console::guess(memory::range(b"here").start);
    console.say("skete-loader: an error of its own\n");
    console.flush();
    loop {
        // SAFETY: waits.
        unsafe { asm!("wfi", options(nomem, nostack)) };
    }
}
