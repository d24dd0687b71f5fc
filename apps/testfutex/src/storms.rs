//! Many threads, many calls at once: nobody is lost, nobody is woken twice, and nobody is left.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use skete::Errno;
use skete::futex::{futex_cmp_requeue, futex_requeue, futex_wait, futex_wait_bitset, futex_wake_bitset, futex_wakeup, waiters};

use crate::Check;
use crate::raw::pause;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("hand-overs round a ring lose no turn", ring),
    ("as many are woken as wakes say", wakes),
    ("a broadcast by requeue reaches everybody", broadcast),
    ("waits with short timeouts and wakes agree on who was woken", timeouts),
    ("requeues back and forth lose nobody", back_and_forth),
    ("bits go to those who have them", bits),
];

const THREADS: u32 = 6;

/// Each thread waits for its number and hands on to the next.
fn ring() {
    const ROUNDS: u32 = 500;
    let turn = AtomicU32::new(0);
    thread::scope(|scope| {
        for me in 0..THREADS {
            let turn = &turn;
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let mine = round * THREADS + me;
                    loop {
                        let now = turn.load(Ordering::Acquire);
                        if now == mine {
                            break;
                        }
                        let _ = futex_wait(turn, now, None);
                    }
                    turn.store(mine + 1, Ordering::Release);
                    // All of them: the next is among those.
                    let _ = futex_wakeup(turn, u32::MAX);
                }
            });
        }
    });
    assert_eq!(turn.into_inner(), ROUNDS * THREADS);
}

/// Threads wait and count that they were woken; the wakes' answers must add up to the same.
fn wakes() {
    let (word, woken, is_over) = (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
    let mut told = 0;
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while !is_over.load(Ordering::Acquire) {
                    if futex_wait(&word, 0, None) == Ok(()) {
                        woken.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
        while told < 3000 {
            told += futex_wakeup(&word, 1 + told % 3).expect("the word is there");
            pause();
            thread::yield_now();
        }
        is_over.store(true, Ordering::Release);
        word.store(1, Ordering::Release);
        told += futex_wakeup(&word, u32::MAX).expect("the word is there");
    });
    assert_eq!(woken.into_inner(), told);
}

/// A condition variable's broadcast: wake one, move the rest to the lock; each hands the lock on.
fn broadcast() {
    let (condition, lock, done) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    for round in 0..100 {
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while condition.load(Ordering::Acquire) == round {
                        let _ = futex_wait(&condition, round, None);
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    // The next of those who were moved.
                    let _ = futex_wakeup(&lock, 1);
                });
            }
            while waiters() < THREADS / 2 {
                pause();
                thread::yield_now();
            }
            condition.store(round + 1, Ordering::Release);
            let reached = futex_cmp_requeue(&condition, 1, &lock, i32::MAX.cast_unsigned(), round + 1);
            assert!(reached.expect("nobody else changes it") <= THREADS);
        });
        assert_eq!(waiters(), 0);
    }
    assert_eq!(done.into_inner(), 100 * THREADS);
}

/// Timeouts race with wakes: whoever says that it was woken is one whom a wake has counted.
fn timeouts() {
    let (word, woken, left) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(THREADS));
    let mut told = 0;
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (word, woken, left) = (&word, &woken, &left);
            scope.spawn(move || {
                for round in 0..300 {
                    let timeout = Duration::from_micros(u64::from(1 + (round * 7 + me * 13) % 60));
                    match futex_wait(word, 0, Some(timeout)) {
                        Ok(()) => _ = woken.fetch_add(1, Ordering::Relaxed),
                        error => assert_eq!(error, Err(Errno::ETIMEDOUT)),
                    }
                }
                left.fetch_sub(1, Ordering::Release);
            });
        }
        while left.load(Ordering::Acquire) != 0 {
            told += futex_wakeup(&word, 2).expect("the word is there");
            pause();
            thread::yield_now();
        }
    });
    assert_eq!(woken.into_inner(), told);
}

/// Two threads move the waiters between two words, a third wakes; some are late.
fn back_and_forth() {
    let (here, there) = (AtomicU32::new(0), AtomicU32::new(0));
    let (woken, left) = (AtomicU32::new(0), AtomicU32::new(THREADS));
    let told = AtomicU32::new(0);
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (here, there, woken, left) = (&here, &there, &woken, &left);
            scope.spawn(move || {
                for round in 0..200 {
                    let word = if (round + me) % 2 == 0 { here } else { there };
                    let timeout = (round % 3 != 0).then(|| Duration::from_micros(u64::from(1 + (round * 11 + me * 3) % 80)));
                    if futex_wait(word, 0, timeout) == Ok(()) {
                        woken.fetch_add(1, Ordering::Relaxed);
                    }
                }
                left.fetch_sub(1, Ordering::Release);
            });
        }
        for (from, to) in [(&here, &there), (&there, &here)] {
            scope.spawn({
                let (told, left) = (&told, &left);
                move || {
                    while left.load(Ordering::Acquire) != 0 {
                        told.fetch_add(futex_requeue(from, 1, to, 2).expect("the words are there"), Ordering::Relaxed);
                        pause();
                        thread::yield_now();
                    }
                }
            });
        }
    });
    assert_eq!(woken.into_inner(), told.into_inner());
}

/// Each thread waits with its own bit; wakes name one bit at a time.
fn bits() {
    const ROUNDS: u32 = 100;
    let word = AtomicU32::new(0);
    let seen = [const { AtomicU32::new(0) }; THREADS as usize];
    thread::scope(|scope| {
        for (me, seen) in seen.iter().enumerate() {
            let word = &word;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    assert_eq!(futex_wait_bitset(word, 0, None, 1 << me), Ok(()));
                    seen.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 1..=ROUNDS {
            for me in 0..THREADS {
                while futex_wake_bitset(&word, 1, 1 << me) != Ok(1) {
                    pause();
                    thread::yield_now();
                }
            }
            assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) <= round), "a bit woke another's thread");
        }
    });
    assert!(seen.iter().all(|seen| seen.load(Ordering::Relaxed) == ROUNDS));
}
