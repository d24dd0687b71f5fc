//! Shared memory's frames, mapped wherever a segment is attached.
//!
//! All of a segment's frames are taken and zeroed when it is made, and an attachment's entries are finished when it is made: there is no
//! first touch, so nothing races with one, and memory that was promised is there. It costs 16 stores to attach 64 KiB, where 16 promises
//! and the fault of one touch would cost more; what it does not give is a segment larger than the memory that is free.

use core::ops::Range;
use core::sync::atomic::Ordering;

use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_logic::pages::{Access, Entry, PAGE};

use super::{Heap, frames, map};
use crate::arch::{mmu, probe};

/// Frames by number, in a segment's order.
#[derive(Debug)]
pub struct Frames(Vec<u32, Heap>);

impl Frames {
    /// Takes `pages` frames, zeroed.
    ///
    /// # Errors
    /// `ENOMEM`: there are not so many.
    pub fn take(pages: u64) -> Result<Self, Errno> {
        let mut taken = Self(Vec::new_in(Heap));
        let pages = usize::try_from(pages).ok().filter(|pages| *pages <= frames::count().1).ok_or(Errno::ENOMEM)?;
        taken.0.try_reserve_exact(pages).map_err(|_| Errno::ENOMEM)?;
        for _ in 0..pages {
            let frame = frames::take().ok_or(Errno::ENOMEM)?;
            map::zero(frame);
            #[allow(clippy::cast_possible_truncation, reason = "a board has 4 GiB of them")]
            taken.0.push((frame / PAGE) as u32);
        }
        Ok(taken)
    }

    /// Lets each frame say which of these it is, for [`hold`](Self::hold). They are mapped nowhere any more.
    #[cold]
    pub fn number(&self) {
        for (place, frame) in (0..).zip(&self.0) {
            map::first_word(u64::from(*frame) * PAGE).store(place, Ordering::Relaxed);
        }
    }

    /// Whether `address` lies in these frames, which are [numbered](Self::number): a look at one frame, however many they are. What another's
    /// frame says by chance leads to a place where that frame does not stand.
    #[cold]
    pub fn hold(&self, address: u64) -> bool {
        let frame = address / PAGE;
        let place = probe::read_word((frame * PAGE) as usize);
        place.and_then(|place| self.0.get(place as usize)).is_some_and(|held| u64::from(*held) == frame)
    }
}

impl Drop for Frames {
    fn drop(&mut self) {
        for frame in &self.0 {
            frames::give(u64::from(*frame) * PAGE);
        }
    }
}

/// Maps `frames` from `start` on, where nothing is mapped or promised. False: no frame for a table, and nothing is mapped.
pub fn attach(start: u64, frames: &Frames, access: Access) -> bool {
    let mut address = start;
    let mut rest = frames.0.as_slice();
    while !rest.is_empty() {
        let Some(slots) = map::slots(address) else {
            detach(start..address);
            return false;
        };
        let (now, later) = rest.split_at(slots.len().min(rest.len()));
        for (slot, frame) in slots.iter().zip(now) {
            slot.store(Entry::page(u64::from(*frame) * PAGE, access).lent().0, Ordering::Release);
        }
        address += now.len() as u64 * PAGE;
        rest = later;
    }
    mmu::publish_entry();
    true
}

/// Unmaps what [`attach`] mapped. When it returns, no core has a translation left: the frames may be given to others.
pub fn detach(range: Range<u64>) {
    let mut address = range.start;
    while address < range.end
        && let Some(slots) = map::slots(address)
    {
        let count = slots.len().min(((range.end - address) / PAGE) as usize);
        slots[..count].iter().for_each(|slot| slot.store(Entry::NONE.0, Ordering::Release));
        address += count as u64 * PAGE;
    }
    mmu::forget_all(range);
}
