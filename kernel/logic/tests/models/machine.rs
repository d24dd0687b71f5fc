//! A machine for models: threads of loom, a futex table of two buckets, words.

use loom::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use loom::sync::{Arc, Mutex, Notify};
use skete_abi::Errno;
use skete_logic::futex::many::{self, Awaited, Owner};
use skete_logic::futex::pi::{Heir, Heirs, Held, LockWord, Target};
use skete_logic::futex::{ANY, Bucket, Key, Table, Waiter};
use skete_logic::host::{Host, Parked, RawLock};
use skete_logic::thread::{Thread, Tid};
use skete_logic::time::{Deadline, Instant, When};
use skete_logic::token::Token;
use skete_logic::wall::{Mark, Wall};

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

/// Three words, of which A and B are in different buckets, and who waits for them.
pub struct Machine {
    pub table: Table<Lock, 2>,
    wall: Wall,
    words: [AtomicU32; 3],
    records: Vec<Record>,
}

struct Record {
    waiter: Waiter,
    owner: Owner,
    token: Token,
    run: RunSignal,
    mark: Mark,
    lending: Option<Lending>,
}

/// What a thread has in models of locks that lend priority.
struct Lending {
    heir: Heir<Lock>,
    priority: AtomicU8,
    has_ended: RunSignal,
    /// The generation that lives in the record; 0: none.
    life: AtomicU32,
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
    C,
}

impl Word {
    pub fn key(self) -> Key {
        let [a, b, c] = [0x1000, 0x1004, 0x1008].map(|address| Key::new(address, false));
        assert!(!Table::<Lock, 2>::is_shared_bucket(a, b), "the models want two buckets");
        [a, b, c][self as usize]
    }
}

/// A word of shared memory, in another bucket than A.
pub fn shared_word() -> Key {
    let here = (0..).map(|place| Key::new(0x7000 + 4 * place, true)).find(|key| !Table::<Lock, 2>::is_shared_bucket(*key, Word::A.key()));
    here.expect("a hash uses both buckets")
}

/// The seats of a machine for `threads` threads; the words are 0.
pub fn seats(threads: u16) -> Vec<Seat> {
    machine((0..threads).map(|_| None))
}

/// The seats of a machine for `threads` threads, the first of which has borrowed a node: the record behind the last thread's.
pub fn many_seats(threads: u16) -> Vec<Seat> {
    let mut seats = machine((0..=threads).map(|_| None));
    seats.truncate(threads.into());
    seats[0].machine.records[usize::from(threads)].owner.set(seats[0].me);
    seats
}

/// The seats of a machine for threads of these priorities, with locks that lend them; the words are 0.
pub fn lending_seats<const N: usize>(priorities: [u8; N]) -> [Seat; N] {
    let seats = machine((0..).zip(priorities).map(|(number, priority)| {
        let heir = Heir::new(Lock::new());
        heir.begin(Tid::new(Thread::new(number), 1), priority);
        Some(Lending { heir, priority: AtomicU8::new(priority), has_ended: RunSignal::new(), life: AtomicU32::new(1) })
    }));
    seats.try_into().ok().expect("one a priority")
}

