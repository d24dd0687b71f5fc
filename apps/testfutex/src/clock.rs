//! The wall clock is set while threads wait for a moment of it: they wait for that moment, and no other.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use skete::Errno;
use skete::futex::{
    CLOCK_REALTIME, Deadline, MATCH_ANY, PRIVATE, TimeSpec, WaitV, futex_lock_pi, futex_unlock_pi, futex_wait, futex_wait_bitset,
    futex_wait_requeue_pi, futex_waitv, op,
};
use skete::sched::clock;

use crate::Check;
use crate::crowd::until_waiting;
use crate::raw::{Call, Semaphore, address, pause, waitv_in_c};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("who waits for a moment of the wall clock is late when that is set past it", forward),
    ("and not before, when that is set back", back),
    ("who waits for a moment since boot, or for a while, does not care", others),
    ("four who wait for a clock that is set all the time miss nothing", storm),
];

const HOUR: Duration = Duration::from_secs(3600);

fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970")
}

fn set(now: Duration) {
    clock::set_ns(u64::try_from(now.as_nanos()).expect("it is before 2554"));
}

fn spec(time: Duration) -> TimeSpec {
    TimeSpec { tv_sec: time.as_secs().cast_signed(), tv_nsec: time.subsec_nanos().into() }
}

/// How many kinds of waits there are by the wall clock.
const KINDS: usize = 8;

/// Threads that wait until the wall clock shows `end`, each in another way; calls `meanwhile` when all do. None ends before.
fn all_wait(end: Duration, meanwhile: impl FnOnce()) {
    let (word, other, lock, semaphore) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0), Semaphore::new());
    let (moment, time) = (Some(Deadline::Realtime(end)), spec(end));
    let of = |word| WaitV { val: 0, uaddr: address(word) as u64, flags: 2 | PRIVATE, ..WaitV::default() };
    let number = |answer: i64| if answer == 0 { Ok(()) } else { Err(-answer) };
    let known = |answer: Result<(), Errno>| answer.map_err(|errno| i64::from(errno.number()));
    let waits: [&(dyn Fn() -> Result<(), i64> + Sync); KINDS] = [
        &|| known(futex_wait_bitset(&word, 0, moment, MATCH_ANY)),
        &|| {
            let call = Call { timeout: Some(time), val3: 1, ..Call::of(op::WAIT_BITSET | CLOCK_REALTIME | PRIVATE, &word) };
            known(call.make().map(drop))
        },
        &|| known(futex_waitv(&[((&word).into(), 0), ((&other).into(), 0)], moment).map(drop)),
        &|| number(waitv_in_c(&[of(&other)], 0, Some(&time), 0)),
        &|| known(futex_lock_pi(&lock, moment)),
        &|| known(Call { timeout: Some(time), ..Call::of(op::LOCK_PI | PRIVATE, &lock) }.make().map(drop)),
        &|| known(futex_wait_requeue_pi(&word, 0, moment, &lock)),
        &|| number(semaphore.wait_until(&time).into()),
    ];
    assert_eq!(futex_lock_pi(&lock, None), Ok(()));
    thread::scope(|scope| {
        for wait in waits {
            scope.spawn(move || {
                assert_eq!(wait(), Err(Errno::ETIMEDOUT.number().into()));
                assert!(wall() >= end, "it is early");
            });
        }
        // One of them waits for two words.
        until_waiting(1 + u32::try_from(KINDS).expect("a handful"));
        meanwhile();
    });
    assert_eq!(futex_unlock_pi(&lock), Ok(()));
}

fn forward() {
    let start = Instant::now();
    all_wait(wall() + HOUR, || set(wall() + 2 * HOUR));
    assert!(start.elapsed() < HOUR);
    set(wall() - 2 * HOUR);
}

fn back() {
    const AHEAD: Duration = Duration::from_secs(2);
    all_wait(wall() + AHEAD, || {
        set(wall() - HOUR);
        thread::sleep(AHEAD + AHEAD / 4);
        // None of them has ended. Woken by a clock that is not there yet they wait on.
        set(wall() + HOUR / 2);
        until_waiting(1 + u32::try_from(KINDS).expect("a handful"));
        set(wall() + HOUR / 2);
    });
}

fn others() {
    const SPAN: Duration = Duration::from_millis(20);
    let word = AtomicU32::new(0);
    let waits: [&(dyn Fn() -> Result<(), Errno> + Sync); 2] =
        [&|| futex_wait(&word, 0, Some(SPAN)), &|| futex_wait_bitset(&word, 0, Some(Deadline::after(SPAN)), 1)];
    for wait in waits {
        for shift in [HOUR, Duration::ZERO] {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let start = Instant::now();
                    assert_eq!(wait(), Err(Errno::ETIMEDOUT));
                    assert!(start.elapsed() >= SPAN && start.elapsed() < HOUR);
                });
                set(wall() + HOUR);
                set(wall() - HOUR - shift);
                set(wall() + shift);
            });
        }
    }
}

fn storm() {
    const ROUNDS: u32 = 100;
    let (word, left, is_over) = (AtomicU32::new(0), AtomicU32::new(4), AtomicBool::new(false));
    let base = wall();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    let moment = Some(Deadline::Realtime(base + HOUR));
                    assert_eq!(futex_wait_bitset(&word, 0, moment, MATCH_ANY), Err(Errno::ETIMEDOUT));
                }
                if left.fetch_sub(1, Ordering::AcqRel) == 1 {
                    is_over.store(true, Ordering::Release);
                }
            });
        }
        while !is_over.load(Ordering::Acquire) {
            for now in [base, base + 2 * HOUR] {
                set(now);
                pause();
                thread::yield_now();
            }
        }
    });
    set(base);
}
