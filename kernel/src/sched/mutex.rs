//! A lock that sleeps: for what is too long for a spin lock, such as the file tree. Three states in one futex word.
//!
//! | word | meaning |
//! |---|---|
//! | 0 | free |
//! | 1 | taken |
//! | 2 | taken, and somebody may wait |
#![allow(unsafe_code, reason = "lock_api's contract")]

use core::sync::atomic::{AtomicU32, Ordering};

use lock_api::{GuardSend, RawMutex};

use super::futex;

const FREE: u32 = 0;
const TAKEN: u32 = 1;
const WAITED_FOR: u32 = 2;

/// The lock under [`Sleep`].
#[derive(Debug)]
pub struct RawSleep(AtomicU32);

impl RawSleep {
    #[cold]
    fn wait(&self) {
        // Acquire pairs with the Release in `unlock`.
        while self.0.swap(WAITED_FOR, Ordering::Acquire) != FREE {
            let _ = futex::wait(&self.0, WAITED_FOR, None);
        }
    }
}

// SAFETY: the word leaves FREE for one caller until `unlock`.
unsafe impl RawMutex for RawSleep {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api's constructor")]
    const INIT: Self = Self(AtomicU32::new(FREE));
    type GuardMarker = GuardSend;

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.wait();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.0.compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[inline]
    unsafe fn unlock(&self) {
        if self.0.swap(FREE, Ordering::Release) == WAITED_FOR {
            futex::wake(&self.0, 1);
        }
    }
}

/// A value behind a lock that sleeps.
pub type Sleep<T> = lock_api::Mutex<RawSleep, T>;
