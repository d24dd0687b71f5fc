//! A kernel for models: one table of everyone who sleeps, behind one lock of loom's, with the rules of the kernel's futexes.
//!
//! A deadline has always passed by the time that its thread comes to look.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{AtomicU32 as Flag, Ordering};
use loom::sync::{Arc, Mutex as Lock, Notify};
use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_sync::futex::{ANY, OWNER_DIED, TID_MASK, WAITERS};
use skete_sync::{AtomicU32, Clock, Deadline, Ended, Futex, Moment, Mutex, RobustEntry};
use std::sync::atomic::AtomicUsize;

/// A deadline that has passed.
pub const LATE: Option<Deadline> = Some(Deadline { clock: Clock::Monotonic, time: TimeSpec { tv_sec: 0, tv_nsec: 0 } });

/// What one sleeps for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    Wake,
    /// To be handed the lock whose word this is.
    Lock,
    /// To be moved to a lock.
    Move,
}

#[derive(Clone, Copy)]
struct Sleeper {
    thread: usize,
    word: usize,
    bits: u32,
    reason: For,
}

struct Bell {
    /// The word that its thread waits for, or waited for last. Guarded by the table's lock, then the thread's own.
    place: AtomicUsize,
    /// The word of the mutex that its thread waits for conditions with; 0: the model does not say.
    mutex: AtomicUsize,
    is_rung: Flag,
    notify: Notify,
}

impl Bell {
    fn ring(&self) {
        self.is_rung.swap(1, Ordering::Release);
        self.notify.notify();
    }

    fn hear(&self) {
        while self.is_rung.swap(0, Ordering::Acquire) == 0 {
            self.notify.wait();
        }
    }
}

struct Kernel {
    sleepers: Lock<Vec<Sleeper>>,
    bells: Vec<Bell>,
    /// Mutexes that are known by the addresses of their words.
    mutexes: Vec<Arc<Mutex>>,
}

/// The kernel as one thread sees it.
#[derive(Clone)]
pub struct Seat {
    kernel: Arc<Kernel>,
    me: usize,
    /// Looked at whenever the word of a wait is, or is about to be: who takes that memory away touches it.
    ground: Option<Arc<UnsafeCell<u32>>>,
}

/// The seats of a kernel for `N` threads; requeues lead to these mutexes.
pub fn seats<const N: usize>(mutexes: &[&Arc<Mutex>]) -> [Seat; N] {
    let bells = (0..N)
        .map(|_| Bell { place: AtomicUsize::new(0), mutex: AtomicUsize::new(0), is_rung: Flag::new(0), notify: Notify::new() })
        .collect();
    let mutexes = mutexes.iter().map(|&mutex| mutex.clone()).collect();
    let kernel = Arc::new(Kernel { sleepers: Lock::new(Vec::new()), bells, mutexes });
    core::array::from_fn(|me| Seat { kernel: kernel.clone(), me, ground: None })
}

fn address(word: &AtomicU32) -> usize {
    core::ptr::from_ref(word).addr()
}

const fn name(thread: usize) -> u32 {
    thread as u32 + 1
}

impl Seat {
    /// The seat of one whose objects lie on this ground.
    pub fn on(&self, ground: &Arc<UnsafeCell<u32>>) -> Self {
        Self { ground: Some(ground.clone()), ..self.clone() }
    }

    /// From now on the caller's waits for a condition are with this mutex.
    pub fn wait_with(&self, mutex: &Mutex) {
        self.kernel.bells[self.me].mutex.store(address(mutex.word()), Ordering::Relaxed);
    }

    fn look(&self, word: &AtomicU32) {
        // Mutexes lie elsewhere.
        let is_mutex = self.kernel.mutexes.iter().any(|mutex| address(mutex.word()) == address(word));
        if let Some(ground) = self.ground.as_ref().filter(|_| !is_mutex) {
            ground.with(|_| ());
        }
    }

    /// How many sleep.
    pub fn sleepers(&self) -> usize {
        self.locked(|sleepers| sleepers.len())
    }

