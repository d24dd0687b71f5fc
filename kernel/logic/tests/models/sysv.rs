//! Models of semaphore sets: everything that can come between two calls.

use super::machine::RunSignal;
use super::runner::Model;
use allocator_api2::alloc::Global;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread::{self, JoinHandle};
use skete_abi::Errno;
use skete_abi::ipc::{IPC_CREAT, IPC_PRIVATE};
use skete_abi::sem::SemBuf;
use skete_cell::Guarded;
use skete_logic::futex::Waiter;
use skete_logic::host::{Host, Parked};
use skete_logic::mutant::Mutant;
use skete_logic::sysv::ids::Id;
use skete_logic::sysv::limits::Limits;
use skete_logic::sysv::sem::undo::{self, Members, Membership};
use skete_logic::sysv::sem::{Gate, Lent, Places, Registry, Set, Sleeper, Sleepers};
use skete_logic::thread::Thread;
use skete_logic::time::{Deadline, Instant};
use skete_logic::token::Token;

pub const MODELS: &[Model] = &[
    Model {
        name: "sysv::an_up_after_the_look_is_not_lost",
        body: up_and_down,
        mutants: &[Mutant::QueuedInASecondSection, Mutant::GateOpenWhileSomebodySleeps, Mutant::NoticeDroppedBehindTheQueueing],
    },
    Model {
        name: "sysv::arrays_that_cross_exclude_each_other_and_leave_nothing",
        body: crossing,
        mutants: &[Mutant::QueuedInASecondSection],
    },
    Model {
        name: "sysv::one_who_is_late_has_done_it_or_not_never_both",
        body: timeout_against_up,
        mutants: &[Mutant::SleeperWithdrawnBlindly],
    },
    Model {
        name: "sysv::a_woken_thread_may_sleep_again_at_once",
        body: sleep_again,
        mutants: &[Mutant::SleeperFreedUnderTheLock, Mutant::SleeperFreedRelaxed],
    },
    Model {
        name: "sysv::a_removed_set_keeps_nobody",
        body: removal,
        mutants: &[Mutant::SetRemovedBeforeTheSleepersGo, Mutant::IdComparedOutsideTheLock],
    },
    Model { name: "sysv::the_last_who_shares_a_list_undoes_it_once", body: both_leave, mutants: &[Mutant::LeftInTwoSteps] },
    Model {
        name: "sysv::an_undo_that_begins_while_another_leaves_is_not_lost",
        body: begin_against_leave,
        mutants: &[Mutant::LeftRelaxed],
    },
    Model {
        name: "sysv::a_list_that_a_thread_begins_to_share_is_not_undone",
        body: join_against_leave,
        mutants: &[Mutant::JoinedUncounted],
    },
    Model {
        name: "sysv::a_list_begins_with_the_number_of_none_that_is_still_undone",
        body: begin_behind_another,
        mutants: &[Mutant::ListEndedBeforeItIsApplied],
    },
    Model {
        name: "sysv::who_begins_a_list_sees_what_was_done_with_the_last_of_its_number",
        body: begin_after_another,
        mutants: &[Mutant::ListEndedRelaxed, Mutant::ListBegunRelaxed],
    },
    Model { name: "sysv::a_value_that_is_set_is_not_undone", body: set_against_undo, mutants: &[Mutant::UndoneInTwoSections] },
    Model { name: "sysv::an_undo_lets_a_sleeper_go", body: undo_against_down, mutants: &[Mutant::QueuedInASecondSection] },
];

/// A set's lock, and the number that it shows.
struct Lock(Mutex<u32>);

impl Gate for Lock {
    fn locked_at<R>(&self, number: u32, section: impl FnOnce() -> R) -> Option<R> {
        let shown = self.0.lock().expect("no section panics in a model that goes on");
        (*shown == number).then(section)
    }

    fn locked<R>(&self, section: impl FnOnce() -> (R, u32)) -> R {
        let mut shown = self.0.lock().expect("no section panics in a model that goes on");
        let (result, number) = section();
        *shown = number;
        result
    }
}

struct Record {
    sleeper: Sleeper,
    sharing: Membership,
    token: Token,
    run: RunSignal,
    /// What the thread sleeps over; the set's lock guards it, as it does the node.
    lent: Guarded<&'static [SemBuf]>,
}