fn machine(threads: impl Iterator<Item = Option<Lending>>) -> Vec<Seat> {
    let record = |lending| Record {
        waiter: Waiter::new(),
        owner: Owner::new(),
        token: Token::new(),
        run: RunSignal::new(),
        mark: Mark::new(),
        lending,
    };
    let records: Vec<Record> = threads.map(record).collect();
    let threads = u16::try_from(records.len()).expect("a handful");
    let table = Table::new([(); 2].map(|()| Bucket::new(Lock::new())));
    let machine = Arc::new(Machine { table, wall: Wall::new(), words: [(); 3].map(|()| AtomicU32::new(0)), records });
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
    pub fn wait(&self, word: Word, deadline: Option<Deadline>) -> Result<(), Errno> {
        self.wait_while(word, 0, deadline)
    }

    /// Waits as long as the word holds `expected`.
    pub fn wait_while(&self, word: Word, expected: u32, deadline: Option<Deadline>) -> Result<(), Errno> {
        self.wait_with(word, ANY, expected, deadline)
    }

    /// Waits for a wake with a bit of `bitset`, as long as the word holds `expected`.
    pub fn wait_with(&self, word: Word, bitset: u32, expected: u32, deadline: Option<Deadline>) -> Result<(), Errno> {
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

    /// These words, each expected to be 0: the first with the thread's own node, the other with the borrowed one.
    fn awaited(&self, words: &[Word]) -> Vec<Awaited> {
        let borrowed = Thread::new(u16::try_from(self.machine.records.len() - 1).expect("a handful"));
        let of = |(word, node): (&Word, Thread)| Awaited { key: word.key(), address: *word as usize, expected: 0, node };
        words.iter().zip([self.me, borrowed]).map(of).collect()
    }

    fn read(&self, awaited: &Awaited) -> Result<u32, Errno> {
        Ok(self.load([Word::A, Word::B][awaited.address]))
    }

    /// Waits as long as each of the words is 0.
    pub fn wait_many(&self, words: &[Word], deadline: Option<Deadline>) -> Result<usize, Errno> {
        self.table().wait_many(self, &self.awaited(words), deadline, |awaited| self.read(awaited))
    }

    /// The first half of [`wait_many`](Self::wait_many): the words are 0.
    pub fn enter_many(&self, words: &[Word]) {
        assert_eq!(self.table().enter_many(self, &self.awaited(words), |awaited| self.read(awaited)), Ok(None));
    }

    pub fn leave_many(&self, words: &[Word]) -> Option<usize> {
        self.table().leave_many(self, &self.awaited(words))
    }

    pub fn table(&self) -> &Table<Lock, 2> {
        &self.machine.table
    }
}

/// A deadline that has always passed already, whenever the thread comes to look.
pub const LATE: Option<Deadline> = Some(Deadline::at(Instant::ZERO));

impl Host for Seat {
    fn current(&self) -> Thread {
        self.me
    }

    /// Parks as the kernel does. A deadline has always passed, and hides an unpark that came with it; but it is boot, so a moment of the wall
    /// clock is yet to come, and never comes, unless the clock is set.
    fn park(&self, deadline: Option<Deadline>) -> Parked {
        let is_notified = self.token(self.me).take();
        let sleep = || {
            if !is_notified {
                self.leave();
            }
            Parked::Notified
        };
        match deadline.map(Deadline::when) {
            None => sleep(),
            Some(When::At(_)) => Parked::Expired,
            Some(When::Wall(_)) if is_notified => Parked::Notified,
            Some(When::Wall(ns)) => {
                let Machine { wall, records, .. } = &*self.machine;
                let park = |at| if at <= self.now() { Parked::Expired } else { sleep() };
                wall.park(&records[self.me.index()].mark, ns, park, || self.now())
            }
        }
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

    fn owner(&self, thread: Thread) -> Thread {
        many::owner_of(&self.machine.records[thread.index()].owner)
    }

    fn leave(&self) {
        let record = &self.machine.records[self.me.index()];
        if record.token.settle() {
            record.run.wait_to_run();
        }
    }

    fn priority(&self, thread: Thread) -> u8 {
        self.machine.records[thread.index()].lending.as_ref().map_or(2, |lending| lending.priority.load(Ordering::Relaxed))
    }

    fn waiter(&self, thread: Thread) -> &Waiter {
        &self.machine.records[thread.index()].waiter
    }

    fn take_interruption(&self) -> bool {
        self.token(self.me).take_interruption()
    }

    fn keep_interruption(&self) {
        self.token(self.me).keep_interruption();
    }

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

impl Seat {
    /// Wants the wait of the thread of `other` to end, as the kernel does.
    pub fn interrupt(&self, other: Thread) {
        if self.token(other).interrupt() {
            self.make_ready(other, ());
        }
    }

    /// Sets the wall clock, as the kernel does: it shows `ns`.
    pub fn set_wall(&self, ns: u64) {
        let Machine { wall, records, .. } = &*self.machine;
        let threads = (0..).map(Thread::new).zip(records.iter().map(|record| &record.mark));
        wall.set(ns, threads, |threads| threads.for_each(|thread| self.unpark(thread)));
    }

    /// The thread's name, as words have it.
    pub fn name(&self) -> u32 {
        self.tid(self.me).number()
    }

    pub fn lock_of(word: Word) -> Target {
        Target { key: word.key(), address: word.key().address() }
    }

    /// The priority that the thread runs at.
    pub fn runs_at(&self) -> u8 {
        self.priority(self.me)
    }

    /// Takes the lock of `word` as programs do.
    pub fn take(&self, word: Word, deadline: Option<Deadline>) -> Result<(), Errno> {
        if self.exchange(word, 0, self.name()) == 0 { Ok(()) } else { self.table().lock_pi(self, Self::lock_of(word), deadline) }
    }

    /// Lets it go as programs do.
    pub fn let_go(&self, word: Word) {
        if self.exchange(word, self.name(), 0) != self.name() {
            assert_eq!(self.table().unlock_pi(self, Self::lock_of(word)), Ok(()));
        }
    }

    /// The thread ends; if it `marks`, its robust list has word A.
    pub fn end(&self, marks: bool) {
        if marks {
            let mut held = self.load(Word::A);
            loop {
                let seen = self.exchange(Word::A, held, held & skete_abi::futex::WAITERS | skete_abi::futex::OWNER_DIED);
                if seen == held {
                    break;
                }
                held = seen;
            }
        }
        self.table().leave_locks(self, self.tid(self.me));
        let lending = self.lending(self.me);
        lending.life.swap(0, Ordering::AcqRel);
        lending.has_ended.make_ready();
    }

    /// Another thread lives in the record of this one, which has ended, and ends too.
    pub fn live_again(&self) {
        let next = Tid::new(self.me, 2);
        let lending = self.lending(self.me);
        lending.heir.begin(next, 0);
        lending.life.swap(2, Ordering::AcqRel);
        self.table().leave_locks(self, next);
    }

    /// One who waits for `tid`, which ends, to let go.
    pub fn lender_left(&self, tid: Tid) -> Option<Thread> {
        Table::<Lock, 2>::lender_left(self, tid)
    }

    fn lending(&self, thread: Thread) -> &Lending {
        self.machine.records[thread.index()].lending.as_ref().expect("the model is one of locks that lend")
    }
}

impl Heirs for Seat {
    type Lock = Lock;

    fn heir(&self, thread: Thread) -> &Heir<Lock> {
        &self.lending(thread).heir
    }

    fn tid(&self, thread: Thread) -> Tid {
        Tid::new(thread, 1)
    }

    fn is_alive(&self, tid: Tid) -> bool {
        self.lending(tid.thread()).life.load(Ordering::Acquire) == tid.generation()
    }

    fn set_priority(&self, thread: Thread, priority: u8) {
        self.lending(thread).priority.store(priority, Ordering::Relaxed);
    }

    fn await_end(&self, tid: Tid) {
        self.lending(tid.thread()).has_ended.wait_to_run();
    }

    fn word_at(&self, address: u64) -> impl LockWord {
        let word = [Word::A, Word::B, Word::C].into_iter().find(|word| word.key().address() == address);
        SeatWord { seat: self.clone(), word: word.expect("a lock's word is one of the machine's") }
    }
}

/// The word of a lock.
struct SeatWord {
    seat: Seat,
    word: Word,
}

impl LockWord for SeatWord {
    fn read(&self) -> Result<Held, Errno> {
        Ok(Held(self.seat.load(self.word)))
    }

    fn exchange(&self, expected: Held, new: Held) -> Result<Held, Errno> {
        Ok(Held(self.seat.exchange(self.word, expected.0, new.0)))
    }
}
