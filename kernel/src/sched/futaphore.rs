//! The futaphores' page, and the machine as they see it.
//!
//! The algorithm is [`skete_logic::futaphore`], proved there; this file gives it the exclusives, the futex table and sleep. The page is
//! made when the program is linked, and only into programs that use it.
#![allow(unsafe_code, reason = "the page's name, by which `<futaphore.h>` finds it")]

use core::sync::atomic::AtomicU64;

use skete_abi::Errno;
use skete_logic::futaphore::{self, Page, SLOT_COUNT, SLOW_BIT, State};
use skete_logic::time::Instant;

use super::{detour, futex, park, record};
use crate::arch::exclusive;

/// The page. `<futaphore.h>` moves its words too, by the same instructions as [`exclusive`]. Its frames are mapped as all of the image's
/// data: Normal, write-back, inner shareable.
#[unsafe(export_name = "skete_fut_page")]
pub static PAGE: Page<SLOT_COUNT> = Page::new();

/// The machine as futaphores see it. Who `ATTENDS` waits in a call of C's, and takes its signals there.
#[derive(Clone, Copy, Debug)]
pub struct Machine<const ATTENDS: bool>;

impl<const ATTENDS: bool> futaphore::Machine for Machine<ATTENDS> {
    #[inline(always)]
    fn lower(&self, word: &AtomicU64) -> Result<(), State> {
        exclusive::lower::<SLOW_BIT>(word).map_err(State::from_bits)
    }

    #[inline(always)]
    fn raise(&self, word: &AtomicU64) -> Result<(), State> {
        exclusive::raise::<SLOW_BIT>(word).map_err(State::from_bits)
    }

    #[inline(always)]
    fn enter(&self) {
        record::count_entry();
    }

    #[inline]
    fn wait(&self, word: &AtomicU64, deadline: Option<Instant>, must_wait: impl Fn() -> bool) -> Result<(), Errno> {
        futex::wait_while(word.as_ptr() as usize, deadline, must_wait)
    }

    #[inline(always)]
    fn attend(&self) -> bool {
        ATTENDS && detour::attend()
    }

    #[inline(always)]
    fn keep_interruption(&self) {
        park::keep_interruption(true);
    }

    #[inline]
    fn wake_one(&self, word: &AtomicU64, decide: impl FnOnce(u32) -> bool) {
        futex::wake_decided(word.as_ptr() as usize, decide);
    }

    #[inline(always)]
    fn wake_lone(&self, word: &AtomicU64, decide: impl FnOnce() -> bool) -> bool {
        futex::wake_lone(word.as_ptr() as usize, decide)
    }

    fn wake_all(&self, word: &AtomicU64) {
        futex::wake_at(word.as_ptr() as usize, u32::MAX);
    }
}
