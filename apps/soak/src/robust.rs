//! Threads that end with a lock held which is in their robust list, while another waits for it.
#![allow(unsafe_code, reason = "a list whose entries are known by their addresses")]

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;

use skete::futex::{OWNER_DIED, RobustListHead, WAITERS, futex_lock_pi, futex_unlock_pi, futex_wait};
use skete::thread::{Builder, set_robust_list, tid};

/// In the address of an entry: its lock lends priority.
const LENDS: usize = 1;

/// An entry with its lock's word behind it.
#[repr(C)]
struct Entry {
    next: AtomicUsize,
    word: AtomicU32,
}

static ENTRY: Entry = Entry { next: AtomicUsize::new(0), word: AtomicU32::new(0) };
/// First, offset, pending: as a [`RobustListHead`].
static HEAD: [AtomicUsize; 3] = [const { AtomicUsize::new(0) }; 3];

fn address<T>(of: &'static T) -> usize {
    (&raw const *of) as usize
}

/// One thread after the other ends with the lock, of either kind in turn. The one who waits has it then, and is told.
pub fn deaths(salt: u32) {
    for life in 0..8 {
        let lends = (salt + life) % 2 == 1;
        ENTRY.next.store(address(&HEAD), Ordering::Relaxed);
        HEAD[0].store(address(&ENTRY) | if lends { LENDS } else { 0 }, Ordering::Relaxed);
        HEAD[1].store(std::mem::offset_of!(Entry, word), Ordering::Relaxed);
        let dying = Builder::new().spawn(move || {
            // SAFETY: the list lives for ever, and is whole.
            unsafe { set_robust_list(address(&HEAD) as *const RobustListHead) };
            ENTRY.word.store(tid(), Ordering::Release);
            // In half of the lives the other waits already.
            while life % 4 < 2 && ENTRY.word.load(Ordering::Relaxed) & WAITERS == 0 {
                thread::yield_now();
            }
        });
        while ENTRY.word.load(Ordering::Acquire) == 0 {
            thread::yield_now();
        }
        if lends {
            inherit_lent()
        } else {
            inherit()
        }
        dying.expect("there is room").join().expect("it is another");
        assert_eq!(ENTRY.word.load(Ordering::Relaxed), 0, "the lock is held");
    }
}

/// Waits for a lock that lends priority, which is handed over.
fn inherit_lent() {
    let word = &ENTRY.word;
    assert_eq!(futex_lock_pi(word, None), Ok(()));
    assert_eq!(word.load(Ordering::Acquire), tid() | OWNER_DIED);
    assert_eq!(futex_unlock_pi(word), Ok(()));
}

/// Waits for a lock as C libraries do.
fn inherit() {
    let word = &ENTRY.word;
    loop {
        let held = word.load(Ordering::Acquire);
        let new = if held & OWNER_DIED == 0 { held | WAITERS } else { 0 };
        if word.compare_exchange(held, new, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            continue;
        }
        if new == 0 {
            return;
        }
        let _ = futex_wait(word, new, None);
    }
}
