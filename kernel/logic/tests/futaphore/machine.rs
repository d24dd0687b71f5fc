//! A machine of simulated threads. What sleeps nowhere is done at once; a P that sleeps is a thread of the host's, which stops there and
//! goes on when it is told to.

use skete_abi::Errno;
use skete_logic::futaphore::{self, Page};
use skete_logic::futex::{ANY, Bucket, Key, Table, Waiter};
use skete_logic::host::{Host, Parked, RawLock};
use skete_logic::thread::Thread;
use skete_logic::time::{Deadline, Instant};
use skete_logic::token::Token;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};

/// Four that have a program, and one that tidies up.
pub const THREADS: usize = 5;
/// The guard's slot, and three to be used.
pub const SLOTS: usize = 4;

/// What a thread does in one step. Numbers of slots may be wrong ones.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Make {
        count: u32,
    },
    Free {
        number: usize,
    },
    /// Gives up after so many ticks, if after any.
    P {
        number: usize,
        ticks: Option<u32>,
    },
    TryP {
        number: usize,
    },
    V {
        number: usize,
    },
    Value {
        number: usize,
    },
    /// Time passes: whoever's deadline it is, is late.
    Tick,
}

/// What the scheduler says to a thread.
#[derive(Clone, Copy, Debug)]
pub enum Order {
    /// Does a step; a P gives up at `until`.
    Do { step: Step, until: Option<u32> },
    /// Returns from where it stopped.
    GoOn(Parked),
}

/// Where a thread has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It has done its step, and entered the kernel so often for it.
    Done { answer: Result<u32, Errno>, entries: u32 },
    /// It sleeps.
    Asleep,
}

/// What stands behind a thread.
enum Behind<'a> {
    /// A thread of the host's: who tells it what to do, and is told where it stops.
    Line(Receiver<Order>, Sender<Stop>),
    /// Nothing: it does not sleep. Whom it lets go is told to this.
    Nobody(&'a dyn Fn(Thread)),
}

/// A bucket's lock: that nobody enters twice.
#[derive(Default)]
pub struct Lock(AtomicBool);

impl RawLock for Lock {
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
        assert!(!self.0.swap(true, Ordering::Acquire), "a lock is entered twice");
        let result = section();
        self.0.store(false, Ordering::Release);
        result
    }
}

/// A page, the futex table, and the threads' records.
pub struct Machine {
    pub page: Page<SLOTS>,
    pub table: Table<Lock, 2>,
    waiters: [Waiter; THREADS],
    priorities: [u8; THREADS],
}

impl Machine {
    pub fn new(priorities: [u8; THREADS]) -> Self {
        let table = Table::new([(); 2].map(|()| Bucket::new(Lock::default())));
        Self { page: Page::new(), table, waiters: [(); THREADS].map(|()| Waiter::new()), priorities }
    }
}

/// The machine as one of its threads sees it.
pub struct Seat<'a> {
    pub machine: &'a Machine,
    me: Thread,
    behind: Behind<'a>,
    entries: AtomicU32,
}

