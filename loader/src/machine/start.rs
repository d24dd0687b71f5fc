//! The first instructions: the arm64 `Image` header, and from any entry state to Rust.
//!
//! The firmware enters at EL1, EL2 or EL3, MMU off, at whatever address it loaded the image to (BCM2837: 0x80000 or 0x200000, `virt`:
//! 0x40200000), x0 = its description. The exception level is left to the kernel. Other cores come here only if an ELF loader started
//! all at once: they wait for the kernel as the Pi's firmware would have let them, polling their word of the spin table, with code in
//! page 0, since the loader's own memory is free later on.
#![allow(unsafe_code, reason = "two symbols' distance is computed in assembly")]

use core::arch::global_asm;
use core::ops::Range;

/// The stack is this much memory below the image: there it costs the file nothing, and a ramdisk that the firmware puts right
/// behind the file is safe from it.
const STACK_BYTES: u64 = 64 << 10;

/// Where the stack is, below an image that starts here.
pub fn stack(image_start: u64) -> Range<u64> {
    image_start.saturating_sub(STACK_BYTES)..image_start
}

global_asm!(
    ".section .head.text, \"ax\"",
    ".globl _start",
    "_start:",
    "    b       1f",
    "    .long   0",
    "    .quad   0",         // text_offset: the firmware's choice
    "    .quad   image_bytes", // image_size: rewritten when a payload is appended
    "    .quad   0b1010",    // little-endian, 4 KiB pages, anywhere in memory
    "    .quad   0, 0, 0",
    "    .ascii  \"ARM\\x64\"",
    "    .long   0",
    "1:  msr     daifset, #0xf",
    "    mrs     x1, mpidr_el1",
    "    ands    x1, x1, #0xff",
    "    b.ne    3f",
    "    msr     spsel, #1",
    "    adr     x1, _start",
    "    mov     sp, x1",
    // Linked at 0: each relocation is R_AARCH64_RELATIVE, {place, kind, addend}.
    "    adrp    x2, relocations_start",
    "    add     x2, x2, :lo12:relocations_start",
    "    adrp    x3, relocations_end",
    "    add     x3, x3, :lo12:relocations_end",
    "2:  cmp     x2, x3",
    "    b.hs    {rust}",
    "    ldp     x4, x5, [x2], #16",
    "    ldr     x6, [x2], #8",
    "    add     x6, x6, x1",
    "    str     x6, [x1, x4]",
    "    b       2b",
    // Another core: all of them copy the same six instructions, so it does not matter who is first.
    "3:  adr     x2, 4f",
    "    mov     x3, #{park}",
    "    ldp     x4, x5, [x2]",
    "    ldp     x6, x7, [x2, #16]",
    "    stp     x4, x5, [x3]",
    "    stp     x6, x7, [x3, #16]",
    "    dc      cvau, x3",
    "    dsb     sy",
    "    ic      iallu",
    "    dsb     sy",
    "    isb",
    "    mov     x0, xzr",
    "    br      x3",
    "    .balign 8",
    "4:  wfe",
    "    mov     x5, #{slots}",
    "    ldr     x4, [x5, x1, lsl #3]",
    "    cbz     x4, 4b",
    "    mov     x1, xzr",
    "    br      x4",
    "    nop",
    "    nop",
    ".previous",
    rust = sym enter,
    park = const PARK,
    slots = const SPIN_TABLE,
);

/// Where other cores wait: behind the firmware's own code and words, which end at 0x100, and its description from there.
const PARK: u64 = 0xF00;
/// The 64-bit word of core 0; one per core (Raspberry Pi `armstub8`).
const SPIN_TABLE: u64 = 0xD8;

/// Rust's side: x0 and x1 as the assembly left them.
extern "C" fn enter(firmware: u64, image_start: u64) -> ! {
    let image_bytes: u64;
    // SAFETY: computes the distance of two addresses.
    unsafe {
        core::arch::asm!(
            "adrp {end}, image_end",
            "add {end}, {end}, :lo12:image_end",
            "sub {end}, {end}, {start}",
            end = out(reg) image_bytes,
            start = in(reg) image_start,
            options(pure, nomem, nostack),
        );
    }
    super::run(firmware, image_start..image_start + image_bytes)
}
