//! When it goes wrong: a line, registers, who called whom, and a status.
//!
//! - [`tell`]: a thread's fault; [`crate::sched`] finds out whose and what
//! - [`stop`]: the kernel itself cannot go on: 134
//! - `skete_nested`: a fault on a core's own stack: one line, 139
//! - [`backtrace`]: who called whom
//!
//! The first core that stops has the console for itself. A fault while a fault is being told ends with one line.
#![allow(unsafe_code, reason = "called by the vectors")]

pub mod backtrace;

use core::fmt;

use crate::arch::context::Context;
use crate::arch::cpu;
use crate::board::power;
use crate::trace;

/// Status of a program that panicked, as Rust's own.
pub const PANICKED: i32 = 101;
/// Status of a program that aborted: 128 + SIGABRT.
pub const ABORTED: i32 = 134;
/// Status of a program that faulted: 128 + SIGSEGV.
pub const FAULTED: i32 = 139;

/// An exception while on a core's own stack: the kernel's fault. On the emergency stack.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_nested(which: u64, syndrome: u64, pc: u64, address: u64) -> ! {
    if trace::is_last_speaker() {
        trace::say(format_args!("a fault while a fault was told: vector {which}, ESR {syndrome:#x}, pc {pc:#x}, address {address:#x}"));
        power::off(FAULTED);
    }
    trace::silence_others();
    trace::say(format_args!(
        "the kernel faulted on core {}: vector {which}, ESR {syndrome:#x}, pc {:#x}, address {address:#x}",
        cpu::number(),
        backtrace::in_image(pc)
    ));
    power::off(FAULTED)
}

/// Tells a fault: what, in whom, where, the registers, who called whom.
pub fn tell(who: impl fmt::Display, registers: &Context, what: fmt::Arguments<'_>) {
    trace::silence_others();
    trace::say(format_args!("{what}, in {who}"));
    trace::say(format_args!("  pc {:#018x}  sp {:#018x}  lr {:#018x}", registers.pc, registers.sp, registers.x[30]));
    for (row, four) in registers.x[..28].chunks_exact(4).enumerate() {
        let n = row * 4;
        trace::say(format_args!("  x{n:<2} {:#018x}  {:#018x}  {:#018x}  {:#018x}", four[0], four[1], four[2], four[3]));
    }
    backtrace::print(registers.pc, registers.x[29]);
}

/// The kernel cannot go on.
pub fn stop(why: fmt::Arguments<'_>) -> ! {
    let (pc, frame) = backtrace::here();
    cpu::mask();
    trace::silence_others();
    trace::say(format_args!("{why}"));
    backtrace::print(pc, frame);
    power::off(ABORTED)
}
