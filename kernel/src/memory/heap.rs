//! The heap: talc, fed with rows of frames as it grows.
//!
//! One heap serves the application (`sys_malloc`) and the kernel's own collections ([`Heap`]). Its lock masks IRQs, so it may be used with
//! any lock above it held. In dev builds each allocation carries a seal behind its last byte, broken by `free`: writing past
//! the end, and freeing twice, are caught at the free.
#![allow(unsafe_code, reason = "an allocator")]

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};

use allocator_api2::alloc::{AllocError, Allocator};
use skete_logic::pages::PAGE;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use super::{cache, frames};
use crate::lock::Spin;

/// The heap asks for at least this much at a time.
const LEAST_ROW: usize = 64 << 10;
/// And for no more than this unless one allocation needs it.
const MOST_ROW: usize = 4 << 20;

/// Rows of frames, the last one extended where the next follows it.
#[derive(Debug)]
struct Rows {
    /// The end of the heap claimed last, and where talc says it ends.
    last: Option<(u64, NonNull<u8>)>,
    total: usize,
}

// SAFETY: `last` points into memory that the heap owns.
unsafe impl Send for Rows {}

// SAFETY: `acquire` hands talc frames that nobody else owns, and never allocates from it.
unsafe impl Source for Rows {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let page = PAGE as usize;
        let need = layout.size().checked_add(layout.align()).and_then(|n| n.checked_add(page)).ok_or(())?;
        let wish = need.max((talc.source.total / 8).clamp(LEAST_ROW, MOST_ROW)).next_multiple_of(page);
        let least = need.next_multiple_of(page);
        let (start, bytes) =
            [wish, least].into_iter().find_map(|bytes| frames::take_row(bytes / page).map(|start| (start, bytes))).ok_or(())?;
        let end = start + bytes as u64;
        let heap_end = match talc.source.last {
            // SAFETY: the new row begins where the last one ended, and is ours.
            Some((last, heap_end)) if last == start => unsafe { talc.extend(heap_end, end as *mut u8) },
            // SAFETY: the row is ours, mapped at its own address.
            _ => unsafe { talc.claim(start as *mut u8, bytes) }.ok_or(())?,
        };
        talc.source.last = Some((end, heap_end));
        talc.source.total += bytes;
        Ok(())
    }
}

static TALC: Spin<Talc<Rows, talc::DefaultBinning>> = Spin::new(Talc::new(Rows { last: None, total: 0 }));

/// Bytes behind an allocation that hold its seal.
const SEAL: usize = if cfg!(debug_assertions) { 8 } else { 0 };
const WHOLE: u64 = 0x5eed_ab1e_5eed_ab1e;
const BROKEN: u64 = 0xdead_f5ee_dead_f5ee;

fn seal_of(end: *mut u8) -> u64 {
    WHOLE ^ end as u64
}

fn padded(layout: Layout) -> Option<Layout> {
    if SEAL == 0 { Some(layout) } else { Layout::from_size_align(layout.size().checked_add(SEAL)?, layout.align()).ok() }
}

/// Allocates `layout`; null if there is no memory. The size is not zero.
#[inline]
pub fn allocate(layout: Layout) -> *mut u8 {
    if SEAL != 0 {
        return allocate_sealed(layout);
    }
    match cache::class_of(layout) {
        Some(class) => cache::take(class, fetch),
        None => allocate_from_talc(layout),
    }
}

/// The largest blocks that a core keeps lists of, in bytes; the list of blocks of `SMALL_STEP * n` bytes stands `SMALL_STEP * (n - 1)` behind
/// [`LISTS_AT`] in the block of the core, where TPIDR_EL1 points: the first free block, in whose first word is the next one, and how many
/// more there is room for. Assembly that keeps IRQs masked may take a block there, or put one while there is room. In dev builds there are none.
pub const SMALL: usize = cache::MOST_BYTES;
/// How far their sizes are apart, and what each is aligned to.
pub const SMALL_STEP: usize = cache::STEP;
/// See [`SMALL`].
pub const LISTS_AT: usize = cache::AT;
/// Whether blocks are sealed, and none is kept in lists.
pub const IS_SEALED: bool = SEAL != 0;

#[inline(never)]
fn allocate_from_talc(layout: Layout) -> *mut u8 {
    // SAFETY: the size is not zero: the callers see to it.
    unsafe { TALC.lock().allocate(layout) }.map_or(core::ptr::null_mut(), NonNull::as_ptr)
}

