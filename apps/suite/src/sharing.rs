//! Cores are shared fairly among equals, and unfairly among others.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::thread::{affinity, core, set_affinity, set_priority};

use super::{Check, cores};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("two equal spinners a core get half of it each", halves),
    ("a more urgent thread does not wait for a spinner's slice", urgent),
    ("a thread runs where its mask lets it, and nowhere else", masks),
    ("work that begins on one core spreads over all", spreads),
];

/// A gap between two looks at the clock that is longer than this is time that another thread had: a slice is 10 ms.
const GAP: Duration = Duration::from_millis(5);

/// Spins until `end`; how long it had a core.
fn spin_until(end: Instant) -> Duration {
    let (mut had, mut last) = (Duration::ZERO, Instant::now());
    while last < end {
        let now = Instant::now();
        if now - last < GAP {
            had += now - last;
        }
        last = now;
    }
    had
}

fn halves() {
    const SPAN: Duration = Duration::from_secs(1);
    let count = 2 * cores();
    let start = Barrier::new(count);
    let shares: Vec<f64> = thread::scope(|scope| {
        let spinner = || {
            start.wait();
            spin_until(Instant::now() + SPAN).as_secs_f64() * 100.0
        };
        let spinners: Vec<_> = (0..count).map(|_| scope.spawn(spinner)).collect();
        spinners.into_iter().map(|spinner| spinner.join().expect("it does not panic")).collect()
    });
    println!("    {count} spinners on {} cores, percent of a core each: {shares:.1?}", cores());
    assert!(shares.iter().all(|share| (45.0..=55.0).contains(share)));
}

fn urgent() {
    const ROUNDS: usize = 21;
    const NAP: Duration = Duration::from_millis(1);
    let ended = AtomicBool::new(false);
    let mut late = thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1).expect("core 0 is there");
            while !ended.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let sleeper = scope.spawn(|| {
            set_affinity(1).expect("core 0 is there");
            set_priority(20).expect("there is such a priority");
            let nap = || {
                let start = Instant::now();
                thread::sleep(NAP);
                start.elapsed() - NAP
            };
            let late: Vec<Duration> = (0..ROUNDS).map(|_| nap()).collect();
            ended.store(true, Ordering::Relaxed);
            late
        });
        sleeper.join().expect("it does not panic")
    });
    late.sort();
    println!("    late by {:?} at best, {:?} in the middle", late[0], late[ROUNDS / 2]);
    assert!(late[ROUNDS / 2] < Duration::from_millis(2));
}

fn masks() {
    let all = affinity();
    for number in 0..cores() {
        set_affinity(1 << number).expect("the core is there");
        for _ in 0..50 {
            assert_eq!(core(), number);
            thread::yield_now();
        }
    }
    assert!(set_affinity(0).is_err());
    set_affinity(all).expect("they were there before");
}

fn spreads() {
    let all_are_up = Barrier::new(cores());
    // As many threads as cores, each spinning until all are running: only if each has a core of its own do they all get there soon.
    let start = Instant::now();
    thread::scope(|scope| {
        for _ in 0..cores() {
            scope.spawn(|| all_are_up.wait());
        }
    });
    let places: Vec<usize> = thread::scope(|scope| {
        let place = || {
            let end = Instant::now() + Duration::from_millis(50);
            spin_until(end);
            core()
        };
        let threads: Vec<_> = (0..cores()).map(|_| scope.spawn(place)).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    let mut different = places.clone();
    different.sort_unstable();
    different.dedup();
    println!("    {} spinners ended on cores {places:?}, after {:?}", cores(), start.elapsed());
    assert_eq!(different.len(), cores());
}
