//! Faults of the program's own code that are signals: SIGSEGV, SIGBUS, SIGILL, SIGTRAP, if it has a handler for them. Else they are told,
//! and the program ends with status 139, as without a signal.
//!
//! The fault handler sends the thread on a [`detour`](skete::sched::detour). What the fault was is found out there, where one can wait. If
//! nobody takes it the thread goes back to the same instruction, and its fault is refused then.

use core::sync::atomic::{AtomicU32, Ordering};

use skete::sched::detour::{Cause, Frame};
use skete::sched::fault::class;
use skete_signals::{Action, Fate, Info, Set, Signal};

use super::handler::{Taken, run};
use super::{STATE, State};
use crate::linux::mapping::{self, Behind};
use crate::thread::block::Block;

/// Whether a fault may be anything but an end: somebody has given a handler for one, or has mapped more than a file has.
static MATTER: AtomicU32 = AtomicU32::new(0);

/// `si_code` of these signals.
mod code {
    /// SEGV_MAPERR: nothing is there. SEGV_ACCERR: it may not be used so.
    pub const NOTHING: i32 = 1;
    pub const FORBIDDEN: i32 = 2;
    /// BUS_ADRALN, BUS_ADRERR: not aligned; behind a file's end.
    pub const UNALIGNED: i32 = 1;
    pub const BEHIND: i32 = 2;
    /// ILL_ILLOPC, TRAP_BRKPT.
    pub const INSTRUCTION: i32 = 1;
    pub const BREAKPOINT: i32 = 1;
}

/// From now on faults are looked at.
pub fn matter() {
    MATTER.store(1, Ordering::Relaxed);
}

/// There is a new action for `signal`.
pub(super) fn note(signal: Signal, action: &Action) {
    if Set::FAULTS.has(signal) && action.fate(signal) == Fate::Handled {
        matter();
    }
}

/// Whether `block`'s thread, at `pc`, is to find out whether somebody takes its fault. IRQs are masked.
pub fn is_taken(block: &Block, pc: u64, cause: Cause) -> bool {
    let is_known = matches!(
        class::of(cause.syndrome),
        class::DATA_ABORT | class::INSTRUCTION_ABORT | class::PC_ALIGNMENT | class::UNDEFINED | class::BREAKPOINT
    );
    MATTER.load(Ordering::Relaxed) != 0 && is_known && block.signals.refused.load(Ordering::Relaxed) != pc
}

/// What signal a fault is, if it is one.
#[optimize(size)]
fn signal_of(cause: Cause) -> Option<(Signal, i32)> {
    const UNALIGNED: u64 = 0x21;
    let status = cause.syndrome & 0x3f;
    Some(match class::of(cause.syndrome) {
        class::UNDEFINED => (Signal::ILLEGAL, code::INSTRUCTION),
        class::BREAKPOINT => (Signal::TRAP, code::BREAKPOINT),
        class::PC_ALIGNMENT => (Signal::BUS, code::UNALIGNED),
        class::DATA_ABORT if status == UNALIGNED => (Signal::BUS, code::UNALIGNED),
        _ => match mapping::behind_the_end(cause.address) {
            Behind::Nothing if (4..8).contains(&status) && !skete::memory::map::find(cause.address).is_denied() => {
                (Signal::FAULT, code::NOTHING)
            }
            Behind::Nothing => (Signal::FAULT, code::FORBIDDEN),
            Behind::End => (Signal::BUS, code::BEHIND),
            Behind::Grown => return None,
        },
    })
}

/// The calling thread has had a fault: its handler runs, or it is refused from now on.
#[optimize(size)]
pub fn take(block: &Block, frame: &mut Frame) {
    let Some((signal, code)) = signal_of(frame.cause) else { return };
    let is_address = matches!(class::of(frame.cause.syndrome), class::DATA_ABORT | class::INSTRUCTION_ABORT | class::PC_ALIGNMENT);
    let address = if is_address { frame.cause.address } else { frame.registers.pc };
    let info = Info { signal, code, value: 0, timer: None };
    let taken = STATE.lock().take_fault(block, info, address);
    match taken {
        Some(taken) => run(block, &taken, Some(&mut frame.registers)),
        None => block.signals.refused.store(frame.registers.pc, Ordering::Relaxed),
    }
}

impl State {
    /// What is to be done about a fault, if its signal has a handler and the thread lets it in.
    fn take_fault(&mut self, block: &Block, info: Info, address: u64) -> Option<Taken> {
        let before = block.signals.mask();
        let action = self.actions[info.signal.index()];
        let is_handled = action.fate(info.signal) == Fate::Handled && !before.has(info.signal);
        is_handled.then(|| self.begin(block, info, action, before, Some(address)))
    }
}
