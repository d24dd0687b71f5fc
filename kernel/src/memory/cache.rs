//! Small blocks at hand: per core and size class, a list of freed blocks in front of talc.
//!
//! A core's lists are touched with IRQs masked, so they need no lock; empty and full lists trade with talc a batch at a time, under its
//! lock. A block freed on another core than it was allocated on joins that core's list and comes back through talc.
#![allow(unsafe_code, reason = "free blocks hold the list's links")]

use core::alloc::Layout;
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut};

use crate::arch::cpu;

/// Sizes are rounded up to a multiple of this, which is also the strictest alignment served.
const STEP: usize = 16;
/// The largest size served, in bytes.
const MOST_BYTES: usize = 512;
const CLASSES: usize = MOST_BYTES / STEP;
/// A list holds at most this many bytes, but eight blocks always.
const LIST_BYTES: usize = 4096;
/// How many blocks are traded at once.
const BATCH: u32 = 8;

/// A free block: the next one, in its first word.
struct Block {
    next: *mut Block,
}

#[derive(Clone, Copy)]
struct List {
    first: *mut Block,
    length: u32,
}

#[repr(align(64))]
struct Lists(UnsafeCell<[List; CLASSES]>);

// SAFETY: each core touches its own, with IRQs masked.
unsafe impl Sync for Lists {}

static LISTS: [Lists; cpu::CORES] = [const { Lists(UnsafeCell::new([List { first: null_mut(), length: 0 }; CLASSES])) }; cpu::CORES];

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

const fn most(class: usize) -> u32 {
    let fitting = LIST_BYTES / ((class + 1) * STEP);
    #[allow(clippy::cast_possible_truncation, reason = "at most 256")]
    if fitting < 8 { 8 } else { fitting as u32 }
}

/// This core's list of `class`. IRQs are masked, and stay so while it is used.
#[inline(always)]
fn list(class: usize) -> &'static mut List {
    // SAFETY: IRQs are masked: nobody else is on this core, and no other core looks here.
    let lists = unsafe { &mut *LISTS[cpu::number()].0.get() };
    &mut lists[class % CLASSES]
}

/// A block of `class`; `more` fetches one from talc, offered up to a batch of further ones to keep.
#[inline]
pub fn take(class: usize, more: impl FnOnce(usize) -> *mut u8) -> *mut u8 {
    let before = cpu::mask();
    let list = list(class);
    let block = list.first;
    if block.is_null() {
        cpu::unmask(before);
        return more(class);
    }
    // SAFETY: a block in a list holds its link.
    list.first = unsafe { (*block).next };
    list.length -= 1;
    cpu::unmask(before);
    block.cast()
}

/// Keeps `block` of `class`; `less` gives blocks back to talc while the list is too long.
#[inline]
pub fn put(class: usize, block: *mut u8, less: impl FnOnce(usize)) {
    let before = cpu::mask();
    let list = list(class);
    push(list, block);
    let is_long = list.length > most(class);
    cpu::unmask(before);
    if is_long {
        less(class);
    }
}

#[inline(always)]
fn push(list: &mut List, block: *mut u8) {
    let block: *mut Block = block.cast();
    // SAFETY: the block is free, at least a word long and aligned to 16.
    unsafe { (*block).next = list.first };
    list.first = block;
    list.length += 1;
}

/// Puts blocks that `fetch` yields into this core's list of `class`, a batch at most. `fetch` holds talc's lock: IRQs are masked.
#[cold]
pub fn fill(class: usize, mut fetch: impl FnMut() -> Option<NonNull<u8>>) {
    let list = list(class);
    for block in (0..BATCH).map_while(|_| fetch()) {
        push(list, block.as_ptr());
    }
}

/// Hands half of this core's list of `class` to `give`, which holds talc's lock: IRQs are masked.
#[cold]
pub fn drain(class: usize, mut give: impl FnMut(*mut u8)) {
    let list = list(class);
    let keep = most(class) / 2;
    while list.length > keep && !list.first.is_null() {
        let block = list.first;
        // SAFETY: a block in a list holds its link.
        list.first = unsafe { (*block).next };
        list.length -= 1;
        give(block.cast());
    }
}
