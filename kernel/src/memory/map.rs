//! The translation tables.
//!
//! RAM lies at its own addresses; page 0 is unmapped; the image is mapped by segment, each page either writable or executable; devices in
//! blocks of 2 MiB, never executable. Above all RAM begins the window. Entries change by compare-and-swap (see
//! [`skete_logic::pages::touch`]): there is no lock, and an entry that is invalid says what was promised.
#![allow(unsafe_code, reason = "tables are physical memory")]

use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use skete_logic::pages::touch::{self, Frames};
use skete_logic::pages::{Access, BLOCK, Entry, GIB, PAGE};

use super::frames;
use crate::arch::{cpu, mmu};

/// A table of 512 entries.
#[repr(C, align(4096))]
pub struct Table([AtomicU64; 512]);

/// The level-1 table. The next levels come from the frame allocator.
static ROOT: Table = Table([const { AtomicU64::new(0) }; 512]);

fn index(address: u64, span: u64) -> usize {
    (address / span % 512) as usize
}

impl Table {
    fn at(physical: u64) -> &'static Self {
        // SAFETY: a table's frame is never given back, RAM is mapped at its own address, and entries are atomic.
        unsafe { &*(physical as *const Self) }
    }

    fn entry(&self, index: usize) -> Entry {
        // Acquire pairs with the Release in `next`: whoever sees a table sees its entries.
        Entry(self.0[index].load(Ordering::Acquire))
    }

    /// The table below entry `index`, made if there is none. `None`: no frame, or a block lies there.
    fn next(&self, index: usize) -> Option<&'static Self> {
        let entry = self.entry(index);
        if entry.is_table() {
            return Some(Self::at(entry.address()));
        }
        if entry != Entry::NONE {
            return None;
        }
        let frame = frames::take()?;
        zero(frame);
        match self.0[index].compare_exchange(0, Entry::table(frame).0, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                mmu::publish_entry();
                Some(Self::at(frame))
            }
            Err(other) => {
                frames::give(frame);
                Entry(other).is_table().then(|| Self::at(Entry(other).address()))
            }
        }
    }
}

/// Zeroes the frame at `physical`.
pub fn zero(physical: u64) {
    // SAFETY: the frame is the caller's, mapped at its own address.
    unsafe { cpu::zero_page(physical as usize) };
}

/// The first word of the frame at `physical`, which is the caller's.
pub fn first_word(physical: u64) -> &'static AtomicU32 {
    // SAFETY: the frame is the caller's, mapped at its own address; frames are never unmapped there.
    unsafe { &*(physical as *const AtomicU32) }
}

/// The level-3 entries of `address` and the pages behind it, as far as one table reaches; tables made as needed. `None`: no frame for a
/// table, or a block lies there.
pub fn slots(address: u64) -> Option<&'static [AtomicU64]> {
    let middle = ROOT.next(index(address, GIB))?;
    let last = middle.next(index(address, BLOCK))?;
    last.0.get(index(address, PAGE)..)
}

/// The level-3 entry of `address`, as [`slots`].
pub fn slot(address: u64) -> Option<&'static AtomicU64> {
    slots(address)?.first()
}

/// The entry that decides about `address`, whatever its level.
pub fn find(address: u64) -> Entry {
    if address >= 512 * GIB {
        return Entry::NONE;
    }
    let first = ROOT.entry(index(address, GIB));
    if !first.is_table() {
        return first;
    }
    let second = Table::at(first.address()).entry(index(address, BLOCK));
    if !second.is_table() {
        return second;
    }
    Table::at(second.address()).entry(index(address, PAGE))
}

