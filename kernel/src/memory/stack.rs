//! A thread's stack and TLS block: one range of the window, its lowest page a guard.
//!
//! ```text
//! start                                               end
//! | guard | ...stack, mapped at first touch ... | TLS |
//! ```
//! The block has the shape that C's musl expects too: 208 bytes below the thread pointer for its `struct pthread`, 16 above it, then
//! the program's TLS segment (ELF TLS variant 1).
#![allow(unsafe_code, reason = "the TLS block is raw memory until the thread runs")]

use core::sync::atomic::{AtomicUsize, Ordering};

use skete_logic::pages::{Access, Entry, PAGE};

use super::{map, window};
use crate::board::image;

/// Bytes below the thread pointer that belong to C's thread block.
const BELOW: u64 = 208;
/// Of these, where C's thread block has the thread's name, from the thread pointer downward.
const NAME: u64 = 168;
/// Where its locale is.
const LOCALE: u64 = 48;
/// Bytes between the thread pointer and the TLS segment, before alignment (AAPCS64, TLS variant 1).
const ABOVE: u64 = 16;
/// Pages at the top that are mapped from the start.
const EAGER: u64 = 2;
/// Pages at the top that stay mapped while the stack waits for its next thread.
const KEPT: u64 = 16;

/// The locale that C's threads begin with; 0: there is no C library.
static FIRST_LOCALE: AtomicUsize = AtomicUsize::new(0);

/// From now on threads begin with the locale at `address`, the one with thread pointer `own` too.
///
/// # Safety
/// `own` is the calling thread's.
pub unsafe fn set_first_locale(address: usize, own: u64) {
    FIRST_LOCALE.store(address, Ordering::Relaxed);
    // SAFETY: in the block below the caller's thread pointer.
    unsafe { ((own - LOCALE) as *mut usize).write(address) };
}

/// A stack with the TLS block at its top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The guard page's address.
    pub start: u64,
    /// One past the last byte of the TLS block.
    pub end: u64,
}

impl Stack {
    /// No stack.
    pub const NONE: Self = Self { start: 0, end: 0 };

    /// Reserves a stack of at least `bytes`. `None`: no memory, or no addresses.
    pub fn reserve(bytes: u64) -> Option<Self> {
        let tls = image::tls();
        let above = tls_bytes(tls.align, tls.size);
        let whole = bytes.checked_add(above + PAGE + PAGE - 1)? / PAGE * PAGE;
        let range = window::take(whole)?;
        let stack = Self { start: range.start, end: range.end };
        if !window::reserve(range.start + PAGE..range.end, Access::Data, false) || !stack.guard() || !stack.map_top(above) {
            window::clear(range.clone());
            window::give(range);
            return None;
        }
        Some(stack)
    }

    fn guard(&self) -> bool {
        map::slot(self.start).is_some_and(|slot| {
            slot.store(Entry::GUARD.0, core::sync::atomic::Ordering::Release);
            true
        })
    }

    fn map_top(&self, tls: u64) -> bool {
        let pages = EAGER + tls / PAGE;
        (1..=pages).all(|page| map::touch(self.end - page * PAGE))
    }

    /// Bytes that a thread may use, TLS included.
    pub fn bytes(&self) -> u64 {
        (self.end - self.start).saturating_sub(PAGE)
    }

    /// Whether `address` lies in it, guard included.
    pub fn contains(&self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }

    /// Lays out a fresh TLS block: the thread pointer, and the stack pointer to begin with.
    pub fn prepare(&self) -> (u64, u64) {
        let tls = image::tls();
        let align = tls.align.max(16);
        let offset = ABOVE.next_multiple_of(align);
        let pointer = (self.end - offset - tls.size) / align * align;
        let block = (pointer + offset) as *mut u8;
        // SAFETY: `reserve` made room and mapped it; the thread that will own it does not run yet.
        unsafe { core::ptr::write_bytes((pointer - BELOW) as *mut u8, 0, (BELOW + ABOVE) as usize) };
        let locale = FIRST_LOCALE.load(Ordering::Relaxed);
        // SAFETY: as above: in the block below.
        unsafe { ((pointer - LOCALE) as *mut usize).write(locale) };
        if tls.size > 0 {
            // SAFETY: as above; the image's TLS template is as long as it says.
            unsafe { core::ptr::copy_nonoverlapping(tls.template as *const u8, block, tls.file_size as usize) };
            // SAFETY: as above; what the template does not cover is zero.
            unsafe { core::ptr::write_bytes(block.add(tls.file_size as usize), 0, (tls.size - tls.file_size) as usize) };
        }
        (pointer, (pointer - BELOW) / 16 * 16)
    }

    /// Tells C's block below thread pointer `tls` the name of its thread, which does not run yet.
    pub fn set_name(&self, tls: u64, tid: u32) {
        debug_assert!(self.contains(tls - NAME), "the block lies in the stack");
        // SAFETY: mapped by `reserve`, and laid out by `prepare`.
        unsafe { ((tls - NAME) as *mut u32).write(tid) };
    }

    /// Gives the frames of a deep stack back before it waits for its next thread.
    pub fn trim(&self) {
        let keep = KEPT + tls_bytes(image::tls().align, image::tls().size) / PAGE;
        let from = self.start + PAGE;
        let to = self.end.saturating_sub(keep * PAGE);
        if to > from && map::find(to - PAGE).is_valid() {
            window::discard(from..to, Access::Data);
        }
    }

    /// Gives everything back.
    pub fn release(self) {
        window::clear(self.start..self.end);
        window::give(self.start..self.end);
    }
}

/// Bytes that the TLS block takes at most, alignment included.
fn tls_bytes(align: u64, size: u64) -> u64 {
    BELOW + ABOVE.next_multiple_of(align.max(16)) + size + align.max(16)
}
