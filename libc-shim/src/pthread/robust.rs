//! The list of robust mutexes that a thread holds, as the kernel walks it at the thread's end (`set_robust_list(2)`).
//!
//! A ring through the head: each `next` leads to the next `next`, each `previous` to the `next` that leads here. Bit 0 of a `next`: that
//! mutex lends priority. Only the thread itself changes its list; what has been in the list of one that ended is listed anew.
#![allow(unsafe_code, reason = "entries are known by their addresses; a variable of each thread's own")]

use core::sync::atomic::{AtomicUsize, Ordering, compiler_fence};

use skete::thread;
use skete_abi::futex::RobustListHead;
use skete_sync::RobustEntry;
use skete_sync::mutex::ROBUST_OFFSET;

/// As [`RobustListHead`], which the kernel reads.
#[repr(C)]
struct Head {
    first: AtomicUsize,
    futex_offset: isize,
    pending: AtomicUsize,
}

const _: () = assert!(size_of::<Head>() == size_of::<RobustListHead>());

#[thread_local]
static HEAD: Head = Head { first: AtomicUsize::new(0), futex_offset: ROBUST_OFFSET, pending: AtomicUsize::new(0) };

const LENDS: usize = 1;

fn address(next: &AtomicUsize) -> usize {
    core::ptr::from_ref(next).expose_provenance()
}

/// The entry whose `next` is at this address.
fn entry_at(next: usize) -> &'static RobustEntry {
    // SAFETY: in the calling thread's list are mutexes that it holds: they are there.
    unsafe { &*core::ptr::with_exposed_provenance(next & !LENDS) }
}

/// The mutex of `entry` is about to change hands.
pub fn begin(entry: &RobustEntry, lends: bool) {
    if HEAD.first.load(Ordering::Relaxed) == 0 {
        HEAD.first.store(address(&HEAD.first), Ordering::Relaxed);
        // SAFETY: it lives as long as its thread, and so does what is in it: a mutex that is held is there.
        unsafe { thread::set_robust_list((&raw const HEAD).cast()) };
    }
    HEAD.pending.store(address(&entry.next) | usize::from(lends), Ordering::Relaxed);
    // The kernel reads the list when this thread has ended: what matters is this thread's own order.
    compiler_fence(Ordering::SeqCst);
}

/// It has.
pub fn end() {
    compiler_fence(Ordering::SeqCst);
    HEAD.pending.store(0, Ordering::Relaxed);
}

/// The caller holds the mutex of `entry`.
pub fn list(entry: &RobustEntry, lends: bool) {
    let (head, first) = (address(&HEAD.first), HEAD.first.load(Ordering::Relaxed));
    let this = address(&entry.next);
    entry.next.store(first, Ordering::Relaxed);
    entry.previous.store(head, Ordering::Relaxed);
    if first & !LENDS != head {
        entry_at(first).previous.store(this, Ordering::Relaxed);
    }
    compiler_fence(Ordering::SeqCst);
    HEAD.first.store(this | usize::from(lends), Ordering::Relaxed);
}

/// The caller is about to let it go.
pub fn unlist(entry: &RobustEntry) {
    let (next, previous) = (entry.next.load(Ordering::Relaxed), entry.previous.load(Ordering::Relaxed));
    if previous == address(&HEAD.first) {
        HEAD.first.store(next, Ordering::Relaxed);
    } else {
        entry_at(previous).next.store(next, Ordering::Relaxed);
    }
    if next & !LENDS != address(&HEAD.first) {
        entry_at(next).previous.store(previous, Ordering::Relaxed);
    }
    compiler_fence(Ordering::SeqCst);
}
