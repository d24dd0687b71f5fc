//! The kinds of lock: what each is made of, and how often it enters the kernel when nobody else wants it.

use std::sync::atomic::{AtomicU32, Ordering};

use skete::futaphore::{Futaphore, Page};
use skete::futex::{futex_lock_pi, futex_unlock_pi, futex_wait, futex_wakeup};
use skete::sysv::simple::{IPC_RMID, SETVAL, semctl, semget, semop};
use skete::thread::tid;

use crate::locks::{Lock, MaybeFlag, TestAndSet, ThreeState, Word};

/// A kind of lock.
pub struct Kind {
    /// What the report calls it.
    pub name: &'static str,
    /// Makes one that nobody holds.
    pub make: fn() -> Box<dyn Lock + Sync>,
    /// Entries into the kernel of a lock and an unlock with nobody else there.
    pub entries_alone: u32,
}

/// Every kind.
pub const KINDS: &[Kind] = &[
    Kind { name: "test-and-set and a futex", make: || Box::new(TestAndSet::<_, false>(Plain::default())), entries_alone: 1 },
    Kind {
        name: "test-and-set and a flag",
        make: || Box::new(MaybeFlag::<_, false> { held: Plain::default(), maybe: Plain::default() }),
        entries_alone: 0,
    },
    Kind { name: "three states", make: || Box::new(ThreeState::<_, 2>(Plain::default())), entries_alone: 0 },
    Kind { name: "futaphore", make: || Box::new(InPage(Page::get().make(1).expect("a slot is free"))), entries_alone: 0 },
    Kind { name: "priority inheritance", make: || Box::new(Lending::default()), entries_alone: 0 },
    Kind { name: "System V semaphore", make: || Box::new(Set::new()), entries_alone: 2 },
];

/// A word of the program and its futex.
#[derive(Default)]
struct Plain(AtomicU32);

impl Word for Plain {
    fn load(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    fn swap(&self, value: u32) -> u32 {
        self.0.swap(value, Ordering::AcqRel)
    }

    fn exchange(&self, expected: u32, new: u32) -> bool {
        self.0.compare_exchange(expected, new, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    fn wait(&self, expected: u32) {
        // A changed word is as good as a wake.
        let _ = futex_wait(&self.0, expected, None);
    }

    fn wake(&self) {
        let woken = futex_wakeup(&self.0, 1).expect("the word is there");
        assert!(woken <= 1, "one was asked for");
    }
}

/// A futaphore that begins at one.
struct InPage(Futaphore);

impl Lock for InPage {
    fn lock(&self) {
        self.0.p().expect("it is there");
    }

    fn unlock(&self) {
        self.0.v().expect("it is there");
    }
}

impl Drop for InPage {
    fn drop(&mut self) {
        self.0.free().expect("it is there");
    }
}

/// A futex that lends its holder the priority of those who wait: the holder's name, or 0.
#[derive(Default)]
struct Lending(AtomicU32);

impl Lock for Lending {
    fn lock(&self) {
        if self.0.compare_exchange(0, tid(), Ordering::Acquire, Ordering::Relaxed).is_err() {
            futex_lock_pi(&self.0, None).expect("the holder lives, and is another");
        }
    }

    fn unlock(&self) {
        if self.0.compare_exchange(tid(), 0, Ordering::Release, Ordering::Relaxed).is_err() {
            futex_unlock_pi(&self.0).expect("the caller holds it");
        }
    }
}

/// A System V semaphore that begins at one.
struct Set(i32);

impl Set {
    fn new() -> Self {
        let id = semget(0);
        assert_eq!(semctl(id, SETVAL, 1), 0, "a new semaphore takes a value");
        Self(id)
    }
}

impl Lock for Set {
    fn lock(&self) {
        assert_eq!(semop(self.0, -1), 0, "it is there");
    }

    fn unlock(&self) {
        assert_eq!(semop(self.0, 1), 0, "it is there");
    }
}

impl Drop for Set {
    fn drop(&mut self) {
        assert_eq!(semctl(self.0, IPC_RMID, 0), 0, "it is there");
    }
}