/// Maps `range` at its own address with the largest entries that fit. Entries there already stay. False: no frame for a table.
pub fn map_same(range: Range<u64>, access: Access) -> bool {
    let mut address = range.start / PAGE * PAGE;
    let end = range.end.next_multiple_of(PAGE);
    while address < end {
        let left = end - address;
        let step = if address.is_multiple_of(GIB) && left >= GIB && ROOT.entry(index(address, GIB)) == Entry::NONE {
            ROOT.0[index(address, GIB)].store(Entry::block(address, access).0, Ordering::Release);
            GIB
        } else if ROOT.entry(index(address, GIB)).is_valid() && !ROOT.entry(index(address, GIB)).is_table() {
            GIB - address % GIB
        } else {
            let Some(middle) = ROOT.next(index(address, GIB)) else { return false };
            let entry = middle.entry(index(address, BLOCK));
            if entry == Entry::NONE && address.is_multiple_of(BLOCK) && left >= BLOCK {
                middle.0[index(address, BLOCK)].store(Entry::block(address, access).0, Ordering::Release);
                BLOCK
            } else if entry.is_valid() && !entry.is_table() {
                BLOCK - address % BLOCK
            } else {
                let Some(slot) = slot(address) else { return false };
                if slot.load(Ordering::Relaxed) == 0 {
                    slot.store(Entry::page(address, access).0, Ordering::Release);
                }
                PAGE
            }
        };
        address += step;
    }
    mmu::publish_entry();
    true
}

/// Forbids the pages of `range`, mapped page by page, for good: guards.
pub fn guard(range: Range<u64>) {
    let mut address = range.start;
    while address < range.end {
        if let Some(slot) = slot(address) {
            slot.store(Entry::GUARD.0, Ordering::Release);
            mmu::forget(address);
        }
        address += PAGE;
    }
}

/// The physical address of the root, for the other cores.
pub fn root() -> u64 {
    (&raw const ROOT) as u64
}

/// Uses these tables on this core.
pub fn activate() {
    // SAFETY: boot has mapped the image, RAM and the devices.
    unsafe { mmu::switch_tables(root()) };
}

/// Where a virtual address lies in memory now, if it is mapped. A core asks its own walker.
pub fn physical(address: u64) -> Option<u64> {
    let entry = find(address);
    if !entry.is_valid() {
        return None;
    }
    let first = ROOT.entry(index(address, GIB));
    let span = if !first.is_table() {
        GIB
    } else if !Table::at(first.address()).entry(index(address, BLOCK)).is_table() {
        BLOCK
    } else {
        PAGE
    };
    Some(entry.address() + address % span)
}

/// The level-3 entries of `address` and the pages behind it, as far as one table reaches, if there is a table.
pub fn known_slots(address: u64) -> Option<&'static [AtomicU64]> {
    if address >= 512 * GIB {
        return None;
    }
    let first = ROOT.entry(index(address, GIB));
    let second = first.is_table().then(|| Table::at(first.address()).entry(index(address, BLOCK)))?;
    let last = second.is_table().then(|| Table::at(second.address()))?;
    last.0.get(index(address, PAGE)..)
}

/// The level-3 entry of `address`, as [`known_slots`].
pub fn known_slot(address: u64) -> Option<&'static AtomicU64> {
    known_slots(address)?.first()
}

/// Answers the first touch of a page: true if it is mapped now.
pub fn touch(address: u64) -> bool {
    match known_slot(address) {
        Some(slot) => touch::touch(slot, &Physical),
        None => find(address).is_valid(),
    }
}

/// The frames, and what the cores know of them.
pub struct Physical;

impl Frames for Physical {
    fn take(&self) -> Option<u64> {
        frames::take()
    }

    fn give(&self, frame: u64) {
        frames::give(frame);
    }

    fn zero(&self, frame: u64) {
        zero(frame);
    }

    fn publish(&self) {
        mmu::publish_entry();
    }

    fn forget(&self, address: u64) {
        mmu::forget(address);
    }
}

/// Cleans the tables' root pointer's target to memory: the other cores' first walk is cached, but boards differ in what they keep.
pub fn clean_root() {
    cpu::clean_to_memory(root() as usize, size_of::<Table>());
}

/// Unmaps page 0, for good.
pub fn unmap_first_page() {
    if let Some(slot) = slot(0) {
        slot.store(0, Ordering::Release);
        mmu::forget(0);
    }
}
