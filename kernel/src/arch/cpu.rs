//! Masking, waiting, barriers, the core's number and the system counter.
#![allow(unsafe_code, reason = "each function is one or two instructions")]

use core::arch::asm;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use aarch64_cpu::asm::barrier;
use aarch64_cpu::registers::{CNTFRQ_EL0, CNTV_CTL_EL0, CNTV_CVAL_EL0, MPIDR_EL1, Readable, Writeable};

/// Cores that a board has at most.
pub const CORES: usize = 4;

/// Interrupt masking as it was before [`mask`]: DAIF's bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Masking(u64);

const IRQ_MASKED: u64 = 1 << 7;

/// Masks IRQs on this core and tells what was masked before.
#[inline(always)]
pub fn mask() -> Masking {
    let daif: u64;
    // SAFETY: masking interrupts breaks nobody; memory is clobbered so that nothing moves out of the masked part.
    unsafe { asm!("mrs {}, daif", "msr daifset, #2", out(reg) daif, options(nostack, preserves_flags)) };
    Masking(daif)
}

/// Puts back what [`mask`] told.
#[inline(always)]
pub fn unmask(before: Masking) {
    // SAFETY: `before` came from `mask` on this thread.
    unsafe { asm!("msr daif, {}", in(reg) before.0, options(nostack, preserves_flags)) };
}

/// Whether IRQs are masked: true inside the kernel's spin locks and in exception handlers, never in an application's code.
#[inline(always)]
pub fn is_masked() -> bool {
    let daif: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, daif", out(reg) daif, options(nomem, nostack, preserves_flags)) };
    daif & IRQ_MASKED != 0
}

/// Whether this is an exception handler or the switch: on the core's own stack (SPSel = 1), no thread.
#[inline]
pub fn is_on_core_stack() -> bool {
    let select: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, spsel", out(reg) select, options(nomem, nostack, preserves_flags)) };
    select != 0
}

/// This core's number, 0–3 (MPIDR_EL1.Aff0).
#[inline]
pub fn number() -> usize {
    (MPIDR_EL1.get() & 3) as usize
}

/// The address in TPIDR_EL1: this core's block. Volatile: it differs after a switch.
#[inline(always)]
pub fn core_block() -> usize {
    let block: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, tpidr_el1", out(reg) block, options(nostack, preserves_flags)) };
    block
}

/// Gives this core its block, and the code that runs now its record. Before that there is neither. A call, so that no
/// [`thread_record`] is read before it.
#[inline(never)]
pub fn set_blocks(core_block: usize, thread_record: usize) {
    // SAFETY: boot calls it first of all on each core, with what lives for ever.
    unsafe {
        asm!("msr tpidr_el1, {}", "msr tpidrro_el0, {}", in(reg) core_block, in(reg) thread_record, options(nostack, preserves_flags))
    };
}

/// The address in TPIDRRO_EL0: the running thread's record. A thread reads the same value all its life, on whatever core:
/// one reading may serve a whole function.
#[inline(always)]
pub fn thread_record() -> usize {
    let record: usize;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, tpidrro_el0", out(reg) record, options(pure, nomem, nostack, preserves_flags)) };
    record
}

/// TPIDR_EL0: the running thread's pointer to its thread-local storage.
#[inline(always)]
pub fn thread_pointer() -> u64 {
    let pointer: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, tpidr_el0", out(reg) pointer, options(pure, nomem, nostack, preserves_flags)) };
    pointer
}

/// Where thread record number 0 would be: written once, by boot, while nobody else runs; only read from then on.
static THREAD_RECORDS: AtomicUsize = AtomicUsize::new(0);

/// Tells every core where thread record number 0 would be. A call, so that no [`thread_records`] is read before it.
#[inline(never)]
pub fn set_thread_records(table: usize) {
    THREAD_RECORDS.store(table, Ordering::Relaxed);
}

/// What [`set_thread_records`] told. It never changes: one reading may serve a whole function, whatever that stores.
#[inline(always)]
pub fn thread_records() -> usize {
    let table: usize;
    // SAFETY: reads a word that is there. `nomem`, for nobody changes it after boot.
    unsafe {
        asm!(
            "adrp {table}, {word}", "ldr {table}, [{table}, :lo12:{word}]",
            table = out(reg) table, word = sym THREAD_RECORDS, options(pure, nomem, nostack, preserves_flags),
        );
    };
    table
}

/// Lets this core count its cycles from now on, at every exception level (Arm ARM D13.4, PMCR_EL0, PMCNTENSET_EL0, PMCCFILTR_EL0).
pub fn count_cycles() {
    // Enabled, and 64 bits wide.
    const ENABLED: u64 = 1 << 0 | 1 << 6;
    const CYCLE_COUNTER: u64 = 1 << 31;
    // SAFETY: nobody else uses the counters; EL2 was left so that it does not trap them.
    unsafe {
        asm!(
            "msr pmccfiltr_el0, xzr", "mrs {old}, pmcr_el0", "orr {old}, {old}, {enabled}", "msr pmcr_el0, {old}",
            "msr pmcntenset_el0, {counter}", "isb",
            old = out(reg) _, enabled = in(reg) ENABLED, counter = in(reg) CYCLE_COUNTER, options(nostack, preserves_flags),
        );
    };
}

