//! Locks that lend priority: what each operation answers; rings, death, conditions, storms.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use skete::Errno;
use skete::futex::{
    CLOCK_REALTIME, Deadline, OWNER_DIED, PRIVATE, TimeSpec, WAITERS, futex_cmp_requeue_pi, futex_lock_pi, futex_trylock_pi,
    futex_unlock_pi, futex_wait, futex_wait_requeue_pi, futex_wakeup, op,
};
use skete::thread::{Builder, base_priority, priority, set_priority, tid};

use crate::Check;
use crate::crowd::until_waiting;
use crate::lock::{Lock, while_held};
use crate::raw::{Call, NOWHERE, address, pause};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a free lock is taken, a held one is not, and only its holder lets go", answers),
    ("lock words that are none", no_words),
    ("a lock is given up at its deadline, of either clock", deadlines),
    ("a lock keeps others out", exclusion),
    ("a ring is EDEADLK for the one that closes it", ring),
    ("a lock whose holder ends goes to a waiter with OWNER_DIED", death),
    ("a word in use as a lock and as a plain futex is EINVAL", mixed),
    ("a condition's waiters get the lock one after the other", condition),
    ("storms of locks, deadlines, priorities and ends leave nobody and nothing behind", storm),
];

fn call(op: u32, word: &AtomicU32) -> Result<u32, Errno> {
    Call::of(op | PRIVATE, word).make()
}

fn answers() {
    let word = AtomicU32::new(0);
    assert_eq!((call(op::TRYLOCK_PI, &word), word.load(Ordering::Relaxed)), (Ok(0), tid()));
    assert_eq!(call(op::TRYLOCK_PI, &word), Err(Errno::EDEADLK));
    assert_eq!(call(op::LOCK_PI, &word), Err(Errno::EDEADLK));
    assert_eq!(futex_lock_pi(&word, None), Err(Errno::EDEADLK));
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!((call(op::TRYLOCK_PI, &word), futex_trylock_pi(&word)), (Err(Errno::EAGAIN), Err(Errno::EAGAIN)));
            assert_eq!((call(op::UNLOCK_PI, &word), futex_unlock_pi(&word)), (Err(Errno::EPERM), Err(Errno::EPERM)));
        });
    });
    assert_eq!(word.load(Ordering::Relaxed), tid(), "nobody waits");
    assert_eq!((call(op::UNLOCK_PI, &word), word.load(Ordering::Relaxed)), (Ok(0), 0));
    assert_eq!(call(op::UNLOCK_PI, &word), Err(Errno::EPERM));
    for lock in [op::LOCK_PI, op::LOCK_PI2, op::LOCK_PI2 | CLOCK_REALTIME] {
        assert_eq!((call(lock, &word), word.load(Ordering::Relaxed)), (Ok(0), tid()));
        assert_eq!(futex_unlock_pi(&word), Ok(()));
    }
    // What its dead holder left: free, marked, and to be taken with the mark.
    word.store(OWNER_DIED | WAITERS, Ordering::Relaxed);
    assert_eq!((futex_lock_pi(&word, None), word.load(Ordering::Relaxed)), (Ok(()), tid() | OWNER_DIED));
    assert_eq!((futex_unlock_pi(&word), word.load(Ordering::Relaxed)), (Ok(()), 0));
}

fn no_words() {
    let word = AtomicU32::new(0);
    for command in [op::LOCK_PI, op::LOCK_PI2, op::TRYLOCK_PI, op::UNLOCK_PI] {
        for flags in [0, PRIVATE] {
            for nowhere in NOWHERE {
                assert_eq!(Call { uaddr: nowhere, op: command | flags, ..Call::default() }.make(), Err(Errno::EFAULT));
            }
            // What is not aligned is no lock, and so none that one holds.
            let why = if command == op::UNLOCK_PI { Errno::EPERM } else { Errno::EINVAL };
            assert_eq!(Call { uaddr: address(&word) + 2, op: command | flags, ..Call::default() }.make(), Err(why));
        }
        if command != op::LOCK_PI2 {
            assert_eq!(Call::of(command | CLOCK_REALTIME, &word).make(), Err(Errno::ENOSYS));
        }
    }
    // Names of no thread: never used, of a record that is none, of one that has ended.
    let ended = thread::spawn(tid).join().expect("it does not panic");
    for name in [ended, 0xfffe, 0x1fff_ffff, 0x3fff_ffff, 1 << 29] {
        word.store(name, Ordering::Relaxed);
        for command in [op::LOCK_PI, op::LOCK_PI2, op::TRYLOCK_PI] {
            assert_eq!(call(command, &word), Err(Errno::ESRCH), "{name:#x}");
        }
        assert_eq!(futex_unlock_pi(&word), Err(Errno::EPERM));
    }
    // Two words that are one; more than one to wake; a word that differs.
    let other = AtomicU32::new(0);
    let of = |op, uaddr2: &AtomicU32| Call { uaddr2: address(uaddr2), ..Call::of(op | PRIVATE, &other) };
    assert_eq!(of(op::WAIT_REQUEUE_PI, &other).make(), Err(Errno::EINVAL));
    assert_eq!(Call { val: 1, ..of(op::CMP_REQUEUE_PI, &other) }.make(), Err(Errno::EINVAL));
    assert_eq!(Call { val: 2, ..of(op::CMP_REQUEUE_PI, &word) }.make(), Err(Errno::EINVAL));
    assert_eq!(Call { val: 1, val2: 1 << 31, ..of(op::CMP_REQUEUE_PI, &word) }.make(), Err(Errno::EINVAL));
    assert_eq!(Call { val: 1, val3: 1, ..of(op::CMP_REQUEUE_PI, &word) }.make(), Err(Errno::EAGAIN));
    assert_eq!(Call { val: 1, ..of(op::WAIT_REQUEUE_PI, &word) }.make(), Err(Errno::EAGAIN));
}

