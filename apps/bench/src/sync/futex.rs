//! Futexes: the calls themselves, hand-overs, crowds of sleepers, and how late a timeout is.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::futex::{futex_cmp_requeue, futex_wait, futex_wakeup, waiters};
use skete::thread::set_affinity;

use crate::meter::{MANY, SOME, is_measuring, row, row_apart, say_ns};

/// Prints the rows `futex.…`.
pub fn run() {
    calls();
    pingpong();
    crowds();
    lateness();
}

/// One call that finds nothing to do.
///
/// Floor of `futex.wake_nobody`, 12: the entry counted: load, add, store (3), the address hashed: a constant, a product, a shift (4), the
/// bucket's address (2), a fence (1), its count loaded (1), a branch (1).
///
/// Floor of `futex.wait_mismatch`, 12: the entry counted (3), a branch (1), whether there can be a word (2), load it, compare, branch (3),
/// the answer (2), the return (1).
fn calls() {
    let word = AtomicU32::new(0);
    row("futex.wake_nobody", MANY, || {
        let woken = futex_wakeup(black_box(&word), black_box(1));
        black_box(woken.is_ok());
    });
    row("futex.wait_mismatch", MANY, || {
        let waited = futex_wait(black_box(&word), black_box(1), None);
        black_box(waited.is_err());
    });
}

/// Two threads of one core hand a turn to each other and wait in the kernel every time; a round is there and back.
///
/// Floor of `futex.pingpong.same`, 350: what the calling convention keeps, saved and loaded, and the core's stack between (2 × 47), into
/// the run queue and out of it (4 × 20), into the word's bucket and out of it (4 × 20), both of them locked and unlocked (8 × 7), a
/// token taken and given (4 × 6), entries counted (4 × 3), answers (4 × 1).
fn pingpong() {
    const OVER: u32 = 2;
    let turn = AtomicU32::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            set_affinity(1).expect("core 0 is there");
            loop {
                let _ = futex_wait(&turn, 0, None);
                match turn.load(Ordering::Acquire) {
                    0 => {}
                    OVER => return,
                    _ => {
                        turn.store(0, Ordering::Release);
                        let _ = futex_wakeup(&turn, 1);
                    }
                }
            }
        });
        thread::yield_now();
        row("futex.pingpong.same", SOME * 10, || {
            let turn = black_box(&turn);
            turn.store(1, Ordering::Release);
            let _ = futex_wakeup(turn, 1);
            while turn.load(Ordering::Acquire) == 1 {
                let _ = futex_wait(turn, 1, None);
            }
        });
        turn.store(OVER, Ordering::Release);
        let _ = futex_wakeup(&turn, 1);
    });
}

/// The words of a crowd.
#[derive(Default)]
struct Crowd {
    sleep: AtomicU32,
    elsewhere: AtomicU32,
    is_over: AtomicBool,
}

impl Crowd {
    /// What each of its threads does.
    fn member(&self) {
        set_affinity(1).expect("core 0 is there");
        while !self.is_over.load(Ordering::Acquire) {
            let _ = futex_wait(&self.sleep, 0, None);
        }
    }

    /// Lets everybody run until `size` sleep.
    fn gather(&self, size: u32) {
        while waiters() != size {
            thread::yield_now();
        }
    }

    fn wake_all(&self) {
        let _ = futex_wakeup(&self.sleep, u32::MAX);
        let _ = futex_wakeup(&self.elsewhere, u32::MAX);
    }
}

/// The row of `work`, of which there are `parts`, while `size` threads of this core sleep.
fn with_crowd(name: &str, parts: u32, size: u32, rounds: u32, work: impl Fn(&Crowd)) {
    let crowd = Crowd::default();
    thread::scope(|scope| {
        for _ in 0..size {
            scope.spawn(|| crowd.member());
        }
        let prepare = || {
            crowd.wake_all();
            crowd.gather(size);
        };
        row_apart(name, parts, rounds, prepare, || work(black_box(&crowd)));
        crowd.is_over.store(true, Ordering::Release);
        crowd.wake_all();
    });
}

/// Floor of `futex.wake1_of_16`, 70, a wake's half of a hand-over without the switch: entry and bucket (12), lock (7), out of the bucket
/// (20), token (6), run queue (20), answer (5).
///
/// Floor of `futex.wake_all_16`, 808, of which the sixteen share: entry and bucket (12), lock (7), answer (5); each: out of the bucket
/// (16 × 20), token (16 × 6), run queue (16 × 20), the next one's key loaded, compared, branch (16 × 3).
///
/// Floor of `futex.requeue_64`, 843: one is woken (70), the second bucket locked too (7), the word compared (3), the answer (7), another
/// one's address from its number (63 × 3), its key and the next loaded (63 × 2), compared, branch (63 × 2), the new key and place stored
/// (63 × 2), counted on both sides (63 × 2), a branch (63 × 1).
fn crowds() {
    with_crowd("futex.wake1_of_16", 16, 16, 200, |crowd| {
        let one = black_box(1);
        for _ in 0..16 {
            let woken = futex_wakeup(&crowd.sleep, one);
            assert_eq!(woken, Ok(1));
        }
    });
    with_crowd("futex.wake_all_16", 1, 16, 200, |crowd| {
        let woken = futex_wakeup(&crowd.sleep, black_box(u32::MAX));
        assert_eq!(woken, Ok(16));
    });
    with_crowd("futex.requeue_64", 1, 64, 50, |crowd| {
        let most = black_box(i32::MAX.cast_unsigned());
        let moved = futex_cmp_requeue(&crowd.sleep, 1, &crowd.elsewhere, most, 0);
        assert_eq!(moved, Ok(64));
    });
}

/// The mean by which a wait of a millisecond ends late.
///
/// Floor of `futex.timeout_1ms.over_mean`, 224: the exception's entry: registers out (40), which interrupt it is, and its end (10), the
/// deadline off its heap (30), the sleeper out of its bucket (20), token (6), run queue (20), the switch from the idle thread (67), the
/// answer (6), the clock read twice (2 × 9), half a tick of the clock (7).
fn lateness() {
    const WAIT: Duration = Duration::from_millis(1);
    const ROUNDS: u32 = 100;
    if !is_measuring() {
        return;
    }
    let word = AtomicU32::new(0);
    let mut late = Duration::ZERO;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let waited = futex_wait(black_box(&word), 0, black_box(Some(WAIT)));
        let took = start.elapsed();
        assert_eq!(waited, Err(Errno::ETIMEDOUT));
        late += took.checked_sub(WAIT).expect("a timeout is never early");
    }
    say_ns("futex.timeout_1ms.over_mean", late.as_secs_f64() * 1e9 / f64::from(ROUNDS));
}
