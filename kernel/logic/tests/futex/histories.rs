//! Histories: simulated threads run random operations a step at a time, and each step is compared with the plain reference.
//!
//! In half of the histories a woken thread runs at once, inside its waker's call, and may wait again before the waker has let go of
//! the next: what another core would do at that moment.

use super::machine::{Machine, WORDS};
use super::plain::Plain;
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::futex::many::Awaited;
use skete_logic::futex::{ANY, Shares, Waiter};
use skete_logic::host::{Host, Parked};
use skete_logic::thread::Thread;
use skete_logic::time::{Deadline, Instant};
use skete_logic::token::Token;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;

const THREADS: usize = 4;

/// What a thread does in one step.
#[derive(Clone, Copy, Debug)]
enum Step {
    Store {
        word: usize,
        value: u32,
    },
    Wait {
        word: usize,
        expected: u32,
        bitset: u32,
        ticks: Option<u32>,
    },
    /// For the first of three words, or two, or all.
    WaitMany {
        words: [(usize, u32); 3],
        count: usize,
        ticks: Option<u32>,
    },
    Wake {
        word: usize,
        nr: u32,
        bitset: u32,
    },
    Requeue {
        from: usize,
        to: usize,
        shares: Shares,
        expected: Option<u32>,
    },
    WakeOp {
        word: usize,
        nr: u32,
        other: usize,
        other_nr: u32,
        value: u32,
        also: bool,
    },
    /// Time passes: whoever's deadline it is, is late.
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    let (word, value) = (0..WORDS, 0..2u32);
    let nr = prop_oneof![Just(0u32), Just(1), Just(2), Just(u32::MAX)];
    let bitset = prop_oneof![3 => Just(ANY), 1 => 1..4u32];
    let shares = (nr.clone(), nr.clone()).prop_map(|(wake, requeue)| Shares { wake, requeue });
    let wait = (word.clone(), value.clone(), bitset.clone(), prop::option::of(1..4u32));
    let several = prop::array::uniform3((word.clone(), prop_oneof![3 => Just(0u32), 1 => Just(1)]));
    let many = (several, 1..=3usize, prop::option::of(1..4u32));
    let requeue = (word.clone(), word.clone(), shares, prop::option::of(value.clone()));
    let wake_op = (word.clone(), nr.clone(), word.clone(), nr.clone(), value.clone(), any::<bool>());
    prop_oneof![
        2 => (word.clone(), value).prop_map(|(word, value)| Step::Store { word, value }),
        9 => wait.prop_map(|(word, expected, bitset, ticks)| Step::Wait { word, expected, bitset, ticks }),
        6 => many.prop_map(|(words, count, ticks)| Step::WaitMany { words, count, ticks }),
        3 => (word, nr, bitset).prop_map(|(word, nr, bitset)| Step::Wake { word, nr, bitset }),
        3 => requeue.prop_map(|(from, to, shares, expected)| Step::Requeue { from, to, shares, expected }),
        1 => wake_op.prop_map(|(word, nr, other, other_nr, value, also)| {
            Step::WakeOp { word, nr, other, other_nr, value, also }
        }),
        2 => Just(Step::Tick),
    ]
}

/// A machine beside its reference.
struct History {
    machine: Machine,
    plain: RefCell<Plain>,
    programs: [RefCell<VecDeque<Step>>; THREADS],
    /// What a thread is doing: nothing, or waiting until a tick.
    waits: [Cell<Option<Wait>>; THREADS],
    /// What it waits for, if that is several words.
    many: [RefCell<Vec<Awaited>>; THREADS],
    /// Nodes that a waker has taken and not let go yet.
    claimed: RefCell<Vec<Thread>>,
    now: Cell<u32>,
    is_eager: bool,
}

#[derive(Clone, Copy)]
struct Wait {
    until: Option<u32>,
}

/// The machine as its operations see it: an unpark is where other threads may run.
struct Seat<'a> {
    history: &'a History,
    /// Whom the reference expects to be unparked, in order.
    expected: RefCell<VecDeque<Thread>>,
}

