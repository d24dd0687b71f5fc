//! How late a thread runs after it was woken: by another thread, and by the clock at regular moments, as `cyclictest` does it. By a clock, on
//! all cores; as percentiles, and as a histogram:
//!
//! ```text
//! row wake.idle.p50 4200.0 ns *xx
//! histogram wake.idle ns 3584:12 4096:961 … *xx
//! ```
//!
//! A bucket is told by its least value; there are four between a power of two and the next.

use std::fmt::Write as _;
use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::lines;
use crate::system::set_affinity;

/// Wake-ups of each row.
const TIMES: usize = 1000;
/// Between two wake-ups by the clock.
const PERIOD: Duration = Duration::from_millis(1);
/// Before a thread is woken: time for it, and for its core, to fall asleep.
const REST: Duration = Duration::from_micros(200);

/// What the sleeper's core does until it is woken.
#[derive(Clone, Copy, PartialEq)]
enum Core {
    /// It is the waker's own, who goes to sleep then.
    Same,
    /// Another one, where a thread yields again and again.
    Awake,
    /// Another one that sleeps.
    Idle,
}

/// Prints the rows and histograms `timer.…` and `wake.…`.
pub fn run() {
    tell("timer.periodic_1ms", periodic());
    tell("wake.same", woken(Core::Same));
    tell("wake.other", woken(Core::Awake));
    tell("wake.idle", woken(Core::Idle));
}

/// How late each of many sleeps to a fixed moment ends.
fn periodic() -> Vec<u64> {
    set_affinity(1);
    let mut late = Vec::with_capacity(TIMES);
    let mut moment = Instant::now();
    for _ in 0..TIMES {
        moment += PERIOD;
        // A moment that passed already, for the last wake-up was so late, is none to wait for.
        thread::sleep(moment.saturating_duration_since(Instant::now()));
        late.push(ns(moment.elapsed()));
    }
    late
}

/// The words between who wakes and who is woken.
#[derive(Default)]
struct Call {
    /// Calls so far.
    count: AtomicU32,
    /// When the last one was made, in nanoseconds.
    moment: AtomicU64,
    is_over: AtomicBool,
}

/// How long after a call by [`thread::Thread::unpark`] the called thread runs.
fn woken(core: Core) -> Vec<u64> {
    let sleepers = if core == Core::Same { 1 } else { 2 };
    set_affinity(1);
    let (call, answered, base) = (Call::default(), AtomicU32::new(0), Instant::now());
    let here = thread::current();
    thread::scope(|scope| {
        if core == Core::Awake {
            scope.spawn(|| {
                set_affinity(sleepers);
                while !call.is_over.load(Ordering::Relaxed) {
                    thread::yield_now();
                    hint::spin_loop();
                }
            });
        }
        let sleeper = scope.spawn(|| {
            set_affinity(sleepers);
            let mut late = Vec::with_capacity(TIMES);
            for number in 1..=TIMES as u32 {
                while call.count.load(Ordering::Acquire) != number {
                    thread::park();
                }
                late.push(ns(base.elapsed()).saturating_sub(call.moment.load(Ordering::Relaxed)));
                answered.store(number, Ordering::Release);
                here.unpark();
            }
            late
        });
        for number in 1..=TIMES as u32 {
            thread::sleep(REST);
            call.moment.store(ns(base.elapsed()), Ordering::Relaxed);
            call.count.store(number, Ordering::Release);
            sleeper.thread().unpark();
            while answered.load(Ordering::Acquire) != number {
                thread::park();
            }
        }
        call.is_over.store(true, Ordering::Relaxed);
        sleeper.join().expect("it does not panic")
    })
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Prints percentiles and histogram.
fn tell(name: &str, mut samples: Vec<u64>) {
    samples.sort_unstable();
    let at = |percent: usize| samples[(samples.len() * percent).div_ceil(100).max(1) - 1];
    for (part, value) in [("p50", at(50)), ("p90", at(90)), ("p99", at(99)), ("max", at(100))] {
        lines::row(format_args!("{name}.{part} {value}.0 ns"));
    }
    let mut buckets = String::new();
    for group in samples.chunk_by(|one, other| bucket(*one) == bucket(*other)) {
        write!(buckets, " {}:{}", bucket(group[0]), group.len()).expect("a string takes all");
    }
    lines::line(format_args!("histogram {name} ns{buckets}"));
}

/// The least value of the bucket that a value is in: its highest three bits.
fn bucket(value: u64) -> u64 {
    let dropped = (u64::BITS - value.leading_zeros()).saturating_sub(3);
    value >> dropped << dropped
}
