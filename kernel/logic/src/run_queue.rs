//! The ready threads of one core: highest priority first, first come first served within a priority.
//!
//! The caller holds the core's lock. Threads are linked through their records, so queueing allocates nothing and cannot fail.

use crate::thread::Thread;
use skete_cell::Guarded;

/// How many priorities there are: 0 (lowest) to 31.
pub const PRIORITIES: u8 = 32;

/// A thread's place in a run queue, kept in its record. Guarded by the lock of the core whose queue holds the thread; while none
/// does, by whoever may queue it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The one behind; [`Thread::NONE`] for the last.
    next: Thread,
    /// The one before; means nothing in the first.
    previous: Thread,
    queued: bool,
}

impl Link {
    /// In no queue.
    pub const UNQUEUED: Self = Self {
        next: Thread::NONE,
        previous: Thread::NONE,
        queued: false,
    };

    /// Whether a run queue holds the thread.
    #[must_use]
    #[inline]
    pub const fn is_queued(self) -> bool {
        self.queued
    }
}

/// The table of thread records, as far as run queues know it.
pub trait Links {
    /// The link in the record of `thread`, which is never [`Thread::NONE`].
    fn link(&self, thread: Thread) -> &Guarded<Link>;
}

/// First and last thread of one priority; they mean something only while the priority's bit in `ready` is set.
#[derive(Clone, Copy, Debug)]
struct Line {
    first: Thread,
    last: Thread,
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
        Self {
            ready: 0,
            len: 0,
            lines: [Line {
                first: Thread::NONE,
                last: Thread::NONE,
            }; PRIORITIES as usize],
        }
    }

    /// Queues `thread` behind its equals: it became ready, or its slice is over. It is in no queue; `priority` is below
    /// [`PRIORITIES`] (higher bits are ignored).
    #[inline]
    pub fn push_back(&mut self, links: &impl Links, thread: Thread, priority: u8) {
        let bit = bit(priority);
        let line = &mut self.lines[slot(priority)];
        let previous = line.last;
        line.last = thread;
        links.link(thread).set(Link {
            next: Thread::NONE,
            previous,
            queued: true,
        });
        if self.ready & bit == 0 {
            line.first = thread;
            self.ready |= bit;
        } else {
            links.link(previous).with_mut(|link| link.next = thread);
        }
        self.len += 1;
    }

    /// Queues `thread` before its equals: it was preempted with time left in its slice. Otherwise as [`push_back`](Self::push_back).
    #[inline]
    pub fn push_front(&mut self, links: &impl Links, thread: Thread, priority: u8) {
        let bit = bit(priority);
        let line = &mut self.lines[slot(priority)];
        let mut next = Thread::NONE;
        if self.ready & bit == 0 {
            line.last = thread;
            self.ready |= bit;
        } else {
            next = line.first;
            links.link(next).with_mut(|link| link.previous = thread);
        }
        line.first = thread;
        links.link(thread).set(Link {
            next,
            previous: Thread::NONE,
            queued: true,
        });
        self.len += 1;
    }

    /// Takes the thread that should run now.
    #[inline]
    pub fn pop(&mut self, links: &impl Links) -> Option<Thread> {
        let priority = self.top_priority()?;
        let line = &mut self.lines[slot(priority)];
        let thread = line.first;
        let next = links.link(thread).with_mut(|link| {
            link.queued = false;
            link.next
        });
        line.first = next;
        if next.is_none() {
            self.ready &= !bit(priority);
        }
        self.len -= 1;
        Some(thread)
    }

    /// The priority of the thread that [`pop`](Self::pop) would take.
    #[must_use]
    #[inline]
    pub const fn top_priority(&self) -> Option<u8> {
        if self.ready == 0 {
            None
        } else {
            Some(highest(self.ready))
        }
    }

    /// Takes `thread`, queued at `priority`, out of turn: its priority or affinity changes, or another core steals it. False if no
    /// queue holds it.
    pub fn remove(&mut self, links: &impl Links, thread: Thread, priority: u8) -> bool {
        let link = links.link(thread).get();
        if !link.queued {
            return false;
        }
        links.link(thread).set(Link::UNQUEUED);
        let line = &mut self.lines[slot(priority)];
        let (is_first, is_last) = (line.first == thread, line.last == thread);
        if is_first {
            line.first = link.next;
        } else {
            links
                .link(link.previous)
                .with_mut(|before| before.next = link.next);
        }
        if is_last {
            line.last = link.previous;
        } else {
            links
                .link(link.next)
                .with_mut(|behind| behind.previous = link.previous);
        }
        if is_first && is_last {
            self.ready &= !bit(priority);
        }
        self.len -= 1;
        true
    }

    /// Takes a thread for another core: of those that are `allowed` there, the one that waits longest at the highest priority.
    pub fn steal(
        &mut self,
        links: &impl Links,
        allowed: impl Fn(Thread) -> bool,
    ) -> Option<Thread> {
        let mut ready = self.ready;
        while ready != 0 {
            let priority = highest(ready);
            let mut thread = self.lines[slot(priority)].first;
            while !thread.is_none() {
                if allowed(thread) {
                    self.remove(links, thread, priority);
                    return Some(thread);
                }
                thread = links.link(thread).with(|link| link.next);
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
