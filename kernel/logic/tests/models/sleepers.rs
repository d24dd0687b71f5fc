//! Models of a sleep with a deadline, against the timer of the core that holds it and another core that wakes the sleeper.

use super::machine::{Lock, RunSignal};
use super::runner::Model;
use allocator_api2::alloc::Global;
use allocator_api2::vec::Vec;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use skete_cell::Guarded;
use skete_logic::deadlines::{Place, Places};
use skete_logic::mutant::Mutant;
use skete_logic::sleepers::{Sleepers, Timers, sleep_until};
use skete_logic::thread::Thread;
use skete_logic::time::Instant;
use skete_logic::token::Token;

pub const MODELS: &[Model] = &[Model {
    name: "sleepers::one_who_is_woken_while_the_timer_fires_leaves_no_deadline_behind",
    body: woken_and_expired,
    mutants: &[Mutant::DroppedAfterALook, Mutant::DroppedWhereItWakes, Mutant::DeadlineLeft],
}];

const SLEEPER: Thread = Thread::new(0);

struct Record(Guarded<Place>);

impl Places for Record {
    fn place(&self, _thread: Thread) -> &Guarded<Place> {
        &self.0
    }
}

struct Machine {
    record: Record,
    token: Token,
    run: RunSignal,
    sleepers: [Sleepers<Lock, Global>; 2],
    /// Where the sleeper runs: it wakes on another core than it fell asleep on.
    core: AtomicUsize,
    /// Core 0's timer is armed.
    armed: RunSignal,
}

impl Machine {
    fn new() -> Arc<Self> {
        let machine = Self {
            record: Record(Guarded::new(Place::NONE)),
            token: Token::new(),
            run: RunSignal::new(),
            sleepers: [(); 2].map(|()| Sleepers::new(Lock::new(), Global)),
            core: AtomicUsize::new(0),
            armed: RunSignal::new(),
        };
        for sleepers in &machine.sleepers {
            sleepers.give(Vec::with_capacity_in(2, Global));
        }
        Arc::new(machine)
    }

    fn wake(&self) {
        if self.token.notify() {
            self.run.make_ready();
        }
    }
}

impl Timers for Machine {
    type Lock = Lock;
    type Memory = Global;
    type Places = Record;

    fn places(&self) -> &Record {
        &self.record
    }

    fn core(&self) -> usize {
        self.core.load(Ordering::Relaxed)
    }

    fn sleepers(&self, core: usize) -> &Sleepers<Lock, Global> {
        &self.sleepers[core]
    }

    fn arm(&self, _at: Instant) {
        if self.core() == 0 {
            self.armed.make_ready();
        }
    }

    fn leave(&self) {
        if self.token.settle() {
            self.run.wait_to_run();
        }
        self.core.store(1, Ordering::Relaxed);
    }
}

fn woken_and_expired() {
    let machine = Machine::new();
    let core_0 = machine.clone();
    let timer = thread::spawn(move || {
        core_0.armed.wait_to_run();
        if core_0.sleepers[0].take_expired(&core_0.record, Instant::FAR).is_some() {
            core_0.wake();
        }
    });
    let core_2 = machine.clone();
    let waker = thread::spawn(move || core_2.wake());
    sleep_until(&*machine, SLEEPER, Instant::ZERO);
    // And again on the core that it woke on, if nobody has woken it meanwhile.
    machine.wake();
    sleep_until(&*machine, SLEEPER, Instant::ZERO);
    timer.join().expect("the timer ends");
    waker.join().expect("the waker ends");
    assert!(machine.sleepers.iter().all(|sleepers| sleepers.earliest().is_none()));
}
