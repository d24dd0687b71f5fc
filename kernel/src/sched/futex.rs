//! The futex table, and the machine as the table sees it.
//!
//! The algorithm is [`skete_logic::futex`], proved there; this file gives it locks, records and sleep. Kernel words (a lock's, a thread's
//! end) and the program's words wait in the same table.
#![allow(unsafe_code, reason = "reads a word of the program's in place")]

use core::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering};

use skete_abi::Errno;
use skete_logic::futex::many::owner_of;
use skete_logic::futex::operation::Operation;
use skete_logic::futex::{ANY, Bucket, Key, Requeued, Shares, Table, Waiter};
use skete_logic::host::{Host, Parked, RawLock};
use skete_logic::thread::Thread;
use skete_logic::time::{Deadline, Instant};
use skete_logic::token::Token;

use super::many;
use super::park;
use super::ready;
use super::ready::QueueLock;
use super::record::{self, Records};
use crate::arch::cpu::{self, Masking};
use crate::arch::probe;
use crate::time;

/// How many buckets: 16 KiB of them; a thousand sleepers share one by four.
const BUCKETS: usize = 256;

/// Everyone who waits for a word.
pub static TABLE: Table<BucketLock, BUCKETS> = Table::new([const { Bucket::new(BucketLock::new()) }; BUCKETS]);

/// A bucket's lock: IRQs masked, then the lock of those who have masked them; what was masked before stays in a register.
pub struct BucketLock(QueueLock);

impl BucketLock {
    /// A free one.
    pub const fn new() -> Self {
        Self(QueueLock::new())
    }
}

impl RawLock for BucketLock {
    #[inline(always)]
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
        let before = cpu::mask();
        let result = self.locked_uninterrupted(section);
        cpu::unmask(before);
        result
    }

    #[inline(always)]
    fn locked_uninterrupted<R>(&self, section: impl FnOnce() -> R) -> R {
        self.0.locked(section)
    }
}

/// The machine as everything that sleeps sees it.
#[derive(Clone, Copy, Debug)]
pub struct Machine;

impl Host for Machine {
    #[inline(always)]
    fn current(&self) -> Thread {
        record::current().thread()
    }

    #[inline(always)]
    fn park(&self, deadline: Option<Deadline>) -> Parked {
        park::park(deadline)
    }

    #[inline(always)]
    fn unpark(&self, thread: Thread) {
        park::unpark(thread);
    }

    #[inline]
    fn unpark_each_uninterrupted(&self, threads: impl Iterator<Item = Thread>, masking: Masking) {
        park::unpark_each(threads, masking);
    }

    type Masking = Masking;

    #[inline(always)]
    fn uninterrupted<R>(&self, section: impl FnOnce(Masking) -> R) -> R {
        let before = cpu::mask();
        let result = section(before);
        cpu::unmask(before);
        result
    }

    #[inline(always)]
    fn token(&self, thread: Thread) -> &Token {
        &record::of(thread).token
    }

    #[inline(always)]
    fn make_ready(&self, thread: Thread, masking: Masking) {
        ready::make_ready_masked(thread, masking);
    }

    #[inline(always)]
    fn owner(&self, thread: Thread) -> Thread {
        owner_of(&record::of(thread).owner)
    }

    #[inline(always)]
    fn pass_on(&self, thread: Thread, masking: Masking) {
        many::pass_on(thread, masking);
    }

    #[inline(always)]
    fn leave(&self) {
        super::sleep();
    }

    #[inline(always)]
    fn own_waiter(&self) -> &Waiter {
        record::current().waiter()
    }

    #[inline(always)]
    fn own_priority(&self) -> u8 {
        record::current().priority()
    }

    #[inline(always)]
    fn priority(&self, thread: Thread) -> u8 {
        record::of(thread).priority()
    }

    #[inline(always)]
    fn waiter(&self, thread: Thread) -> &Waiter {
        Records::waiter(thread)
    }

    #[inline]
    fn take_interruption(&self) -> bool {
        park::take_interruption()
    }

    #[inline(always)]
    fn keep_interruption(&self) {
        record::current().token.keep_interruption();
    }

    #[inline(always)]
    fn now(&self) -> Instant {
        time::now()
    }
}

/// A word of the program's, as the program names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its address.
    pub address: usize,
    /// Whether it is known by where it lies in memory, not by its address (`futex(2)`: without FUTEX_PRIVATE_FLAG).
    pub is_shared: bool,
    /// Whether a reference vouches for it: it is there, and aligned.
    pub is_sure: bool,
}

impl Word {
    /// Its key.
    ///
    /// # Errors
    /// As [`key_of`].
    #[inline(always)]
    pub fn key(self) -> Result<Key, Errno> {
        if self.is_sure && !self.is_shared { Ok(private(self.address)) } else { key_of(self.address, self.is_shared) }
    }

