//! The ready threads of one core: highest priority first, first come first served within a priority.
//!
//! The caller holds the core's lock. Threads are linked through their records, so queueing allocates nothing and cannot fail.

use crate::thread::Thread;
use skete_cell::Guarded;

/// How many priorities there are: 0 (lowest) to 31.
pub const PRIORITIES: u8 = 32;

/// A thread's place in a run queue, kept in its record. Guarded by the lock of the core whose queue holds the thread; while none
/// does, it means nothing.
///
/// One word, low half the one behind, high half the one before, so that it is written at once. The one before means nothing in the
/// first of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Link(u32);

impl Link {
    /// Of a thread that was never queued.
    pub const NONE: Self = Self::between(Thread::NONE, Thread::NONE);

    #[inline(always)]
    const fn between(previous: Thread, next: Thread) -> Self {
        Self(pair(next, previous))
    }

    #[inline(always)]
    const fn next(self) -> Thread {
        low(self.0)
    }

    #[inline(always)]
    const fn previous(self) -> Thread {
        high(self.0)
    }
}

/// The table of thread records, as far as run queues know it.
pub trait Links {
    /// The link in the record of `thread`, which is never [`Thread::NONE`].
    fn link(&self, thread: Thread) -> &Guarded<Link>;
}

/// First and last thread of one priority, in the low and high half of a word. They mean something only while the priority's bit in
/// `ready` is set.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
struct Line(u32);

impl Line {
    /// Zero, so that an empty queue takes no room in an image.
    const UNUSED: Self = Self(0);

    #[inline(always)]
    const fn new(first: Thread, last: Thread) -> Self {
        Self(pair(first, last))
    }

    #[inline(always)]
    const fn first(self) -> Thread {
        low(self.0)
    }

    #[inline(always)]
    const fn last(self) -> Thread {
        high(self.0)
    }
}

/// One core's ready threads.
#[derive(Debug)]
pub struct RunQueue {
    /// Bit `p` is set while a thread of priority `p` is queued.
    ready: u32,
    len: u32,
    lines: [Line; PRIORITIES as usize],
}

impl RunQueue {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { ready: 0, len: 0, lines: [Line::UNUSED; PRIORITIES as usize] }
    }

    /// Queues `thread` behind its equals: it became ready, or its slice is over. It is in no queue; `priority` is below
    /// [`PRIORITIES`] (higher bits are ignored).
    #[inline]
    pub fn push_back(&mut self, links: &impl Links, thread: Thread, priority: u8) {
        let bit = bit(priority);
        let line = &mut self.lines[slot(priority)];
        links.link(thread).set(Link::between(line.last(), Thread::NONE));
        *line = if self.ready & bit == 0 {
            Line::new(thread, thread)
        } else {
            links.link(line.last()).with_mut(|last| *last = Link::between(last.previous(), thread));
            Line::new(line.first(), thread)
        };
        self.ready |= bit;
        self.len += 1;
    }

    /// Queues `thread` before its equals: it was preempted with time left in its slice. Otherwise as [`push_back`](Self::push_back).
    #[inline]
    pub fn push_front(&mut self, links: &impl Links, thread: Thread, priority: u8) {
        let bit = bit(priority);
        let line = &mut self.lines[slot(priority)];
        let mut next = Thread::NONE;
        *line = if self.ready & bit == 0 {
            Line::new(thread, thread)
        } else {
            next = line.first();
            links.link(next).with_mut(|first| *first = Link::between(thread, first.next()));
            Line::new(thread, line.last())
        };
        links.link(thread).set(Link::between(Thread::NONE, next));
        self.ready |= bit;
        self.len += 1;
    }

    /// Takes the thread that should run now.
    #[inline]
    pub fn pop(&mut self, links: &impl Links) -> Option<Thread> {
        let priority = self.top_priority()?;
        let line = &mut self.lines[slot(priority)];
        let thread = line.first();
        let next = links.link(thread).get().next();
        if next.is_none() {
            self.ready &= !bit(priority);
        } else {
            *line = Line::new(next, line.last());
        }
        self.len -= 1;
        Some(thread)
    }

    /// The priority of the thread that [`pop`](Self::pop) would take.
    #[must_use]
    #[inline]
    pub const fn top_priority(&self) -> Option<u8> {
        if self.ready == 0 { None } else { Some(highest(self.ready)) }
    }

    /// Takes `thread`, which is queued here at `priority`, out of turn: its priority changes, or another core steals it.
    pub fn remove(&mut self, links: &impl Links, thread: Thread, priority: u8) {
        let link = links.link(thread).get();
        let line = &mut self.lines[slot(priority)];
        let (mut first, mut last) = (line.first(), line.last());
        if first == last {
            self.ready &= !bit(priority);
        } else if first == thread {
            first = link.next();
        } else {
            links.link(link.previous()).with_mut(|before| *before = Link::between(before.previous(), link.next()));
            if last == thread {
                last = link.previous();
            } else {
                links.link(link.next()).with_mut(|behind| *behind = Link::between(link.previous(), behind.next()));
            }
        }
        *line = Line::new(first, last);
        self.len -= 1;
    }

    /// Takes a thread for another core: of those that are `allowed` there, the one that waits longest at the highest priority.
    pub fn steal(&mut self, links: &impl Links, allowed: impl Fn(Thread) -> bool) -> Option<Thread> {
        let mut ready = self.ready;
        while ready != 0 {
            let priority = highest(ready);
            let mut thread = self.lines[slot(priority)].first();
            while !thread.is_none() {
                if allowed(thread) {
                    self.remove(links, thread, priority);
                    return Some(thread);
                }
                thread = links.link(thread).get().next();
            }
            ready &= !bit(priority);
        }
        None
    }

    /// How many threads are ready.
    #[must_use]
    #[inline]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether no thread is ready.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.ready == 0
    }
}

impl Default for RunQueue {
    fn default() -> Self {
        Self::new()
    }
}

/// The line of a priority; the mask keeps the bounds check out of the way.
#[inline(always)]
const fn slot(priority: u8) -> usize {
    (priority & (PRIORITIES - 1)) as usize
}

/// The bit of a priority in `ready`.
#[inline(always)]
const fn bit(priority: u8) -> u32 {
    1 << (priority & (PRIORITIES - 1))
}

/// The highest priority in `ready`, which is not 0.
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "0 to 31")]
const fn highest(ready: u32) -> u8 {
    31 - ready.leading_zeros() as u8
}

/// Two threads in one word.
#[inline(always)]
const fn pair(low: Thread, high: Thread) -> u32 {
    low.number() as u32 | (high.number() as u32) << 16
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the low half is meant")]
const fn low(pair: u32) -> Thread {
    Thread::from_number(pair as u16)
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the high half is 16 bits")]
const fn high(pair: u32) -> Thread {
    Thread::from_number((pair >> 16) as u16)
}
