//! Memory that runs out on demand.
#![allow(unsafe_code, reason = "an allocator that runs out")]

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use allocator_api2::alloc::{AllocError, Allocator, Global, Layout};

/// Gives memory so many times, then no more.
#[derive(Clone)]
pub struct Scarce(pub Rc<Cell<u32>>);

impl Scarce {
    pub fn new(times: u32) -> Self {
        Self(Rc::new(Cell::new(times)))
    }
}

// SAFETY: all memory is Global's; clones share nothing but the count.
unsafe impl Allocator for Scarce {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        self.0.set(self.0.get().checked_sub(1).ok_or(AllocError)?);
        Global.allocate(layout)
    }

    unsafe fn deallocate(&self, block: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's promise, for the same block.
        unsafe { Global.deallocate(block, layout) }
    }
}
