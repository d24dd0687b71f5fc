//! Yields.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use skete::thread::set_affinity;

use crate::meter::{SOME, row};

/// Prints `yield.alone` and `yield.pingpong.same`: there and back, two switches.
///
/// Floor of `yield.alone`, 4: the core's block (1), how many are ready on it (1), a branch (1), the return (1).
///
/// Floor of `yield.pingpong.same`, 182: registers out and in (2 × 47), out of the run queue and into it (4 × 20), interrupts masked and let
/// through (2 × 4).
pub fn run() {
    row("yield.alone", SOME * 10, thread::yield_now);
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            set_affinity(1).expect("core 0 is there");
            while !ended.load(Ordering::Relaxed) {
                thread::yield_now();
            }
        });
        // Until the other has come to this core.
        for _ in 0..100 {
            thread::yield_now();
        }
        row("yield.pingpong.same", SOME, thread::yield_now);
        ended.store(true, Ordering::Relaxed);
        other.join().expect("it does not panic");
    });
}