    /// The caller ends with this robust mutex: what the kernel does about it.
    pub fn die_with(&self, mutex: &Mutex) {
        let word = mutex.word();
        let mut held = word.load(Ordering::Relaxed);
        while held & TID_MASK == self.tid() {
            match word.compare_exchange(held, held & WAITERS | OWNER_DIED, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    if held & WAITERS != 0 {
                        self.wake(word, 1, ANY);
                    }
                    return;
                }
                Err(other) => held = other,
            }
        }
    }

    fn locked<R>(&self, section: impl FnOnce(&mut Vec<Sleeper>) -> R) -> R {
        section(&mut self.kernel.sleepers.lock().expect("no section panics in a model that goes on"))
    }

    fn word_at(&self, at: usize) -> &AtomicU32 {
        self.kernel.mutexes.iter().map(|mutex| mutex.word()).find(|word| address(word) == at).expect("the model named its mutexes")
    }

    fn ring(&self, threads: &[usize]) {
        for &thread in threads {
            self.kernel.bells[thread].ring();
        }
    }

    fn enter(&self, word: &AtomicU32, expected: u32, bits: u32, reason: For) -> Result<(), Errno> {
        self.locked(|sleepers| {
            self.look(word);
            if word.load(Ordering::Relaxed) != expected {
                return Err(Errno::EAGAIN);
            }
            self.kernel.bells[self.me].place.store(address(word), Ordering::Relaxed);
            sleepers.push(Sleeper { thread: self.me, word: address(word), bits, reason });
            Ok(())
        })
    }

    /// Sleeps until it is let go, or out of patience; where it was then.
    fn sleep(&self, until: Option<Moment>) -> Option<usize> {
        let left = until.and_then(|_| {
            self.locked(|sleepers| sleepers.iter().position(|sleeper| sleeper.thread == self.me).map(|at| sleepers.remove(at).word))
        });
        if left.is_none() {
            self.kernel.bells[self.me].hear();
        }
        left
    }

    /// Takes the lock for `thread`, or says in the word that it waits. The table is locked.
    fn try_lock(sleepers: &[Sleeper], word: &AtomicU32, thread: usize) -> Result<bool, Errno> {
        loop {
            let held = word.load(Ordering::Relaxed);
            if held & TID_MASK == name(thread) {
                return Err(Errno::EDEADLK);
            }
            let is_wanted = sleepers.iter().any(|sleeper| sleeper.word == address(word));
            let is_free = held & TID_MASK == 0 && !is_wanted;
            let new = if is_free { name(thread) | held & OWNER_DIED } else { held | WAITERS };
            if word.compare_exchange(held, new, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
                return Ok(is_free);
            }
        }
    }

    fn take_first(sleepers: &mut Vec<Sleeper>, word: usize, bits: u32, reason: For) -> Option<usize> {
        let is_it = |sleeper: &Sleeper| sleeper.word == word && sleeper.bits & bits != 0 && sleeper.reason == reason;
        sleepers.iter().position(is_it).map(|at| sleepers.remove(at).thread)
    }
}

impl Futex for Seat {
    fn tid(&self) -> u32 {
        name(self.me)
    }

    fn wait(&self, word: &AtomicU32, expected: u32, bits: u32, until: Option<Moment>) -> Result<(), Errno> {
        self.enter(word, expected, bits, For::Wake)?;
        let left = self.sleep(until);
        self.look(word);
        if left.is_none() { Ok(()) } else { Err(Errno::ETIMEDOUT) }
    }

    fn wake(&self, word: &AtomicU32, most: u32, bits: u32) -> u32 {
        let word = address(word);
        let woken: Vec<usize> =
            self.locked(|sleepers| (0..most).map_while(|_| Self::take_first(sleepers, word, bits, For::Wake)).collect());
        self.ring(&woken);
        woken.len() as u32
    }

    fn wait_movable(&self, word: &AtomicU32, expected: u32, until: Option<Moment>) -> Ended {
        if self.enter(word, expected, ANY, For::Wake).is_err() {
            return Ended::Changed;
        }
        let is_late = self.sleep(until).is_some();
        match (self.kernel.bells[self.me].place.load(Ordering::Relaxed) != address(word), is_late) {
            (true, _) => Ended::Moved,
            (false, true) => Ended::Late,
            (false, false) => Ended::Woken,
        }
    }

