//! Locks that lend their holder the priority of whoever waits for them (`futex(2)`, "Priority-inheritance futexes").
//!
//! The word says who holds the lock and whether the kernel must be called to let go ([`Held`]); while nobody waits the program moves it by
//! itself. Waiters stand in the word's bucket, the most urgent first, and the lock is **handed over**: whoever lets go writes the name of
//! the first waiter into the word, under the bucket's lock, and wakes it. So a woken waiter holds the lock, and nobody slips in before it.
//!
//! What makes priorities travel, without a lock round them all:
//! - Of the waiters of each word the first is a **lender** of the word's holder. A thread runs at the higher of its own priority and its
//!   first lender's ([`Heir`]).
//! - A thread whose priority changed while it waits for a lock stands elsewhere in that queue, and lends its holder more or less: so on
//!   along the chain of holders, one step at a time, no lock held between two steps ([`walk`](self)). Each step takes what is true by then,
//!   so however many walk at once, the last one to pass leaves it right.
//! - A thread that begins to wait is queued first and looks then whether the chain leads back to it. Of two that close a ring at once at
//!   least one finds the other: `EDEADLK`. A walk is not one moment, and a ring of steps that were never true together is none: so it is
//!   walked again until two rounds have found the same waits, each of which lasted from one round to the other.
//! - A thread that ends hands over what it holds until it has no lender left, and from that moment, decided under its own lock, nobody can
//!   become one.
//!
//! **Locks**: a bucket's, then a thread's ([`Heir`]), one of each kind at a time. The scheduler's come after both.
//!
//! - [`word`](Held): the word · [`heir`](Heir): what a thread inherits · `walk`: the chain · `hold`, `queue`: lock and unlock, and the wait
//!   between · `leave`: the holder's end
//! - `requeue`: from a condition's word to a lock (`FUTEX_WAIT_REQUEUE_PI`, `FUTEX_CMP_REQUEUE_PI`)

mod heir;
mod hold;
mod leave;
mod queue;
mod requeue;
mod walk;
mod word;

pub use heir::Heir;
pub use word::{Held, LockWord};

use super::waiter::Node;
use super::{Key, NO_WAKE};
use crate::host::{Host, RawLock};
use crate::thread::{Thread, Tid};

/// Threads as locks see them that lend priority.
pub trait Heirs: Host {
    /// The lock of an [`Heir`].
    type Lock: RawLock;

    /// What `thread`, never [`Thread::NONE`], inherits.
    fn heir(&self, thread: Thread) -> &Heir<Self::Lock>;

    /// The name by which words know `thread`, which lives.
    fn tid(&self, thread: Thread) -> Tid;

    /// Whether `tid` names a thread that lives. Words hold whatever programs write.
    fn is_alive(&self, tid: Tid) -> bool;

    /// Lets `thread` run at `priority` from now on, wherever it is. Locks are held: whoever must give way does so when they are released.
    fn set_priority(&self, thread: Thread, priority: u8);

    /// Does `section` before this thread gives way to anybody: one that hands over a lock loses what it inherited before it has woken the
    /// heir.
    fn before_giving_way<R>(&self, section: impl FnOnce() -> R) -> R {
        section()
    }

    /// Sleeps until the thread that `tid` names has ended: it is about to.
    fn await_end(&self, tid: Tid);

    /// The word of a lock at `address`.
    fn word_at(&self, address: u64) -> impl LockWord;
}

/// How many holders of a chain are walked at most: more than there can be.
const MOST_HOLDERS: usize = 2 * Thread::LIMIT;

/// What one waits for who is in no wake's reach, kept beside its [`Heir`]. Guarded by the lock of the bucket that holds the waiter.
#[derive(Clone, Copy, Debug)]
pub(super) struct LockWait {
    /// A lock, or a condition's word on the way to a lock.
    pub kind: Kind,
    /// Where the lock's word is.
    pub address: u64,
    /// The lock's key.
    pub key: Key,
    /// Of the first waiter of a lock: who holds it.
    pub holder: Option<Tid>,
    /// Whether it was moved here by another, who has yet to look whether the chain of holders leads back to it.
    pub is_unchecked: bool,
    /// Whether it was sent away, because the chain did.
    pub is_refused: bool,
    /// Which of the thread's waits this is.
    pub number: u32,
}

impl LockWait {
    const fn new(kind: Kind, target: Target) -> Self {
        let Target { key, address } = target;
        Self { kind, address, key, holder: None, is_unchecked: false, is_refused: false, number: 0 }
    }
}

/// A lock: its word's name, and where its word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The word's name.
    pub key: Key,
    /// Its address.
    pub address: u64,
}

/// What a waiter in no wake's reach waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A lock that lends priority.
    Lock,
    /// To be moved to one.
    Condition,
}

/// Whether `thread`, whose node is `node` and who waits in a bucket whose lock the caller holds, waits for a lock.
fn is_for_lock(host: &impl Heirs, thread: Thread, node: &Node) -> bool {
    node.bitset == NO_WAKE && host.heir(thread).wait.with(|wait| wait.kind == Kind::Lock)
}
