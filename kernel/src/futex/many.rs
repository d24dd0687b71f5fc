//! Waiting for several words at once.

use skete_abi::Errno;

use super::{Deadline, Word};
use crate::sched::{many, record};

/// Sleeps until a wake for any of `words`, as long as each holds the value beside it, and at most until `deadline`, `None` for ever; the
/// place of a word that was woken (`futex_waitv(2)`).
///
/// It is one place, though other words may have been woken too: a wake that takes this thread off a word's queue counts it, whether another
/// one was faster or not. So the caller looks at all of its words. A word may stand there twice.
///
/// ```no_run
/// # use core::sync::atomic::AtomicU32;
/// # use skete::futex::{futex_waitv, shared};
/// static BELL: AtomicU32 = AtomicU32::new(0);
/// static DOOR: AtomicU32 = AtomicU32::new(0);
/// let rung = futex_waitv(&[((&BELL).into(), 0), (shared(&DOOR), 0)], None);
/// ```
///
/// # Errors
/// `EINVAL`: no word, or more than [`WAITV_MAX`](super::WAITV_MAX). `EAGAIN`: a word holds something else. `ETIMEDOUT`: the deadline
/// passed; never early. `ENOMEM`: each word but the first wants a node, and so many are not free: boot option `waitv` says how many there
/// are. `EFAULT`: a shared word's memory is gone. `EINTR`: as [`futex_wait`](super::futex_wait).
#[inline]
pub fn futex_waitv(words: &[(Word<'_>, u32)], deadline: Option<Deadline>) -> Result<usize, Errno> {
    record::count_entry();
    let word = |place: usize| words.get(place).map(|(word, value)| (word.0, *value)).ok_or(Errno::EINVAL);
    many::wait(words.len(), word, deadline.map(Deadline::moment))
}

/// How many nodes are free for waits of several words; 0 before the first such wait.
#[must_use]
pub fn free_nodes() -> u32 {
    many::free()
}
