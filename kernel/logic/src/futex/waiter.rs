//! A waiter: one thread's node in the futex table, kept in its thread record.

use super::Key;
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use skete_cell::Guarded;
use skete_cell::atomic::{AtomicU32, Ordering};

/// A thread's node. Where it is:
///
/// | `place` | meaning | who changes it | who may touch `node` |
/// |---|---|---|---|
/// | `WOKEN` | in no queue | the thread itself, by waiting | the thread itself |
/// | a bucket's index + 1 | in that bucket's queue | the holder of that bucket's lock | the holder of that bucket's lock |
/// | `CLAIMED` | taken out by a waker, in its private chain | that waker | that waker |
///
/// One who is woken alone is let go under the bucket's lock, and never claimed.
///
/// A claimed waiter may not return, however late it is: the chain runs through its node. So it is on exactly one list, always.
#[derive(Debug)]
pub struct Waiter {
    place: AtomicU32,
    pub(super) node: Guarded<Node>,
}

/// What a bucket's lock guards in each of its waiters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub key: Key,
    /// A waker's bitset must share a bit with it.
    pub bitset: u32,
    /// Who stands before and behind it.
    pub links: Links,
    /// As it was when the thread queued: 31 stands first.
    pub priority: u8,
}

impl Node {
    /// Whether a wake for `key` with `bitset` is for this one.
    #[inline(always)]
    pub fn is_for(&self, key: Key, bitset: u32) -> bool {
        self.key == key && (self.bitset & bitset != 0 || mutant::is(Mutant::WokenWhateverTheBits))
    }
}

/// The one behind in the queue, or in the waker's chain, and the one before in the queue: two halves of an aligned word, so that each is
/// written alone, and one look tells whether there is anybody else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(4))]
pub(super) struct Links {
    next: Thread,
    previous: Thread,
}

impl Links {
    /// Nobody else.
    pub const NONE: Self = Self::between(Thread::NONE, Thread::NONE);

    #[inline(always)]
    pub const fn between(previous: Thread, next: Thread) -> Self {
        Self { next, previous }
    }

    /// Whether there is nobody else.
    #[inline(always)]
    pub const fn is_alone(self) -> bool {
        self.next.number() as u32 | (self.previous.number() as u32) << 16 == 0
    }

    #[inline(always)]
    pub const fn next(self) -> Thread {
        self.next
    }

    #[inline(always)]
    pub const fn previous(self) -> Thread {
        self.previous
    }

    #[inline(always)]
    pub fn set_next(&mut self, next: Thread) {
        self.next = next;
    }

    #[inline(always)]
    pub fn set_previous(&mut self, previous: Thread) {
        self.previous = previous;
    }
}

const WOKEN: u32 = 0;
const CLAIMED: u32 = u32::MAX;

impl Waiter {
    skete_cell::constructor! {
        /// The waiter of a thread that waits for nothing.
        pub fn new() -> Self {
            let node = Node { key: Key::NONE, bitset: 0, links: Links::NONE, priority: 0 };
            Self { place: AtomicU32::new(WOKEN), node: Guarded::new(node) }
        }
    }

    /// The word that the thread waits for. For the report of a machine that hangs: all other cores are stopped.
    #[must_use]
    pub fn awaited(&self) -> Option<Key> {
        (self.place.load(Ordering::Relaxed) != WOKEN).then(|| self.node.with(|node| node.key))
    }

    /// The word that the thread waited for last, which it was moved to if it did not ask for it. Asked by the thread itself, which waits no
    /// more.
    #[must_use]
    #[inline]
    pub fn left(&self) -> Key {
        self.node.with(|node| node.key.as_it_was())
    }

    /// Whether the thread is in no queue: not waiting, or let go by a waker. Asked by the thread itself.
    #[must_use]
    #[inline]
    pub fn is_woken(&self) -> bool {
        // Acquire: pairs with `release`; from here the node is the thread's own again, and what the waker did is seen.
        self.place.load(Ordering::Acquire) == WOKEN
    }

    /// The bucket that holds the thread now, unless a waker has claimed it. Asked by the thread itself, and again under that
    /// bucket's lock: a requeue may have moved it.
    #[inline]
    pub(super) fn bucket(&self) -> Option<usize> {
        let place = self.place.load(Ordering::Relaxed);
        if place == CLAIMED { None } else { (place as usize).checked_sub(1) }
    }

    /// The thread is now in bucket `index`, whose lock the caller holds; also that of the bucket it came from.
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² − 2 buckets")]
    pub(super) fn enter(&self, index: usize) {
        self.place.store(index as u32 + 1, Ordering::Relaxed);
    }

    /// The thread is now in no queue, by its own will; the caller is the thread and holds the bucket's lock.
    #[inline]
    pub(super) fn leave(&self) {
        self.place.store(WOKEN, Ordering::Relaxed);
    }

    /// The thread is now in the caller's chain; the caller holds the bucket's lock.
    #[inline]
    pub(super) fn claim(&self) {
        self.place.store(CLAIMED, Ordering::Relaxed);
    }

    /// Lets the thread return from its wait. The caller claimed it, and touches its node no more.
    #[inline]
    pub(super) fn release(&self) {
        // Release: pairs with `is_woken`.
        let order = if mutant::is(Mutant::ReleasedRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        self.place.store(WOKEN, order);
    }
}

impl Default for Waiter {
    fn default() -> Self {
        Self::new()
    }
}