/// One set, and threads.
struct Machine {
    set: Set<Lock, Global>,
    registry: Mutex<Registry<Global>>,
    records: Vec<Record>,
    expects_undo: AtomicU32,
}

/// The machine as one of its threads sees it.
#[derive(Clone)]
struct Seat {
    machine: Arc<Machine>,
    me: Thread,
    id: i32,
}

/// The seats of a machine for `threads` threads, who share an undo list, and a set with these values.
fn seats<const THREADS: usize>(values: &[u16]) -> [Seat; THREADS] {
    let record = || Record {
        sleeper: Sleeper::new(),
        sharing: Membership::new(),
        token: Token::new(),
        run: RunSignal::new(),
        lent: Guarded::new(&[]),
    };
    let machine = Arc::new(Machine {
        set: Set::new(0, Lock(Mutex::new(Set::<Lock, Global>::first_number(0))), Global),
        registry: Mutex::new(Registry::new(Limits::LINUX, Global)),
        records: (0..THREADS).map(|_| record()).collect(),
        expects_undo: AtomicU32::new(0),
    });
    machine.records.iter().for_each(|record| record.sharing.join(undo::ROOT, &*machine));
    let mut seat = Seat { machine, me: Thread::new(0), id: 0 };
    let count = i32::try_from(values.len()).expect("a few");
    let id = seat.registry(|registry| registry.open(&seat, &seat, IPC_PRIVATE, count, IPC_CREAT | 0o600)).expect("there is room");
    seat.machine.set.set_values(&seat, id, values).expect("it is there");
    seat.id = id.number();
    std::array::from_fn(|index| Seat { me: Thread::new(u16::try_from(index).expect("a few")), ..seat.clone() })
}

impl Seat {
    fn registry<R>(&self, act: impl FnOnce(&mut Registry<Global>) -> R) -> R {
        act(&mut self.machine.registry.lock().expect("nobody panics with it"))
    }

    /// As the kernel's `semop`.
    fn operate(&self, operations: &[SemBuf], deadline: Option<Instant>) -> Result<(), Errno> {
        match operations {
            [operation] if self.machine.set.change(self, self.id, operation) => Ok(()),
            _ => self.machine.set.operate(self, self.id, operations, deadline),
        }
    }

    fn value(&self, number: usize) -> u16 {
        self.machine.set.value(self.the_id(), number).expect("it is there")
    }

    fn the_id(&self) -> Id {
        Id::from_number(self.id).expect("an id")
    }

    /// As a thread's end.
    fn leave(&self) {
        self.membership().leave(&*self.machine, |list| {
            if self.machine.expects_undo.load(Ordering::Relaxed) != 0 {
                undo::apply(self, self, list);
            }
        });
    }

    /// Shares no list any more, which others do.
    fn leave_to_others(&self) {
        self.membership().leave(&*self.machine, |_| unreachable!("others share it"));
    }

    fn membership(&self) -> &Membership {
        &self.machine.records[self.me.index()].sharing
    }

    /// What must hold when all is over.
    fn is_at_rest(&self) -> bool {
        self.machine.set.sleepers(self) == 0
    }
}

impl Members for &Machine {
    fn of(&self, thread: Thread) -> &Membership {
        &self.records[thread.index()].sharing
    }

    fn count(&self) -> u16 {
        u16::try_from(self.records.len()).expect("a few")
    }
}

impl Places for Seat {
    type Lock = Lock;
    type Space = Global;

    fn at(&self, index: usize) -> Option<&Set<Lock, Global>> {
        (index == 0).then_some(&self.machine.set)
    }

    fn provide(&self, index: usize) -> Option<&Set<Lock, Global>> {
        self.at(index)
    }
}

impl Sleepers for Seat {
    fn sleeper(&self, thread: Thread) -> &Sleeper {
        &self.machine.records[thread.index()].sleeper
    }

    fn lend(&self, operations: &[SemBuf]) -> Lent {
        // A few bytes for each sleep: a model's process is short.
        let operations: &'static [SemBuf] = operations.to_vec().leak();
        self.machine.records[self.me.index()].lent.set(operations);
        Lent { start: self.me.index(), count: u16::try_from(operations.len()).expect("a few") }
    }

    fn borrow(&self, lent: Lent) -> &[SemBuf] {
        self.machine.records[lent.start].lent.get()
    }

