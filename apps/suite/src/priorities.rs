//! A thread's priority is changed by another, wherever it is: ready, running, asleep.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use skete::thread::{MOST_URGENT, affinity, set_affinity, set_priority as set_own};

use super::hermit::{Queue, join, name, set_priority, spawn};
use super::pause::pause;
use super::{Check, cores};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a ready thread that becomes more urgent runs first, on every core", ready),
    ("a running thread that becomes less urgent gives way at once", lowered),
    ("a running thread that becomes more urgent does not give way", raised),
    ("a sleeping thread that becomes more urgent runs first once it is woken", asleep),
    ("no thread, and no priority, changes nothing", nobody),
];

const NORMAL: u8 = 2;

/// Who ran, in this order: four bits each, the first one the highest.
static ORDER: AtomicU32 = AtomicU32::new(0);

extern "C" fn note(number: usize) {
    // Both are below 16.
    let number = u32::try_from(number).unwrap_or(0);
    ORDER.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |order| Some(order << 4 | number)).expect("it is always answered");
}

/// Does `check` as the most urgent thread of core `number`, alone to say what else runs there.
fn on_core(number: usize, check: impl FnOnce()) {
    let all = affinity();
    set_affinity(1 << number).expect("the core is there");
    set_own(MOST_URGENT).expect("there is such a priority");
    check();
    set_own(NORMAL).expect("there is such a priority");
    set_affinity(all).expect("they were there before");
}

fn ready() {
    for number in 0..cores() {
        on_core(number, || {
            ORDER.store(0, Ordering::Relaxed);
            let threads: Vec<u32> = (1..=5).map(|who| spawn(note, who, NORMAL, number)).collect();
            // None has run yet: there is somebody more urgent.
            set_priority(threads[2], 9);
            set_priority(threads[4], 7);
            set_priority(threads[1], 1);
            set_priority(threads[3], 8);
            set_priority(threads[3], NORMAL);
            for thread in threads {
                assert_eq!(join(thread), Ok(()));
            }
        });
        assert_eq!(ORDER.load(Ordering::Relaxed), 0x35142, "on core {number}");
    }
}

/// A thread that spins on the last core at `priority` until `ended`, while the check runs on core 0.
fn with_spinner(priority: u8, check: impl FnOnce(u32, usize)) {
    let last = cores() - 1;
    if last == 0 {
        println!("    one core: nobody runs elsewhere");
        return;
    }
    let (ended, spinner) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1 << last).expect("the core is there");
            set_own(priority).expect("there is such a priority");
            spinner.store(name(), Ordering::Relaxed);
            while !ended.load(Ordering::Relaxed) {
                pause();
            }
            note(1);
        });
        while spinner.load(Ordering::Relaxed) == 0 {
            pause();
        }
        on_core(0, || check(spinner.load(Ordering::Relaxed), last));
        ended.store(true, Ordering::Relaxed);
    });
}

extern "C" fn raise_flag(flag: usize) {
    // The flag is this file's own.
    FLAGS[flag].store(true, Ordering::Relaxed);
}

static FLAGS: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

/// Spins until a thread has raised its flag.
fn await_flag(flag: usize) {
    while !FLAGS[flag].swap(false, Ordering::Relaxed) {
        pause();
    }
}

fn lowered() {
    with_spinner(20, |spinner, core| {
        // One that is ready already, and one that becomes so later.
        let waiting = spawn(raise_flag, 0, 5, core);
        set_priority(spinner, 1);
        await_flag(0);
        let late = spawn(raise_flag, 1, 5, core);
        await_flag(1);
        assert_eq!([join(waiting), join(late)], [Ok(()); 2]);
    });
}

fn raised() {
    ORDER.store(0, Ordering::Relaxed);
    let mut waiting = 0;
    with_spinner(NORMAL, |spinner, core| {
        set_priority(spinner, 20);
        waiting = spawn(note, 2, 5, core);
    });
    if waiting != 0 {
        assert_eq!(join(waiting), Ok(()));
        assert_eq!(ORDER.load(Ordering::Relaxed), 0x12);
    }
}

static SLEEP: Queue = Queue::new();

extern "C" fn sleep_and_note(number: usize) {
    assert_eq!(SLEEP.wait(), Ok(()));
    note(number);
}

fn asleep() {
    on_core(0, || {
        ORDER.store(0, Ordering::Relaxed);
        assert_eq!(SLEEP.begin(), Ok(()));
        let before = skete::futex::waiters();
        let threads: Vec<u32> = (1..=3).map(|who| spawn(sleep_and_note, who, NORMAL + 1, 0)).collect();
        // They are more urgent than this thread for as long as it takes them to fall asleep.
        set_own(NORMAL).expect("there is such a priority");
        while skete::futex::waiters() != before + 3 {
            thread::yield_now();
        }
        set_own(MOST_URGENT).expect("there is such a priority");
        set_priority(threads[1], 9);
        set_priority(threads[2], 1);
        assert_eq!(SLEEP.notify(3), Ok(()));
        for thread in threads {
            assert_eq!(join(thread), Ok(()));
        }
    });
    assert_eq!(ORDER.load(Ordering::Relaxed), 0x213);
}

fn nobody() {
    let ended = spawn(note, 0, NORMAL, 0);
    assert_eq!(join(ended), Ok(()));
    [ended, 0, u32::MAX, 0x1fff_ffff].into_iter().for_each(|thread| set_priority(thread, 9));
    set_priority(name(), MOST_URGENT + 1);
    assert_eq!(skete::thread::priority(), NORMAL);
    set_priority(name(), 9);
    assert_eq!(skete::thread::priority(), 9);
    set_own(NORMAL).expect("there is such a priority");
}
