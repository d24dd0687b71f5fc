//! The book of the address window: which of its units are taken.
//!
//! Units are given out new ones first; given back ones are found again once all were used. A unit that the program mapped is given back
//! by whoever takes its last page away. Pages leave under the lock of this book, so there is one who is last: of two that each
//! take half of a unit away, both may find it empty afterwards, and a third may have it by then.

use core::ops::{DerefMut, Range};
use core::sync::atomic::Ordering;

use skete_cell::atomic::AtomicU64;

use super::touch::{self, Frames};
use super::{Entry, PAGE};
use crate::bitmap::Bitmap;
use crate::mutant::{self, Mutant};

/// Bytes of a unit.
pub const UNIT: u64 = 64 << 10;
/// Pages of a unit.
pub const PAGES: usize = (UNIT / PAGE) as usize;

/// The units of a window, by number. Guarded by one lock.
pub struct Units<const WORDS: usize, const GROUPS: usize> {
    /// The first unit that was never used.
    fresh: usize,
    /// Units given back.
    free: Bitmap<WORDS, GROUPS>,
}

impl<const WORDS: usize, const GROUPS: usize> Default for Units<WORDS, GROUPS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WORDS: usize, const GROUPS: usize> Units<WORDS, GROUPS> {
    /// How many there are.
    pub const LENGTH: usize = Bitmap::<WORDS, GROUPS>::LENGTH;

    /// None is taken.
    #[must_use]
    pub const fn new() -> Self {
        Self { fresh: 0, free: Bitmap::new() }
    }

    /// Takes `count` units in a row: the first of them.
    pub fn take(&mut self, count: usize) -> Option<usize> {
        if count == 0 || count > Self::LENGTH {
            None
        } else if self.fresh + count <= Self::LENGTH {
            self.fresh += count;
            Some(self.fresh - count)
        } else {
            self.free.take_row(count)
        }
    }

    /// Takes the units of `range`, all or none: false if one is taken already.
    #[must_use]
    pub fn claim(&mut self, range: Range<usize>) -> bool {
        let fresh = self.fresh;
        if range.start < fresh && !self.free.take_range(range.start..range.end.min(fresh)) {
            return false;
        }
        if range.end > fresh {
            self.free.insert(fresh..range.start.max(fresh));
            self.fresh = range.end;
        }
        true
    }

    /// Gives back the units of `range`, with nothing mapped in them any more.
    pub fn give(&mut self, range: Range<usize>) {
        self.free.insert(range);
    }

    /// Where the part ends that was ever used.
    #[must_use]
    pub const fn end(&self) -> usize {
        self.fresh
    }
}

/// A unit of the window with its entries.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// Its number in the book.
    pub number: usize,
    /// The address of its first page.
    pub start: u64,
    /// The entries of its pages.
    pub slots: &'a [AtomicU64],
}

impl Unit<'_> {
    /// Takes away its pages of `part`, and gives it back with its last one to the book that `lock` locks. False: something lent stays.
    pub fn unmap<const WORDS: usize, const GROUPS: usize, B: DerefMut<Target = Units<WORDS, GROUPS>>>(
        self,
        part: Range<usize>,
        lock: impl FnOnce() -> B,
        frames: &impl Frames,
    ) -> bool {
        let Some(leaving) = self.slots.get(part.clone()) else { return true };
        let take_away = || touch::replace_all(leaving, self.start + part.start as u64 * PAGE, Entry::NONE, frames);
        let early = mutant::is(Mutant::UnitEmptiedOutsideTheLock).then(take_away);
        let mut units = lock();
        let (pages, is_lent) = early.unwrap_or_else(take_away);
        let is_mine = pages > 0 || mutant::is(Mutant::UnitGivenByWhoeverLooks);
        if is_mine && self.is_empty() {
            units.give(self.number..self.number + 1);
        }
        !is_lent
    }

    /// Whether nothing is mapped or promised in it.
    fn is_empty(self) -> bool {
        self.slots.iter().all(|slot| slot.load(Ordering::Acquire) == Entry::NONE.0)
    }
}