impl Host for Seat<'_> {
    fn current(&self) -> Thread {
        self.history.machine.current()
    }

    fn park(&self, deadline: Option<Deadline>) -> Parked {
        self.history.machine.park(deadline)
    }

    type Masking = ();

    fn uninterrupted<R>(&self, section: impl FnOnce(()) -> R) -> R {
        section(())
    }

    fn token(&self, thread: Thread) -> &Token {
        self.history.machine.token(thread)
    }

    fn leave(&self) {
        self.history.machine.leave();
    }

    fn make_ready(&self, thread: Thread, masking: ()) {
        assert_eq!(self.expected.borrow_mut().pop_front(), Some(thread), "the reference wakes another");
        self.history.machine.make_ready(thread, masking);
        self.history.machine.unparked();
        assert!(self.history.machine.waiter(thread).is_woken(), "unparked, but not let go");
        self.history.claimed.borrow_mut().retain(|&claimed| claimed != thread);
        self.history.woken(self.history.machine.owner(thread));
    }

    fn priority(&self, thread: Thread) -> u8 {
        self.history.machine.priority(thread)
    }

    fn waiter(&self, thread: Thread) -> &Waiter {
        self.history.machine.waiter(thread)
    }

    fn now(&self) -> Instant {
        self.history.machine.now()
    }
}

impl History {
    /// A node of `thread` was let go: it runs, unless it waits for several words and looks at them later.
    fn woken(&self, thread: Thread) {
        if !self.is_several(thread) {
            self.waits[thread.index()].set(None);
        }
        if self.is_eager {
            self.run(thread);
        }
    }

    fn is_several(&self, thread: Thread) -> bool {
        !self.many[thread.index()].borrow().is_empty()
    }

    /// `thread`, which waits for several words, leaves them, if it was woken or is late. Not yet, if some waker has taken a node of its and
    /// not let it go: the thread would sleep on.
    fn leave(&self, thread: Thread) {
        let is_late = self.is_late(thread);
        let mut awaited = self.many[thread.index()].borrow_mut();
        if self.claimed.borrow().iter().any(|&node| self.machine.owner(node) == thread) {
            return;
        }
        let is_woken = |word: &Awaited| self.plain.borrow().word_of(word.node).is_none();
        let expected = awaited.iter().rposition(is_woken);
        if expected.is_none() && !is_late {
            return;
        }
        awaited.iter().for_each(|word| _ = self.plain.borrow_mut().remove(word.node));
        assert_eq!(self.machine.table.leave_many(&self.machine, &awaited), expected);
        awaited.clear();
        self.waits[thread.index()].set(None);
    }

    fn is_late(&self, thread: Thread) -> bool {
        self.waits[thread.index()].get().is_some_and(|wait| wait.until.is_some_and(|until| until <= self.now.get()))
    }

    /// Begins to wait for several words, unless one differs.
    fn wait_many(&self, thread: Thread, words: &[(usize, u32)], ticks: Option<u32>) {
        let read = |word: usize| self.machine.words[word].get();
        let awaited = self.machine.awaited(thread, words);
        let entered = self.machine.table.enter_many(&self.machine, &awaited, |awaited| Ok(read(awaited.address)));
        if words.iter().any(|&(word, expected)| read(word) != expected) {
            assert_eq!(entered, Err(Errno::EAGAIN));
            return;
        }
        assert_eq!(entered, Ok(None));
        for word in &awaited {
            self.plain.borrow_mut().enter(word.node, word.address, ANY, self.machine.priority(thread));
        }
        self.waits[thread.index()].set(Some(Wait { until: ticks.map(|ticks| self.now.get() + ticks) }));
        self.many[thread.index()].replace(awaited);
    }

