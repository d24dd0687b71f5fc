//! Those who sleep: in which order they are woken, that they learn of a free, that they are never woken early.

use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::futaphore::{Futaphore, Page};
use skete::thread::{entries, set_priority};

use super::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("the most urgent sleeper is woken first", order),
    ("a free tells all sleepers EIDRM", free),
    ("a slot made again passes none of its old sleepers", made_again),
    ("a slot made again and again never keeps a sleeper", made_again_and_again),
    ("a P gives up when its time is over, never earlier", timeouts),
    ("a P that is given one in time takes it", in_time),
];

/// Lets others run until `count` threads sleep in `futaphore`.
pub fn until_asleep(futaphore: Futaphore, count: u32) {
    while futaphore.sleepers() != count {
        thread::yield_now();
    }
}

fn order() {
    let futaphore = Page::get().make(0).expect("a slot is free");
    let woken = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for (count, priority) in (1..).zip([3, 9, 5, 9]) {
            let woken = &woken;
            scope.spawn(move || {
                set_priority(priority).expect("there is such a priority");
                futaphore.p().expect("it is given one");
                woken.lock().expect("no one panics with it").push((priority, count));
            });
            until_asleep(futaphore, count);
        }
        for count in 1..=4 {
            futaphore.v().expect("there is room");
            while woken.lock().expect("no one panics with it").len() < count {
                thread::yield_now();
            }
        }
    });
    assert_eq!(woken.into_inner().expect("no one panics with it"), [(9, 2), (9, 4), (5, 3), (3, 1)]);
    futaphore.free().expect("it is there");
}

/// What six sleepers are told, one half of whom would give up in an hour, when `wake` is done.
fn told(futaphore: Futaphore, wake: impl FnOnce()) -> Vec<Result<(), Errno>> {
    const HOUR_NS: u64 = 3600 * 1_000_000_000;
    thread::scope(|scope| {
        let sleep = move |patient: bool| if patient { futaphore.p() } else { futaphore.p_timeout(HOUR_NS) };
        let sleepers: Vec<_> = (0..6).map(|number| scope.spawn(move || sleep(number % 2 == 0))).collect();
        until_asleep(futaphore, 6);
        wake();
        sleepers.into_iter().map(|sleeper| sleeper.join().expect("it does not panic")).collect()
    })
}

fn free() {
    let futaphore = Page::get().make(0).expect("a slot is free");
    let told = told(futaphore, || {
        let before = entries();
        assert_eq!(futaphore.free(), Ok(()));
        assert_eq!(entries() - before, 1, "a free that sees somebody waiting");
    });
    assert_eq!(told, [Err(Errno::EIDRM); 6]);
}

fn made_again() {
    let page = Page::get();
    let futaphore = page.make(0).expect("a slot is free");
    let told = told(futaphore, || {
        assert_eq!(futaphore.free(), Ok(()));
        assert_eq!(page.make(9).map(Futaphore::number), Ok(futaphore.number()));
    });
    assert_eq!((told, futaphore.value()), (vec![Err(Errno::EIDRM); 6], Ok(9)));
    futaphore.free().expect("it is there");
}

/// Whoever wants one tries all the time, while the slot changes lives: it takes from a life, or learns of its end.
fn made_again_and_again() {
    const LIVES: u32 = 2000;
    let page = Page::get();
    let futaphore = page.make(0).expect("a slot is free");
    let taken: u32 = thread::scope(|scope| {
        let takers = [(); 3].map(|()| {
            scope.spawn(|| {
                let mut taken = 0;
                loop {
                    match futaphore.p() {
                        Ok(()) => taken += 1,
                        Err(Errno::EIDRM) => {}
                        Err(Errno::EINVAL) if page.count() == 0 => return taken,
                        Err(Errno::EINVAL) => thread::yield_now(),
                        Err(other) => panic!("{other:?}"),
                    }
                }
            })
        });
        // Beside it another lives all the time: when that one ends, all do.
        let other = page.make(0).expect("a slot is free");
        for _ in 0..LIVES {
            futaphore.v().expect("there is room");
            thread::yield_now();
            futaphore.free().expect("it is there");
            assert_eq!(page.make(1).map(Futaphore::number), Ok(futaphore.number()));
        }
        futaphore.free().expect("it is there");
        other.free().expect("it is there");
        takers.into_iter().map(|taker| taker.join().expect("it does not panic")).sum()
    });
    assert!(taken <= 2 * LIVES, "{taken} were taken of {} given", 2 * LIVES);
}

fn timeouts() {
    let futaphore = Page::get().make(0).expect("a slot is free");
    for timeout in [0, 1, 50, 1000, 3000].map(Duration::from_micros) {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    let begun = Instant::now();
                    let timeout_ns = timeout.as_nanos().try_into().expect("it is short");
                    assert_eq!(futaphore.p_timeout(timeout_ns), Err(Errno::ETIMEDOUT));
                    assert!(begun.elapsed() >= timeout, "{timeout:?} are over after {:?}", begun.elapsed());
                });
            }
        });
    }
    // Nobody waits any more, and the word knows.
    let before = entries();
    assert_eq!((futaphore.v(), futaphore.p()), (Ok(()), Ok(())));
    assert_eq!(entries(), before);
    futaphore.free().expect("it is there");
}

fn in_time() {
    let futaphore = Page::get().make(0).expect("a slot is free");
    thread::scope(|scope| {
        let sleeper = scope.spawn(move || futaphore.p_timeout(3600 * 1_000_000_000));
        until_asleep(futaphore, 1);
        futaphore.v().expect("there is room");
        assert_eq!(sleeper.join().expect("it does not panic"), Ok(()));
    });
    assert_eq!(futaphore.value(), Ok(0));
    futaphore.free().expect("it is there");
}
