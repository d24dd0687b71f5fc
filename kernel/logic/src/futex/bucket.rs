//! A bucket: the waiters of all words with one hash.

use super::chain::Chain;
use super::waiter::{Links, Node};
use super::{ANY, Key};
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
///
/// The first and the last, in the low and high half of a word.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue(u32);

impl Queue {
    pub const EMPTY: Self = Self(0);

    #[inline(always)]
    const fn between(first: Thread, last: Thread) -> Self {
        Self(first.number() as u32 | (last.number() as u32) << 16)
    }

    /// The one to be served first; [`Thread::NONE`] in an empty queue.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the low half is meant")]
    pub const fn first(&self) -> Thread {
        Thread::from_number(self.0 as u16)
    }

    /// The one who is alone here; [`Thread::NONE`] if nobody is, or several are.
    #[inline(always)]
    pub fn lone(&self) -> Thread {
        if self.first() == self.last() { self.first() } else { Thread::NONE }
    }

    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "the high half is 16 bits")]
    const fn last(&self) -> Thread {
        Thread::from_number((self.0 >> 16) as u16)
    }

    /// Puts `thread` with what `node` says, its links apart, behind its equals.
    #[inline(always)]
    pub fn insert(&mut self, host: &impl Host, thread: Thread, node: Node) {
        host.waiter(thread).node.set(Node { links: Links::NONE, ..node });
        self.link_in(host, thread);
    }

    /// [`insert`](Self::insert) of one whose node says already what it is to say, and that it is alone.
    #[inline(always)]
    pub fn link_in(&mut self, host: &impl Host, thread: Thread) {
        if self.0 == Self::EMPTY.0 {
            *self = Self::between(thread, thread);
        } else {
            self.link_among(host, thread);
        }
    }

    #[inline(never)]
    fn link_among(&mut self, host: &impl Host, thread: Thread) {
        let priority = host.waiter(thread).node.with(|node| node.priority);
        let mut previous = self.last();
        let mut next = Thread::NONE;
        while !previous.is_none() {
            let before = host.waiter(previous).node.get();
            if before.priority >= priority {
                break;
            }
            next = previous;
            previous = before.links.previous();
        }
        host.waiter(thread).node.with_mut(|node| node.links = Links::between(previous, next));
        self.set_next(host, previous, thread);
        self.set_previous(host, next, thread);
    }

    /// Takes out the thread whose node is `node`.
    #[inline(always)]
    pub fn remove(&mut self, host: &impl Host, node: Node) {
        if node.links.is_alone() {
            *self = Self::EMPTY;
        } else {
            self.link(host, node.links.previous(), node.links.next());
        }
    }

    /// Takes back the removal of `thread`, whose node was `node`: nobody has come or gone since.
    #[cold]
    pub fn put_back(&mut self, host: &impl Host, thread: Thread, node: Node) {
        host.waiter(thread).node.set(node);
        self.set_next(host, node.links.previous(), thread);
        self.set_previous(host, node.links.next(), thread);
    }

    /// Takes out the one who stands first, if that one waits for a wake of `key`; [`Thread::NONE`] if not.
    #[inline(always)]
    pub fn take_first(&mut self, host: &impl Host, key: Key) -> Thread {
        let first = self.first();
        if first.is_none() {
            return Thread::NONE;
        }
        let (is_wanted, links) = host.waiter(first).node.with(|node| (node.is_for(key, ANY), node.links));
        if !is_wanted {
            return Thread::NONE;
        }
        let next = links.next();
        if next.is_none() {
            *self = Self::EMPTY;
        } else {
            *self = Self::between(next, self.last());
            host.waiter(next).node.with_mut(|node| node.links.set_previous(Thread::NONE));
        }
        first
    }

    /// Whoever stood between the two is gone; either may be nobody.
    #[inline(always)]
    pub fn link(&mut self, host: &impl Host, before: Thread, behind: Thread) {
        self.set_next(host, before, behind);
        self.set_previous(host, behind, before);
    }

    /// The first who is wanted; [`Thread::NONE`] if there is none.
    #[inline(always)]
    pub fn find_by(&self, host: &impl Host, is_wanted: impl Fn(Thread, &Node) -> bool) -> Thread {
        Self::find_from(host, self.first(), is_wanted)
    }

    /// [`find_by`](Self::find_by) from `thread` on.
    #[inline(always)]
    pub fn find_from(host: &impl Host, thread: Thread, is_wanted: impl Fn(Thread, &Node) -> bool) -> Thread {
        let mut thread = thread;
        while !thread.is_none() {
            let (is_found, next) = host.waiter(thread).node.with(|node| (is_wanted(thread, node), node.links.next()));
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
        let end = self.last();
        let priority = |thread| host.waiter(thread).node.with(|node| node.priority);
        if end.is_none() || priority(end) >= priority(first) {
            self.link(host, end, first);
            *self = Self::between(self.first(), last);
            return;
        }
        self.merge(host, first);
    }

    /// Puts `first` and those who follow it behind their equals: both stand in order, so each place is looked for from the last one on.
    #[inline(never)]
    fn merge(&mut self, host: &impl Host, first: Thread) {
        let look = |thread| host.waiter(thread).node.with(|node| (node.priority, node.links));
        let (mut thread, mut behind) = (first, self.first());
        while !thread.is_none() {
            let (priority, links) = look(thread);
            let mut before = self.last();
            while !behind.is_none() {
                let (other, its) = look(behind);
                if other < priority {
                    before = its.previous();
                    break;
                }
                behind = its.next();
            }
            self.link(host, before, thread);
            self.link(host, thread, behind);
            thread = links.next();
        }
    }

    /// Does `change` to every node, which lets it stand where it stands.
    pub fn for_each(&mut self, host: &impl Host, change: impl Fn(&mut Node)) {
        let mut thread = self.first();
        while !thread.is_none() {
            thread = host.waiter(thread).node.with_mut(|node| {
                change(node);
                node.links.next()
            });
        }
    }

    /// How many wait for `key`, counted up to `most`.
    pub fn count(&self, host: &impl Host, key: Key, most: u32) -> u32 {
        let mut found = 0;
        let mut thread = self.first();
        while !thread.is_none() && found < most {
            let node = host.waiter(thread).node.get();
            found += u32::from(node.key == key);
            thread = node.links.next();
        }
        found
    }

    /// `next` comes after `thread`, or first if that is none.
    #[inline]
    fn set_next(&mut self, host: &impl Host, thread: Thread, next: Thread) {
        if thread.is_none() {
            *self = Self::between(next, self.last());
        } else {
            host.waiter(thread).node.with_mut(|node| node.links.set_next(next));
        }
    }

    /// `previous` comes before `thread`, or last if that is none.
    #[inline]
    fn set_previous(&mut self, host: &impl Host, thread: Thread, previous: Thread) {
        if thread.is_none() {
            *self = Self::between(self.first(), previous);
        } else {
            host.waiter(thread).node.with_mut(|node| node.links.set_previous(previous));
        }
    }
}
