//! Interruptions: the present wait ends, or the next one that may be ended, and no other.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::futaphore::Page;
use skete::futex::{Deadline, MATCH_ANY, futex_lock_pi, futex_unlock_pi, futex_wait, futex_wait_bitset, futex_wait_for_ever, futex_waitv};
use skete::sysv::sem::{self, Op};
use skete::sysv::{IPC_CREAT, IPC_PRIVATE};
use skete::thread::{Builder, interrupt, tid};

use crate::Check;
use crate::crowd::until_waiting;
use crate::raw::{Semaphore, pause};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("an interruption ends each wait that may be ended, present or next, once", ends),
    ("one who waits for a futaphore leaves it to the next wait", past_a_futaphore),
    ("one who waits for a semaphore leaves it to the next wait", past_a_semaphore),
    ("one who waits for a thread's end leaves it to the next wait", past_a_join),
    ("one who sleeps leaves it to the next wait", past_a_sleep),
    ("one who waits for a semaphore by Hermit's name leaves it to the next wait", past_a_hermit_semaphore),
    ("one who is late leaves it to the next wait", past_a_timeout),
    ("two Ps, one of which is interrupted all the time, take all that is given", storm),
];

const ROUNDS: u32 = 20;
const LONG: Duration = Duration::from_secs(600);

fn give_way() {
    pause();
    thread::yield_now();
}

/// In the calling thread, which was interrupted before: the next wait ends, and the one behind it does not.
fn assert_next_ends() {
    let word = AtomicU32::new(0);
    assert_eq!(futex_wait(&word, 0, Some(LONG)), Err(Errno::EINTR));
    assert_eq!(futex_wait(&word, 0, Some(Duration::from_micros(100))), Err(Errno::ETIMEDOUT));
}

/// A thread that does `wait` is interrupted, in the midst of it or before, and `end` lets it go then: that was not what ended it.
fn assert_left(wait: impl Fn() + Sync, end: impl Fn()) {
    for round in 0..ROUNDS {
        let name = AtomicU32::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                name.store(tid(), Ordering::Release);
                wait();
                assert_next_ends();
            });
            while name.load(Ordering::Acquire) == 0 {
                give_way();
            }
            (0..round).for_each(|_| give_way());
            assert_eq!(interrupt(name.load(Ordering::Acquire)), Ok(()));
            (0..round % 5).for_each(|_| give_way());
            end();
        });
    }
}

fn ends() {
    let (word, other, lock) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    futex_lock_pi(&lock, None).expect("it is free");
    let until = || Some(Deadline::after(LONG));
    let waits: [&(dyn Fn() -> Result<(), Errno> + Sync); 7] = [
        &|| futex_wait(&word, 0, None),
        &|| futex_wait_for_ever(&word, 0),
        &|| futex_wait(&word, 0, Some(LONG)),
        &|| futex_wait_bitset(&word, 0, until(), MATCH_ANY),
        &|| futex_waitv(&[((&word).into(), 0), ((&other).into(), 0)], until()).map(drop),
        &|| futex_waitv(&[((&word).into(), 0)], None).map(drop),
        &|| futex_lock_pi(&lock, until()),
    ];
    for wait in waits {
        let go = AtomicU32::new(0);
        thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                go.store(tid(), Ordering::Release);
                assert_eq!(wait(), Err(Errno::EINTR));
                // Before it begins.
                assert_eq!(interrupt(tid()), Ok(()));
                assert_eq!(interrupt(tid()), Ok(()));
                assert_eq!(wait(), Err(Errno::EINTR));
                assert_eq!(futex_wait(&word, 0, Some(Duration::from_micros(100))), Err(Errno::ETIMEDOUT));
            });
            while go.load(Ordering::Acquire) == 0 || skete::futex::waiters() == 0 {
                give_way();
            }
            assert_eq!(interrupt(go.load(Ordering::Acquire)), Ok(()));
            waiting.join().expect("it does not panic");
        });
    }
    futex_unlock_pi(&lock).expect("it is held");
}

