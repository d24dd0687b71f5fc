//! What a thread leaves behind when it ends: its robust list, locks that others wait for, and the word that it was to clear.
//!
//! All of it is the program's memory and may be anything: each access is one that may fail.

use core::sync::atomic::Ordering;

use skete_logic::futex::robust::{self, Memory};
use skete_logic::thread::Tid;

use super::record::Record;
use super::{futex, inherit};
use crate::arch::probe;

/// The program's memory.
struct Program;

#[allow(clippy::cast_possible_truncation, reason = "addresses have 64 bits")]
impl Memory for Program {
    fn read_long(&self, address: u64) -> Option<u64> {
        probe::read_long(address as usize)
    }

    fn read_word(&self, address: u64) -> Option<u32> {
        probe::read_word(address as usize)
    }

    fn exchange(&self, address: u64, expected: u32, new: u32) -> Option<u32> {
        probe::compare_exchange(address as usize, expected, new)
    }

    fn wake_one(&self, address: u64) {
        futex::exit_wakeup(address as usize, || true);
    }
}

/// The running thread `record` ends, as `tid`: lets go of the locks of its robust list, hands over those that lend priority, then clears
/// its word and wakes one who waits for it.
#[inline]
pub fn leave(record: &Record, tid: u32) {
    let robust_list = record.robust_list.load(Ordering::Relaxed);
    let clear_tid = record.clear_tid.load(Ordering::Relaxed);
    let Some(tid) = Tid::from_number(tid) else { return };
    if robust_list != 0 {
        robust::let_go(&Program, robust_list as u64, tid);
    }
    // After the robust list, which marks the words of what is handed over here.
    inherit::leave(tid);
    if clear_tid != 0 {
        futex::exit_wakeup(clear_tid, || probe::update(clear_tid, |_| 0).is_some());
    }
}
