//! Futexes as Linux numbers them (`futex(2)`, `set_robust_list(2)`, `futex_waitv`): operations, flags, the bits of a lock's word, the
//! structs.

/// The operations of `futex(2)`.
pub mod op {
    /// Sleep while the word is as expected, for a length of time.
    pub const WAIT: u32 = 0;
    /// Wake some.
    pub const WAKE: u32 = 1;
    /// A descriptor for a word: gone from Linux since 2.6.26.
    pub const FD: u32 = 2;
    /// Wake some, let others wait for a second word.
    pub const REQUEUE: u32 = 3;
    /// [`REQUEUE`] if the word is as expected.
    pub const CMP_REQUEUE: u32 = 4;
    /// Change a second word, wake some, and some of the second word's by its old value.
    pub const WAKE_OP: u32 = 5;
    /// Take a lock that lends its holder its waiters' priority, until a moment of CLOCK_REALTIME.
    pub const LOCK_PI: u32 = 6;
    /// Release such a lock.
    pub const UNLOCK_PI: u32 = 7;
    /// Take such a lock if it is free.
    pub const TRYLOCK_PI: u32 = 8;
    /// [`WAIT`] until a moment, for the wakes that share a bit.
    pub const WAIT_BITSET: u32 = 9;
    /// [`WAKE`] of those who share a bit.
    pub const WAKE_BITSET: u32 = 10;
    /// Wait for a word, to be moved to a lock.
    pub const WAIT_REQUEUE_PI: u32 = 11;
    /// Move them there.
    pub const CMP_REQUEUE_PI: u32 = 12;
    /// [`LOCK_PI`] until a moment of either clock.
    pub const LOCK_PI2: u32 = 13;
}

/// In an operation or a [`WaitV`]: the word is this program's alone, and is named by its address.
pub const PRIVATE: u32 = 128;
/// In an operation: the deadline is one of CLOCK_REALTIME.
pub const CLOCK_REALTIME: u32 = 256;

/// A bitset that shares a bit with every other.
pub const MATCH_ANY: u32 = u32::MAX;

/// In the word of a lock: the kernel knows of waiters, so the holder must call it to let go.
pub const WAITERS: u32 = 1 << 31;
/// In the word of a lock: its holder ended without letting go.
pub const OWNER_DIED: u32 = 1 << 30;
/// In the word of a lock: the holder's name; 0: free.
pub const TID_MASK: u32 = OWNER_DIED - 1;

/// The most locks of a robust list that are let go.
pub const ROBUST_LIST_LIMIT: usize = 2048;

/// `struct robust_list_head`: what `set_robust_list(2)` is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RobustListHead {
    /// The first entry, each of which begins with the address of the next; the last names this head. Bit 0 of such an address: the lock
    /// is one that lends priority.
    pub first: usize,
    /// From an entry to its lock's word, in bytes.
    pub futex_offset: isize,
    /// An entry that is being added or taken out; 0: none.
    pub pending: usize,
}

/// `struct futex_waitv`: one of the words that `futex_waitv` waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct WaitV {
    /// What the word is expected to hold.
    pub val: u64,
    /// Its address.
    pub uaddr: u64,
    /// [`SIZE_U32`], with or without [`PRIVATE`].
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

/// In a [`WaitV`]: the word has 32 bits.
pub const SIZE_U32: u32 = 2;
/// Linux's numbers of the clocks that a [`WaitV`]'s deadline may be of.
pub mod clock {
    /// CLOCK_REALTIME.
    pub const REALTIME: i32 = 0;
    /// CLOCK_MONOTONIC.
    pub const MONOTONIC: i32 = 1;
}

/// The most words that one call may wait for.
pub const WAITV_MAX: usize = 128;

/// Linux's `struct timespec`: two 64-bit numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct TimeSpec {
    /// Seconds.
    pub tv_sec: i64,
    /// Nanoseconds, 0–999,999,999.
    pub tv_nsec: i64,
}

impl TimeSpec {
    /// Nanoseconds in all; `None` if it is negative or has a second or more of nanoseconds. What does not fit is later than anybody waits.
    #[must_use]
    pub fn as_ns(self) -> Option<u64> {
        const NS: u64 = 1_000_000_000;
        let (seconds, ns) = (u64::try_from(self.tv_sec).ok()?, u64::try_from(self.tv_nsec).ok()?);
        (ns < NS).then(|| seconds.saturating_mul(NS).saturating_add(ns))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::mem::offset_of;

    #[test]
    fn structs_are_laid_out_as_on_linux() {
        assert_eq!(
            (size_of::<RobustListHead>(), offset_of!(RobustListHead, futex_offset), offset_of!(RobustListHead, pending)),
            (24, 8, 16)
        );
        assert_eq!((size_of::<WaitV>(), offset_of!(WaitV, uaddr), offset_of!(WaitV, flags)), (24, 8, 16));
        assert_eq!((size_of::<TimeSpec>(), offset_of!(TimeSpec, tv_nsec)), (16, 8));
    }

    #[test]
    fn a_time_that_is_none_is_refused() {
        let ns = |tv_sec, tv_nsec| TimeSpec { tv_sec, tv_nsec }.as_ns();
        assert_eq!(ns(1, 5), Some(1_000_000_005));
        assert_eq!(ns(i64::MAX, 999_999_999), Some(u64::MAX));
        assert_eq!([ns(-1, 0), ns(0, -1), ns(0, 1_000_000_000), ns(0, 1 << 32)], [None; 4]);
    }
}
