//! How often the kernel is entered.

use std::thread;

use skete::futaphore::Page;
use skete::thread::entries;

use super::Check;
use super::sleepers::until_asleep;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("to get the page enters the kernel once", page),
    ("a million pairs that nobody waits for do not enter it", free_pairs),
    ("to make, ask and free does not enter it", making),
    ("a P that sleeps enters once, and so does the V that sees it", sleeping),
    ("after the last sleeper is woken the program is by itself again", alone_again),
];

/// How often `work` makes the calling thread enter the kernel.
fn entries_of(work: impl FnOnce()) -> u64 {
    let before = entries();
    work();
    entries() - before
}

fn page() {
    let counted = entries_of(|| {
        let _ = Page::get();
    });
    assert_eq!(counted, 1);
}

fn free_pairs() {
    let futaphore = Page::get().make(1).expect("a slot is free");
    let pairs = entries_of(|| {
        for _ in 0..1_000_000 {
            futaphore.p().expect("there is one");
            futaphore.v().expect("there is room");
        }
    });
    assert_eq!((pairs, futaphore.value()), (0, Ok(1)));
    futaphore.free().expect("it is there");
}

fn making() {
    let page = Page::get();
    let made = entries_of(|| {
        for count in 0..1000 {
            let futaphore = page.make(count).expect("a slot is free");
            assert_eq!(futaphore.value(), Ok(count));
            let taken = futaphore.try_p();
            assert_eq!(taken.is_ok(), count > 0);
            futaphore.free().expect("it is there");
        }
    });
    assert_eq!(made, 0);
}

fn sleeping() {
    let futaphore = Page::get().make(0).expect("a slot is free");
    thread::scope(|scope| {
        for _ in 0..100 {
            let sleeper = scope.spawn(|| entries_of(|| futaphore.p().expect("it is given one")));
            until_asleep(futaphore, 1);
            assert_eq!(entries_of(|| futaphore.v().expect("there is room")), 1, "a V that sees somebody waiting");
            assert_eq!(sleeper.join().expect("it does not panic"), 1, "a P that sleeps");
        }
    });
    futaphore.free().expect("it is there");
}

fn alone_again() {
    let futaphore = Page::get().make(0).expect("a slot is free");
    thread::scope(|scope| {
        let sleepers = [(); 3].map(|()| scope.spawn(|| futaphore.p()));
        until_asleep(futaphore, 3);
        let woken = entries_of(|| (0..5).for_each(|_| futaphore.v().expect("there is room")));
        assert_eq!(woken, 3, "three Vs see somebody waiting, two do not");
        for sleeper in sleepers {
            assert_eq!(sleeper.join().expect("it does not panic"), Ok(()));
        }
    });
    let pairs = entries_of(|| {
        futaphore.p().expect("there are two");
        futaphore.p().expect("there is one");
        futaphore.v().expect("there is room");
    });
    assert_eq!((pairs, futaphore.value()), (0, Ok(1)));
    futaphore.free().expect("it is there");
}
