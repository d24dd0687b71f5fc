//! `syscall()`, and the call through which musl's cancellation points go.
#![allow(unsafe_code, reason = "exported names")]

use core::arch::asm;

use crate::thread::cancel;
use crate::{errno, linux, signal};

/// Where the caller's caller goes on: for the report of a call that is not there.
#[inline(always)]
fn caller() -> u64 {
    let link;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, x30", out(reg) link, options(nomem, nostack, preserves_flags)) };
    link
}

/// Linux's call `number` (`syscall(2)`): its value, or −1 with `errno`. C passes a variable number of arguments as it does a fixed one.
#[unsafe(no_mangle)]
pub extern "C" fn syscall(number: i64, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> i64 {
    let (caller, number) = (caller(), number.cast_unsigned());
    // Told apart before all others, for programs that make locks of it call it most.
    if number == linux::sched::FUTEX {
        let answer = linux::sched::futex([a, b, c, d, e, f]);
        if answer != linux::INTERRUPTED {
            signal::point();
            return errno::of(answer);
        }
        if linux::is_interrupted_for_good(number, &[a, b, c, d, e, f]) {
            return errno::of(answer);
        }
    }
    errno::of(linux::enter(number, &[a, b, c, d, e, f], caller))
}

/// A call that is a cancellation point, with Linux's answer.
#[unsafe(no_mangle)]
extern "C" fn __syscall_cp(number: u64, a: u64, b: u64, c: u64, d: u64, e: u64, f: u64) -> i64 {
    let caller = caller();
    let arguments = [a, b, c, d, e, f];
    loop {
        match cancel::while_waiting(|| Ok(linux::call(number, &arguments, caller))) {
            // What was due before goes before.
            Err(_) => cancel::point(),
            Ok(linux::INTERRUPTED) => {
                if linux::is_over(number, &arguments, cancel::interrupted()) {
                    return linux::INTERRUPTED;
                }
            }
            Ok(answer) => {
                signal::point();
                return answer;
            }
        }
    }
}
