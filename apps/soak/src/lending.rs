//! Locks that lend priority: taken one inside of the other by threads of several priorities, and handed on by a condition.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use skete::Errno;
use skete::futex::{Deadline, futex_cmp_requeue_pi, futex_lock_pi, futex_unlock_pi, futex_wait, futex_wait_requeue_pi, futex_wakeup};
use skete::thread::{base_priority, priority, set_priority, tid};

use crate::await_that;

const THREADS: u32 = 4;

/// Takes the lock of `word` as programs do.
pub fn take(word: &AtomicU32, deadline: Option<Deadline>) -> Result<(), Errno> {
    let taken = word.compare_exchange(0, tid(), Ordering::Acquire, Ordering::Relaxed);
    taken.map(drop).or_else(|_| futex_lock_pi(word, deadline))
}

/// Lets it go.
pub fn let_go(word: &AtomicU32) {
    if word.compare_exchange(tid(), 0, Ordering::Release, Ordering::Relaxed).is_err() {
        futex_unlock_pi(word).expect("the caller holds it");
    }
}

/// A number that is changed in two steps.
fn add(sum: &AtomicU32) {
    sum.store(sum.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

/// Whoever has the outer lock wants the inner one, which others take alone, some with next to no patience. Nothing is lost, and nobody
/// keeps what it inherited.
pub fn locks(salt: u32) {
    let [outer, inner, sum, in_time] = [const { AtomicU32::new(0) }; 4];
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (outer, inner, sum, in_time) = (&outer, &inner, &sum, &in_time);
            scope.spawn(move || {
                let own = base_priority();
                set_priority(own + u8::try_from(me % 3).expect("it is small")).expect("there is such a priority");
                for round in 0..60 {
                    let is_outer = (round + me) % 2 == 0;
                    if is_outer {
                        assert_eq!(take(outer, None), Ok(()));
                    }
                    let span = Duration::from_micros(u64::from(1 + (salt + round * 11 + me * 3) % 80));
                    match take(inner, (round % 3 == 0).then(|| Deadline::after(span))) {
                        Ok(()) => {
                            add(sum);
                            let_go(inner);
                            in_time.fetch_add(1, Ordering::Relaxed);
                        }
                        late => assert_eq!(late, Err(Errno::ETIMEDOUT)),
                    }
                    if is_outer {
                        let_go(outer);
                    }
                    assert_eq!(priority(), base_priority());
                }
            });
        }
    });
    assert_eq!(sum.into_inner(), in_time.into_inner());
    assert_eq!((outer.into_inner(), inner.into_inner()), (0, 0));
}

/// A condition variable's broadcast, again and again, by who holds the lock and by who does not: all are moved to the lock, and it is handed
/// from one to the next; but for those who come too late to be moved, or have lost their patience before or after.
pub fn conditions(salt: u32) {
    const ROUNDS: u32 = 20;
    let [condition, lock, come, done, sum, told] = [const { AtomicU32::new(0) }; 6];
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (condition, lock, come, done, sum, told) = (&condition, &lock, &come, &done, &sum, &told);
            scope.spawn(move || {
                set_priority(base_priority() + u8::try_from(me % 2).expect("it is small")).expect("there is such a priority");
                for round in 0..ROUNDS {
                    let span = Duration::from_micros(u64::from(1 + (salt + round * 7 + me * 13) % 60));
                    let deadline = (round % 4 == me).then(|| Deadline::after(span));
                    come.fetch_add(1, Ordering::Relaxed);
                    match futex_wait_requeue_pi(condition, round, deadline, lock) {
                        Ok(()) => {}
                        Err(Errno::EAGAIN) => assert_eq!(take(lock, None), Ok(())),
                        late => {
                            assert!(deadline.is_some() && late == Err(Errno::ETIMEDOUT), "{late:?}");
                            assert_eq!(take(lock, None), Ok(()));
                        }
                    }
                    add(sum);
                    let_go(lock);
                    done.fetch_add(1, Ordering::Relaxed);
                    // One who was late does not begin the next round before the others are told of this one. Asleep: it may be more urgent
                    // than who tells them.
                    while told.load(Ordering::Acquire) == round {
                        let _ = futex_wait(told, round, None);
                    }
                }
            });
        }
        for round in 0..ROUNDS {
            await_that(|| come.load(Ordering::Relaxed) == THREADS * (round + 1));
            let is_held = round % 2 == 0;
            if is_held {
                assert_eq!(take(&lock, None), Ok(()));
            }
            condition.store(round + 1, Ordering::Release);
            let moved = futex_cmp_requeue_pi(&condition, &lock, i32::MAX.cast_unsigned(), round + 1);
            assert!(moved.expect("nobody else changes it") <= THREADS);
            if is_held {
                let_go(&lock);
            }
            told.store(round + 1, Ordering::Release);
            futex_wakeup(&told, u32::MAX).expect("nobody waits there for a lock");
            // One who was late may have done its next round's by then.
            await_that(|| done.load(Ordering::Relaxed) >= THREADS * (round + 1));
        }
    });
    assert_eq!((sum.into_inner(), lock.into_inner()), (THREADS * ROUNDS, 0));
}
