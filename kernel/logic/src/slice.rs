//! A core's time, divided between equals: each runs for a slice, then the next one does.
//!
//! Nothing is set or forgotten where threads sleep and wake. A tick is set where an equal waits and none is to come, and as long as one is,
//! a switch writes down when the thread began. When it comes it finds a thread that began later, and is set again for that one's end; or one
//! whose slice is over; or nobody who waits, and then it was the last. Without a tick to come, whoever runs has had its slice.
//!
//! Who gives way to a more urgent thread keeps in its record what it **had** of its slice and goes on with the rest: else one that is
//! interrupted more often than a slice is long would never end it, and its equals would wait for ever.

use skete_cell::atomic::{AtomicU64, Ordering};

/// When a tick comes that is not to come.
const NEVER: u64 = u64::MAX;

/// What a core looks at wherever it resumes a thread. One word, so that one load tells all of it, and the count of its switches with it.
///
/// | bits | meaning |
/// |---|---|
/// | 0 | a tick is to come |
/// | 1 | somebody has asked for how long threads run: see [`meter`](crate::meter) |
/// | 2–63 | how many switches there were |
#[derive(Clone, Copy, Debug)]
pub struct State(u64);

const TICKING: u64 = 1 << 0;
const METERED: u64 = 1 << 1;
const SWITCH: u64 = 1 << 2;

impl State {
    /// Whether a tick is to come.
    #[must_use]
    #[inline(always)]
    pub const fn is_ticking(self) -> bool {
        self.0 & TICKING != 0
    }

    /// Whether the core counts for how long each thread runs.
    #[must_use]
    #[inline(always)]
    pub const fn is_metered(self) -> bool {
        self.0 & METERED != 0
    }
}

