//! The heap, and `mmap`.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

use core::alloc::Layout;

use skete_abi::Errno;
use skete_logic::pages::{Access, PAGE};

use super::answer_int;
use crate::memory::{heap, window};

fn layout(size: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(size.max(1), align).ok()
}

/// Allocates; null if there is no memory or `align` is no power of two.
#[unsafe(no_mangle)]
pub extern "C" fn sys_malloc(size: usize, align: usize) -> *mut u8 {
    layout(size, align).map_or(core::ptr::null_mut(), heap::allocate)
}

/// As [`sys_malloc`].
#[unsafe(no_mangle)]
pub extern "C" fn sys_alloc(size: usize, align: usize) -> *mut u8 {
    sys_malloc(size, align)
}

/// As [`sys_malloc`], zeroed.
#[unsafe(no_mangle)]
pub extern "C" fn sys_alloc_zeroed(size: usize, align: usize) -> *mut u8 {
    let block = sys_malloc(size, align);
    if !block.is_null() {
        // SAFETY: as long as was asked for.
        unsafe { core::ptr::write_bytes(block, 0, size) };
    }
    block
}

/// Frees what [`sys_malloc`] gave with the same size and alignment. Null is ignored.
///
/// # Safety
/// `block` is null or came from this heap with this `size` and `align`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_free(block: *mut u8, size: usize, align: usize) {
    if !block.is_null()
        && let Some(layout) = layout(size, align)
    {
        // SAFETY: the caller's promise.
        unsafe { heap::free(block, layout) };
    }
}

/// As [`sys_free`].
///
/// # Safety
/// As for [`sys_free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_dealloc(block: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller's promise.
    unsafe { sys_free(block, size, align) };
}

/// Grows or shrinks an allocation; null, and nothing changed, if there is no memory.
///
/// # Safety
/// As for [`sys_free`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sys_realloc(block: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
    match layout(size, align) {
        // SAFETY: the caller's promise.
        Some(layout) if !block.is_null() => unsafe { heap::reallocate(block, layout, new_size.max(1)) },
        _ => sys_malloc(new_size, align),
    }
}

/// Bytes of a page.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getpagesize() -> i32 {
    PAGE as i32
}

const READ: u32 = 1;
const WRITE: u32 = 2;
const EXECUTE: u32 = 4;

/// What a protection allows; `None`: nothing. Writable and executable at once is not to be had (W^X).
fn access_of(protection: u32) -> Result<Option<Access>, Errno> {
    match protection {
        0 => Ok(None),
        READ => Ok(Some(Access::Constant)),
        p if p & !(READ | WRITE | EXECUTE) != 0 => Err(Errno::EINVAL),
        p if p & WRITE != 0 && p & EXECUTE != 0 => Err(Errno::EOPNOTSUPP),
        p if p & EXECUTE != 0 => Ok(Some(Access::Code)),
        _ => Ok(Some(Access::Data)),
    }
}

/// Reserves zeroed memory, mapped at first touch: 0 and its address in `*address`; `-EINVAL`, `-ENOMEM`, `-EOPNOTSUPP`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_mmap(size: usize, protection: u32, address: *mut *mut u8) -> i32 {
    answer_int(map(size, protection, address).map(|()| 0))
}

fn map(size: usize, protection: u32, address: *mut *mut u8) -> Result<(), Errno> {
    if address.is_null() {
        return Err(Errno::EFAULT);
    }
    let access = access_of(protection)?;
    let bytes = (size as u64).checked_next_multiple_of(PAGE).filter(|bytes| *bytes != 0).ok_or(Errno::EINVAL)?;
    let range = window::take(bytes).ok_or(Errno::ENOMEM)?;
    let used = range.start..range.start + bytes;
    let is_reserved = match access {
        Some(access) => window::reserve(used.clone(), access, true),
        None => window::deny(used.clone()),
    };
    if !is_reserved {
        window::give(range);
        return Err(Errno::ENOMEM);
    }
    // SAFETY: the program says that there is room for a pointer.
    unsafe { address.write(used.start as *mut u8) };
    Ok(())
}

/// The pages of a call's range, all of them the program's own mappings.
fn pages(address: *mut u8, size: usize) -> Result<core::ops::Range<u64>, Errno> {
    let start = address as u64;
    let bytes = (size as u64).checked_next_multiple_of(PAGE).filter(|bytes| *bytes != 0).ok_or(Errno::EINVAL)?;
    let range = start..start.checked_add(bytes).ok_or(Errno::EINVAL)?;
    if !start.is_multiple_of(PAGE) || !window::contains(&range) { Err(Errno::EINVAL) } else { Ok(range) }
}

/// Unmaps; whoever touches it afterwards faults. Attachments of shared memory stay, until `shmdt`: then `-EINVAL`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_munmap(address: *mut u8, size: usize) -> i32 {
    answer_int(pages(address, size).and_then(|range| if window::unmap(range) { Ok(0) } else { Err(Errno::EINVAL) }))
}

/// Changes what may be done with mapped pages.
#[unsafe(no_mangle)]
pub extern "C" fn sys_mprotect(address: *mut u8, size: usize, protection: u32) -> i32 {
    answer_int(pages(address, size).and_then(|range| {
        let access = access_of(protection)?;
        if window::protect(range, access) { Ok(0) } else { Err(Errno::ENOMEM) }
    }))
}
