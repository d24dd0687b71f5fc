//! The woken, on their way from the lock to the run queues.

use super::Key;
use super::bucket::Queue;
use crate::host::Host;
use crate::mutant::{self, Mutant};
use crate::thread::Thread;

/// Waiters that a waker has claimed, in the order in which they will be woken. Their nodes are the waker's alone: gathered under a
/// bucket's lock, let go after it is released. To be run through to its end, or the rest sleeps for ever.
#[derive(Debug)]
#[must_use]
pub(super) struct Chain {
    first: Thread,
    last: Thread,
    len: u32,
}

impl Chain {
    /// Nobody.
    pub const EMPTY: Self = Self { first: Thread::NONE, last: Thread::NONE, len: 0 };

    /// How many are woken.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Claims from `queue` those who wait for `key` with a bit of `bitset`, at most `nr`. The caller holds the queue's lock, and lowers
    /// the bucket's count by the number returned.
    #[inline]
    pub fn gather(&mut self, host: &impl Host, queue: &mut Queue, key: Key, nr: u32, bitset: u32) -> u32 {
        let before = self.len;
        let mut thread = queue.first();
        while !thread.is_none() && self.len - before < nr {
            let node = host.waiter(thread).node.get();
            if node.key == key && (node.bitset & bitset != 0 || mutant::is(Mutant::WokenWhateverTheBits)) {
                queue.remove(host, node);
                self.append(host, thread);
            }
            thread = node.next;
        }
        self.len - before
    }

    #[inline]
    fn append(&mut self, host: &impl Host, thread: Thread) {
        let waiter = host.waiter(thread);
        waiter.claim();
        waiter.node.with_mut(|node| node.next = Thread::NONE);
        if self.first.is_none() {
            self.first = thread;
        } else {
            host.waiter(self.last).node.with_mut(|node| node.next = thread);
        }
        self.last = thread;
        self.len += 1;
        if mutant::is(Mutant::WokenUnderTheLock) {
            waiter.release();
        }
    }

    /// Lets them all go. The caller holds no lock.
    #[inline]
    pub fn wake(self, host: &impl Host) {
        let mut next = self.first;
        host.unpark_each(core::iter::from_fn(|| {
            if next.is_none() {
                return None;
            }
            let thread = next;
            let waiter = host.waiter(thread);
            next = waiter.node.with(|node| node.next);
            // From here the thread may return, wait again and link its node elsewhere. Released before it is unparked: the other way
            // round it could look, find itself claimed, and sleep on.
            waiter.release();
            Some(thread)
        }));
    }
}
