//! Mutexes: normal, recursive, errorcheck; robust; lending priority (PTHREAD_PRIO_INHERIT) or with a ceiling (PTHREAD_PRIO_PROTECT).
//!
//! A mutex that is only that (kind 0) does not know its holder, and is moved by one instruction and one compare; every other kind has its
//! holder's name in the word. Its fast ways are here; [`plain`] waits for the first sort, [`owned`] is all of the second; [`Kind`] is
//! what attributes say.
//!
//! | errors | of |
//! |---|---|
//! | `EDEADLK` | `lock` of an errorcheck mutex that the caller holds, or whose chain of holders that lend leads back to it |
//! | `EBUSY` | `try_lock` of a held one, but by the holder of a recursive one; `destroy` |
//! | `EAGAIN` | a recursive one is held 2³² − 1 times |
//! | `EPERM` | `unlock` of one that knows its holder, by another |
//! | `EOWNERDEAD` | taken, and its holder died: [`consistent`](Mutex::consistent) is to follow |
//! | `ENOTRECOVERABLE` | that did not follow: nobody ever holds it again |
//! | `EINVAL` | the caller's priority is above the ceiling; a deadline that is no time, if it would have to wait |
//! | `ETIMEDOUT` | the deadline passed |

pub mod kind;
mod owned;
mod plain;

pub use kind::Kind;

use skete_abi::Errno;

use crate::atomic::{AtomicU32, AtomicUsize, Ordering, constructor};
use crate::deadline::Deadline;
use crate::futex::{ANY, Futex, TID_MASK};
use crate::mutant::{self, Mutant};
use plain::{CONTENDED, FREE, HELD};

/// Where a robust list holds a mutex, `futex_offset` bytes behind its word: the kernel follows `next`.
#[derive(Debug)]
#[repr(C)]
pub struct RobustEntry {
    /// The address of the next entry's `next`, or of the list's head; bit 0: that mutex lends priority.
    pub next: AtomicUsize,
    /// The address of the `next` that leads here.
    pub previous: AtomicUsize,
}

/// A mutex. All zero: a normal one that is free.
///
/// What `word` holds, of kind 0:
///
/// | value | means |
/// |---|---|
/// | 0 | free |
/// | 1 | held, and nobody sleeps |
/// | 2 | held, and somebody may sleep: who lets go wakes one |
///
/// and of every other kind:
///
/// | bits 0–29 | bit 31 | bit 30 | means |
/// |---|---|---|---|
/// | 0 | | 0 | free |
/// | 0 | as before | 1 | free: its holder died with it |
/// | a thread's name | 0 | 0 | held, and nobody sleeps |
/// | a thread's name | 1 | | held, and somebody may sleep: who lets go wakes one, or calls the kernel if it lends priority |
/// | a thread's name | | 1 | held, of a holder that died: to be made consistent |
///
/// Whoever took it from a sleep cannot know whether others sleep still, and holds it as if.
#[derive(Debug)]
#[repr(C)]
pub struct Mutex {
    /// [`Kind`]'s bits; only [`new`](Self::new) writes them.
    kind: AtomicU32,
    word: AtomicU32,
    /// How many times more than once its holder took it. The holder's.
    depth: AtomicU32,
    /// [`LOST`]: nobody holds it ever again. Written by the holder that lets go.
    fate: AtomicU32,
    /// Written by the holder.
    ceiling: AtomicU32,
    _spare: u32,
    entry: RobustEntry,
}

/// The fate of a mutex that nobody made consistent.
const LOST: u32 = 1;

/// From a robust list's entry to the word of its mutex, in bytes: `futex_offset` of the list's head.
#[cfg(not(loom))]
pub const ROBUST_OFFSET: isize = core::mem::offset_of!(Mutex, word).cast_signed() - core::mem::offset_of!(Mutex, entry).cast_signed();

#[cfg(not(loom))]
const _: () = assert!(size_of::<Mutex>() == 40, "the room of musl's pthread_mutex_t");

impl Mutex {
    /// Its first words, as assembly finds them by their place.
    pub const fn words(&self) -> [&AtomicU32; 2] {
        [&self.kind, &self.word]
    }

    constructor! {
        /// A free one of this kind.
        pub fn new(kind: Kind) -> Self {
            Self {
                kind: AtomicU32::new(kind.of_mutex()),
                word: AtomicU32::new(FREE),
                depth: AtomicU32::new(0),
                fate: AtomicU32::new(0),
                ceiling: AtomicU32::new(kind.ceiling() as u32),
                _spare: 0,
                entry: RobustEntry { next: AtomicUsize::new(0), previous: AtomicUsize::new(0) },
            }
        }
    }

    #[inline(always)]
    fn kind(&self) -> Kind {
        Kind::from_bits(self.kind.load(Ordering::Relaxed))
    }

    /// The word by which the kernel knows it.
    #[inline]
    pub fn word(&self) -> &AtomicU32 {
        &self.word
    }

    /// Takes it, and waits for it as long as it takes.
    ///
    /// # Errors
    /// See [`mutex`](self).
    #[inline]
    pub fn lock(&self, futex: &impl Futex) -> Result<(), Errno> {
        if self.kind().is_plain() && self.exchange(FREE, HELD) { Ok(()) } else { self.lock_slow(futex, None) }
    }

