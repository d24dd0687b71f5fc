//! The futex table, and the machine as the table sees it.
//!
//! The algorithm is [`skete_logic::futex`], proved there; this file gives it locks, records and sleep. Kernel words (a lock's, a thread's end)
//! and the program's words wait in the same table.
#![allow(unsafe_code, reason = "unlocks what it locked")]

use core::sync::atomic::{AtomicU32, Ordering};

use lock_api::RawMutex;
use skete_abi::Errno;
use skete_logic::futex::{ANY, Bucket, Key, Table, Waiter};
use skete_logic::host::{Host, Parked, RawLock};
use skete_logic::thread::Thread;
use skete_logic::time::Instant;

use super::park;
use super::record::{self, Records};
use crate::arch::{cpu, probe};
use crate::lock::RawBare;
use crate::time;

/// How many buckets: 16 KiB of them; a thousand sleepers share one by four.
const BUCKETS: usize = 256;

static TABLE: Table<BucketLock, BUCKETS> = Table::new([const { Bucket::new(BucketLock(RawBare::INIT)) }; BUCKETS]);

/// A bucket's lock: IRQs masked, then the bare lock; what was masked before stays in a register.
struct BucketLock(RawBare);

impl RawLock for BucketLock {
    #[inline(always)]
    fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
        let before = cpu::mask();
        self.0.lock();
        let result = section();
        // SAFETY: locked above, by this core, and IRQs are still masked.
        unsafe { self.0.unlock() };
        cpu::unmask(before);
        result
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
    fn park(&self, deadline: Option<Instant>) -> Parked {
        park::park(deadline)
    }

    #[inline(always)]
    fn unpark(&self, thread: Thread) {
        park::unpark(thread);
    }

    #[inline]
    fn unpark_each(&self, threads: impl Iterator<Item = Thread>) {
        park::unpark_each(threads);
    }

    #[inline(always)]
    fn priority(&self, thread: Thread) -> u8 {
        record::of(thread).priority()
    }

    #[inline(always)]
    fn waiter(&self, thread: Thread) -> &Waiter {
        Records::waiter(thread)
    }

    #[inline(always)]
    fn now(&self) -> Instant {
        time::now()
    }
}

/// Sleeps until a wake of the kernel's own `word`, as long as it holds `expected`.
///
/// # Errors
/// `EAGAIN`: it does not. `ETIMEDOUT`: the deadline passed.
pub fn wait(word: &AtomicU32, expected: u32, deadline: Option<Instant>) -> Result<(), Errno> {
    wait_for(word.as_ptr() as usize, ANY, deadline, || Ok(word.load(Ordering::Relaxed)), expected)
}

/// Wakes at most `count` of those who wait for `word`; how many.
#[inline]
pub fn wake(word: &AtomicU32, count: u32) -> u32 {
    wake_at(word.as_ptr() as usize, count)
}

/// Sleeps until a wake of the program's word at `address`, as long as it holds `expected` (`futex(2)`, FUTEX_WAIT_BITSET).
///
/// # Errors
/// `EINVAL`: not a multiple of four, or no bit set. `EFAULT`: no word there. Else as [`wait`].
#[inline]
pub fn wait_at(address: usize, expected: u32, bitset: u32, deadline: Option<Instant>) -> Result<(), Errno> {
    if !address.is_multiple_of(4) || address == 0 {
        return Err(Errno::EINVAL);
    }
    wait_for(address, bitset, deadline, || probe::read_word(address).ok_or(Errno::EFAULT), expected)
}

#[inline]
fn wait_for(
    address: usize,
    bitset: u32,
    deadline: Option<Instant>,
    read: impl Fn() -> Result<u32, Errno>,
    expected: u32,
) -> Result<(), Errno> {
    let me = record::current();
    me.waits_for.store(address as u64, Ordering::Relaxed);
    let result = TABLE.wait(&Machine, Key::new(address as u64, false), bitset, deadline, read, expected);
    me.waits_for.store(0, Ordering::Relaxed);
    result
}

/// Wakes at most `count` of those who wait for the word at `address`; how many.
#[inline]
pub fn wake_at(address: usize, count: u32) -> u32 {
    TABLE.wake(&Machine, Key::new(address as u64, false), count, ANY)
}

/// Sleeps until a wake of the word at `address`, as long as `must_wait`, asked under the bucket's lock, says so.
///
/// # Errors
/// `EAGAIN`: it does not. `ETIMEDOUT`: the deadline passed.
#[inline]
pub fn wait_while(address: usize, deadline: Option<Instant>, must_wait: impl Fn() -> bool) -> Result<(), Errno> {
    let me = record::current();
    me.waits_for.store(address as u64, Ordering::Relaxed);
    let result = TABLE.wait_while(&Machine, Key::new(address as u64, false), deadline, must_wait);
    me.waits_for.store(0, Ordering::Relaxed);
    result
}

/// Tells `decide`, under the bucket's lock, how many wait for the word at `address`, counted up to two, and wakes one if it says so.
#[inline]
pub fn wake_decided(address: usize, decide: impl FnOnce(u32) -> bool) {
    TABLE.wake_decided(&Machine, Key::new(address as u64, false), decide);
}

/// How many threads wait for the kernel's own `word` now.
pub fn waiters_of(word: &AtomicU32) -> u32 {
    waiters_at(word.as_ptr() as usize)
}

/// How many threads wait for the word at `address` now.
pub fn waiters_at(address: usize) -> u32 {
    TABLE.waiters_of(&Machine, Key::new(address as u64, false))
}

/// How many threads wait for a word now.
pub fn waiters() -> u32 {
    TABLE.waiters()
}
