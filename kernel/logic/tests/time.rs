//! Moments at the edges of time.
#![cfg(not(loom))]

use skete_logic::time::Instant;
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
