//! Hermit's semaphores.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::hermit::{Semaphore, post_nothing};
use super::{Check, cores};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a semaphore counts, and says what it cannot", counts),
    ("a semaphore's deadline is kept, and never early", deadlines),
    ("a semaphore lets no more in than it counts, and all in at last", guards),
    ("each post lets one waiter go on", hands_over),
];

const EAGAIN: i32 = 11;
const EINVAL: i32 = 22;
const EOVERFLOW: i32 = 75;
const ETIMEDOUT: i32 = 110;
/// POSIX `SEM_VALUE_MAX`.
const MOST: u32 = i32::MAX.cast_unsigned();

fn counts() {
    let semaphore = Semaphore::new();
    assert_eq!(semaphore.begin(2), Ok(()));
    assert_eq!([(); 3].map(|()| semaphore.take_now()), [Ok(()), Ok(()), Err(EAGAIN)]);
    assert_eq!(semaphore.post(), Ok(()));
    assert_eq!(semaphore.take(), Ok(()));
    assert_eq!(semaphore.take_now(), Err(EAGAIN));
    assert_eq!(semaphore.begin(MOST + 1), Err(EINVAL));
    assert_eq!(semaphore.begin(MOST), Ok(()));
    assert_eq!(semaphore.post(), Err(EOVERFLOW));
    assert_eq!(semaphore.take_now(), Ok(()));
    assert_eq!(semaphore.post(), Ok(()));
    assert_eq!(semaphore.end(), Ok(()));
    assert_eq!(post_nothing(), [Err(EINVAL); 2]);
}

fn deadlines() {
    const SPAN: Duration = Duration::from_millis(5);
    let semaphore = Semaphore::new();
    assert_eq!(semaphore.begin(0), Ok(()));
    let start = Instant::now();
    assert_eq!(semaphore.take_within(SPAN), Err(ETIMEDOUT));
    // The wall clock's deadline was read before `start` could be: a microsecond of grace.
    assert!(start.elapsed() + Duration::from_micros(1) >= SPAN);
    assert_eq!(semaphore.take_by(0, 0), Err(ETIMEDOUT));
    assert_eq!([semaphore.take_by(0, -1), semaphore.take_by(0, 1_000_000_000), semaphore.take_by(-1, 0)], [Err(EINVAL); 3]);
    assert_eq!(semaphore.post(), Ok(()));
    // What is there is taken, however late.
    assert_eq!(semaphore.take_by(0, 0), Ok(()));
}

fn guards() {
    const THREADS: u32 = 8;
    const ROUNDS: u32 = 200;
    const ROOM: u32 = 3;
    let (semaphore, inside, most, total) = (Semaphore::new(), AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    assert_eq!(semaphore.begin(ROOM), Ok(()));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    assert_eq!(semaphore.take(), Ok(()));
                    most.fetch_max(inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    total.fetch_add(1, Ordering::Relaxed);
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::Relaxed);
                    assert_eq!(semaphore.post(), Ok(()));
                }
            });
        }
    });
    let most = most.load(Ordering::Relaxed);
    println!("    at most {most} of {THREADS} threads on {} cores were inside at once", cores());
    assert!(most <= ROOM);
    assert_eq!(total.load(Ordering::Relaxed), THREADS * ROUNDS);
}

fn hands_over() {
    const ROUNDS: u32 = 500;
    let (there, back, count) = (Semaphore::new(), Semaphore::new(), AtomicU32::new(0));
    assert_eq!([there.begin(0), back.begin(0)], [Ok(()); 2]);
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                assert_eq!(there.take(), Ok(()));
                count.fetch_add(1, Ordering::Relaxed);
                assert_eq!(back.post(), Ok(()));
            }
        });
        for round in 0..ROUNDS {
            assert_eq!(count.load(Ordering::Relaxed), round);
            assert_eq!(there.post(), Ok(()));
            assert_eq!(back.take(), Ok(()));
        }
    });
    assert_eq!([there.take_now(), back.take_now()], [Err(EAGAIN); 2]);
}
