//! Models of who runs where: threads are queued while cores go idle. A core that never learns of its thread waits for ever, which loom
//! tells.

use super::machine::Lock;
use super::runner::Model;
use loom::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use loom::sync::{Arc, Notify};
use loom::thread;
use skete_cell::Guarded;
use skete_logic::mutant::Mutant;
use skete_logic::placement::{self, Cores, IdleSet};
use skete_logic::ready::{Home, Homes, Ready, Runs};
use skete_logic::run_queue::{Link, Links};
use skete_logic::thread::Thread;

pub const MODELS: &[Model] = &[
    Model {
        name: "placement::a_thread_behind_a_busy_core_is_found_by_one_that_goes_idle",
        body: queued,
        mutants: &[Mutant::IdleWithoutFence, Mutant::QueuedWithoutFence, Mutant::QueuedWithoutASecondLook],
    },
    Model {
        name: "placement::a_thread_that_gives_way_is_found_by_one_that_goes_idle",
        body: gave_way,
        mutants: &[Mutant::IdleWithoutFence, Mutant::QueuedWithoutFence, Mutant::QueuedWithoutASecondLook],
    },
    Model {
        name: "placement::a_core_that_was_claimed_and_found_another_thread_keeps_one",
        body: claimed,
        mutants: &[Mutant::ClaimNotPassedOn, Mutant::ClaimedRelaxed],
    },
    Model {
        name: "placement::a_core_that_is_given_a_thread_unasked_and_found_another_keeps_one",
        body: given,
        mutants: &[Mutant::BegunOutsideTheLock, Mutant::BegunWithoutALook],
    },
];

const ONE: Thread = Thread::new(0);
const TWO: Thread = Thread::new(1);
const PRIORITY: u8 = 2;

struct Records {
    links: [Guarded<Link>; 2],
    homes: [AtomicU16; 2],
}

impl Links for Records {
    fn link(&self, thread: Thread) -> &Guarded<Link> {
        &self.links[thread.index()]
    }
}

impl Homes for Records {
    fn home(&self, thread: Thread) -> &AtomicU16 {
        &self.homes[thread.index()]
    }
}

/// An interrupt line.
struct Line {
    is_raised: AtomicU32,
    bell: Notify,
}

/// Core 0 is busy for ever, the others idle.
struct Machine {
    ready: Vec<Ready<Lock>>,
    idle: IdleSet,
    records: Records,
    lines: Vec<Line>,
}

impl Machine {
    fn new(cores: u8) -> Arc<Self> {
        let machine = Self {
            ready: (0..cores).map(|core| Ready::new(core, Lock::new())).collect(),
            idle: IdleSet::new(),
            records: Records { links: [(); 2].map(|()| Guarded::new(Link::NONE)), homes: [(); 2].map(|()| AtomicU16::new(Home::NONE.0)) },
            lines: (0..cores).map(|_| Line { is_raised: AtomicU32::new(0), bell: Notify::new() }).collect(),
        };
        machine.ready[0].set_running(PRIORITY);
        Arc::new(machine)
    }

    /// The life of a core that idles until it has a thread.
    fn idle_on(&self, core: usize, mut was_claimed: bool) -> Thread {
        loop {
            self.idle.announce(core);
            if !placement::find_work(self, core, was_claimed) {
                was_claimed = self.sleep_on(core);
            } else if let Some(thread) = self.ready[core].pop(&self.records, |thread, _| thread) {
                return thread;
            } else {
                // Whatever it was claimed for, it has passed on.
                was_claimed = false;
                self.ready[core].idle();
            }
        }
    }

    /// Waits for a kick; whether the core was claimed.
    fn sleep_on(&self, core: usize) -> bool {
        while self.lines[core].is_raised.swap(0, Ordering::Acquire) == 0 {
            self.lines[core].bell.wait();
        }
        !self.idle.leave(core)
    }
}

impl Cores for Machine {
    type Lock = Lock;
    type Records = Records;

    fn records(&self) -> &Records {
        &self.records
    }

    fn ready(&self, core: usize) -> &Ready<Lock> {
        &self.ready[core]
    }

    fn count(&self) -> usize {
        self.ready.len()
    }

    fn idle(&self) -> &IdleSet {
        &self.idle
    }

    fn allowed(&self, _thread: Thread) -> u8 {
        !0
    }

    fn priority(&self, _thread: Thread) -> u8 {
        PRIORITY
    }

    fn tell(&self, core: usize, runs: Runs) {
        if runs == Runs::Nothing {
            self.kick(core);
        }
    }

    fn kick(&self, core: usize) {
        self.lines[core].is_raised.swap(1, Ordering::Release);
        self.lines[core].bell.notify();
    }
}

fn queued() {
    let machine = Machine::new(2);
    let other = machine.clone();
    let idling = thread::spawn(move || other.idle_on(1, false));
    assert_eq!(placement::queue_on(&*machine, 0, ONE), Runs::Equal);
    assert_eq!(idling.join().expect("the idle core finds it"), ONE);
}

fn gave_way() {
    let machine = Machine::new(2);
    let other = machine.clone();
    let idling = thread::spawn(move || other.idle_on(1, false));
    placement::give_way(&*machine, 0, ONE);
    assert_eq!(idling.join().expect("the idle core finds it"), ONE);
}

/// Core 2 idles; core 1 does too, or goes idle. `queue` queues both threads, and each of the cores is to have one.
fn two_for_two(is_idle: bool, queue: impl FnOnce(&Machine)) {
    let machine = Machine::new(3);
    machine.idle.announce(2);
    if is_idle {
        machine.idle.announce(1);
    }
    let (one, two) = (machine.clone(), machine.clone());
    let first = thread::spawn(move || {
        let was_claimed = is_idle && one.sleep_on(1);
        one.idle_on(1, was_claimed)
    });
    let second = thread::spawn(move || {
        let was_claimed = two.sleep_on(2);
        two.idle_on(2, was_claimed)
    });
    queue(&machine);
    let found = [first, second].map(|core| core.join().expect("each core finds one"));
    assert!(found == [ONE, TWO] || found == [TWO, ONE]);
}

fn claimed() {
    two_for_two(true, |machine| {
        let _ = placement::queue_on(machine, 0, ONE);
        // As the kernel chooses: an idle core, else behind the busy one.
        let _ = placement::queue_on(machine, machine.idle.claim(0b110, 1).unwrap_or(0), TWO);
    });
}

fn given() {
    // Core 1 has the least to do, though it has not said yet that it idles.
    two_for_two(false, |machine| [ONE, TWO].into_iter().for_each(|thread| _ = placement::queue_on(machine, 1, thread)));
}
