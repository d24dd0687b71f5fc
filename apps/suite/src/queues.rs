//! Hermit's queues, and threads that block until another wakes them by name.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::futex::waiters;

use super::Check;
use super::hermit::{Queue, block, block_for, name, wait_nowhere, wake};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a notification of a queue waits for who comes later", remembers),
    ("a queue's timeout counts for one wait", times_out),
    ("all who wait in a queue are notified, and nobody else", notifies_all),
    ("a thread that blocks is woken by name, even before it blocks", wakes),
    ("a thread blocks no longer than it asked to", blocks_in_time),
];

const EINVAL: i32 = 22;
const ETIMEDOUT: i32 = 110;
const MS: i64 = 1_000_000;

fn remembers() {
    let queue = Queue::new();
    assert_eq!(queue.begin(), Ok(()));
    assert_eq!(queue.notify(2), Ok(()));
    assert_eq!([(); 2].map(|()| queue.wait()), [Ok(()); 2]);
    assert_eq!((queue.enter(1), queue.wait()), (Ok(()), Err(ETIMEDOUT)));
    assert_eq!(queue.end(), Ok(()));
}

fn times_out() {
    let queue = Queue::new();
    assert_eq!(queue.begin(), Ok(()));
    let start = Instant::now();
    assert_eq!((queue.enter(5 * MS), queue.wait()), (Ok(()), Err(ETIMEDOUT)));
    assert!(start.elapsed() >= Duration::from_millis(5));
    // The next wait has no timeout any more, and one of nothing is none: both must be notified.
    for enters in [false, true] {
        thread::scope(|scope| {
            let before = waiters();
            let waiter = scope.spawn(|| {
                if enters {
                    assert_eq!((queue.enter(MS), queue.enter(0)), (Ok(()), Ok(())));
                }
                queue.wait()
            });
            await_waiters(before + 1);
            assert_eq!(queue.notify(1), Ok(()));
            assert_eq!(waiter.join().expect("it does not panic"), Ok(()));
        });
    }
}

/// Lets others run until so many threads wait for a word.
fn await_waiters(count: u32) {
    while waiters() != count {
        thread::yield_now();
    }
}

fn notifies_all() {
    const THREADS: u32 = 3;
    let (queue, woken) = (Queue::new(), AtomicU32::new(0));
    assert_eq!(queue.begin(), Ok(()));
    let before = waiters();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                assert_eq!(queue.wait(), Ok(()));
                woken.fetch_add(1, Ordering::Relaxed);
            });
        }
        await_waiters(before + THREADS);
        assert_eq!(queue.notify(-1), Ok(()));
    });
    assert_eq!(woken.load(Ordering::Relaxed), THREADS);
    // Nothing was left for one who was not there, and nobody is nobody.
    assert_eq!((queue.notify(-1), queue.notify(0)), (Ok(()), Ok(())));
    assert_eq!((queue.enter(1), queue.wait()), (Ok(()), Err(ETIMEDOUT)));
    assert_eq!(wait_nowhere(), Err(EINVAL));
}

fn wakes() {
    const ROUNDS: u32 = 500;
    let (sleeper, round, done) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            sleeper.store(name(), Ordering::Relaxed);
            for wanted in 1..=ROUNDS {
                while round.load(Ordering::Relaxed) < wanted {
                    block();
                }
                done.store(wanted, Ordering::Relaxed);
            }
        });
        while sleeper.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        for wanted in 1..=ROUNDS {
            round.store(wanted, Ordering::Relaxed);
            wake(sleeper.load(Ordering::Relaxed));
            while done.load(Ordering::Relaxed) < wanted {
                thread::yield_now();
            }
        }
    });
    // One that has ended, and one that never was.
    [sleeper.load(Ordering::Relaxed), 0, u32::MAX, 0x1fff_ffff].into_iter().for_each(wake);
}

fn blocks_in_time() {
    const MS: u64 = 20;
    // A wake-up that came before ends the first one at once, however long.
    wake(name());
    block_for(u64::MAX);
    let start = Instant::now();
    let mut calls = 0;
    while start.elapsed() < Duration::from_millis(MS) {
        block_for(MS);
        calls += 1;
    }
    // It may return for no reason, but not as if it did nothing.
    assert!(calls <= 2, "{calls} calls for one timeout");
}
