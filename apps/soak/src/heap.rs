//! std's heap, and how much of it the program has.
#![allow(unsafe_code, reason = "an allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// [`System`], counted.
struct Counted(AtomicUsize);

#[global_allocator]
static HEAP: Counted = Counted(AtomicUsize::new(0));

// SAFETY: it is `System`, with `System`'s promises.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.0.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) };
    }
}

/// Bytes that the program has.
pub fn held() -> usize {
    HEAP.0.load(Ordering::Relaxed)
}