fn deadlines() {
    let lock = Lock::default();
    while_held(&lock, || {
        for span in [Duration::ZERO, Duration::from_micros(700), Duration::from_millis(3)] {
            let start = Instant::now();
            assert_eq!(lock.take(Some(Deadline::after(span))), Err(Errno::ETIMEDOUT));
            assert!(start.elapsed() >= span);
            for clock in [op::LOCK_PI, op::LOCK_PI2 | CLOCK_REALTIME] {
                let end = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970") + span;
                let timeout = Some(TimeSpec { tv_sec: end.as_secs().cast_signed(), tv_nsec: end.subsec_nanos().into() });
                assert_eq!(Call { timeout, ..Call::of(clock | PRIVATE, &lock.0) }.make(), Err(Errno::ETIMEDOUT));
                assert!(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970") >= end);
            }
        }
        let no_time = Some(TimeSpec { tv_sec: 0, tv_nsec: -1 });
        assert_eq!(Call { timeout: no_time, ..Call::of(op::LOCK_PI | PRIVATE, &lock.0) }.make(), Err(Errno::EINVAL));
    });
    assert_eq!(lock.word(), 0);
}

/// A number that a lock guards.
struct Guarded(UnsafeCell<u32>);

// A data race here is what the check would find.
impl Guarded {
    fn raise(&self) {
        let count = self.0.get();
        let seen = crate::raw::read(count);
        thread::yield_now();
        crate::raw::write(count, seen + 1);
    }
}

fn exclusion() {
    const ROUNDS: u32 = 500;
    static COUNT: crate::raw::Shared<Guarded> = crate::raw::Shared(Guarded(UnsafeCell::new(0)));
    let lock = Lock::default();
    thread::scope(|scope| {
        for number in 0..4 {
            let lock = &lock;
            scope.spawn(move || {
                set_priority(2 + number).expect("there is such a priority");
                for _ in 0..ROUNDS {
                    assert_eq!(lock.take(None), Ok(()));
                    COUNT.0.raise();
                    lock.let_go();
                }
                assert_eq!(priority(), 2 + number, "all that was lent is given back");
            });
        }
    });
    assert_eq!((crate::raw::read(COUNT.0.0.get()), lock.word()), (4 * ROUNDS, 0));
}

fn ring() {
    for size in [2_usize, 3, 8] {
        let locks: Vec<Lock> = (0..size).map(|_| Lock::default()).collect();
        let deadlocks = AtomicU32::new(0);
        let ready = AtomicU32::new(0);
        thread::scope(|scope| {
            for number in 0..size {
                let (locks, deadlocks, ready) = (&locks, &deadlocks, &ready);
                scope.spawn(move || {
                    assert_eq!(locks[number].take(None), Ok(()));
                    ready.fetch_add(1, Ordering::AcqRel);
                    while ready.load(Ordering::Acquire) != u32::try_from(size).expect("a handful") {
                        pause();
                        thread::yield_now();
                    }
                    let next = &locks[(number + 1) % size];
                    match next.take(None) {
                        Ok(()) => next.let_go(),
                        error => {
                            assert_eq!(error, Err(Errno::EDEADLK));
                            deadlocks.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                    locks[number].let_go();
                });
            }
        });
        let deadlocks = deadlocks.into_inner();
        assert!((1..=2).contains(&deadlocks), "{deadlocks} of {size} closed the ring");
        assert!(locks.iter().all(|lock| lock.word() == 0));
    }
}

fn death() {
    let lock = &*Box::leak(Box::new(Lock::default()));
    let go = &*Box::leak(Box::new(AtomicU32::new(0)));
    // With waiters.
    let dying = Builder::new().spawn(move || {
        assert_eq!(lock.take(None), Ok(()));
        assert_eq!(futex_wait(go, 0, None), Ok(()));
    });
    let dying = dying.expect("there is room");
    until_waiting(1);
    let marked = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                assert_eq!(lock.take(None), Ok(()));
                let word = lock.word();
                assert_eq!(word & !WAITERS & !OWNER_DIED, tid());
                lock.let_go();
                marked.fetch_add(u32::from(word & OWNER_DIED != 0), Ordering::Relaxed);
            });
        }
        until_waiting(4);
        assert_eq!(lock.word(), dying.tid() | WAITERS);
        assert_eq!(futex_wakeup(go, 1), Ok(1));
        assert_eq!(dying.join(), Ok(()));
    });
    assert_eq!((lock.word(), marked.into_inner()), (0, 1), "the first one is told, and it made the lock whole");
    // Without: the word names nobody.
    let dying = Builder::new().spawn(move || assert_eq!(lock.take(None), Ok(()))).expect("there is room");
    assert_eq!(dying.join(), Ok(()));
    assert_eq!((lock.word(), lock.take(None)), (dying.tid(), Err(Errno::ESRCH)));
}

