//! The plain reference of locks that lend priority: who holds what, who waits for what, who is on its way out.

use super::{LOCKS, THREADS};
use skete_abi::futex::{OWNER_DIED, TID_MASK};

/// Who waits, as the reference knows it.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    pub thread: usize,
    pub turn: u64,
    /// As it was when it began to wait.
    pub priority: u8,
    /// Whether its place among its equals is not known any more: its priority changed since.
    pub is_unsure: bool,
}

#[derive(Clone, Debug, Default)]
pub struct Lock {
    pub holder: Option<usize>,
    /// Of a holder that ended without a waiter, the word still has the name.
    pub is_orphan: bool,
    pub waiting: Vec<Waiting>,
    pub word: u32,
}

/// How far the end of a thread has come; it is none of the others' before its last step.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    /// It hands over what it holds.
    Leaves,
    /// It has found this one waiting for something that it holds, and looks next whether it still is the first.
    Found(usize),
    /// Nobody waits for it any more, nor begins to.
    Gone,
}

#[derive(Debug)]
pub struct Plain {
    pub base: [u8; THREADS],
    pub locks: [Lock; LOCKS],
    /// Who waits for the condition, to be moved where.
    pub condition: Vec<(Waiting, usize)>,
    pub until: [Option<u32>; THREADS],
    /// Who ends, and the priority of the next in its record.
    pub ending: [Option<(Ending, u8)>; THREADS],
    turn: u64,
}

impl Plain {
    pub fn new(base: [u8; THREADS]) -> Self {
        Self { base, locks: Default::default(), condition: vec![], until: [None; THREADS], ending: [None; THREADS], turn: 0 }
    }

    pub fn priorities(&self) -> [u8; THREADS] {
        let mut priorities = self.base;
        for _ in 0..THREADS {
            for lock in &self.locks {
                if let Some(holder) = lock.holder.filter(|_| !lock.is_orphan) {
                    let lent = lock.waiting.iter().map(|waiting| priorities[waiting.thread]).max();
                    priorities[holder] = priorities[holder].max(lent.unwrap_or(0));
                }
            }
        }
        priorities
    }

    pub fn lock_of(&self, thread: usize) -> Option<usize> {
        self.locks.iter().position(|lock| lock.waiting.iter().any(|waiting| waiting.thread == thread))
    }

    pub fn is_waiting(&self, thread: usize) -> bool {
        self.lock_of(thread).is_some() || self.condition.iter().any(|(waiting, _)| waiting.thread == thread)
    }

    /// Whether one who waits for `lock` would wait for itself.
    pub fn is_ring(&self, thread: usize, lock: usize) -> bool {
        let mut holder = self.locks[lock].holder;
        for _ in 0..=THREADS {
            match holder {
                Some(holder) if holder == thread => return true,
                Some(other) => holder = self.lock_of(other).and_then(|lock| self.locks[lock].holder),
                None => return false,
            }
        }
        false
    }

    pub fn new_waiting(&mut self, thread: usize) -> Waiting {
        self.turn += 1;
        Waiting { thread, turn: self.turn, priority: self.priorities()[thread], is_unsure: false }
    }

    /// Whether `heir` may be the one to whom `lock` is handed.
    pub fn may_inherit(&self, lock: usize, heir: usize) -> bool {
        let priorities = self.priorities();
        let line = &self.locks[lock].waiting;
        let Some(mine) = line.iter().find(|waiting| waiting.thread == heir) else { return false };
        let is_before = |other: &Waiting| {
            let (its, my) = (priorities[other.thread], priorities[heir]);
            its > my || its == my && other.turn < mine.turn && !other.is_unsure && !mine.is_unsure
        };
        !line.iter().any(is_before)
    }

    pub fn remove(&mut self, thread: usize) {
        for lock in &mut self.locks {
            lock.waiting.retain(|waiting| waiting.thread != thread);
        }
        self.condition.retain(|(waiting, _)| waiting.thread != thread);
        self.until[thread] = None;
    }

    /// Everyone's place among equals may have changed.
    pub fn unsettle(&mut self) {
        self.locks.iter_mut().flat_map(|lock| &mut lock.waiting).for_each(|waiting| waiting.is_unsure = true);
    }

    /// The locks that `thread` holds, as far as the kernel knows.
    pub fn held_by(&self, thread: usize) -> impl Iterator<Item = usize> {
        (0..LOCKS).filter(move |&lock| self.locks[lock].holder == Some(thread) && !self.locks[lock].is_orphan)
    }

    /// Whether `lock` is anybody's: nobody holds it, or who did has marked it, and those who waited have given up.
    pub fn is_free(&self, lock: usize) -> bool {
        let Lock { holder, waiting, word, .. } = &self.locks[lock];
        holder.is_none() || waiting.is_empty() && word & TID_MASK == 0
    }

    /// `thread`, which ends, writes into each of its locks that it died, as its robust list asks.
    pub fn mark(&mut self, thread: usize) {
        for lock in self.held_by(thread).collect::<Vec<_>>() {
            let lock = &mut self.locks[lock];
            lock.word = lock.word & !TID_MASK | OWNER_DIED;
        }
    }

    /// Whether `thread` is gone, and has not ended yet.
    pub fn is_gone(&self, thread: usize) -> bool {
        matches!(self.ending[thread], Some((Ending::Gone, _)))
    }

    /// `thread`, which is gone, has ended; another begins in its record.
    pub fn begin_anew(&mut self, thread: usize) {
        let (_, priority) = self.ending[thread].take().expect("it ends");
        for lock in self.held_by(thread).collect::<Vec<_>>() {
            assert!(self.locks[lock].waiting.is_empty(), "somebody waits for one who has ended");
            if self.is_free(lock) {
                self.locks[lock].holder = None;
            } else {
                self.locks[lock].is_orphan = true;
            }
        }
        self.base[thread] = priority;
    }
}
