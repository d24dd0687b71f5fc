//! Leaves one thread and resumes another: the only place that changes SP and TPIDR_EL0.
//!
//! Inlinable Rust must never do it: the optimizer may keep a TLS address over an inlined switch. Both halves run with IRQs
//! masked. [`suspend`] saves what the calling convention asks to keep, moves to the core's own stack and asks
//! `skete_leave` who goes on; from then on any core may resume the thread that left.
#![allow(unsafe_code, reason = "the switch")]

use core::arch::{global_asm, naked_asm};

use super::context::{Context, FPCR, KIND, PC, SP, TLS, V, X19};

unsafe extern "C" {
    /// Who goes on (`crate::sched`).
    fn skete_leave(reason: u64) -> *const Context;
    /// Who goes on when the running thread goes to sleep (`crate::sched`).
    fn skete_park() -> *const Context;
    /// Ends the running thread (`crate::sched::spawn`).
    fn skete_end() -> !;
}

/// Saves what the calling convention asks to keep, moves to the core's own stack, asks `$leave` who goes on, and resumes that one.
macro_rules! leave_by {
    ($leave:path) => {
        naked_asm!(
            "mrs x1, tpidrro_el0",
            "stp x19, x20, [x1, #{x19}]",
            "stp x21, x22, [x1, #{x19} + 16]",
            "stp x23, x24, [x1, #{x19} + 32]",
            "stp x25, x26, [x1, #{x19} + 48]",
            "stp x27, x28, [x1, #{x19} + 64]",
            "stp x29, x30, [x1, #{x19} + 80]",
            "mov x2, sp",
            "str x2, [x1, #{sp}]",
            "mrs x3, fpcr",
            "mrs x4, fpsr",
            "stp x3, x4, [x1, #{fpcr}]",
            "str xzr, [x1, #{kind}]",
            "add x2, x1, #{v}",
            "stp d8, d9, [x2]",
            "stp d10, d11, [x2, #16]",
            "stp d12, d13, [x2, #32]",
            "stp d14, d15, [x2, #48]",
            "msr spsel, #1",
            "bl {leave}",
            "b skete_resume",
            x19 = const X19, sp = const SP, fpcr = const FPCR, kind = const KIND, v = const V,
            leave = sym $leave,
        )
    };
}

/// Leaves the running thread for `reason` and comes back when it is resumed. IRQs are masked before and after.
#[unsafe(naked)]
pub unsafe extern "C" fn suspend(reason: u64) {
    leave_by!(skete_leave)
}

/// [`suspend`] of a thread that goes to sleep, unless it is notified meanwhile: the way that is gone most, without a look at the reason.
#[unsafe(naked)]
pub unsafe extern "C" fn park() {
    leave_by!(skete_park)
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

// Resumes the thread whose record is in x0. On the core's own stack, which is empty but for us.
global_asm!(
    r#"
    .section .text.skete_resume, "ax"
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
    ldp x19, x20, [x0, #{X19}]
    ldp x21, x22, [x0, #{X19} + 16]
    ldp x23, x24, [x0, #{X19} + 32]
    ldp x25, x26, [x0, #{X19} + 48]
    ldp x27, x28, [x0, #{X19} + 64]
    ldp x29, x30, [x0, #{X19} + 80]
    ldr x1, [x0, #{SP}]
    add x2, x0, #{V}
    ldp d8, d9, [x2]
    ldp d10, d11, [x2, #16]
    ldp d12, d13, [x2, #32]
    ldp d14, d15, [x2, #48]
    msr spsel, #0
    mov sp, x1
    ret
2:  ldr x1, [x0, #{SP}]
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
    TLS = const TLS, FPCR = const FPCR, X19 = const X19, SP = const SP, PC = const PC, V = const V,
);

const _: () = assert!(KIND == FPCR + 16 && TLS + 8 == FPCR && PC == SP + 8);
