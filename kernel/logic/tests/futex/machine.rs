//! A machine of simulated threads: nobody really sleeps, so a test decides who runs when.

use skete_abi::Errno;
use skete_logic::futex::{Bucket, Key, Table, Waiter};
use skete_logic::host::{Host, Parked, RawLock};
use skete_logic::thread::Thread;
use skete_logic::time::Instant;
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

/// The threads' words, two of which share a bucket whatever the hash.
pub const WORDS: usize = 3;

/// Two buckets, three words, and the threads.
pub struct Machine {
    pub table: Table<Lock, 2>,
    pub words: [Cell<u32>; WORDS],
    pub current: Cell<Thread>,
    priorities: Vec<u8>,
    waiters: Vec<Waiter>,
    unparked: RefCell<Vec<Thread>>,
}

impl Machine {
    /// One thread per priority.
    pub fn new(priorities: &[u8]) -> Self {
        Self {
            table: Table::new([(); 2].map(|()| Bucket::new(Lock::default()))),
            words: Default::default(),
            current: Cell::new(Thread::new(0)),
            priorities: priorities.to_vec(),
            waiters: priorities.iter().map(|_| Waiter::new()).collect(),
            unparked: RefCell::default(),
        }
    }

    pub fn key(word: usize) -> Key {
        Key::new(0x8000 + 4 * word as u64, false)
    }

    /// Queues `thread`, unless the word differs.
    pub fn enter(&self, thread: Thread, word: usize, bitset: u32, expected: u32) -> Result<(), Errno> {
        self.table.enter(self, thread, Self::key(word), bitset, || Ok(self.words[word].get()), expected)
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
    fn park(&self, deadline: Option<Instant>) -> Parked {
        assert!(deadline.is_some(), "the test would sleep for ever");
        Parked::Expired
    }

    fn unpark(&self, thread: Thread) {
        assert_eq!(HELD.get(), 0, "a thread is unparked under a lock");
        self.unparked.borrow_mut().push(thread);
    }

    fn priority(&self, thread: Thread) -> u8 {
        self.priorities[thread.index()]
    }

    fn waiter(&self, thread: Thread) -> &Waiter {
        &self.waiters[thread.index()]
    }

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}