    /// What it holds.
    ///
    /// # Errors
    /// `EFAULT`: nothing is there.
    #[inline(always)]
    pub fn read(self) -> Result<u32, Errno> {
        if self.is_sure {
            // SAFETY: a reference vouches for it as long as the call lasts.
            return Ok(unsafe { &*(self.address as *const AtomicU32) }.load(Ordering::Relaxed));
        }
        probe::read_word(self.address).ok_or(Errno::EFAULT)
    }

    /// [`read`](Self::read) of the word that `key` names.
    ///
    /// # Errors
    /// `EFAULT`: nothing is there, or of a shared word another memory by now.
    #[inline(always)]
    pub fn read_as(self, key: Key) -> Result<u32, Errno> {
        let value = self.read()?;
        if key.is_shared() && probe::physical(self.address) != Some(key.address()) { Err(Errno::EFAULT) } else { Ok(value) }
    }
}

/// Bits of an address that translation tables know.
const ADDRESS_BITS: u32 = 39;

/// The key of the word at `address`. A shared one's is where the word lies now: should its memory be given to others, it is [buried](bury).
///
/// # Errors
/// `EINVAL`: not a multiple of four. `EFAULT`: no such address; of a shared word, nothing is mapped there.
#[inline]
pub fn key_of(address: usize, is_shared: bool) -> Result<Key, Errno> {
    if !address.is_multiple_of(4) {
        return Err(Errno::EINVAL);
    }
    if address >> ADDRESS_BITS != 0 {
        return Err(Errno::EFAULT);
    }
    if is_shared { shared_key_of(address) } else { Ok(Key::new(address as u64, false)) }
}

/// Whether a shared word was ever named.
static ARE_SHARED: AtomicBool = AtomicBool::new(false);

#[cold]
fn shared_key_of(address: usize) -> Result<Key, Errno> {
    // Before the fence that comes before the last look at the word: if that found the word, its memory goes later.
    ARE_SHARED.store(true, Ordering::Relaxed);
    // The first read maps a page that was never touched.
    let physical = probe::read_word(address).and_then(|_| probe::physical(address)).ok_or(Errno::EFAULT)?;
    Ok(Key::new(physical, true))
}

/// Sleeps until a wake of the kernel's own `word`, as long as it holds `expected`.
///
/// # Errors
/// `EAGAIN`: it does not. `ETIMEDOUT`: the deadline passed.
#[inline]
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) -> Result<(), Errno> {
    wait_until(word, expected, deadline.map(Deadline::at))
}

/// [`wait`] by any clock.
///
/// # Errors
/// As [`wait`].
pub fn wait_until(word: &AtomicU32, expected: u32, deadline: Option<Deadline>) -> Result<(), Errno> {
    TABLE.wait(&Machine, private(word.as_ptr() as usize), ANY, deadline, || Ok(word.load(Ordering::Relaxed)), expected)
}

/// Wakes at most `count` of those who wait for `word`; how many.
#[inline]
pub fn wake(word: &AtomicU32, count: u32) -> u32 {
    wake_at(word.as_ptr() as usize, count)
}

/// Sleeps until a wake of the program's private word at `address`, as long as it holds `expected`.
///
/// # Errors
/// `EINVAL`: not a multiple of four, or 0. `EFAULT`: no word there. Else as [`wait`].
#[inline]
pub fn wait_at(address: usize, expected: u32, deadline: Option<Instant>) -> Result<(), Errno> {
    if !address.is_multiple_of(4) || address == 0 {
        return Err(Errno::EINVAL);
    }
    TABLE.wait(&Machine, private(address), ANY, deadline.map(Deadline::at), || probe::read_word(address).ok_or(Errno::EFAULT), expected)
}

/// Sleeps until a wake of `word` with a bit of `bitset`, as long as it holds `expected` (`futex(2)`, FUTEX_WAIT_BITSET).
///
/// # Errors
/// `EINVAL`: not a multiple of four, or no bit set. `EFAULT`: no word there. Else as [`wait`].
#[inline]
pub fn wait_word(word: Word, expected: u32, bitset: u32, deadline: Option<Deadline>) -> Result<(), Errno> {
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    let key = word.key()?;
    TABLE.wait(&Machine, key, bitset, deadline, || word.read_as(key), expected)
}

/// How often shared memory has gone.
static ENDS: AtomicU16 = AtomicU16::new(1);

/// Whether anybody may wait in shared memory.
pub fn may_wait_in_shared() -> bool {
    ARE_SHARED.load(Ordering::Relaxed) && TABLE.waiters() != 0
}

/// The frames of shared memory, which are mapped nowhere any more, are about to be given to others: where `is_gone` says so of an address.
pub fn bury(is_gone: impl Fn(u64) -> bool) {
    TABLE.bury(&Machine, ENDS.fetch_add(1, Ordering::Relaxed).max(1), is_gone);
}

/// Whether the caller, whose wait for `word` ended so, was moved to another word meanwhile.
///
/// # Errors
/// As [`Word::key`].
#[inline]
pub fn was_moved(word: Word, waited: Result<(), Errno>) -> Result<bool, Errno> {
    let was_queued = matches!(waited, Ok(()) | Err(Errno::ETIMEDOUT | Errno::EINTR | Errno::EDEADLK));
    Ok(was_queued && record::current().waiter().left() != word.key()?)
}

