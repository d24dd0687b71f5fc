//! Leaves one thread and resumes another: the only place that changes SP and TPIDR_EL0.
//!
//! Inlinable Rust must never do it: the optimizer may keep a TLS address over an inlined switch. Both halves run with IRQs
//! masked. [`suspend`] and [`park`] call assembly that saves where the thread goes on, moves to the core's own stack and asks
//! `skete_leave` or `skete_park` who does; from then on any core may resume the thread that left.
#![allow(unsafe_code, reason = "the switch")]

use core::arch::{asm, global_asm, naked_asm};

use super::context::{Context, FPCR, KIND, PC, SP, TLS, V, X19, X29};

unsafe extern "C" {
    /// Who goes on (`crate::sched`).
    fn skete_leave(reason: u64) -> *const Context;
    /// Who goes on when the running thread sleeps (`crate::sched`).
    fn skete_park() -> *const Context;
    /// Ends the running thread (`crate::sched::spawn`).
    fn skete_end() -> !;
    /// Leaves, and asks `skete_leave` who goes on: below.
    fn skete_leave_for_a_reason(reason: u64);
    /// Leaves, and asks `skete_park` who goes on: below.
    fn skete_leave_asleep();
}

/// Calls `leave` with `reason` in x0. General registers may come back changed but for those that the compiler will not hand out (x19, x29):
/// the caller keeps what it needs, once, on its stack, and the switch saves none of it again. V8 to V15 come back as they were: the
/// compiler hardly ever uses them, and a caller that does not sleep after all is to save none of them.
macro_rules! call {
    ($leave:path, $reason:expr) => {
        asm!(
            "bl {leave}",
            leave = sym $leave,
            inout("x0") $reason => _,
            out("x1") _, out("x2") _, out("x3") _, out("x4") _, out("x5") _, out("x6") _, out("x7") _, out("x8") _, out("x9") _,
            out("x10") _, out("x11") _, out("x12") _, out("x13") _, out("x14") _, out("x15") _, out("x16") _, out("x17") _, out("x18") _,
            out("x20") _, out("x21") _, out("x22") _, out("x23") _, out("x24") _, out("x25") _, out("x26") _, out("x27") _, out("x28") _,
            out("x30") _, out("v0") _, out("v1") _, out("v2") _, out("v3") _, out("v4") _, out("v5") _, out("v6") _, out("v7") _,
            out("v16") _, out("v17") _, out("v18") _, out("v19") _, out("v20") _, out("v21") _, out("v22") _, out("v23") _,
            out("v24") _, out("v25") _, out("v26") _, out("v27") _, out("v28") _, out("v29") _, out("v30") _, out("v31") _,
        )
    };
}

/// Leaves the running thread for `reason` and comes back when it is resumed. IRQs are masked before and after.
///
/// # Safety
/// The caller is a thread and holds no spin lock.
#[inline(always)]
pub unsafe fn suspend(reason: u64) {
    // SAFETY: the caller's promise; what the call changes is listed.
    unsafe { call!(skete_leave_for_a_reason, reason) };
}

/// [`suspend`] of one who sleeps until it is notified, or was notified already.
///
/// # Safety
/// As [`suspend`].
#[inline(always)]
pub unsafe fn park() {
    // SAFETY: as in `suspend`; `skete_leave_asleep` takes nothing.
    unsafe { call!(skete_leave_asleep, 0u64) };
}

/// Where a new thread begins: X19 is its function, X20 its argument.
#[unsafe(naked)]
pub unsafe extern "C" fn begin() {
    naked_asm!(
        "msr daifclr, #6",
        "mov x29, xzr",
        "mov x0, x20",
        "blr x19",
        "b {end}",
        end = sym skete_end,
    )
}

