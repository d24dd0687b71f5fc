//! How a page's entry changes while other cores look at it and change it: there is no lock, every change is one exchange.
//!
//! Three parties meet at an entry: who touches the page first and fills it, who protects it, who takes it away. An entry belongs to whoever
//! put it there by an exchange that saw what was there before; so a frame is in one entry, or in nobody's, and never lost. A frame goes
//! back to the others only after every core has forgotten that it was here.

use core::sync::atomic::Ordering;

use skete_cell::atomic::AtomicU64;

use super::{Access, Entry, PAGE};
use crate::mutant::{self, Mutant};

/// Physical pages, and the cores' memory of where they are mapped.
pub trait Frames {
    /// Takes one; its content is what was left there.
    fn take(&self) -> Option<u64>;

    /// Gives back the one at `frame`.
    fn give(&self, frame: u64);

    /// Zeroes the one at `frame`, which is the caller's.
    fn zero(&self, frame: u64);

    /// Makes the new entry of a page that had none seen by every core.
    fn publish(&self);

    /// Returns when no core has a translation of the page at `address` left that is not in the tables.
    fn forget(&self, address: u64);
}

/// Answers the first touch of the page of `slot`: true if it is mapped now, by whomever.
pub fn touch(slot: &AtomicU64, frames: &impl Frames) -> bool {
    let mut found = load(slot);
    if !found.is_lazy() {
        return found.is_valid();
    }
    let Some(frame) = frames.take() else { return load(slot).is_valid() };
    let mut is_zero = false;
    while found.is_lazy() {
        if found.is_zeroed() && !is_zero {
            frames.zero(frame);
            is_zero = true;
        }
        if mutant::is(Mutant::TouchStores) {
            slot.store(found.filled(frame).0, Ordering::Release);
            return true;
        }
        match exchange(slot, found, found.filled(frame)) {
            Ok(()) => {
                frames.publish();
                return true;
            }
            // Another core was faster, or the page is to be used in another way now: then the same frame serves.
            Err(other) => found = other,
        }
        if mutant::is(Mutant::TouchGivesUp) {
            break;
        }
    }
    if !mutant::is(Mutant::TouchKeepsTheFrame) {
        frames.give(frame);
    }
    found.is_valid()
}

/// Changes what may be done with the page at `address`, whose entry is in `slot`; `access` is `None`: nothing. The entry that it has now;
/// `None`: the page is not reserved, or not the program's.
pub fn protect(slot: &AtomicU64, address: u64, access: Option<Access>, frames: &impl Frames) -> Option<Entry> {
    let mut old = load(slot);
    loop {
        if old == Entry::NONE || old.is_guard() || old.is_lent() {
            return None;
        }
        let new = match access {
            None => old.denied(),
            Some(access) if old.is_denied() => old.allowed(access),
            Some(access) => old.with_access(access),
        };
        match exchange(slot, old, new) {
            Ok(()) => {
                if old.is_valid() {
                    frames.forget(address);
                }
                return Some(new);
            }
            // A first touch came between, or another who protects.
            Err(other) => old = other,
        }
    }
}

/// What [`replace`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Replaced {
    /// Nothing was mapped or promised; nothing is.
    Nothing,
    /// A lent page, which stays.
    Lent,
    /// A page, which is the caller's to have taken away: nobody else was told so.
    Page,
}

/// Puts `with` in the place of what is mapped or promised at `address`, whose entry is in `slot`, and gives its frame back.
pub fn replace(slot: &AtomicU64, address: u64, with: Entry, frames: &impl Frames) -> Replaced {
    let mut old = load(slot);
    loop {
        if old == Entry::NONE {
            return Replaced::Nothing;
        }
        if old.is_lent() {
            return Replaced::Lent;
        }
        if mutant::is(Mutant::ReplacedInTwoSteps) {
            slot.store(with.0, Ordering::Release);
            break;
        }
        match exchange(slot, old, with) {
            Ok(()) => break,
            Err(other) => old = other,
        }
    }
    let frame = old.address();
    if frame != 0 {
        if mutant::is(Mutant::FrameGivenBeforeForgotten) {
            frames.give(frame);
            frames.forget(address);
            return Replaced::Page;
        }
        // Where access is denied too: who denied it may not have forgotten it yet.
        if old.is_valid() || !mutant::is(Mutant::DeniedNotForgotten) {
            frames.forget(address);
        }
        frames.give(frame);
    }
    Replaced::Page
}

/// Replaces the entries of `slots`, which are those of the pages from `address` on: how many pages that were, and whether a lent one stays.
pub fn replace_all(slots: &[AtomicU64], address: u64, with: Entry, frames: &impl Frames) -> (usize, bool) {
    let (mut pages, mut is_lent) = (0, false);
    for (slot, page) in slots.iter().zip(0..) {
        match replace(slot, address + page * PAGE, with, frames) {
            Replaced::Nothing => {}
            Replaced::Lent => is_lent = true,
            Replaced::Page => pages += 1,
        }
    }
    (pages, is_lent)
}

fn load(slot: &AtomicU64) -> Entry {
    // Acquire pairs with the Release in `exchange`: whoever sees a frame sees it zeroed.
    Entry(slot.load(Ordering::Acquire))
}

fn exchange(slot: &AtomicU64, old: Entry, new: Entry) -> Result<(), Entry> {
    slot.compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Acquire).map(drop).map_err(Entry)
}
