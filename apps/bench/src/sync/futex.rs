//! Futexes: the calls themselves, hand-overs, crowds of sleepers, and how late a timeout is.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::futex::{futex_cmp_requeue, futex_wait, futex_wakeup, waiters};
use skete::thread::set_affinity;

use crate::meter::{MANY, SOME, row, row_apart, say_ns};

/// Prints the rows `futex.…`.
pub fn run() {
    calls();
    pingpong();
    crowds();
    lateness();
}

/// One call that finds nothing to do.
///
/// Floor of a wake with nobody waiting, 12: count the entry (load, add, store), hash the address (three moves, a product, a shift), the
/// bucket's address (two), a fence, load its count, branch. Of a wait for a word that differs, 12: the same entry and its branch, whether
/// there can be a word (two), load it, compare, branch, and what makes an answer of it (two).
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
/// Floor, 350, twice 175: save and load what the calling convention keeps (20 and 27 instructions, and the core's stack between), take the
/// other from the run queue and put it there (20 each), into the word's bucket and out of it (20 each), lock and unlock both of them twice
/// (7 each), a token taken and given (6 each).
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

/// Floors: to wake one, 70, is a wake's half of a hand-over without the switch: entry and bucket (12), lock (7), out of the bucket (20),
/// token (6), run queue (20), answer. Sixteen in one call, 900, share the entry and the lock: 56 each. To move one of 64, 24: load its key
/// and the next, compare, store the new key and place, count, branch; nothing else, for neighbours stay linked.
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
fn lateness() {
    const WAIT: Duration = Duration::from_millis(1);
    const ROUNDS: u32 = 100;
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
