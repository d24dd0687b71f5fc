//! What a lock asks of the kernel.

use skete_abi::Errno;

use crate::atomic::AtomicU32;
use crate::deadline::Moment;
use crate::mutex::RobustEntry;

/// A bitset that shares a bit with every other.
pub use skete_abi::futex::MATCH_ANY as ANY;
/// In the word of a mutex: its holder's name; 0: free.
pub use skete_abi::futex::TID_MASK;
/// In the word of a mutex that knows its holder: that one ended without letting go; and: somebody may wait.
pub use skete_abi::futex::{OWNER_DIED, WAITERS};

/// How a wait ended for which one could be moved to another word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The word had changed before: nobody counts this one as woken.
    Changed,
    /// A wake reached it where it was.
    Woken,
    /// It was moved to the other word, and has left that by a wake, late, or interrupted.
    Moved,
    /// It was moved to a mutex that lends priority, and holds it now.
    Holds,
    /// The deadline passed where it was.
    Late,
    /// A signal came where it was.
    Interrupted,
}

/// The kernel, as the calling thread sees it. A wake may reach one who does not wait for it any more, or wait for another object at the
/// same address: whoever returns looks again.
pub trait Futex {
    /// The calling thread's name: 1 to 2²⁹ − 1, never another thread's that lives.
    fn tid(&self) -> u32;

    /// Sleeps until a wake for `word` with a bit of `bits`, as long as it holds `expected`.
    ///
    /// # Errors
    /// `EAGAIN`: it does not. `ETIMEDOUT`: the moment has passed. `EINTR`: a signal came.
    fn wait(&self, word: &AtomicU32, expected: u32, bits: u32, until: Option<Moment>) -> Result<(), Errno>;

    /// Wakes at most `most` of those who wait for the word at this address with a bit of `bits`; how many. The word is not looked at, and
    /// may be gone.
    fn wake(&self, word: &AtomicU32, most: u32, bits: u32) -> u32;

    /// [`wait`](Self::wait) for every bit, of one who can be moved.
    fn wait_movable(&self, word: &AtomicU32, expected: u32, until: Option<Moment>) -> Ended;

    /// Lets all who wait for `from` wait for the word at address `to`, and wakes one there; how many were moved.
    ///
    /// # Errors
    /// `EAGAIN`: `from` does not hold `expected`, and nobody was moved.
    fn move_all(&self, from: &AtomicU32, expected: u32, to: usize) -> Result<u32, Errno>;

    /// Takes the lock of `word`, lending its holder the caller's priority meanwhile (FUTEX_LOCK_PI2).
    ///
    /// # Errors
    /// `EDEADLK`, `ESRCH`, `ETIMEDOUT`, `EINVAL`: as `futex(2)`.
    fn lock_pi(&self, word: &AtomicU32, until: Option<Moment>) -> Result<(), Errno>;

    /// Takes it if nobody holds it (FUTEX_TRYLOCK_PI).
    ///
    /// # Errors
    /// `EAGAIN`: somebody does. Else as [`lock_pi`](Self::lock_pi).
    fn try_lock_pi(&self, word: &AtomicU32) -> Result<(), Errno>;

    /// Hands it to the most urgent of those who wait (FUTEX_UNLOCK_PI).
    ///
    /// # Errors
    /// `EAGAIN`: the word changed meanwhile. `EPERM`, `EINVAL`: as `futex(2)`.
    fn unlock_pi(&self, word: &AtomicU32) -> Result<(), Errno>;

    /// Sleeps as long as `word` holds `expected`, until moved to `lock` and handed that (FUTEX_WAIT_REQUEUE_PI).
    fn wait_movable_pi(&self, word: &AtomicU32, expected: u32, until: Option<Moment>, lock: &AtomicU32) -> Ended;

    /// If `from` holds `expected`: the first who waits for it gets the lock at address `lock`, or waits for that, and so do at most
    /// `others` more (FUTEX_CMP_REQUEUE_PI); how many in all.
    ///
    /// # Errors
    /// `EAGAIN`: it does not. Else as `futex(2)`.
    fn move_pi(&self, from: &AtomicU32, expected: u32, lock: usize, others: u32) -> Result<u32, Errno>;

    /// The caller is about to take a lock of this ceiling: it runs at least that urgently from now on, until [`lower`](Self::lower).
    ///
    /// # Errors
    /// `EINVAL`: its own priority is above the ceiling.
    fn raise(&self, ceiling: u8) -> Result<(), Errno>;

    /// The caller has let go of a lock of this ceiling.
    fn lower(&self, ceiling: u8);

    /// The mutex of this entry is about to change hands: should the caller end now, the kernel looks at it too.
    fn begin_robust(&self, entry: &RobustEntry, lends: bool);

    /// It has.
    fn end_robust(&self);

    /// The caller holds the mutex of this entry: its end lets go of it.
    fn list(&self, entry: &RobustEntry, lends: bool);

    /// The caller lets go of it itself.
    fn unlist(&self, entry: &RobustEntry);

    /// Passes the time in a loop that waits without sleeping, for the `turn`th time, counted from 0.
    fn spin(&self, turn: u32);
}
