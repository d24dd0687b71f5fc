//! The console: what is written stays together, and keeps nobody else from running.

use std::fs::File;
use std::io::Write;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::thread::{set_affinity, set_priority as set_own};

use super::{Check, cores, is_exact};

/// This file's checks.
pub const CHECKS: &[Check] = &[("long lines of four threads keep no more urgent one waiting", long_lines)];

const WRITERS: u32 = 4;
const LINES: u32 = 8;
/// Bytes of a line: at 115200 baud, more than a second.
const BYTES: usize = 16 << 10;
const URGENT: u8 = 20;
const PERIOD: Duration = Duration::from_millis(1);
/// How late who sleeps may wake while others write, where time is exact.
const MOST_LATE: Duration = Duration::from_micros(20);

/// The case that runs this looks at the lines: letters of one kind, up to a full stop.
fn long_lines() {
    let (writing, begun) = (AtomicU32::new(WRITERS), Barrier::new(WRITERS as usize + 1));
    let worst = thread::scope(|scope| {
        for (number, letter) in "abcd".bytes().enumerate() {
            let (writing, begun) = (&writing, &begun);
            scope.spawn(move || {
                let mut line = vec![letter; BYTES - 2];
                line.extend(b".\n");
                // Not by `println`, whose lock lets one thread in at a time.
                let mut console = File::options().write(true).open("/dev/console").expect("there is a console");
                set_affinity(1 << (number % cores())).expect("the core is there");
                begun.wait();
                for _ in 0..LINES {
                    console.write_all(&line).expect("the console takes what comes");
                }
                writing.fetch_sub(1, Ordering::Relaxed);
            });
        }
        scope.spawn(|| worst_lateness(&writing, &begun)).join().expect("it only looks at the clock")
    });
    println!("    who slept was at most {worst:?} late");
    assert!(!is_exact() || worst <= MOST_LATE, "{worst:?} late");
}

fn worst_lateness(writing: &AtomicU32, begun: &Barrier) -> Duration {
    // Where a writer is, whatever cores there are.
    set_affinity(1).expect("the first core is there");
    set_own(URGENT).expect("there is such a priority");
    let mut worst = Duration::ZERO;
    begun.wait();
    while writing.load(Ordering::Relaxed) > 0 {
        let start = Instant::now();
        thread::sleep(PERIOD);
        worst = worst.max(start.elapsed().saturating_sub(PERIOD));
    }
    worst
}
