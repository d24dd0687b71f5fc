//! Waits for one word: broadcasts, requeues, timeouts, wakes of two words by one operation.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::futex::{Operation, futex_cmp_requeue, futex_requeue, futex_wait, futex_wake_op, futex_wakeup};

use crate::await_that;

const THREADS: u32 = 4;

/// A condition variable's broadcast, again and again: wake one, move the rest to the lock, each hands that on.
pub fn broadcasts(_round: u32) {
    const ROUNDS: u32 = 20;
    let (condition, lock) = (AtomicU32::new(0), AtomicU32::new(0));
    let (come, done) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    come.fetch_add(1, Ordering::Relaxed);
                    while condition.load(Ordering::Acquire) == round {
                        let _ = futex_wait(&condition, round, None);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    // The next of those who were moved.
                    let _ = futex_wakeup(&lock, 1);
                }
            });
        }
        for round in 0..ROUNDS {
            await_that(|| come.load(Ordering::Relaxed) == THREADS * (round + 1));
            condition.store(round + 1, Ordering::Release);
            let reached = futex_cmp_requeue(&condition, 1, &lock, i32::MAX.cast_unsigned(), round + 1);
            assert!(reached.expect("nobody else changes it") <= THREADS);
            await_that(|| done.load(Ordering::Relaxed) == THREADS * (round + 1));
        }
    });
}

/// Two threads move the waiters between two words and wake some; a few are late. As many say that they were woken as were.
pub fn back_and_forth(salt: u32) {
    let (here, there) = (AtomicU32::new(0), AtomicU32::new(0));
    let (woken, told, left) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(THREADS));
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (here, there, woken, left) = (&here, &there, &woken, &left);
            scope.spawn(move || {
                for round in 0..60 {
                    let word = if (round + me) % 2 == 0 { here } else { there };
                    let span = Duration::from_micros(u64::from(1 + (salt + round * 11 + me * 3) % 80));
                    match futex_wait(word, 0, (round % 3 != 0).then_some(span)) {
                        Ok(()) => _ = woken.fetch_add(1, Ordering::Relaxed),
                        late => assert_eq!(late, Err(Errno::ETIMEDOUT)),
                    }
                }
                left.fetch_sub(1, Ordering::Release);
            });
        }
        for (from, to) in [(&here, &there), (&there, &here)] {
            let (told, left) = (&told, &left);
            scope.spawn(move || {
                while left.load(Ordering::Acquire) != 0 {
                    told.fetch_add(futex_requeue(from, 1, to, 2).expect("the words are there"), Ordering::Relaxed);
                    thread::yield_now();
                }
            });
        }
    });
    assert_eq!(woken.into_inner(), told.into_inner());
}

/// Half of the threads wait for one word, half for another; one operation raises that and wakes both halves.
pub fn wake_ops(_round: u32) {
    const ROUNDS: u32 = 40;
    const ADD: u32 = 1 << 28;
    let [here, there, come] = [const { AtomicU32::new(0) }; 3];
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (word, come) = (if me % 2 == 0 { &here } else { &there }, &come);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    come.fetch_add(1, Ordering::Relaxed);
                    while word.load(Ordering::Acquire) == round {
                        let _ = futex_wait(word, round, None);
                    }
                }
            });
        }
        for round in 0..ROUNDS {
            await_that(|| come.load(Ordering::Relaxed) == THREADS * (round + 1));
            here.store(round + 1, Ordering::Release);
            // Adds one; the other word's waiters are woken if it held the round's number.
            let raise = Operation::parse(ADD | 1 << 12 | round).expect("the manual has it");
            let woken = futex_wake_op(&here, THREADS, &there, THREADS, raise);
            assert!(woken.expect("the words are there") <= THREADS);
        }
    });
    assert_eq!((here.into_inner(), there.into_inner()), (ROUNDS, ROUNDS));
}

/// Deadlines while two threads keep cores busy: none is early.
pub fn timeouts(salt: u32) {
    let (word, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    thread::yield_now();
                }
            });
        }
        let late: Vec<_> = (1..=THREADS)
            .map(|me| {
                let span = Duration::from_micros(u64::from((salt * 37 + me * 311) % 2000));
                let word = &word;
                scope.spawn(move || {
                    for _ in 0..5 {
                        let start = Instant::now();
                        assert_eq!(futex_wait(word, 0, Some(span)), Err(Errno::ETIMEDOUT));
                        assert!(start.elapsed() >= span, "early");
                    }
                })
            })
            .collect();
        let are_well = late.into_iter().map(|thread| thread.join().is_ok()).fold(true, |all, one| all && one);
        is_over.store(true, Ordering::Relaxed);
        assert!(are_well);
    });
}
