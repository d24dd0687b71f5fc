//! A machine of simulated threads: nobody really sleeps, so a test decides who runs when.

use allocator_api2::alloc::Global;
use skete_abi::Errno;
use skete_abi::sem::SemBuf;
use skete_logic::futex::Waiter;
use skete_logic::host::{Host, Parked};
use skete_logic::sysv::ids::Id;
use skete_logic::sysv::limits::Limits;
use skete_logic::sysv::sem::undo::{self, Members, Membership};
use skete_logic::sysv::sem::{Gate, Lent, Places, Registry, Set, Sleeper, Sleepers};
use skete_logic::thread::Thread;
use skete_logic::time::{Deadline, Instant};
use skete_logic::token::Token;
use std::cell::{Cell, RefCell};

thread_local! {
    /// How many locks the running test holds.
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// A set's lock: that nobody enters twice.
pub struct Lock {
    is_held: Cell<bool>,
    number: Cell<u32>,
}

impl Lock {
    fn held<R>(&self, section: impl FnOnce() -> R) -> R {
        assert!(!self.is_held.replace(true), "a lock is entered twice");
        HELD.set(HELD.get() + 1);
        let result = section();
        HELD.set(HELD.get() - 1);
        self.is_held.set(false);
        result
    }
}

impl Gate for Lock {
    fn locked_at<R>(&self, number: u32, section: impl FnOnce() -> R) -> Option<R> {
        (self.number.get() == number).then(|| self.held(section))
    }

    fn locked<R>(&self, section: impl FnOnce() -> (R, u32)) -> R {
        let (result, number) = self.held(section);
        self.number.set(number);
        result
    }
}

/// The most sets of a test, with those that are taken in turn.
pub const ROOM: u16 = 96;

/// Sets, and threads.
pub struct Machine {
    sets: Vec<Set<Lock, Global>>,
    provided: Cell<usize>,
    registry: RefCell<Registry<Global>>,
    pub current: Cell<Thread>,
    sleepers: Vec<Sleeper>,
    pub memberships: Vec<Membership>,
    /// Every array that somebody slept over: a test's memory is not given back.
    lent: RefCell<Vec<&'static [SemBuf]>>,
    tokens: Vec<Token>,
    unparked: RefCell<Vec<Thread>>,
    stamp: Cell<u64>,
}

impl Machine {
    /// With so many threads, who all share the first undo list.
    pub fn new(threads: usize, limits: Limits) -> Self {
        let set = |index| {
            Set::new(index, Lock { is_held: Cell::new(false), number: Cell::new(Set::<Lock, Global>::first_number(index)) }, Global)
        };
        let memberships = (0..threads).map(|_| Membership::new()).collect::<Vec<_>>();
        memberships.iter().for_each(|membership| membership.join(undo::ROOT, Memberships(&memberships)));
        Self {
            sets: (0..ROOM).map(set).collect(),
            provided: Cell::new(0),
            registry: RefCell::new(Registry::new(limits, Global)),
            current: Cell::new(Thread::new(0)),
            sleepers: (0..threads).map(|_| Sleeper::new()).collect(),
            memberships,
            lent: RefCell::default(),
            tokens: (0..threads).map(|_| Token::new()).collect(),
            unparked: RefCell::default(),
            stamp: Cell::new(1),
        }
    }

    /// The set that `number` leads to.
    pub fn set(&self, number: i32) -> Option<&Set<Lock, Global>> {
        self.at(Id::place_of(number))
    }

    /// As `semop`, without the sleep: whether it is done; if not, the current thread is queued.
    pub fn enter(&self, number: i32, operations: &[SemBuf]) -> Result<bool, Errno> {
        self.set(number).ok_or(Errno::EINVAL)?.enter(self, number, operations)
    }

    /// As `semop`, by `thread`.
    pub fn enter_as(&self, thread: u16, number: i32, operations: &[SemBuf]) -> Result<bool, Errno> {
        let before = self.current.replace(Thread::new(thread));
        let entered = self.enter(number, operations);
        self.current.set(before);
        entered
    }

    /// `semget`.
    pub fn get(&self, key: i32, count: i32, flags: i32) -> Result<i32, Errno> {
        self.registry.borrow_mut().open(self, self, key, count, flags).map(Id::number)
    }

    /// IPC_RMID.
    pub fn remove(&self, number: i32) -> Result<(), Errno> {
        let id = Id::from_number(number).ok_or(Errno::EINVAL)?;
        self.registry.borrow_mut().remove(self, self, id).map(drop)
    }

    /// What the registry says.
    pub fn registry(&self) -> std::cell::RefMut<'_, Registry<Global>> {
        self.registry.borrow_mut()
    }

    /// Whether nobody is in the midst of asking the registry.
    pub fn is_registry_free(&self) -> bool {
        self.registry.try_borrow_mut().is_ok()
    }

    /// The answer that `thread` got for its sleep, if it got one.
    pub fn answer(&self, thread: u16) -> Option<Result<(), Errno>> {
        self.sleepers[usize::from(thread)].answer()
    }

    /// Those who were unparked since the last call, in order.
    pub fn unparked(&self) -> Vec<u16> {
        self.unparked.take().into_iter().map(number_of).collect()
    }

    /// The current thread ends, or unshares.
    pub fn leave(&self) {
        self.leave_as(self);
    }

    /// [`leave`](Self::leave) with another face of this machine.
    pub fn leave_as(&self, host: &impl Sleepers) {
        self.memberships[self.current.get().index()].leave(Memberships(&self.memberships), |list| undo::apply(host, self, list));
    }

    /// The current thread begins a list of its own.
    pub fn unshare(&self) {
        self.leave();
        self.begin_list();
    }

    /// The current thread, which has left its list, begins another.
    pub fn begin_list(&self) {
        self.memberships[self.current.get().index()].begin(Memberships(&self.memberships));
    }

    /// Another thread of the number of `thread`, made by `maker`.
    pub fn spawn(&self, thread: u16, maker: u16) {
        self.memberships[usize::from(thread)].join(self.memberships[usize::from(maker)].list(), Memberships(&self.memberships));
    }
}

