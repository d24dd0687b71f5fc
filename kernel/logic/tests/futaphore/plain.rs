//! Futaphores, done plainly: a count and a line of sleepers each.

use super::machine::{SLOTS, Step};
use skete_abi::Errno;
use skete_logic::futaphore::MOST;
use skete_logic::thread::Thread;

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answers, and lets these go, in this order.
    Answers(Result<u32, Errno>, Vec<Thread>),
    /// Its thread sleeps.
    Sleeps,
}

struct Futaphore {
    count: u32,
    life: u32,
    /// Who sleeps: the most urgent first, then who came first.
    line: Vec<(Thread, u8)>,
}

/// A thread's P, from its sleep on.
#[derive(Clone, Copy)]
struct Sleep {
    number: usize,
    life: u32,
}

/// Every futaphore, and every P that has slept.
#[derive(Default)]
pub struct Plain {
    slots: [Option<Futaphore>; SLOTS],
    lives: u32,
    sleeps: [Option<Sleep>; super::machine::THREADS],
}

impl Plain {
    /// The count and how many sleep.
    pub fn state(&self, number: usize) -> Option<(u32, usize)> {
        self.slots[number].as_ref().map(|futaphore| (futaphore.count, futaphore.line.len()))
    }

    pub fn sleepers(&self) -> usize {
        self.slots.iter().flatten().map(|futaphore| futaphore.line.len()).sum()
    }

    /// Whether `thread` is in a line.
    pub fn is_in_line(&self, thread: Thread) -> bool {
        self.slots.iter().flatten().any(|futaphore| futaphore.line.iter().any(|(other, _)| *other == thread))
    }

    /// `thread` does `step`.
    pub fn act(&mut self, thread: Thread, priority: u8, step: Step) -> Outcome {
        let (answer, woken) = match step {
            Step::Make { count } => (self.make(count), vec![]),
            Step::Free { number } => match self.slots.get_mut(number).and_then(Option::take) {
                Some(futaphore) => (Ok(0), futaphore.line.into_iter().map(|(thread, _)| thread).collect()),
                None => (Err(Errno::EINVAL), vec![]),
            },
            Step::P { number, .. } => return self.p(thread, priority, number),
            Step::TryP { number } => (self.taken(number, Errno::EAGAIN), vec![]),
            Step::V { number } => self.v(number),
            Step::Value { number } => (self.at(number).map(|futaphore| futaphore.count), vec![]),
            Step::Tick => (Ok(0), vec![]),
        };
        Outcome::Answers(answer, woken)
    }

    fn at(&mut self, number: usize) -> Result<&mut Futaphore, Errno> {
        self.slots.get_mut(number).and_then(Option::as_mut).ok_or(Errno::EINVAL)
    }

    fn make(&mut self, count: u32) -> Result<u32, Errno> {
        if count > MOST {
            return Err(Errno::EOVERFLOW);
        }
        // Slot 0 is the guard's.
        let free = (1..SLOTS).find(|&number| self.slots[number].is_none()).ok_or(Errno::ENOSPC)?;
        self.lives += 1;
        self.slots[free] = Some(Futaphore { count, life: self.lives, line: vec![] });
        Ok(u32::try_from(free).expect("a handful"))
    }

    /// Takes one, or says why not.
    fn taken(&mut self, number: usize, otherwise: Errno) -> Result<u32, Errno> {
        let futaphore = self.at(number)?;
        futaphore.count = futaphore.count.checked_sub(1).ok_or(otherwise)?;
        Ok(0)
    }

    fn p(&mut self, thread: Thread, priority: u8, number: usize) -> Outcome {
        match self.taken(number, Errno::EAGAIN) {
            Err(Errno::EAGAIN) => {
                let futaphore = self.at(number).expect("it has a count");
                let place = futaphore.line.iter().position(|(_, other)| *other < priority).unwrap_or(futaphore.line.len());
                futaphore.line.insert(place, (thread, priority));
                self.sleeps[thread.index()] = Some(Sleep { number, life: self.slots[number].as_ref().map_or(0, |it| it.life) });
                Outcome::Sleeps
            }
            answer => Outcome::Answers(answer, vec![]),
        }
    }

    fn v(&mut self, number: usize) -> (Result<u32, Errno>, Vec<Thread>) {
        let futaphore = match self.at(number) {
            Ok(futaphore) => futaphore,
            Err(errno) => return (Err(errno), vec![]),
        };
        if futaphore.count == MOST {
            return (Err(Errno::EOVERFLOW), vec![]);
        }
        futaphore.count += 1;
        let woken = if futaphore.line.is_empty() { vec![] } else { vec![futaphore.line.remove(0).0] };
        (Ok(0), woken)
    }

    /// `thread`, which was let go, tries again.
    pub fn go_on(&mut self, thread: Thread, priority: u8) -> Outcome {
        let sleep = self.sleeps[thread.index()].take().expect("it has slept");
        match &self.slots[sleep.number] {
            Some(futaphore) if futaphore.life == sleep.life => self.p(thread, priority, sleep.number),
            _ => Outcome::Answers(Err(Errno::EIDRM), vec![]),
        }
    }

    /// `thread` is late, and leaves its line.
    pub fn give_up(&mut self, thread: Thread) {
        self.slots.iter_mut().flatten().for_each(|futaphore| futaphore.line.retain(|(other, _)| *other != thread));
        self.sleeps[thread.index()] = None;
    }
}
