//! Lets the other cores go: from the Pi's spin table or by PSCI.
#![allow(unsafe_code, reason = "writes the spin table, where the firmware's cores look")]

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use skete_drivers::firmware::Board;

use crate::arch::cpu;
use crate::arch::entry::{SECONDARY_TABLE, secondary_address};
use crate::board::{self, power};
use crate::memory::map;
use crate::sched::core as cores;
use crate::{time, trace};

/// The spin table's words, one a core (armstub8).
const SPIN_TABLE: u64 = 0xd8;

/// How long the other cores may take to come, in nanoseconds: they take microseconds.
const PATIENCE_NS: u64 = 1_000_000_000;

static ARRIVED: AtomicUsize = AtomicUsize::new(0);
/// Whether page 0 is unmapped: every core has left the stub there.
static IS_STUB_LEFT: AtomicBool = AtomicBool::new(false);

/// Starts the other cores; on the Pi those that are not wanted too, so that they wait in WFI and not in the stub's loop.
pub fn release() {
    SECONDARY_TABLE.0.store(map::root(), Ordering::Release);
    // They read it, and the entry code, before their caches are on.
    cpu::clean_to_memory((&raw const SECONDARY_TABLE) as usize, 64);
    map::clean_root();
    if let Some(psci) = power::psci() {
        for core in board::get().machine.cores.iter().take(cores::count()).skip(1) {
            if let Err(refusal) = psci.start_core(core.mpidr, secondary_address(), 0) {
                trace::say(format_args!("core {} does not start: PSCI says {refusal:?}", core.mpidr & 3));
            }
        }
    } else if board::get().machine.board == Board::RaspberryPi3 {
        for core in 1..cpu::CORES as u64 {
            let slot = (SPIN_TABLE + 8 * core) as *mut u64;
            // SAFETY: page 0 is mapped until every core has left the stub.
            unsafe { slot.write_volatile(secondary_address()) };
        }
        cpu::clean_to_memory(SPIN_TABLE as usize, 32);
        cpu::send_event();
    }
}

/// A core has come. With the last one nobody needs page 0 any more: from now on a null pointer faults.
pub fn arrived() {
    let others = ARRIVED.fetch_add(1, Ordering::AcqRel) + 1;
    if board::get().machine.board == Board::RaspberryPi3 && others == cpu::CORES - 1 {
        map::unmap_first_page();
        // Release pairs with the Acquire in `wait`.
        IS_STUB_LEFT.store(true, Ordering::Release);
    }
}

/// Waits until every wanted core runs threads, so that a program may pin its threads at once, and until page 0 is unmapped, so that its
/// first null pointer faults. A core that does not come within a second is given up, with a line that says so.
pub fn wait() {
    let wanted = u8::try_from((1u32 << cores::count()) - 1).unwrap_or(u8::MAX);
    let deadline = time::now().saturating_add_ns(PATIENCE_NS);
    let has_stub = board::get().machine.board == Board::RaspberryPi3;
    while cores::online() != wanted || has_stub && !IS_STUB_LEFT.load(Ordering::Acquire) {
        if time::now() > deadline {
            trace::say(format_args!("of {} cores only those of mask {:#b} have started", cores::count(), cores::online()));
            cores::set_count(cores::online().count_ones() as usize);
            break;
        }
        cpu::pass_turn();
    }
}
