//! The name of a futex word.

/// Which word: its address, and whether that is the virtual address (private: threads of one address space) or the physical one
/// (shared: one memory at two addresses is one futex). The two never match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(u64);

/// Above each address: 0 while the word's memory is there.
const MARK_SHIFT: u32 = 48;
const MARKS: u64 = (u16::MAX as u64) << MARK_SHIFT;

/// Set in a shared key. A word's address is a multiple of four, so its two low bits are free.
const SHARED: u64 = 1;

impl Key {
    /// The key of no word: that of a waiter that never waited.
    pub(super) const NONE: Self = Self(0);

    /// The key of the word at `address`, which is a multiple of four.
    #[must_use]
    #[inline(always)]
    pub const fn new(address: u64, shared: bool) -> Self {
        Self(address | if shared { SHARED } else { 0 })
    }

    /// The word's virtual address in a private key, its physical one in a shared key.
    #[must_use]
    pub const fn address(self) -> u64 {
        self.0 & !SHARED & !MARKS
    }

    /// The name of the same word, whose memory is gone, apart from the word that lies there next: in the same bucket, as `mark` says from 1 on.
    #[must_use]
    pub(super) const fn of_the_gone(self, mark: u16) -> Self {
        Self(self.0 | (mark as u64) << MARK_SHIFT)
    }

    /// The name that the word had while its memory was there.
    #[must_use]
    pub(super) const fn as_it_was(self) -> Self {
        Self(self.0 & !MARKS)
    }

    /// Whether the address is a physical one.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.0 & SHARED != 0
    }

    /// `bits` bits that differ for words near each other: the top of a product with 2³² divided by the golden ratio (Knuth, The Art
    /// of Computer Programming 6.4), four instructions.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "words 4 GiB apart may well share a bucket")]
    pub(super) const fn hash(self, bits: u32) -> usize {
        ((self.0 as u32).wrapping_mul(0x9E37_79B1) as u64 >> (32 - bits)) as usize
    }
}
