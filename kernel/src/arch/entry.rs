//! First instructions of every core: down to EL1, MMU and caches on, a stack, then Rust.
//!
//! Core 0 comes from the loader with x0 = what the firmware gave, x1 = the [`skete_abi::boot::Handover`]. It maps the program's own
//! 2 MiB blocks with a table of two pages, enough to run Rust, which then builds the real one. The other cores come from the spin table or
//! from PSCI and use the real one at once. No Rust runs, and no atomic access is made, before the MMU is on: exclusives need
//! cacheable memory, and compiled code may use V registers, which CPACR_EL1 must allow first.
#![allow(unsafe_code, reason = "the first instructions of every core")]

use core::arch::naked_asm;
use core::mem::size_of;
use core::sync::atomic::{AtomicU64, Ordering};

use super::stacks::{EXCEPTION_STACKS, ExceptionStack, IDLE_STACKS, IdleStack};
use super::{cpu, mmu, vectors};

unsafe extern "C" {
    /// Core 0's Rust, with x0 and x1 as the loader gave them (`crate::start`).
    fn skete_boot_core();
    /// The other cores' Rust.
    fn skete_other_core();
}

#[repr(C, align(4096))]
struct Table([AtomicU64; 512]);

static EARLY_LEVEL_1: Table = Table([const { AtomicU64::new(0) }; 512]);
static EARLY_LEVEL_2: Table = Table([const { AtomicU64::new(0) }; 512]);

/// The level-1 table that the other cores start with, set and cleaned to memory by core 0 before it lets them go.
#[repr(C, align(64))]
pub struct SecondaryTable(pub AtomicU64);

/// See [`SecondaryTable`].
pub static SECONDARY_TABLE: SecondaryTable = SecondaryTable(AtomicU64::new(0));

/// Normal write-back, inner shareable, accessed, non-global, block.
const EARLY_BLOCK: u64 = 0xf01;

/// Core 0, from the loader.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn _start() -> ! {
    naked_asm!(
        "msr daifset, #15",
        "mov x20, x0",
        "mov x21, x1",
        "bl {drop}",
        "adrp x0, {l1}",
        "add x0, x0, :lo12:{l1}",
        "adrp x1, {l2}",
        "add x1, x1, :lo12:{l2}",
        "adrp x2, __ehdr_start",
        "lsr x3, x2, #30",
        "orr x4, x1, #3",
        "str x4, [x0, x3, lsl #3]",
        "lsr x2, x2, #21",
        "add x3, x21, #4095",
        "lsr x3, x3, #21",
        "mov x6, #{block}",
        "1: and x5, x2, #511",
        "orr x4, x6, x2, lsl #21",
        "str x4, [x1, x5, lsl #3]",
        "add x2, x2, #1",
        "cmp x2, x3",
        "b.ls 1b",
        "adrp x2, {main}",
        "add x2, x2, :lo12:{main}",
        "b {enter}",
        drop = sym drop_to_el1,
        enter = sym enter_rust,
        main = sym skete_boot_core,
        l1 = sym EARLY_LEVEL_1,
        l2 = sym EARLY_LEVEL_2,
        block = const EARLY_BLOCK,
    )
}

/// The other cores: from the spin table at EL2, or from PSCI.
#[unsafe(naked)]
pub unsafe extern "C" fn secondary_start() -> ! {
    naked_asm!(
        "msr daifset, #15",
        "bl {drop}",
        "adrp x0, {table}",
        "ldr x0, [x0, :lo12:{table}]",
        "orr x0, x0, #(1 << 48)",
        "adrp x2, {main}",
        "add x2, x2, :lo12:{main}",
        "b {enter}",
        drop = sym drop_to_el1,
        enter = sym enter_rust,
        main = sym skete_other_core,
        table = sym SECONDARY_TABLE,
    )
}

/// Turns the MMU on with table x0 (and its ASID), gives this core its exception stack and its idle thread's, and goes on at x2 with x20 and
/// x21 as arguments.
#[unsafe(naked)]
unsafe extern "C" fn enter_rust() -> ! {
    naked_asm!(
        "bl {enable}",
        "adrp x3, {vectors}",
        "add x3, x3, :lo12:{vectors}",
        "msr vbar_el1, x3",
        "mrs x5, mpidr_el1",
        "and x5, x5, #3",
        "add x5, x5, #1",
        "adrp x3, {exception_stacks}",
        "add x3, x3, :lo12:{exception_stacks}",
        "mov x4, #{exception_bytes}",
        "madd x3, x4, x5, x3",
        "msr spsel, #1",
        "mov sp, x3",
        "adrp x3, {idle_stacks}",
        "add x3, x3, :lo12:{idle_stacks}",
        "mov x4, #{idle_bytes}",
        "madd x3, x4, x5, x3",
        "msr spsel, #0",
        "mov sp, x3",
        "msr tpidr_el0, xzr",
        "msr fpcr, xzr",
        "msr fpsr, xzr",
        "mov x29, xzr",
        "mov x30, xzr",
        "mov x0, x20",
        "mov x1, x21",
        "isb",
        "br x2",
        enable = sym enable_mmu,
        vectors = sym vectors::skete_vectors,
        exception_stacks = sym EXCEPTION_STACKS,
        exception_bytes = const size_of::<ExceptionStack>(),
        idle_stacks = sym IDLE_STACKS,
        idle_bytes = const size_of::<IdleStack>(),
    )
}

