//! `svc` from a thread: a system call of code that was made for Linux.
//!
//! The exception handler cannot wait, so it sends the thread to [`begin`], where the call is answered as any function of the thread's, and
//! which goes back by an `svc` of its own: only an exception's return leaves every register but X0 as it was. The thread's place lies
//! in two words on its stack meanwhile.
#![allow(unsafe_code, reason = "saves and restores what a system call leaves alone")]

use core::arch::naked_asm;

unsafe extern "C" {
    /// Answers call `number` with these arguments, made at `caller` (`crate::sched::fault`).
    fn skete_answer_call(arguments: *const [u64; 6], number: u64, caller: u64) -> i64;
}

/// Where a thread goes on with X0 to X5 and X8 as for Linux, and the caller's place at its stack pointer.
#[unsafe(naked)]
pub unsafe extern "C" fn begin() {
    naked_asm!(
        "sub sp, sp, #576",
        "stp x0, x1, [sp, #0]",
        "stp x2, x3, [sp, #16]",
        "stp x4, x5, [sp, #32]",
        "stp x6, x7, [sp, #48]",
        "stp x8, x9, [sp, #64]",
        "stp x10, x11, [sp, #80]",
        "stp x12, x13, [sp, #96]",
        "stp x14, x15, [sp, #112]",
        "stp x16, x17, [sp, #128]",
        "stp x18, x30, [sp, #144]",
        "mrs x9, nzcv",
        "mrs x10, fpsr",
        "stp x9, x10, [sp, #160]",
        "stp q0, q1, [sp, #176]",
        "stp q2, q3, [sp, #208]",
        "stp q4, q5, [sp, #240]",
        "stp q6, q7, [sp, #272]",
        "add x9, sp, #304",
        "stp q16, q17, [x9, #0]",
        "stp q18, q19, [x9, #32]",
        "stp q20, q21, [x9, #64]",
        "stp q22, q23, [x9, #96]",
        "stp q24, q25, [x9, #128]",
        "stp q26, q27, [x9, #160]",
        "stp q28, q29, [x9, #192]",
        "stp q30, q31, [x9, #224]",
        "mov x0, sp",
        "mov x1, x8",
        "ldr x2, [sp, #576]",
        "bl {answer}",
        "str x0, [sp]",
        "ldp x9, x10, [sp, #160]",
        "msr nzcv, x9",
        "msr fpsr, x10",
        "ldp q0, q1, [sp, #176]",
        "ldp q2, q3, [sp, #208]",
        "ldp q4, q5, [sp, #240]",
        "ldp q6, q7, [sp, #272]",
        "add x9, sp, #304",
        "ldp q16, q17, [x9, #0]",
        "ldp q18, q19, [x9, #32]",
        "ldp q20, q21, [x9, #64]",
        "ldp q22, q23, [x9, #96]",
        "ldp q24, q25, [x9, #128]",
        "ldp q26, q27, [x9, #160]",
        "ldp q28, q29, [x9, #192]",
        "ldp q30, q31, [x9, #224]",
        "ldp x0, x1, [sp, #0]",
        "ldp x2, x3, [sp, #16]",
        "ldp x4, x5, [sp, #32]",
        "ldp x6, x7, [sp, #48]",
        "ldp x8, x9, [sp, #64]",
        "ldp x10, x11, [sp, #80]",
        "ldp x12, x13, [sp, #96]",
        "ldp x14, x15, [sp, #112]",
        "ldp x16, x17, [sp, #128]",
        "ldp x18, x30, [sp, #144]",
        "add sp, sp, #576",
        "b {end}",
        answer = sym skete_answer_call,
        end = sym end,
    )
}

/// Behind a call: the thread asks to go on at the place that its stack pointer shows.
#[unsafe(naked)]
unsafe extern "C" fn end() {
    naked_asm!("svc #0", "brk #0")
}

/// Whether the `svc` that returns to `pc` is the one behind a call.
pub fn is_end(pc: u64) -> bool {
    pc == end as *const () as u64 + 4
}
