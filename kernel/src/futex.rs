//! Futexes as a program calls them: threads that sleep until a word of memory changes (`futex(2)`). `use skete::futex`.
//!
//! One function an operation, with its types: [`futex_wait`], [`futex_wakeup`], [`futex_requeue`] …, and for several words at once
//! [`futex_waitv`]; and [`do_futex`] over them, which takes Linux's numbers, flags and arguments, and answers as Linux does. A word is a
//! `&AtomicU32`, known by its address; [`shared`] makes it known by where it lies in memory, so that one memory attached at two addresses
//! is one futex. The two kinds do not meet, as on Linux.
//!
//! ```no_run
//! # use core::sync::atomic::{AtomicU32, Ordering};
//! # use skete::futex::{futex_wait, futex_wakeup};
//! static FLAG: AtomicU32 = AtomicU32::new(0);
//! // One thread:
//! while FLAG.load(Ordering::Acquire) == 0 {
//!     let _ = futex_wait(&FLAG, 0, None);
//! }
//! // Another:
//! FLAG.store(1, Ordering::Release);
//! let _ = futex_wakeup(&FLAG, 1);
//! ```
//!
//! Whoever wakes has changed the word before. A number of threads is the most: 0 wakes nobody. The more urgent thread is served first, and
//! among equals the one that came first. Each call counts one entry (see [`crate::thread::entries`]).

mod linux;
mod many;
mod pi;

use core::marker::PhantomData;
use core::sync::atomic::AtomicU32;
use core::time::Duration;

use skete_logic::futex::{ANY, Shares};
use skete_logic::time::Instant;

use crate::sched::{futex, record};
use crate::time;

pub(crate) use linux::dispatch;
pub use linux::do_futex;
pub use many::{free_nodes, futex_waitv};
pub use pi::{futex_cmp_requeue_pi, futex_lock_pi, futex_trylock_pi, futex_unlock_pi, futex_wait_movable_pi, futex_wait_requeue_pi};
use skete_abi::Errno;
pub use skete_abi::futex::{
    CLOCK_REALTIME, MATCH_ANY, OWNER_DIED, PRIVATE, ROBUST_LIST_LIMIT, RobustListHead, SIZE_U32, TID_MASK, TimeSpec, WAITERS, WAITV_MAX,
    WaitV, clock, op,
};
pub use skete_logic::futex::operation::{Change, Operation, Question};

/// A word that lives as long as `'a`, and how it is known.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a>(futex::Word, PhantomData<&'a AtomicU32>);

impl<'a> From<&'a AtomicU32> for Word<'a> {
    #[inline]
    fn from(word: &'a AtomicU32) -> Self {
        Self(futex::Word { address: word.as_ptr() as usize, is_shared: false, is_sure: true }, PhantomData)
    }
}

/// `word`, known by where it lies in memory.
#[must_use]
pub fn shared(word: &AtomicU32) -> Word<'_> {
    Word(futex::Word { address: word.as_ptr() as usize, is_shared: true, is_sure: true }, PhantomData)
}

/// The moment when a wait ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// Of CLOCK_MONOTONIC: so long after boot.
    Monotonic(Duration),
    /// Of CLOCK_REALTIME: so long after 1970-01-01 00:00 UTC, by that clock as it is when the wait ends, if it is set meanwhile.
    Realtime(Duration),
}

impl Deadline {
    /// The moment `timeout` from now.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        Self::Monotonic(Duration::from_nanos(time::now().saturating_add(timeout).as_ns()))
    }

    fn moment(self) -> time::Deadline {
        let ns = |span: Duration| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        match self {
            Self::Monotonic(span) => time::Deadline::at(Instant::from_ns(ns(span))),
            Self::Realtime(span) => time::Deadline::wall(ns(span)),
        }
    }
}

/// Sleeps until a wake, as long as `word` holds `val`; at most for `timeout`, `None` for ever (FUTEX_WAIT). Returns for no other reason.
///
/// # Errors
/// `EAGAIN`: it does not hold it. `ETIMEDOUT`: the time has passed; never early. `EINTR`: somebody wanted the wait to end
/// ([`crate::thread::interrupt`]; in C programs a signal), and nobody had woken it. `EFAULT`: a shared word's memory is gone.
#[inline]
pub fn futex_wait<'a>(word: impl Into<Word<'a>>, val: u32, timeout: Option<Duration>) -> Result<(), Errno> {
    record::count_entry();
    futex::wait_word(word.into().0, val, ANY, timeout.map(|timeout| time::Deadline::at(time::now().saturating_add(timeout))))
}

/// [`futex_wait`] of a private word, for ever: a call with nothing to hand over but these two.
///
/// # Errors
/// `EAGAIN`, `EINTR`: as [`futex_wait`].
pub fn futex_wait_for_ever(word: &AtomicU32, val: u32) -> Result<(), Errno> {
    record::count_entry();
    futex::wait(word, val, None)
}