/// Table x0 (with its ASID), attributes, caches: returns with the MMU on.
#[unsafe(naked)]
unsafe extern "C" fn enable_mmu() {
    naked_asm!(
        "ldr x1, ={mair}",
        "msr mair_el1, x1",
        "ldr x1, ={tcr}",
        "msr tcr_el1, x1",
        "msr ttbr0_el1, x0",
        "dsb sy",
        "isb",
        "tlbi vmalle1",
        "ic iallu",
        "dsb nsh",
        "isb",
        "ldr x1, ={sctlr}",
        "msr sctlr_el1, x1",
        "isb",
        "ret",
        mair = const mmu::MAIR,
        tcr = const mmu::TCR,
        sctlr = const mmu::SCTLR,
    )
}

/// From EL3, EL2 or EL1 to EL1h, every register that decides what EL1 may do written whole: they are UNKNOWN at reset (Arm ARM). Returns
/// to x30; uses x0–x3.
#[unsafe(naked)]
unsafe extern "C" fn drop_to_el1() {
    naked_asm!(
        "mrs x0, CurrentEL",
        "cmp x0, #(2 << 2)",
        "b.lo 1f",
        "b.eq 2f",
        // EL3: non-secure, EL2 is AArch64, HVC on, SMC off; FP and the GIC's registers not trapped; this core takes part in coherency.
        "mov x0, #0x5b1",
        "msr scr_el3, x0",
        "msr cptr_el3, xzr",
        "msr mdcr_el3, xzr",
        "mrs x0, s3_1_c15_c2_1",
        "orr x0, x0, #(1 << 6)",
        "msr s3_1_c15_c2_1, x0",
        "mrs x0, id_aa64pfr0_el1",
        "tst x0, #(15 << 24)",
        "b.eq 3f",
        "mov x0, #15",
        "msr s3_6_c12_c12_5, x0",
        "isb",
        "3: mov x0, #0x3c9",
        "msr spsr_el3, x0",
        "adr x0, 2f",
        "msr elr_el3, x0",
        "eret",
        // EL2
        "2: mrs x0, midr_el1",
        "msr vpidr_el2, x0",
        "mrs x0, mpidr_el1",
        "msr vmpidr_el2, x0",
        "mov x0, #3",
        "msr cnthctl_el2, x0",
        "msr cntvoff_el2, xzr",
        "mov x0, #0x33ff",
        "msr cptr_el2, x0",
        "msr hstr_el2, xzr",
        "msr vttbr_el2, xzr",
        "mrs x0, pmcr_el0",
        "ubfx x0, x0, #11, #5",
        "msr mdcr_el2, x0",
        "mov x0, #0x80000000",
        "msr hcr_el2, x0",
        "mrs x0, id_aa64pfr0_el1",
        "tst x0, #(15 << 24)",
        "b.eq 4f",
        "mov x0, #15",
        "msr s3_4_c12_c9_5, x0",
        "isb",
        "msr s3_4_c12_c11_0, xzr",
        "4: adrp x0, {vectors}",
        "add x0, x0, :lo12:{vectors}",
        "msr vbar_el2, x0",
        "ldr x0, =0x30d00800",
        "msr sctlr_el1, x0",
        "mov x0, #0x3c5",
        "msr spsr_el2, x0",
        "adr x0, 1f",
        "msr elr_el2, x0",
        "eret",
        // EL1
        "1: ldr x0, =0x30d00800",
        "msr sctlr_el1, x0",
        "mov x0, #(3 << 20)",
        "msr cpacr_el1, x0",
        "msr cntkctl_el1, xzr",
        "msr cntv_ctl_el0, xzr",
        "msr mdscr_el1, xzr",
        "msr contextidr_el1, xzr",
        "msr spsel, #1",
        "isb",
        "ret",
        vectors = sym vectors::skete_vectors,
    )
}

/// The address at which a core other than 0 enters.
pub fn secondary_address() -> u64 {
    debug_assert!(cpu::CORES == 4);
    secondary_start as *const () as u64
}

/// Maps the 2 MiB blocks of `start..start + bytes` in the early table, as far as they lie in the image's GiB. Only for boot, before the
/// real tables: entries that were invalid need no more than a barrier.
pub fn map_early(start: u64, bytes: u64) {
    const BLOCK: u64 = 2 << 20;
    let image = (&raw const EARLY_LEVEL_2) as u64;
    let mut address = start / BLOCK * BLOCK;
    while address < start + bytes {
        let entry = &EARLY_LEVEL_2.0[(address / BLOCK % 512) as usize];
        if address >> 30 == image >> 30 && entry.load(Ordering::Relaxed) == 0 {
            entry.store(address | EARLY_BLOCK, Ordering::Relaxed);
        }
        address += BLOCK;
    }
    mmu::publish_entry();
}
