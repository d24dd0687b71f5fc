//! An ELF file of any bytes is loaded and relocated within its memory, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skete_loader::program::Plan;

/// A program may ask for 1 GiB: enough is seen of those that ask for less.
const MOST_BYTES: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    // As the loader has it: aligned.
    let mut file = vec![0u64; bytes.len().div_ceil(8)];
    for (word, chunk) in file.iter_mut().zip(bytes.chunks(8)) {
        let mut padded = [0; 8];
        padded[..chunk.len()].copy_from_slice(chunk);
        *word = u64::from_ne_bytes(padded);
    }
    // SAFETY: words are bytes.
    let (_, file, _) = unsafe { file.align_to::<u8>() };
    let Ok(plan) = Plan::new(&file[..bytes.len()]) else {
        return;
    };
    if plan.bytes > MOST_BYTES {
        return;
    }
    plan.fill(&mut vec![0; plan.bytes]);
    let _ = plan.relocate(&mut vec![0; plan.bytes / 8], 0x4000_0000);
});
