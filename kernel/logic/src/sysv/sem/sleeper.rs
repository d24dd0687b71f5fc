//! A waiting thread's node, kept in its thread record, and the queue of a set.

use super::{Lent, Sleepers, State};
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::sem::{SEM_UNDO, SemBuf};
use skete_cell::Guarded;
use skete_cell::atomic::{AtomicU32, Ordering};

/// A thread's node. Where it is:
///
/// | `place` | meaning | who changes it | who may touch `node` |
/// |---|---|---|---|
/// | `AWAKE` | in no queue | the thread itself, by waiting | the thread itself |
/// | `QUEUED` | in a set's queue | the holder of that set's lock | the holder of that set's lock |
/// | `CLAIMED` | its operations were done or have failed; in a waker's private chain | that waker | that waker |
///
/// One who sleeps alone and is served is let go under the set's lock, and never claimed.
///
/// A claimed sleeper may not return, however late it is: the chain runs through its node, and what it waited for is done. So it is on
/// exactly one list, always.
#[derive(Debug)]
pub struct Sleeper {
    place: AtomicU32,
    node: Guarded<Node>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    /// What the thread waits to be done.
    pub lent: Lent,
    /// What the thread's `semop` answers, once it is claimed.
    pub answer: Result<(), Errno>,
    /// Who did it, once it is done.
    pub pid: u32,
    /// The one that came next; the next in the waker's chain.
    pub next: Thread,
    /// The one that came before.
    pub previous: Thread,
    pub kind: Kind,
}

/// What a sleeper's operations are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They change nothing: all wait for a zero.
    Reader,
    /// One that lowers a value, and is not to be undone.
    Simple,
    /// Several of which some change something; or one that is to be undone, for an undo may reach too far.
    Complex,
}

const AWAKE: u32 = 0;
const QUEUED: u32 = 1;
const CLAIMED: u32 = 2;

impl Kind {
    pub(super) fn of(operations: &[SemBuf]) -> Self {
        if !changes(operations) {
            Self::Reader
        } else if let [operation] = operations
            && operation.sem_flg & SEM_UNDO == 0
        {
            Self::Simple
        } else {
            Self::Complex
        }
    }
}

/// Whether one of `operations` changes something.
#[inline]
pub(super) fn changes(operations: &[SemBuf]) -> bool {
    operations.iter().any(|operation| operation.sem_op != 0)
}

impl Sleeper {
    skete_cell::constructor! {
        /// The sleeper of a thread that waits for nothing.
        pub fn new() -> Self {
            let lent = Lent { start: 0, count: 0 };
            let node = Node { lent, answer: Ok(()), pid: 0, next: Thread::NONE, previous: Thread::NONE, kind: Kind::Reader };
            Self { place: AtomicU32::new(AWAKE), node: Guarded::new(node) }
        }
    }

    /// Whether the thread waits for a semaphore, or is about to be let go: for reports.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.place.load(Ordering::Relaxed) != AWAKE
    }

    /// What a waker left, if one did and has let go. Asked by the thread itself, which has waited.
    #[inline]
    #[must_use]
    pub fn answer(&self) -> Option<Result<(), Errno>> {
        // Acquire: pairs with the Release in `Chain::wake`; from here the node is the thread's own again, and what the waker did is
        // seen.
        (self.place.load(Ordering::Acquire) == AWAKE).then(|| self.node.with(|node| node.answer))
    }

    /// Whether the thread is in a queue still; the caller holds that set's lock.
    #[inline]
    pub(super) fn is_queued(&self) -> bool {
        self.place.load(Ordering::Relaxed) == QUEUED
    }

    /// The one that came next; the caller holds the set's lock.
    #[inline]
    pub(super) fn behind(&self) -> Thread {
        self.node.with(|node| node.next)
    }

    /// The caller holds the set's lock.
    #[inline]
    pub(super) fn node(&self) -> Node {
        self.node.get()
    }

    /// What its operations are, and who is to have done them; the caller holds the set's lock.
    #[inline(always)]
    pub(super) fn asks(&self) -> (Lent, u32) {
        self.node.with(|node| (node.lent, node.pid))
    }

    /// From here the thread may return, sleep again and link its node elsewhere. To be freed before it is unparked: the other way round it
    /// could look, find itself claimed, and sleep on.
    #[inline(always)]
    pub(super) fn free(&self) {
        // Release: pairs with `answer`.
        let order = if mutant::is(Mutant::SleeperFreedRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        self.place.store(AWAKE, order);
    }

    /// The thread is in no queue any more, by its own will; it holds the set's lock.
    #[inline]
    pub(super) fn leave(&self) {
        self.place.store(AWAKE, Ordering::Relaxed);
    }
}

