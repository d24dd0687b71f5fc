//! Shared memory: segments, who has attached them where, and when they go (`shmget(2)`, `shmop(2)`, `shmctl(2)`).
//!
//! A [`Registry`] under one lock that sleeps: nothing here is on the way of a load or store, which an attachment makes a plain one. A
//! segment's frames are taken and zeroed when it is made, so an attachment is a row of finished page-table entries: no first touch, no
//! memory that is promised and not there, and two attachments are one memory from the start.
//!
//! - `segment`: one segment, and what is told of it · `attach`: `shmat` and `shmdt` · `places`: which addresses are taken
//! - `control`: the commands of `shmctl` · [`limits`]: how much there may be

mod attach;
mod control;
pub mod limits;
mod places;
mod segment;

pub use places::{Attachment, UNIT};
pub use segment::{Caller, Segment};

use self::limits::Limits;
use self::places::Places;
use super::ids::{Id, Ids, Permissions};
use crate::pages::PAGE;
use allocator_api2::alloc::Allocator;
use core::ops::Range;
use skete_abi::Errno;
use skete_abi::shm::SHM_HUGETLB;

/// Memory and addresses, as a kernel or a test has them.
pub trait Memory {
    /// A segment's frames; dropped, they are free.
    type Frames;

    /// The addresses that there are for attachments: whole units.
    fn window(&self) -> Range<u64>;

    /// Takes so many frames, zeroed.
    ///
    /// # Errors
    /// `ENOMEM`.
    fn frames(&self, pages: u64) -> Result<Self::Frames, Errno>;

    /// Takes whole units of addresses for so many pages: where they begin. `None`: there are no more.
    fn choose(&self, pages: u64) -> Option<u64>;

    /// Takes the units of `range`, which lies in the window, all of them or none: false if one is taken.
    fn claim(&self, range: Range<u64>) -> bool;

    /// Gives the units of `range` back. Nothing is mapped there. Those that [`choose`](Self::choose) gave may soon be chosen again; those that
    /// a caller has named once, `is_named`, are its own affair, and it may name them again.
    fn release(&self, range: Range<u64>, is_named: bool);

    /// Maps `frames` from `start` on, where nothing is mapped. False: no memory for tables, and nothing is mapped.
    fn map(&self, start: u64, frames: &Self::Frames, is_read_only: bool) -> bool;

    /// Unmaps `range`; when it returns no core uses what was mapped there.
    fn unmap(&self, range: Range<u64>);
}

/// All segments and attachments.
pub struct Registry<F, A: Allocator> {
    ids: Ids<Segment<F>, A>,
    places: Places<A>,
    limits: Limits,
    /// Pages of all segments.
    pages: u64,
}

impl<F, A: Allocator + Clone> Registry<F, A> {
    /// No segments yet, and never more than `limits` say.
    pub fn new(limits: Limits, space: A) -> Self {
        Self { ids: Ids::new(space.clone(), limits.segments), places: Places::new(space), limits, pages: 0 }
    }

    /// `shmget`: the segment of `key`, or a new one of `bytes` bytes, all 0.
    ///
    /// # Errors
    /// `EINVAL`: `bytes` is outside of the limits for a new segment, or more than the segment has; large pages. `ENOENT`, `EEXIST`: as
    /// `flags` say. `EACCES`: the segment's mode does not grant what `flags` ask for. `ENOSPC`: too many segments or pages. `ENOMEM`.
    pub fn open<M: Memory<Frames = F>>(&mut self, memory: &M, caller: Caller, key: i32, bytes: u64, flags: i32) -> Result<Id, Errno> {
        let check = |_: Id, segment: &Segment<F>| {
            if bytes > segment.bytes {
                return Err(Errno::EINVAL);
            }
            if segment.permissions.grants(flags) { Ok(()) } else { Err(Errno::EACCES) }
        };
        let (limits, used, pages) = (self.limits, self.pages, bytes.div_ceil(PAGE));
        let may_be = || {
            if bytes == 0 || bytes > limits.bytes || flags & SHM_HUGETLB != 0 {
                return Err(Errno::EINVAL);
            }
            if used.checked_add(pages).is_none_or(|sum| sum > limits.pages) { Err(Errno::ENOSPC) } else { Ok(()) }
        };
        let make = |_: Id| {
            let segment = Segment::new(Permissions::new(key, flags), bytes, memory.frames(pages)?, caller);
            self.pages += pages;
            Ok(segment)
        };
        self.ids.open(key, flags, check, may_be, make)
    }

    /// Takes the segment of `id` away; its frames are free.
    fn destroy(&mut self, id: Id) {
        if let Ok(segment) = self.ids.remove(id) {
            self.pages -= segment.pages();
        }
    }

    /// The attachment that `address` lies in, and the key of its segment: for reports.
    #[must_use]
    pub fn attachment_at(&self, address: u64) -> Option<(Attachment, i32)> {
        let attachment = self.places.around(address)?;
        let key = self.ids.get(attachment.id).map_or(0, |segment| segment.permissions.key);
        Some((attachment, key))
    }

    /// How many segments there are, and how many attachments.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        (self.ids.count(), self.places.len())
    }
}
