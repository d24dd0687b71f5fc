//! Futaphores: counting semaphores that a program moves itself, in a page that it shares with the kernel.
//!
//! A [`Page`] of 64-byte slots (the exclusive granule of the Pi's cores: two futaphores never disturb each other's exclusives), each with
//! one word of [`State`]. P and V on a futaphore that nobody waits for are one exclusive load and store, in the program. Only a P that
//! must sleep, a V that sees a waiter, and a free with waiters call the kernel, whose futex table keeps the sleepers by the slot's address.
//!
//! Why no wake-up is lost:
//! - A P sleeps only if, **under the bucket's lock**, the count is zero and the waiters bit is set. While it is set no V is done in the
//!   program alone: whoever raises the count comes to the same lock, and finds the sleeper.
//! - The bit falls only under that lock, and only when nobody will be left in the queue.
//! - A look and the move that it allows are one exchange: a bit that is set between them fails it.
//!
//! An interruption ends no P. One who is interrupted leaves the queue as one who is late does, and comes back when it has attended to that;
//! if a V has chosen it before, it takes what was given.
//!
//! A slot counts its lives. Whoever began to wait in one of them never takes from the next: it is told `EIDRM`.
//!
//! - `state`: the word, its moves, the table of its states · `slot`: P, V, and what they do when the word does not let them
//! - `page`: making and freeing, guarded by the futaphore in slot 0

mod page;
mod slot;
mod state;

pub use page::{Page, SLOT_COUNT};
pub use slot::Slot;
pub use state::{MOST, SLOW_BIT, State};

use crate::time::Instant;
use skete_abi::Errno;
use skete_cell::atomic::AtomicU64;

/// What futaphores ask of their surroundings.
pub trait Machine {
    /// [`State::lowered`] in one atomic move, which acquires and releases.
    ///
    /// # Errors
    /// The state that did not allow it.
    #[inline(always)]
    fn lower(&self, word: &AtomicU64) -> Result<(), State> {
        state::exchange(word, State::lowered)
    }

    /// [`State::raised`] in one atomic move, which acquires and releases.
    ///
    /// # Errors
    /// The state that did not allow it.
    #[inline(always)]
    fn raise(&self, word: &AtomicU64) -> Result<(), State> {
        state::exchange(word, State::raised)
    }

    /// Said once by each operation that goes on in the kernel.
    fn enter(&self);

    /// Sleeps in the futex queue of `word` until a wake or `deadline`, as long as `must_wait`, asked under the queue's spin lock, says so.
    ///
    /// # Errors
    /// `EAGAIN`: it does not. `ETIMEDOUT`: the deadline passed. `EINTR`: somebody wanted the wait to end.
    fn wait(&self, word: &AtomicU64, deadline: Option<Instant>, must_wait: impl Fn() -> bool) -> Result<(), Errno>;

    /// The caller's sleep in P was interrupted; it is in no queue and holds nothing, and goes on with its P after this. Does what the
    /// interruption was for, true, and may not come back from that; or leaves it alone, false: then it is [kept](Self::keep_interruption).
    #[inline(always)]
    fn attend(&self) -> bool {
        false
    }

    /// P has ended, and an interruption that was left alone is to end the caller's next wait that may be ended.
    fn keep_interruption(&self);

    /// Tells `decide`, under the spin lock of the futex queue of `word`, how many sleep there, counted up to two, and wakes one if it says
    /// so.
    fn wake_one(&self, word: &AtomicU64, decide: impl FnOnce(u32) -> bool);

    /// [`wake_one`](Self::wake_one) where that is simple: whoever sleeps in the queue of `word` is alone there, with nobody in between.
    /// Else `decide` is not called, and the answer is false.
    fn wake_lone(&self, word: &AtomicU64, decide: impl FnOnce() -> bool) -> bool;

    /// Wakes all that sleep in the futex queue of `word`, which was changed before.
    fn wake_all(&self, word: &AtomicU64);
}