/// The slice of what a core runs. Times are in ticks of the counter. Written by this core alone.
#[derive(Debug)]
pub struct Slice {
    /// When the running thread began; 0: its slice is over.
    began: AtomicU64,
    /// When the next tick comes, by a timer that fires then or earlier; or [`NEVER`].
    tick: AtomicU64,
    /// A [`State`]. That a tick is to come is taken back under the lock of the core's queue only, while no equal is in it: one who queues an
    /// equal and sees that a tick is to come may rely on it.
    state: AtomicU64,
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
            Self { began: AtomicU64::new(0), tick: AtomicU64::new(NEVER), state: AtomicU64::new(0) }
        }
    }

    /// The core switches to another thread: counts it, and tells what is to be done about that.
    #[inline(always)]
    pub fn switch(&self) -> State {
        let state = self.state.load(Ordering::Relaxed) + SWITCH;
        self.state.store(state, Ordering::Relaxed);
        State(state)
    }

    /// How many switches there were.
    #[must_use]
    pub fn switches(&self) -> u64 {
        self.state.load(Ordering::Relaxed) / SWITCH
    }

    /// What there is to know now.
    #[inline(always)]
    #[must_use]
    pub fn state(&self) -> State {
        State(self.state.load(Ordering::Relaxed))
    }

    /// From now on the core counts for how long each thread runs.
    pub fn meter(&self) {
        self.change(METERED, METERED);
    }

    /// Whether a tick is to come.
    #[inline(always)]
    pub fn is_ticking(&self) -> bool {
        self.state().is_ticking()
    }

    fn change(&self, bit: u64, to: u64) {
        self.state.store(self.state.load(Ordering::Relaxed) & !bit | to, Ordering::Relaxed);
    }

    /// A thread begins to run, while a tick is to come.
    #[inline(always)]
    pub fn begin(&self, now: u64) {
        self.began.store(now, Ordering::Relaxed);
    }

    /// An equal waits from now on, and no tick was to come: when it is to come. The slice counts from now.
    #[inline]
    pub fn expect_tick(&self, now: u64, length: u64) -> u64 {
        self.began.store(now, Ordering::Relaxed);
        self.tick.store(now + length, Ordering::Relaxed);
        self.change(TICKING, TICKING);
        now + length
    }

    /// What the running thread, which `had` some of its slice when it last gave way, has had of it by now.
    #[must_use]
    pub fn had(&self, now: u64, had: u32) -> u32 {
        let since = now.saturating_sub(self.began.load(Ordering::Relaxed));
        u32::try_from(since).map_or(u32::MAX, |since| since.saturating_add(had))
    }

    /// Whether the running thread, which `had` some of its slice when it last gave way, has had it all, but for what is not worth a tick
    /// of its own.
    #[must_use]
    pub fn is_over(&self, now: u64, length: u64, had: u32) -> bool {
        u64::from(self.had(now, had)) >= length - length / 16
    }

    /// Whoever runs, its slice is over.
    pub fn end(&self) {
        self.began.store(0, Ordering::Relaxed);
    }

    /// Whether the tick has come.
    #[must_use]
    pub fn is_due(&self, now: u64) -> bool {
        self.next_tick() <= now
    }

    /// The tick has come: the next, if it is `wanted`, at the end of the running thread's slice, of which it `had` some, or of the next
    /// one's if that is over. The caller holds the queue's lock.
    pub fn tick(&self, now: u64, length: u64, had: u32, wanted: bool) {
        let left = if self.is_over(now, length, had) { length } else { length - u64::from(self.had(now, had)) };
        self.tick.store(if wanted { now + left } else { NEVER }, Ordering::Relaxed);
        if !wanted {
            self.change(TICKING, 0);
            self.end();
        }
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
        assert!(!slice.is_over(51_000, LENGTH, 0) && slice.is_over(51_600, LENGTH, 0));
    }

    #[test]
    fn one_who_began_later_has_a_whole_slice() {
        let slice = Slice::new();
        slice.begin(0);
        slice.expect_tick(0, LENGTH);
        slice.begin(900);
        assert!(!slice.is_over(1600, LENGTH, 0));
        slice.tick(1600, LENGTH, 0, true);
        assert_eq!(slice.next_tick(), 2500);
        assert!(slice.is_over(2500, LENGTH, 0));
    }

    #[test]
    fn the_tick_behind_a_slice_that_is_over_is_the_next_ones() {
        let slice = Slice::new();
        slice.expect_tick(0, LENGTH);
        slice.tick(1600, LENGTH, 0, true);
        assert!(slice.is_over(1600, LENGTH, 0));
        slice.begin(1630);
        // A little early for the one that began meanwhile, and near enough.
        assert_eq!(slice.next_tick(), 3200);
        assert!(slice.is_over(3200, LENGTH, 0));
    }

    #[test]
    fn a_tick_that_nobody_wants_is_the_last() {
        let slice = Slice::new();
        slice.expect_tick(0, LENGTH);
        slice.tick(1600, LENGTH, 0, false);
        assert!(!slice.is_ticking() && !slice.is_due(u64::MAX - 1));
        assert_eq!(slice.next_tick(), NEVER);
        // Who runs alone from then on gives way at once to an equal that another core wakes here.
        assert!(slice.is_over(1700, LENGTH, 0));
    }

    #[test]
    fn switches_are_counted_whatever_else_is_known() {
        let slice = Slice::new();
        assert!(!slice.switch().is_ticking());
        slice.expect_tick(0, LENGTH);
        slice.meter();
        let state = slice.switch();
        assert!(state.is_ticking() && state.is_metered() && slice.switches() == 2);
        slice.tick(LENGTH, LENGTH, 0, false);
        let state = slice.switch();
        assert!(!state.is_ticking() && state.is_metered() && slice.switches() == 3);
    }

    #[test]
    fn one_who_gave_way_goes_on_with_the_rest() {
        let slice = Slice::new();
        slice.expect_tick(0, LENGTH);
        let mut had = 0;
        for start in [0, 2000, 4000] {
            slice.begin(start);
            assert!(!slice.is_over(start + 450, LENGTH, had));
            had = slice.had(start + 450, had);
        }
        slice.begin(6000);
        slice.tick(6000, LENGTH, had, true);
        assert_eq!(slice.next_tick(), 6250);
        assert!(slice.is_over(6250, LENGTH, had));
        // One who ran for longer than a word counts has had its slice, too.
        assert!(slice.is_over(u64::MAX, LENGTH, 0) && slice.is_over(6000 + u64::from(u32::MAX), LENGTH, had));
    }

    #[test]
    fn a_slice_may_be_ended_whoever_runs() {
        let slice = Slice::new();
        slice.begin(100_000);
        slice.end();
        assert!(slice.is_over(100_001, LENGTH, 0));
    }
}
