//! Where a thread of a C program may be sent away to take its signals: outside of the kernel and of this C face, whose code may hold
//! anything wherever it stands.
//!
//! The archive's code is in a section of its own, `skete_text`, so the linker tells where it begins and ends. What it uses of musl, memory
//! and string functions that call nobody, stands in another, `skete_mem`, and belongs to whoever it returns to. All other code is the
//! program's, or musl's, which promises no more on Linux.
#![allow(unsafe_code, reason = "the linker's symbols; the block below another thread's pointer")]

use skete::arch::context::Context;
use skete::sched::detour::{self, Cause, Frame, Guide};

use crate::signal::{self, fault, handler};
use crate::thread::block::Block;

unsafe extern "C" {
    static __start_skete_text: [u8; 0];
    static __stop_skete_text: [u8; 0];
    static __start_skete_mem: [u8; 0];
    static __stop_skete_mem: [u8; 0];
}

static GUIDE: Guide = Guide { is_due, enter, attend: signal::while_locking };

/// From now on threads are sent.
pub fn begin() {
    detour::guide_by(&GUIDE);
}

/// Whether it is the program's code that a thread with these registers runs.
fn is_programs(registers: &Context) -> bool {
    let is_leaf = (&raw const __start_skete_mem as u64..&raw const __stop_skete_mem as u64).contains(&registers.pc);
    let place = if is_leaf { registers.x[30] } else { registers.pc };
    !(&raw const __start_skete_text as u64..&raw const __stop_skete_text as u64).contains(&place)
}

fn is_due(registers: &Context, cause: Cause) -> bool {
    // SAFETY: a thread's own pointer, and it does not run.
    let Some(block) = (unsafe { Block::below(registers.tls) }) else { return false };
    is_programs(registers) && if cause == Cause::NONE { block.cancelling.is_wanted() } else { fault::is_taken(block, registers.pc, cause) }
}

extern "C" fn enter(frame: &mut Frame) {
    let block = Block::current();
    if frame.cause == Cause::NONE {
        let _ = handler::deliver_at(block, Some(&mut frame.registers));
    } else {
        fault::take(block, frame);
    }
}
