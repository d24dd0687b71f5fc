//! Waiters that were taken out of a queue together: the woken, on their way from the lock to the run queues, and those who are moved.

use super::Key;
use super::bucket::Queue;
use super::waiter::{Node, Waiter};
use crate::host::Host;
use crate::mutant::{self, Mutant};
use crate::thread::Thread;

/// Waiters in the order of the queue that they were taken from, linked as they were there. Their nodes are the taker's alone.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(super) struct Chain {
    first: Thread,
    last: Thread,
    len: u32,
}

impl Chain {
    /// Nobody.
    pub const EMPTY: Self = Self { first: Thread::NONE, last: Thread::NONE, len: 0 };

    /// How many they are.
    #[inline(always)]
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// The first and the last, if there are any.
    #[inline]
    pub fn ends(&self) -> Option<(Thread, Thread)> {
        (self.len != 0).then_some((self.first, self.last))
    }

    /// Claims from `queue` those who wait for `key` with a bit of `bitset`, at most `nr`: they are to be [woken](Self::wake), or sleep for
    /// ever. The caller holds the queue's lock, and lowers the bucket's count by their number. It is [uninterrupted](Host::uninterrupted)
    /// until it has let them go: however late one of them is, it waits for that, and so it would for whoever takes the caller's core.
    #[inline]
    pub fn gather(host: &impl Host, queue: &mut Queue, key: Key, nr: u32, bitset: u32) -> Self {
        Self::take(
            host,
            queue,
            nr,
            |node| node.is_for(key, bitset),
            |waiter| {
                waiter.claim();
                if mutant::is(Mutant::WokenUnderTheLock) {
                    waiter.release();
                }
            },
        )
    }

    /// Takes out of `queue` those who are wanted, at most `nr`, and does `each` to them. The caller holds the queue's lock.
    ///
    /// Neighbours stay linked as they are, those who go and those who stay: only where one of the first meets one of the others is a link
    /// changed.
    #[inline]
    pub fn take(host: &impl Host, queue: &mut Queue, nr: u32, is_wanted: impl Fn(&Node) -> bool, each: impl Fn(&Waiter)) -> Self {
        let mut taken = Self::EMPTY;
        let (mut stays, mut goes) = (Thread::NONE, false);
        let mut thread = queue.first();
        while !thread.is_none() && taken.len < nr {
            let waiter = host.waiter(thread);
            let (wanted, next) = waiter.node.with(|node| (is_wanted(node), node.links.next()));
            if wanted {
                if !goes {
                    taken.link(host, thread);
                }
                each(waiter);
                taken.last = thread;
                taken.len += 1;
            } else {
                if goes {
                    queue.link(host, stays, thread);
                }
                stays = thread;
            }
            goes = wanted;
            thread = next;
        }
        if goes {
            queue.link(host, stays, thread);
        }
        if taken.len != 0 {
            host.waiter(taken.last).node.with_mut(|node| node.links.set_next(Thread::NONE));
        }
        taken
    }

    /// `thread` is to follow the last one.
    #[inline]
    fn link(&mut self, host: &impl Host, thread: Thread) {
        if self.len == 0 {
            self.first = thread;
        } else {
            host.waiter(self.last).node.with_mut(|node| node.links.set_next(thread));
        }
        host.waiter(thread).node.with_mut(|node| node.links.set_previous(self.last));
    }

    /// Those of `other` follow.
    #[inline]
    pub fn join(&mut self, host: &impl Host, other: Self) {
        if let Some((first, last)) = other.ends() {
            self.link(host, first);
            (self.last, self.len) = (last, self.len + other.len);
        }
    }

    /// Lets them all go. The caller holds no lock, and is in the uninterrupted section in which it claimed them.
    ///
    /// Not inlined: it is long, and three operations end with it.
    #[inline(never)]
    pub fn wake<H: Host>(self, host: &H, masking: H::Masking) {
        let mut next = self.first;
        let threads = core::iter::from_fn(|| {
            if next.is_none() {
                return None;
            }
            let thread = next;
            let waiter = host.waiter(thread);
            next = waiter.node.with(|node| node.links.next());
            // From here the thread may return, wait again and link its node elsewhere. Released before it is unparked: the other way
            // round it could look, find itself claimed, and sleep on.
            waiter.release();
            Some(thread)
        });
        host.unpark_each_uninterrupted(threads, masking);
    }
}
