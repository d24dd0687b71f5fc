//! The names that musl itself has for its heap.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::{c_int, c_void};

use crate::heap;

/// As `malloc`.
#[unsafe(no_mangle)]
extern "C" fn __libc_malloc(bytes: usize) -> *mut c_void {
    heap::malloc(bytes)
}

/// As `malloc`.
#[unsafe(no_mangle)]
extern "C" fn __libc_malloc_impl(bytes: usize) -> *mut c_void {
    heap::malloc(bytes)
}

/// As `calloc`.
#[unsafe(no_mangle)]
extern "C" fn __libc_calloc(count: usize, bytes: usize) -> *mut c_void {
    heap::calloc(count, bytes)
}

/// As `realloc`.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
unsafe extern "C" fn __libc_realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { heap::realloc(block, bytes) }
}

/// As `free`.
///
/// # Safety
/// As there.
#[unsafe(no_mangle)]
unsafe extern "C" fn __libc_free(block: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { heap::free(block) };
}

/// Whether the heap is another one than musl's, which it is.
#[unsafe(no_mangle)]
static __malloc_replaced: c_int = 1;

/// As [`__malloc_replaced`], of aligned blocks.
#[unsafe(no_mangle)]
static __aligned_alloc_replaced: c_int = 1;
