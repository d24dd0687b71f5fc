//! Priority that is lent: inversion, across cores, along chains, beside one's own.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::futex::{Change, Deadline, Operation, Question, futex_requeue, futex_wait, futex_wake_op, futex_wakeup, waiters};
use skete::sysv::IPC_PRIVATE;
use skete::sysv::sem::{self, Op};
use skete::thread::{affinity, base_priority, priority, set_affinity, set_priority, tid};

use crate::Check;
use crate::crowd::until_waiting;
use crate::lock::{Lock, while_held};
use crate::raw::pause;
use crate::times::bound;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("the most urgent waiter gets the lock, whatever spins in between", inversion),
    ("a holder on another core, and one that sleeps, inherits too", elsewhere),
    ("priority travels along a chain, and back when a waiter is late", chain),
    ("a new priority of one's own counts if it is the higher one", own_priority),
    ("of several who are woken nobody waits for whoever takes the waker's core", let_go_at_once),
];

/// Begins a thread of core 0 with a priority of its own.
fn pinned<'scope>(scope: &'scope thread::Scope<'scope, '_>, own: u8, work: impl FnOnce() + Send + 'scope) {
    scope.spawn(move || {
        set_affinity(1).expect("core 0 is there");
        set_priority(own).expect("there is such a priority");
        work();
    });
}

/// The low one holds the lock, the middle one spins, then the high one wants the lock: all of them on core 0.
fn inversion() {
    let all = affinity();
    set_affinity(1).expect("core 0 is there");
    let (lock, go, is_over, took) = (Lock::default(), AtomicU32::new(0), AtomicBool::new(false), AtomicU32::new(0));
    let until_go = || while futex_wait(&go, 0, None) != Err(Errno::EAGAIN) {};
    thread::scope(|scope| {
        pinned(scope, 3, || {
            assert_eq!(lock.take(None), Ok(()));
            until_go();
            // Some work with the lock held; without inheriting it would not get to it for as long as the middle one spins.
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(5) || priority() == 3 {
                pause();
            }
            assert_eq!((priority(), base_priority()), (9, 3));
            lock.let_go();
            assert_eq!(priority(), 3);
        });
        until_waiting(1);
        pinned(scope, 5, || {
            until_go();
            let start = Instant::now();
            while !is_over.load(Ordering::Acquire) {
                assert!(start.elapsed() < Duration::from_secs(20), "the urgent one never gets in");
                pause();
            }
        });
        pinned(scope, 9, || {
            until_go();
            // The others have begun by then.
            assert_eq!(futex_wait(&go, 1, Some(Duration::from_millis(2))), Err(Errno::ETIMEDOUT));
            let start = Instant::now();
            assert_eq!(lock.take(None), Ok(()));
            took.store(u32::try_from(start.elapsed().as_micros()).unwrap_or(u32::MAX), Ordering::Relaxed);
            is_over.store(true, Ordering::Release);
            lock.let_go();
        });
        until_waiting(3);
        go.store(1, Ordering::Release);
        let _ = futex_wakeup(&go, 3);
    });
    set_affinity(all).expect("they were there before");
    println!("    got in after {} us", took.load(Ordering::Relaxed));
    assert!(took.load(Ordering::Relaxed) < 1_000_000);
}

/// Waits until the calling thread runs at each of `wanted`, one after the other, and counts in `seen` those that it has run at.
fn see(wanted: &[u8], seen: &AtomicU32) {
    for &wanted in wanted {
        while priority() != wanted {
            pause();
            thread::yield_now();
        }
        seen.fetch_add(1, Ordering::AcqRel);
    }
}

/// Wants `lock` for a while, again and again, until `seen` is `count`.
fn want_until(lock: &Lock, seen: &AtomicU32, count: u32) {
    while seen.load(Ordering::Acquire) < count {
        assert_eq!(lock.take(Some(Deadline::after(Duration::from_millis(5)))), Err(Errno::ETIMEDOUT));
    }
}

fn elsewhere() {
    // One that runs, on another core if there is one.
    let lock = Lock::default();
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (held, seen) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1 << (cores - 1)).expect("the core is there");
            assert_eq!(lock.take(None), Ok(()));
            held.store(true, Ordering::Release);
            see(&[12, 2, 12], &seen);
            lock.let_go();
            assert_eq!(priority(), 2);
        });
        while !held.load(Ordering::Acquire) {
            pause();
            thread::yield_now();
        }
        scope.spawn(|| {
            set_priority(12).expect("there is such a priority");
            want_until(&lock, &seen, 1);
            while seen.load(Ordering::Acquire) < 2 {
                let waited = futex_wait(&seen, 1, Some(Duration::from_millis(1)));
                assert!(matches!(waited, Err(Errno::ETIMEDOUT | Errno::EAGAIN)));
            }
            assert_eq!(lock.take(None), Ok(()));
            lock.let_go();
        });
    });
    // One that sleeps in a plain futex: it wakes at what it inherits.
    let lock = Lock::default();
    let go = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(lock.take(None), Ok(()));
            assert_eq!(futex_wait(&go, 0, None), Ok(()));
            assert_eq!((priority(), base_priority()), (12, 2));
            lock.let_go();
            assert_eq!(priority(), 2);
        });
        until_waiting(1);
        scope.spawn(|| {
            set_priority(12).expect("there is such a priority");
            assert_eq!(lock.take(None), Ok(()));
            lock.let_go();
        });
        until_waiting(2);
        assert_eq!(futex_wakeup(&go, 1), Ok(1));
    });
}

