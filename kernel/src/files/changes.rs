//! How a waiter learns that something happened: one counter for all files that can make a caller wait.
//!
//! A waiter notes the counter, looks, and sleeps only while the counter is what it noted; so a change between look and sleep is not lost.
//! An announcement wakes every waiter, and each looks again.

use core::sync::atomic::{AtomicU32, Ordering};

use skete_abi::Errno;
use skete_logic::time::Instant;
use skete_logic::waiting::Cause;

use crate::sched::{futex, record};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// The counter, noted before looking.
#[derive(Clone, Copy)]
pub struct Seen(u32);

/// Notes the counter.
#[inline]
pub fn seen() -> Seen {
    // Acquire pairs with the Release in `announce`: who sees the count sees the change.
    Seen(COUNT.load(Ordering::Acquire))
}

/// The counter itself.
pub fn count() -> u32 {
    seen().0
}

/// Something became readable or writable.
pub fn announce() {
    COUNT.fetch_add(1, Ordering::Release);
    futex::wake(&COUNT, u32::MAX);
}

/// Sleeps until something was announced after `seen`, or until the deadline; the caller looks again in either case.
///
/// # Errors
/// `EINTR`: somebody wanted the wait to end.
pub fn wait(seen: Seen, deadline: Option<Instant>) -> Result<(), Errno> {
    match record::waiting(Cause::Files, || futex::wait(&COUNT, seen.0, deadline)) {
        Err(Errno::EINTR) => Err(Errno::EINTR),
        _ => Ok(()),
    }
}
