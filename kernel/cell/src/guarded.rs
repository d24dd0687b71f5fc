//! A value that a lock elsewhere guards.
//!
//! A thread record's futex node is reached by index from a bucket; the lock is in the bucket, so no lock can own the node as a
//! `Mutex<T>` owns its value. [`Guarded`] is that node's cell. On the machine it costs nothing; under loom every access is
//! checked, so a node touched without its lock fails the model.
#![allow(unsafe_code, reason = "the one cell behind state that a lock guards")]

use crate::machine::UnsafeCell;

/// A value touched only while its lock is held.
///
/// **Contract.** The documentation of the field that holds a `Guarded` names the lock (or the moment of sole ownership: "while the
/// thread is not queued, the thread itself"). Every call below happens with that lock held, and the closure does not reach the
/// same cell again. The functions are not `unsafe`, since the crates that use them forbid the word; what keeps them honest is that
/// the models run every one of those users under loom, where a breach is a failure.
#[derive(Debug)]
pub struct Guarded<T>(UnsafeCell<T>);

// SAFETY: by the contract above no two cores are ever inside the same cell at once, and the lock orders one user's accesses
// before the next one's.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    crate::constructor! {
        /// Puts `value` under its lock.
        pub fn new(value: T) -> Self {
            Self(UnsafeCell::new(value))
        }
    }

    /// Reads the value in place. The caller holds its lock.
    #[inline(always)]
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        #[cfg(loom)]
        // SAFETY: the contract of this type; loom fails the model where it is broken.
        return self.0.with(|value| read(unsafe { &*value }));
        #[cfg(not(loom))]
        // SAFETY: the contract of this type: the lock keeps writers out.
        read(unsafe { &*self.0.get() })
    }

    /// Changes the value in place. The caller holds its lock.
    #[inline(always)]
    pub fn with_mut<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(loom)]
        // SAFETY: the contract of this type; loom fails the model where it is broken.
        return self.0.with_mut(|value| change(unsafe { &mut *value }));
        #[cfg(not(loom))]
        // SAFETY: the contract of this type: the lock keeps everyone else out, and `change` does not come back here.
        change(unsafe { &mut *self.0.get() })
    }

    /// A copy of the value. The caller holds its lock.
    #[inline(always)]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        self.with(|value| *value)
    }

    /// Replaces the value. The caller holds its lock.
    #[inline(always)]
    pub fn set(&self, value: T)
    where
        T: Copy,
    {
        self.with_mut(|place| *place = value);
    }
}
