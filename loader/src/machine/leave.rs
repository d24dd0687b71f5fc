//! The ways out when there is no program to jump to.

use core::arch::asm;

use skete_drivers::firmware::Machine;

/// QEMU's exit status for a refusal.
const REFUSED: u64 = 1;

/// Ends the machine's run.
pub fn leave(_machine: &Machine<'_>, is_semihosted: bool) -> ! {
    if is_semihosted {
        let block = [0x2_0026, REFUSED];
        // SAFETY: the option says that QEMU listens.
        unsafe { asm!("hlt #0xf000", in("w0") 0x20, in("x1") block.as_ptr(), options(nostack)) };
    }
    loop {
        // SAFETY: waits.
        unsafe { asm!("wfi", options(nomem, nostack)) };
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        // SAFETY: waits.
        unsafe { asm!("wfi", options(nomem, nostack)) };
    }
}
