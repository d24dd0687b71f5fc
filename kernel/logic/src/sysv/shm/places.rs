//! Which addresses the attachments take.

use crate::pages::PAGE;
use crate::sysv::ids::Id;
use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use core::ops::Range;
use skete_abi::Errno;

/// Addresses are given out by the window in units of this many bytes. Several attachments may lie in one unit.
pub const UNIT: u64 = 64 << 10;

/// A segment at some address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Where it begins.
    pub start: u64,
    /// How many pages it has.
    pub pages: u64,
    /// Of which segment.
    pub id: Id,
    /// Writes fault.
    pub is_read_only: bool,
    /// Its address was the caller's wish.
    pub is_named: bool,
    /// The thread whose end ends it too.
    pub owner: Option<i32>,
}

impl Attachment {
    /// Its addresses.
    #[must_use]
    pub const fn range(&self) -> Range<u64> {
        self.start..self.start + self.pages * PAGE
    }
}

/// Whole units around `range`.
pub(super) fn units(range: &Range<u64>) -> Range<u64> {
    range.start / UNIT * UNIT..range.end.next_multiple_of(UNIT)
}

/// The attachments by their addresses.
pub(super) struct Places<A: Allocator>(Vec<Attachment, A>);

impl<A: Allocator> Places<A> {
    pub const fn new(space: A) -> Self {
        Self(Vec::new_in(space))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Makes room for one more.
    pub fn reserve(&mut self) -> Result<(), Errno> {
        self.0.try_reserve(1).map_err(|_| Errno::ENOMEM)
    }

    /// Adds one, for which there is room.
    pub fn insert(&mut self, attachment: Attachment) {
        let at = self.0.partition_point(|other| other.start < attachment.start);
        self.0.insert(at, attachment);
    }

    /// Takes out the one that begins at `start`.
    pub fn remove(&mut self, start: u64) -> Option<Attachment> {
        let at = self.0.binary_search_by_key(&start, |attachment| attachment.start).ok()?;
        Some(self.0.remove(at))
    }

    /// The one that `address` lies in.
    pub fn around(&self, address: u64) -> Option<Attachment> {
        self.first_inside(&(address..address.saturating_add(1)))
    }

    /// The first that lies in `range`, if only in part.
    pub fn first_inside(&self, range: &Range<u64>) -> Option<Attachment> {
        self.inside(range).next()
    }

    /// Those that lie in `range`, if only in part.
    pub fn inside(&self, range: &Range<u64>) -> impl Iterator<Item = Attachment> {
        let (start, end) = (range.start, range.end);
        let first = self.0.partition_point(|attachment| attachment.range().end <= start);
        self.0[first..].iter().take_while(move |attachment| attachment.start < end).copied()
    }

    /// Some attachment that belongs to `owner`.
    pub fn owned_by(&self, owner: i32) -> Option<Attachment> {
        self.0.iter().find(|attachment| attachment.owner == Some(owner)).copied()
    }

    /// Hands each row of units around `range` that no attachment lies in to `take`, as long as that says true.
    ///
    /// # Errors
    /// The units before the row of which it said false: their bare rows it has taken.
    pub fn each_bare_row(&self, range: &Range<u64>, mut take: impl FnMut(Range<u64>) -> bool) -> Result<(), Range<u64>> {
        let whole = units(range);
        let mut unit = whole.start;
        while unit < whole.end {
            let next = self.first_inside(&(unit..whole.end)).map_or(whole.end, |other| other.start / UNIT * UNIT);
            let row = unit..next.max(unit);
            if row.is_empty() {
                unit += UNIT;
            } else if take(row.clone()) {
                unit = row.end;
            } else {
                return Err(whole.start..row.start);
            }
        }
        Ok(())
    }
}