fn past_a_futaphore() {
    let futaphore = Page::get().make(0).expect("there is room");
    assert_left(|| assert_eq!(futaphore.p(), Ok(())), || assert_eq!(futaphore.v(), Ok(())));
    assert_left(|| assert_eq!(futaphore.p_timeout(u64::MAX), Ok(())), || assert_eq!(futaphore.v(), Ok(())));
    assert_left(|| assert_eq!(futaphore.p_timeout(2_000_000), Err(Errno::ETIMEDOUT)), || {});
    assert_eq!((futaphore.value(), futaphore.free()), (Ok(0), Ok(())));
}

fn past_a_semaphore() {
    let set = sem::get(IPC_PRIVATE, 2, IPC_CREAT | 0o600).expect("there is room");
    let up = || assert_eq!(sem::operate(set, &[Op::up(0)]), Ok(()));
    assert_left(|| assert_eq!(sem::operate(set, &[Op::down(0)]), Ok(())), up);
    assert_left(|| assert_eq!(sem::operate(set, &[Op::down(0), Op::up(1)]), Ok(())), up);
    assert_left(|| assert_eq!(sem::operate_within(set, &[Op::down(0)], LONG), Ok(())), up);
    assert_left(|| assert_eq!(sem::operate_within(set, &[Op::down(0)], Duration::from_millis(2)), Err(Errno::EAGAIN)), || {});
    sem::remove(set).expect("it is there");
}

fn past_a_join() {
    static ENDS: AtomicU32 = AtomicU32::new(0);
    let join = || {
        let other = Builder::new().spawn(|| {
            while ENDS.try_update(Ordering::AcqRel, Ordering::Relaxed, |count| count.checked_sub(1)).is_err() {
                give_way();
            }
        });
        other.expect("there is room").join().expect("it is another");
    };
    assert_left(join, || _ = ENDS.fetch_add(1, Ordering::AcqRel));
}

fn past_a_sleep() {
    const SPAN: Duration = Duration::from_millis(2);
    let sleep = || {
        let start = Instant::now();
        thread::sleep(SPAN);
        assert!(start.elapsed() >= SPAN);
    };
    assert_left(sleep, || {});
}

fn past_a_hermit_semaphore() {
    let semaphore = Semaphore::new();
    assert_left(|| assert_eq!(semaphore.wait(), 0), || assert_eq!(semaphore.post(), 0));
}

fn past_a_timeout() {
    let word = AtomicU32::new(0);
    for span in (1..50).map(Duration::from_micros) {
        let name = AtomicU32::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                name.store(tid(), Ordering::Release);
                if futex_wait(&word, 0, Some(span)) == Err(Errno::ETIMEDOUT) {
                    assert_eq!(futex_wait(&word, 0, None), Err(Errno::EINTR));
                }
            });
            while name.load(Ordering::Acquire) == 0 {
                give_way();
            }
            assert_eq!(interrupt(name.load(Ordering::Acquire)), Ok(()));
        });
    }
    until_waiting(0);
}

fn storm() {
    const GIVEN: u32 = 2000;
    let futaphore = Page::get().make(0).expect("there is room");
    let (name, taken) = (AtomicU32::new(0), AtomicU32::new(0));
    let take = || {
        while taken.fetch_add(1, Ordering::Relaxed) < GIVEN {
            assert_eq!(futaphore.p(), Ok(()));
        }
    };
    thread::scope(|scope| {
        let interrupted = scope.spawn(|| {
            name.store(tid(), Ordering::Release);
            take();
        });
        scope.spawn(take);
        scope.spawn(move || {
            for _ in 0..GIVEN {
                assert_eq!(futaphore.v(), Ok(()));
                give_way();
            }
        });
        while !interrupted.is_finished() {
            // It may not have begun, or just have ended.
            let _ = interrupt(name.load(Ordering::Acquire));
            give_way();
        }
    });
    assert_eq!((futaphore.value(), futaphore.free()), (Ok(0), Ok(())));
}
