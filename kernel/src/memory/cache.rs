//! Small blocks at hand: per core and size class, a list of freed blocks in front of talc.
//!
//! A core's lists are touched with IRQs masked, so they need no lock; empty and full lists trade with talc a batch at a time, under its
//! lock. A block freed on another core than it was allocated on joins that core's list and comes back through talc. They lie in the
//! core's own block, at [`AT`], where one instruction finds them.
#![allow(unsafe_code, reason = "free blocks hold the list's links")]

use core::alloc::Layout;
use core::arch::asm;
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};

use crate::arch::cpu;

/// Sizes are rounded up to a multiple of this, which is also the strictest alignment served.
pub const STEP: usize = 16;
/// The largest size served, in bytes.
pub const MOST_BYTES: usize = 512;
const CLASSES: usize = MOST_BYTES / STEP;
/// A list holds at most this many bytes, but eight blocks always.
const LIST_BYTES: usize = 4096;
/// How many blocks are traded at once.
const BATCH: usize = 8;

/// A free block: the next one, in its first word.
struct Block {
    next: *mut Block,
}

/// Free blocks of one class, and how many more may join them.
#[derive(Clone, Copy)]
#[repr(C)]
struct List {
    first: *mut Block,
    room: usize,
}

impl List {
    /// Both of its words, by one instruction: the compiler would load the second when it needs it.
    #[inline(always)]
    fn parts(&self) -> (*mut Block, usize) {
        let (first, room);
        // SAFETY: loads two words that are there.
        unsafe {
            asm!(
                "ldp {first}, {room}, [{list}, #{at}]",
                list = in(reg) core::ptr::from_ref(self).addr() - AT,
                at = const AT,
                first = out(reg) first,
                room = out(reg) room,
                options(readonly, nostack, preserves_flags),
            );
        };
        (first, room)
    }
}

/// A core's free blocks.
#[repr(align(64))]
pub struct Lists(UnsafeCell<[List; CLASSES]>);

// SAFETY: each core touches its own, with IRQs masked.
unsafe impl Sync for Lists {}

const _: () = assert!(size_of::<List>() == STEP, "assembly finds a list by its blocks' size");

/// Where in the block of a core, to which TPIDR_EL1 points, its lists are.
pub const AT: usize = 256;

impl Lists {
    /// Empty ones.
    pub const fn new() -> Self {
        let mut lists = [List { first: null_mut(), room: 0 }; CLASSES];
        let mut class = 0;
        while class < CLASSES {
            lists[class].room = most(class);
            class += 1;
        }
        Self(UnsafeCell::new(lists))
    }
}

/// The class that serves `layout`, if one does.
#[inline(always)]
pub fn class_of(layout: Layout) -> Option<usize> {
    (layout.size() <= MOST_BYTES && layout.align() <= STEP).then(|| layout.size().wrapping_sub(1) / STEP % CLASSES)
}

/// The layout of the blocks of a class.
#[inline(always)]
pub fn layout_of(class: usize) -> Layout {
    // SAFETY: the alignment is a power of two, the size is small and not zero.
    unsafe { Layout::from_size_align_unchecked((class + 1) * STEP, STEP) }
}

/// How many blocks a list of `class` holds at most.
const fn most(class: usize) -> usize {
    let fitting = LIST_BYTES / ((class + 1) * STEP);
    if fitting < 8 { 8 } else { fitting }
}

/// This core's list of `class`. IRQs are masked, and stay so while it is used.
#[inline(always)]
fn list(class: usize) -> &'static mut List {
    let lists = (cpu::core_block() + AT) as *const Lists;
    // SAFETY: a core's block is there from its first instruction on, and has its lists there (`sched::core`). IRQs are masked: nobody else
    // is on this core, and no other core looks here.
    let lists = unsafe { &mut *(*lists).0.get() };
    &mut lists[class % CLASSES]
}

/// A block of `class`; `more` fetches one from talc, offered up to a batch of further ones to keep.
#[inline]
pub fn take(class: usize, more: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
    let before = cpu::mask();
    let list = list(class);
    let (first, room) = list.parts();
    if first.is_null() {
        cpu::unmask(before);
        return more(class);
    }
    // SAFETY: a block in a list holds its link.
    let next = unsafe { (*first).next };
    *list = List { first: next, room: room + 1 };
    cpu::unmask(before);
    first.cast()
}

/// Keeps `block` of `class`; `less` gives blocks back to talc when the list is full.
#[inline]
pub fn put(class: usize, block: *mut u8, less: impl Fn(usize)) {
    loop {
        let before = cpu::mask();
        let is_kept = push(list(class), block);
        cpu::unmask(before);
        if is_kept {
            return;
        }
        less(class);
    }
}

/// Whether there was room for the block.
#[inline(always)]
fn push(list: &mut List, block: *mut u8) -> bool {
    let (first, room) = list.parts();
    let Some(room) = room.checked_sub(1) else { return false };
    let block: *mut Block = block.cast();
    // SAFETY: the block is free, at least a word long and aligned to 16.
    unsafe { (*block).next = first };
    *list = List { first: block, room };
    true
}

/// Puts blocks that `fetch` yields into this core's list of `class`, which was found empty: a batch at most, and no more than there is room
/// for. `fetch` holds talc's lock: IRQs are masked.
#[cold]
pub fn fill(class: usize, mut fetch: impl FnMut() -> Option<NonNull<u8>>) {
    let list = list(class);
    for _ in 0..BATCH.min(list.parts().1) {
        let Some(block) = fetch() else { return };
        push(list, block.as_ptr());
    }
}

/// Hands half of this core's list of `class` to `give`, which holds talc's lock: IRQs are masked.
#[cold]
pub fn drain(class: usize, mut give: impl FnMut(*mut u8)) {
    let list = list(class);
    loop {
        let (first, room) = list.parts();
        if room >= most(class) / 2 || first.is_null() {
            return;
        }
        // SAFETY: a block in a list holds its link.
        *list = List { first: unsafe { (*first).next }, room: room + 1 };
        give(first.cast());
    }
}
