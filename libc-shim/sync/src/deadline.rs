//! Until when one waits: a moment of a clock, as programs give it, and what is left of it when one must really wait.

use skete_abi::Errno;
use skete_abi::futex::TimeSpec;

/// A clock that a deadline can be one of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The wall clock, which can be set.
    Realtime,
    /// What counts from boot.
    Monotonic,
}

/// A moment as a program gives it: nobody looks at it before somebody must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// The clock that shows it.
    pub clock: Clock,
    /// What it shows then.
    pub time: TimeSpec,
}

/// A moment that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The clock that shows it.
    pub clock: Clock,
    /// What it shows then, in nanoseconds.
    pub ns: u64,
}

const SECOND: i64 = 1_000_000_000;

impl Deadline {
    /// The moment. One before the clock began is its beginning, and has passed.
    ///
    /// # Errors
    /// `EINVAL`: less than no nanoseconds, or a second of them or more.
    pub fn moment(self) -> Result<Moment, Errno> {
        let Self { clock, time } = self;
        if !(0..SECOND).contains(&time.tv_nsec) {
            return Err(Errno::EINVAL);
        }
        // What does not fit is later than anybody waits.
        Ok(Moment { clock, ns: if time.tv_sec < 0 { 0 } else { time.as_ns().unwrap_or(u64::MAX) } })
    }
}

/// The moment of a deadline, if there is one.
///
/// # Errors
/// As [`Deadline::moment`].
#[inline]
pub(crate) fn moment_of(until: Option<Deadline>) -> Result<Option<Moment>, Errno> {
    until.map(Deadline::moment).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_is_none_is_refused_and_one_long_past_has_passed() {
        let moment = |tv_sec, tv_nsec| Deadline { clock: Clock::Realtime, time: TimeSpec { tv_sec, tv_nsec } }.moment();
        let ns = |ns| Ok(Moment { clock: Clock::Realtime, ns });
        assert_eq!([moment(1, 5), moment(-1, 0), moment(i64::MIN, 999_999_999)], [ns(1_000_000_005), ns(0), ns(0)]);
        assert_eq!(moment(i64::MAX, 0), ns(u64::MAX));
        assert_eq!([moment(1, -1), moment(-1, SECOND), moment(0, i64::MAX)], [Err(Errno::EINVAL); 3]);
    }
}
