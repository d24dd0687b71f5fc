//! Counting semaphores.

use skete_abi::Errno;

use crate::atomic::{AtomicU32, Ordering, constructor};
use crate::deadline::{Deadline, moment_of};
use crate::futex::{ANY, Futex};
use crate::mutant::{self, Mutant};

/// A semaphore.
///
/// What `word` holds:
///
/// | bits | means |
/// |---|---|
/// | 0–30 | the count |
/// | 31 | somebody may sleep |
///
/// A post of a marked one wakes one who sleeps, if anybody does. Who waits and takes one down leaves the mark while others wait, and takes it
/// away if nobody does: one who has begun to meanwhile may sleep then, but for the post of what was taken another was woken, who puts the
/// mark back. Who gives up takes it away too, and wakes everyone: each who sleeps again puts it back. A post does not touch the semaphore
/// any more once its move on the word is made: who was waiting may destroy it (POSIX sem_destroy).
#[derive(Debug)]
#[repr(C)]
pub struct Semaphore {
    word: AtomicU32,
    /// How many wait. They count themselves.
    waiters: AtomicU32,
}

const COUNT: u32 = MARK - 1;
const MARK: u32 = 1 << 31;

/// The greatest count (POSIX SEM_VALUE_MAX).
pub const MOST: u32 = COUNT;

#[cfg(not(loom))]
const _: () = assert!(size_of::<Semaphore>() <= 32, "the room of musl's sem_t");

impl Semaphore {
    /// Its first words, as assembly finds them by their place.
    pub const fn words(&self) -> [&AtomicU32; 2] {
        [&self.word, &self.waiters]
    }

    constructor! {
        /// One of this count, at most [`MOST`].
        pub fn new(count: u32) -> Self {
            Self { word: AtomicU32::new(count & COUNT), waiters: AtomicU32::new(0) }
        }
    }

    /// The count; 0 while somebody waits.
    #[inline]
    pub fn count(&self) -> u32 {
        self.word.load(Ordering::Relaxed) & COUNT
    }

    /// One up.
    ///
    /// # Errors
    /// `EOVERFLOW`: it is the greatest.
    #[inline]
    pub fn post(&self, futex: &impl Futex) -> Result<(), Errno> {
        let word = self.word.load(Ordering::Relaxed);
        // Release: pairs with the Acquire of who takes it down.
        let is_done = word < MOST && self.exchange(word, word + 1, Ordering::Release);
        if is_done { Ok(()) } else { self.post_slow(futex) }
    }

    /// [`post`](Self::post) of any semaphore.
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn post_slow(&self, futex: &impl Futex) -> Result<(), Errno> {
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & COUNT == MOST {
                return Err(Errno::EOVERFLOW);
            }
            if self.exchange(word, word + 1, Ordering::Release) {
                if word & MARK != 0 {
                    self.wake_one(futex);
                }
                return Ok(());
            }
        }
    }

    /// The rest of a post of a semaphore that was marked.
    #[inline(always)]
    pub fn wake_one(&self, futex: &impl Futex) {
        futex.wake(&self.word, 1, ANY);
    }

    /// One down, waiting for it until `until`, which nobody looks at if it need not wait.
    ///
    /// # Errors
    /// `EINVAL`: the deadline is no time. `ETIMEDOUT`: it passed. `EINTR`: a signal came.
    #[inline]
    pub fn wait(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        let word = self.word.load(Ordering::Relaxed);
        if word & COUNT != 0 && self.exchange(word, word - 1, Ordering::Acquire) { Ok(()) } else { self.wait_slow(futex, until) }
    }

    /// One down, if that can be done at once.
    ///
    /// # Errors
    /// `EAGAIN`: it cannot.
    #[inline]
    pub fn try_wait(&self) -> Result<(), Errno> {
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & COUNT == 0 {
                return Err(Errno::EAGAIN);
            }
            if self.exchange(word, word - 1, Ordering::Acquire) {
                return Ok(());
            }
        }
    }

    #[inline(always)]
    fn exchange(&self, from: u32, to: u32, order: Ordering) -> bool {
        if mutant::is(Mutant::PostedInTwoSteps) && order == Ordering::Release {
            self.word.store(to, order);
            return true;
        }
        self.word.compare_exchange(from, to, order, Ordering::Relaxed).is_ok()
    }

    /// [`wait`](Self::wait) for any semaphore.
    ///
    /// # Errors
    /// As there.
    #[inline(always)]
    pub fn wait_slow(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        let moment = moment_of(until);
        self.waiters.fetch_add(1, Ordering::Relaxed);
        // Who waits for ever has just found nothing there: if that is not so any more the exchange says so.
        let is_silent = mutant::is(Mutant::SemaphoreWaitedForSilently);
        if moment == Ok(None) && !is_silent && self.exchange(0, MARK, Ordering::Relaxed) {
            match futex.wait(&self.word, MARK, ANY, None) {
                Ok(()) | Err(Errno::EAGAIN) => {}
                Err(errno) => return self.give_up(futex, errno),
            }
        }
        loop {
            let word = self.word.load(Ordering::Relaxed);
            if word & COUNT != 0 {
                let is_last = self.is_alone() || mutant::is(Mutant::TakerForgetsOthers);
                let mark = if is_last { 0 } else { MARK };
                if self.exchange(word, (word - 1) & COUNT | mark, Ordering::Acquire) {
                    self.waiters.fetch_sub(1, Ordering::Relaxed);
                    return Ok(());
                }
                continue;
            }
            let moment = match moment {
                Ok(moment) => moment,
                Err(errno) => return self.give_up(futex, errno),
            };
            // Who finds the mark need not put it there.
            if !is_silent && word == 0 && !self.exchange(0, MARK, Ordering::Relaxed) {
                continue;
            }
            match futex.wait(&self.word, if is_silent { 0 } else { MARK }, ANY, moment) {
                Ok(()) | Err(Errno::EAGAIN) => {}
                Err(errno) => return self.give_up(futex, errno),
            }
        }
    }

    /// Whether the caller, who waits, was the only one a moment ago.
    #[inline]
    fn is_alone(&self) -> bool {
        self.waiters.load(Ordering::Relaxed) == 1
    }

    /// The caller waits no longer: without others the mark must not stay, or each post from now on would ask the kernel.
    #[cold]
    fn give_up(&self, futex: &impl Futex, errno: Errno) -> Result<(), Errno> {
        if self.is_alone() {
            let word = self.word.fetch_and(COUNT, Ordering::Relaxed);
            if word & MARK != 0 && !mutant::is(Mutant::LeaverForgetsOthers) {
                futex.wake(&self.word, u32::MAX, ANY);
            }
        }
        self.waiters.fetch_sub(1, Ordering::Relaxed);
        Err(errno)
    }
}
