//! Timeouts and deadlines: never early, and over with the wait.

use std::env;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use skete::Errno;
use skete::futex::{
    CLOCK_REALTIME, Deadline, MATCH_ANY, PRIVATE, TimeSpec, futex_requeue, futex_wait, futex_wait_bitset, futex_wakeup, op,
};

use skete::thread::set_priority;

use crate::Check;
use crate::crowd::{Answer, until_waiting};
use crate::raw::{Call, compute};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a relative timeout is not early", relative),
    ("a deadline is not early, of either clock", absolute),
    ("a deadline that has passed ends a wait at once", passed),
    ("a timeout that is longer than all time is none", endless),
    ("one who was woken in time has no timeout any more", in_time),
    ("one who was moved is late where it is", moved),
    ("timeouts are kept under load", under_load),
];

const SPANS: [Duration; 4] = [Duration::from_nanos(1), Duration::from_micros(30), Duration::from_micros(999), Duration::from_millis(5)];

fn spec(time: Duration) -> Option<TimeSpec> {
    Some(TimeSpec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() })
}

fn relative() {
    let word = AtomicU32::new(0);
    for span in SPANS {
        let start = Instant::now();
        assert_eq!(futex_wait(&word, 0, Some(span)), Err(Errno::ETIMEDOUT));
        assert!(start.elapsed() >= span);
        let start = Instant::now();
        assert_eq!(Call { timeout: spec(span), ..Call::of(op::WAIT, &word) }.make(), Err(Errno::ETIMEDOUT));
        assert!(start.elapsed() >= span);
    }
}

fn absolute() {
    let word = AtomicU32::new(0);
    for span in SPANS {
        let start = Instant::now();
        assert_eq!(futex_wait_bitset(&word, 0, Some(Deadline::after(span)), 4), Err(Errno::ETIMEDOUT));
        assert!(start.elapsed() >= span);
        let end = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970") + span;
        let is_over = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970") >= end;
        assert_eq!(futex_wait_bitset(&word, 0, Some(Deadline::Realtime(end)), MATCH_ANY), Err(Errno::ETIMEDOUT));
        assert!(is_over());
        let call = Call { timeout: spec(end + span), val3: 1, ..Call::of(op::WAIT_BITSET | CLOCK_REALTIME | PRIVATE, &word) };
        assert_eq!(call.make(), Err(Errno::ETIMEDOUT));
        assert!(is_over());
    }
}

fn passed() {
    let word = AtomicU32::new(0);
    assert_eq!(futex_wait(&word, 0, Some(Duration::ZERO)), Err(Errno::ETIMEDOUT));
    assert_eq!(futex_wait_bitset(&word, 0, Some(Deadline::Monotonic(Duration::ZERO)), 1), Err(Errno::ETIMEDOUT));
    assert_eq!(futex_wait_bitset(&word, 0, Some(Deadline::Realtime(Duration::ZERO)), 1), Err(Errno::ETIMEDOUT));
    // The word is compared first.
    assert_eq!(futex_wait(&word, 1, Some(Duration::ZERO)), Err(Errno::EAGAIN));
}

fn endless() {
    let word = AtomicU32::new(0);
    let ends = [Some(Duration::MAX), None];
    let longest = Some(TimeSpec { tv_sec: i64::MAX, tv_nsec: 999_999_999 });
    thread::scope(|scope| {
        for end in ends {
            scope.spawn({
                let word = &word;
                move || assert_eq!(futex_wait(word, 0, end), Ok(()))
            });
        }
        for command in [op::WAIT | PRIVATE, op::WAIT_BITSET | PRIVATE, op::WAIT_BITSET | PRIVATE | CLOCK_REALTIME] {
            let call = Call { timeout: longest, val3: 1, ..Call::of(command, &word) };
            scope.spawn(move || assert_eq!(call.make(), Ok(0)));
        }
        until_waiting(5);
        assert_eq!(futex_wakeup(&word, 9), Ok(5));
    });
}

fn in_time() {
    let word = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            let timeout = Duration::from_millis(2);
            assert_eq!(futex_wait(&word, 0, Some(Duration::from_secs(60))), Ok(()));
            // The old deadline is gone; this one counts.
            let start = Instant::now();
            assert_eq!(futex_wait(&word, 0, Some(timeout)), Err(Errno::ETIMEDOUT));
            assert!(start.elapsed() >= timeout && start.elapsed() < Duration::from_secs(30));
        });
        until_waiting(1);
        assert_eq!(futex_wakeup(&word, 1), Ok(1));
    });
}

fn moved() {
    let (here, there) = (AtomicU32::new(0), AtomicU32::new(0));
    let answer = Answer::default();
    thread::scope(|scope| {
        scope.spawn(|| answer.put(futex_wait(&here, 0, Some(Duration::from_millis(50)))));
        until_waiting(1);
        assert_eq!(futex_requeue(&here, 0, &there, 1), Ok(0));
        until_waiting(0);
        assert_eq!((futex_wakeup(&here, 1), futex_wakeup(&there, 1)), (Ok(0), Ok(0)));
    });
    assert_eq!(answer.get(), Some(Errno::ETIMEDOUT.number().cast_unsigned()));
}

/// What variable `name` says in microseconds; without it, so much as no wait takes unless its timeout is lost.
pub fn bound(name: &str) -> Duration {
    env::var(name).map_or(Duration::from_secs(20), |micros| Duration::from_micros(micros.parse().expect("it is a number")))
}

/// Never early; never later than `MOST_LATE`, and not all of them later than `LEAST_LATE`.
fn under_load() {
    let is_over = AtomicBool::new(false);
    let word = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    compute();
                }
            });
        }
        let late: Vec<_> = (1..=8_u64)
            .map(|number| {
                let word = &word;
                scope.spawn(move || {
                    // More urgent than the load: with equals it would wait for its turn among them.
                    set_priority(9).expect("there is such a priority");
                    let span = Duration::from_micros(311 * number);
                    [(); 10].map(|()| {
                        let start = Instant::now();
                        assert_eq!(futex_wait(word, 0, Some(span)), Err(Errno::ETIMEDOUT));
                        start.elapsed().checked_sub(span).expect("it is not early")
                    })
                })
            })
            .collect();
        let late: Vec<Duration> = late.into_iter().flat_map(|thread| thread.join().expect("it is not early")).collect();
        is_over.store(true, Ordering::Relaxed);
        let (least, most) = (late.iter().min().expect("some waited"), late.iter().max().expect("some waited"));
        println!("    {} timeouts under load were late by {least:?} to {most:?}", late.len());
        assert!(*least <= bound("LEAST_LATE") && *most <= bound("MOST_LATE"), "late");
    });
}
