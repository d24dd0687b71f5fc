//! An ELF file of any bytes is loaded and relocated within its memory, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_loader::program::Plan;

/// A program may ask for 1 GiB: enough is seen of those that ask for less.
const MOST_BYTES: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    // As the loader has it: aligned, as every allocation of this size is.
    let file = bytes.to_vec();
    let Ok(plan) = Plan::new(&file) else { return };
    if plan.bytes > MOST_BYTES {
        return;
    }
    plan.fill(&mut vec![0; plan.bytes]);
    let _ = plan.relocate(&mut vec![0; plan.bytes / 8], 0x4000_0000);
});