    /// Takes it, waiting until `deadline`, which nobody looks at if it is free.
    ///
    /// # Errors
    /// See [`mutex`](self).
    #[inline]
    pub fn lock_until(&self, futex: &impl Futex, deadline: Deadline) -> Result<(), Errno> {
        if self.kind().is_plain() && self.exchange(FREE, HELD) { Ok(()) } else { self.lock_slow(futex, Some(deadline)) }
    }

    /// Takes it if nobody holds it.
    ///
    /// # Errors
    /// `EBUSY`: somebody does. See [`mutex`](self).
    #[inline]
    pub fn try_lock(&self, futex: &impl Futex) -> Result<(), Errno> {
        if !self.kind().is_plain() {
            return self.try_lock_owned(futex);
        }
        if self.exchange(FREE, HELD) { Ok(()) } else { Err(Errno::EBUSY) }
    }

    /// Lets it go.
    ///
    /// # Errors
    /// `EPERM`: the caller does not hold it, where that is known.
    #[inline]
    pub fn unlock(&self, futex: &impl Futex) -> Result<(), Errno> {
        if !self.kind().is_plain() {
            return self.unlock_owned(futex);
        }
        // Release: pairs with the Acquire of whoever takes it.
        if self.word.swap(FREE, Ordering::Release) == CONTENDED {
            self.wake_one(futex);
        }
        Ok(())
    }

    /// [`lock`](Self::lock) of any mutex.
    ///
    /// # Errors
    /// As there.
    #[inline(never)]
    pub fn lock_slow(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        if self.kind().is_plain() { self.wait_plain(futex, until) } else { self.lock_owned(futex, until) }
    }

    /// A normal one was contended, and was let go: wakes one who waits for it.
    #[cold]
    pub fn wake_one(&self, futex: &impl Futex) {
        if !mutant::is(Mutant::ReleasedSilently) {
            futex.wake(&self.word, 1, ANY);
        }
    }

    /// Puts `new` into the word if it holds `expected`; whether it did.
    #[inline(always)]
    fn exchange(&self, expected: u32, new: u32) -> bool {
        // Acquire: pairs with the Release of whoever let go.
        let order = if mutant::is(Mutant::TakenRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
        self.word.compare_exchange(expected, new, order, Ordering::Relaxed).is_ok()
    }

    /// Whether it can go: nobody holds it.
    ///
    /// # Errors
    /// `EBUSY`: somebody does.
    pub fn destroy(&self) -> Result<(), Errno> {
        if self.word.load(Ordering::Relaxed) & TID_MASK == 0 { Ok(()) } else { Err(Errno::EBUSY) }
    }

    /// What its holder that died left behind is in order again.
    ///
    /// # Errors
    /// `EINVAL`: it is not robust, or not taken of one who died. `EPERM`: the caller does not hold it.
    pub fn consistent(&self, futex: &impl Futex) -> Result<(), Errno> {
        self.consistent_owned(futex)
    }

    /// The ceiling.
    ///
    /// # Errors
    /// `EINVAL`: it has none.
    pub fn ceiling(&self) -> Result<u8, Errno> {
        if self.kind().protects() { Ok(self.own_ceiling()) } else { Err(Errno::EINVAL) }
    }

    /// Gives it another ceiling, taking it meanwhile without regard for the ceiling; the old one.
    ///
    /// # Errors
    /// `EINVAL`: it has none, or there is no such one. `EDEADLK`: the caller holds it. As [`lock`](Self::lock).
    pub fn set_ceiling(&self, futex: &impl Futex, ceiling: u32) -> Result<u8, Errno> {
        self.set_ceiling_owned(futex, ceiling)
    }

    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "written from a u8")]
    fn own_ceiling(&self) -> u8 {
        self.ceiling.load(Ordering::Relaxed) as u8
    }
}

/// How a condition variable gives its waiter the mutex back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retake {
    /// Nobody else was moved to it.
    Alone,
    /// Others may sleep there.
    AmongOthers,
    /// It was handed over.
    Holds,
}

/// For condition variables.
impl Mutex {
    /// Whether waiters are moved to it by the operations for locks that lend priority.
    #[inline(always)]
    pub(crate) fn lends(&self) -> bool {
        self.kind().inherits()
    }

    /// Whether the caller may wait with it.
    ///
    /// # Errors
    /// `EPERM`: it does not hold it, where that is known.
    #[inline]
    pub(crate) fn check_held(&self, futex: &impl Futex) -> Result<(), Errno> {
        if self.kind().is_plain() || self.is_held_by(futex.tid()) { Ok(()) } else { Err(Errno::EPERM) }
    }

    /// Lets it go, however often the caller took it; how often it did beyond once.
    #[inline]
    pub(crate) fn release_whole(&self, futex: &impl Futex) -> u32 {
        if self.kind().is_plain() {
            let _ = self.unlock(futex);
            return 0;
        }
        let depth = self.depth.load(Ordering::Relaxed);
        self.release(futex, self.kind(), futex.tid());
        depth
    }

    /// Takes it again, as often as before.
    ///
    /// # Errors
    /// As [`lock`](Self::lock).
    #[inline]
    pub(crate) fn retake(&self, futex: &impl Futex, how: Retake, depth: u32) -> Result<(), Errno> {
        if !self.kind().is_plain() {
            return self.retake_owned(futex, how, depth);
        }
        if how == Retake::Alone { self.lock(futex) } else { self.wait_plain(futex, None) }
    }
}
