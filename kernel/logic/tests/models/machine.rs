//! A machine for models: threads of loom, a futex table of two buckets, words.

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Arc, Mutex, Notify};
use skete_abi::Errno;
use skete_logic::futex::{ANY, Bucket, Key, Table, Waiter};
use skete_logic::host::{Host, Parked, RawLock};
use skete_logic::thread::Thread;
use skete_logic::time::Instant;
use skete_logic::token::Token;

/// A bucket's lock.
pub struct Lock(Mutex<()>);

impl Lock {
    pub fn new() -> Self {
        Self(Mutex::new(()))
    }
}

impl RawLock for Lock {
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
        let _held = self.0.lock().expect("no section panics in a model that goes on");
        section()
    }
}

/// Two words in different buckets, and who waits for them.
pub struct Machine {
    pub table: Table<Lock, 2>,
    words: [AtomicU32; 2],
    records: Vec<Record>,
}

struct Record {
    waiter: Waiter,
    token: Token,
    run: RunSignal,
}

/// What a run queue is to one thread: it is put there, and runs then.
pub struct RunSignal {
    is_ready: AtomicU32,
    bell: Notify,
}

impl RunSignal {
    pub fn new() -> Self {
        Self { is_ready: AtomicU32::new(0), bell: Notify::new() }
    }

    pub fn make_ready(&self) {
        // Not a store: loom orders a store against a swap that it did not see either way, which no machine does.
        let was_ready = self.is_ready.swap(1, Ordering::Release);
        assert_eq!(was_ready, 0, "a thread is in a run queue twice");
        self.bell.notify();
    }

    pub fn wait_to_run(&self) {
        while self.is_ready.swap(0, Ordering::Acquire) == 0 {
            self.bell.wait();
        }
    }
}

/// The machine as one of its threads sees it.
#[derive(Clone)]
pub struct Seat {
    machine: Arc<Machine>,
    me: Thread,
}

/// Names a word of the machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Word {
    A,
    B,
}

impl Word {
    pub fn key(self) -> Key {
        let [a, b] = [0x1000, 0x1004].map(|address| Key::new(address, false));
        assert!(!Table::<Lock, 2>::is_shared_bucket(a, b), "the models want two buckets");
        [a, b][self as usize]
    }
}

/// The seats of a machine for `threads` threads; the words are 0.
pub fn seats(threads: u16) -> Vec<Seat> {
    let records = (0..threads).map(|_| Record { waiter: Waiter::new(), token: Token::new(), run: RunSignal::new() }).collect();
    let table = Table::new([(); 2].map(|()| Bucket::new(Lock::new())));
    let machine = Arc::new(Machine { table, words: [AtomicU32::new(0), AtomicU32::new(0)], records });
    (0..threads).map(|index| Seat { machine: machine.clone(), me: Thread::new(index) }).collect()
}

impl Seat {
    /// What the program does before it wakes.
    pub fn store(&self, word: Word, value: u32) {
        self.machine.words[word as usize].store(value, Ordering::Relaxed);
    }

    pub fn load(&self, word: Word) -> u32 {
        self.machine.words[word as usize].load(Ordering::Relaxed)
    }

    /// Puts `new` into the word if it holds `expected`; what it held.
    pub fn exchange(&self, word: Word, expected: u32, new: u32) -> u32 {
        let exchanged = self.machine.words[word as usize].compare_exchange(expected, new, Ordering::AcqRel, Ordering::Relaxed);
        exchanged.unwrap_or_else(|held| held)
    }

    /// The word itself, for locks that move it.
    pub fn word(&self, word: Word) -> &AtomicU32 {
        &self.machine.words[word as usize]
    }

    /// Waits as long as the word is 0.
    pub fn wait(&self, word: Word, deadline: Option<Instant>) -> Result<(), Errno> {
        self.wait_while(word, 0, deadline)
    }

    /// Waits as long as the word holds `expected`.
    pub fn wait_while(&self, word: Word, expected: u32, deadline: Option<Instant>) -> Result<(), Errno> {
        self.wait_with(word, ANY, expected, deadline)
    }

    /// Waits for a wake with a bit of `bitset`, as long as the word holds `expected`.
    pub fn wait_with(&self, word: Word, bitset: u32, expected: u32, deadline: Option<Instant>) -> Result<(), Errno> {
        self.table().wait(self, word.key(), bitset, deadline, || Ok(self.load(word)), expected)
    }

    /// Queues as [`wait`](Self::wait) does, without sleeping: [`withdraw`](Self::withdraw) is to follow.
    pub fn enter(&self, word: Word) {
        let entered = self.table().enter(self, self.me, word.key(), ANY, || Ok(self.load(word)), 0);
        assert_eq!(entered, Ok(()), "the word is 0");
    }

    pub fn withdraw(&self) -> bool {
        self.table().withdraw(self, self.me)
    }

    pub fn wake(&self, word: Word, nr: u32) -> u32 {
        self.table().wake(self, word.key(), nr, ANY)
    }

    pub fn table(&self) -> &Table<Lock, 2> {
        &self.machine.table
    }
}

/// A deadline that has always passed already, whenever the thread comes to look.
pub const LATE: Option<Instant> = Some(Instant::ZERO);

impl Host for Seat {
    fn current(&self) -> Thread {
        self.me
    }

    /// Parks as the kernel does. A deadline has always passed, and hides an unpark that came with it.
    fn park(&self, deadline: Option<Instant>) -> Parked {
        let record = &self.machine.records[self.me.index()];
        let is_notified = record.token.take();
        if deadline.is_some() {
            return Parked::Expired;
        }
        if !is_notified && record.token.settle() {
            record.run.wait_to_run();
        }
        Parked::Notified
    }

    fn unpark(&self, thread: Thread) {
        let record = &self.machine.records[thread.index()];
        if record.token.notify() {
            record.run.make_ready();
        }
    }

    fn priority(&self, _thread: Thread) -> u8 {
        2
    }

    fn waiter(&self, thread: Thread) -> &Waiter {
        &self.machine.records[thread.index()].waiter
    }

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}
