//! Histories: four simulated threads do random things a step at a time, and each step is compared with the plain reference.
//!
//! In half of the histories a woken thread runs at once, inside its waker's call, and may sleep again before the waker has let go of
//! the next: what another core would do at that moment.

use super::machine::{Machine, number_of, pid_of};
use super::plain::{Outcome, Plain, Woken};
use proptest::prelude::*;
use skete_abi::Errno;
use skete_abi::ipc::{IPC_CREAT, IPC_EXCL, IPC_NOWAIT};
use skete_abi::sem::{SEM_UNDO, SEMVMX, SemBuf};
use skete_logic::futex::Waiter;
use skete_logic::host::{Host, Parked};
use skete_logic::sysv::ids::Id;
use skete_logic::sysv::limits::Limits;
use skete_logic::sysv::sem::{Lent, Sleeper, Sleepers};
use skete_logic::thread::Thread;
use skete_logic::time::{Deadline, Instant};
use skete_logic::token::Token;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};

const THREADS: u16 = 4;
const LIMITS: Limits = Limits { per_set: 3, in_all: 6, operations: 4, sets: 3 };

/// What a thread does in one step. A set is named by how long ago its id was made.
#[derive(Clone, Debug)]
enum Step {
    Get {
        key: i32,
        count: usize,
        flags: i32,
    },
    Remove {
        set: usize,
    },
    Operate {
        set: usize,
        operations: Vec<SemBuf>,
        ticks: Option<u32>,
    },
    Set {
        set: usize,
        number: Option<usize>,
        values: Vec<i32>,
    },
    SetMode {
        set: usize,
        mode: i32,
    },
    Unshare,
    /// Ends, and another thread of the same number is made by `maker`.
    End {
        maker: u16,
    },
    /// Time passes: whoever's deadline it is, is late.
    Tick,
}

fn operation() -> impl Strategy<Value = SemBuf> {
    let change = prop_oneof![4 => Just(-1i16), 4 => Just(1), 3 => Just(0), 2 => -3..4i16, 1 => prop_oneof![Just(i16::MAX), Just(i16::MIN)]];
    let flags = prop_oneof![5 => Just(0), 1 => Just(IPC_NOWAIT), 2 => Just(SEM_UNDO), 1 => Just(SEM_UNDO | IPC_NOWAIT)];
    let number = prop_oneof![12 => 0..2u16, 2 => Just(2), 1 => Just(3)];
    (number, change, flags).prop_map(|(sem_num, sem_op, sem_flg)| SemBuf { sem_num, sem_op, sem_flg })
}

fn step() -> impl Strategy<Value = Step> {
    let set = prop_oneof![8 => Just(0usize), 3 => Just(1), 1 => Just(2)];
    let flags = prop_oneof![6 => Just(IPC_CREAT), 1 => Just(0), 1 => Just(IPC_CREAT | IPC_EXCL)];
    let mode = prop_oneof![12 => Just(0o600), 1 => Just(0o400), 1 => Just(0o200)];
    let get = (0..3i32, 0..5usize, flags, mode.clone());
    let operations = prop_oneof![3 => prop::collection::vec(operation(), 1), 2 => prop::collection::vec(operation(), 2..4)];
    let value = prop_oneof![6 => 0..3i32, 1 => prop_oneof![Just(-1), Just(i32::from(SEMVMX)), Just(i32::from(SEMVMX) + 1)]];
    prop_oneof![
        2 => get.prop_map(|(key, count, flags, mode)| Step::Get { key, count, flags: flags | mode }),
        1 => set.clone().prop_map(|set| Step::Remove { set }),
        24 => (set.clone(), operations, prop::option::of(1..4u32)).prop_map(|(set, operations, ticks)| Step::Operate { set, operations, ticks }),
        2 => (set.clone(), 0..4usize, value.clone()).prop_map(|(set, number, value)| Step::Set { set, number: Some(number), values: vec![value] }),
        1 => (set.clone(), prop::collection::vec(value, 1..4)).prop_map(|(set, values)| Step::Set { set, number: None, values }),
        1 => (set, mode).prop_map(|(set, mode)| Step::SetMode { set, mode }),
        1 => Just(Step::Unshare),
        2 => (0..THREADS).prop_map(|maker| Step::End { maker }),
        2 => Just(Step::Tick),
    ]
}

/// A machine beside its reference.
struct History {
    machine: Machine,
    plain: RefCell<Plain>,
    /// Every id that there ever was, and some that never were.
    ids: RefCell<Vec<i32>>,
    programs: [RefCell<VecDeque<Step>>; THREADS as usize],
    /// In which set a thread sleeps, and until when, if it does.
    sleeps: [Cell<Option<Sleep>>; THREADS as usize],
    now: Cell<u32>,
    is_eager: Cell<bool>,
}

/// In which set, and until when.
#[derive(Clone, Copy)]
struct Sleep {
    id: i32,
    until: Option<u32>,
}

