//! Barriers: nobody passes before all have arrived.

use skete_abi::Errno;

use crate::atomic::{AtomicU32, Ordering};
use crate::futex::{ANY, Futex};
use crate::mutant::{self, Mutant};

/// A barrier.
///
/// What `round` holds:
///
/// | bits | means |
/// |---|---|
/// | 0–15 | how many have arrived for this round, less than all |
/// | 16–31 | the round's number |
///
/// The last to arrive begins the next round with the same move, so that whoever comes then belongs to that one. `inside` counts who may
/// still look, woken or not: who destroys the barrier, with bit 31, waits until that is nobody.
#[derive(Debug)]
#[repr(C)]
pub struct Barrier {
    round: AtomicU32,
    inside: AtomicU32,
    count: u32,
}

const ROUND: u32 = 1 << 16;
const ARRIVED: u32 = ROUND - 1;
const DESTROYING: u32 = 1 << 31;

#[cfg(not(loom))]
const _: () = assert!(size_of::<Barrier>() <= 32, "the room of musl's pthread_barrier_t");

impl Barrier {
    /// One for `count` threads. More than there can be never come.
    ///
    /// # Errors
    /// `EINVAL`: none.
    pub fn new(count: u32) -> Result<Self, Errno> {
        if count == 0 { Err(Errno::EINVAL) } else { Ok(Self { round: AtomicU32::new(0), inside: AtomicU32::new(0), count }) }
    }

    /// Waits until all have arrived. True for one of them (POSIX PTHREAD_BARRIER_SERIAL_THREAD).
    #[inline]
    pub fn wait(&self, futex: &impl Futex) -> bool {
        self.inside.fetch_add(1, Ordering::Relaxed);
        let is_last = self.arrive(futex);
        // Release: pairs with the Acquire of who destroys. The last touch.
        if self.inside.fetch_sub(1, Ordering::Release) == DESTROYING + 1 {
            futex.wake(&self.inside, u32::MAX, ANY);
        }
        is_last
    }

    #[inline(always)]
    fn arrive(&self, futex: &impl Futex) -> bool {
        let mut seen = self.round.load(Ordering::Relaxed);
        loop {
            let is_last = (seen & ARRIVED) + 1 == self.count;
            let next = if is_last { (seen & !ARRIVED).wrapping_add(ROUND) } else { seen + 1 };
            if is_last && mutant::is(Mutant::WokenBeforeTheRound) {
                futex.wake(&self.round, u32::MAX, ANY);
            }
            if mutant::is(Mutant::ArrivedInTwoSteps) {
                self.round.store(next, Ordering::Release);
            } else if let Err(other) = self.round.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                // What everyone did before arriving is seen by everyone after: AcqRel, and Acquire in `pass`.
                seen = other;
                continue;
            }
            if !is_last {
                self.pass(futex, next);
            } else if !mutant::is(Mutant::WokenBeforeTheRound) {
                futex.wake(&self.round, u32::MAX, ANY);
            }
            return is_last;
        }
    }

    /// Waits until the round is another than that of `mine`.
    #[inline(always)]
    fn pass(&self, futex: &impl Futex, mine: u32) {
        let mut seen = mine;
        while (seen ^ mine) & !ARRIVED == 0 {
            let _ = futex.wait(&self.round, seen, ANY, None);
            seen = self.round.load(Ordering::Acquire);
        }
    }

    /// Returns when those who passed it are out, so that its memory may be used for something else.
    ///
    /// # Errors
    /// `EBUSY`: some have arrived, and others have not.
    pub fn destroy(&self, futex: &impl Futex) -> Result<(), Errno> {
        if self.round.load(Ordering::Relaxed) & ARRIVED != 0 {
            return Err(Errno::EBUSY);
        }
        if mutant::is(Mutant::BarrierGoneAtOnce) {
            return Ok(());
        }
        let mut inside = self.inside.fetch_or(DESTROYING, Ordering::Acquire) | DESTROYING;
        while inside != DESTROYING {
            let _ = futex.wait(&self.inside, inside, ANY, None);
            inside = self.inside.load(Ordering::Acquire);
        }
        self.inside.store(0, Ordering::Relaxed);
        Ok(())
    }
}
