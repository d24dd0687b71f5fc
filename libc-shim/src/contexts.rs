//! Contexts that a program changes by itself: `getcontext`, `setcontext`, `makecontext`, `swapcontext`, which musl has not.
//!
//! A context is what a call keeps: X19 to X30, the stack pointer, D8 to D15, FPCR, FPSR and the mask of signals. It may be gone on with by
//! another thread than it was left by; thread-locals are then that one's. That of a signal's handler is none of these.
#![allow(unsafe_code, reason = "exported names; the functions change the stack, and are assembly")]

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};

use crate::signal::context::{Context, FUNCTION_ARGUMENTS, LINK_REGISTER_AT, MASK_AT, PC_AT, SP_AT, STATUS_AT, V_AT, X_AT};
use crate::signal::mask::pthread_sigmask;
use crate::thread::end::pthread_exit;

/// `SIG_SETMASK`.
const SET: c_int = 2;

/// Writes what a call keeps into the context at X0; 0 is what it answers when it is gone on with. Changes X9 and X10.
macro_rules! save {
    () => {
        "stp x19, x20, [x0, #({x} + 152)]
        stp x21, x22, [x0, #({x} + 168)]
        stp x23, x24, [x0, #({x} + 184)]
        stp x25, x26, [x0, #({x} + 200)]
        stp x27, x28, [x0, #({x} + 216)]
        stp x29, x30, [x0, #({x} + 232)]
        str xzr, [x0, #{x}]
        mov x9, sp
        stp x9, x30, [x0, #{sp}]
        mrs x9, fpsr
        mrs x10, fpcr
        bfi x9, x10, #32, #32
        str x9, [x0, #{status}]
        str d8, [x0, #({v} + 128)]
        str d9, [x0, #({v} + 144)]
        str d10, [x0, #({v} + 160)]
        str d11, [x0, #({v} + 176)]
        str d12, [x0, #({v} + 192)]
        str d13, [x0, #({v} + 208)]
        str d14, [x0, #({v} + 224)]
        str d15, [x0, #({v} + 240)]"
    };
}

/// Goes on with the context at X19: what [`save`] has written, and the arguments of a function that begins.
macro_rules! go_on {
    () => {
        "ldr x9, [x19, #{status}]
        lsr x10, x9, #32
        msr fpsr, x9
        msr fpcr, x10
        ldr d8, [x19, #({v} + 128)]
        ldr d9, [x19, #({v} + 144)]
        ldr d10, [x19, #({v} + 160)]
        ldr d11, [x19, #({v} + 176)]
        ldr d12, [x19, #({v} + 192)]
        ldr d13, [x19, #({v} + 208)]
        ldr d14, [x19, #({v} + 224)]
        ldr d15, [x19, #({v} + 240)]
        ldp x9, x16, [x19, #{sp}]
        mov sp, x9
        ldp x0, x1, [x19, #{x}]
        ldp x2, x3, [x19, #({x} + 16)]
        ldp x4, x5, [x19, #({x} + 32)]
        ldp x6, x7, [x19, #({x} + 48)]
        ldp x21, x22, [x19, #({x} + 168)]
        ldp x23, x24, [x19, #({x} + 184)]
        ldp x25, x26, [x19, #({x} + 200)]
        ldp x27, x28, [x19, #({x} + 216)]
        ldp x29, x30, [x19, #({x} + 232)]
        ldp x19, x20, [x19, #({x} + 152)]
        br x16"
    };
}

/// Lines that know where everything is in a context, and set the mask.
macro_rules! with_places {
    ($($line:expr),* $(,)?) => {
        naked_asm!(
            $($line,)*
            x = const X_AT, sp = const SP_AT, status = const STATUS_AT, v = const V_AT, mask = const MASK_AT,
            set = const SET, sigmask = sym pthread_sigmask,
        )
    };
}

const _: () = assert!(PC_AT == SP_AT + 8 && LINK_REGISTER_AT == X_AT + 240, "they are loaded and stored in pairs");

/// `getcontext(3)`: tells where the caller is.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn getcontext(place: *mut Context) -> c_int {
    with_places!(save!(), "add x2, x0, #{mask}", "mov x1, xzr", "mov w0, #{set}", "b {sigmask}",)
}

/// `setcontext(3)`: goes on there.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn setcontext(place: *const Context) -> c_int {
    with_places!("mov x19, x0", "add x1, x0, #{mask}", "mov x2, xzr", "mov w0, #{set}", "bl {sigmask}", go_on!(),)
}

/// `swapcontext(3)`: tells where the caller is, and goes on at `next`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn swapcontext(place: *mut Context, next: *const Context) -> c_int {
    with_places!(save!(), "mov x19, x1", "add x2, x0, #{mask}", "add x1, x19, #{mask}", "mov w0, #{set}", "bl {sigmask}", go_on!(),)
}

/// `makecontext(3)`: the context calls `function` with `count` arguments on the stack that it was given, and goes on with its link then, or
/// ends its thread. The arguments come in X3 to X7, and on the caller's stack.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn makecontext(place: *mut Context, function: *const c_void, count: c_int) {
    naked_asm!(
        "stp x3, x4, [sp, #-48]!",
        "stp x5, x6, [sp, #16]",
        "stp x7, x30, [sp, #32]",
        "mov x3, sp",
        "add x4, sp, #48",
        "bl {make}",
        "ldr x30, [sp, #40]",
        "add sp, sp, #48",
        "ret",
        make = sym make,
    )
}

/// How many arguments come in registers behind the three of [`makecontext`].
const IN_REGISTERS: usize = 5;

unsafe extern "C" fn make(place: *mut Context, function: u64, count: c_int, registers: *const u64, others: *const u64) {
    // SAFETY: the program says that it is a context, which `getcontext` has written.
    let context = unsafe { &mut *place };
    let count = usize::try_from(count).unwrap_or(0);
    let argument = |at: usize| {
        let from = if at < IN_REGISTERS { registers.wrapping_add(at) } else { others.wrapping_add(at - IN_REGISTERS) };
        // SAFETY: the caller has given so many.
        unsafe { from.read() }
    };
    let top = context.stack_end() & !15;
    let behind = count.saturating_sub(FUNCTION_ARGUMENTS);
    let sp = top - (behind as u64 * 8).next_multiple_of(16);
    for at in 0..behind {
        // SAFETY: on the stack that the program has given.
        unsafe { (sp as *mut u64).add(at).write(argument(FUNCTION_ARGUMENTS + at)) };
    }
    for at in 0..count.min(FUNCTION_ARGUMENTS) {
        context.set_argument(at, argument(at));
    }
    context.begin_at(function, sp, end as *const () as u64);
}

/// Where the function of a context returns to, with its link in X19.
#[unsafe(naked)]
unsafe extern "C" fn end() {
    naked_asm!(
        "mov x0, x19",
        "cbz x0, 2f",
        "bl {go_on}",
        "2: mov x0, xzr",
        "bl {exit}",
        "brk #0",
        go_on = sym setcontext, exit = sym pthread_exit,
    )
}
