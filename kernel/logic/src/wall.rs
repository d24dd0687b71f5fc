//! The wall clock, and who waits for a moment of it.
//!
//! What the clock shows is the time since boot and what it showed at boot, its epoch: setting the clock changes that. Whoever sleeps until
//! the clock shows something has reckoned when that will be, and is to do so again when the clock is set. So one who sleeps sets its mark and
//! reads the epoch then; who sets the clock writes the epoch, and wakes those whose marks it finds then. One of the two sees the other.

use crate::host::Parked;
use crate::mutant::{self, Mutant};
use crate::time::Instant;
use skete_cell::atomic::{AtomicU8, AtomicU64, Ordering, fence};

/// The wall clock.
#[derive(Debug)]
pub struct Wall {
    /// What it showed at boot, in nanoseconds since 1970-01-01 00:00 UTC.
    epoch: AtomicU64,
}

/// Whether a thread sleeps until the wall clock shows something. Every thread has one, and is the only one to change it.
#[derive(Debug)]
pub struct Mark(AtomicU8);

impl Mark {
    skete_cell::constructor! {
        /// That of a thread that does not.
        pub fn new() -> Self {
            Self(AtomicU8::new(0))
        }
    }

    fn set(&self) {
        self.0.store(1, Ordering::Relaxed);
        if !mutant::is(Mutant::WallWaitWithoutFence) {
            // Between the mark and the epoch: pairs with the fence in `Wall::set`.
            fence(Ordering::SeqCst);
        }
    }
}

impl Default for Mark {
    fn default() -> Self {
        Self::new()
    }
}

impl Wall {
    skete_cell::constructor! {
        /// A clock that showed 1970-01-01 00:00 UTC at boot.
        pub fn new() -> Self {
            Self { epoch: AtomicU64::new(0) }
        }
    }

    /// What it showed at boot.
    #[inline]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// When it shows `ns`, as it is set now; boot, if that was before.
    #[inline]
    pub fn moment(&self, ns: u64) -> Instant {
        Instant::from_ns(ns.saturating_sub(self.epoch()))
    }

    /// It showed `epoch` at boot, as of now. Calls `wake` with each of `threads` whose mark says that it waits for the clock.
    pub fn set<'a, T>(&self, epoch: u64, threads: impl Iterator<Item = (T, &'a Mark)>, wake: impl FnOnce(&mut dyn Iterator<Item = T>)) {
        let was_early = mutant::is(Mutant::WallSetBehindTheLook);
        if !was_early {
            self.epoch.store(epoch, Ordering::Relaxed);
        }
        if !mutant::is(Mutant::WallSetWithoutFence) {
            // Between the epoch and the marks: pairs with the fence in `Mark::set`.
            fence(Ordering::SeqCst);
        }
        wake(&mut threads.filter(|(_, mark)| mark.0.load(Ordering::Relaxed) != 0).map(|(thread, _)| thread));
        if was_early {
            self.epoch.store(epoch, Ordering::Relaxed);
        }
    }

    /// Parks the calling thread, whose mark is `mark`, by `park`, until it is notified or the clock shows `ns`: `Expired` if it does `now`,
    /// however it was set meanwhile.
    pub fn park(&self, mark: &Mark, ns: u64, park: impl FnOnce(Instant) -> Parked, now: impl FnOnce() -> Instant) -> Parked {
        let early = mutant::is(Mutant::WallReadBeforeTheMark).then(|| self.moment(ns));
        mark.set();
        let parked = park(early.unwrap_or_else(|| self.moment(ns)));
        mark.0.store(0, Ordering::Relaxed);
        let is_early = now() < self.moment(ns);
        if is_early { Parked::Notified } else { parked }
    }
}

impl Default for Wall {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn parked(wall: &Wall, ns: u64, now: u64, parked: impl FnOnce(Instant) -> Parked) -> Parked {
        wall.park(&Mark::new(), ns, parked, || Instant::from_ns(now))
    }

    #[test]
    fn a_moment_is_reckoned_from_what_the_clock_showed_at_boot() {
        let wall = Wall::new();
        assert_eq!(wall.moment(5), Instant::from_ns(5));
        wall.set(100, core::iter::empty::<((), &Mark)>(), |_| {});
        assert_eq!((wall.epoch(), wall.moment(105), wall.moment(99)), (100, Instant::from_ns(5), Instant::ZERO));
    }

    #[test]
    fn one_who_was_woken_late_by_a_clock_that_was_set_back_is_not_late() {
        let wall = Wall::new();
        wall.set(100, core::iter::empty::<((), &Mark)>(), |_| {});
        let set_back = |at| {
            assert_eq!(at, Instant::from_ns(7));
            wall.set(90, core::iter::empty::<((), &Mark)>(), |_| {});
            Parked::Expired
        };
        assert_eq!(parked(&wall, 107, 7, set_back), Parked::Notified);
        assert_eq!(parked(&wall, 107, 17, |_| Parked::Expired), Parked::Expired);
    }

    #[test]
    fn who_sets_the_clock_wakes_those_who_wait_for_it() {
        let (wall, marks) = (Wall::new(), [const { Mark(AtomicU8::new(0)) }; 3]);
        let mut woken = None;
        let park = |_| {
            wall.set(50, (0..).zip(&marks), |threads| woken = threads.next().filter(|_| threads.next().is_none()));
            Parked::Notified
        };
        assert_eq!(wall.park(&marks[1], 60, park, || Instant::from_ns(9)), Parked::Notified);
        assert_eq!(woken, Some(1));
        wall.set(40, (0..).zip(&marks), |threads| assert_eq!(threads.next(), None));
    }
}
