//! Setting the wall clock: whoever sleeps until it shows something reckons anew.
//!
//! The algorithm is [`skete_logic::wall`], proved there; this file gives it the threads.

use skete_logic::thread::Thread;

use super::{park, record, spawn};
use crate::time::{self, SECOND, WALL};

/// The wall clock shows `seconds` after 1970-01-01 00:00 UTC now.
pub fn set(seconds: u64) {
    set_ns(seconds.saturating_mul(SECOND));
}

/// The wall clock shows `ns` nanoseconds after 1970-01-01 00:00 UTC now.
#[cold]
#[inline(never)]
pub fn set_ns(ns: u64) {
    let numbers = (0..spawn::used()).filter_map(|index| u16::try_from(index).ok());
    let threads = numbers.map(Thread::new).map(|thread| (thread, &record::of(thread).wall));
    WALL.set(ns.saturating_sub(time::now().as_ns()), threads, |threads| threads.for_each(park::unpark));
}
