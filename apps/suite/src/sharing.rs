//! Cores are shared fairly among equals, and unfairly among others.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::thread::{affinity, core, set_affinity, set_priority};

use super::pause::compute;
use super::{Check, cores, is_exact};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("two equal spinners a core get half of it each", halves),
    ("two equal spinners get half each though a more urgent thread keeps taking their core", interrupted_halves),
    ("a more urgent thread does not wait for a spinner's slice", urgent),
    ("a thread runs where its mask lets it, and nowhere else", masks),
    ("work that begins on one core spreads over all", spreads),
];

/// Rounds on each core.
type Rounds = [f64; 4];

/// Spins until `end`; how many rounds it got on each core.
fn spin_until(end: Instant) -> Rounds {
    let mut rounds = [0.0; 4];
    while Instant::now() < end {
        rounds[core()] += 1.0;
        compute();
    }
    rounds
}

/// How much of the cores one had: of each core the part of its rounds that were its own. So it does not matter which cores the
/// emulator favoured.
fn share(one: &Rounds, all: &[Rounds]) -> f64 {
    let of_core = |core: usize| one[core] / all.iter().map(|rounds| rounds[core]).sum::<f64>().max(1.0);
    (0..one.len()).map(of_core).sum::<f64>() * 100.0
}

fn halves() {
    // Where time is exact forty slices tell as much as a hundred.
    let span = Duration::from_millis(if is_exact() { 400 } else { 1000 });
    let count = 2 * cores();
    let start = Barrier::new(count);
    let all: Vec<Rounds> = thread::scope(|scope| {
        let spinner = || {
            start.wait();
            spin_until(Instant::now() + span)
        };
        let spinners: Vec<_> = (0..count).map(|_| scope.spawn(spinner)).collect();
        spinners.into_iter().map(|spinner| spinner.join().expect("it does not panic")).collect()
    });
    let shares: Vec<f64> = all.iter().map(|one| share(one, &all)).collect();
    println!("    {count} spinners on {} cores, percent of a core each: {shares:.1?}", cores());
    let bound = if is_exact() { 45.0..=55.0 } else { 1.0..=99.0 };
    assert!(shares.iter().all(|share| bound.contains(share)));
}

fn interrupted_halves() {
    const SPAN: Duration = Duration::from_millis(400);
    let start = Barrier::new(3);
    // The same moment for all: one who is starved is not to have its time afterwards.
    let end = Instant::now() + SPAN;
    let all: Vec<Rounds> = thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1).expect("core 0 is there");
            set_priority(20).expect("there is such a priority");
            start.wait();
            while Instant::now() < end {
                // Several times as often as a slice ends.
                thread::sleep(Duration::from_millis(1));
            }
        });
        let spinner = || {
            set_affinity(1).expect("core 0 is there");
            start.wait();
            spin_until(end)
        };
        let spinners = [scope.spawn(spinner), scope.spawn(spinner)];
        spinners.into_iter().map(|spinner| spinner.join().expect("it does not panic")).collect()
    });
    let shares: Vec<f64> = all.iter().map(|one| share(one, &all)).collect();
    println!("    percent of core 0 each: {shares:.1?}");
    let bound = if is_exact() { 45.0..=55.0 } else { 10.0..=90.0 };
    assert!(shares.iter().all(|share| bound.contains(share)));
}

fn urgent() {
    const ROUNDS: usize = 21;
    const NAP: Duration = Duration::from_millis(1);
    let ended = AtomicBool::new(false);
    let mut late = thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1).expect("core 0 is there");
            while !ended.load(Ordering::Relaxed) {
                compute();
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
    // A host that is busy itself makes most of them late.
    assert!(late[if is_exact() { ROUNDS / 2 } else { 0 }] < Duration::from_millis(2));
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
            spin_until(Instant::now() + Duration::from_millis(50));
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