/// Cycles that this core has counted since [`count_cycles`]; none pass while it sleeps in WFI.
#[inline(always)]
pub fn cycles() -> u64 {
    let cycles: u64;
    // SAFETY: reads a register. The barrier, so that what comes before is counted and what comes behind is not.
    unsafe { asm!("isb", "mrs {}, pmccntr_el0", out(reg) cycles, options(nostack, preserves_flags)) };
    cycles
}

/// Sleeps until an interrupt is pending, masked or not.
#[inline]
pub fn wait_for_interrupt() {
    barrier::dsb(barrier::SY);
    aarch64_cpu::asm::wfi();
}

/// Sleeps while `word` is not 0. Whoever stores to it ends the sleep: the exclusive load arms this core's monitor, which that store clears.
/// After a plain load WFE would have nothing to wait for (Arm ARM B2.9.4, D1.6).
#[cold]
pub fn wait_for_zero(word: &AtomicU32) {
    // SAFETY: loads an atomic word, and waits.
    unsafe {
        asm!(
            "2: ldxr {seen:w}, [{word}]",
            "cbz {seen:w}, 3f",
            "wfe",
            "b 2b",
            "3: clrex",
            word = in(reg) word.as_ptr(),
            seen = out(reg) _,
            options(nostack, preserves_flags),
        );
    }
}

/// Passes the turn on, in QEMU; a hint to the board. For waits that must look at the clock too.
#[inline(always)]
pub fn pass_turn() {
    // SAFETY: a hint.
    unsafe { asm!("yield", options(nomem, nostack, preserves_flags)) };
}

/// Orders every store before it ahead of an interrupt or event sent after it.
#[inline]
pub fn publish() {
    barrier::dsb(barrier::ISHST);
}

/// Stops this core for good, in its lowest power state.
pub fn halt() -> ! {
    mask();
    loop {
        wait_for_interrupt();
    }
}

/// The system counter (CNTVCT_EL0), in ticks.
#[inline(always)]
pub fn ticks() -> u64 {
    let ticks: u64;
    // SAFETY: reads a register; the barrier keeps the reading from moving ahead of what it is to time.
    unsafe { asm!("isb", "mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags)) };
    ticks
}

/// The system counter without a barrier before it: may be read early, by some tens of nanoseconds.
#[inline(always)]
pub fn ticks_about() -> u64 {
    let ticks: u64;
    // SAFETY: reads a register.
    unsafe { asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack, preserves_flags)) };
    ticks
}

/// The system counter's rate in Hz: 19.2 MHz on the Pi 3, 62.5 MHz in QEMU.
pub fn tick_rate() -> u64 {
    CNTFRQ_EL0.get()
}

/// Lets this core's virtual timer interrupt when the counter reaches `at` ticks.
#[inline]
pub fn arm_timer(at: u64) {
    CNTV_CVAL_EL0.set(at);
    CNTV_CTL_EL0.set(1);
}

/// Stops this core's virtual timer.
#[inline]
pub fn disarm_timer() {
    CNTV_CTL_EL0.set(0);
}

/// Cleans and invalidates the cache lines of `start..start + bytes` to the point of coherency (DC CIVAC: erratum 855873 makes DC CVAC
/// unsafe on the Pi's cores).
pub fn clean_to_memory(start: usize, bytes: usize) {
    const LINE: usize = 64;
    let mut line = start & !(LINE - 1);
    while line < start + bytes {
        // SAFETY: cleaning a line of mapped memory changes no content.
        unsafe { asm!("dc civac, {}", in(reg) line, options(nostack, preserves_flags)) };
        line += LINE;
    }
    barrier::dsb(barrier::SY);
}

/// Bytes that DC ZVA zeroes at once on a Cortex-A53 (DCZID_EL0 is 4).
const ZEROED_AT_ONCE: usize = 64;

/// Zeroes the 4 KiB page at `page`, a cache line an instruction.
///
/// # Safety
/// The page is the caller's, mapped as Normal memory.
pub unsafe fn zero_page(page: usize) {
    for line in (page..page + 4096).step_by(ZEROED_AT_ONCE) {
        // SAFETY: the caller's promise.
        unsafe { asm!("dc zva, {}", in(reg) line, options(nostack, preserves_flags)) };
    }
}

/// Wakes every core that waits for an event, after all stores before it.
pub fn send_event() {
    barrier::dsb(barrier::SY);
    aarch64_cpu::asm::sev();
}

impl Masking {
    /// Whether IRQs come in: the code that masked them was not inside a spin lock or a handler.
    #[inline]
    pub fn lets_irqs_in(self) -> bool {
        self.0 & IRQ_MASKED == 0
    }
}
