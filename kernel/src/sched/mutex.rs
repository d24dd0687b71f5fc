//! A lock that sleeps: for what is too long for a spin lock, such as the file tree. One futex word, which
//! names its holder: see [`LockWord`].
#![allow(unsafe_code, reason = "lock_api's contract")]

use core::sync::atomic::{AtomicU32, Ordering};

use lock_api::{GuardSend, RawMutex};
use skete_abi::Errno;
use skete_logic::waiting::{Cause, LockWord};

use super::{futex, park, record};

/// The lock under [`Sleep`].
#[derive(Debug)]
pub struct RawSleep(AtomicU32);

fn held_by_me() -> LockWord {
    LockWord::held_by(record::current().tid.load(Ordering::Relaxed))
}

impl RawSleep {
    /// Changes the word from `old` to `new`, if it is still `old`.
    #[inline]
    fn change(&self, old: LockWord, new: LockWord) -> bool {
        // Acquire pairs with the Release in `unlock`.
        self.0.compare_exchange(old.0, new.0, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    #[cold]
    fn wait(&self) {
        // Whoever has waited cannot know that nobody else does.
        let mine = held_by_me().waited_for();
        let mut was_interrupted = false;
        while !self.change(LockWord::FREE, mine) {
            let seen = LockWord(self.0.load(Ordering::Relaxed));
            if !seen.is_free() && (seen.is_waited_for() || self.change(seen, seen.waited_for())) {
                let waited = record::waiting(Cause::Lock, || futex::wait(&self.0, seen.waited_for().0, None));
                was_interrupted |= waited == Err(Errno::EINTR);
            }
        }
        // It was meant for the wait that comes, not for this one.
        park::keep_interruption(was_interrupted);
    }
}

// SAFETY: the word leaves FREE for one caller until `unlock`.
unsafe impl RawMutex for RawSleep {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api's constructor")]
    const INIT: Self = Self(AtomicU32::new(LockWord::FREE.0));
    type GuardMarker = GuardSend;

    #[inline]
    fn lock(&self) {
        if !self.try_lock() {
            self.wait();
        }
    }

    #[inline]
    fn try_lock(&self) -> bool {
        self.change(LockWord::FREE, held_by_me())
    }

    #[inline]
    unsafe fn unlock(&self) {
        if LockWord(self.0.swap(LockWord::FREE.0, Ordering::Release)).is_waited_for() {
            futex::wake(&self.0, 1);
        }
    }
}

/// A value behind a lock that sleeps.
pub type Sleep<T> = lock_api::Mutex<RawSleep, T>;
