//! Threads by the thousand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Condvar, Mutex};
use std::thread;

use super::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("ten thousand threads are made and joined in a row", in_a_row),
    ("a thousand threads live at once, with 1 MiB of stack each", at_once),
    ("when there is no room for a thread, spawn is an error, and it passes", refused),
    ("a stack that no memory holds is an error", too_large),
];

fn in_a_row() {
    let before = skete::thread::count();
    let mut sum = 0;
    for number in 0..10_000_u64 {
        sum += thread::spawn(move || number).join().expect("it does not panic");
    }
    assert_eq!(sum, 49_995_000);
    // A thread that was joined may still be on its way out; one that stays is waited for until the test is given up.
    while skete::thread::count() > before {
        thread::yield_now();
    }
}

fn at_once() {
    const THREADS: usize = 1000;
    let all_live = Barrier::new(THREADS + 1);
    let count = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                count.fetch_add(1, Ordering::Relaxed);
                all_live.wait();
            });
        }
        all_live.wait();
        assert_eq!(count.load(Ordering::Relaxed), THREADS);
    });
}

fn refused() {
    let (is_over, changed) = (Mutex::new(false), Condvar::new());
    let wait = || drop(changed.wait_while(is_over.lock().expect("no one panics with it"), |is_over| !*is_over));
    let count = thread::scope(|scope| {
        let mut threads = Vec::new();
        let error = loop {
            match thread::Builder::new().spawn_scoped(scope, wait) {
                Ok(thread) => threads.push(thread),
                Err(error) => break error,
            }
        };
        println!("    after {} threads: {error}", threads.len());
        *is_over.lock().expect("no one panics with it") = true;
        changed.notify_all();
        threads.len()
    });
    assert!(count > 50);
    thread::spawn(|| ()).join().expect("there is room again");
}

fn too_large() {
    let builder = thread::Builder::new().stack_size(1 << 46);
    assert!(builder.spawn(|| ()).is_err());
}
