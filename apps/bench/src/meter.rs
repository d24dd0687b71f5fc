//! Rounds, timed.

use std::hint::black_box;
use std::time::Instant;

/// Rounds of what takes nanoseconds.
pub const MANY: u32 = 100_000;
/// Rounds of what takes microseconds.
pub const SOME: u32 = 2_000;

/// Nanoseconds of one round of `work`: the mean of `rounds` after a tenth of them to warm up, less the empty loop.
pub fn measure(rounds: u32, work: impl FnMut()) -> f64 {
    (gross(rounds, work) - empty(rounds)).max(0.0)
}

/// Measures `work` and prints its row.
pub fn row(name: &str, rounds: u32, work: impl FnMut()) {
    say(name, measure(rounds, work));
}

/// Prints a row.
pub fn say(name: &str, ns: f64) {
    println!("row {name} {ns:.1} ns");
}

/// Says what is taken off every row.
pub fn say_empty() {
    println!(
        "# empty loop: {:.2} ns a round, taken off each row",
        empty(MANY)
    );
}

fn empty(rounds: u32) -> f64 {
    gross(rounds, || ())
}

fn gross(rounds: u32, mut work: impl FnMut()) -> f64 {
    for round in 0..rounds / 10 {
        black_box(round);
        work();
    }
    let start = Instant::now();
    for round in 0..rounds {
        black_box(round);
        work();
    }
    let end = Instant::now();
    (end - start).as_secs_f64() * 1e9 / f64::from(rounds)
}