    fn move_all(&self, from: &AtomicU32, expected: u32, to: usize) -> Result<u32, Errno> {
        let moved = self.locked(|sleepers| {
            if from.load(Ordering::Relaxed) != expected {
                return Err(Errno::EAGAIN);
            }
            let mine = sleepers.iter_mut().filter(|sleeper| sleeper.word == address(from) && sleeper.reason == For::Wake);
            let moved = mine.map(|sleeper| {
                sleeper.word = to;
                let bell = &self.kernel.bells[sleeper.thread];
                let mutex = bell.mutex.load(Ordering::Relaxed);
                assert!(mutex == 0 || mutex == to, "a thread was moved to a mutex that it did not wait with");
                bell.place.store(to, Ordering::Relaxed);
            });
            Ok(moved.count() as u32)
        })?;
        if moved > 0 {
            self.wake(self.word_at(to), 1, ANY);
        }
        Ok(moved)
    }

    fn lock_pi(&self, word: &AtomicU32, until: Option<Moment>) -> Result<(), Errno> {
        let is_taken = self.locked(|sleepers| {
            let is_taken = Self::try_lock(sleepers, word, self.me)?;
            if !is_taken {
                sleepers.push(Sleeper { thread: self.me, word: address(word), bits: ANY, reason: For::Lock });
            }
            Ok(is_taken)
        })?;
        if is_taken || self.sleep(until).is_none() { Ok(()) } else { Err(Errno::ETIMEDOUT) }
    }

    fn try_lock_pi(&self, word: &AtomicU32) -> Result<(), Errno> {
        match self.locked(|sleepers| Self::try_lock(sleepers, word, self.me)) {
            Ok(false) => Err(Errno::EAGAIN),
            other => other.map(|_| ()),
        }
    }

    fn unlock_pi(&self, word: &AtomicU32) -> Result<(), Errno> {
        let heir = self.locked(|sleepers| {
            let held = word.load(Ordering::Relaxed);
            if held & TID_MASK != self.tid() {
                return Err(Errno::EPERM);
            }
            let heir = Self::take_first(sleepers, address(word), ANY, For::Lock);
            let is_wanted = sleepers.iter().any(|sleeper| sleeper.word == address(word));
            let new = heir.map_or(0, |heir| name(heir) | if is_wanted { WAITERS } else { 0 });
            word.swap(new, Ordering::AcqRel);
            Ok(heir)
        })?;
        self.ring(heir.as_slice());
        Ok(())
    }

    fn wait_movable_pi(&self, word: &AtomicU32, expected: u32, until: Option<Moment>, _lock: &AtomicU32) -> Ended {
        if self.enter(word, expected, ANY, For::Move).is_err() {
            return Ended::Changed;
        }
        match self.sleep(until) {
            None => Ended::Holds,
            Some(left) if left == address(word) => Ended::Late,
            Some(_) => Ended::Moved,
        }
    }

    fn move_pi(&self, from: &AtomicU32, expected: u32, lock: usize, others: u32) -> Result<u32, Errno> {
        let word = self.word_at(lock);
        let (count, heir) = self.locked(|sleepers| {
            if from.load(Ordering::Relaxed) != expected {
                return Err(Errno::EAGAIN);
            }
            let (mut count, mut heir) = (0, None);
            while count <= others {
                let Some(thread) = Self::take_first(sleepers, address(from), ANY, For::Move) else { break };
                if Self::try_lock(sleepers, word, thread)? {
                    heir = Some(thread);
                } else {
                    sleepers.push(Sleeper { thread, word: lock, bits: ANY, reason: For::Lock });
                }
                count += 1;
            }
            Ok((count, heir))
        })?;
        self.ring(heir.as_slice());
        Ok(count)
    }

    fn raise(&self, _ceiling: u8) -> Result<(), Errno> {
        Ok(())
    }

    fn lower(&self, _ceiling: u8) {}

    fn begin_robust(&self, _entry: &RobustEntry, _lends: bool) {}

    fn end_robust(&self) {}

    fn list(&self, _entry: &RobustEntry, _lends: bool) {}

    fn unlist(&self, _entry: &RobustEntry) {}

    fn spin(&self, _turn: u32) {
        loom::thread::yield_now();
    }
}
