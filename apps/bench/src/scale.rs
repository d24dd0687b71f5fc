//! Threads on cores of their own that share nothing: how many times as much they do together as one of them alone.
//!
//! Only the host's clock can tell, and only as far as the host has cores.

use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::futex::{futex_wait, futex_wakeup};
use skete::thread::{core, set_affinity};

use crate::lines;

/// How often each number of threads is tried, in turn, so that what the host does beside it meets all of them.
const TURNS: usize = 5;
/// Threads beside the one.
const SIZES: [usize; 2] = [2, 4];

/// Prints the rows `scale.…`.
pub fn run() {
    curve("scale.futex.calls", calls);
    curve("scale.futex.pairs", pairs);
}

/// A wake with nobody waiting and a wait for a word that differs: no thread sleeps.
fn calls() {
    let word = AtomicU32::new(0);
    for _ in 0..5_000_000 {
        black_box(futex_wakeup(black_box(&word), 1).is_ok());
        black_box(futex_wait(black_box(&word), 1, None).is_err());
    }
}

/// Two threads of this core hand a turn to each other; both sleep and wake every time.
fn pairs() {
    let core = core();
    let turn = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1 << core).expect("the core is there");
            take_turns(&turn, 1, 0);
        });
        take_turns(&turn, 0, 1);
    });
}

/// Waits until it is `mine`, makes it `other`'s, again and again.
fn take_turns(turn: &AtomicU32, mine: u32, other: u32) {
    for _ in 0..100_000 {
        while turn.load(Ordering::Acquire) != mine {
            let _ = futex_wait(turn, other, None);
        }
        turn.store(other, Ordering::Release);
        let _ = futex_wakeup(turn, 1);
    }
}

/// Prints `NAME.2` and `NAME.4`: how many times as much is done, by the medians.
fn curve(name: &str, work: fn()) {
    let mut alone = Vec::new();
    let mut together = SIZES.map(|_| Vec::new());
    for _ in 0..TURNS {
        alone.push(time(1, work));
        for (times, size) in together.iter_mut().zip(SIZES) {
            times.push(time(size, work));
        }
    }
    let alone = median(alone);
    for (times, size) in together.into_iter().zip(SIZES) {
        let speedup = size as f64 * alone.as_secs_f64() / median(times).as_secs_f64();
        lines::row(format_args!("{name}.{size} {speedup:.2} times"));
    }
}

/// From the first that begins to the last that ends, of `size` threads that do `work`, each on its core.
fn time(size: usize, work: fn()) -> Duration {
    let all_there = Barrier::new(size);
    let spans: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let member = |core: usize| {
            let all_there = &all_there;
            move || {
                set_affinity(1 << core).expect("the core is there");
                all_there.wait();
                let start = Instant::now();
                work();
                (start, Instant::now())
            }
        };
        let threads: Vec<_> = (0..size).map(|core| scope.spawn(member(core))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    });
    let first = spans.iter().map(|span| span.0).min().expect("there is one");
    let last = spans.iter().map(|span| span.1).max().expect("there is one");
    last - first
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