impl Default for Sleeper {
    fn default() -> Self {
        Self::new()
    }
}

impl<A: Allocator> State<A> {
    /// Queues the calling thread behind all others; its operations are of this `kind`.
    #[inline(always)]
    pub(super) fn queue(&mut self, host: &impl Sleepers, operations: &[SemBuf], kind: Kind) {
        let me = host.current();
        let sleeper = host.own_sleeper();
        let lent = host.lend(operations);
        sleeper.node.set(Node { lent, answer: Ok(()), pid: host.pid(), next: Thread::NONE, previous: self.last, kind });
        sleeper.place.store(QUEUED, Ordering::Relaxed);
        self.link(host, self.last, me);
        self.last = me;
        self.count(kind, 1);
    }

    /// Takes out the thread whose node is `node`.
    #[inline(always)]
    pub(super) fn unqueue(&mut self, host: &impl Sleepers, node: Node) {
        self.link(host, node.previous, node.next);
        if node.next.is_none() {
            self.last = node.previous;
        } else {
            host.sleeper(node.next).node.with_mut(|next| next.previous = node.previous);
        }
        self.count(node.kind, u16::MAX);
    }

    /// `next` comes after `thread`, or first if that is none.
    #[inline(always)]
    fn link(&mut self, host: &impl Sleepers, thread: Thread, next: Thread) {
        if thread.is_none() {
            self.first = next;
        } else {
            host.sleeper(thread).node.with_mut(|node| node.next = next);
        }
    }

    /// Adds `more` to the count of sleepers of this kind, if they are counted.
    #[inline]
    fn count(&mut self, kind: Kind, more: u16) {
        match kind {
            Kind::Simple => {}
            Kind::Reader => self.readers = self.readers.wrapping_add(more),
            Kind::Complex => self.complex = self.complex.wrapping_add(more),
        }
    }
}

/// Sleepers whose wait is over, in the order in which they will be woken. Their nodes are the waker's alone: gathered under the set's
/// lock, let go after it is released. To be run through to its end, or the rest sleeps for ever.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub(super) struct Chain {
    first: Thread,
    last: Thread,
}

impl Chain {
    /// Nobody.
    pub(super) const EMPTY: Self = Self { first: Thread::NONE, last: Thread::NONE };

    #[inline]
    pub(super) const fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// Adds `thread`, which is in no queue any more, with the answer that it gets. The caller holds the set's lock.
    #[inline(always)]
    pub(super) fn append(&mut self, host: &impl Sleepers, thread: Thread, sleeper: &Sleeper, answer: Result<(), Errno>) {
        sleeper.place.store(CLAIMED, Ordering::Relaxed);
        sleeper.node.with_mut(|node| (node.next, node.answer) = (Thread::NONE, answer));
        if self.first.is_none() {
            self.first = thread;
        } else {
            host.sleeper(self.last).node.with_mut(|node| node.next = thread);
        }
        self.last = thread;
        if mutant::is(Mutant::SleeperFreedUnderTheLock) {
            sleeper.place.store(AWAKE, Ordering::Release);
        }
    }

    /// Lets them all go. The caller holds no lock, and is in the [uninterrupted](crate::host::Host::uninterrupted) section in which it took them: however
    /// late one of them is, it waits for this.
    #[inline]
    pub(super) fn wake<H: Sleepers>(self, host: &H, masking: H::Masking) {
        if self.is_empty() {
            return;
        }
        if self.first == self.last {
            host.sleeper(self.first).free();
            return host.unpark_uninterrupted(self.first, masking);
        }
        let mut next = self.first;
        let threads = core::iter::from_fn(|| {
            if next.is_none() {
                return None;
            }
            let thread = next;
            let sleeper = host.sleeper(thread);
            next = sleeper.behind();
            sleeper.free();
            Some(thread)
        });
        host.unpark_each_uninterrupted(threads, masking);
    }
}
