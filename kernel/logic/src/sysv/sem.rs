//! Semaphore sets: `semget`, `semop`, `semtimedop`, `semctl` (`sem_overview(7)` is POSIX's; these are `semop(2)` and its kin).
//!
//! A [`Set`] is one cache line: its lock, its queue, and where its semaphores are. Everything is decided under that one lock:
//! - A call tries its array of operations in order, later ones see earlier ones, and either all are done or none.
//! - One that must wait queues in the same section, so that no change can come between its look and its place in the queue.
//! - Whoever changes a value does for the sleepers what they wait for, first come first served, and wakes those only, after the lock
//!   is released: a woken thread has nothing left to try.
//!
//! Sets stand in places that are never given back ([`Places`]), so a stale id finds a set, sees that it bears another id, and goes. Ids and
//! keys are the [`Registry`]'s; its lock, the caller's, is taken to create and to remove only.
//!
//! - `attempt`: an array of operations against values · `sleeper`: a waiting thread's node, and the queue
//! - `operate`: `semop` · `serve`: what a change lets others do · `control`: `semctl` · [`undo`]: SEM_UNDO
//! - `registry`: `semget` and IPC_RMID

mod attempt;
mod control;
mod operate;
mod registry;
mod serve;
mod sleeper;
pub mod undo;

pub use control::Status;
pub use registry::{Places, Registry, Removed};
use sleeper::Chain;
pub use sleeper::Sleeper;

use super::ids::{Id, Permissions};
use crate::host::Host;
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_abi::ipc::{S_IRUGO, S_IWUGO};
use skete_abi::sem::SemBuf;
use skete_cell::Guarded;

/// What semaphores ask of the machine, beside sleep.
pub trait Sleepers: Host {
    /// The semaphore sleeper in the record of `thread`.
    fn sleeper(&self, thread: Thread) -> &Sleeper;

    /// The semaphore sleeper in the record of the calling thread.
    #[inline(always)]
    fn own_sleeper(&self) -> &Sleeper {
        self.sleeper(self.current())
    }

    /// Lends the operations of the calling thread to whoever holds the lock of the set that it is about to queue in. They stay where
    /// they are until the thread is in no queue.
    fn lend(&self, operations: &[SemBuf]) -> Lent;

    /// What a thread lent. The caller holds the lock of the set that the thread queues in.
    fn borrow(&self, lent: Lent) -> &[SemBuf];

    /// What GETPID tells of what the calling thread did.
    fn pid(&self) -> u32;

    /// The undo list that `thread` shares: see [`undo`].
    fn undo_list(&self, thread: Thread) -> u16;

    /// From now on some list has something to undo: who ends must look.
    fn expect_undo(&self);

    /// When it is, in whatever unit the machine counts; never 0.
    fn stamp(&self) -> u64;
}

/// Where a sleeper's operations are, as [`Sleepers`] sees it.
#[derive(Clone, Copy, Debug)]
pub struct Lent {
    /// Where they begin.
    pub start: usize,
    /// How many.
    pub count: u16,
}

/// A lock that shows a number while nobody holds it: to find the right number and to find it free is one question.
pub trait Gate {
    /// Runs `section` while holding the lock if it is free and shows `number`, and lets it show the same again. May answer `None` for no
    /// reason. Not to be entered again from inside.
    fn locked_at<R>(&self, number: u32, section: impl FnOnce() -> R) -> Option<R>;

    /// Runs `section` while holding the lock, whatever it shows, and lets it show what the section says.
    fn locked<R>(&self, section: impl FnOnce() -> (R, u32)) -> R;

    /// [`locked`](Self::locked) in a section that is [uninterrupted](Host::uninterrupted): in the kernel interrupts are masked already.
    #[inline(always)]
    fn locked_uninterrupted<R>(&self, section: impl FnOnce() -> (R, u32)) -> R {
        self.locked(section)
    }
}

/// A semaphore.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Semaphore {
    /// 0 to SEMVMX.
    value: u16,
    /// Who changed it last; 0: nobody yet.
    pid: u32,
}

/// A set of semaphores, or a place for one: one cache line, the lock at its start.
///
/// The lock shows what a simple call asks: the set's id, as long as its owner may do everything and nobody sleeps here; otherwise the id
/// with [`SLEPT_IN`] or [`BARRED`] or both turned round, which leads to another place, so nobody comes here with it.
#[repr(C, align(64))]
pub struct Set<L, A: Allocator> {
    lock: L,
    /// Guarded by `lock`.
    state: Guarded<State<A>>,
}

/// What a set's lock guards.
struct State<A: Allocator> {
    /// The set's id; in an empty place a number that leads elsewhere.
    id: u32,
    /// [`BARRED`] unless the owner may do everything; 0 if it may.
    bar: u32,
    /// The sleeper that came first, and the one that came last.
    first: Thread,
    last: Thread,
    /// How many sleepers change nothing: they wait for zeros.
    readers: u16,
    /// How many sleepers change something by several operations, or by one that is to be undone.
    complex: u16,
    semaphores: Vec<Semaphore, A>,
    /// The stamp of the last `semop`; 0: none yet.
    operated: u64,
    /// What few calls want; there while there is a set.
    rest: Option<Box<Rest<A>, A>>,
}

