//! Ours.

use std::ptr;

use skete::arch::cpu;
use skete::board::mailbox;
use skete::calls::memory::{sys_mmap, sys_munmap};
use skete::thread;

use super::{Condition, Counts};
pub use crate::scale::run as run_scale;
pub use crate::sync::run as run_sync;

/// Readable and writable, as `mmap(2)` numbers it.
const DATA: u32 = 3;

/// Lets the calling thread run on these cores only, bit n for core n.
pub fn set_affinity(mask: u8) {
    thread::set_affinity(mask).expect("the cores are there");
}

/// What is counted so far; nothing, where nobody counts.
pub fn counts() -> Option<Counts> {
    Some(Counts { switches: thread::switches(), entries: thread::entries() })
}

/// How the board is doing; `None`: it is no Pi.
pub fn condition() -> Option<Condition> {
    let mailbox::Condition { arm_hz, millidegrees, throttled } = mailbox::condition()?;
    Some(Condition { arm_hz, millidegrees, throttled })
}

/// Lets this core count its cycles.
pub fn count_cycles() {
    cpu::count_cycles();
}

/// The cycles that it has counted.
#[inline(always)]
pub fn cycles() -> u64 {
    cpu::cycles()
}

/// Maps so many bytes of new pages.
pub fn map(bytes: usize) -> *mut u8 {
    let mut pages = ptr::null_mut();
    assert_eq!(sys_mmap(bytes, DATA, &raw mut pages), 0, "there is memory");
    pages
}

/// Unmaps what [`map`] gave.
pub fn unmap(pages: *mut u8, bytes: usize) {
    assert_eq!(sys_munmap(pages, bytes), 0, "it is mapped");
}
