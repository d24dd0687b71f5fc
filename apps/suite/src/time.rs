//! Clocks and sleep.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::{Check, cores};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("no sleep is early, on any core, however short", never_early),
    (
        "time never runs backwards, from whichever core one looks",
        monotone,
    ),
    ("sleepers wake in the order of their deadlines", order),
    ("the wall clock keeps pace with the other", wall_clock),
];

fn never_early() {
    thread::scope(|scope| {
        for number in 0..4 * cores() as u64 {
            scope.spawn(move || {
                for round in 0..20 {
                    let asked = Duration::from_micros(round * round * 10 + number);
                    let start = Instant::now();
                    thread::sleep(asked);
                    let slept = start.elapsed();
                    assert!(slept >= asked, "asked for {asked:?}, slept {slept:?}");
                }
            });
        }
    });
}

fn monotone() {
    let last = Mutex::new(Instant::now());
    thread::scope(|scope| {
        for _ in 0..2 * cores() {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let mut last = last.lock().expect("no one panics with it");
                    let now = Instant::now();
                    assert!(now >= *last, "{:?} backwards", *last - now);
                    *last = now;
                }
            });
        }
    });
}

fn order() {
    let woken = Mutex::new(Vec::new());
    let start = Instant::now() + Duration::from_millis(20);
    thread::scope(|scope| {
        for number in [3, 1, 4, 0, 2_u32] {
            let woken = &woken;
            scope.spawn(move || {
                let deadline = start + Duration::from_millis(30) * number;
                thread::sleep(deadline.saturating_duration_since(Instant::now()));
                woken.lock().expect("no one panics with it").push(number);
            });
        }
    });
    assert_eq!(
        woken.into_inner().expect("no one panicked"),
        [0, 1, 2, 3, 4]
    );
}

fn wall_clock() {
    let before = Instant::now();
    let wall = SystemTime::now();
    let after = Instant::now();
    thread::sleep(Duration::from_millis(50));
    let least = after.elapsed();
    let passed = wall.elapsed().expect("it does not run backwards");
    let most = before.elapsed();
    println!(
        "    it is {:?} after 1970",
        wall.duration_since(UNIX_EPOCH).unwrap_or_default()
    );
    assert!(
        least <= passed && passed <= most,
        "{passed:?} is not between {least:?} and {most:?}"
    );
}
