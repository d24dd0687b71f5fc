//! Mutex, `RwLock`, Condvar, Barrier.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::{CROWD, Check, crowd};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a mutex lets one in at a time", mutex),
    (
        "a try_lock of a taken mutex fails and does not wait",
        try_lock,
    ),
    ("a rwlock lets all readers in together", readers),
    ("a rwlock lets a writer in alone", writers),
    ("a condvar passes a turn round without losing it", condvar),
    (
        "a condvar's wait_timeout ends, and not early",
        condvar_timeout,
    ),
    ("a notify_all wakes everyone", notify_all),
    (
        "a barrier lets nobody through early and has one leader a round",
        barrier,
    ),
];

fn mutex() {
    const ROUNDS: usize = 2_000;
    let count = Mutex::new(0);
    crowd(|_| {
        for _ in 0..ROUNDS {
            *count.lock().expect("no one panics with it") += 1;
        }
    });
    assert_eq!(count.into_inner().expect("no one panicked"), CROWD * ROUNDS);
}

fn try_lock() {
    let lock = Mutex::new(());
    let guard = lock.lock().expect("free");
    thread::scope(|scope| {
        scope.spawn(|| assert!(lock.try_lock().is_err()));
    });
    drop(guard);
    assert!(lock.try_lock().is_ok());
}

fn readers() {
    let (lock, all_are_inside) = (RwLock::new(7), Barrier::new(CROWD));
    crowd(|_| {
        let guard = lock.read().expect("no one panics with it");
        all_are_inside.wait();
        assert_eq!(*guard, 7);
    });
    assert!(lock.try_write().is_ok());
}

fn writers() {
    let pair = RwLock::new((0, 0));
    crowd(|number| {
        for round in 0..500 {
            if (number + round) % 4 == 0 {
                let mut pair = pair.write().expect("no one panics with it");
                pair.0 += 1;
                thread::yield_now();
                pair.1 += 1;
            } else {
                let pair = pair.read().expect("no one panics with it");
                thread::yield_now();
                assert_eq!(pair.0, pair.1);
            }
        }
    });
    assert_eq!(*pair.read().expect("no one panicked"), (1000, 1000));
}

fn condvar() {
    const ROUNDS: usize = 200;
    let (turn, changed) = (Mutex::new(0), Condvar::new());
    crowd(|number| {
        for round in 0..ROUNDS {
            let mine = round * CROWD + number;
            let guard = turn.lock().expect("no one panics with it");
            let mut guard = changed
                .wait_while(guard, |turn| *turn != mine)
                .expect("no one panics with it");
            *guard += 1;
            changed.notify_all();
        }
    });
    assert_eq!(turn.into_inner().expect("no one panicked"), ROUNDS * CROWD);
}

fn condvar_timeout() {
    const WAIT: Duration = Duration::from_millis(20);
    let (lock, never) = (Mutex::new(()), Condvar::new());
    let start = Instant::now();
    let guard = lock.lock().expect("free");
    let (_guard, result) = never
        .wait_timeout_while(guard, WAIT, |()| true)
        .expect("no one panics with it");
    assert!(result.timed_out());
    assert!(start.elapsed() >= WAIT, "woke after {:?}", start.elapsed());
}

fn notify_all() {
    let (state, changed) = (Mutex::new((0, false)), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| {
                let mut state = state.lock().expect("no one panics with it");
                state.0 += 1;
                changed.notify_all();
                drop(
                    changed
                        .wait_while(state, |state| !state.1)
                        .expect("no one panics with it"),
                );
            });
        }
        let all_wait = changed.wait_while(state.lock().expect("no one panics with it"), |state| {
            state.0 < CROWD
        });
        all_wait.expect("no one panics with it").1 = true;
        changed.notify_all();
    });
}

fn barrier() {
    const ROUNDS: usize = 100;
    let barrier = Barrier::new(CROWD);
    let (arrived, leaders) = (AtomicUsize::new(0), AtomicUsize::new(0));
    crowd(|_| {
        for round in 1..=ROUNDS {
            arrived.fetch_add(1, Ordering::SeqCst);
            if barrier.wait().is_leader() {
                leaders.fetch_add(1, Ordering::SeqCst);
            }
            assert!(arrived.load(Ordering::SeqCst) >= round * CROWD);
            barrier.wait();
        }
    });
    assert_eq!(leaders.into_inner(), ROUNDS);
}
