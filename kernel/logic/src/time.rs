//! A moment, counted in nanoseconds since boot.
//!
//! Nothing in this crate asks what time it is: `now` and deadlines are arguments.

use core::time::Duration;

/// Nanoseconds since boot: 584 years fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

/// When a wait ends by itself, in one word, for whoever sleeps keeps it meanwhile: nanoseconds since boot, or with bit 63 what the wall clock
/// is to show. What does not fit, 292 years, is never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(u64);

/// What a [`Deadline`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A moment, whatever the wall clock shows.
    At(Instant),
    /// When the wall clock shows so many nanoseconds since 1970-01-01 00:00 UTC: if it is set meanwhile, sooner or later than it seemed.
    Wall(u64),
}

impl Deadline {
    const WALL: u64 = 1 << 63;
    const MOST: u64 = Self::WALL - 1;

    /// [`When::At`].
    #[must_use]
    #[inline]
    pub const fn at(moment: Instant) -> Self {
        Self(if moment.0 > Self::MOST { Self::MOST } else { moment.0 })
    }

    /// [`When::Wall`].
    #[must_use]
    #[inline]
    pub const fn wall(ns: u64) -> Self {
        Self(Self::WALL | if ns > Self::MOST { Self::MOST } else { ns })
    }

    /// What it says.
    #[must_use]
    #[inline]
    pub const fn when(self) -> When {
        if self.0 & Self::WALL == 0 { When::At(Instant(self.0)) } else { When::Wall(self.0 & Self::MOST) }
    }
}

/// Nanoseconds of a second.
pub const SECOND: u64 = 1_000_000_000;

/// `ns` as seconds and the nanoseconds beyond them: for less than 2⁶³ ns exactly so, and with two instructions fewer than a division takes.
#[must_use]
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "seconds of 2^63 ns fit, and so does a remainder")]
pub const fn seconds_of(ns: u64) -> (u64, u32) {
    // 2^93 / 10^9, rounded up: the rounding times ns stays below 2^93, so the quotient's floor is right.
    const RECIPROCAL: u64 = ((1u128 << 93).div_ceil(SECOND as u128)) as u64;
    let seconds = ((ns as u128 * RECIPROCAL as u128) >> 93) as u64;
    (seconds, (ns - seconds * SECOND) as u32)
}

/// Seconds per tick of a counter with `rate` ticks a second, two at least, in units of 2⁻⁶⁴, rounded up.
///
/// The rounding makes the clock fast by less than `rate` in 2⁶⁴, at 62.5 MHz 2 parts in 10¹², a hundred microseconds a year: a millionth of
/// what a crystal is off. For one multiplication tells seconds then, and a second what is beyond them.
#[must_use]
#[inline]
pub const fn seconds_per_tick(rate: u64) -> u64 {
    u64::MAX / rate + 1
}

/// Nanoseconds per tick, in units of 2⁻⁶⁴, where seconds per tick are `scale`: the same clock as [`split`] tells, to the nanosecond.
#[must_use]
#[inline]
pub const fn ns_per_tick(scale: u64) -> u128 {
    scale as u128 * SECOND as u128
}

/// Seconds, and the nanoseconds beyond them, that `ticks` last where a tick lasts `scale` in units of 2⁻⁶⁴ seconds.
#[must_use]
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the halves of a product, and less than a second")]
pub const fn split(ticks: u64, scale: u64) -> (u64, u32) {
    let product = ticks as u128 * scale as u128;
    let fraction = product as u64;
    ((product >> 64) as u64, ((fraction as u128 * SECOND as u128) >> 64) as u32)
}

/// Nanoseconds that `ticks` last, where a tick lasts `scale` as [`ns_per_tick`] tells it.
#[must_use]
#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "the two halves of the scale, and the upper half of a product")]
pub const fn ns_of(ticks: u64, scale: u128) -> u64 {
    let (whole, fraction) = ((scale >> 64) as u64, scale as u64);
    let part = ((ticks as u128 * fraction as u128) >> 64) as u64;
    ticks * whole + part
}

impl Instant {
    /// Boot.
    pub const ZERO: Self = Self(0);
    /// The deadline of one who waits for ever: no clock reaches it.
    pub const FAR: Self = Self(u64::MAX);

    /// The moment `ns` nanoseconds after boot.
    #[must_use]
    #[inline]
    pub const fn from_ns(ns: u64) -> Self {
        Self(ns)
    }

    /// Nanoseconds since boot.
    #[must_use]
    #[inline]
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// The moment `ns` nanoseconds later, or `None` past the end of time.
    #[must_use]
    #[inline]
    pub const fn checked_add_ns(self, ns: u64) -> Option<Self> {
        match self.0.checked_add(ns) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// The moment `ns` nanoseconds later; [`FAR`](Self::FAR) past the end of time.
    #[must_use]
    #[inline]
    pub const fn saturating_add_ns(self, ns: u64) -> Self {
        Self(self.0.saturating_add(ns))
    }

    /// The moment `timeout` later; [`FAR`](Self::FAR) past the end of time.
    #[must_use]
    #[inline]
    pub fn saturating_add(self, timeout: Duration) -> Self {
        self.saturating_add_ns(u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX))
    }

    /// Nanoseconds from `earlier` to this moment; 0 if `earlier` is the later one.
    #[must_use]
    #[inline]
    pub const fn saturating_ns_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}
