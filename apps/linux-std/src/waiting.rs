//! Threads that wait for one another; time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::Check;

pub const CHECKS: &[Check] = &[
    ("a mutex keeps its number", counted),
    ("a condition variable hands a turn round", turns),
    ("a wait ends when its time is over", timed),
    ("channels bring everything, in order", channels),
    ("who is parked goes on", parked),
    ("a barrier lets all go at once", barrier),
    ("readers share, writers do not", rwlock),
    ("threads tell their number of cores and their names", about),
    ("time goes on, and a sleep lasts as long as it should", time),
];

const SHORT: Duration = Duration::from_millis(20);

fn counted() {
    let sum = Mutex::new(0_u64);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    *sum.lock().expect("nobody panics") += 1;
                }
            });
        }
    });
    assert_eq!(sum.into_inner().expect("nobody panics"), 16_000);
}

fn turns() {
    const THREADS: usize = 4;
    let (turn, changed) = (Mutex::new(0), Condvar::new());
    thread::scope(|scope| {
        for number in 0..THREADS {
            let (turn, changed) = (&turn, &changed);
            scope.spawn(move || {
                for _ in 0..100 {
                    let guard = turn.lock().expect("nobody panics");
                    let mut guard = changed.wait_while(guard, |turn| *turn % THREADS != number).expect("nobody panics");
                    *guard += 1;
                    changed.notify_all();
                }
            });
        }
    });
    assert_eq!(turn.into_inner().expect("nobody panics"), THREADS * 100);
}

fn timed() {
    let (lock, never) = (Mutex::new(()), Condvar::new());
    let started = Instant::now();
    let guard = lock.lock().expect("nobody panics");
    let (_guard, result) = never.wait_timeout_while(guard, SHORT, |()| true).expect("nobody panics");
    assert!(result.timed_out() && started.elapsed() >= SHORT);
    let (_sender, receiver) = mpsc::channel::<u8>();
    assert_eq!(receiver.recv_timeout(SHORT), Err(RecvTimeoutError::Timeout));
    thread::park_timeout(SHORT);
    assert!(started.elapsed() >= 2 * SHORT);
}

fn channels() {
    let (sender, receiver) = mpsc::sync_channel(4);
    thread::scope(|scope| {
        for number in 0..4 {
            let sender = sender.clone();
            scope.spawn(move || (0..500).for_each(|item| sender.send((number, item)).expect("somebody listens")));
        }
        drop(sender);
        let mut next = [0; 4];
        for (number, item) in receiver {
            let number: usize = number;
            assert_eq!(item, next[number]);
            next[number] += 1;
        }
        assert_eq!(next, [500; 4]);
    });
}

fn parked() {
    let (is_ready, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            for _ in 0..100 {
                while !is_ready.swap(false, Ordering::Acquire) {
                    thread::park();
                }
                rounds.fetch_add(1, Ordering::Release);
            }
        });
        for round in 0..100 {
            is_ready.store(true, Ordering::Release);
            sleeper.thread().unpark();
            while rounds.load(Ordering::Acquire) == round {
                thread::yield_now();
            }
        }
    });
}

fn barrier() {
    let (barrier, leaders) = (Barrier::new(6), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                for _ in 0..50 {
                    leaders.fetch_add(usize::from(barrier.wait().is_leader()), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(leaders.into_inner(), 50);
}

fn rwlock() {
    let pair = RwLock::new((0, 0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..500 {
                    let (a, b) = *pair.read().expect("nobody panics");
                    assert_eq!(a, b);
                    let mut guard = pair.write().expect("nobody panics");
                    guard.0 += 1;
                    guard.1 += 1;
                }
            });
        }
    });
    assert_eq!(*pair.read().expect("nobody panics"), (1500, 1500));
}

fn about() {
    let cores = thread::available_parallelism().expect("it is known").get();
    assert!((1..=4).contains(&cores), "{cores} cores");
    let named = thread::Builder::new().name("a name".into()).stack_size(256 << 10);
    let thread = named.spawn(|| thread::current().name().map(String::from)).expect("there is room");
    assert_eq!(thread.join().expect("it does not panic").as_deref(), Some("a name"));
    assert_eq!(thread::current().name(), Some("main"));
}

fn time() {
    let (started, date) = (Instant::now(), SystemTime::now());
    thread::sleep(SHORT);
    assert!(started.elapsed() >= SHORT);
    assert!(date.elapsed().expect("it goes on") >= SHORT);
    assert!(date.duration_since(SystemTime::UNIX_EPOCH).expect("it is later").as_secs() > 1_700_000_000);
}