    /// Lets `thread` do its next step, unless it waits.
    fn run(&self, thread: Thread) {
        if self.is_several(thread) {
            self.leave(thread);
        }
        if self.waits[thread.index()].get().is_some() {
            return;
        }
        let Some(step) = self.programs[thread.index()].borrow_mut().pop_front() else {
            return;
        };
        let table = &self.machine.table;
        let (key, read) = (Machine::key, |word: usize| self.machine.words[word].get());
        match step {
            Step::Store { word, value } => self.machine.words[word].set(value),
            Step::Tick => self.tick(),
            Step::Wait { word, expected, bitset, ticks } => {
                let entered = self.machine.enter(thread, word, bitset, expected);
                if read(word) == expected {
                    assert_eq!(entered, Ok(()));
                    self.plain.borrow_mut().enter(thread, word, bitset, self.machine.priority(thread));
                    let until = ticks.map(|ticks| self.now.get() + ticks);
                    self.waits[thread.index()].set(Some(Wait { until }));
                } else {
                    assert_eq!(entered, Err(Errno::EAGAIN));
                }
            }
            Step::WaitMany { words, count, ticks } => self.wait_many(thread, &words[..count], ticks),
            Step::Wake { word, nr, bitset } => {
                let woken = self.plain.borrow_mut().wake(word, nr, bitset);
                let count = woken.len();
                let answer = self.waking(woken, |seat| table.wake(seat, key(word), nr, bitset));
                assert_eq!(answer as usize, count);
            }
            Step::Requeue { from, to, shares, expected } => {
                if expected.is_some_and(|expected| expected != read(from)) {
                    let answer = self
                        .waking(vec![], |seat| table.requeue(seat, key(from), key(to), shares, || Ok(read(from)), Some(1 - read(from))));
                    assert_eq!(answer, Err(Errno::EAGAIN));
                } else {
                    let (requeued, woken) = self.plain.borrow_mut().requeue(from, to, shares);
                    let answer = self.waking(woken, |seat| match expected {
                        None => table.requeue(seat, key(from), key(to), shares, || Ok(0), None),
                        Some(word) => table.requeue(seat, key(from), key(to), shares, || Ok(read(from)), Some(word)),
                    });
                    assert_eq!(answer, Ok(requeued));
                }
            }
            Step::WakeOp { word, nr, other, other_nr, value, also } => {
                let mut woken = self.plain.borrow_mut().wake(word, nr, ANY);
                woken.extend(self.plain.borrow_mut().wake(other, if also { other_nr } else { 0 }, ANY));
                let count = woken.len();
                let operate = || {
                    self.machine.words[other].set(value);
                    Ok(also)
                };
                let answer = self.waking(woken, |seat| table.wake_op(seat, key(word), nr, key(other), other_nr, operate));
                assert_eq!(answer.map(|woken| woken as usize), Ok(count));
            }
        }
        self.compare();
    }

    /// Runs an operation that, by the reference, wakes `expected`, all of them and in this order.
    fn waking<R>(&self, expected: Vec<Thread>, operation: impl FnOnce(&Seat<'_>) -> R) -> R {
        self.claimed.borrow_mut().extend(&expected);
        let seat = Seat { history: self, expected: RefCell::new(expected.into()) };
        let result = operation(&seat);
        assert!(seat.expected.borrow().is_empty(), "the reference wakes more");
        result
    }

    /// A tick passes: whoever is late withdraws, unless a waker has claimed it already.
    fn tick(&self) {
        self.now.set(self.now.get() + 1);
        for (thread, wait) in (0..).map(Thread::new).zip(&self.waits) {
            if !self.is_late(thread) {
                continue;
            }
            if self.is_several(thread) {
                self.leave(thread);
            } else {
                let withdrawn = self.machine.table.withdraw(&self.machine, thread);
                assert_eq!(withdrawn, self.plain.borrow_mut().remove(thread), "late, and woken by the reference");
                if withdrawn {
                    wait.set(None);
                }
            }
        }
    }

    fn compare(&self) {
        let plain = self.plain.borrow();
        assert_eq!(self.machine.table.waiters() as usize, plain.len());
        for node in self.machine.nodes() {
            let wait = &self.waits[self.machine.owner(node).index()];
            match plain.word_of(node) {
                Some(word) => assert_eq!(self.machine.waiter(node).awaited(), Some(Machine::key(word))),
                // Not waiting; or claimed by a waker that has not come to it yet.
                None => assert!(self.machine.waiter(node).is_woken() || wait.get().is_some()),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn every_history_is_one_of_the_plain_reference(
        priorities in prop::array::uniform4(prop_oneof![3 => Just(2u8), 1 => 0..4u8]),
        programs in prop::array::uniform4(prop::collection::vec(step(), 0..12)),
        turns in prop::collection::vec(0..THREADS, 48),
        is_eager: bool,
    ) {
        let history = History {
            machine: Machine::new(&priorities),
            plain: RefCell::default(),
            programs: programs.map(|program| RefCell::new(program.into())),
            waits: Default::default(),
            many: Default::default(),
            claimed: RefCell::default(),
            now: Cell::new(0),
            is_eager,
        };
        for turn in turns {
            history.run(Thread::new(u16::try_from(turn)?));
        }
        for program in &history.programs {
            program.borrow_mut().clear();
        }
        for word in 0..WORDS {
            let woken = history.plain.borrow_mut().wake(word, u32::MAX, ANY);
            history.waking(woken, |seat| history.machine.table.wake(seat, Machine::key(word), u32::MAX, ANY));
        }
        (0..).map(Thread::new).take(THREADS).filter(|&thread| history.is_several(thread)).for_each(|thread| history.leave(thread));
        prop_assert_eq!(history.machine.table.waiters(), 0);
        prop_assert!(history.waits.iter().all(|wait| wait.get().is_none()));
    }
}