fn allocate_sealed(layout: Layout) -> *mut u8 {
    let Some(padded) = padded(layout) else { return core::ptr::null_mut() };
    let block = allocate_from_talc(padded);
    if !block.is_null() {
        let end = block.wrapping_add(layout.size());
        // SAFETY: `padded` made room for it.
        unsafe { end.cast::<u64>().write_unaligned(seal_of(end)) };
    }
    block
}

/// A block of `class` from talc, and a batch more for this core's list.
#[cold]
fn fetch(class: usize) -> *mut u8 {
    let layout = cache::layout_of(class);
    let mut talc = TALC.lock();
    // SAFETY: the size is not zero.
    let block = unsafe { talc.allocate(layout) };
    if block.is_some() {
        // SAFETY: as above.
        cache::fill(class, || unsafe { talc.try_allocate(layout) });
    }
    block.map_or(core::ptr::null_mut(), NonNull::as_ptr)
}

/// Gives half of this core's list of `class` back to talc.
#[cold]
fn give_back(class: usize) {
    let layout = cache::layout_of(class);
    let mut talc = TALC.lock();
    // SAFETY: blocks of this class were allocated with this layout.
    cache::drain(class, |block| unsafe { talc.deallocate(block, layout) });
}

/// Frees what [`allocate`] gave.
///
/// # Safety
/// `block` came from [`allocate`] or [`reallocate`] with this `layout`, and is not used again.
#[inline]
pub unsafe fn free(block: *mut u8, layout: Layout) {
    if SEAL == 0
        && let Some(class) = cache::class_of(layout)
    {
        return cache::put(class, block, give_back);
    }
    // SAFETY: the caller's promise.
    unsafe { free_to_talc(block, layout) };
}

#[inline(never)]
unsafe fn free_to_talc(block: *mut u8, layout: Layout) {
    let Some(padded) = padded(layout) else { return };
    if SEAL != 0 {
        break_seal(block, layout);
    }
    // SAFETY: the caller's promise.
    unsafe { TALC.lock().deallocate(block, padded) };
}

#[cold]
fn break_seal(block: *mut u8, layout: Layout) {
    let end = block.wrapping_add(layout.size());
    // SAFETY: an allocation has its seal there.
    let found = unsafe { end.cast::<u64>().read_unaligned() };
    if found == BROKEN ^ end as u64 {
        crate::panic::stop(format_args!("heap: {block:p} of {} bytes is freed twice", layout.size()));
    }
    if found != seal_of(end) {
        crate::panic::stop(format_args!("heap: something wrote past the end of {block:p} of {} bytes", layout.size()));
    }
    // SAFETY: as above.
    unsafe { end.cast::<u64>().write_unaligned(BROKEN ^ end as u64) };
}

/// Grows or shrinks `block`, moving it if it must; null, and nothing changed, if there is no memory.
///
/// # Safety
/// As for [`free`]; `bytes` is not zero.
pub unsafe fn reallocate(block: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
    let Ok(new) = Layout::from_size_align(bytes, layout.align()) else { return core::ptr::null_mut() };
    if SEAL == 0 {
        match (cache::class_of(layout), cache::class_of(new)) {
            (Some(old), Some(new)) if old == new => return block,
            // SAFETY: the caller's promise; both are talc's own.
            (None, None) if unsafe { TALC.lock().try_realloc_in_place(block, layout, bytes) } => return block,
            _ => {}
        }
    }
    let moved = allocate(new);
    if !moved.is_null() {
        // SAFETY: both are at least as long as the shorter.
        unsafe { core::ptr::copy_nonoverlapping(block, moved, layout.size().min(bytes)) };
        // SAFETY: the caller's promise.
        unsafe { free(block, layout) };
    }
    moved
}

/// What [`held`] tells.
static HELD: AtomicUsize = AtomicUsize::new(0);

/// The kernel's own handle on the heap, for collections that name their allocator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Heap;

// SAFETY: talc's blocks do not move, and all handles are one heap.
unsafe impl Allocator for Heap {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            let dangling = core::ptr::without_provenance_mut(layout.align());
            return NonNull::new(dangling).map(|p| NonNull::slice_from_raw_parts(p, 0)).ok_or(AllocError);
        }
        let block = NonNull::new(allocate(layout)).ok_or(AllocError)?;
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        Ok(NonNull::slice_from_raw_parts(block, layout.size()))
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        if layout.size() != 0 {
            // SAFETY: the caller's promise.
            unsafe { free(block.as_ptr(), layout) };
            HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        }
    }
}

/// Bytes that the kernel's own collections have of the heap.
pub fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}

/// Bytes that the heap has from the frame allocator.
pub fn size() -> usize {
    TALC.lock().source.total
}
