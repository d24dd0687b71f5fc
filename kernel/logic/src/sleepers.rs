//! One core's sleepers behind their lock, and how a thread sleeps until a deadline: set on the core that it leaves, expired by that core's
//! timer, dropped by the thread when it comes back, on whatever core that is.
//!
//! The timer may take a deadline while another core wakes the thread: then it is woken twice, which is the token's to bear. It must never
//! stay in a set that it has left, or be in two.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

use crate::deadlines::{Deadlines, Entry, Places};
use crate::host::RawLock;
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use crate::time::Instant;
use skete_cell::Guarded;

/// The sleepers of one core.
#[derive(Debug)]
pub struct Sleepers<L, A: Allocator> {
    lock: L,
    /// Guarded by `lock`.
    deadlines: Guarded<Deadlines<A>>,
}

impl<L: RawLock, A: Allocator> Sleepers<L, A> {
    skete_cell::constructor! {
        /// Nobody sleeps, and there is no room for anybody; `memory` is never asked.
        pub fn new(lock: L, memory: A) -> Self {
            Self { lock, deadlines: Guarded::new(Deadlines::new(Vec::new_in(memory))) }
        }
    }

    /// Makes room; nobody sleeps yet. `room` is empty, with a capacity of as many as there are thread records.
    pub fn give(&self, room: Vec<Entry, A>) {
        self.locked(|deadlines| *deadlines = Deadlines::new(room));
    }

    /// The next deadline.
    #[inline]
    pub fn earliest(&self) -> Option<Instant> {
        self.locked(|deadlines| deadlines.earliest())
    }

    /// Sets the deadline of `thread`; true if it is the next one now.
    #[inline]
    fn set<P: Places>(&self, places: &P, thread: Thread, at: Instant) -> bool {
        self.locked(|deadlines| deadlines.insert(places, thread, at))
    }

    /// Drops the deadline of `thread`, unless it has expired.
    #[inline]
    fn drop<P: Places>(&self, places: &P, thread: Thread) {
        if mutant::is(Mutant::DroppedAfterALook) && !places.place(thread).get().is_set() {
            return;
        }
        self.locked(|deadlines| deadlines.remove(places, thread));
    }

    /// Takes a thread whose deadline is not after `now`, the earliest first. The caller, this core's timer, wakes it.
    #[inline]
    pub fn take_expired<P: Places>(&self, places: &P, now: Instant) -> Option<Thread> {
        self.locked(|deadlines| deadlines.pop_expired(places, now))
    }

    #[inline(always)]
    fn locked<R>(&self, change: impl FnOnce(&mut Deadlines<A>) -> R) -> R {
        self.lock.locked(|| self.deadlines.with_mut(change))
    }
}

/// The machine as one who sleeps sees it.
pub trait Timers {
    /// The lock of a core's sleepers.
    type Lock: RawLock;
    /// Whose memory their deadlines lie in.
    type Memory: Allocator;
    /// The thread records.
    type Places: Places;

    /// The thread records.
    fn places(&self) -> &Self::Places;

    /// The core that the caller runs on. It stays there until it leaves.
    fn core(&self) -> usize;

    /// The sleepers of core `core`.
    fn sleepers(&self, core: usize) -> &Sleepers<Self::Lock, Self::Memory>;

    /// Lets the timer of the caller's core fire at `at`, or earlier.
    fn arm(&self, at: Instant);

    /// Leaves the core until the thread is woken, which may have happened.
    fn leave(&self);
}

/// Puts the calling `thread` to sleep until it is woken, at the latest by a timer at `at`.
#[inline]
pub fn sleep_until<T: Timers>(timers: &T, thread: Thread, at: Instant) {
    let core = timers.core();
    if timers.sleepers(core).set(timers.places(), thread, at) {
        timers.arm(at);
    }
    timers.leave();
    // The core that it left holds its deadline, wherever it is now.
    let core = if mutant::is(Mutant::DroppedWhereItWakes) { timers.core() } else { core };
    if !mutant::is(Mutant::DeadlineLeft) {
        timers.sleepers(core).drop(timers.places(), thread);
    }
}
