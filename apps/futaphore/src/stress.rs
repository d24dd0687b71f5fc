//! Four threads at once: nothing is lost, nothing comes twice.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use skete::Errno;
use skete::futaphore::Page;
use skete::thread::entries;

use super::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a futaphore of one keeps four threads apart", apart),
    ("a futaphore of two lets two in, and no third", two_inside),
    ("what two threads give, two others take, to the last", handed_over),
    ("those who give up take nothing with them", impatient),
];

const THREADS: u32 = 4;

/// Pairs of P and V for each thread.
fn pairs() -> u32 {
    env::args().nth(1).map_or(100_000, |pairs| pairs.parse().expect("PAIRS is a number"))
}

/// A number that is changed in two steps, so that a second thread inside would be seen.
#[derive(Default)]
struct Sum(AtomicU32);

impl Sum {
    fn add(&self) {
        self.0.store(self.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }
}

fn apart() {
    let futaphore = Page::get().make(1).expect("a slot is free");
    let sum = Sum::default();
    let count = pairs();
    let entered: u64 = thread::scope(|scope| {
        let work = || {
            for _ in 0..count {
                futaphore.p().expect("it comes to it");
                sum.add();
                futaphore.v().expect("there is room");
            }
            entries()
        };
        let threads = [work; THREADS as usize].map(|work| scope.spawn(work));
        threads.map(|thread| thread.join().expect("it does not panic")).iter().sum()
    });
    println!("    {THREADS} threads made {count} pairs each, and entered the kernel {entered} times");
    assert_eq!((sum.0.into_inner(), futaphore.value()), (THREADS * count, Ok(1)));
    futaphore.free().expect("it is there");
}

/// Nobody leaves before two were inside at once.
fn two_inside() {
    let futaphore = Page::get().make(2).expect("a slot is free");
    let (inside, most) = (AtomicU32::new(0), AtomicU32::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..pairs() / 4 {
                    futaphore.p().expect("it comes to it");
                    most.fetch_max(inside.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    while most.load(Ordering::Relaxed) < 2 {
                        thread::yield_now();
                    }
                    inside.fetch_sub(1, Ordering::Relaxed);
                    futaphore.v().expect("there is room");
                }
            });
        }
    });
    assert_eq!(most.into_inner(), 2);
    assert_eq!(futaphore.value(), Ok(2));
    futaphore.free().expect("it is there");
}

fn handed_over() {
    let (given, room) = (Page::get().make(0).expect("a slot is free"), Page::get().make(8).expect("a slot is free"));
    let count = pairs() / 16;
    thread::scope(|scope| {
        for _ in 0..THREADS / 2 {
            scope.spawn(move || {
                for _ in 0..count {
                    room.p().expect("somebody takes");
                    given.v().expect("there is room");
                }
            });
            scope.spawn(move || {
                for _ in 0..count {
                    given.p().expect("somebody gives");
                    room.v().expect("there is room");
                }
            });
        }
    });
    assert_eq!((given.value(), room.value()), (Ok(0), Ok(8)));
    given.free().expect("it is there");
    room.free().expect("it is there");
}

/// Two threads give and two take with next to no patience: what was taken and what is left are what was given.
fn impatient() {
    let futaphore = Page::get().make(0).expect("a slot is free");
    let count = pairs() / 64;
    let taken: u32 = thread::scope(|scope| {
        for _ in 0..THREADS / 2 {
            scope.spawn(move || {
                for _ in 0..count {
                    futaphore.v().expect("there is room");
                    thread::yield_now();
                }
            });
        }
        let takers = [(); THREADS as usize / 2].map(|()| {
            scope.spawn(move || {
                let take = |_: &u32| match futaphore.p_timeout(500) {
                    Ok(()) => true,
                    Err(Errno::ETIMEDOUT) => false,
                    Err(other) => panic!("{other:?}"),
                };
                u32::try_from((0..count).filter(take).count()).expect("no more than tries")
            })
        });
        takers.map(|taker| taker.join().expect("it does not panic")).iter().sum()
    });
    assert_eq!(futaphore.value(), Ok(THREADS / 2 * count - taken));
    futaphore.free().expect("it is there");
}
