//! The kernel's spin lock, and the order in which locks are taken.
//!
//! [`Spin`] masks IRQs while held, so that an interrupt handler on the same core never waits for the code it interrupted; a test-and-set,
//! because tickets convoy when QEMU runs four virtual cores on two real ones. Waiting is an exclusive load and WFE: the unlocking
//! store clears the waiter's monitor and wakes it. Whatever sleeps is in [`crate::sched`].
//!
//! **Order** (take a later one while holding an earlier one, never the other way; two of one line never together):
//! 1. a futex bucket (of two: the lower index first) · a set of semaphores · a file's or table's own lock
//! 2. a thread's heir: what it inherits
//! 3. a core's deadlines
//! 4. a core's run queue
//! 5. the free thread records
//! 6. the heap
//! 7. the address window
//! 8. frames: a leaf, the only one that the fault handler takes
//! 9. the console: a leaf
#![allow(unsafe_code, reason = "lock_api's contract")]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, Ordering};

use lock_api::{GuardNoSend, RawMutex};

use crate::arch::cpu::{self, Masking};

/// Also what [`cpu::wait_for_zero`] waits for.
const FREE: u32 = 0;
const TAKEN: u32 = 1;

/// The lock under [`Spin`].
pub struct RawSpin {
    state: AtomicU32,
    /// What was masked before: written and read by the holder alone.
    before: UnsafeCell<Option<Masking>>,
}

// SAFETY: `before` is touched by the holder only, and `state` says who that is.
unsafe impl Sync for RawSpin {}

impl RawSpin {
    #[inline(always)]
    fn take(&self) -> bool {
        // Acquire pairs with the Release in `unlock`.
        self.state.compare_exchange_weak(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn wait(&self) {
        while !self.take() {
            cpu::wait_for_zero(&self.state);
        }
    }
}

// SAFETY: `take` succeeds for one caller until `unlock`.
unsafe impl RawMutex for RawSpin {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api's constructor")]
    const INIT: Self = Self { state: AtomicU32::new(FREE), before: UnsafeCell::new(None) };
    type GuardMarker = GuardNoSend;

    #[inline]
    fn lock(&self) {
        let before = cpu::mask();
        if !self.take() {
            self.wait();
        }
        // SAFETY: the lock is ours.
        unsafe { *self.before.get() = Some(before) };
    }

    #[inline]
    fn try_lock(&self) -> bool {
        let before = cpu::mask();
        if self.take() {
            // SAFETY: the lock is ours.
            unsafe { *self.before.get() = Some(before) };
            true
        } else {
            cpu::unmask(before);
            false
        }
    }

    #[inline]
    unsafe fn unlock(&self) {
        // SAFETY: the lock is still ours.
        let before = unsafe { (*self.before.get()).take() };
        // Release pairs with the Acquire in `take`.
        self.state.store(FREE, Ordering::Release);
        if let Some(before) = before {
            cpu::unmask(before);
        }
    }
}

/// The lock of what is only touched with IRQs masked already: the run queues, inside the switch.
pub struct RawBare(AtomicU32);

// SAFETY: the exchange succeeds for one caller until `unlock`.
unsafe impl RawMutex for RawBare {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api's constructor")]
    const INIT: Self = Self(AtomicU32::new(FREE));
    type GuardMarker = GuardNoSend;

    #[inline(always)]
    fn lock(&self) {
        debug_assert!(cpu::is_masked(), "a bare lock is taken with IRQs masked");
        while !self.try_lock() {
            cpu::wait_for_zero(&self.0);
        }
    }

    #[inline(always)]
    fn try_lock(&self) -> bool {
        self.0.compare_exchange_weak(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline(always)]
    unsafe fn unlock(&self) {
        self.0.store(FREE, Ordering::Release);
    }
}

/// A value behind a spin lock that masks IRQs.
pub type Spin<T> = lock_api::Mutex<RawSpin, T>;
