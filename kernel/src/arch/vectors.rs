//! Exception entry.
//!
//! Threads run at EL1t, on SP_EL0; an exception moves to this core's own stack, SP_EL1, and saves the whole thread into its record. A
//! frame on the core's stack could not go on elsewhere. An exception while already on that stack is the kernel's own
//! fault: it moves to an emergency stack, says one line and stops.
#![allow(unsafe_code, reason = "exception entry")]

use core::arch::global_asm;

use super::context::{Context, FPCR, KIND, PC, SP, V};

unsafe extern "C" {
    /// The vector table, for VBAR_EL1.
    pub safe fn skete_vectors();
    /// An exception on a core's own stack (`crate::panic`).
    fn skete_nested(which: u64, syndrome: u64, pc: u64, address: u64) -> !;
    /// A synchronous exception of a thread (`crate::sched::fault`).
    fn skete_synchronous_fault(thread: *const Context) -> *const Context;
    /// An interrupt of a thread (`crate::sched`).
    fn skete_interrupted(thread: *const Context) -> *const Context;
    /// A system error (`crate::sched::fault`).
    fn skete_system_error_fault(thread: *const Context) -> *const Context;
}

global_asm!(
    r#"
    .macro skete_save handler
    stp x0, x1, [sp, #-16]!
    mrs x0, tpidrro_el0
    stp x2, x3, [x0, #16]
    stp x4, x5, [x0, #32]
    stp x6, x7, [x0, #48]
    stp x8, x9, [x0, #64]
    stp x10, x11, [x0, #80]
    stp x12, x13, [x0, #96]
    stp x14, x15, [x0, #112]
    stp x16, x17, [x0, #128]
    stp x18, x19, [x0, #144]
    stp x20, x21, [x0, #160]
    stp x22, x23, [x0, #176]
    stp x24, x25, [x0, #192]
    stp x26, x27, [x0, #208]
    stp x28, x29, [x0, #224]
    str x30, [x0, #240]
    ldp x2, x3, [sp], #16
    stp x2, x3, [x0]
    mrs x1, sp_el0
    mrs x2, elr_el1
    mrs x3, spsr_el1
    str x1, [x0, #{SP}]
    stp x2, x3, [x0, #{PC}]
    mrs x1, fpcr
    mrs x2, fpsr
    stp x1, x2, [x0, #{FPCR}]
    mov x1, #1
    str x1, [x0, #{KIND}]
    add x1, x0, #{V}
    stp q0, q1, [x1, #0]
    stp q2, q3, [x1, #32]
    stp q4, q5, [x1, #64]
    stp q6, q7, [x1, #96]
    stp q8, q9, [x1, #128]
    stp q10, q11, [x1, #160]
    stp q12, q13, [x1, #192]
    stp q14, q15, [x1, #224]
    stp q16, q17, [x1, #256]
    stp q18, q19, [x1, #288]
    stp q20, q21, [x1, #320]
    stp q22, q23, [x1, #352]
    stp q24, q25, [x1, #384]
    stp q26, q27, [x1, #416]
    stp q28, q29, [x1, #448]
    stp q30, q31, [x1, #480]
    msr fpcr, xzr
    bl \handler
    b skete_resume
    .endm

    .macro skete_nested which
    mrs x9, tpidr_el1
    ldr x9, [x9]
    mov sp, x9
    mov x0, #\which
    mrs x1, esr_el1
    mrs x2, elr_el1
    mrs x3, far_el1
    bl {nested}
    .endm

    .section .text.skete_vectors, "ax"
    .balign 2048
    .globl skete_vectors
    .hidden skete_vectors
skete_vectors:
    b skete_take_synchronous
    .balign 128
    b skete_take_interrupt
    .balign 128
    skete_nested 2
    .balign 128
    b skete_take_system_error
    .balign 128
    skete_nested 4
    .balign 128
    skete_nested 5
    .balign 128
    skete_nested 6
    .balign 128
    skete_nested 7
    .balign 128
    skete_nested 8
    .balign 128
    skete_nested 9
    .balign 128
    skete_nested 10
    .balign 128
    skete_nested 11
    .balign 128
    skete_nested 12
    .balign 128
    skete_nested 13
    .balign 128
    skete_nested 14
    .balign 128
    skete_nested 15
    .balign 128
skete_take_synchronous:
    skete_save {synchronous}
skete_take_interrupt:
    skete_save {interrupt}
skete_take_system_error:
    skete_save {system_error}
"#,
    SP = const SP,
    PC = const PC,
    FPCR = const FPCR,
    KIND = const KIND,
    V = const V,
    nested = sym skete_nested,
    synchronous = sym skete_synchronous_fault,
    interrupt = sym skete_interrupted,
    system_error = sym skete_system_error_fault,
);