    fn pid(&self) -> u32 {
        self.me.number().into()
    }

    fn undo_list(&self, thread: Thread) -> u16 {
        self.machine.records[thread.index()].sharing.list()
    }

    fn expect_undo(&self) {
        self.machine.expects_undo.store(1, Ordering::Relaxed);
    }

    fn stamp(&self) -> u64 {
        1
    }
}

impl Host for Seat {
    fn current(&self) -> Thread {
        self.me
    }

    /// Parks as the kernel does. A deadline has always passed, and hides an unpark that came with it.
    fn park(&self, deadline: Option<Deadline>) -> Parked {
        let is_notified = self.token(self.me).take();
        if deadline.is_some() {
            return Parked::Expired;
        }
        if !is_notified {
            Host::leave(self);
        }
        Parked::Notified
    }

    type Masking = ();

    fn uninterrupted<R>(&self, section: impl FnOnce(()) -> R) -> R {
        section(())
    }

    fn token(&self, thread: Thread) -> &Token {
        &self.machine.records[thread.index()].token
    }

    fn make_ready(&self, thread: Thread, (): ()) {
        self.machine.records[thread.index()].run.make_ready();
    }

    fn leave(&self) {
        let record = &self.machine.records[self.me.index()];
        if record.token.settle() {
            record.run.wait_to_run();
        }
    }

    fn priority(&self, _thread: Thread) -> u8 {
        2
    }

    fn waiter(&self, _thread: Thread) -> &Waiter {
        unreachable!("semaphores know no futex")
    }

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

fn end<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("it ends")
}

const UP: &[SemBuf] = &[SemBuf::up(0)];
const DOWN: &[SemBuf] = &[SemBuf::down(0)];

fn up_and_down() {
    let [sleeper, waker] = seats(&[0]);
    let told = Arc::new(Guarded::new(0));
    let seen = told.clone();
    let sleeping = thread::spawn(move || (sleeper.operate(DOWN, None), seen.get()));
    // What is written before an up is seen after the down that took it.
    told.set(1);
    assert_eq!(waker.operate(UP, None), Ok(()));
    assert_eq!(end(sleeping), (Ok(()), 1));
    assert!(waker.value(0) == 0 && waker.is_at_rest());
}

fn crossing() {
    let [one, other] = seats(&[1, 1]);
    let plate = Arc::new(Guarded::new(0));
    let eat = |seat: Seat, plate: Arc<Guarded<u32>>, take: [SemBuf; 2], give: [SemBuf; 2]| {
        assert_eq!(seat.operate(&take, None), Ok(()));
        plate.with_mut(|plate| *plate += 1);
        assert_eq!(seat.operate(&give, None), Ok(()));
    };
    let (seat, shared) = (one.clone(), plate.clone());
    let eating = thread::spawn(move || eat(seat, shared, [SemBuf::down(0), SemBuf::down(1)], [SemBuf::up(0), SemBuf::up(1)]));
    eat(other, plate.clone(), [SemBuf::down(1), SemBuf::down(0)], [SemBuf::up(1), SemBuf::up(0)]);
    end(eating);
    assert_eq!((plate.get(), one.value(0), one.value(1)), (2, 1, 1));
    assert!(one.is_at_rest());
}

fn timeout_against_up() {
    let [sleeper, waker] = seats(&[0]);
    let sleeping = thread::spawn(move || sleeper.operate(DOWN, Some(Instant::ZERO)));
    assert_eq!(waker.operate(UP, None), Ok(()));
    let slept = end(sleeping);
    assert_eq!(slept, if waker.value(0) == 0 { Ok(()) } else { Err(Errno::EAGAIN) });
    assert!(waker.value(0) <= 1 && waker.is_at_rest());
}

fn sleep_again() {
    let [one, other, waker] = seats(&[0]);
    let twice = thread::spawn(move || {
        [one.operate(DOWN, Some(Instant::ZERO)), one.operate(DOWN, Some(Instant::ZERO))].iter().filter(|slept| slept.is_ok()).count()
    });
    let once = thread::spawn(move || usize::from(other.operate(DOWN, Some(Instant::ZERO)).is_ok()));
    assert_eq!(waker.operate(&[SemBuf::new(0, 2)], None), Ok(()));
    let gone = end(twice) + end(once);
    assert_eq!(gone + usize::from(waker.value(0)), 2);
    assert!(waker.is_at_rest());
}

