//! Condition variables. A signal wakes one, a broadcast moves all of them to the mutex, where each wakes the next.
//!
//! Who waits reads `turn` under the mutex and sleeps as long as it is that; every signal changes it. The kernel's answer says who was
//! woken or moved, and by whom each is counted out: a signal counts out those whom it reached, everyone else itself, before taking the
//! mutex. So [`destroy`](Condition::destroy), which waits until nobody is inside, needs nobody who waits for the mutex, and may be called
//! as soon as all are woken, with the mutex held or not (POSIX pthread_cond_destroy, "Examples").

use skete_abi::Errno;

use crate::atomic::{AtomicU32, AtomicUsize, Ordering, constructor};
use crate::deadline::{Clock, Deadline, moment_of};
use crate::futex::{ANY, Ended, Futex};
use crate::mutant::{self, Mutant};
use crate::mutex::{Mutex, Retake};

/// A condition variable. All zero: nobody waits, the clock is the wall clock.
///
/// What `inside` holds:
///
/// | bits | means |
/// |---|---|
/// | 0–15 | who waits, and was not counted out |
/// | 16–30 | who signals just now |
/// | 31 | somebody destroys it, and waits until the others are 0 |
#[derive(Debug)]
#[repr(C)]
pub struct Condition {
    /// Grows with each signal, and when the mutex becomes another.
    turn: AtomicU32,
    inside: AtomicU32,
    /// The address of the word of the mutex that those who wait gave, plus [`LENDS`]. Written under that mutex.
    mutex: AtomicUsize,
    /// 0: the wall clock; 1: what counts from boot.
    clock: AtomicU32,
}

const WAITER: u32 = 1;
const WAITERS: u32 = SIGNALLER - 1;
const SIGNALLER: u32 = 1 << 16;
const DESTROYING: u32 = 1 << 31;

/// In `mutex`: it lends priority.
const LENDS: usize = 1;

#[cfg(not(loom))]
const _: () = assert!(size_of::<Condition>() <= 48, "the room of musl's pthread_cond_t");

impl Condition {
    constructor! {
        /// One whose deadlines are moments of `clock`.
        pub fn new(clock: Clock) -> Self {
            let clock = AtomicU32::new(matches!(clock, Clock::Monotonic) as u32);
            Self { turn: AtomicU32::new(0), inside: AtomicU32::new(0), mutex: AtomicUsize::new(0), clock }
        }
    }

    /// The clock of its deadlines.
    #[inline]
    pub fn clock(&self) -> Clock {
        if self.clock.load(Ordering::Relaxed) == 0 { Clock::Realtime } else { Clock::Monotonic }
    }

    /// Lets `mutex` go, waits for a signal and takes it again. It may return without one; a signal for this one is then not lost: it
    /// reaches another.
    ///
    /// # Errors
    /// `EPERM`: the caller does not hold it, where that is known; `EINVAL`: the deadline is no time: then nothing happened.
    /// `ETIMEDOUT`: the deadline passed, `EINTR`: a signal came, and the caller holds the mutex in either case. As [`Mutex::lock`], of
    /// taking it again.
    #[inline]
    pub fn wait(&self, futex: &impl Futex, mutex: &Mutex, until: Option<Deadline>) -> Result<(), Errno> {
        let moment = moment_of(until)?;
        mutex.check_held(futex)?;
        self.bind(mutex);
        let early = mutant::is(Mutant::TurnReadLate).then(|| mutex.release_whole(futex));
        let turn = self.turn.load(Ordering::Relaxed);
        // Release: who signals finds the mutex. Under the mutex: who signals after it has changed anything finds the waiter.
        self.inside.fetch_add(WAITER, Ordering::Release);
        let depth = early.unwrap_or_else(|| mutex.release_whole(futex));
        let ended = if mutex.lends() {
            futex.wait_movable_pi(&self.turn, turn, moment, mutex.word())
        } else {
            futex.wait_movable(&self.turn, turn, moment)
        };
        if matches!(ended, Ended::Changed | Ended::Late | Ended::Interrupted) {
            self.leave(futex, WAITER);
        }
        let how = match ended {
            Ended::Moved if !mutant::is(Mutant::MovedForgetsOthers) => Retake::AmongOthers,
            Ended::Holds => Retake::Holds,
            _ => Retake::Alone,
        };
        mutex.retake(futex, how, depth)?;
        match ended {
            Ended::Late => Err(Errno::ETIMEDOUT),
            Ended::Interrupted => Err(Errno::EINTR),
            _ => Ok(()),
        }
    }