// Saves the running thread but for x0, moves to the core's own stack, which is empty, and asks who goes on: a sleeper falls into
// `skete_resume`, which resumes the thread whose record is in x0.
global_asm!(
    r#"
    .macro skete_save_little
    mrs x1, tpidrro_el0
    mov x2, sp
    str x19, [x1, #{X19}]
    stp x29, x30, [x1, #{X29}]
    str x2, [x1, #{SP}]
    mrs x3, fpcr
    mrs x4, fpsr
    stp x3, x4, [x1, #{FPCR}]
    stp q8, q9, [x1, #{V}]
    stp q10, q11, [x1, #{V} + 32]
    stp q12, q13, [x1, #{V} + 64]
    stp q14, q15, [x1, #{V} + 96]
    msr spsel, #1
    .endm

    .section .text.skete_resume, "ax"
    .globl skete_leave_for_a_reason
    .hidden skete_leave_for_a_reason
skete_leave_for_a_reason:
    skete_save_little
    bl {leave}
    b skete_resume

    .globl skete_leave_asleep
    .hidden skete_leave_asleep
skete_leave_asleep:
    skete_save_little
    bl {park}
    .globl skete_resume
    .hidden skete_resume
skete_resume:
    msr tpidrro_el0, x0
    ldp x1, x2, [x0, #{TLS}]
    msr tpidr_el0, x1
    mrs x3, fpcr
    cmp x2, x3
    b.eq 1f
    msr fpcr, x2
1:  ldp x1, x2, [x0, #{FPCR} + 8]
    msr fpsr, x1
    cbnz x2, 2f
    ldr x1, [x0, #{SP}]
    ldp x29, x30, [x0, #{X29}]
    ldp x19, x20, [x0, #{X19}]
    ldp q8, q9, [x0, #{V}]
    ldp q10, q11, [x0, #{V} + 32]
    ldp q12, q13, [x0, #{V} + 64]
    ldp q14, q15, [x0, #{V} + 96]
    msr spsel, #0
    mov sp, x1
    ret
2:  str xzr, [x0, #{KIND}]
    ldr x1, [x0, #{SP}]
    msr sp_el0, x1
    ldp x1, x2, [x0, #{PC}]
    msr elr_el1, x1
    msr spsr_el1, x2
    add x1, x0, #{V}
    ldp q0, q1, [x1, #0]
    ldp q2, q3, [x1, #32]
    ldp q4, q5, [x1, #64]
    ldp q6, q7, [x1, #96]
    ldp q8, q9, [x1, #128]
    ldp q10, q11, [x1, #160]
    ldp q12, q13, [x1, #192]
    ldp q14, q15, [x1, #224]
    ldp q16, q17, [x1, #256]
    ldp q18, q19, [x1, #288]
    ldp q20, q21, [x1, #320]
    ldp q22, q23, [x1, #352]
    ldp q24, q25, [x1, #384]
    ldp q26, q27, [x1, #416]
    ldp q28, q29, [x1, #448]
    ldp q30, q31, [x1, #480]
    ldp x2, x3, [x0, #16]
    ldp x4, x5, [x0, #32]
    ldp x6, x7, [x0, #48]
    ldp x8, x9, [x0, #64]
    ldp x10, x11, [x0, #80]
    ldp x12, x13, [x0, #96]
    ldp x14, x15, [x0, #112]
    ldp x16, x17, [x0, #128]
    ldp x18, x19, [x0, #144]
    ldp x20, x21, [x0, #160]
    ldp x22, x23, [x0, #176]
    ldp x24, x25, [x0, #192]
    ldp x26, x27, [x0, #208]
    ldp x28, x29, [x0, #224]
    ldr x30, [x0, #240]
    ldp x0, x1, [x0]
    eret
"#,
    TLS = const TLS, FPCR = const FPCR, KIND = const KIND, X19 = const X19, X29 = const X29, SP = const SP, PC = const PC, V = const V,
    leave = sym skete_leave, park = sym skete_park,
);

const _: () = assert!(KIND == FPCR + 16 && TLS + 8 == FPCR && PC == SP + 8);
