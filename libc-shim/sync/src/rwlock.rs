//! Locks for many readers or one writer.
//!
//! Readers and writers sleep on the same word, each with a bit of their own, so that whoever lets go need not touch the lock any more: its
//! last move on the word says whom to wake. While a writer is woken others may be faster, and it sleeps again: it stays counted.

use skete_abi::Errno;

use crate::atomic::{AtomicU32, Ordering, constructor};
use crate::deadline::{Deadline, Moment, moment_of};
use crate::futex::Futex;
use crate::mutant::{self, Mutant};

/// A lock. All zero: free, readers go before writers that wait.
///
/// What `state` holds:
///
/// | bits | means |
/// |---|---|
/// | 0–14 | 0: free; all ones: a writer holds it; else how many times readers do |
/// | 15–30 | how many writers wait: they count themselves in and out |
/// | 31 | readers may sleep: who lets them go takes it back, and wakes them all |
#[derive(Debug)]
#[repr(C)]
pub struct RwLock {
    state: AtomicU32,
    /// The writer that holds it. Its own to write.
    writer: AtomicU32,
    /// Whether readers wait behind writers that wait.
    prefers_writers: AtomicU32,
}

const HOLDERS: u32 = (1 << 15) - 1;
const WRITTEN: u32 = HOLDERS;
/// The most times that it can be held for reading.
pub const MOST_READERS: u32 = WRITTEN - 1;
const WRITER: u32 = 1 << 15;
const WRITERS: u32 = SLEEPERS - WRITER;
const SLEEPERS: u32 = 1 << 31;

/// The bits with which readers and writers sleep.
const TO_READ: u32 = 1;
const TO_WRITE: u32 = 2;

/// Who goes on when the lock becomes free.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Serve {
    Nobody,
    Writer,
    Readers,
}

#[cfg(not(loom))]
const _: () = assert!(size_of::<RwLock>() <= 56, "the room of musl's pthread_rwlock_t");

impl RwLock {
    /// Its first words, as assembly finds them by their place.
    pub const fn words(&self) -> [&AtomicU32; 2] {
        [&self.state, &self.writer]
    }

    constructor! {
        /// A free one. Who prefers writers lets readers wait behind them: then a reader must not take it twice.
        pub fn new(prefers_writers: bool) -> Self {
            let prefers_writers = AtomicU32::new(prefers_writers as u32);
            Self { state: AtomicU32::new(0), writer: AtomicU32::new(0), prefers_writers }
        }
    }

    /// Takes it for reading, waiting until `until`, which nobody looks at if it need not wait.
    ///
    /// # Errors
    /// `EDEADLK`: the caller holds it for writing. `EAGAIN`: readers hold it 32,766 times. `EINVAL`: the deadline is no time.
    /// `ETIMEDOUT`: it passed.
    #[inline]
    pub fn read(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        let state = self.state.load(Ordering::Relaxed);
        if state < MOST_READERS && self.take(state, state + 1) { Ok(()) } else { self.read_slow(futex, until) }
    }

    /// Takes it for writing, waiting until `until`.
    ///
    /// # Errors
    /// `EDEADLK`: the caller holds it for writing. `EINVAL`: the deadline is no time. `ETIMEDOUT`: it passed.
    #[inline]
    pub fn write(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        if !self.take(0, WRITTEN) {
            self.write_slow(futex, until)?;
        }
        self.writer.store(futex.tid(), Ordering::Relaxed);
        Ok(())
    }