/// The machine as its operations see it: an unpark is where other threads may run.
struct Seat<'a> {
    history: &'a History,
    /// Whom the reference expects to be unparked, and with what answer, in order.
    expected: RefCell<VecDeque<Woken>>,
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
        Host::leave(&self.history.machine);
    }

    fn make_ready(&self, thread: Thread, masking: ()) {
        let number = number_of(thread);
        let expected = self.expected.borrow_mut().pop_front();
        self.history.machine.make_ready(thread, masking);
        assert_eq!(expected, self.history.machine.answer(number).map(|answer| (number, answer)), "the reference wakes otherwise");
        self.history.sleeps[usize::from(number)].set(None);
        // Who is woken by a removal finds the registry locked.
        if self.history.is_eager.get() && self.history.machine.is_registry_free() {
            let before = self.history.machine.current.get();
            self.history.run(number);
            self.history.machine.current.set(before);
        }
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

impl Sleepers for Seat<'_> {
    fn sleeper(&self, thread: Thread) -> &Sleeper {
        self.history.machine.sleeper(thread)
    }

    fn lend(&self, operations: &[SemBuf]) -> Lent {
        self.history.machine.lend(operations)
    }

    fn borrow(&self, lent: Lent) -> &[SemBuf] {
        self.history.machine.borrow(lent)
    }

    fn pid(&self) -> u32 {
        self.history.machine.pid()
    }

    fn undo_list(&self, thread: Thread) -> u16 {
        self.history.machine.undo_list(thread)
    }

    fn expect_undo(&self) {}

    fn stamp(&self) -> u64 {
        self.history.machine.stamp()
    }
}

impl History {
    fn new(programs: [Vec<Step>; THREADS as usize], is_eager: bool) -> Self {
        Self {
            machine: Machine::new(THREADS.into(), LIMITS),
            plain: RefCell::new(Plain { sets: BTreeMap::new(), limits: LIMITS }),
            ids: RefCell::new(vec![-1, i32::MAX, 0x8000]),
            programs: programs.map(|program| RefCell::new(program.into())),
            sleeps: Default::default(),
            now: Cell::new(0),
            is_eager: Cell::new(is_eager),
        }
    }

    /// The id that was made `ago` ids ago.
    fn id(&self, ago: usize) -> i32 {
        let ids = self.ids.borrow();
        ids[ids.len() - 1 - ago]
    }

