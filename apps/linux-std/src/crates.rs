//! Crates of everybody's, as they are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, RwLock};
use tokio::io::Interest;
use tokio::runtime::Builder;
use tokio::sync::{Notify, Semaphore, broadcast, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::Check;
use crate::unwinding::quiet;
use crate::watching;

pub const CHECKS: &[Check] = &[
    ("parking_lot: locks keep their numbers", locks),
    ("parking_lot: a condition variable wakes and times out", condvar),
    ("tokio: tasks run on several threads", tasks),
    ("tokio: time goes on", time),
    ("tokio: channels, notices, permits", channels),
    ("tokio: a task that panics leaves the others running", panics),
    ("tokio: a task waits for a file", waits_for_a_file),
    ("tokio: what blocks has threads of its own", blocking),
];

fn locks() {
    let (sum, pair) = (Mutex::new(0), RwLock::new((0, 0)));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    *sum.lock() += 1;
                    let (a, b) = *pair.read();
                    assert_eq!(a, b);
                    let mut guard = pair.write();
                    guard.0 += 1;
                    guard.1 += 1;
                }
            });
        }
    });
    assert_eq!((sum.into_inner(), pair.into_inner()), (8000, (8000, 8000)));
}

fn condvar() {
    let (is_there, changed) = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            *is_there.lock() = true;
            changed.notify_one();
        });
        changed.wait_while(&mut is_there.lock(), |is_there| !*is_there);
    });
    assert!(changed.wait_for(&mut is_there.lock(), Duration::from_millis(5)).timed_out());
}

fn runtime() -> tokio::runtime::Runtime {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("there is room")
}

fn tasks() {
    let sum = Arc::new(AtomicUsize::new(0));
    runtime().block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..200 {
            let sum = Arc::clone(&sum);
            tasks.spawn(async move {
                for _ in 0..10 {
                    tokio::task::yield_now().await;
                }
                sum.fetch_add(number, Ordering::Relaxed);
                number
            });
        }
        assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 19_900);
    });
    assert_eq!(sum.load(Ordering::Relaxed), 19_900);
}

fn time() {
    runtime().block_on(async {
        let started = Instant::now();
        let mut ticks = tokio::time::interval(Duration::from_millis(5));
        for _ in 0..5 {
            ticks.tick().await;
        }
        assert!(started.elapsed() >= Duration::from_millis(20));
        let never = tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>());
        assert!(never.await.is_err());
    });
}

fn channels() {
    runtime().block_on(async {
        let (sender, mut receiver) = mpsc::channel(2);
        for number in 0..4 {
            let sender = sender.clone();
            tokio::spawn(async move {
                for item in 0..100 {
                    sender.send(number * item).await.expect("somebody listens");
                }
            });
        }
        drop(sender);
        let mut sum = 0;
        while let Some(item) = receiver.recv().await {
            sum += item;
        }
        assert_eq!(sum, 6 * 4950);
        let (sender, receiver) = oneshot::channel();
        tokio::spawn(async move { sender.send(7) });
        assert_eq!(receiver.await, Ok(7));
        let (sender, mut receiver) = broadcast::channel(4);
        assert_eq!(sender.send(1).expect("somebody listens"), 1);
        assert_eq!(receiver.recv().await, Ok(1));
        let (notify, permits) = (Arc::new(Notify::new()), Semaphore::new(1));
        let other = Arc::clone(&notify);
        tokio::spawn(async move { other.notify_one() });
        tokio::select! {
            () = notify.notified() => {}
            () = tokio::time::sleep(Duration::from_secs(60)) => panic!("nobody was told"),
        }
        assert!(permits.acquire().await.is_ok());
    });
}

fn panics() {
    quiet(|| {
        runtime().block_on(async {
            let bad = tokio::spawn(async { panic!("a task") });
            let good = tokio::spawn(async { 5 });
            assert!(bad.await.expect_err("it panics").is_panic());
            assert_eq!(good.await.expect("it does not panic"), 5);
        });
    });
}

fn waits_for_a_file() {
    runtime().block_on(async {
        let counter = watching::watched_counter();
        for _ in 0..20 {
            let adds = counter.get_ref().try_clone().expect("a number is free");
            let other = tokio::spawn(async move { watching::add(&adds) });
            let taken = counter.async_io(Interest::READABLE, |file| watching::take(file)).await;
            assert_eq!(taken.expect("nothing is wrong with it"), 1);
            other.await.expect("it does not panic");
        }
    });
}

fn blocking() {
    runtime().block_on(async {
        let results: Vec<_> = (0..8).map(|number| tokio::task::spawn_blocking(move || number * 2)).collect();
        let mut sum = 0;
        for result in results {
            sum += result.await.expect("it does not panic");
        }
        assert_eq!(sum, 56);
    });
}
