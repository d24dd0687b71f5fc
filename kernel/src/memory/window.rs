//! Addresses above all RAM: stacks, `mmap`, attachments of shared memory.
//!
//! Given out in units of 64 KiB, by the book of [`skete_logic::pages::units`]. Nothing is mapped here until it is touched.

use core::ops::Range;
use core::sync::atomic::Ordering;

pub use skete_logic::pages::units::UNIT;
use skete_logic::pages::units::{PAGES, Unit, Units};
use skete_logic::pages::{Access, BLOCK, Entry, PAGE, touch};

use super::map::{self, Physical};
use crate::arch::{cpu, mmu};
use crate::lock::Spin;

/// Where the window begins: 128 GiB, above what TTBR0 maps one to one.
const START: u64 = 128 << 30;

/// 64 GiB of units.
type Book = Units<16384, 256>;

static WINDOW: Spin<Book> = Spin::new(Book::new());

fn units(bytes: u64) -> usize {
    usize::try_from(bytes.div_ceil(UNIT)).unwrap_or(usize::MAX)
}

/// Takes `bytes` of addresses, rounded up to whole units. Nothing is mapped there.
pub fn take(bytes: u64) -> Option<Range<u64>> {
    let count = units(bytes);
    let first = WINDOW.lock().take(count)?;
    let start = START + first as u64 * UNIT;
    Some(start..start + count as u64 * UNIT)
}

/// All addresses of the window.
pub const fn whole() -> Range<u64> {
    START..START + Book::LENGTH as u64 * UNIT
}

/// Takes the units of `range`, which are the window's, all or none: false if one is taken already. Nothing is mapped there.
pub fn claim(range: Range<u64>) -> bool {
    WINDOW.lock().claim(units(range.start - START)..units(range.end - START))
}

/// Gives back whole units, with nothing mapped in them any more.
pub fn give(range: Range<u64>) {
    if !contains(&range) {
        return;
    }
    let first = units(range.start - START);
    WINDOW.lock().give(first..first + units(range.end - range.start));
}

/// Whether `range` lies in the part of the window that is in use.
pub fn contains(range: &Range<u64>) -> bool {
    let end = START + WINDOW.lock().end() as u64 * UNIT;
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
    range.step_by(PAGE as usize).all(|address| {
        let Some(new) = map::known_slot(address).and_then(|slot| touch::protect(slot, address, access, &Physical)) else { return false };
        if access == Some(Access::Code) {
            if new.is_valid() {
                cpu::clean_to_memory(new.address() as usize, PAGE as usize);
            }
            mmu::forget_instructions();
        }
        true
    })
}

/// Unmaps `range`, and gives its addresses back where whole units are empty now. What is lent there stays: then false.
pub fn unmap(range: Range<u64>) -> bool {
    let mut is_all = true;
    for start in (range.start / UNIT * UNIT..range.end).step_by(UNIT as usize) {
        let Some(slots) = map::known_slots(start).and_then(|slots| slots.get(..PAGES)) else { continue };
        let page = |address: u64| ((address.clamp(start, start + UNIT) - start) / PAGE) as usize;
        let unit = Unit { number: units(start - START), start, slots };
        is_all &= unit.unmap(page(range.start)..page(range.end), || WINDOW.lock(), &Physical);
    }
    is_all
}

/// Unmaps `range` and gives its frames back. Whoever touches it afterwards faults.
pub fn clear(range: Range<u64>) {
    replace(range, Entry::NONE);
}

/// Takes the frames from the pages of `range`, which get new ones at their next touch.
pub fn discard(range: Range<u64>, access: Access) {
    replace(range, Entry::lazy(access, false));
}

/// Replaces every entry that promises or maps a page.
fn replace(range: Range<u64>, with: Entry) {
    let mut address = range.start;
    while address < range.end {
        let end = range.end.min((address / BLOCK + 1) * BLOCK);
        if let Some(slots) = map::known_slots(address) {
            let count = slots.len().min(((end - address) / PAGE) as usize);
            let (_, is_lent) = touch::replace_all(&slots[..count], address, with, &Physical);
            debug_assert!(!is_lent, "nothing is lent to a stack");
        }
        address = end;
    }
}