#[inline(always)]
fn private(address: usize) -> Key {
    Key::new(address as u64, false)
}

/// Wakes at most `count` of those who wait for the private word at `address`; how many.
#[inline]
pub fn wake_at(address: usize, count: u32) -> u32 {
    TABLE.wake(&Machine, private(address), count, ANY)
}

/// Wakes at most `count` of those who wait for `word` with a bit of `bitset`; how many (`futex(2)`, FUTEX_WAKE_BITSET).
///
/// # Errors
/// `EINVAL`: not a multiple of four, or no bit set. `EFAULT`: no such address; of a shared word, nothing is mapped there.
#[inline]
pub fn wake_word(word: Word, count: u32, bitset: u32) -> Result<u32, Errno> {
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    TABLE.try_wake(&Machine, word.key()?, count, bitset)
}

/// Wakes some of those who wait for `from` and lets others wait for `to`, if `from` holds what is `expected` of it, if anything is
/// (`futex(2)`, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE).
///
/// # Errors
/// `EAGAIN`: it does not. `EINVAL`, `EFAULT`: as [`wake_word`], of both words; with `expected`, if nothing is mapped at `from`. `EFAULT` too
/// if the memory of a shared one goes meanwhile.
pub fn requeue(from: Word, to: Word, shares: Shares, expected: Option<u32>) -> Result<Requeued, Errno> {
    let (from_key, to_key) = (from.key()?, to.key()?);
    let read = || {
        if to_key.is_shared() {
            to.read_as(to_key)?;
        }
        expected.map_or(Ok(0), |_| from.read())
    };
    TABLE.requeue(&Machine, from_key, to_key, shares, read, expected)
}

/// Changes `other` by `operation`, wakes at most `count` of those who wait for `word`, and at most `other_count` of those who wait for
/// `other` if its old value is as `operation` asks; how many were woken (`futex(2)`, FUTEX_WAKE_OP).
///
/// # Errors
/// `EINVAL`, `EFAULT`: as [`wake_word`], of both words; `EFAULT` too if `other` cannot be written.
pub fn wake_op(word: Word, count: u32, other: Word, other_count: u32, operation: Operation) -> Result<u32, Errno> {
    let (key, other_key) = (word.key()?, other.key()?);
    // Before the locks are taken: maps a page that was never touched.
    other.read()?;
    TABLE.wake_op(&Machine, key, count, other_key, other_count, || {
        let old = probe::update(other.address, |value| operation.apply(value)).ok_or(Errno::EFAULT)?;
        Ok(operation.is_satisfied_by(old))
    })
}

/// The caller ends: `clear` changes its word at `address`, then one who waits for it is woken, by the word's private or its shared name
/// (`futex(2)` would ask for the shared one, but who joins in one program need not know). `clear` says whether the word is there.
pub fn exit_wakeup(address: usize, clear: impl FnOnce() -> bool) {
    let names = [false, true].map(|is_shared| key_of(address, is_shared).ok());
    TABLE.exit_wakeup(&Machine, names, clear);
}

/// Sleeps until a wake of the word at `address`, as long as `must_wait`, asked under the bucket's lock, says so.
///
/// # Errors
/// `EAGAIN`: it does not. `ETIMEDOUT`: the deadline passed.
#[inline]
pub fn wait_while(address: usize, deadline: Option<Instant>, must_wait: impl Fn() -> bool) -> Result<(), Errno> {
    TABLE.wait_while(&Machine, private(address), deadline, must_wait)
}

/// Tells `decide`, under the bucket's lock, how many wait for the word at `address`, counted up to two, and wakes one if it says so.
#[inline]
pub fn wake_decided(address: usize, decide: impl FnOnce(u32) -> bool) {
    TABLE.wake_decided(&Machine, private(address), decide);
}

/// [`wake_decided`] where whoever waits for the word at `address` is alone in its bucket; else false, and nothing was asked.
#[inline(always)]
pub fn wake_lone(address: usize, decide: impl FnOnce() -> bool) -> bool {
    TABLE.wake_lone(&Machine, private(address), decide)
}

/// How many threads wait for the kernel's own `word` now.
pub fn waiters_of(word: &AtomicU32) -> u32 {
    waiters_at(word.as_ptr() as usize)
}

/// How many threads wait for the program's `word` by its shared name now; 0 if nothing is mapped there.
pub fn waiters_of_shared(word: &AtomicU32) -> u32 {
    key_of(word.as_ptr() as usize, true).map_or(0, |key| TABLE.waiters_of(&Machine, key))
}

/// How many threads wait for the word at `address` now.
pub fn waiters_at(address: usize) -> u32 {
    TABLE.waiters_of(&Machine, private(address))
}

/// How many threads wait for a word now.
pub fn waiters() -> u32 {
    TABLE.waiters()
}
