//! Histories: simulated threads run random operations a step at a time, and each step is compared with the plain reference: its answer,
//! whom it lets go, how often it enters the kernel, and what every slot is then.
//!
//! In half of the histories a thread that was let go runs at once, inside its waker's call: what another core would do at that moment.

use super::machine::{Machine, Order, SLOTS, Seat, Step, Stop, THREADS};
use super::plain::{Outcome, Plain};
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::futaphore::MOST;
use skete_logic::host::Parked;
use skete_logic::thread::Thread;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};

fn step() -> impl Strategy<Value = Step> {
    let number = prop_oneof![1 => Just(0usize), 12 => Just(1), 6 => Just(2), 2 => Just(3), 1 => Just(SLOTS)];
    let count = prop_oneof![8 => 0..2u32, 1 => prop_oneof![Just(MOST - 1), Just(MOST), Just(MOST + 1)]];
    prop_oneof![
        3 => count.prop_map(|count| Step::Make { count }),
        1 => number.clone().prop_map(|number| Step::Free { number }),
        9 => (number.clone(), prop::option::of(0..4u32)).prop_map(|(number, ticks)| Step::P { number, ticks }),
        1 => number.clone().prop_map(|number| Step::TryP { number }),
        6 => number.clone().prop_map(|number| Step::V { number }),
        1 => number.prop_map(|number| Step::Value { number }),
        2 => Just(Step::Tick),
    ]
}

/// The thread that tidies up, and does nothing before.
const TIDY: Thread = Thread::new(4);

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Nothing: it may begin its next step.
    Nothing,
    /// It is in the middle of a step.
    Runs,
    /// It sleeps, until then at most.
    Asleep(Option<u32>),
    /// It was let go, and has not gone on.
    LetGo(Option<u32>),
}

/// How the scheduler speaks to a thread of the host's.
type Ends = (Sender<Order>, Receiver<Stop>);

/// A thread as the scheduler sees it.
struct Line {
    /// The thread of the host's behind it, begun with the first P that sleeps.
    ends: OnceCell<Ends>,
    doing: Cell<Doing>,
    program: RefCell<VecDeque<Step>>,
    priority: u8,
}

struct History<'a> {
    machine: &'a Machine,
    lines: [Line; THREADS],
    plain: RefCell<Plain>,
    now: Cell<u32>,
    /// Whether somebody frees just now, and so holds the page's guard.
    is_guarded: Cell<bool>,
    is_eager: bool,
    /// Begins a thread of the host's.
    begin_thread: &'a dyn Fn(Thread) -> Ends,
}

