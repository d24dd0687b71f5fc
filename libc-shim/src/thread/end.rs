//! A thread ends: `pthread_exit`, or its function returns.
#![allow(unsafe_code, reason = "exported names; back to the kernel's stack")]

use core::arch::naked_asm;
use core::ffi::c_void;
use core::sync::atomic::Ordering;

use skete::sched::spawn;

use super::block::{Block, state};
use super::create::LIVING;
use super::{cancel, keys};
use crate::signal;

/// Ends the calling thread: cleanup handlers, the last first, then the destructors of keys; `result` is for who joins it (POSIX
/// `pthread_exit`). The program ends with its last thread.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_exit(result: *mut c_void) -> ! {
    cancel::run_handlers(Block::current());
    finish(result)
}

/// What is left to do when a thread's handlers have run.
#[optimize(speed)]
pub fn finish(result: *mut c_void) -> ! {
    let block = Block::current();
    block.cancelling.close();
    // What was sent while it lived is taken before its keys are gone.
    signal::point();
    keys::destroy(block);
    signal::leave(block);
    if LIVING.fetch_sub(1, Ordering::AcqRel) == 1 {
        crate::end_program(0);
    }
    block.leave();
    // SAFETY: the thread itself.
    let own = unsafe { block.own() };
    own.result = result;
    let kernel_sp = core::mem::take(&mut own.kernel_sp);
    // Release: who joins sees what the thread has left.
    if block.state.swap(state::ENDED, Ordering::AcqRel) == state::DETACHED {
        block.give();
    }
    if kernel_sp != 0 {
        // SAFETY: as it was when the thread left the kernel's stack.
        unsafe { leave_from(kernel_sp, last) };
    }
    last()
}

extern "C" fn last() -> ! {
    spawn::exit()
}

/// Goes on with `function` where the stack pointer was `sp`: who joins may take the program's stack away at any moment.
#[unsafe(naked)]
unsafe extern "C" fn leave_from(sp: usize, function: extern "C" fn() -> !) -> ! {
    naked_asm!("mov sp, x0", "mov x29, xzr", "br x1")
}
