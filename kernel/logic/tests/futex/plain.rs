//! The futex operations as `futex(2)` tells them, done plainly: one list of who waits for what.

use skete_logic::futex::{Requeued, Shares};
use skete_logic::thread::Thread;

struct Waiting {
    thread: Thread,
    word: usize,
    bitset: u32,
    priority: u8,
    /// When it came to the word.
    turn: u64,
}

/// Everyone who waits.
#[derive(Default)]
pub struct Plain {
    waiting: Vec<Waiting>,
    turn: u64,
}

impl Plain {
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    pub fn word_of(&self, thread: Thread) -> Option<usize> {
        self.waiting.iter().find(|waiting| waiting.thread == thread).map(|waiting| waiting.word)
    }

    pub fn enter(&mut self, thread: Thread, word: usize, bitset: u32, priority: u8) {
        self.turn += 1;
        self.waiting.push(Waiting { thread, word, bitset, priority, turn: self.turn });
    }

    pub fn remove(&mut self, thread: Thread) -> bool {
        let count = self.waiting.len();
        self.waiting.retain(|waiting| waiting.thread != thread);
        self.waiting.len() < count
    }

    /// Those who wait for `word` with a bit of `bitset`, in the order in which they are served.
    fn line(&self, word: usize, bitset: u32) -> Vec<Thread> {
        let mut line = (self.waiting.iter()).filter(|w| w.word == word && w.bitset & bitset != 0).collect::<Vec<_>>();
        line.sort_by_key(|waiting| (u8::MAX - waiting.priority, waiting.turn));
        line.iter().map(|waiting| waiting.thread).collect()
    }

    pub fn wake(&mut self, word: usize, nr: u32, bitset: u32) -> Vec<Thread> {
        let mut woken = self.line(word, bitset);
        woken.truncate(nr as usize);
        for &thread in &woken {
            self.remove(thread);
        }
        woken
    }

    pub fn requeue(&mut self, from: usize, to: usize, shares: Shares) -> (Requeued, Vec<Thread>) {
        let woken = self.wake(from, shares.wake, u32::MAX);
        let mut moved = self.line(from, u32::MAX);
        moved.truncate(shares.requeue as usize);
        if from != to {
            for thread in &moved {
                self.turn += 1;
                let turn = self.turn;
                for waiting in self.waiting.iter_mut().filter(|waiting| waiting.thread == *thread) {
                    (waiting.word, waiting.turn) = (to, turn);
                }
            }
        }
        let count = |threads: &Vec<Thread>| u32::try_from(threads.len()).expect("a handful");
        (Requeued { woken: count(&woken), moved: count(&moved) }, woken)
    }
}