    /// From now on those who wait do so with `mutex`, which the caller holds.
    #[inline(always)]
    fn bind(&self, mutex: &Mutex) {
        let name = address_of(mutex.word()) | if mutex.lends() { LENDS } else { 0 };
        if self.mutex.load(Ordering::Relaxed) != name {
            self.mutex.store(name, Ordering::Relaxed);
            if !mutant::is(Mutant::BoundSilently) {
                // Release: a broadcast that reads this turn reads this mutex too; one that read another moves nobody.
                self.turn.fetch_add(1, Ordering::Release);
            }
        }
    }

    /// Wakes one, if anybody waits.
    #[inline]
    pub fn signal(&self, futex: &impl Futex) {
        // Who signals after it has changed anything under the mutex sees all who waited before.
        if self.inside.load(Ordering::Relaxed) & WAITERS != 0 {
            self.signal_some(futex);
        }
    }

    /// Lets all go on who wait: one now, and each of the others when it can have the mutex.
    #[inline]
    pub fn broadcast(&self, futex: &impl Futex) {
        if self.inside.load(Ordering::Relaxed) & WAITERS != 0 {
            self.signal_all(futex);
        }
    }

    #[cold]
    fn signal_some(&self, futex: &impl Futex) {
        // Acquire: pairs with the Release of who waits.
        self.inside.fetch_add(SIGNALLER, Ordering::Acquire);
        let planted = mutant::is(Mutant::WokenBeforeTheTurn).then(|| futex.wake(&self.turn, 1, ANY));
        self.turn.fetch_add(1, Ordering::Relaxed);
        let lends = self.mutex.load(Ordering::Relaxed) & LENDS != 0 && !mutant::is(Mutant::WokenNotMoved);
        let gone = planted.unwrap_or_else(|| if lends { self.move_to_mutex(futex, 0) } else { futex.wake(&self.turn, 1, ANY) });
        self.leave(futex, SIGNALLER + gone);
    }

    #[cold]
    fn signal_all(&self, futex: &impl Futex) {
        // Acquire: as above.
        self.inside.fetch_add(SIGNALLER, Ordering::Acquire);
        self.turn.fetch_add(1, Ordering::Relaxed);
        let gone = self.move_to_mutex(futex, i32::MAX.cast_unsigned());
        self.leave(futex, SIGNALLER + gone);
    }

    /// Moves the first of those who wait, and at most `others` more, to their mutex; how many.
    fn move_to_mutex(&self, futex: &impl Futex, others: u32) -> u32 {
        loop {
            // Acquire: pairs with `bind`.
            let turn = self.turn.load(Ordering::Acquire);
            let mutex = self.mutex.load(Ordering::Relaxed);
            let moved = if mutex & LENDS == 0 {
                futex.move_all(&self.turn, turn, mutex)
            } else {
                futex.move_pi(&self.turn, turn, mutex & !LENDS, others)
            };
            match moved {
                Ok(moved) => return moved,
                Err(Errno::EAGAIN) => {}
                // Of a mutex that lends, whose holder is gone: nobody will ever have it.
                Err(_) => return 0,
            }
        }
    }

    /// `who` is inside no more, and touches nothing here any more.
    #[inline]
    fn leave(&self, futex: &impl Futex, who: u32) {
        // Release: pairs with the Acquire of who destroys.
        let before = self.inside.fetch_sub(who, Ordering::Release);
        if before.wrapping_sub(who) == DESTROYING {
            futex.wake(&self.inside, u32::MAX, ANY);
        }
    }

    /// Returns when nobody is inside, so that its memory may be used for something else: at once, unless others are just being woken.
    pub fn destroy(&self, futex: &impl Futex) {
        if mutant::is(Mutant::DestroyedAtOnce) {
            return;
        }
        let mut inside = self.inside.fetch_or(DESTROYING, Ordering::Acquire) | DESTROYING;
        while inside != DESTROYING {
            let _ = futex.wait(&self.inside, inside, ANY, None);
            inside = self.inside.load(Ordering::Acquire);
        }
        self.inside.store(0, Ordering::Relaxed);
    }
}

/// A word's address, by which the kernel knows it.
#[inline(always)]
fn address_of(word: &AtomicU32) -> usize {
    core::ptr::from_ref(word).addr()
}
