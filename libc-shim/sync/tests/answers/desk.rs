//! A kernel for one thread of the test: waits end as the script says, and everything that was asked is written down.

use core::cell::{Cell, RefCell};
use std::collections::VecDeque;

use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_sync::ceiling::Ceilings;
use skete_sync::{AtomicU32, Clock, Deadline, Ended, Futex, Moment, RobustEntry};

/// The thread that asks, and what came of it.
pub struct Desk {
    pub tid: Cell<u32>,
    /// How the next waits end; none left: the test has failed.
    pub waits: RefCell<VecDeque<Result<(), Errno>>>,
    pub until: Cell<Option<Moment>>,
    pub wakes: Cell<u32>,
    pub base: Cell<u8>,
    pub ceilings: Ceilings,
    pub listed: Cell<i32>,
}

impl Desk {
    /// Thread 7, whose waits end so.
    pub fn new(waits: impl IntoIterator<Item = Result<(), Errno>>) -> Self {
        Self {
            tid: Cell::new(7),
            waits: RefCell::new(waits.into_iter().collect()),
            until: Cell::new(None),
            wakes: Cell::new(0),
            base: Cell::new(2),
            ceilings: Ceilings::new(),
            listed: Cell::new(0),
        }
    }

    /// Does `work` as thread `tid`.
    pub fn with<R>(&self, tid: u32, work: impl FnOnce() -> R) -> R {
        let before = self.tid.replace(tid);
        let result = work();
        self.tid.set(before);
        result
    }

    fn next(&self, until: Option<Moment>) -> Result<(), Errno> {
        self.until.set(until);
        self.waits.borrow_mut().pop_front().expect("nobody should wait here")
    }

    fn ended(&self, until: Option<Moment>, moved: Ended) -> Ended {
        match self.next(until) {
            Ok(()) => moved,
            Err(Errno::ETIMEDOUT) => Ended::Late,
            Err(Errno::EINTR) => Ended::Interrupted,
            Err(_) => Ended::Changed,
        }
    }
}

/// A deadline that is one.
pub fn soon() -> Deadline {
    Deadline { clock: Clock::Monotonic, time: TimeSpec { tv_sec: 1, tv_nsec: 5 } }
}

/// A deadline that is none.
pub fn never() -> Deadline {
    Deadline { clock: Clock::Realtime, time: TimeSpec { tv_sec: 1, tv_nsec: 1_000_000_000 } }
}

impl Futex for Desk {
    fn tid(&self) -> u32 {
        self.tid.get()
    }

    fn wait(&self, _word: &AtomicU32, _expected: u32, _bits: u32, until: Option<Moment>) -> Result<(), Errno> {
        self.next(until)
    }

    fn wake(&self, _word: &AtomicU32, _most: u32, _bits: u32) -> u32 {
        self.wakes.set(self.wakes.get() + 1);
        0
    }

    fn wait_movable(&self, _word: &AtomicU32, _expected: u32, until: Option<Moment>) -> Ended {
        self.ended(until, Ended::Woken)
    }

    fn move_all(&self, _from: &AtomicU32, _expected: u32, _to: usize) -> Result<u32, Errno> {
        Ok(0)
    }

    fn lock_pi(&self, word: &AtomicU32, until: Option<Moment>) -> Result<(), Errno> {
        if word.load(core::sync::atomic::Ordering::Relaxed) == self.tid() { Err(Errno::EDEADLK) } else { self.next(until) }
    }

    fn try_lock_pi(&self, _word: &AtomicU32) -> Result<(), Errno> {
        self.next(None)
    }

    fn unlock_pi(&self, word: &AtomicU32) -> Result<(), Errno> {
        word.store(0, core::sync::atomic::Ordering::Relaxed);
        Ok(())
    }

    fn wait_movable_pi(&self, _word: &AtomicU32, _expected: u32, until: Option<Moment>, lock: &AtomicU32) -> Ended {
        let ended = self.ended(until, Ended::Holds);
        if ended == Ended::Holds {
            lock.store(self.tid(), core::sync::atomic::Ordering::Relaxed);
        }
        ended
    }

    fn move_pi(&self, _from: &AtomicU32, _expected: u32, _lock: usize, _others: u32) -> Result<u32, Errno> {
        Ok(0)
    }

    fn raise(&self, ceiling: u8) -> Result<(), Errno> {
        self.base.set(self.ceilings.raise(level(ceiling), self.base.get())?);
        Ok(())
    }

    fn lower(&self, ceiling: u8) {
        self.base.set(self.ceilings.lower(level(ceiling)));
    }

    fn begin_robust(&self, _entry: &RobustEntry, _lends: bool) {}

    fn end_robust(&self) {}

    fn list(&self, _entry: &RobustEntry, _lends: bool) {
        self.listed.set(self.listed.get() + 1);
    }

    fn unlist(&self, _entry: &RobustEntry) {
        self.listed.set(self.listed.get() - 1);
    }

    fn spin(&self, turn: u32) {
        assert!(turn < 3, "nobody should turn round here");
    }
}

/// The level at which a thread runs that POSIX gives this priority: the highest one is shared.
fn level(priority: u8) -> u8 {
    priority.min(31)
}
