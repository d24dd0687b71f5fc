//! Waiting for several words at once (`futex_waitv(2)`).
//!
//! A waiter's node is in one queue. One who waits for several words has its own node in the first word's queue, and a borrowed one
//! ([`Nodes`]) in each other's. To the queues they are threads like others: woken, moved and withdrawn one by one. Only an unpark of a
//! borrowed node goes to its owner ([`owner_of`]).
//!
//! - A wake that takes a node has woken one, whatever becomes of the owner's other nodes: it may wake a thread that another wake has let go
//!   already and that has not left yet. None is lost by that: the thread has not returned, and sees all that both wakers did before.
//! - A node that was left is in no wake's reach: a wake of one goes to the next in the queue.
//! - The owner returns when each node is left or let go. So no waker's chain runs through a node that is given back; an unpark may still
//!   come, which finds the owner, or the node's next owner, for no reason.

mod nodes;

pub use nodes::Nodes;

use super::{ANY, Key, Table};
use crate::host::{Host, Parked, RawLock};
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use crate::time::Deadline;
use skete_abi::Errno;
use skete_cell::atomic::{AtomicU16, Ordering};

/// One of the words that a thread waits for.
#[derive(Clone, Copy, Debug)]
pub struct Awaited {
    /// The word's name.
    pub key: Key,
    /// Where it is.
    pub address: usize,
    /// What it is expected to hold.
    pub expected: u32,
    /// The node: the waiting thread's own, or one that it has borrowed. It waits at the priority that [`Host::priority`] tells of it.
    pub node: Thread,
}

/// Whom an unpark of a node is for. Every record has one; a thread's own names nobody.
#[derive(Debug)]
pub struct Owner(AtomicU16);

impl Owner {
    skete_cell::constructor! {
        /// That of a thread's own node.
        pub fn new() -> Self {
            Self(AtomicU16::new(Thread::NONE.number()))
        }
    }

    /// The node is borrowed by `thread` from now on. Before it is queued: whoever takes it out of the queue reads this after.
    pub fn set(&self, thread: Thread) {
        self.0.store(thread.number(), Ordering::Relaxed);
    }
}

impl Default for Owner {
    fn default() -> Self {
        Self::new()
    }
}

/// Who is to be unparked in place of a node of this owner; [`Thread::NONE`]: nobody, it is a thread's own.
#[inline]
#[must_use]
pub fn owner_of(owner: &Owner) -> Thread {
    if mutant::is(Mutant::UnparkEndsAtTheNode) {
        return Thread::NONE;
    }
    Thread::from_number(owner.0.load(Ordering::Relaxed))
}

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Sleeps until a wake for any of `words`, as long as each holds what is expected of it; which of them was woken. If several were, the
    /// last of those: the caller is to look at them all. `read` loads a word, as in [`wait`](Self::wait).
    ///
    /// # Errors
    /// `EAGAIN`: a word differs. `ETIMEDOUT`: the deadline passed. `EINTR`: somebody wanted it to end. What `read` answers. Then none
    /// was woken.
    pub fn wait_many(
        &self,
        host: &impl Host,
        words: &[Awaited],
        deadline: Option<Deadline>,
        read: impl Fn(&Awaited) -> Result<u32, Errno>,
    ) -> Result<usize, Errno> {
        // Without the locks: maps pages that were never touched, and finds bad addresses.
        for word in words {
            if read(word)? != word.expected {
                return Err(Errno::EAGAIN);
            }
        }
        if let Some(index) = self.enter_many(host, words, read)? {
            return Ok(index);
        }
        loop {
            let is_late = host.park(deadline) == Parked::Expired;
            let is_woken = words.iter().any(|word| host.waiter(word.node).is_woken());
            // One who is woken leaves an interruption to its next wait.
            let is_interrupted = !is_woken && !is_late && host.take_interruption();
            if is_woken || is_late || is_interrupted {
                let woken = self.leave_many(host, words);
                if is_interrupted && woken.is_some() {
                    host.keep_interruption();
                }
                return woken.ok_or(if is_interrupted { Errno::EINTR } else { Errno::ETIMEDOUT });
            }
        }
    }

    /// The first half of [`wait_many`](Self::wait_many): queues each node. `Some`: a word differs, but another one was woken before that
    /// was seen; then, as after an error, no node is queued.
    ///
    /// # Errors
    /// `EAGAIN`: a word differs. What `read` answers.
    pub fn enter_many(
        &self,
        host: &impl Host,
        words: &[Awaited],
        read: impl Fn(&Awaited) -> Result<u32, Errno>,
    ) -> Result<Option<usize>, Errno> {
        for (index, word) in words.iter().enumerate() {
            if let Err(errno) = self.enter(host, word.node, word.key, ANY, || read(word), word.expected) {
                let woken = self.leave_many(host, &words[..index]);
                let is_forgotten = mutant::is(Mutant::WokenOnTheWayForgotten);
                return if woken.is_some() && !is_forgotten { Ok(woken) } else { Err(errno) };
            }
        }
        Ok(None)
    }

    /// The second half: takes each node out of its queue. The last of those that a waker was faster with.
    pub fn leave_many(&self, host: &impl Host, words: &[Awaited]) -> Option<usize> {
        let mut woken = None;
        for (index, word) in words.iter().enumerate() {
            if mutant::is(Mutant::OthersLeftUnseen) && woken.is_some() {
                // As if one wake were all that can come.
                let _ = self.withdraw(host, word.node);
            } else if !self.withdraw(host, word.node) {
                // Its waker may not have let it go yet.
                Self::be_let_go(host, host.waiter(word.node));
                woken = Some(index);
            }
        }
        woken
    }
}