    /// Takes it for reading, if that can be done at once.
    ///
    /// # Errors
    /// `EBUSY`: it cannot. `EAGAIN`: as [`read`](Self::read).
    pub fn try_read(&self) -> Result<(), Errno> {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & HOLDERS == MOST_READERS {
                return Err(Errno::EAGAIN);
            }
            if !self.is_readable(state) {
                return Err(Errno::EBUSY);
            }
            if self.take(state, state + 1) {
                return Ok(());
            }
        }
    }

    /// Takes it for writing, if that can be done at once.
    ///
    /// # Errors
    /// `EBUSY`: it cannot.
    pub fn try_write(&self, futex: &impl Futex) -> Result<(), Errno> {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & HOLDERS != 0 {
                return Err(Errno::EBUSY);
            }
            if self.take(state, state | WRITTEN) {
                self.writer.store(futex.tid(), Ordering::Relaxed);
                return Ok(());
            }
        }
    }

    /// Lets it go, whichever way the caller holds it.
    ///
    /// # Errors
    /// `EPERM`: nobody holds it, or another does for writing.
    #[inline]
    pub fn unlock(&self, futex: &impl Futex) -> Result<(), Errno> {
        let state = self.state.load(Ordering::Relaxed);
        // Some readers, and nobody waits.
        if state.wrapping_sub(1) < MOST_READERS && self.release(state, state - 1) { Ok(()) } else { self.unlock_slow(futex) }
    }

    /// Whether nobody holds it.
    pub fn is_free(&self) -> bool {
        self.state.load(Ordering::Relaxed) & HOLDERS == 0
    }

    #[inline(always)]
    fn take(&self, from: u32, to: u32) -> bool {
        // Acquire: pairs with `release`.
        let order = if mutant::is(Mutant::LockTakenRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
        self.state.compare_exchange(from, to, order, Ordering::Relaxed).is_ok()
    }

    #[inline(always)]
    fn release(&self, from: u32, to: u32) -> bool {
        // Release: pairs with `take`.
        self.state.compare_exchange(from, to, Ordering::Release, Ordering::Relaxed).is_ok()
    }

    fn is_readable(&self, state: u32) -> bool {
        state & HOLDERS < MOST_READERS && (state & WRITERS == 0 || self.prefers_writers.load(Ordering::Relaxed) == 0)
    }

    fn is_written_by(&self, state: u32, me: u32) -> bool {
        state & HOLDERS == WRITTEN && self.writer.load(Ordering::Relaxed) == me
    }

    /// [`read`](Self::read) of any lock.
    ///
    /// # Errors
    /// As there.
    #[cold]
    pub fn read_slow(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & HOLDERS == MOST_READERS {
                return Err(Errno::EAGAIN);
            }
            if self.is_readable(state) {
                if self.take(state, state + 1) {
                    return Ok(());
                }
                continue;
            }
            if self.is_written_by(state, futex.tid()) {
                return Err(Errno::EDEADLK);
            }
            let moment = moment_of(until)?;
            let is_told = mutant::is(Mutant::ReaderSilent) || state & SLEEPERS != 0 || self.take(state, state | SLEEPERS);
            if is_told {
                let told = if mutant::is(Mutant::ReaderSilent) { state } else { state | SLEEPERS };
                Self::passed(futex.wait(&self.state, told, TO_READ, moment))?;
            }
        }
    }

    #[cold]
    fn write_slow(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        // Counted in with the look that finds it taken, so that whoever lets go sees the count.
        let moment = loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & HOLDERS == 0 {
                if self.take(state, state | WRITTEN) {
                    return Ok(());
                }
                continue;
            }
            if self.is_written_by(state, futex.tid()) {
                return Err(Errno::EDEADLK);
            }
            let moment = moment_of(until)?;
            if self.take(state, state + WRITER) {
                break moment;
            }
        };
        self.wait_to_write(futex, moment)
    }

    /// The second half of [`write_slow`](Self::write_slow): the caller is counted.
    fn wait_to_write(&self, futex: &impl Futex, until: Option<Moment>) -> Result<(), Errno> {
        let mut passed = Ok(());
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & HOLDERS == 0 {
                if self.take(state, (state - WRITER) | WRITTEN) {
                    return Ok(());
                }
            } else if passed.is_err() {
                if self.give_up(futex, state) {
                    return passed;
                }
            } else {
                passed = Self::passed(futex.wait(&self.state, state, TO_WRITE, until));
            }
        }
    }

    /// A writer that waited does so no more; readers may have waited for nothing else. False: the word changed, once more.
    fn give_up(&self, futex: &impl Futex, state: u32) -> bool {
        let rest = state - WRITER;
        let frees_readers = rest & SLEEPERS != 0 && self.is_readable(rest) && !mutant::is(Mutant::LateWriterForgetsReaders);
        let is_out = self.take(state, if frees_readers { rest & !SLEEPERS } else { rest });
        if is_out && frees_readers {
            futex.wake(&self.state, u32::MAX, TO_READ);
        }
        is_out
    }

    /// What a wait answers that is not to be asked again.
    fn passed(waited: Result<(), Errno>) -> Result<(), Errno> {
        match waited {
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(()),
            other => other,
        }
    }

    /// [`unlock`](Self::unlock) of any lock.
    ///
    /// # Errors
    /// As there.
    #[cold]
    pub fn unlock_slow(&self, futex: &impl Futex) -> Result<(), Errno> {
        let held = self.state.load(Ordering::Relaxed) & HOLDERS;
        if held == 0 || held == WRITTEN && self.writer.load(Ordering::Relaxed) != futex.tid() {
            return Err(Errno::EPERM);
        }
        if held == WRITTEN {
            self.writer.store(0, Ordering::Relaxed);
        }
        loop {
            let state = self.state.load(Ordering::Relaxed);
            let rest = if held == WRITTEN { state & !HOLDERS } else { state - 1 };
            let serve = self.serve(rest);
            let next = if serve == Serve::Readers { rest & !SLEEPERS } else { rest };
            if self.release(state, next) {
                self.wake(futex, serve, rest & WRITERS != 0);
                return Ok(());
            }
        }
    }

    /// Who goes on when the word becomes `state`.
    fn serve(&self, state: u32) -> Serve {
        let (writers, sleepers) = (state & WRITERS != 0, state & SLEEPERS != 0);
        if state & HOLDERS != 0 || mutant::is(Mutant::WriterForgotten) && !sleepers {
            return Serve::Nobody;
        }
        match (writers, sleepers) {
            (false, false) => Serve::Nobody,
            (true, true) if self.prefers_writers.load(Ordering::Relaxed) == 0 => Serve::Readers,
            (true, _) => Serve::Writer,
            (false, true) => Serve::Readers,
        }
    }

    /// The lock is another's by now: only the word's address is used.
    #[inline(always)]
    fn wake(&self, futex: &impl Futex, serve: Serve, has_writers: bool) {
        // Readers that gave up left their mark behind; those that are woken let go some time, and a writer goes on then.
        let serves_writer = match serve {
            Serve::Nobody => false,
            Serve::Writer => true,
            Serve::Readers => {
                let woken = futex.wake(&self.state, u32::MAX, TO_READ);
                woken == 0 && has_writers && !mutant::is(Mutant::LateReadersCounted)
            }
        };
        if serves_writer {
            futex.wake(&self.state, 1, TO_WRITE);
        }
    }
}
