//! A core's time, divided between equals: each runs for a slice, then the next one does.
//!
//! Nothing is set or forgotten where threads sleep and wake. A switch writes down when the thread began; a tick is set where an equal waits
//! and none is to come. When it comes it finds a thread that began later, and is set again for that one's end; or one whose slice is over;
//! or nobody who waits, and then it was the last.

use skete_cell::atomic::{AtomicU64, Ordering};

/// No tick is to come.
const NEVER: u64 = u64::MAX;

/// The slice of what a core runs. Times are in ticks of the counter. Written by this core alone.
#[derive(Debug)]
pub struct Slice {
    /// When the running thread began.
    began: AtomicU64,
    /// When the next tick comes, by a timer that fires then or earlier. Taken back under the lock of the core's queue only, while
    /// no equal is in it: one who queues an equal and sees that a tick is to come may rely on it.
    tick: AtomicU64,
}

impl Default for Slice {
    fn default() -> Self {
        Self::new()
    }
}

impl Slice {
    skete_cell::constructor! {
        /// Nothing runs, and no tick is to come.
        #[must_use]
        pub fn new() -> Self {
            Self { began: AtomicU64::new(0), tick: AtomicU64::new(NEVER) }
        }
    }

    /// A thread begins to run.
    #[inline(always)]
    pub fn begin(&self, now: u64) {
        self.began.store(now, Ordering::Relaxed);
    }

    /// Whether a tick is to come.
    #[inline(always)]
    pub fn is_ticking(&self) -> bool {
        self.tick.load(Ordering::Relaxed) != NEVER
    }

    /// An equal waits from now on, and no tick was to come: when it is to come. The slice counts from now.
    #[inline]
    pub fn expect_tick(&self, now: u64, length: u64) -> u64 {
        self.began.store(now, Ordering::Relaxed);
        self.tick.store(now + length, Ordering::Relaxed);
        now + length
    }

    /// Whether the running thread has had its slice, but for what is not worth a tick of its own.
    #[must_use]
    pub fn is_over(&self, now: u64, length: u64) -> bool {
        now.saturating_sub(self.began.load(Ordering::Relaxed)) >= length - length / 16
    }

    /// Whoever runs, its slice is over.
    pub fn end(&self) {
        self.began.store(0, Ordering::Relaxed);
    }

    /// Whether the tick has come.
    #[must_use]
    pub fn is_due(&self, now: u64) -> bool {
        self.tick.load(Ordering::Relaxed) <= now
    }

    /// The tick has come: the next, if it is `wanted`, at the end of the running thread's slice, or of the next one's if that is over. The
    /// caller holds the queue's lock.
    pub fn tick(&self, now: u64, length: u64, wanted: bool) {
        let from = if self.is_over(now, length) { now } else { self.began.load(Ordering::Relaxed) };
        self.tick.store(if wanted { from + length } else { NEVER }, Ordering::Relaxed);
    }

    /// When the next tick is to come; `u64::MAX`: never.
    #[must_use]
    pub fn next_tick(&self) -> u64 {
        self.tick.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::{NEVER, Slice};

    const LENGTH: u64 = 1600;

    #[test]
    fn a_slice_counts_from_the_moment_when_an_equal_waits() {
        let slice = Slice::new();
        slice.begin(1000);
        assert!(!slice.is_ticking());
        assert_eq!(slice.expect_tick(50_000, LENGTH), 51_600);
        assert!(slice.is_ticking() && !slice.is_due(51_599) && slice.is_due(51_600));
        assert!(!slice.is_over(51_000, LENGTH) && slice.is_over(51_600, LENGTH));
    }

    #[test]
    fn one_who_began_later_has_a_whole_slice() {
        let slice = Slice::new();
        slice.begin(0);
        slice.expect_tick(0, LENGTH);
        slice.begin(900);
        assert!(!slice.is_over(1600, LENGTH));
        slice.tick(1600, LENGTH, true);
        assert_eq!(slice.next_tick(), 2500);
        assert!(slice.is_over(2500, LENGTH));
    }

    #[test]
    fn the_tick_behind_a_slice_that_is_over_is_the_next_ones() {
        let slice = Slice::new();
        slice.expect_tick(0, LENGTH);
        slice.tick(1600, LENGTH, true);
        assert!(slice.is_over(1600, LENGTH));
        slice.begin(1630);
        // A little early for the one that began meanwhile, and near enough.
        assert_eq!(slice.next_tick(), 3200);
        assert!(slice.is_over(3200, LENGTH));
    }

    #[test]
    fn a_tick_that_nobody_wants_is_the_last() {
        let slice = Slice::new();
        slice.expect_tick(0, LENGTH);
        slice.tick(1600, LENGTH, false);
        assert!(!slice.is_ticking() && !slice.is_due(u64::MAX - 1));
        assert_eq!(slice.next_tick(), NEVER);
    }

    #[test]
    fn a_slice_may_be_ended_whoever_runs() {
        let slice = Slice::new();
        slice.begin(100_000);
        slice.end();
        assert!(slice.is_over(100_001, LENGTH));
    }
}