/// [`futex_wait`] until `deadline`, for the wakes that share a bit with `bitset` (FUTEX_WAIT_BITSET).
///
/// # Errors
/// As [`futex_wait`]. `EINVAL`: no bit is set.
#[inline]
pub fn futex_wait_bitset<'a>(word: impl Into<Word<'a>>, val: u32, deadline: Option<Deadline>, bitset: u32) -> Result<(), Errno> {
    record::count_entry();
    futex::wait_word(word.into().0, val, bitset, deadline.map(Deadline::moment))
}

/// [`futex_wait`] of a private word until `deadline`; and whether the caller was moved to another word meanwhile
/// ([`futex_cmp_requeue`]), which Linux does not tell: who was has been counted by the one who moved it, however its wait ended.
///
/// # Errors
/// As [`futex_wait`].
#[inline]
pub fn futex_wait_movable(word: &AtomicU32, val: u32, deadline: Option<Deadline>) -> (Result<(), Errno>, bool) {
    record::count_entry();
    let waited = futex::wait_until(word, val, deadline.map(Deadline::moment));
    (waited, futex::was_moved(Word::from(word).0, waited) == Ok(true))
}

/// Wakes at most `nr` of those who wait for `word`; how many (FUTEX_WAKE).
///
/// # Errors
/// `EFAULT`: a shared word's memory is gone. `EINVAL`: of those who are left some are in no wake's reach, for they wait for a lock that
/// lends priority or to be moved to one ([`futex_lock_pi`], [`futex_wait_requeue_pi`]); whoever could be woken was.
#[inline]
pub fn futex_wakeup<'a>(word: impl Into<Word<'a>>, nr: u32) -> Result<u32, Errno> {
    record::count_entry();
    futex::wake_word(word.into().0, nr, ANY)
}

/// [`futex_wakeup`] of those who share a bit with `bitset`; one who does not use bitsets shares every bit (FUTEX_WAKE_BITSET).
///
/// # Errors
/// As [`futex_wakeup`]. `EINVAL`: no bit is set.
#[inline]
pub fn futex_wake_bitset<'a>(word: impl Into<Word<'a>>, nr: u32, bitset: u32) -> Result<u32, Errno> {
    record::count_entry();
    futex::wake_word(word.into().0, nr, bitset)
}

/// Wakes at most `nr_wake` of those who wait for `from`, then lets at most `nr_requeue` of the others wait for `to`, behind their equals
/// there; how many were woken (FUTEX_REQUEUE).
///
/// # Errors
/// `EINVAL`: a number above 2³¹ − 1, as on Linux; or as [`futex_wakeup`]. `EFAULT`: a shared word's memory is gone.
#[inline]
pub fn futex_requeue<'a, 'b>(from: impl Into<Word<'a>>, nr_wake: u32, to: impl Into<Word<'b>>, nr_requeue: u32) -> Result<u32, Errno> {
    record::count_entry();
    futex::requeue(from.into().0, to.into().0, shares(nr_wake, nr_requeue)?, None).map(|done| done.woken)
}

/// [`futex_requeue`], if `from` holds `expected`; how many were woken or moved (FUTEX_CMP_REQUEUE).
///
/// # Errors
/// As [`futex_requeue`]. `EAGAIN`: it does not hold it, and nobody was woken or moved.
#[inline]
pub fn futex_cmp_requeue<'a, 'b>(
    from: impl Into<Word<'a>>,
    nr_wake: u32,
    to: impl Into<Word<'b>>,
    nr_requeue: u32,
    expected: u32,
) -> Result<u32, Errno> {
    record::count_entry();
    futex::requeue(from.into().0, to.into().0, shares(nr_wake, nr_requeue)?, Some(expected)).map(|done| done.woken + done.moved)
}

/// Changes `other` by `operation`, and wakes at most `nr` of those who wait for `word`; then at most `other_nr` of those who wait for
/// `other`, if its old value is as `operation` asks. How many were woken (FUTEX_WAKE_OP).
///
/// # Errors
/// As [`futex_wakeup`], of both words.
#[inline]
pub fn futex_wake_op<'a, 'b>(
    word: impl Into<Word<'a>>,
    nr: u32,
    other: impl Into<Word<'b>>,
    other_nr: u32,
    operation: Operation,
) -> Result<u32, Errno> {
    record::count_entry();
    futex::wake_op(word.into().0, nr, other.into().0, other_nr, operation)
}

/// How many threads wait for a word, or are about to, one of several words once for each: 0 at rest, for an entry of the table lives only
/// while its thread waits.
#[must_use]
pub fn waiters() -> u32 {
    futex::waiters()
}

/// How many a requeue may wake and move.
fn shares(wake: u32, requeue: u32) -> Result<Shares, Errno> {
    if wake.max(requeue) > i32::MAX.cast_unsigned() { Err(Errno::EINVAL) } else { Ok(Shares { wake, requeue }) }
}
