//! Threads on four cores: who runs, who waits, who goes on where.
//!
//! - [`record`]: what a thread is; the table of them
//! - [`core`]: what a core knows: its ready threads, its deadlines, its slice
//! - [`ready`]: makes a thread ready and chooses its core
//! - [`priority`]: changes how urgent a thread is
//! - [`park`]: puts the running thread to sleep, and wakes it: the one way to wait · [`clock`]: sets the wall clock, for which some wait
//! - [`futex`]: the futex table, and the kernel's own use of it
//! - [`futaphore`]: the futaphores' page
//! - [`many`]: one thread that waits for several words
//! - [`inherit`]: priorities lent by those who wait for a lock
//! - [`fault`]: what an exception means · [`detour`]: a thread that computes is sent elsewhere and comes back
//! - [`devices`]: threads that wait for a device
//! - [`mutex`]: a lock that sleeps
//! - [`meter`]: for how long threads have run, once somebody asks
//! - [`sysv`]: semaphore sets
//! - [`shm`]: segments of shared memory
//! - [`spawn`]: begins and ends threads · [`end`]: what a thread leaves behind
//! - [`report`]: who waits for whom · [`chaos`]: preemption at random, for tests
//! - [`idle`]: what a core does with nothing to do
//!
//! One place switches: `skete_park`, `skete_leave` and `skete_interrupted` run on a core's own stack, after the thread that left has been
//! saved, and answer with the record to resume.
#![allow(unsafe_code, reason = "the two functions that the assembly calls")]

pub mod chaos;
pub mod clock;
pub mod core;
pub mod detour;
pub mod devices;
pub mod end;
pub mod fault;
pub mod futaphore;
pub mod futex;
pub mod idle;
pub mod inherit;
pub mod many;
pub mod meter;
pub mod mutex;
pub mod park;
pub mod priority;
pub mod ready;
pub mod record;
pub mod report;
pub mod shm;
pub mod spawn;
pub mod sysv;

use self::core::Core;
use self::record::Record;
use crate::arch::cpu;
use crate::arch::switch;

/// Why a thread leaves its core by its own will, other than to [sleep](sleep).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Reason {
    /// To let its equals run.
    Yield = 0,
    /// For good.
    Exit = 1,
    /// A higher priority is ready: it comes back before its equals.
    GiveWay = 2,
    /// The idle thread found something to run.
    Idle = 3,
    /// It may not run on this core any more.
    Move = 4,
}

/// Leaves the running thread. IRQs are masked.
#[inline]
pub fn suspend(reason: Reason) {
    debug_assert!(cpu::is_masked(), "a thread leaves with IRQs masked");
    // SAFETY: no spin lock is held: they are released before a thread sleeps, and a guard does not outlive its statement here.
    unsafe { switch::suspend(reason as u64) };
}

/// Leaves the running thread until it is notified; comes back at once if it was notified on the way. IRQs are masked.
#[inline]
pub fn sleep() {
    debug_assert!(cpu::is_masked(), "a thread leaves with IRQs masked");
    // SAFETY: as in `suspend`.
    unsafe { switch::park() };
}

/// Called by the switch, on the core's own stack, with the thread that sleeps saved: answers with the record to resume.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_park() -> *const Record {
    let left = record::current();
    // Notified on the way, it runs on.
    if left.token.settle() { Core::this().next_at_once() } else { left }
}

/// Called by the switch, on the core's own stack, with the thread that leaves saved: answers with the record to resume.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_leave(reason: u64) -> *const Record {
    let left = record::current();
    let core = Core::this();
    if reason == Reason::Yield as u64 {
        return core.next_after(left);
    }
    if reason == Reason::GiveWay as u64 {
        core.give_way(left);
    } else if reason == Reason::Exit as u64 {
        core.stop_meter();
        spawn::recycle(left);
    } else if reason == Reason::Move as u64 {
        ready::elsewhere(left);
    } else {
        // Reason::Idle.
        return core.next_after_idling();
    }
    core.next()
}

/// Called by the vectors, on the core's own stack, with the interrupted thread saved: handles the interrupt and answers with the record to
/// resume.
#[unsafe(no_mangle)]
unsafe extern "C" fn skete_interrupted(left: &'static Record) -> *const Record {
    let core = Core::this();
    handle_interrupts(core);
    if detour::is_wanted() {
        detour::look(core, left);
    }
    preempt_if_due(core, left)
}

/// Answers every pending interrupt of this core: timer, other cores, devices.
pub fn handle_interrupts(core: &'static Core) {
    crate::interrupt::answer_all(|event| match event {
        crate::interrupt::Event::Timer => core.timer_fired(),
        // Who was queued here is seen after this, by the preemption or the idle loop.
        crate::interrupt::Event::Kick => {
            meter::look(core);
            report::stand_still(core);
        }
        crate::interrupt::Event::Device(number) => devices::interrupted(number),
    });
}

fn preempt_if_due(core: &'static Core, left: &'static Record) -> *const Record {
    if left.is_idle() {
        return if core.ready.count() == 0 { left } else { core.next_after_idling() };
    }
    // Another core may have changed it.
    core.ready.set_running(left.priority());
    if core.ready.count() == 0 && !left.is_misplaced(core.number()) {
        return left;
    }
    if left.is_misplaced(core.number()) {
        ready::elsewhere(left);
        return core.next();
    }
    core.preempt(left)
}

/// Lets equals of the running thread run, if there are any.
#[inline]
pub fn yield_now() {
    // A look without masking: if the thread moves meanwhile, it was not alone, and that is as good as a yield.
    if Core::this().ready.count() != 0 {
        let before = cpu::mask();
        suspend(Reason::Yield);
        cpu::unmask(before);
    } else {
        // A loop of yields waits for another core: in QEMU's counting mode that one needs the turn.
        cpu::pass_turn();
    }
}
