//! Addresses above all RAM: stacks, `mmap`, attachments of shared memory.
//!
//! Given out in units of 64 KiB, new ones first; given back units are found again by a bitmap once all were used. Nothing is mapped
//! here until it is touched.

use core::ops::Range;
use core::sync::atomic::Ordering;

use skete_logic::bitmap::Bitmap;
use skete_logic::pages::{Access, Entry, PAGE};

use super::{frames, map};
use crate::arch::{cpu, mmu};
use crate::lock::Spin;

/// Where the window begins: 128 GiB, above what TTBR0 maps one to one.
const START: u64 = 128 << 30;
/// Bytes of a unit.
pub const UNIT: u64 = 64 << 10;

/// 64 GiB of units.
type Bits = Bitmap<16384, 256>;

struct Window {
    /// The first unit that was never used.
    fresh: usize,
    /// Units given back.
    free: Bits,
}

static WINDOW: Spin<Window> = Spin::new(Window { fresh: 0, free: Bits::new() });

fn units(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX)
}

/// Takes `bytes` of addresses, rounded up to whole units. Nothing is mapped there.
pub fn take(bytes: u64) -> Option<Range<u64>> {
    let count = units(bytes);
    if count == 0 || count > Bits::LENGTH {
        return None;
    }
    let mut window = WINDOW.lock();
    let first = if window.fresh + count <= Bits::LENGTH {
        window.fresh += count;
        window.fresh - count
    } else {
        window.free.take_row(count)?
    };
    let start = START + first as u64 * UNIT;
    Some(start..start + count as u64 * UNIT)
}

/// All addresses of the window.
pub const fn whole() -> Range<u64> {
    START..START + Bits::LENGTH as u64 * UNIT
}

/// Takes the units of `range`, which are the window's, all or none: false if one is taken already. Nothing is mapped there.
pub fn claim(range: Range<u64>) -> bool {
    let first = units(range.start - START);
    let end = units(range.end - START);
    let mut window = WINDOW.lock();
    let fresh = window.fresh;
    if first < fresh && !window.free.take_range(first..end.min(fresh)) {
        return false;
    }
    if end > fresh {
        window.free.insert(fresh..first.max(fresh));
        window.fresh = end;
    }
    true
}

/// Gives back whole units, with nothing mapped in them any more.
pub fn give(range: Range<u64>) {
    if !contains(&range) {
        return;
    }
    let first = units(range.start - START);
    let mut window = WINDOW.lock();
    window.free.insert(first..first + units(range.end - range.start));
}

/// Whether `range` lies in the part of the window that is in use.
pub fn contains(range: &Range<u64>) -> bool {
    let end = START + WINDOW.lock().fresh as u64 * UNIT;
    range.start >= START && range.end <= end && range.start < range.end
}

/// Promises frames for the pages of `range` at their first touch. False: no frame for a table; what was promised is taken back.
pub fn reserve(range: Range<u64>, access: Access, zeroed: bool) -> bool {
    let mut address = range.start;
    while address < range.end {
        let Some(slots) = map::slots(address) else {
            clear(range.start..address);
            return false;
        };
        let pages = (range.end - address).div_ceil(PAGE) as usize;
        let slots = &slots[..slots.len().min(pages)];
        slots.iter().for_each(|slot| slot.store(Entry::lazy(access, zeroed).0, Ordering::Release));
        address += slots.len() as u64 * PAGE;
    }
    true
}

/// Reserves the pages of `range` with every access denied. False: no frame for a table.
pub fn deny(range: Range<u64>) -> bool {
    reserve(range.clone(), Access::Data, true) && protect(range, None)
}

/// Changes what may be done with the reserved pages of `range`; `None`: nothing. False: some page is not reserved; those before it
/// have changed.
pub fn protect(range: Range<u64>, access: Option<Access>) -> bool {
    let mut address = range.start;
    while address < range.end {
        let old = map::find(address);
        if old == Entry::NONE || old.is_guard() || old.is_lent() {
            return false;
        }
        let new = match access {
            None => old.denied(),
            Some(access) if old.is_denied() => old.allowed(access),
            Some(access) => old.with_access(access),
        };
        let Some(slot) = map::slot(address) else { return false };
        if slot.compare_exchange(old.0, new.0, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            // A first touch came between: once more.
            continue;
        }
        if old.is_valid() {
            mmu::forget(address);
        }
        if access == Some(Access::Code) {
            if new.is_valid() {
                cpu::clean_to_memory(new.address() as usize, PAGE as usize);
            }
            mmu::forget_instructions();
        }
        address += PAGE;
    }
    true
}

/// Unmaps `range`, and gives its addresses back where whole units are empty now. What is lent there stays: then false.
pub fn unmap(range: Range<u64>) -> bool {
    let is_all = replace(range.clone(), Entry::NONE);
    let mut unit = START + (range.start - START) / UNIT * UNIT;
    while unit < range.end {
        let is_empty = (unit..unit + UNIT).step_by(PAGE as usize).all(|page| map::find(page) == Entry::NONE);
        if is_empty {
            give(unit..unit + UNIT);
        }
        unit += UNIT;
    }
    is_all
}

/// Unmaps `range` and gives its frames back. Whoever touches it afterwards faults.
pub fn clear(range: Range<u64>) {
    let is_all = replace(range, Entry::NONE);
    debug_assert!(is_all, "nothing is lent to a stack");
}

/// Takes the frames from the pages of `range`, which get new ones at their next touch.
pub fn discard(range: Range<u64>, access: Access) {
    let is_all = replace(range, Entry::lazy(access, false));
    debug_assert!(is_all, "nothing is lent to a stack");
}

/// Replaces every entry but those of lent pages, which are never in a unit with others: false if there is one.
fn replace(range: Range<u64>, with: Entry) -> bool {
    let mut address = range.start;
    let mut is_all = true;
    while address < range.end {
        let found = map::find(address);
        if found.is_lent() {
            is_all = false;
        } else if found != Entry::NONE
            && let Some(slot) = map::slot(address)
        {
            let old = Entry(slot.swap(with.0, Ordering::AcqRel));
            if old.is_valid() {
                mmu::forget(address);
            }
            if old.address() != 0 {
                frames::give(old.address());
            }
        }
        address += PAGE;
    }
    is_all
}