fn chain() {
    const LONG: usize = 12;
    let locks: Vec<Lock> = (0..LONG).map(|_| Lock::default()).collect();
    let (go, seen) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        let (locks, go, seen) = (&locks, &go, &seen);
        scope.spawn(move || {
            assert_eq!(locks[0].take(None), Ok(()));
            assert_eq!(futex_wait(go, 0, None), Ok(()));
            see(&[17, 2], seen);
            locks[0].let_go();
        });
        until_waiting(1);
        for link in 1..LONG {
            scope.spawn(move || {
                assert_eq!(locks[link].take(None), Ok(()));
                assert_eq!(locks[link - 1].take(None), Ok(()));
                locks[link - 1].let_go();
                locks[link].let_go();
                assert_eq!(priority(), 2);
            });
            until_waiting(u32::try_from(link).expect("a handful") + 1);
        }
        scope.spawn(move || {
            set_priority(17).expect("there is such a priority");
            let _ = futex_wakeup(go, 1);
            want_until(&locks[LONG - 1], seen, 1);
        });
    });
    assert!(locks.iter().all(|lock| lock.word() == 0));
}

fn own_priority() {
    let lock = Lock::default();
    while_held(&lock, || {
        let (go, told, mine) = (AtomicU32::new(0), AtomicU32::new(0), Lock::default());
        thread::scope(|scope| {
            let count = waiters();
            assert_eq!(mine.take(None), Ok(()));
            scope.spawn(|| {
                set_priority(8).expect("there is such a priority");
                told.store(tid(), Ordering::Release);
                assert_eq!(mine.take(None), Ok(()));
                mine.let_go();
                assert_eq!(futex_wait(&go, 0, None), Ok(()));
            });
            until_waiting(count + 1);
            assert_eq!((priority(), base_priority()), (8, 2));
            set_priority(5).expect("there is such a priority");
            assert_eq!((priority(), base_priority()), (8, 5));
            // The one that waits becomes less urgent, then more.
            skete::thread::set_priority_of(told.load(Ordering::Acquire), 3).expect("it is there");
            assert_eq!(priority(), 5);
            skete::thread::set_priority_of(told.load(Ordering::Acquire), 11).expect("it is there");
            assert_eq!(priority(), 11);
            set_priority(2).expect("there is such a priority");
            mine.let_go();
            assert_eq!(priority(), 2);
            while futex_wakeup(&go, 1) != Ok(1) {
                thread::yield_now();
            }
        });
    });
}

/// What a thread does again and again.
type Step<'a> = &'a (dyn Fn() + Sync);

/// All on core 0: a low one wakes two urgent ones again and again, who wait with deadlines of their own, and one in between computes now and
/// then. Whatever interrupts the waker, an urgent one that is late goes on at once.
fn let_go_at_once() {
    let most = bound("MOST_LATE").max(Duration::from_micros(300));
    let (word, other) = (AtomicU32::new(0), AtomicU32::new(0));
    let nothing = Operation::new(Change::Add, 0, Question::Equal, 1);
    let set = sem::get(IPC_PRIVATE, 1, 0o600).expect("there is room");
    let span = Duration::from_micros(100);
    let wait = || _ = futex_wait(&word, 0, Some(span));
    let ways: [(&str, Step, Step); 4] = [
        ("woken", &wait, &|| _ = futex_wakeup(&word, 2)),
        ("woken by a requeue", &wait, &|| _ = futex_requeue(&word, 2, &other, 0)),
        ("woken by an operation", &wait, &|| _ = futex_wake_op(&word, 2, &other, 0, nothing)),
        ("served by a semaphore", &|| _ = sem::operate_within(set, &[Op::new(0, -1)], span), &|| {
            sem::operate(set, &[Op::new(0, 2)]).expect("it is there");
            sem::set_value(set, 0, 0).expect("it is there");
        }),
    ];
    for (name, wait, wake) in ways {
        let (is_over, worst) = (AtomicBool::new(false), AtomicU64::new(0));
        let goes_on = || !is_over.load(Ordering::Acquire);
        thread::scope(|scope| {
            for _ in 0..2 {
                pinned(scope, 25, || {
                    while goes_on() {
                        let due = Instant::now() + span;
                        wait();
                        let late = Instant::now().saturating_duration_since(due);
                        worst.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
                    }
                });
            }
            pinned(scope, 10, || {
                let mut pauses = (0..50).map(|step| Duration::from_micros(10 + step * 37 % 50)).cycle();
                while goes_on() {
                    thread::sleep(pauses.next().expect("it goes round"));
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_millis(1) {
                        pause();
                    }
                }
            });
            pinned(scope, 1, || {
                while goes_on() {
                    wake();
                }
            });
            let own = base_priority();
            set_priority(30).expect("there is such a priority");
            thread::sleep(Duration::from_millis(60));
            is_over.store(true, Ordering::Release);
            set_priority(own).expect("it was there before");
        });
        let worst = Duration::from_micros(worst.into_inner());
        println!("    {name}: late by at most {worst:?}");
        assert!(worst <= most, "{name}");
    }
    sem::remove(set).expect("it is there");
}
