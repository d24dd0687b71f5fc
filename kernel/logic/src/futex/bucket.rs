//! A bucket: the waiters of all words with one hash.

use super::Key;
use super::waiter::Node;
use crate::host::Host;
use crate::thread::Thread;
use skete_cell::Guarded;
use skete_cell::atomic::AtomicU32;

/// One cache line of the table.
#[derive(Debug)]
#[repr(align(64))]
pub struct Bucket<L> {
    /// How many threads are in `queue`, on their way into it, or about to be moved here. Raised by a waiter before it takes the lock,
    /// lowered under the lock.
    pub(super) waiters: AtomicU32,
    pub(super) lock: L,
    /// Guarded by `lock`.
    pub(super) queue: Guarded<Queue>,
}

impl<L> Bucket<L> {
    skete_cell::constructor! {
        /// An empty bucket under `lock`, which nobody holds.
        pub fn new(lock: L) -> Self {
            let queue = Queue { first: Thread::NONE, last: Thread::NONE };
            Self { waiters: AtomicU32::new(0), lock, queue: Guarded::new(queue) }
        }
    }
}

/// Waiters linked through their nodes: higher priority first, first come first served within a priority.
#[derive(Clone, Copy, Debug)]
pub(super) struct Queue {
    pub first: Thread,
    pub last: Thread,
}

impl Queue {
    /// Puts `thread` with what `node` says, its links apart, behind its equals.
    #[inline]
    pub fn insert(&mut self, host: &impl Host, thread: Thread, node: Node) {
        let mut previous = self.last;
        let mut next = Thread::NONE;
        while !previous.is_none() {
            let before = host.waiter(previous).node.get();
            if before.priority >= node.priority {
                break;
            }
            next = previous;
            previous = before.previous;
        }
        host.waiter(thread).node.set(Node { next, previous, ..node });
        self.join(host, previous, thread);
        self.join(host, thread, next);
    }

    /// Takes out the thread whose node is `node`.
    #[inline]
    pub fn remove(&mut self, host: &impl Host, node: Node) {
        self.join(host, node.previous, node.next);
    }

    /// How many wait for `key`, counted up to `most`.
    pub fn count(&self, host: &impl Host, key: Key, most: u32) -> u32 {
        let mut found = 0;
        let mut thread = self.first;
        while !thread.is_none() && found < most {
            let node = host.waiter(thread).node.get();
            found += u32::from(node.key == key);
            thread = node.next;
        }
        found
    }

    /// Makes `behind` the one after `before`; [`Thread::NONE`] is either end of the queue.
    #[inline]
    fn join(&mut self, host: &impl Host, before: Thread, behind: Thread) {
        if before.is_none() {
            self.first = behind;
        } else {
            host.waiter(before).node.with_mut(|node| node.next = behind);
        }
        if behind.is_none() {
            self.last = before;
        } else {
            host.waiter(behind).node.with_mut(|node| node.previous = before);
        }
    }
}
