//! Moments at the edges of time.
#![cfg(not(loom))]

use proptest::prelude::*;
use skete_logic::time::{Deadline, Instant, SECOND, When, ns_of, ns_per_tick, seconds_of, seconds_per_tick, split};
use std::time::Duration;

#[test]
fn a_timeout_past_the_end_of_time_is_for_ever() {
    let now = Instant::from_ns(5);
    assert_eq!(now.saturating_add_ns(u64::MAX), Instant::FAR);
    assert_eq!(now.saturating_add(Duration::MAX), Instant::FAR);
    assert_eq!(now.checked_add_ns(u64::MAX), None);
}

#[test]
fn a_timeout_counts_in_nanoseconds() {
    let later = Instant::ZERO.saturating_add(Duration::new(2, 3));
    assert_eq!(later.as_ns(), 2_000_000_003);
    assert_eq!(Some(later), Instant::ZERO.checked_add_ns(2_000_000_003));
    assert_eq!((later.saturating_ns_since(Instant::from_ns(3)), Instant::ZERO.saturating_ns_since(later)), (2_000_000_000, 0));
}

proptest! {
    #[test]
    fn a_tick_lasts_as_long_as_a_division_says_and_a_part_in_2_to_64_more(rate in prop_oneof![2..u64::MAX, 2..100_000_000u64, Just(u64::MAX)]) {
        prop_assert_eq!(u128::from(seconds_per_tick(rate)), (1u128 << 64).div_ceil(u128::from(rate)));
    }

    #[test]
    fn a_clock_shows_the_same_in_seconds_and_in_nanoseconds(rate in 1_000_000..1_000_000_000u64, ticks in 0..1u64 << 62) {
        let scale = seconds_per_tick(rate);
        prop_assume!(u128::from(ticks) * u128::from(SECOND) / u128::from(rate) < 1 << 63);
        let ns = ns_of(ticks, ns_per_tick(scale));
        prop_assert_eq!(split(ticks, scale), (ns / SECOND, (ns % SECOND) as u32));
    }

    #[test]
    fn a_clock_is_never_slow_and_off_by_a_millionth_of_what_a_crystal_is(rate in 1_000_000..100_000_000u64, ticks in 0..1u64 << 50) {
        let shown = u128::from(ns_of(ticks, ns_per_tick(seconds_per_tick(rate))));
        let exact = u128::from(ticks) * u128::from(SECOND) / u128::from(rate);
        prop_assert!((exact..=exact + 1 + exact / 100_000_000_000).contains(&shown), "{} for {}", shown, exact);
    }

    #[test]
    fn seconds_are_those_of_a_division(ns in 0..1u64 << 63) {
        prop_assert_eq!((seconds_of(ns).0, u64::from(seconds_of(ns).1)), (ns / 1_000_000_000, ns % 1_000_000_000));
    }
}

#[test]
fn seconds_change_where_a_division_says_so() {
    for seconds in [1, 2, 1 << 20, 9_223_372_035] {
        let whole = seconds * 1_000_000_000;
        assert_eq!(seconds_of(whole), (seconds, 0));
        assert_eq!(seconds_of(whole - 1), (seconds - 1, 999_999_999));
    }
}

#[test]
fn a_deadline_says_what_it_was_made_of() {
    for ns in [0, 1, 1_700_000_000 * SECOND, i64::MAX.cast_unsigned()] {
        assert_eq!(Deadline::at(Instant::from_ns(ns)).when(), When::At(Instant::from_ns(ns)));
        assert_eq!(Deadline::wall(ns).when(), When::Wall(ns));
    }
    let never = i64::MAX.cast_unsigned();
    assert_eq!(Deadline::at(Instant::FAR).when(), When::At(Instant::from_ns(never)));
    assert_eq!(Deadline::wall(u64::MAX).when(), When::Wall(never));
}
