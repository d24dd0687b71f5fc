//! The deadlines of one core's sleepers, earliest first.
//!
//! The caller holds the core's lock. A binary heap in a slice made once at boot, and each thread's place in it kept in the thread's
//! record: a thread woken before its time is found at once, and nothing is allocated.

use crate::thread::Thread;
use crate::time::Instant;
use skete_cell::Guarded;

/// One sleeper.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    at: Instant,
    thread: Thread,
}

impl Entry {
    /// What a new slice is filled with.
    pub const EMPTY: Self = Self { at: Instant::FAR, thread: Thread::NONE };
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
pub struct Deadlines<'a> {
    entries: &'a mut [Entry],
    len: usize,
}

impl<'a> Deadlines<'a> {
    /// An empty set. `entries` is as long as there are thread records, so that the set is never full.
    #[must_use]
    pub const fn new(entries: &'a mut [Entry]) -> Self {
        Self { entries, len: 0 }
    }

    /// Sets the deadline of `thread`, or moves it. True if [`earliest`](Self::earliest) changed: the timer must be set anew.
    #[inline]
    pub fn insert(&mut self, places: &impl Places, thread: Thread, at: Instant) -> bool {
        let before = self.earliest();
        let place = places.place(thread).get();
        let index = if place.is_set() {
            usize::from(place.0)
        } else {
            self.len += 1;
            self.len - 1
        };
        self.settle(places, index, Entry { at, thread });
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
        self.len -= 1;
        let last = self.entries[self.len];
        if last.thread != thread {
            self.settle(places, usize::from(place.0), last);
        }
        true
    }

    /// The next deadline.
    #[must_use]
    #[inline]
    pub fn earliest(&self) -> Option<Instant> {
        if self.len == 0 { None } else { self.entries.first().map(|entry| entry.at) }
    }

    /// Takes one thread whose deadline is not after `now`, the earliest first.
    #[inline]
    pub fn pop_expired(&mut self, places: &impl Places, now: Instant) -> Option<Thread> {
        if self.earliest()? > now {
            return None;
        }
        let thread = self.entries[0].thread;
        self.remove(places, thread);
        Some(thread)
    }

    /// How many deadlines are set.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no deadline is set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts `entry` where it belongs, given that the heap is in order but for a hole at `hole`.
    fn settle(&mut self, places: &impl Places, mut hole: usize, entry: Entry) {
        while hole > 0 && entry < self.entries[(hole - 1) / 2] {
            let parent = (hole - 1) / 2;
            self.put(places, hole, self.entries[parent]);
            hole = parent;
        }
        while let Some(child) = self.earlier_child(hole).filter(|&child| self.entries[child] < entry) {
            self.put(places, hole, self.entries[child]);
            hole = child;
        }
        self.put(places, hole, entry);
    }

    fn earlier_child(&self, parent: usize) -> Option<usize> {
        let (left, right) = (2 * parent + 1, 2 * parent + 2);
        if right < self.len && self.entries[right] < self.entries[left] { Some(right) } else { (left < self.len).then_some(left) }
    }

    #[allow(clippy::cast_possible_truncation, reason = "there are at most Thread::LIMIT entries")]
    fn put(&mut self, places: &impl Places, index: usize, entry: Entry) {
        self.entries[index] = entry;
        places.place(entry.thread).set(Place(index as u16));
    }
}
