//! Moments at the edges of time.
#![cfg(not(loom))]

use proptest::prelude::*;
use skete_logic::time::{Instant, ns_per_tick, seconds_of};
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
    fn a_tick_lasts_as_long_as_a_division_says(rate in prop_oneof![1..u64::MAX, 1..100_000_000u64, Just(u64::MAX)]) {
        prop_assert_eq!(ns_per_tick(rate), (1_000_000_000u128 << 64) / u128::from(rate));
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
