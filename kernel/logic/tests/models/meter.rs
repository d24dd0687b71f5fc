//! Models of a thread's meter: the core that it left stops it while another one resumes it, and somebody reads.

use super::machine::{Lock, RunSignal};
use super::runner::Model;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use skete_logic::meter::Meter;
use skete_logic::mutant::Mutant;

pub const MODELS: &[Model] = &[
    Model {
        name: "meter::a_thread_that_changes_its_core_is_charged_for_both",
        body: handed_over,
        mutants: &[Mutant::StartedBeforeItStood],
    },
    Model { name: "meter::what_is_read_never_falls", body: read_meanwhile, mutants: &[Mutant::ClockReadOutsideTheLock] },
];

struct Machine {
    meter: Meter<Lock>,
    run: RunSignal,
    clock: AtomicU64,
}

impl Machine {
    fn new() -> Arc<Self> {
        Arc::new(Self { meter: Meter::new(Lock::new()), run: RunSignal::new(), clock: AtomicU64::new(0) })
    }

    /// The counter: each reading is a tick later.
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    fn start(&self) {
        self.meter.start(|| self.now(), thread::yield_now);
    }
}

fn handed_over() {
    let machine = Machine::new();
    machine.start();
    let other = machine.clone();
    let resuming = thread::spawn(move || {
        other.run.wait_to_run();
        other.start();
        other.now();
        other.meter.stop(|| other.now());
    });
    machine.now();
    // It is let go first, and its meter stopped then.
    machine.run.make_ready();
    machine.meter.stop(|| machine.now());
    resuming.join().expect("the other core ends");
    // From the first start to the first stop, and from the second to the second: two ticks each.
    assert_eq!(machine.meter.read(|| machine.now()), 4);
}

fn read_meanwhile() {
    let machine = Machine::new();
    machine.start();
    let other = machine.clone();
    let reading = thread::spawn(move || {
        let first = other.meter.read(|| other.now());
        let second = other.meter.read(|| other.now());
        assert!(first <= second, "{first}, then {second}");
    });
    machine.meter.stop(|| machine.now());
    reading.join().expect("the reader ends");
}
