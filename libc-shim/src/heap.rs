//! `malloc` and its family, on the kernel's heap.
//!
//! C frees without saying how much, so 16 bytes before each block keep it:
//! ```text
//! base                     block - 16           block
//! | nothing, if aligned ... | bytes | distance  | bytes that the program may use |
//! ```
//! A block of 496 bytes at most that is aligned to 16 has its head's distance 16, and no other has: so one comparison tells `free` that it
//! goes into a list of the core's ([`heap::SMALL`]). `malloc` and `free` look there without a frame, and leave what is not so to Rust.
#![allow(
    unsafe_code,
    reason = "an allocator: exported names, and blocks that the program names by their address; assembly without a frame"
)]

use core::alloc::Layout;
use core::arch::naked_asm;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;

use skete::memory::heap;
use skete_abi::Errno;

use crate::errno;

/// What stands before a block.
#[derive(Clone, Copy)]
#[repr(C)]
struct Head {
    /// How many bytes the program may use.
    bytes: usize,
    /// How far before the block the allocation begins: its alignment too.
    distance: usize,
}

/// Every block is aligned to this at least, and a head takes as much.
const ALIGN: usize = 16;
const _: () = assert!(size_of::<Head>() == ALIGN);

/// No block is longer: so that sums of lengths need no further look.
const MOST: usize = 1 << 40;

/// How much of the heap a block of `usable` bytes takes with `distance` before it; `usable` is at most [`MOST`], and `distance` a power of
/// two.
#[inline(always)]
fn layout(usable: usize, distance: usize) -> Layout {
    // SAFETY: a power of two, and far less than an address space together.
    unsafe { Layout::from_size_align_unchecked(usable + distance, distance) }
}

/// How many bytes a program may use that has asked for `bytes`, at most [`MOST`].
#[inline(always)]
fn usable(bytes: usize) -> usize {
    (bytes.max(1) + ALIGN - 1) & !(ALIGN - 1)
}

#[cold]
fn no_memory() -> *mut c_void {
    errno::set(Errno::ENOMEM);
    null_mut()
}

/// The most that a small block has for the program, behind its head.
const SMALL: usize = heap::SMALL - ALIGN;
const _: () = assert!(heap::SMALL_STEP == ALIGN);

/// A block of `bytes` at a multiple of `align`, a power of two of 16 at least; null, and `ENOMEM`: there is no memory.
fn allocate(bytes: usize, align: usize) -> *mut c_void {
    if bytes > MOST || align > MOST {
        return no_memory();
    }
    let usable = usable(bytes);
    // What is not small is aligned to more: see above.
    let align = if usable > SMALL { align.max(2 * ALIGN) } else { align };
    let base = heap::allocate(layout(usable, align));
    if base.is_null() {
        return no_memory();
    }
    // SAFETY: the allocation begins with `align` bytes before the block.
    let block = unsafe { base.add(align) };
    // SAFETY: they hold a head.
    unsafe { block.cast::<Head>().sub(1).write(Head { bytes: usable, distance: align }) };
    block.cast()
}

/// # Safety
/// `block` came from [`allocate`].
#[inline]
unsafe fn head(block: *const c_void) -> Head {
    // SAFETY: the caller's promise.
    unsafe { block.cast::<Head>().sub(1).read() }
}

/// Bytes that C has asked for; null and `ENOMEM` if there are none (`malloc(3)`).
///
/// Masks IRQs, takes the first block of the core's list, puts its head there: what [`allocate`] does of a small one. A block for nothing is
/// a head alone.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn malloc(bytes: usize) -> *mut c_void {
    naked_asm!(
        ".if {is_sealed}",
        "b {other}",
        ".endif",
        "cmp x0, #{small}",
        "b.hi 3f",
        "add x1, x0, #15",
        "and x1, x1, #~15",
        "mrs x2, daif",
        "msr daifset, #2",
        "mrs x3, tpidr_el1",
        "add x3, x3, x1",
        "ldp x4, x5, [x3, #{lists}]",
        "cbz x4, 2f",
        "ldr x6, [x4]",
        "add x5, x5, #1",
        "stp x6, x5, [x3, #{lists}]",
        "msr daif, x2",
        "mov x2, #{head}",
        "stp x1, x2, [x4]",
        "add x0, x4, #{head}",
        "ret",
        "2: msr daif, x2",
        "3: b {other}",
        is_sealed = const heap::IS_SEALED as usize,
        small = const SMALL,
        lists = const heap::LISTS_AT,
        head = const ALIGN,
        other = sym malloc_other,
    )
}

extern "C" fn malloc_other(bytes: usize) -> *mut c_void {
    allocate(bytes, ALIGN)
}