/// What few calls want of a set.
struct Rest<A: Allocator> {
    permissions: Permissions,
    /// The stamp of its creation or of the last change by `semctl`.
    changed: u64,
    undo: undo::Chain<A>,
}

/// Turned round in what the lock shows: somebody sleeps here.
const SLEPT_IN: u32 = 2;
/// Turned round in what the lock shows: the owner may not do everything. And in the id of a set that is no more.
const BARRED: u32 = 4;

impl<L: Gate, A: Allocator> Set<L, A> {
    skete_cell::constructor! {
        /// Place `index`, empty, under the lock that `lock` makes, which nobody holds, of the number that it shows first. `space` is never
        /// asked for anything.
        pub fn new(index: u16, lock: L, space: A) -> Self {
            let state = State {
                id: Self::first_number(index),
                bar: 0,
                first: Thread::NONE,
                last: Thread::NONE,
                readers: 0,
                complex: 0,
                semaphores: Vec::new_in(space),
                operated: 0,
                rest: None,
            };
            Self { lock, state: Guarded::new(state) }
        }
    }

    /// What the lock of place `index` shows at first.
    #[must_use]
    pub const fn first_number(index: u16) -> u32 {
        index as u32 ^ BARRED
    }

    /// Runs `section` under the lock.
    #[inline(always)]
    fn locked<R>(&self, section: impl FnOnce(&mut State<A>) -> R) -> R {
        self.lock.locked(|| self.state.with_mut(|state| (section(state), state.number())))
    }

    /// [`locked`](Self::locked) in an uninterrupted section.
    #[inline(always)]
    fn locked_uninterrupted<R>(&self, section: impl FnOnce(&mut State<A>) -> R) -> R {
        self.lock.locked_uninterrupted(|| self.state.with_mut(|state| (section(state), state.number())))
    }

    /// Runs `section` on the set of `id` under the lock.
    ///
    /// # Errors
    /// `EINVAL`: it is not here, or not any more.
    #[inline(always)]
    fn with<R>(&self, id: Id, section: impl FnOnce(&mut State<A>) -> Result<R, Errno>) -> Result<R, Errno> {
        self.locked(|state| section(state.of(id)?))
    }

    /// Runs `section` under the lock, and lets go at once whom it has served.
    ///
    /// # Errors
    /// What it answers.
    #[inline(always)]
    fn serving(&self, host: &impl Sleepers, section: impl FnOnce(&mut State<A>) -> Result<Chain, Errno>) -> Result<(), Errno> {
        host.uninterrupted(|masking| self.locked_uninterrupted(section).map(|chain| chain.wake(host, masking)))
    }

    /// How many threads sleep in this set: for reports and tests.
    #[must_use]
    pub fn sleepers(&self, host: &impl Sleepers) -> usize {
        self.locked(|state| {
            let mut thread = state.first;
            let mut count = 0;
            while !thread.is_none() {
                count += 1;
                thread = host.sleeper(thread).behind();
            }
            count
        })
    }
}

impl<A: Allocator> State<A> {
    /// What the lock is to show.
    #[inline(always)]
    fn number(&self) -> u32 {
        let is_slept_in = !self.first.is_none() && !mutant::is(Mutant::GateOpenWhileSomebodySleeps);
        self.id ^ self.bar ^ if is_slept_in { SLEPT_IN } else { 0 }
    }

    /// Says anew whether the owner may do everything, after the mode has changed.
    fn set_bar(&mut self) {
        let may_all = self.rest.as_ref().is_some_and(|rest| rest.permissions.grants(S_IRUGO | S_IWUGO));
        self.bar = if may_all { 0 } else { BARRED };
    }

    /// The state, if it is that of `id`.
    ///
    /// # Errors
    /// `EINVAL`: it is not here, or not any more.
    #[inline(always)]
    fn of(&mut self, id: Id) -> Result<&mut Self, Errno> {
        if self.is(id.number()) { Ok(self) } else { Err(Errno::EINVAL) }
    }

    #[inline(always)]
    const fn is(&self, number: i32) -> bool {
        self.id == number.cast_unsigned()
    }

    /// Whether the owner may read, or change if `changes`.
    ///
    /// # Errors
    /// `EACCES`.
    #[inline]
    fn permit(&self, changes: bool) -> Result<(), Errno> {
        let asked = if changes { S_IWUGO } else { S_IRUGO };
        let is_granted = self.bar == 0 || self.rest.as_ref().is_some_and(|rest| rest.permissions.grants(asked));
        if is_granted { Ok(()) } else { Err(Errno::EACCES) }
    }
}
