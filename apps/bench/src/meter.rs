//! Rounds, timed; or, for the one row that is to be explained, marked for whoever traces this machine.

use std::env;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

use crate::lines;
use crate::system::{Counts, count_cycles, counts, cycles};

/// Rounds of what takes nanoseconds.
pub const MANY: u32 = 100_000;
/// Rounds of what takes microseconds.
pub const SOME: u32 = 2_000;

/// What one round costs: the mean of many.
#[derive(Clone, Copy, Debug)]
struct Cost {
    /// Nanoseconds; instructions, where they are counted.
    ns: f64,
    /// Switches of threads, on all cores, and entries into the kernel, of the measuring thread; where somebody counts them.
    counts: Option<(f64, f64)>,
    /// Cycles of core 0, where there is a counter of them that means something: on a Pi.
    cycles: Option<f64>,
}

/// The row of `bench explain ROW`.
static EXPLAINED: LazyLock<Option<String>> = LazyLock::new(|| (env::args().nth(1)? == "explain").then(|| env::args().nth(2))?);
/// Rounds of a row that is explained.
const TRACED: u32 = 10;

/// Called before rounds that are traced.
#[inline(never)]
fn begin() {
    black_box("begin");
}

/// Called behind them.
#[inline(never)]
fn end() {
    black_box("end");
}

/// Measures `work` and prints its row: the mean of `rounds` after a tenth of them to warm up, less the empty loop. Where another row is
/// explained, does nothing; where this one is, marks it.
pub fn row(name: &str, rounds: u32, mut work: impl FnMut()) {
    match EXPLAINED.as_deref() {
        None => {
            let gross = gross(rounds, work);
            let empty = self::gross(rounds, || ());
            let cycles = gross.cycles.zip(empty.cycles).map(|(gross, empty)| (gross - empty).max(0.0));
            say(name, Cost { ns: (gross.ns - empty.ns).max(0.0), cycles, ..gross });
        }
        Some(explained) if explained == name => {
            // Until threads have come to rest where they are woken.
            (0..TRACED).for_each(|_| work());
            begin();
            (0..TRACED).for_each(|_| work());
            end();
            println!("explained {TRACED}");
        }
        Some(_) => {}
    }
}

/// Measures `work` alone and prints its row: a `parts`th of the mean of `rounds`, each of which begins with `prepare`, less what the clock
/// costs. Explains as [`row`] does.
pub fn row_apart(name: &str, parts: u32, rounds: u32, mut prepare: impl FnMut(), mut work: impl FnMut()) {
    match EXPLAINED.as_deref() {
        None => say(name, measure_apart(rounds, prepare, work).shared_by(parts)),
        Some(explained) if explained == name => {
            for _ in 0..TRACED {
                prepare();
                begin();
                work();
                end();
            }
            println!("explained {}", TRACED * parts);
        }
        Some(_) => {}
    }
}

fn measure_apart(rounds: u32, prepare: impl FnMut(), work: impl FnMut()) -> Cost {
    // Apart, so that what is counted in instructions holds no question about cycles.
    if *lines::IS_PI { apart::<true>(rounds, prepare, work) } else { apart::<false>(rounds, prepare, work) }
}

fn apart<const IS_PI: bool>(rounds: u32, mut prepare: impl FnMut(), mut work: impl FnMut()) -> Cost {
    let mut total = Cost { ns: 0.0, counts: Some((0.0, 0.0)), cycles: IS_PI.then_some(0.0) };
    if IS_PI {
        count_cycles();
    }
    for round in 0..rounds {
        prepare();
        let before = counts();
        let clock = black_box(Instant::now());
        let start = Instant::now();
        black_box(round);
        let first = if IS_PI { cycles() } else { 0 };
        work();
        let last = if IS_PI { cycles() } else { 0 };
        let end = Instant::now();
        total.ns += ((end - start).as_secs_f64() - (start - clock).as_secs_f64()) * 1e9;
        total.counts = total.counts.zip(passed(before)).map(|(sum, part)| (sum.0 + part.0, sum.1 + part.1));
        total.cycles = total.cycles.map(|cycles| cycles + (last - first) as f64);
    }
    total.shared_by(rounds)
}

/// What was counted since.
fn passed(before: Option<Counts>) -> Option<(f64, f64)> {
    let (before, now) = before.zip(counts())?;
    Some(((now.switches - before.switches) as f64, (now.entries - before.entries) as f64))
}

impl Cost {
    /// Each of `parts` equal ones.
    fn shared_by(self, parts: u32) -> Self {
        let part = |total: f64| total / f64::from(parts);
        let counts = self.counts.map(|(switches, entries)| (part(switches), part(entries)));
        Self { ns: part(self.ns), counts, cycles: self.cycles.map(part) }
    }
}

/// Prints a row.
fn say(name: &str, cost: Cost) {
    let Cost { ns, counts, cycles } = cost;
    let counts = counts.map_or_else(String::new, |(switches, entries)| format!(" {switches:.2} switches {entries:.2} entries"));
    let cycles = cycles.map_or_else(String::new, |cycles| format!(" {cycles:.1} cycles"));
    lines::row(format_args!("{name} {ns:.1} ns{counts}{cycles}"));
}

/// Prints a row of which only the time is known.
pub fn say_ns(name: &str, ns: f64) {
    lines::row(format_args!("{name} {ns:.1} ns"));
}

/// Whether the row is to be measured by who calls this: not if a row is explained.
pub fn is_measuring() -> bool {
    EXPLAINED.is_none()
}

/// Says what is taken off every row.
pub fn say_empty() {
    println!("# empty loop: {:.2} ns a round, taken off each row", empty(MANY));
}

fn empty(rounds: u32) -> f64 {
    gross(rounds, || ()).ns
}

fn gross(rounds: u32, mut work: impl FnMut()) -> Cost {
    for round in 0..rounds / 10 {
        black_box(round);
        work();
    }
    let before = Before::now();
    let start = Instant::now();
    for round in 0..rounds {
        black_box(round);
        work();
    }
    let end = Instant::now();
    before.until((end - start).as_secs_f64() * 1e9).shared_by(rounds)
}

/// What was counted when the rounds began.
struct Before {
    counts: Option<Counts>,
    cycles: Option<u64>,
}

impl Before {
    // No part of the rounds' function, whose code is to be that of the operation.
    #[inline(never)]
    fn now() -> Self {
        let is_pi = *lines::IS_PI;
        if is_pi {
            count_cycles();
        }
        Self { counts: counts(), cycles: is_pi.then(cycles) }
    }

    /// What rounds that took so long have cost.
    #[inline(never)]
    fn until(self, ns: f64) -> Cost {
        let cycles = self.cycles.map(|before| (cycles() - before) as f64);
        Cost { ns, counts: passed(self.counts), cycles }
    }
}
