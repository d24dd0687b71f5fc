//! What std does most: locks, the clock, memory, threads.

use std::hint::black_box;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use skete::thread::set_affinity;

use crate::meter::{MANY, SOME, row};

/// Prints the rows `std.…`.
pub fn run() {
    let lock = Mutex::new(0_u64);
    row("std.mutex.uncontended", MANY, || {
        *black_box(&lock)
            .lock()
            .unwrap_or_else(PoisonError::into_inner) += 1
    });
    row("std.instant_now", MANY, || {
        black_box(Instant::now());
    });
    row("std.malloc_64", MANY, || {
        black_box(Vec::<u8>::with_capacity(black_box(64)));
    });
    row("std.spawn_join", SOME, || {
        thread::spawn(|| ()).join().expect("it does not panic");
    });
    condvar();
}

/// Two threads of one core pass a turn to each other; a round is there and back.
fn condvar() {
    let (turn, changed) = (Mutex::new(Turn::Here), Condvar::new());
    let wait_for = |mine: Turn| -> MutexGuard<'_, Turn> {
        let guard = turn.lock().expect("no one panics with it");
        changed
            .wait_while(guard, |turn| *turn != mine && *turn != Turn::Over)
            .expect("no one panics with it")
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1).expect("core 0 is there");
            loop {
                let mut turn = wait_for(Turn::There);
                if *turn == Turn::Over {
                    return;
                }
                *turn = Turn::Here;
                changed.notify_one();
            }
        });
        row("std.condvar.pingpong.same", SOME, || {
            *wait_for(Turn::Here) = Turn::There;
            changed.notify_one();
        });
        *wait_for(Turn::Here) = Turn::Over;
        changed.notify_one();
    });
}

#[derive(Clone, Copy, PartialEq)]
enum Turn {
    Here,
    There,
    Over,
}
