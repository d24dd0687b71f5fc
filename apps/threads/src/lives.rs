//! Threads themselves: results, names, parking, thread-locals, sleep.

use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::check::{CROWD, Check, crowd};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a join brings the thread's result", join),
    ("a detached thread runs on", detach),
    ("scoped threads borrow and end before the scope does", scope),
    ("a builder's name and stack size are honoured", builder),
    ("an unpark before the park is not lost", park),
    ("a park_timeout ends, and not early", park_timeout),
    (
        "thread-locals are each thread's own, and are dropped at its end",
        locals,
    ),
    ("a sleep is never early", sleep),
    ("the main thread is called main", main_name),
];

fn join() {
    let threads: Vec<_> = (0..CROWD)
        .map(|number| thread::spawn(move || number * number))
        .collect();
    let squares: Vec<usize> = threads
        .into_iter()
        .map(|thread| thread.join().expect("it does not panic"))
        .collect();
    assert!(
        squares
            .iter()
            .copied()
            .eq((0..CROWD).map(|number| number * number))
    );
}

fn detach() {
    static DONE: AtomicBool = AtomicBool::new(false);
    drop(thread::spawn(|| DONE.store(true, Ordering::Release)));
    while !DONE.load(Ordering::Acquire) {
        thread::yield_now();
    }
}

fn scope() {
    let mut numbers: Vec<usize> = (0..100).collect();
    let total = AtomicUsize::new(0);
    thread::scope(|scope| {
        for part in numbers.chunks_mut(10) {
            let total = &total;
            scope.spawn(move || {
                part.iter_mut().for_each(|number| *number *= 2);
                total.fetch_add(part.iter().sum(), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(total.into_inner(), numbers.iter().sum::<usize>());
    assert_eq!(numbers[99], 198);
}

fn builder() {
    // A frame that only fits into a stack larger than std's 1 MiB.
    fn deep() -> usize {
        let large = std::hint::black_box([1_u8; 2 << 20]);
        large.iter().map(|&byte| usize::from(byte)).sum()
    }
    let builder = thread::Builder::new()
        .name("deep one".into())
        .stack_size(4 << 20);
    let thread = builder
        .spawn(|| (thread::current().name().map(str::to_owned), deep()))
        .expect("there is memory");
    assert_eq!(
        thread.join().expect("it does not panic"),
        (Some("deep one".into()), 2 << 20)
    );
}

fn park() {
    let flag = AtomicBool::new(false);
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| {
            while !flag.load(Ordering::Acquire) {
                thread::park();
            }
        });
        flag.store(true, Ordering::Release);
        sleeper.thread().unpark();
    });
    thread::current().unpark();
    thread::park();
}

fn park_timeout() {
    const WAIT: Duration = Duration::from_millis(10);
    let start = Instant::now();
    // A park may end without reason, so it goes on until the time is over.
    while let Some(left) = WAIT.checked_sub(start.elapsed()) {
        thread::park_timeout(left);
    }
    assert!(start.elapsed() < WAIT * 50);
}

fn locals() {
    static DROPPED: AtomicUsize = AtomicUsize::new(0);
    struct Noted;
    impl Drop for Noted {
        fn drop(&mut self) {
            DROPPED.fetch_add(1, Ordering::SeqCst);
        }
    }
    thread_local! {
        static NOTED: Noted = const { Noted };
        static COUNT: Cell<usize> = const { Cell::new(7) };
        static LIST: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
    }
    crowd(|number| {
        NOTED.with(|_| ());
        COUNT.set(COUNT.get() + number);
        for round in 0..100 {
            LIST.with_borrow_mut(|list| list.push(round));
            if round % 10 == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(COUNT.get(), 7 + number);
        assert_eq!(LIST.with_borrow(Vec::len), 100);
    });
    // A scope waits for the closures, not for what comes after them.
    let deadline = Instant::now() + Duration::from_secs(5);
    while DROPPED.load(Ordering::SeqCst) < CROWD && Instant::now() < deadline {
        thread::yield_now();
    }
    assert_eq!(DROPPED.load(Ordering::SeqCst), CROWD);
    assert_eq!(COUNT.get(), 7);
}

fn sleep() {
    crowd(|number| {
        for us in [1, 50, 999, 1_000, 2_345] {
            let asked = Duration::from_micros(us + number as u64);
            let start = Instant::now();
            thread::sleep(asked);
            let slept = start.elapsed();
            assert!(slept >= asked, "asked for {asked:?}, slept {slept:?}");
        }
    });
}

fn main_name() {
    assert_eq!(thread::current().name(), Some("main"));
}
