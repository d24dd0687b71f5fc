//! The word of a lock that lends priority.

use crate::thread::Tid;
use skete_abi::Errno;
use skete_abi::futex::{OWNER_DIED, TID_MASK, WAITERS};

/// A word's value:
///
/// | bits 0–29 | bit 31 | means |
/// |---|---|---|
/// | 0 | clear | free: the program takes it by itself |
/// | a thread's name | clear | held: its holder lets go by itself |
/// | a thread's name | set | held, and somebody may wait: its holder calls the kernel to let go |
/// | 0 | set | free, of a holder that died: the kernel is called to take it |
///
/// Bit 30 says that a holder died, to whoever takes the lock next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held(pub u32);

impl Held {
    /// Free.
    pub const FREE: Self = Self(0);

    /// Held by `tid`.
    #[must_use]
    pub const fn by(tid: Tid) -> Self {
        Self(tid.number())
    }

    /// With or without the bit that says that somebody may wait.
    #[must_use]
    pub const fn waited_for(self, is_waited_for: bool) -> Self {
        Self(if is_waited_for { self.0 | WAITERS } else { self.0 & !WAITERS })
    }

    /// With the bit that says that a holder died, if `other` has it.
    #[must_use]
    pub const fn died_as(self, other: Self) -> Self {
        Self(self.0 | other.0 & OWNER_DIED)
    }

    /// With the bit that says that a holder died.
    #[must_use]
    pub const fn died(self) -> Self {
        Self(self.0 | OWNER_DIED)
    }

    /// Whether a holder died.
    #[must_use]
    pub const fn is_died(self) -> bool {
        self.0 & OWNER_DIED != 0
    }

    /// Whether nobody holds it.
    #[must_use]
    pub const fn is_free(self) -> bool {
        self.0 & TID_MASK == 0
    }

    /// Whether `tid` holds it.
    #[must_use]
    pub const fn is_by(self, tid: Tid) -> bool {
        self.0 & TID_MASK == tid.number()
    }

    /// Who holds it; `None`: nobody, or what is no thread's name.
    #[must_use]
    pub const fn holder(self) -> Option<Tid> {
        Tid::from_number(self.0 & TID_MASK)
    }
}

/// A word in the program's memory, changed by programs at any time.
pub trait LockWord {
    /// What it holds.
    ///
    /// # Errors
    /// `EFAULT`: nothing is there.
    fn read(&self) -> Result<Held, Errno>;

    /// Puts `new` into it if it holds `expected`; what it held before. Acquires and releases.
    ///
    /// # Errors
    /// `EFAULT`: nothing is there, or it cannot be written.
    fn exchange(&self, expected: Held, new: Held) -> Result<Held, Errno>;
}