fn mixed() {
    let lock = Lock::default();
    while_held(&lock, || {
        let word = lock.word();
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(futex_wait(&lock.0, word, None), Ok(())));
            until_waiting(2);
            assert_eq!(lock.take(None), Err(Errno::EINVAL));
            assert_eq!(futex_wakeup(&lock.0, 1), Ok(1));
        });
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(lock.take(Some(Deadline::after(Duration::from_millis(30)))), Err(Errno::ETIMEDOUT)));
            until_waiting(2);
            for command in [op::WAKE, op::WAKE_BITSET] {
                assert_eq!(Call { val: 1, val3: 1, ..Call::of(command | PRIVATE, &lock.0) }.make(), Err(Errno::EINVAL));
            }
            let other = AtomicU32::new(0);
            let requeue = Call { val: 1, val2: 1, uaddr2: address(&other), ..Call::of(op::REQUEUE | PRIVATE, &lock.0) };
            assert_eq!(requeue.make(), Err(Errno::EINVAL));
        });
    });
}

fn condition() {
    const THREADS: u32 = 5;
    let (lock, word, inside) = (Lock::default(), AtomicU32::new(0), AtomicU32::new(0));
    for holds in [false, true] {
        thread::scope(|scope| {
            for number in 0..THREADS {
                let (lock, word, inside) = (&lock, &word, &inside);
                scope.spawn(move || {
                    set_priority(2 + u8::try_from(number).expect("a handful")).expect("there is such a priority");
                    assert_eq!(futex_wait_requeue_pi(word, 0, None, &lock.0), Ok(()));
                    assert_eq!(lock.word() & !WAITERS, tid());
                    assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0, "two hold it");
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::Relaxed);
                    lock.let_go();
                });
            }
            until_waiting(THREADS);
            assert_eq!(futex_wakeup(&word, 1), Err(Errno::EINVAL));
            assert_eq!(futex_cmp_requeue_pi(&word, &lock.0, 9, 1), Err(Errno::EAGAIN));
            let other = AtomicU32::new(0);
            assert_eq!(futex_cmp_requeue_pi(&word, &other, 9, 0), Err(Errno::EINVAL));
            if holds {
                assert_eq!(lock.take(None), Ok(()));
            }
            let one = Call { val: 1, uaddr2: address(&lock.0), ..Call::of(op::CMP_REQUEUE_PI | PRIVATE, &word) };
            assert_eq!(one.make(), Ok(1));
            let mut rest = 0;
            while rest < THREADS - 1 {
                rest += futex_cmp_requeue_pi(&word, &lock.0, 1, 0).expect("they asked for it");
            }
            if holds {
                assert!(priority() > 2, "it inherits from those who were moved");
                lock.let_go();
                assert_eq!(priority(), 2);
            }
        });
        assert_eq!(lock.word(), 0);
    }
    let late = futex_wait_requeue_pi(&word, 0, Some(Deadline::after(Duration::from_micros(500))), &lock.0);
    assert_eq!(late, Err(Errno::ETIMEDOUT));
}

fn storm() {
    const ROUNDS: u32 = 300;
    let locks = &*Box::leak(Box::new([const { Lock(AtomicU32::new(0)) }; 3]));
    let handles: Vec<_> = (0..6_u32)
        .map(|me| {
            let work = move || {
                let own = 1 + u8::try_from(me).expect("a handful");
                set_priority(own).expect("there is such a priority");
                for round in 0..ROUNDS {
                    let dice = round.wrapping_mul(2_654_435_761).wrapping_add(me * 40_503) >> 16;
                    let (first, second) = (dice as usize % 3, dice as usize / 3 % 3);
                    let deadline = (dice % 5 == 0).then(|| Deadline::after(Duration::from_micros(u64::from(dice % 300))));
                    if locks[first].take(deadline).is_err() {
                        continue;
                    }
                    if dice % 7 == 0 {
                        set_priority(u8::try_from(dice % 20).expect("small")).expect("there is such a priority");
                    }
                    if first != second {
                        match locks[second].take(deadline) {
                            Ok(()) => locks[second].let_go(),
                            Err(Errno::EDEADLK | Errno::ETIMEDOUT) => {}
                            Err(errno) => panic!("{errno:?}"),
                        }
                    }
                    set_priority(own).expect("there is such a priority");
                    locks[first].let_go();
                }
                assert_eq!((priority(), base_priority()), (own, own), "what was lent is given back");
            };
            Builder::new().spawn(work).expect("there is room")
        })
        .collect();
    handles.into_iter().for_each(|handle| handle.join().expect("it is another"));
    assert!(locks.iter().all(|lock| lock.word() == 0));
}