/// Gives a block back; null is none. As [`malloc`], the other way.
///
/// # Safety
/// It came from this family, and was not given back.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn free(block: *mut c_void) {
    naked_asm!(
        ".if {is_sealed}",
        "b {other}",
        ".endif",
        "cbz x0, 4f",
        "ldp x1, x2, [x0, #-{head}]",
        "cmp x2, #{head}",
        "b.ne 3f",
        "mrs x2, daif",
        "msr daifset, #2",
        "mrs x3, tpidr_el1",
        "add x3, x3, x1",
        "ldp x4, x5, [x3, #{lists}]",
        "cbz x5, 2f",
        "sub x5, x5, #1",
        "str x4, [x0, #-{head}]!",
        "stp x0, x5, [x3, #{lists}]",
        "msr daif, x2",
        "4: ret",
        "2: msr daif, x2",
        "3: b {other}",
        is_sealed = const heap::IS_SEALED as usize,
        head = const ALIGN,
        lists = const heap::LISTS_AT,
        other = sym free_other,
    )
}

/// # Safety
/// As [`free`].
unsafe extern "C" fn free_other(block: *mut c_void) {
    if block.is_null() {
        return;
    }
    // SAFETY: the caller's promise.
    let Head { bytes, distance } = unsafe { head(block) };
    // SAFETY: as above: the allocation began there.
    let base = unsafe { block.cast::<u8>().sub(distance) };
    // SAFETY: as above.
    unsafe { heap::free(base, layout(bytes, distance)) };
}

/// `count` zeroed elements of `bytes` each.
#[unsafe(no_mangle)]
pub extern "C" fn calloc(count: usize, bytes: usize) -> *mut c_void {
    let Some(whole) = count.checked_mul(bytes) else { return no_memory() };
    let block = malloc(whole);
    if !block.is_null() {
        // SAFETY: as long as was asked for.
        unsafe { block.cast::<u8>().write_bytes(0, whole) };
    }
    block
}

/// Makes a block longer or shorter, wherever it then is; null, and the block as it was: there is no memory.
///
/// # Safety
/// As [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn realloc(block: *mut c_void, bytes: usize) -> *mut c_void {
    if block.is_null() {
        return malloc(bytes);
    }
    // SAFETY: the caller's promise.
    let old = unsafe { head(block) };
    if bytes > MOST {
        return no_memory();
    }
    let usable = usable(bytes);
    if old.distance == ALIGN && usable > SMALL {
        // It is small no more.
        let moved = malloc(bytes);
        if !moved.is_null() {
            // SAFETY: the new one is longer.
            unsafe { moved.cast::<u8>().copy_from_nonoverlapping(block.cast(), old.bytes) };
            // SAFETY: the caller's promise.
            unsafe { free(block) };
        }
        return moved;
    }
    // SAFETY: as above: the allocation began there.
    let base = unsafe { block.cast::<u8>().sub(old.distance) };
    // SAFETY: as above.
    let moved = unsafe { heap::reallocate(base, layout(old.bytes, old.distance), usable + old.distance) };
    if moved.is_null() {
        return no_memory();
    }
    // SAFETY: as long as was asked for.
    let block = unsafe { moved.add(old.distance) };
    // SAFETY: a head stands before it, moved along.
    unsafe { block.cast::<Head>().sub(1).write(Head { bytes: usable, ..old }) };
    block.cast()
}

/// Bytes of a block that the program may use (`malloc_usable_size(3)`).
///
/// # Safety
/// As [`free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn malloc_usable_size(block: *mut c_void) -> usize {
    // SAFETY: the caller's promise.
    if block.is_null() { 0 } else { unsafe { head(block) }.bytes }
}

/// A block at a multiple of `align`; null and `EINVAL` if that is no power of two.
#[unsafe(no_mangle)]
pub extern "C" fn aligned_alloc(align: usize, bytes: usize) -> *mut c_void {
    if !align.is_power_of_two() {
        errno::set(Errno::EINVAL);
        return null_mut();
    }
    allocate(bytes, align.max(ALIGN))
}

/// As [`aligned_alloc`].
#[unsafe(no_mangle)]
pub extern "C" fn memalign(align: usize, bytes: usize) -> *mut c_void {
    aligned_alloc(align, bytes)
}

/// [`aligned_alloc`] into `*place`: 0, `EINVAL` or `ENOMEM` (POSIX `posix_memalign`).
///
/// # Safety
/// There is room for a pointer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn posix_memalign(place: *mut *mut c_void, align: usize, bytes: usize) -> c_int {
    if !align.is_power_of_two() || align < size_of::<usize>() {
        return Errno::EINVAL.number();
    }
    let block = allocate(bytes, align.max(ALIGN));
    if block.is_null() {
        return Errno::ENOMEM.number();
    }
    // SAFETY: the caller's promise.
    unsafe { place.write(block) };
    0
}