impl History<'_> {
    fn line(&self, thread: Thread) -> &Line {
        &self.lines[thread.index()]
    }

    fn threads() -> impl Iterator<Item = Thread> {
        (0..).map(Thread::new).take(THREADS)
    }

    /// Lets `thread` do its next step, or go on with what it slept in.
    fn run(&self, thread: Thread) {
        let line = self.line(thread);
        match line.doing.get() {
            Doing::Runs | Doing::Asleep(_) => {}
            Doing::LetGo(until) => {
                let outcome = self.plain.borrow_mut().go_on(thread, line.priority);
                self.proceed(thread, Order::GoOn(Parked::Notified), until, outcome);
            }
            Doing::Nothing => {
                // Nobody makes or frees one while another does: it would sleep in the guard's line.
                let waits = |step: &Step| self.is_guarded.get() && matches!(step, Step::Make { .. } | Step::Free { .. });
                let Some(step) = line.program.borrow_mut().pop_front_if(|step| !waits(step)) else { return };
                self.begin(thread, step);
            }
        }
    }

    fn begin(&self, thread: Thread, step: Step) {
        let line = self.line(thread);
        let until = if let Step::P { ticks, .. } = step { ticks.map(|ticks| self.now.get() + ticks) } else { None };
        let outcome = self.plain.borrow_mut().act(thread, line.priority, step);
        let Outcome::Answers(answer, woken) = outcome else {
            return self.proceed(thread, Order::Do { step, until }, until, outcome);
        };
        let entries = u32::from(!woken.is_empty());
        let frees = matches!(step, Step::Free { .. });
        line.doing.set(Doing::Runs);
        self.is_guarded.set(self.is_guarded.get() || frees);
        let expected = RefCell::new(VecDeque::from(woken));
        let let_go = |woken| {
            assert_eq!(expected.borrow_mut().pop_front(), Some(woken), "the reference lets another go");
            self.let_go(woken);
        };
        assert_eq!(Seat::serve_at_once(self.machine, thread, step, &let_go), Stop::Done { answer, entries });
        assert!(expected.borrow().is_empty(), "the reference lets more go");
        self.is_guarded.set(self.is_guarded.get() && !frees);
        line.doing.set(Doing::Nothing);
        self.compare();
        if matches!(step, Step::Tick) {
            self.tick();
        }
    }

    /// Gives `thread`, which is in a P that sleeps or has slept, an order, and follows it until it sleeps or is done, as `expected` says.
    fn proceed(&self, thread: Thread, order: Order, until: Option<u32>, mut expected: Outcome) {
        let line = self.line(thread);
        let (orders, stops) = line.ends.get_or_init(|| (self.begin_thread)(thread));
        let tell = |order| orders.send(order).expect("the thread listens");
        line.doing.set(Doing::Runs);
        tell(order);
        loop {
            match stops.recv().expect("the thread did not panic") {
                Stop::Asleep => {
                    assert_eq!(expected, Outcome::Sleeps);
                    if until.is_none_or(|until| until > self.now.get()) {
                        line.doing.set(Doing::Asleep(until));
                        break;
                    }
                    self.plain.borrow_mut().give_up(thread);
                    expected = Outcome::Answers(Err(Errno::ETIMEDOUT), vec![]);
                    tell(Order::GoOn(Parked::Expired));
                }
                Stop::Done { answer, entries } => {
                    // It has slept, and so it has entered the kernel: once, however often it slept.
                    assert_eq!((Outcome::Answers(answer, vec![]), entries), (expected, 1));
                    line.doing.set(Doing::Nothing);
                    break;
                }
            }
        }
        self.compare();
    }

    fn let_go(&self, thread: Thread) {
        let Doing::Asleep(until) = self.line(thread).doing.get() else { panic!("{thread:?} is let go, and does not sleep") };
        self.line(thread).doing.set(Doing::LetGo(until));
        if self.is_eager {
            self.run(thread);
            self.run(thread);
        }
    }

    /// A tick passes: whoever sleeps and is late gives up, unless a waker has taken it out of its line.
    fn tick(&self) {
        self.now.set(self.now.get() + 1);
        for thread in Self::threads() {
            let is_late = matches!(self.line(thread).doing.get(), Doing::Asleep(Some(until)) if until <= self.now.get());
            if is_late && self.plain.borrow().is_in_line(thread) {
                self.plain.borrow_mut().give_up(thread);
                let outcome = Outcome::Answers(Err(Errno::ETIMEDOUT), vec![]);
                self.proceed(thread, Order::GoOn(Parked::Expired), None, outcome);
            }
        }
    }

    /// Every slot is as the reference says: its count, and whether the program may move it by itself.
    fn compare(&self) {
        let plain = self.plain.borrow();
        assert_eq!(self.machine.table.waiters() as usize, plain.sleepers());
        for number in 1..SLOTS {
            let state = self.machine.page.slot(number).expect("it is a slot's").state();
            let told = state.is_in_use().then(|| (state.count(), state.is_awaited()));
            assert_eq!(told, plain.state(number).map(|(count, sleepers)| (count, sleepers > 0)), "slot {number}");
        }
    }

    /// Lets everybody go who was let go, and frees what there is, until nobody sleeps.
    fn finish(&self) {
        let run_all = || Self::threads().for_each(|thread| self.run(thread));
        self.lines.iter().for_each(|line| line.program.borrow_mut().clear());
        run_all();
        for number in 1..SLOTS {
            self.begin(TIDY, Step::Free { number });
            run_all();
        }
        assert!(self.lines.iter().all(|line| line.doing.get() == Doing::Nothing));
        assert_eq!((self.machine.table.waiters(), self.machine.page.count()), (0, 0));
    }
}

fn live(priorities: [u8; 4], programs: [Vec<Step>; 4], turns: &[u16], is_eager: bool) {
    let [a, b, c, d] = priorities;
    let priorities: [u8; THREADS] = [a, b, c, d, 2];
    let [a, b, c, d] = programs;
    let programs = [a, b, c, d, vec![]];
    let machine = Machine::new(priorities);
    std::thread::scope(|scope| {
        let begin_thread = |me| {
            let ((orders, their_orders), (their_stops, stops)) = (channel(), channel());
            let machine = &machine;
            scope.spawn(move || Seat::serve(machine, me, their_orders, their_stops));
            (orders, stops)
        };
        let mut priorities = priorities.into_iter();
        let lines = programs.map(|program| {
            let priority = priorities.next().expect("one a program");
            Line { ends: OnceCell::new(), doing: Cell::new(Doing::Nothing), program: RefCell::new(program.into()), priority }
        });
        let (plain, now, is_guarded) = (RefCell::default(), Cell::new(0), Cell::new(false));
        let history = History { machine: &machine, lines, plain, now, is_guarded, is_eager, begin_thread: &begin_thread };
        turns.iter().for_each(|&turn| history.run(Thread::new(turn)));
        history.finish();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn every_history_is_one_of_the_plain_reference(
        priorities in prop::array::uniform4(prop_oneof![3 => Just(2u8), 1 => 0..4u8]),
        programs in prop::array::uniform4(prop::collection::vec(step(), 0..12)),
        turns in prop::collection::vec(0..4u16, 48),
        is_eager: bool,
    ) {
        live(priorities, programs, &turns, is_eager);
    }
}
