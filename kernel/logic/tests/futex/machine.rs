//! A machine of simulated threads: nobody really sleeps, so a test decides who runs when.

use skete_abi::Errno;
use skete_logic::futex::many::Awaited;
use skete_logic::futex::pi::{Heir, Heirs, Held, LockWord, Target};
use skete_logic::futex::{Bucket, Key, Table, Waiter};
use skete_logic::host::{Host, Parked, RawLock};
use skete_logic::thread::{Thread, Tid};
use skete_logic::time::{Deadline, Instant};
use skete_logic::token::Token;
use std::cell::{Cell, RefCell};

thread_local! {
    /// How many bucket locks the running test holds.
    static HELD: Cell<u32> = const { Cell::new(0) };
}

/// A bucket's lock: that nobody enters twice.
#[derive(Default)]
pub struct Lock(Cell<bool>);

impl RawLock for Lock {
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
        assert!(!self.0.replace(true), "a lock is entered twice");
        HELD.set(HELD.get() + 1);
        let result = section();
        HELD.set(HELD.get() - 1);
        self.0.set(false);
        result
    }
}

/// The threads' words, some of which share a bucket whatever the hash.
pub const WORDS: usize = 4;

/// How many nodes each thread has borrowed, for waits of several words.
pub const BORROWED: usize = 2;

/// Two buckets, the words, and the threads.
pub struct Machine {
    pub table: Table<Lock, 2>,
    pub words: [Cell<u32>; WORDS],
    pub current: Cell<Thread>,
    priorities: Vec<Cell<u8>>,
    /// The threads' own, then what each of them has borrowed.
    waiters: Vec<Waiter>,
    heirs: Vec<Heir<Lock>>,
    /// How many threads have lived in each record.
    lives: Vec<Cell<u32>>,
    /// Of those who are gone, the priority of the next in their record.
    ending: Vec<Cell<Option<u8>>>,
    tokens: Vec<Token>,
    unparked: RefCell<Vec<Thread>>,
    /// How often somebody comes back from sleep for no reason, before any time has passed.
    pub false_alarms: Cell<u32>,
}

impl Machine {
    /// One thread per priority.
    pub fn new(priorities: &[u8]) -> Self {
        let machine = Self {
            table: Table::new([(); 2].map(|()| Bucket::new(Lock::default()))),
            words: Default::default(),
            current: Cell::new(Thread::new(0)),
            priorities: priorities.iter().map(|&priority| Cell::new(priority)).collect(),
            waiters: (0..priorities.len() * (1 + BORROWED)).map(|_| Waiter::new()).collect(),
            heirs: priorities.iter().map(|_| Heir::new(Lock::default())).collect(),
            lives: priorities.iter().map(|_| Cell::new(1)).collect(),
            ending: priorities.iter().map(|_| Cell::new(None)).collect(),
            tokens: (0..priorities.len() * (1 + BORROWED)).map(|_| Token::new()).collect(),
            unparked: RefCell::default(),
            false_alarms: Cell::new(0),
        };
        for (thread, &priority) in (0..).map(Thread::new).zip(priorities) {
            machine.heir(thread).begin(machine.tid(thread), priority);
        }
        machine
    }

    /// The lock whose word is `word`.
    pub fn lock(word: usize) -> Target {
        Target { key: Self::key(word), address: Self::key(word).address() }
    }

    /// `thread` ends, and another begins in its record, with a priority of its own.
    pub fn replace(&self, thread: Thread, priority: u8) {
        self.table.leave_locks(self, self.tid(thread));
        self.begin_anew(thread, priority);
    }

    /// One who waits for `tid`, which ends, to let go.
    pub fn lender_left(&self, tid: Tid) -> Option<Thread> {
        Table::<Lock, 2>::lender_left(self, tid)
    }

    /// `thread` has left its locks, and is gone; another will begin in its record, with a priority of its own.
    pub fn has_gone(&self, thread: Thread, priority: u8) {
        self.ending[thread.index()].set(Some(priority));
    }

    /// Whether `thread` is gone, and the next has not begun.
    pub fn is_gone(&self, thread: Thread) -> bool {
        self.ending[thread.index()].get().is_some()
    }

