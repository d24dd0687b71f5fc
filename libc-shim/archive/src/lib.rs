//! The archive that a C program is linked with: the kernel, the C face and the start, `libskete.a`. `cargo xtask cc` builds it, and makes
//! every symbol weak: what a program defines itself counts.
#![allow(unsafe_code, reason = "the heap")]
#![no_std]
#![cfg(target_os = "hermit")]

use core::alloc::{GlobalAlloc, Layout};

use kernel::calls::memory::{sys_free, sys_malloc};
use skete_libc as _;

/// Crate `alloc` asks for one; nobody uses it.
struct KernelHeap;

#[global_allocator]
static HEAP: KernelHeap = KernelHeap;

// SAFETY: the kernel's heap.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        sys_malloc(layout.size(), layout.align())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { sys_free(block, layout.size(), layout.align()) };
    }
}

/// A panic of the kernel's or the C face's own: there is no Rust program whose machinery it could go to.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    kernel::panic::stop(format_args!("{info}"))
}