fn removal() {
    let [sleeper, remover] = seats(&[0]);
    let sleeping = thread::spawn(move || sleeper.operate(DOWN, None));
    let removed = remover.registry(|registry| registry.remove(&remover, &remover, remover.the_id()));
    drop(removed.expect("it was there"));
    let slept = end(sleeping);
    assert!(matches!(slept, Err(Errno::EIDRM | Errno::EINVAL)), "{slept:?}");
    assert!(remover.is_at_rest());
}

fn both_leave() {
    let [one, other] = seats(&[2]);
    assert_eq!(one.operate(&[SemBuf::down(0).undone()], None), Ok(()));
    let seat = other.clone();
    let leaving = thread::spawn(move || seat.leave());
    one.leave();
    end(leaving);
    assert_eq!(one.value(0), 2);
}

fn begin_against_leave() {
    let [one, other] = seats(&[2]);
    let leaving = thread::spawn(move || other.leave());
    assert_eq!(one.operate(&[SemBuf::down(0).undone()], None), Ok(()));
    one.leave();
    end(leaving);
    assert_eq!(one.value(0), 2);
}

/// One leaves while another begins a third and leaves too.
fn join_against_leave() {
    let [child, leaver, maker] = seats(&[2]);
    child.leave_to_others();
    assert_eq!(maker.operate(&[SemBuf::down(0).undone()], None), Ok(()));
    let leaving = thread::spawn(move || leaver.leave());
    child.membership().join(maker.membership().list(), &*maker.machine);
    maker.leave();
    end(leaving);
    assert_eq!(child.value(0), 1, "undone although a thread shares the list");
    child.leave();
    assert_eq!(child.value(0), 2);
}

/// One leaves a list of its own while another begins one: which may be of the same number.
fn begin_behind_another() {
    let [keeper, leaver, other] = seats(&[4]);
    leaver.leave_to_others();
    leaver.membership().begin(&*leaver.machine);
    assert_eq!(leaver.operate(&[SemBuf::new(0, -2).undone()], None), Ok(()));
    let beginner = other.clone();
    let beginning = thread::spawn(move || {
        beginner.leave_to_others();
        beginner.membership().begin(&*beginner.machine);
        assert_eq!(beginner.operate(&[SemBuf::down(0).undone()], None), Ok(()));
    });
    leaver.leave();
    end(beginning);
    assert_eq!(keeper.value(0), 3);
    other.leave();
    assert_eq!(keeper.value(0), 4);
}

/// Something goes with a list's number that no lock guards.
fn begin_after_another() {
    // The first keeps the list that all had.
    let [_, leaver, other] = seats(&[0]);
    leaver.leave_to_others();
    leaver.membership().begin(&*leaver.machine);
    let list = leaver.membership().list();
    let applied = Arc::new(Guarded::new(0));
    let seen = applied.clone();
    let beginning = thread::spawn(move || {
        other.leave_to_others();
        other.membership().begin(&*other.machine);
        assert!(other.membership().list() != list || seen.get() == 1);
    });
    leaver.membership().leave(&*leaver.machine, |_| applied.set(1));
    end(beginning);
}

fn set_against_undo() {
    let [leaver, setter] = seats(&[2]);
    leaver.leave_to_others();
    leaver.membership().begin(&*leaver.machine);
    assert_eq!(leaver.operate(&[SemBuf::down(0).undone()], None), Ok(()));
    let leaving = thread::spawn(move || leaver.leave());
    assert_eq!(setter.machine.set.set_value(&setter, setter.the_id(), 0, 7), Ok(()));
    end(leaving);
    assert_eq!(setter.value(0), 7);
}

fn undo_against_down() {
    let [leaver, sleeper] = seats(&[1]);
    leaver.leave_to_others();
    leaver.membership().begin(&*leaver.machine);
    assert_eq!(leaver.operate(&[SemBuf::down(0).undone()], None), Ok(()));
    let sleeping = thread::spawn(move || sleeper.operate(DOWN, None));
    leaver.leave();
    assert_eq!(end(sleeping), Ok(()));
    assert!(leaver.value(0) == 0 && leaver.is_at_rest());
}