/// Those of all threads.
#[derive(Clone, Copy)]
struct Memberships<'a>(&'a [Membership]);

impl Members for Memberships<'_> {
    fn of(&self, thread: Thread) -> &Membership {
        &self.0[thread.index()]
    }

    fn count(&self) -> u16 {
        u16::try_from(self.0.len()).expect("a few")
    }
}

impl Places for Machine {
    type Lock = Lock;
    type Space = Global;

    fn at(&self, index: usize) -> Option<&Set<Lock, Global>> {
        self.sets[..self.provided.get()].get(index)
    }

    fn provide(&self, index: usize) -> Option<&Set<Lock, Global>> {
        self.provided.set(self.provided.get().max(index + 1));
        self.sets.get(index)
    }
}

impl Sleepers for Machine {
    fn sleeper(&self, thread: Thread) -> &Sleeper {
        &self.sleepers[thread.index()]
    }

    fn lend(&self, operations: &[SemBuf]) -> Lent {
        let mut lent = self.lent.borrow_mut();
        lent.push(operations.to_vec().leak());
        Lent { start: lent.len() - 1, count: u16::try_from(operations.len()).expect("a few") }
    }

    fn borrow(&self, lent: Lent) -> &[SemBuf] {
        assert_ne!(HELD.get(), 0, "operations are borrowed under a lock");
        let operations = self.lent.borrow()[lent.start];
        assert_eq!(operations.len(), usize::from(lent.count));
        operations
    }

    fn pid(&self) -> u32 {
        pid_of(number_of(self.current.get()))
    }

    fn undo_list(&self, thread: Thread) -> u16 {
        self.memberships[thread.index()].list()
    }

    fn expect_undo(&self) {}

    fn stamp(&self) -> u64 {
        self.stamp.set(self.stamp.get() + 1);
        self.stamp.get()
    }
}

/// The number of `thread` as tests write it.
pub fn number_of(thread: Thread) -> u16 {
    u16::try_from(thread.index()).expect("a handful")
}

/// What GETPID tells of what `thread` did.
pub fn pid_of(thread: u16) -> u32 {
    100 + u32::from(thread)
}

impl Host for Machine {
    fn current(&self) -> Thread {
        self.current.get()
    }

    /// Nobody sleeps here: one with a deadline is late at once, and one without is a mistake in the test.
    fn park(&self, deadline: Option<Deadline>) -> Parked {
        assert!(deadline.is_some(), "the test would sleep for ever");
        Parked::Expired
    }

    type Masking = ();

    fn uninterrupted<R>(&self, section: impl FnOnce(()) -> R) -> R {
        section(())
    }

    /// Whoever is to be unparked is asleep.
    fn token(&self, thread: Thread) -> &Token {
        let token = &self.tokens[thread.index()];
        assert!(token.settle(), "nobody is notified twice");
        token
    }

    fn leave(&self) {
        unreachable!("the test would sleep for ever");
    }

    fn make_ready(&self, thread: Thread, (): ()) {
        assert_eq!(HELD.get(), 0, "a thread is unparked under a lock");
        assert!(self.sleepers[thread.index()].answer().is_some(), "unparked, but not let go");
        self.unparked.borrow_mut().push(thread);
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