    /// Another thread begins in the record of `thread`, which has left its locks.
    pub fn begin_anew(&self, thread: Thread, priority: u8) {
        let lives = &self.lives[thread.index()];
        lives.set(lives.get() + 1);
        self.ending[thread.index()].set(None);
        self.priorities[thread.index()].set(priority);
        self.heirs[thread.index()].begin(self.tid(thread), priority);
    }

    pub fn key(word: usize) -> Key {
        Key::new(0x8000 + 4 * word as u64, false)
    }

    /// Queues `thread`, unless the word differs.
    pub fn enter(&self, thread: Thread, word: usize, bitset: u32, expected: u32) -> Result<(), Errno> {
        self.table.enter(self, thread, Self::key(word), bitset, || Ok(self.words[word].get()), expected)
    }

    /// All nodes: the threads' own, then the borrowed ones.
    pub fn nodes(&self) -> impl Iterator<Item = Thread> {
        (0..self.waiters.len()).filter_map(|index| u16::try_from(index).ok()).map(Thread::new)
    }

    /// Whose node it is.
    pub fn owner(&self, node: Thread) -> Thread {
        let threads = self.priorities.len();
        let owner = node.index().checked_sub(threads).map_or(node.index(), |borrowed| borrowed / BORROWED);
        Thread::new(u16::try_from(owner).expect("a handful"))
    }

    /// What `thread` waits for when it waits for these words, each with what it is expected to hold.
    pub fn awaited(&self, thread: Thread, words: &[(usize, u32)]) -> Vec<Awaited> {
        let nodes = self.nodes().filter(|&node| self.owner(node) == thread);
        let of = |(&(word, expected), node)| Awaited { key: Self::key(word), address: word, expected, node };
        words.iter().zip(nodes).map(of).collect()
    }

    /// Those who were unparked since the last call, in order.
    pub fn unparked(&self) -> Vec<Thread> {
        self.unparked.take()
    }
}

impl Host for Machine {
    fn current(&self) -> Thread {
        self.current.get()
    }

    /// Nobody sleeps here: one with a deadline is late at once, and one without is a mistake in the test.
    fn park(&self, deadline: Option<Deadline>) -> Parked {
        assert!(deadline.is_some(), "the test would sleep for ever");
        let Some(left) = self.false_alarms.get().checked_sub(1) else { return Parked::Expired };
        self.false_alarms.set(left);
        Parked::Notified
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
        self.unparked.borrow_mut().push(thread);
    }

    fn priority(&self, thread: Thread) -> u8 {
        self.priorities[self.owner(thread).index()].get()
    }

    fn waiter(&self, thread: Thread) -> &Waiter {
        &self.waiters[thread.index()]
    }

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

/// The word of a lock.
pub struct MachineWord<'a>(Option<&'a Cell<u32>>);

impl LockWord for MachineWord<'_> {
    fn read(&self) -> Result<Held, Errno> {
        self.0.map(|word| Held(word.get())).ok_or(Errno::EFAULT)
    }

    fn exchange(&self, expected: Held, new: Held) -> Result<Held, Errno> {
        let word = self.0.ok_or(Errno::EFAULT)?;
        let held = Held(word.get());
        if held == expected {
            word.set(new.0);
        }
        Ok(held)
    }
}

impl Heirs for Machine {
    type Lock = Lock;

    fn heir(&self, thread: Thread) -> &Heir<Lock> {
        &self.heirs[thread.index()]
    }

    fn tid(&self, thread: Thread) -> Tid {
        Tid::new(thread, self.lives[thread.index()].get())
    }

    fn is_alive(&self, tid: Tid) -> bool {
        self.lives.get(tid.thread().index()).is_some_and(|lives| Tid::new(tid.thread(), lives.get()) == tid)
    }

    fn set_priority(&self, thread: Thread, priority: u8) {
        assert_ne!(HELD.get(), 0, "a priority is inherited under the heir's lock");
        self.priorities[thread.index()].set(priority);
    }

    /// Who is gone ends now: on one host thread nobody could wait for that.
    fn await_end(&self, tid: Tid) {
        assert!(self.is_alive(tid), "the end of one who has ended is awaited");
        let priority = self.ending[tid.thread().index()].get().expect("who is awaited is gone");
        self.begin_anew(tid.thread(), priority);
    }

    fn word_at(&self, address: u64) -> impl LockWord {
        let index = usize::try_from(address.wrapping_sub(Self::key(0).address()) / 4).ok();
        MachineWord(index.and_then(|index| self.words.get(index)))
    }
}
