//! Yields.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use crate::meter::{SOME, row};
use crate::system::set_affinity;

/// Whose turn it is, or that nobody's is any more.
const OURS: u32 = 0;
const THEIRS: u32 = 1;
const OVER: u32 = 2;

/// Prints `yield.alone` and `yield.pingpong.same`: a turn passed there and back, two switches. A system may find that it is not the other's
/// time yet: then the thread yields again.
///
/// Floor of `yield.alone`, 4: the core's block (1), how many are ready on it (1), a branch (1), the return (1).
///
/// Floor of `yield.pingpong.same`, 190: registers out and in (2 × 47), out of the run queue and into it (4 × 20), interrupts masked and let
/// through (2 × 4), the turn stored, loaded, compared, a branch (2 × 4).
pub fn run() {
    row("yield.alone", SOME * 10, thread::yield_now);
    let turn = AtomicU32::new(OURS);
    let yield_while = |whose: u32| {
        while turn.load(Ordering::Relaxed) == whose {
            thread::yield_now();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1);
            while turn.load(Ordering::Relaxed) != OVER {
                // Not if it is over meanwhile.
                let _ = turn.compare_exchange(THEIRS, OURS, Ordering::Relaxed, Ordering::Relaxed);
                yield_while(OURS);
            }
        });
        row("yield.pingpong.same", SOME, || {
            turn.store(THEIRS, Ordering::Relaxed);
            yield_while(THEIRS);
        });
        turn.store(OVER, Ordering::Relaxed);
    });
}
