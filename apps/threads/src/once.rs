//! Once, `OnceLock`, `LazyLock`: whoever comes first makes it, all others wait and see it whole.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Once, OnceLock};
use std::thread;
use std::time::Duration;

use crate::check::{CROWD, Check, crowd};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a Once runs once, and all others wait for its end", once),
    ("a OnceLock keeps the first value", once_lock),
    ("a LazyLock is made at its first use, once", lazy_lock),
];

fn once() {
    static BEGUN: AtomicUsize = AtomicUsize::new(0);
    static ENDED: AtomicUsize = AtomicUsize::new(0);
    static ONCE: Once = Once::new();
    crowd(|_| {
        ONCE.call_once(|| {
            BEGUN.fetch_add(1, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(5));
            ENDED.fetch_add(1, Ordering::SeqCst);
        });
        assert_eq!(ENDED.load(Ordering::SeqCst), 1);
    });
    assert_eq!(BEGUN.load(Ordering::SeqCst), 1);
}

fn once_lock() {
    let cell = OnceLock::new();
    let firsts = AtomicUsize::new(0);
    crowd(|number| {
        if cell.set(number).is_ok() {
            firsts.fetch_add(1, Ordering::SeqCst);
        }
        assert!(cell.get().is_some_and(|&first| first < CROWD));
    });
    assert_eq!(firsts.into_inner(), 1);
}

fn lazy_lock() {
    static MADE: AtomicUsize = AtomicUsize::new(0);
    static TABLE: LazyLock<Vec<usize>> = LazyLock::new(|| {
        MADE.fetch_add(1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(5));
        (0..1000).collect()
    });
    assert_eq!(MADE.load(Ordering::SeqCst), 0);
    crowd(|_| assert_eq!(TABLE.iter().sum::<usize>(), 499_500));
    assert_eq!(MADE.load(Ordering::SeqCst), 1);
}
