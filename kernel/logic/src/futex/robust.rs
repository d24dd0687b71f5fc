//! The locks that a thread leaves behind: its robust list, walked at its end (`set_robust_list(2)`).
//!
//! The list is the program's memory: it may be broken, cyclic, endless or gone. Each entry begins with the address of the next, and lies
//! `futex_offset` bytes before the word of its lock; the last names the head. Of each lock that the thread still holds the word gets
//! [`OWNER_DIED`] in place of the holder's name, and one waiter is woken.

use crate::mutant::{self, Mutant};
use crate::thread::Tid;
use skete_abi::futex::{OWNER_DIED, ROBUST_LIST_LIMIT, TID_MASK, WAITERS};

/// The program's memory, as one sees it who cannot trust it.
pub trait Memory {
    /// The 64-bit number at `address`; `None`: nothing is there.
    fn read_long(&self, address: u64) -> Option<u64>;

    /// The word at `address`; `None`: nothing is there.
    fn read_word(&self, address: u64) -> Option<u32>;

    /// Puts `new` into the word at `address`, if it holds `expected`; what it held before. `None`: it cannot be written.
    fn exchange(&self, address: u64, expected: u32, new: u32) -> Option<u32>;

    /// Wakes one who waits for the word at `address`.
    fn wake_one(&self, address: u64);
}

/// In the address of an entry: its lock lends priority, and its waiters are the kernel's to hand it to.
const LENDS_PRIORITY: u64 = 1;

/// An entry of the list.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry(u64);

impl Entry {
    const fn address(self) -> u64 {
        self.0 & !LENDS_PRIORITY
    }

    const fn lends_priority(self) -> bool {
        self.0 & LENDS_PRIORITY != 0
    }
}

/// Lets go of every lock in the list at `head` that `me` holds; 0: there is no list. An entry that cannot be read ends the walk, and so
/// does the [limit](ROBUST_LIST_LIMIT).
pub fn let_go(memory: &impl Memory, head: u64, me: Tid) {
    if head == 0 {
        return;
    }
    let number = |place: u64| memory.read_long(head.wrapping_add(place));
    let (Some(first), Some(offset), Some(pending)) = (number(0), number(8), number(16)) else { return };
    let pending = Entry(pending);
    let mut entry = Entry(first);
    for _ in 0..ROBUST_LIST_LIMIT {
        if entry.address() == head {
            break;
        }
        // Read before the word changes: from then on the entry may be another's.
        let next = memory.read_long(entry.address());
        // The one that is pending comes last, once.
        if entry.address() != pending.address() && !let_go_one(memory, entry, offset, me, false) {
            return;
        }
        let Some(next) = next else { return };
        entry = Entry(next);
    }
    if pending.address() != 0 {
        let_go_one(memory, pending, offset, me, true);
    }
}

/// Lets go of the lock of `entry`, if `me` holds it. False: it cannot be read or written.
fn let_go_one(memory: &impl Memory, entry: Entry, offset: u64, me: Tid, is_pending: bool) -> bool {
    let word = entry.address().wrapping_add(offset);
    if !word.is_multiple_of(4) {
        return false;
    }
    let Some(mut held) = memory.read_word(word) else { return false };
    loop {
        let holder = held & TID_MASK;
        if is_pending && holder == 0 && !entry.lends_priority() {
            // It had let go of the lock, and may have ended before it woke anybody.
            memory.wake_one(word);
            return true;
        }
        if holder != me.number() {
            return true;
        }
        let died = held & WAITERS | OWNER_DIED;
        if mutant::is(Mutant::RobustWithoutExchange) {
            let _ = memory.read_word(word).and_then(|now| memory.exchange(word, now, died));
            break;
        }
        match memory.exchange(word, held, died) {
            None => return false,
            Some(seen) if seen == held => break,
            Some(seen) => held = seen,
        }
    }
    if held & WAITERS != 0 && !entry.lends_priority() {
        memory.wake_one(word);
    }
    true
}
