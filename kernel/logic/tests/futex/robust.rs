//! Robust lists: whole ones, and whatever else may be in memory.

use proptest::prelude::*;
use skete_abi::futex::{OWNER_DIED, ROBUST_LIST_LIMIT, WAITERS};
use skete_logic::futex::robust::{Memory, let_go};
use skete_logic::thread::{Thread, Tid};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

const HEAD: u64 = 0x1000;
/// From an entry to its word.
const OFFSET: u64 = 16;

fn me() -> Tid {
    Tid::new(Thread::new(4), 7)
}

/// A program's memory: numbers and words where there are some.
#[derive(Default)]
struct Fake {
    longs: BTreeMap<u64, u64>,
    words: RefCell<BTreeMap<u64, u32>>,
    constants: Vec<u64>,
    woken: RefCell<Vec<u64>>,
    reads: Cell<usize>,
}

impl Memory for Fake {
    fn read_long(&self, address: u64) -> Option<u64> {
        self.reads.set(self.reads.get() + 1);
        self.longs.get(&address).copied()
    }

    fn read_word(&self, address: u64) -> Option<u32> {
        assert_eq!(address % 4, 0);
        self.words.borrow().get(&address).copied()
    }

    fn exchange(&self, address: u64, expected: u32, new: u32) -> Option<u32> {
        let held = self.read_word(address).filter(|_| !self.constants.contains(&address))?;
        if held == expected {
            self.words.borrow_mut().insert(address, new);
        }
        Some(held)
    }

    fn wake_one(&self, address: u64) {
        self.woken.borrow_mut().push(address);
    }
}

/// A list of the entries at `entries`, each with a word that holds a value.
fn list(entries: &[(u64, u32)], pending: u64) -> Fake {
    let mut fake = Fake::default();
    let nexts = entries.iter().skip(1).map(|(entry, _)| *entry).chain([HEAD]);
    fake.longs.extend([(HEAD, entries.first().map_or(HEAD, |(entry, _)| *entry)), (HEAD + 8, OFFSET), (HEAD + 16, pending)]);
    fake.longs.extend(entries.iter().zip(nexts).map(|((entry, _), next)| (*entry & !1, next)));
    fake.words.borrow_mut().extend(entries.iter().map(|(entry, word)| ((*entry & !1) + OFFSET, *word)));
    fake
}

fn words(fake: &Fake) -> Vec<u32> {
    fake.words.borrow().values().copied().collect()
}

#[test]
fn locks_that_the_thread_holds_are_let_go_and_others_are_not() {
    let other = Tid::new(Thread::new(4), 8).number();
    let fake = list(&[(0x2000, me().number()), (0x2100, me().number() | WAITERS), (0x2200, other), (0x2300, 0), (0x2400, OWNER_DIED)], 0);
    let_go(&fake, HEAD, me());
    assert_eq!(words(&fake), [OWNER_DIED, OWNER_DIED | WAITERS, other, 0, OWNER_DIED]);
    assert_eq!(*fake.woken.borrow(), [0x2100 + OFFSET]);
}

#[test]
fn a_lock_that_lends_priority_is_marked_and_nobody_is_woken_here() {
    let fake = list(&[(0x2001, me().number() | WAITERS)], 0x2001);
    let_go(&fake, HEAD, me());
    assert_eq!((words(&fake), fake.woken.borrow().len()), (vec![OWNER_DIED | WAITERS], 0));
}

#[test]
fn the_pending_lock_is_let_go_whether_listed_or_not() {
    for listed in [vec![(0x2000, me().number())], vec![]] {
        let fake = list(&listed, 0x2000);
        fake.words.borrow_mut().insert(0x2000 + OFFSET, me().number() | WAITERS);
        let_go(&fake, HEAD, me());
        assert_eq!((words(&fake), fake.woken.borrow().clone()), (vec![OWNER_DIED | WAITERS], vec![0x2000 + OFFSET]));
    }
}

#[test]
fn one_is_woken_for_a_pending_lock_that_is_free_already() {
    let fake = list(&[], 0x2000);
    fake.words.borrow_mut().insert(0x2000 + OFFSET, 0);
    let_go(&fake, HEAD, me());
    assert_eq!((words(&fake), fake.woken.borrow().clone()), (vec![0], vec![0x2000 + OFFSET]));
}

#[test]
fn a_list_without_end_is_walked_to_the_limit() {
    let mut fake = list(&[(0x2000, 0), (0x2100, 0)], 0);
    fake.longs.insert(0x2100, 0x2000);
    let_go(&fake, HEAD, me());
    assert_eq!(fake.reads.get(), 3 + ROBUST_LIST_LIMIT);
}

#[test]
fn a_head_that_is_not_there_is_no_list() {
    let_go(&Fake::default(), 0, me());
    let_go(&Fake::default(), u64::MAX - 3, me());
    let mut fake = list(&[(0x2000, me().number())], 0);
    fake.longs.remove(&(HEAD + 16));
    let_go(&fake, HEAD, me());
    assert_eq!(words(&fake), [me().number()]);
}

#[test]
fn a_word_that_cannot_be_written_ends_the_walk() {
    let mut fake = list(&[(0x2000, me().number()), (0x2100, me().number())], 0x2200);
    fake.constants.push(0x2000 + OFFSET);
    let_go(&fake, HEAD, me());
    assert_eq!(words(&fake), [me().number(); 2]);
}

/// An address of the few that there are, or of none.
fn address() -> impl Strategy<Value = u64> {
    prop_oneof![8 => (0..8u64).prop_map(|n| 0x1000 + 8 * n), 1 => (0..8u64).prop_map(|n| 0x1001 + 8 * n), 1 => any::<u64>()]
}

proptest! {
    #[test]
    fn whatever_memory_holds_only_my_locks_change_and_it_ends(
        longs in prop::collection::btree_map(address(), prop_oneof![4 => address(), 1 => Just(0), 1 => Just(8)], 0..24),
        held in prop::collection::btree_map((0..16u64).prop_map(|n| 0x1000 + 4 * n), prop_oneof![
            Just(me().number()), Just(me().number() | WAITERS), Just(0), any::<u32>()], 0..24),
        head in address(),
    ) {
        let fake = Fake { longs, words: RefCell::new(held.clone()), ..Fake::default() };
        let_go(&fake, head, me());
        prop_assert!(fake.reads.get() <= 3 + ROBUST_LIST_LIMIT);
        for (address, word) in fake.words.borrow().iter() {
            let before = held[address];
            let is_mine = before & !(WAITERS | OWNER_DIED) == me().number();
            prop_assert!(*word == before || is_mine && *word == before & WAITERS | OWNER_DIED);
        }
        // A lock that was waited for is handed on by a wake, unless it lends priority: no wake for what is another's.
        for address in fake.woken.borrow().iter() {
            let before = held[address];
            prop_assert!(before & !(WAITERS | OWNER_DIED) == me().number() || before & !(WAITERS | OWNER_DIED) == 0);
        }
    }
}
