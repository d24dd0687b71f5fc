//! A thread that is woken or spawned while other cores spin starts on the idle one at once.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use skete::thread::{affinity, set_affinity};

use super::pause::pause;
use super::{Check, cores, is_exact};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    (
        "a woken thread starts on the idle core while others spin",
        woken,
    ),
    (
        "a spawned thread starts on the idle core while others spin",
        spawned,
    ),
];

const ROUNDS: usize = 51;
/// Where time is exact, half of the starts come within this.
const SOON: Duration = Duration::from_micros(20);
/// Where it is not, one does within this: far less than a slice, which one would wait for behind a spinner.
const BEFORE_LONG: Duration = Duration::from_millis(1);

/// Runs `rounds` on core 0 while all other cores but the last spin: the last is idle.
fn with_one_idle_core(rounds: impl FnOnce() -> Vec<Duration>) {
    if cores() == 1 {
        println!("    one core: there is no idle one");
        return;
    }
    let all = affinity();
    let ended = AtomicBool::new(false);
    let mut delays = thread::scope(|scope| {
        for number in 1..cores() - 1 {
            let ended = &ended;
            scope.spawn(move || {
                set_affinity(1 << number).expect("the core is there");
                while !ended.load(Ordering::Relaxed) {
                    pause();
                }
            });
        }
        set_affinity(1).expect("core 0 is there");
        let delays = rounds();
        ended.store(true, Ordering::Relaxed);
        delays
    });
    set_affinity(all).expect("they were there before");
    delays.sort();
    println!(
        "    started after {:?} at best, {:?} in the middle, {:?} at worst",
        delays[0],
        delays[ROUNDS / 2],
        delays[ROUNDS - 1]
    );
    assert!(if is_exact() {
        delays[ROUNDS / 2] <= SOON
    } else {
        delays[0] <= BEFORE_LONG
    });
}

/// Spins, as a core with work does.
fn work(span: Duration) {
    let end = Instant::now() + span;
    while Instant::now() < end {
        pause();
    }
}

fn woken() {
    with_one_idle_core(|| {
        let woken_at = Mutex::new(Instant::now());
        let (send, receive) = mpsc::channel();
        thread::scope(|scope| {
            let sleeper = scope.spawn(move || {
                for _ in 0..ROUNDS {
                    thread::park();
                    if send.send(Instant::now()).is_err() {
                        return;
                    }
                }
            });
            let round = |_| {
                work(Duration::from_micros(500));
                *woken_at.lock().expect("no one panics with it") = Instant::now();
                sleeper.thread().unpark();
                while_spinning(&receive)
                    .saturating_duration_since(*woken_at.lock().expect("no one panics with it"))
            };
            (0..ROUNDS).map(round).collect()
        })
    });
}

fn spawned() {
    with_one_idle_core(|| {
        let round = |_| {
            work(Duration::from_micros(500));
            let (send, receive) = mpsc::channel();
            let spawned_at = Instant::now();
            let thread = thread::spawn(move || send.send(Instant::now()));
            let started_at = while_spinning(&receive);
            thread
                .join()
                .expect("it does not panic")
                .expect("it is waited for");
            started_at.saturating_duration_since(spawned_at)
        };
        (0..ROUNDS).map(round).collect()
    });
}

/// Waits for the message without leaving the core to anybody.
fn while_spinning(receive: &mpsc::Receiver<Instant>) -> Instant {
    loop {
        if let Ok(at) = receive.try_recv() {
            return at;
        }
        pause();
    }
}