impl Seat<'_> {
    /// Does as it is told until nobody tells it anything.
    pub fn serve(machine: &Machine, me: Thread, orders: Receiver<Order>, stops: Sender<Stop>) {
        let seat = Seat { machine, me, behind: Behind::Line(orders, stops), entries: AtomicU32::new(0) };
        while let Behind::Line(orders, stops) = &seat.behind
            && let Ok(Order::Do { step, until }) = orders.recv()
        {
            seat.entries.store(0, Ordering::Relaxed);
            let answer = seat.act(step, until);
            let _ = stops.send(seat.done(answer));
        }
    }

    /// Does a step that sleeps nowhere, in the name of `me`; `let_go` is told whom it lets go.
    pub fn serve_at_once(machine: &Machine, me: Thread, step: Step, let_go: &dyn Fn(Thread)) -> Stop {
        let seat = Seat { machine, me, behind: Behind::Nobody(let_go), entries: AtomicU32::new(0) };
        seat.done(seat.act(step, None))
    }

    /// One that sleeps nowhere, and lets nobody go.
    pub fn alone(machine: &Machine, me: Thread) -> Seat<'_> {
        let nobody = |thread| panic!("{thread:?} is let go, who does not sleep");
        Seat { machine, me, behind: Behind::Nobody(Box::leak(Box::new(nobody))), entries: AtomicU32::new(0) }
    }

    fn done(&self, answer: Result<u32, Errno>) -> Stop {
        Stop::Done { answer, entries: self.entries.load(Ordering::Relaxed) }
    }

    fn act(&self, step: Step, until: Option<u32>) -> Result<u32, Errno> {
        let page = &self.machine.page;
        match step {
            Step::Make { count } => page.make(self, count).map(|number| u32::try_from(number).expect("a handful")),
            Step::Free { number } => page.free(self, number).map(|()| 0),
            Step::P { number, .. } => match until {
                None => page.slot(number)?.p(self).map(|()| 0),
                Some(tick) => page.slot(number)?.p_until(self, || Instant::from_ns(tick.into())).map(|()| 0),
            },
            Step::TryP { number } => page.slot(number)?.try_p(self).map(|()| 0),
            Step::V { number } => page.slot(number)?.v(self).map(|()| 0),
            Step::Value { number } => page.slot(number)?.value(),
            Step::Tick => Ok(0),
        }
    }

    /// The same key in every run: the word's place in its page.
    fn key(&self, word: &AtomicU64) -> Key {
        let start = core::ptr::from_ref(&self.machine.page) as u64;
        Key::new(0x1000 + (core::ptr::from_ref(word) as u64 - start), false)
    }
}

impl Host for Seat<'_> {
    fn current(&self) -> Thread {
        self.me
    }

    /// Stops, and goes on as ordered; not at all, if the history has failed.
    fn park(&self, _deadline: Option<Deadline>) -> Parked {
        let Behind::Line(orders, stops) = &self.behind else { panic!("{:?} sleeps, and the reference does not", self.me) };
        let _ = stops.send(Stop::Asleep);
        match orders.recv() {
            Ok(Order::GoOn(parked)) => parked,
            _ => std::panic::resume_unwind(Box::new("the history is over")),
        }
    }

    type Masking = ();

    fn uninterrupted<R>(&self, section: impl FnOnce(()) -> R) -> R {
        section(())
    }

    fn token(&self, _thread: Thread) -> &Token {
        unreachable!("threads stop where they park and unpark, and the scheduler knows who sleeps")
    }

    fn unpark_uninterrupted(&self, thread: Thread, (): ()) {
        self.make_ready(thread, ());
    }

    fn make_ready(&self, thread: Thread, (): ()) {
        let Behind::Nobody(let_go) = &self.behind else { panic!("{:?} lets {thread:?} go in the middle of a P", self.me) };
        let_go(thread);
    }

    fn leave(&self) {
        let _ = self.park(None);
    }

    fn priority(&self, thread: Thread) -> u8 {
        self.machine.priorities[thread.index()]
    }

    fn waiter(&self, thread: Thread) -> &Waiter {
        &self.machine.waiters[thread.index()]
    }

    fn now(&self) -> Instant {
        Instant::ZERO
    }
}

impl futaphore::Machine for Seat<'_> {
    fn enter(&self) {
        self.entries.fetch_add(1, Ordering::Relaxed);
    }

    fn keep_interruption(&self) {
        unreachable!("nobody is interrupted");
    }

    fn wait(&self, word: &AtomicU64, deadline: Option<Instant>, must_wait: impl Fn() -> bool) -> Result<(), Errno> {
        self.machine.table.wait_while(self, self.key(word), deadline, must_wait)
    }

    fn wake_one(&self, word: &AtomicU64, decide: impl FnOnce(u32) -> bool) {
        self.machine.table.wake_decided(self, self.key(word), decide);
    }

    fn wake_lone(&self, word: &AtomicU64, decide: impl FnOnce() -> bool) -> bool {
        self.machine.table.wake_lone(self, self.key(word), decide)
    }

    fn wake_all(&self, word: &AtomicU64) {
        self.machine.table.wake(self, self.key(word), u32::MAX, ANY);
    }
}