    /// Does something that, by the reference, wakes `expected`, all of them and in this order.
    fn waking<R>(&self, expected: Vec<Woken>, act: impl FnOnce(&Seat<'_>) -> R) -> R {
        let seat = Seat { history: self, expected: RefCell::new(expected.into()) };
        let result = act(&seat);
        assert!(seat.expected.borrow().is_empty(), "the reference wakes more");
        result
    }

    /// Lets `thread` do its next step, unless it sleeps.
    fn run(&self, thread: u16) {
        let number = usize::from(thread);
        if self.sleeps[number].get().is_some() {
            return;
        }
        let Some(step) = self.programs[number].borrow_mut().pop_front() else { return };
        self.machine.current.set(Thread::new(thread));
        match step {
            Step::Get { key, count, flags } => self.get(key, count, flags),
            Step::Remove { set } => self.remove(self.id(set)),
            Step::Operate { set, operations, ticks } => self.operate(thread, self.id(set), &operations, ticks),
            Step::Set { set, number, values } => self.set(thread, self.id(set), number, &values),
            Step::SetMode { set, mode } => self.set_mode(self.id(set), mode),
            Step::Unshare => {
                self.leave(thread);
                self.machine.begin_list();
            }
            Step::End { maker } => {
                self.leave(thread);
                self.machine.spawn(thread, maker);
            }
            Step::Tick => self.tick(),
        }
        self.compare();
    }

    fn get(&self, key: i32, count: usize, flags: i32) {
        let expected = self.plain.borrow().get(key, count, flags);
        let got = self.machine.get(key, i32::try_from(count).expect("a few"), flags);
        match expected {
            Err(errno) => assert_eq!(got, Err(errno)),
            Ok(Some(id)) => assert_eq!(got, Ok(id)),
            Ok(None) => {
                let id = got.expect("the reference makes one");
                self.plain.borrow_mut().make(id, key, count, flags);
                self.ids.borrow_mut().push(id);
            }
        }
    }

    fn remove(&self, id: i32) {
        let expected = self.plain.borrow_mut().remove(id);
        let (woken, is_there) = (expected.clone().unwrap_or_default(), expected.is_ok());
        let remove = |seat: &Seat<'_>| Id::from_number(id).and_then(|id| self.machine.registry().remove(seat, &self.machine, id).ok());
        assert_eq!(self.waking(woken, remove).is_some(), is_there);
    }

    fn operate(&self, thread: u16, id: i32, operations: &[SemBuf], ticks: Option<u32>) {
        let list = self.machine.memberships[usize::from(thread)].list();
        let (outcome, woken) = self.plain.borrow_mut().operate(thread, list, id, operations);
        if outcome == Outcome::Waits {
            self.sleeps[usize::from(thread)].set(Some(Sleep { id, until: ticks.map(|ticks| self.now.get() + ticks) }));
        }
        let entered = self.waking(woken, |seat| match self.machine.set(id) {
            Some(set) => set.enter(seat, id, operations),
            None => Err(Errno::EINVAL),
        });
        assert_eq!(
            entered,
            match outcome {
                Outcome::Done => Ok(true),
                Outcome::Waits => Ok(false),
                Outcome::Failed(errno) => Err(errno),
            }
        );
    }

    fn set(&self, thread: u16, id: i32, number: Option<usize>, values: &[i32]) {
        // As numbers of 16 bits they come to SETALL.
        let values = if number.is_none() { values.iter().map(|value| value & 0xffff).collect() } else { values.to_vec() };
        let expected = self.plain.borrow_mut().set(thread, id, number, &values);
        let answer = expected.as_ref().map(|_| ()).map_err(|errno| *errno);
        let in_range = values.iter().all(|value| (0..=i32::from(SEMVMX)).contains(value));
        let done = self.waking(expected.unwrap_or_default(), |seat| {
            let (Some(set), Some(id)) = (self.machine.set(id), Id::from_number(id)) else {
                return Err(if in_range { Errno::EINVAL } else { Errno::ERANGE });
            };
            match number {
                Some(number) => set.set_value(seat, id, number, values[0]),
                None => {
                    let values = values.iter().map(|value| u16::try_from(*value).expect("16 bits")).collect::<Vec<_>>();
                    set.set_values(seat, id, &values)
                }
            }
        });
        assert_eq!(done, answer);
    }

    fn set_mode(&self, id: i32, mode: i32) {
        let expected = self.plain.borrow_mut().set_mode(id, mode);
        let set = self.machine.set(id).zip(Id::from_number(id));
        let done = set
            .map_or(Err(Errno::EINVAL), |(set, id)| set.set_permissions(&self.machine, id, 0, 0, u16::try_from(mode).expect("nine bits")));
        assert_eq!(done, expected);
    }

    fn leave(&self, thread: u16) {
        let memberships = &self.machine.memberships;
        let list = memberships[usize::from(thread)].list();
        let is_shared = memberships.iter().filter(|other| other.list() == list).count() > 1;
        let woken = if is_shared { vec![] } else { self.plain.borrow_mut().undo(thread, list) };
        // One set is undone after the other: who is woken by one runs when all are.
        let eager = self.is_eager.replace(false);
        self.waking(woken, |seat| self.machine.leave_as(seat));
        self.is_eager.set(eager);
    }

    /// A tick passes: whoever is late withdraws, unless a waker has claimed it already.
    fn tick(&self) {
        self.now.set(self.now.get() + 1);
        for thread in 0..THREADS {
            let sleep = &self.sleeps[usize::from(thread)];
            let Some(Sleep { id, until: Some(until) }) = sleep.get() else { continue };
            if until <= self.now.get() {
                let is_out = self.machine.set(id).is_some_and(|set| set.withdraw(&self.machine, Thread::new(thread)));
                assert_eq!(is_out, self.plain.borrow_mut().withdraw(thread), "late, and woken by the reference");
                if is_out {
                    sleep.set(None);
                }
            }
        }
    }

    fn compare(&self) {
        let plain = self.plain.borrow();
        for &id in self.ids.borrow().iter() {
            for number in 0..4 {
                let told = self.machine.set(id).zip(Id::from_number(id)).map_or(Err(Errno::EINVAL), |(set, id)| {
                    let thread = set.pid(id, number)?;
                    let thread = (0..THREADS).find(|other| pid_of(*other) == thread);
                    let waiting = [false, true].map(|for_zero| set.waiting(&self.machine, id, number, for_zero));
                    Ok((i32::from(set.value(id, number)?), thread, waiting[0]?, waiting[1]?))
                });
                assert_eq!(told, plain.tell(id, number));
            }
        }
        for thread in 0..THREADS {
            let is_asleep = self.machine.answer(thread).is_none();
            // A sleeper that the reference has woken may be claimed by a waker that has not come to it yet.
            assert!(is_asleep || !plain.is_waiting(thread));
            assert!(!is_asleep || plain.is_waiting(thread) || self.is_eager.get());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30_000, ..ProptestConfig::default() })]
    #[test]
    fn every_history_is_one_of_the_plain_reference(
        first in 1..4usize,
        programs in prop::array::uniform4(prop::collection::vec(step(), 0..14)),
        turns in prop::collection::vec(0..THREADS, 56),
        is_eager: bool,
    ) {
        let history = History::new(programs, is_eager);
        history.get(1, first, IPC_CREAT | 0o600);
        for turn in turns {
            history.run(turn);
        }
        for program in &history.programs {
            program.borrow_mut().clear();
        }
        let ids = history.plain.borrow().sets.keys().copied().collect::<Vec<_>>();
        for id in ids {
            history.remove(id);
        }
        prop_assert!(history.sleeps.iter().all(|sleep| sleep.get().is_none()));
        prop_assert_eq!(history.machine.registry().count(), 0);
        prop_assert_eq!(history.machine.registry().info(true).0.semaem, 0);
    }
}
