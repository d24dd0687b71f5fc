//! Threads that wait for a word, and how a test knows that they do.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, Scope};

use skete::Errno;
use skete::futex::{MATCH_ANY, futex_wait_bitset, futex_wakeup, waiters};
use skete::thread::set_priority;

use crate::raw::pause;

/// Lets others run until `count` threads are in the table.
pub fn until_waiting(count: u32) {
    while waiters() != count {
        pause();
        thread::yield_now();
    }
}

/// Threads that wait for words, and in which order they came back.
#[derive(Default)]
pub struct Crowd {
    /// A word that they wait for while it is 0.
    pub here: AtomicU32,
    /// Another one.
    pub there: AtomicU32,
    back: Mutex<Vec<u32>>,
}

impl Crowd {
    /// Begins a thread, called `name`, that waits for `word` at `priority`; it waits when this returns.
    pub fn join<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, name: u32, bitset: u32, priority: u8) {
        let count = waiters();
        scope.spawn(move || {
            set_priority(priority).expect("there is such a priority");
            assert_eq!(futex_wait_bitset(&self.here, 0, None, bitset), Ok(()), "woken by nobody");
            self.back.lock().expect("no one panics with it").push(name);
        });
        until_waiting(count + 1);
    }

    /// Begins `count` equal threads, called by their numbers.
    pub fn gather<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, count: u32) {
        (0..count).for_each(|name| self.join(scope, name, MATCH_ANY, 2));
    }

    /// Who has come back since the last time, in this order; `count` of them.
    pub fn back(&self, count: usize) -> Vec<u32> {
        loop {
            let mut back = self.back.lock().expect("no one panics with it");
            if back.len() >= count {
                return back.drain(..).collect();
            }
            drop(back);
            pause();
            thread::yield_now();
        }
    }

    /// Wakes whoever is left.
    pub fn dismiss(&self) -> u32 {
        let woken = |word| futex_wakeup(word, u32::MAX).expect("the words are there");
        woken(&self.here) + woken(&self.there)
    }
}

/// What a waiting thread answered, as a word that tests can wait for: 0 not yet, 1 woken, else the error's number plus 1.
#[derive(Default)]
pub struct Answer(AtomicU32);

impl Answer {
    pub fn put(&self, answer: Result<(), Errno>) {
        self.0.store(1 + answer.err().map_or(0, |errno| errno.number().cast_unsigned()), Ordering::Release);
    }

    pub fn get(&self) -> Option<u32> {
        self.0.load(Ordering::Acquire).checked_sub(1)
    }
}
