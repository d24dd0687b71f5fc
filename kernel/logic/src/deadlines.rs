//! The deadlines of one core's sleepers, earliest first.
//!
//! The caller holds the core's lock. A binary heap in memory that was set aside at boot, and each thread's place in it kept in the thread's
//! record: a thread woken before its time is found at once, and nothing is allocated. The memory is not touched before it is used: most
//! machines could have many more sleepers than they ever have.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

use crate::thread::Thread;
use crate::time::Instant;
use skete_cell::Guarded;

/// One sleeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    at: Instant,
    thread: Thread,
}

/// Where in the heap a thread's deadline stands, kept in the thread's record. Guarded by the lock of the core whose set holds the
/// deadline; while none does, by the thread itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Place(u16);

impl Place {
    /// In no set.
    pub const NONE: Self = Self(u16::MAX);

    /// Whether the thread has a deadline.
    #[must_use]
    #[inline]
    pub const fn is_set(self) -> bool {
        self.0 != u16::MAX
    }
}

/// The table of thread records, as far as deadlines know it.
pub trait Places {
    /// The place in the record of `thread`, which is never [`Thread::NONE`].
    fn place(&self, thread: Thread) -> &Guarded<Place>;
}

/// The deadlines of one core. A thread is in at most one core's set, and there at most once.
#[derive(Debug)]
pub struct Deadlines<A: Allocator>(Vec<Entry, A>);

impl<A: Allocator> Deadlines<A> {
    /// An empty set. `room`, which is empty too, has a capacity of as many as there are thread records, so that the set is never full.
    #[must_use]
    pub const fn new(room: Vec<Entry, A>) -> Self {
        Self(room)
    }

    /// Sets the deadline of `thread`, or moves it. True if [`earliest`](Self::earliest) changed: the timer must be set anew.
    #[inline]
    pub fn insert(&mut self, places: &impl Places, thread: Thread, at: Instant) -> bool {
        let before = self.earliest();
        let place = places.place(thread).get();
        let entry = Entry { at, thread };
        let index = if place.is_set() {
            usize::from(place.0)
        } else {
            assert!(self.0.len() < self.0.capacity(), "there is room for every thread");
            self.0.push(entry);
            self.0.len() - 1
        };
        self.settle(places, index, entry);
        self.earliest() != before
    }

    /// Drops the deadline of `thread`: it was woken in time. False if it has none here. The timer may be left as it is: at worst it
    /// fires for nobody.
    #[inline]
    pub fn remove(&mut self, places: &impl Places, thread: Thread) -> bool {
        let place = places.place(thread).get();
        if !place.is_set() {
            return false;
        }
        places.place(thread).set(Place::NONE);
        if let Some(last) = self.0.pop()
            && last.thread != thread
        {
            self.settle(places, usize::from(place.0), last);
        }
        true
    }

    /// The next deadline.
    #[must_use]
    #[inline]
    pub fn earliest(&self) -> Option<Instant> {
        self.0.first().map(|entry| entry.at)
    }

    /// Takes one thread whose deadline is not after `now`, the earliest first.
    #[inline]
    pub fn pop_expired(&mut self, places: &impl Places, now: Instant) -> Option<Thread> {
        if self.earliest()? > now {
            return None;
        }
        let thread = self.0.first()?.thread;
        self.remove(places, thread);
        Some(thread)
    }

    /// How many deadlines are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no deadline is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts `entry` where it belongs, given that the heap is in order but for a hole at `hole`.
    fn settle(&mut self, places: &impl Places, mut hole: usize, entry: Entry) {
        while hole > 0 && entry < self.0[(hole - 1) / 2] {
            let parent = (hole - 1) / 2;
            self.put(places, hole, self.0[parent]);
            hole = parent;
        }
        while let Some(child) = self.earlier_child(hole).filter(|&child| self.0[child] < entry) {
            self.put(places, hole, self.0[child]);
            hole = child;
        }
        self.put(places, hole, entry);
    }

    fn earlier_child(&self, parent: usize) -> Option<usize> {
        let (left, right) = (2 * parent + 1, 2 * parent + 2);
        if right < self.0.len() && self.0[right] < self.0[left] { Some(right) } else { (left < self.0.len()).then_some(left) }
    }

    #[allow(clippy::cast_possible_truncation, reason = "there are at most Thread::LIMIT entries")]
    fn put(&mut self, places: &impl Places, index: usize, entry: Entry) {
        self.0[index] = entry;
        places.place(entry.thread).set(Place(index as u16));
    }
}
