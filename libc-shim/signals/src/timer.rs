//! A timer's next moment, and how often it was missed (POSIX timer_settime, timer_getoverrun).
//!
//! A timer that repeats and sends a signal expires once, and again when that signal is taken: how many expirations lay between is its
//! overrun. So nothing has to happen while a signal is masked, however short the interval is.

/// The shortest time between two expirations that nobody takes, in nanoseconds.
const LEAST_NS: u64 = 1_000_000;

/// A timer. Moments are its clock's, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timer {
    /// When it expires next, or has expired while its signal is pending; `None`: it is disarmed.
    next: Option<u64>,
    /// Nanoseconds; 0: once.
    interval: u64,
    /// Its signal was sent and not yet taken.
    is_pending: bool,
}

impl Timer {
    /// One that is disarmed.
    pub const IDLE: Self = Self { next: None, interval: 0, is_pending: false };

    /// From now on it expires at `next`, and every `interval` nanoseconds from then on.
    pub fn set(&mut self, next: Option<u64>, interval: u64) {
        *self = Self { next, interval, is_pending: false };
    }

    /// When somebody must look at it.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        if self.is_pending { None } else { self.next }
    }

    /// What is left until it expires next, at least 1 if it is armed, and its interval.
    #[must_use]
    pub fn left(&self, now: u64) -> (u64, u64) {
        let left = match self.next {
            None => 0,
            Some(next) if next > now => next - now,
            Some(_) if self.interval == 0 => u64::from(!self.is_pending),
            Some(next) => self.interval - (now - next) % self.interval,
        };
        (left, self.interval)
    }

    /// Whether it expires now. Then its signal is to be sent; if nobody will take one, [`went_by`](Self::went_by) follows.
    pub fn expires(&mut self, now: u64) -> bool {
        let is_due = self.deadline().is_some_and(|deadline| deadline <= now);
        if is_due {
            self.is_pending = self.interval != 0;
            if self.interval == 0 {
                self.next = None;
            }
        }
        is_due
    }

    /// Its signal is taken: how many expirations have passed since the one that sent it.
    pub fn taken(&mut self, now: u64) -> u32 {
        if !self.is_pending {
            return 0;
        }
        self.is_pending = false;
        let missed = self.next.map_or(0, |next| now.saturating_sub(next) / self.interval);
        self.advance(missed.saturating_add(1));
        u32::try_from(missed).unwrap_or(u32::MAX).min(i32::MAX.cast_unsigned())
    }

    /// Its expiration has sent nothing that anybody takes: it goes on by itself.
    pub fn went_by(&mut self, now: u64) {
        self.taken(now);
        self.next = self.next.map(|next| next.max(now.saturating_add(LEAST_NS)));
    }

    fn advance(&mut self, times: u64) {
        self.next = self.next.map(|next| next.saturating_add(self.interval.saturating_mul(times)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_one_expires_once() {
        let mut timer = Timer::IDLE;
        timer.set(Some(100), 0);
        assert_eq!((timer.deadline(), timer.left(40)), (Some(100), (60, 0)));
        assert!(!timer.expires(99));
        assert!(timer.expires(105));
        assert!(!timer.expires(200));
        assert_eq!((timer.left(106), timer.taken(300)), ((0, 0), 0));
    }

    #[test]
    fn what_passed_before_its_signal_is_taken_is_counted() {
        let mut timer = Timer::IDLE;
        timer.set(Some(100), 10);
        assert!(timer.expires(103));
        assert_eq!((timer.deadline(), timer.left(117)), (None, (3, 10)));
        assert!(!timer.expires(150));
        // 110, 120 and 130 have passed.
        assert_eq!(timer.taken(137), 3);
        assert_eq!(timer.deadline(), Some(140));
        assert!(timer.expires(140));
        assert_eq!((timer.taken(141), timer.deadline()), (0, Some(150)));
    }

    #[test]
    fn one_that_nobody_takes_does_not_spin() {
        let mut timer = Timer::IDLE;
        timer.set(Some(100), 1);
        assert!(timer.expires(100));
        timer.went_by(100);
        assert_eq!(timer.deadline(), Some(100 + LEAST_NS));
    }

    #[test]
    fn one_that_is_due_and_was_not_looked_at_yet_is_not_disarmed() {
        let mut timer = Timer::IDLE;
        timer.set(Some(100), 0);
        assert_eq!(timer.left(100), (1, 0));
        timer.set(None, 0);
        assert_eq!((timer.left(100), timer.deadline()), ((0, 0), None));
    }

    #[test]
    fn an_overrun_has_a_greatest() {
        let mut timer = Timer::IDLE;
        timer.set(Some(1), 1);
        assert!(timer.expires(1));
        assert_eq!(timer.taken(u64::MAX), i32::MAX.cast_unsigned());
    }
}
