//! Priorities that are inherited: a thread runs at the higher of its own and of those who wait for the locks that it holds.
//!
//! The algorithm is [`skete_logic::futex::pi`], proved there; this file gives it the threads' heirs, in a table beside that of the records,
//! the words, and the scheduler.
#![allow(unsafe_code, reason = "the table is memory taken at boot")]

use skete_abi::Errno;
use skete_cell::Guarded;
use skete_logic::futex::pi::{Heir, Heirs, Held, LockWord, Target};
use skete_logic::thread::{Thread, Tid};
use skete_logic::time::Deadline;

use super::futex::{BucketLock, Machine, TABLE, Word};
use super::{priority, record, spawn};
use crate::arch::{cpu, probe};

/// What a thread inherits, in the kernel.
pub type KernelHeir = Heir<BucketLock>;

/// Where the table begins. Written by [`install`] while nobody else runs, only read from then on: so it needs no lock.
static HEIRS: Guarded<usize> = Guarded::new(0);

/// Gives the table its memory. Called once, before the first thread.
///
/// # Safety
/// `memory` is room for as many heirs as there are records, used for nothing else ever.
pub unsafe fn install(memory: *mut KernelHeir) {
    HEIRS.set(memory.expose_provenance());
}

fn place(thread: Thread) -> *mut KernelHeir {
    core::ptr::with_exposed_provenance_mut::<KernelHeir>(HEIRS.get()).wrapping_add(thread.index())
}

/// Begins the heir of `thread`, whose record was never used before.
pub fn prepare(thread: Thread) {
    // SAFETY: `install` made room; nobody knows this thread yet.
    unsafe { place(thread).write(Heir::new(BucketLock::new())) };
}

/// Thread `tid` begins to live in its record, with a priority of its own.
pub fn begin(tid: Tid, base: u8) {
    heir(tid.thread()).begin(tid, base);
}

fn heir(thread: Thread) -> &'static KernelHeir {
    // SAFETY: made room for by `install`, and written by `prepare` before the thread was named.
    unsafe { &*place(thread) }
}

impl Heirs for Machine {
    type Lock = BucketLock;

    fn heir(&self, thread: Thread) -> &KernelHeir {
        heir(thread)
    }

    fn tid(&self, thread: Thread) -> Tid {
        let generation = record::of(thread).generation.load(core::sync::atomic::Ordering::Relaxed);
        Tid::new(thread, generation)
    }

    fn is_alive(&self, tid: Tid) -> bool {
        record::named(tid.number()).is_some_and(|(record, _)| record.tid.load(core::sync::atomic::Ordering::Relaxed) == tid.number())
    }

    fn set_priority(&self, thread: Thread, priority: u8) {
        // IRQs are masked: who must give way does so by an interrupt, when the locks are released.
        priority::set(record::of(thread), priority);
    }

    fn before_giving_way<R>(&self, section: impl FnOnce() -> R) -> R {
        let before = cpu::mask();
        let result = section();
        cpu::unmask(before);
        result
    }

    fn await_end(&self, tid: Tid) {
        let _ = spawn::join(tid.number());
    }

    #[allow(clippy::cast_possible_truncation, reason = "addresses have 64 bits")]
    fn word_at(&self, address: u64) -> impl LockWord {
        ProgramWord(address as usize)
    }
}

/// A lock's word in the program's memory.
struct ProgramWord(usize);

impl LockWord for ProgramWord {
    fn read(&self) -> Result<Held, Errno> {
        probe::read_word(self.0).map(Held).ok_or(Errno::EFAULT)
    }

    fn exchange(&self, expected: Held, new: Held) -> Result<Held, Errno> {
        probe::compare_exchange(self.0, expected.0, new.0).map(Held).ok_or(Errno::EFAULT)
    }
}

fn target(word: Word) -> Result<Target, Errno> {
    Ok(Target { key: word.key()?, address: word.address as u64 })
}

/// Takes the lock of `word`, waiting for it until `deadline` (`futex(2)`, FUTEX_LOCK_PI2).
///
/// # Errors
/// As [`Table::lock_pi`](skete_logic::futex::Table::lock_pi).
pub fn lock(word: Word, deadline: Option<Deadline>) -> Result<(), Errno> {
    let target = target(word)?;
    TABLE.lock_pi(&Machine, target, deadline)
}

/// Takes the lock of `word` if it is free (`futex(2)`, FUTEX_TRYLOCK_PI).
///
/// # Errors
/// As [`Table::try_lock_pi`](skete_logic::futex::Table::try_lock_pi).
pub fn try_lock(word: Word) -> Result<(), Errno> {
    TABLE.try_lock_pi(&Machine, target(word)?)
}

/// Lets go of the lock of `word` (`futex(2)`, FUTEX_UNLOCK_PI).
///
/// # Errors
/// As [`Table::unlock_pi`](skete_logic::futex::Table::unlock_pi).
pub fn unlock(word: Word) -> Result<(), Errno> {
    // What is not aligned is no lock, and so none that the caller holds.
    let target = target(word).map_err(|errno| if errno == Errno::EINVAL { Errno::EPERM } else { errno })?;
    TABLE.unlock_pi(&Machine, target)
}

/// Waits for `word` as long as it holds `expected`, to be moved to `lock` (`futex(2)`, FUTEX_WAIT_REQUEUE_PI).
///
/// # Errors
/// As [`Table::wait_requeue_pi`](skete_logic::futex::Table::wait_requeue_pi).
pub fn wait_requeue(word: Word, expected: u32, deadline: Option<Deadline>, lock: Word) -> Result<(), Errno> {
    if word.address == lock.address {
        return Err(Errno::EINVAL);
    }
    let (target, key) = (target(lock)?, word.key()?);
    TABLE.wait_requeue_pi(&Machine, key, target, deadline, || word.read_as(key), expected)
}

/// If `word` holds `expected`, lets the first of its waiters have `lock` and at most `nr` others wait for that (`futex(2)`,
/// FUTEX_CMP_REQUEUE_PI).
///
/// # Errors
/// As [`Table::cmp_requeue_pi`](skete_logic::futex::Table::cmp_requeue_pi).
pub fn cmp_requeue(word: Word, lock: Word, nr: u32, expected: u32) -> Result<u32, Errno> {
    if word.address == lock.address {
        return Err(Errno::EINVAL);
    }
    let (key, target) = (word.key()?, target(lock)?);
    if word.read()? != expected {
        return Err(Errno::EAGAIN);
    }
    // Before the locks are taken: maps a page that was never touched.
    lock.read()?;
    TABLE.cmp_requeue_pi(&Machine, key, target, nr, || word.read(), expected)
}

/// Gives the thread that `tid` names another priority of its own, 0–31.
///
/// # Errors
/// `ESRCH`: no such thread.
#[inline(never)]
pub fn set_base(tid: u32, base: u8) -> Result<(), Errno> {
    let (_, tid) = record::named(tid).ok_or(Errno::ESRCH)?;
    TABLE.set_base_priority(&Machine, tid, base)
}

/// The priority of its own that `thread` has.
pub fn base(thread: Thread) -> u8 {
    heir(thread).base()
}

/// The running thread ends, as `tid`: hands over the locks for which others wait.
pub fn leave(tid: Tid) {
    TABLE.leave_locks(&Machine, tid);
}
