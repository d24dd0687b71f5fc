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
use std::cell::{Cell, RefCell};
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

/// A thread as the scheduler sees it.
struct Line {
    orders: Sender<Order>,
    stops: Receiver<Stop>,
    doing: Cell<Doing>,
    program: RefCell<VecDeque<Step>>,
    priority: u8,
    /// How often its step is to enter the kernel, by the reference.
    entries: Cell<u32>,
}

struct History<'a> {
    machine: &'a Machine,
    lines: [Line; THREADS],
    plain: RefCell<Plain>,
    now: Cell<u32>,
    /// Whether somebody frees just now, and so holds the page's guard.
    is_guarded: Cell<bool>,
    is_eager: bool,
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
        // One to sleep, one to let somebody go.
        let enters = match &outcome {
            Outcome::Sleeps => true,
            Outcome::Answers(_, woken) => !woken.is_empty(),
        };
        line.entries.set(u32::from(enters));
        if let (Outcome::Answers(answer, _), false) = (&outcome, enters) {
            // It stops nowhere, so it needs no thread of its own.
            assert_eq!(Seat::serve_at_once(self.machine, thread, step), Stop::Done { answer: *answer, entries: 0 });
            self.compare();
            if matches!(step, Step::Tick) {
                self.tick();
            }
            return;
        }
        let frees = matches!(step, Step::Free { .. });
        self.is_guarded.set(self.is_guarded.get() || frees);
        self.proceed(thread, Order::Do { step, until }, until, outcome);
        self.is_guarded.set(self.is_guarded.get() && !frees);
    }

    /// Gives `thread` an order and follows it until it sleeps or is done, which is to be as `outcome` says.
    fn proceed(&self, thread: Thread, order: Order, until: Option<u32>, outcome: Outcome) {
        let line = self.line(thread);
        line.doing.set(Doing::Runs);
        let tell = |order| line.orders.send(order).expect("the thread listens");
        tell(order);
        let mut expected = outcome;
        loop {
            match line.stops.recv().expect("the thread did not panic") {
                Stop::Wakes(woken) => {
                    let Outcome::Answers(_, line_of_woken) = &mut expected else { panic!("{woken:?} is let go by one that is to sleep") };
                    assert!(!line_of_woken.is_empty() && line_of_woken.remove(0) == woken, "the reference does not let {woken:?} go");
                    self.let_go(woken);
                    tell(Order::GoOn(Parked::Notified));
                }
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
                    assert_eq!((Outcome::Answers(answer, vec![]), entries), (expected, line.entries.get()));
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
        let mut number = 0;
        let lines = programs.map(|program| {
            let ((orders, their_orders), (their_stops, stops)) = (channel(), channel());
            let me = Thread::new(number);
            let machine = &machine;
            scope.spawn(move || Seat::serve(machine, me, their_orders, their_stops));
            number += 1;
            let (doing, priority) = (Cell::new(Doing::Nothing), priorities[me.index()]);
            Line { orders, stops, doing, program: RefCell::new(program.into()), priority, entries: Cell::new(0) }
        });
        let plain = RefCell::default();
        let history = History { machine: &machine, lines, plain, now: Cell::new(0), is_guarded: Cell::new(false), is_eager };
        turns.iter().for_each(|&turn| history.run(Thread::new(turn)));
        history.finish();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, max_shrink_iters: 2_000, ..ProptestConfig::default() })]
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
