//! A bucket: the waiters of all words with one hash.

use super::Key;
use super::chain::Chain;
use super::waiter::{Node, Waiter};
use crate::host::Host;
use crate::thread::Thread;
use skete_cell::Guarded;
use skete_cell::atomic::{AtomicU32, Ordering};

/// One cache line of the table.
#[derive(Debug)]
#[repr(align(64))]
pub struct Bucket<L> {
    /// How many threads are in `queue`, on their way into it, or about to be moved here. Written under the lock; read by wakers without it.
    pub(super) waiters: AtomicU32,
    pub(super) lock: L,
    /// Guarded by `lock`.
    pub(super) queue: Guarded<Queue>,
}

impl<L> Bucket<L> {
    skete_cell::constructor! {
        /// An empty bucket under `lock`, which nobody holds.
        pub fn new(lock: L) -> Self {
            Self { waiters: AtomicU32::new(0), lock, queue: Guarded::new(Queue::EMPTY) }
        }
    }

    /// `count` more threads are here. The caller holds the lock.
    #[inline(always)]
    pub(super) fn raise(&self, count: u32) {
        // One access, though the lock is held: of a load and a store loom would explore what depends on the load alone.
        self.waiters.fetch_add(count, Ordering::Relaxed);
    }

    /// `count` fewer threads are here. The caller holds the lock.
    #[inline(always)]
    pub(super) fn lower(&self, count: u32) {
        self.waiters.fetch_sub(count, Ordering::Relaxed);
    }
}

/// Waiters linked through their nodes: higher priority first, first come first served within a priority.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    first: End,
    last: End,
}

/// An end of a queue: the thread's number inverted, so that an empty bucket is all zeros, and the table takes no room in an image.
#[derive(Clone, Copy, Debug)]
struct End(u16);

impl End {
    #[inline(always)]
    const fn at(thread: Thread) -> Self {
        Self(!thread.number())
    }

    #[inline(always)]
    const fn thread(self) -> Thread {
        Thread::new(!self.0)
    }
}

const _: () = assert!(Queue::EMPTY.first.0 == 0 && Queue::EMPTY.last.0 == 0, "an empty table is all zeros");

impl Queue {
    const EMPTY: Self = Self { first: End::at(Thread::NONE), last: End::at(Thread::NONE) };

    /// The one to be served first; [`Thread::NONE`] in an empty queue.
    #[inline(always)]
    pub const fn first(&self) -> Thread {
        self.first.thread()
    }

    /// Puts `thread` with what `node` says, its links apart, behind its equals.
    #[inline]
    pub fn insert(&mut self, host: &impl Host, thread: Thread, node: Node) {
        self.insert_as(host, thread, host.waiter(thread), node);
    }

    /// [`insert`](Self::insert) of a thread whose waiter is at hand.
    #[inline(always)]
    pub fn insert_as(&mut self, host: &impl Host, thread: Thread, waiter: &Waiter, node: Node) {
        let mut previous = self.last.thread();
        let mut next = Thread::NONE;
        if previous.is_none() {
            waiter.node.set(Node { next, previous, ..node });
            *self = Self { first: End::at(thread), last: End::at(thread) };
            return;
        }
        while !previous.is_none() {
            let before = host.waiter(previous).node.get();
            if before.priority >= node.priority {
                break;
            }
            next = previous;
            previous = before.previous;
        }
        waiter.node.set(Node { next, previous, ..node });
        self.set_next(host, previous, thread);
        self.set_previous(host, next, thread);
    }

    /// Takes out the thread whose node is `node`.
    #[inline]
    pub fn remove(&mut self, host: &impl Host, node: Node) {
        if node.previous.is_none() && node.next.is_none() {
            *self = Self::EMPTY;
        } else {
            self.link(host, node.previous, node.next);
        }
    }

    /// Whoever stood between the two is gone; either may be nobody.
    #[inline(always)]
    pub fn link(&mut self, host: &impl Host, before: Thread, behind: Thread) {
        self.set_next(host, before, behind);
        self.set_previous(host, behind, before);
    }

    /// The first of those who wait for `key` with a bit of `bitset`; [`Thread::NONE`] if there is none.
    #[inline(always)]
    pub fn find(&self, host: &impl Host, key: Key, bitset: u32) -> Thread {
        self.find_by(host, |_, node| node.is_for(key, bitset))
    }

    /// The first who is wanted; [`Thread::NONE`] if there is none.
    #[inline(always)]
    pub fn find_by(&self, host: &impl Host, is_wanted: impl Fn(Thread, &Node) -> bool) -> Thread {
        let mut thread = self.first();
        while !thread.is_none() {
            let (is_found, next) = host.waiter(thread).node.with(|node| (is_wanted(thread, node), node.next));
            if is_found {
                break;
            }
            thread = next;
        }
        thread
    }

    /// Puts those of `chain`, each of whose nodes says what it is to say, behind their equals.
    #[inline]
    pub fn append(&mut self, host: &impl Host, chain: Chain) {
        let Some((first, last)) = chain.ends() else { return };
        let end = self.last.thread();
        let priority = |thread| host.waiter(thread).node.with(|node| node.priority);
        if end.is_none() || priority(end) >= priority(first) {
            self.link(host, end, first);
            self.last = End::at(last);
            return;
        }
        let mut thread = first;
        while !thread.is_none() {
            let node = host.waiter(thread).node.get();
            self.insert(host, thread, node);
            thread = node.next;
        }
    }

    /// How many wait for `key`, counted up to `most`.
    pub fn count(&self, host: &impl Host, key: Key, most: u32) -> u32 {
        let mut found = 0;
        let mut thread = self.first();
        while !thread.is_none() && found < most {
            let node = host.waiter(thread).node.get();
            found += u32::from(node.key == key);
            thread = node.next;
        }
        found
    }

    /// `next` comes after `thread`, or first if that is none.
    #[inline]
    fn set_next(&mut self, host: &impl Host, thread: Thread, next: Thread) {
        if thread.is_none() {
            self.first = End::at(next);
        } else {
            host.waiter(thread).node.with_mut(|node| node.next = next);
        }
    }

    /// `previous` comes before `thread`, or last if that is none.
    #[inline]
    fn set_previous(&mut self, host: &impl Host, thread: Thread, previous: Thread) {
        if thread.is_none() {
            self.last = End::at(previous);
        } else {
            host.waiter(thread).node.with_mut(|node| node.previous = previous);
        }
    }
}
