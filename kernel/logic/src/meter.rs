//! For how long something has run: a thread, by turns on several cores, or a core.
//!
//! A thread's meter is stopped by the core that it left, after that has let it go: another one may resume it meanwhile, and waits then for
//! the few instructions until the meter stands ([`Meter::start`]). So no time is counted twice, and none goes by uncounted.
//!
//! The clock is read under the lock: who reads a meter again, whether it runs or was stopped meanwhile, is never told of less than before.

use skete_cell::Guarded;

use crate::host::RawLock;
use crate::mutant::{self, Mutant};

/// Adds up the time between starts and stops, in ticks of the counter.
#[derive(Debug)]
pub struct Meter<L> {
    lock: L,
    /// Guarded by `lock`; by its sole owner while it is [reset](Self::reset).
    count: Guarded<Count>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    /// Up to the last stop.
    sum: u64,
    /// When it was started; [`STANDS`].
    since: u64,
}

/// It does not run.
const STANDS: u64 = u64::MAX;

impl<L: RawLock> Meter<L> {
    skete_cell::constructor! {
        /// It stands at 0.
        pub fn new(lock: L) -> Self {
            Self { lock, count: Guarded::new(Count { sum: 0, since: STANDS }) }
        }
    }

    /// It stands at 0 again: it was stopped before, and nobody else knows of it.
    #[inline]
    pub fn reset(&self) {
        self.count.with_mut(|count| *count = Count { sum: 0, since: STANDS });
    }

    /// Begins to count, as soon as it stands: until then `pass` is called again and again.
    pub fn start(&self, now: impl Fn() -> u64, pass: impl Fn()) {
        while !self.change(|count| {
            let may = count.since == STANDS || mutant::is(Mutant::StartedBeforeItStood);
            if may {
                count.since = now();
            }
            may
        }) {
            pass();
        }
    }

    /// Ends what [`start`](Self::start) has begun.
    pub fn stop(&self, now: impl Fn() -> u64) {
        if mutant::is(Mutant::ClockReadOutsideTheLock) {
            let now = now();
            return self.change(|count| *count = Count { sum: count.at(now), since: STANDS });
        }
        self.change(|count| *count = Count { sum: count.at(now()), since: STANDS });
    }

    /// What it tells now.
    pub fn read(&self, now: impl Fn() -> u64) -> u64 {
        self.change(|count| count.at(now()))
    }

    fn change<R>(&self, change: impl FnOnce(&mut Count) -> R) -> R {
        self.lock.locked(|| self.count.with_mut(change))
    }
}

impl Count {
    fn at(&self, now: u64) -> u64 {
        self.sum + now.saturating_sub(self.since)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use core::cell::Cell;

    use super::Meter;
    use crate::host::RawLock;

    struct Alone;

    impl RawLock for Alone {
        fn locked<R>(&self, section: impl FnOnce() -> R) -> R {
            section()
        }
    }

    #[test]
    fn only_the_time_between_a_start_and_a_stop_counts() {
        let (meter, clock) = (Meter::new(Alone), Cell::new(1000));
        let now = || clock.get();
        assert_eq!(meter.read(now), 0);
        meter.start(now, || unreachable!("it stands"));
        clock.set(1300);
        assert_eq!(meter.read(now), 300);
        meter.stop(now);
        clock.set(5000);
        assert_eq!(meter.read(now), 300);
        meter.start(now, || unreachable!("it stands"));
        clock.set(5005);
        meter.stop(now);
        assert_eq!(meter.read(now), 305);
        meter.reset();
        assert_eq!(meter.read(now), 0);
    }

    #[test]
    fn who_starts_it_while_it_runs_waits_for_the_stop() {
        let (meter, clock) = (Meter::new(Alone), Cell::new(10));
        let now = || clock.get();
        meter.start(now, || unreachable!("it stands"));
        meter.start(now, || {
            clock.set(30);
            meter.stop(now);
        });
        clock.set(35);
        assert_eq!(meter.read(now), 25);
    }
}
