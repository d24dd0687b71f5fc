//! What std does most: locks, the clock, memory, threads.

use std::hint::black_box;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::meter::{MANY, SOME, row};
use crate::system::set_affinity;

/// Prints the rows `std.…`.
///
/// Floor of `std.mutex.uncontended`, 12: taken: load it exclusively, compare, branch, store, branch (5), let go: exchange (4), whether
/// somebody waits (1), whether it is poisoned (2).
///
/// Floor of `std.instant_now`, 9: the counter (1), its factor (2), their product (3), seconds parted from the rest (3).
///
/// Floor of `std.malloc_64`, 20: the list of this size, there and back (2 × 3), interrupts masked and let through (2 × 3), the first block
/// taken off and put back (2 × 3), whether there is one (2).
///
/// Floor of `std.spawn_join`, 722: a thread of the kernel's, as `thread.create_join` counts it (580), what std hands over: three
/// blocks of memory (3 × 20), counts of who holds them (8 × 4), what is to be called and what comes of it, stored and loaded (2 × 10),
/// the thread's own handle made and dropped (30).
pub fn run() {
    let lock = Mutex::new(0_u64);
    row("std.mutex.uncontended", MANY, || *black_box(&lock).lock().unwrap_or_else(PoisonError::into_inner) += 1);
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
///
/// Floor of `std.condvar.pingpong.same`, 394: the futex there and back (350), the mutex taken and let go by each, and once more inside of
/// the wait (4 × 9), the count that a wait looks at (2 × 4).
fn condvar() {
    let (turn, changed) = (Mutex::new(Turn::Here), Condvar::new());
    let wait_for = |mine: Turn| -> MutexGuard<'_, Turn> {
        let guard = turn.lock().expect("no one panics with it");
        changed.wait_while(guard, |turn| *turn != mine && *turn != Turn::Over).expect("no one panics with it")
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1);
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
