//! Waits for several words at once.

use std::env;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use skete::Errno;
use skete::futex::{
    Deadline, PRIVATE, SIZE_U32, TimeSpec, WAITV_MAX, WaitV, clock, free_nodes, futex_cmp_requeue_pi, futex_requeue, futex_wait,
    futex_waitv, futex_wakeup, shared,
};
use skete::thread::set_priority;

use crate::Check;
use crate::crowd::until_waiting;
use crate::raw::{NOWHERE, address, pause, waitv_in_c};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a wait for several words ends by a wake of any, and says which", which),
    ("as many words as there may be, and no more", most),
    ("a word that differs is EAGAIN, and nobody is left at the others", differs),
    ("a wake that comes first counts, and the other words are left", one_wake),
    ("a private, a shared and a doubled word among several", kinds),
    ("one who waits for several words is moved like others", moved),
    ("the more urgent is woken first, of several words too", urgent),
    ("a wait for several words is over with its deadline, never early", late),
    ("what futex_waitv is given in C is looked at as on Linux", in_c),
    ("a lock's word does not take one who waits for several", beside_a_lock),
    ("wakes, requeues and deadlines agree with who waits for several words", storm),
];

/// The check of how many nodes there are, which may be few.
pub const SCARCE: &[Check] = &[("waits for more words than there are nodes are ENOMEM, and nodes come back", exhausted)];

const NONE: [AtomicU32; 0] = [];

fn words<const N: usize>() -> [AtomicU32; N] {
    [const { AtomicU32::new(0) }; N]
}

/// Waits as long as all of `words` are 0.
fn wait(words: &[AtomicU32], deadline: Option<Deadline>) -> Result<usize, Errno> {
    futex_waitv(&words.iter().map(|word| (word.into(), 0)).collect::<Vec<_>>(), deadline)
}

fn which() {
    let words = words::<5>();
    for (place, word) in words.iter().enumerate() {
        thread::scope(|scope| {
            let waiting = scope.spawn(|| wait(&words, None));
            until_waiting(5);
            assert_eq!(futex_wakeup(word, 9), Ok(1));
            assert_eq!(waiting.join().expect("it ends"), Ok(place));
        });
    }
}

fn most() {
    let words = words::<{ WAITV_MAX + 1 }>();
    assert_eq!(wait(&words, None), Err(Errno::EINVAL));
    assert_eq!(wait(&NONE, None), Err(Errno::EINVAL));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(&words[..WAITV_MAX], None));
        until_waiting(128);
        assert_eq!(futex_wakeup(&words[WAITV_MAX], 1), Ok(0));
        assert_eq!(futex_wakeup(&words[WAITV_MAX - 1], 1), Ok(1));
        assert_eq!(waiting.join().expect("it ends"), Ok(WAITV_MAX - 1));
        let waiting = scope.spawn(|| wait(&words[..1], None));
        until_waiting(1);
        assert_eq!(futex_wakeup(&words[0], 1), Ok(1));
        assert_eq!(waiting.join().expect("it ends"), Ok(0));
    });
}

fn differs() {
    let words = words::<6>();
    for word in &words {
        word.store(1, Ordering::Relaxed);
        assert_eq!(wait(&words, None), Err(Errno::EAGAIN));
        assert!(words.iter().all(|word| futex_wakeup(word, 1) == Ok(0)));
        word.store(0, Ordering::Relaxed);
    }
}

fn one_wake() {
    let words = words::<3>();
    thread::scope(|scope| {
        let several = scope.spawn(|| wait(&words, None));
        until_waiting(3);
        let single = scope.spawn(|| futex_wait(&words[1], 0, None));
        until_waiting(4);
        assert_eq!(futex_wakeup(&words[2], 1), Ok(1));
        assert_eq!(several.join().expect("it ends"), Ok(2));
        // It has left the others: a wake of one there goes to the next.
        until_waiting(1);
        assert_eq!(futex_wakeup(&words[0], 1), Ok(0));
        assert_eq!(futex_wakeup(&words[1], 1), Ok(1));
        assert_eq!(single.join().expect("it ends"), Ok(()));
    });
}

fn kinds() {
    let words = words::<2>();
    let all = || futex_waitv(&[((&words[0]).into(), 0), (shared(&words[0]), 0), (shared(&words[1]), 0), (shared(&words[1]), 0)], None);
    thread::scope(|scope| {
        let waiting = scope.spawn(all);
        until_waiting(4);
        assert_eq!(futex_wakeup(&words[1], 9), Ok(0), "nobody waits by its private name");
        assert_eq!(futex_wakeup(shared(&words[0]), 9), Ok(1));
        assert_eq!(waiting.join().expect("it ends"), Ok(1));
        let waiting = scope.spawn(all);
        until_waiting(4);
        // It waits there twice, and the last of those that were woken is told.
        assert_eq!(futex_wakeup(shared(&words[1]), 9), Ok(2));
        assert_eq!(waiting.join().expect("it ends"), Ok(3));
    });
}

fn moved() {
    let ([elsewhere], words) = (words::<1>(), words::<3>());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(&words, None));
        until_waiting(3);
        assert_eq!(futex_requeue(&words[2], 0, &elsewhere, 1), Ok(0));
        assert_eq!(futex_wakeup(&words[2], 1), Ok(0));
        assert_eq!(futex_wakeup(&elsewhere, 1), Ok(1));
        assert_eq!(waiting.join().expect("it ends"), Ok(2));
        // One that was moved and is late is found where it is.
        let waiting = scope.spawn(|| wait(&words, Some(Deadline::after(Duration::from_millis(30)))));
        until_waiting(3);
        assert_eq!(futex_requeue(&words[0], 0, &elsewhere, 1), Ok(0));
        assert_eq!(futex_requeue(&words[1], 0, &elsewhere, 1), Ok(0));
        assert_eq!(waiting.join().expect("it ends"), Err(Errno::ETIMEDOUT));
        assert_eq!(futex_wakeup(&elsewhere, 9), Ok(0));
    });
}

fn urgent() {
    let words = words::<2>();
    thread::scope(|scope| {
        let waiting = [2, 9].map(|priority| {
            let count = skete::futex::waiters();
            let words = &words;
            let waiting = scope.spawn(move || {
                set_priority(priority).expect("there is such a priority");
                wait(words, None)
            });
            until_waiting(count + 2);
            waiting
        });
        let [common, urgent] = waiting;
        assert_eq!(futex_wakeup(&words[1], 1), Ok(1));
        assert_eq!(urgent.join().expect("it ends"), Ok(1));
        until_waiting(2);
        assert_eq!(futex_wakeup(&words[1], 1), Ok(1));
        assert_eq!(common.join().expect("it ends"), Ok(1));
    });
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970")
}

fn late() {
    let words = words::<9>();
    for span in [Duration::ZERO, Duration::from_nanos(1), Duration::from_micros(70), Duration::from_millis(3)] {
        let start = Instant::now();
        assert_eq!(wait(&words, Some(Deadline::after(span))), Err(Errno::ETIMEDOUT));
        assert!(start.elapsed() >= span);
        let end = since_1970() + span;
        assert_eq!(wait(&words, Some(Deadline::Realtime(end))), Err(Errno::ETIMEDOUT));
        assert!(since_1970() >= end);
    }
    words[8].store(1, Ordering::Relaxed);
    assert_eq!(wait(&words, Some(Deadline::Monotonic(Duration::ZERO))), Err(Errno::EAGAIN), "the words are compared first");
}

fn in_c() {
    let word = AtomicU32::new(0);
    let good = WaitV { val: 0, uaddr: address(&word) as u64, flags: SIZE_U32 | PRIVATE, reserved: 0 };
    let past = TimeSpec::default();
    let no = |errno: Errno| -i64::from(errno.number());
    let two = |second: WaitV| waitv_in_c(&[good, second], 0, Some(&past), clock::MONOTONIC);
    assert_eq!(two(good), no(Errno::ETIMEDOUT));
    assert_eq!(two(WaitV { flags: SIZE_U32, ..good }), no(Errno::ETIMEDOUT));
    assert_eq!(two(WaitV { val: 1, ..good }), no(Errno::EAGAIN));
    for flags in [0, 1, 3, PRIVATE, SIZE_U32 | 4, SIZE_U32 | 256, u32::MAX] {
        assert_eq!(two(WaitV { flags, ..good }), no(Errno::EINVAL));
    }
    assert_eq!(two(WaitV { reserved: 1, ..good }), no(Errno::EINVAL));
    assert_eq!(two(WaitV { val: 1 << 32, ..good }), no(Errno::EINVAL));
    assert_eq!(two(WaitV { uaddr: good.uaddr + 2, ..good }), no(Errno::EINVAL));
    for nowhere in NOWHERE.map(|address| address as u64).into_iter().chain([0]) {
        for flags in [SIZE_U32, SIZE_U32 | PRIVATE] {
            assert_eq!(two(WaitV { uaddr: nowhere, flags, ..good }), no(Errno::EFAULT));
        }
    }
    assert_eq!(waitv_in_c(&[good], 1, Some(&past), clock::MONOTONIC), no(Errno::EINVAL));
    assert_eq!(waitv_in_c(&[good], 0, Some(&past), 2), no(Errno::EINVAL));
    assert_eq!(waitv_in_c(&[good], 0, Some(&TimeSpec { tv_sec: 0, tv_nsec: -1 }), clock::REALTIME), no(Errno::EINVAL));
    assert_eq!(waitv_in_c(&[good], 0, Some(&past), clock::REALTIME), no(Errno::ETIMEDOUT));
    assert_eq!(waitv_in_c(&[], 0, None, clock::MONOTONIC), no(Errno::EINVAL));
    assert_eq!(waitv_in_c(&[good; WAITV_MAX + 1], 0, None, clock::MONOTONIC), no(Errno::EINVAL));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| waitv_in_c(&[good; 2], 0, None, clock::MONOTONIC));
        until_waiting(2);
        assert_eq!(futex_wakeup(&word, 9), Ok(2));
        assert_eq!(waiting.join().expect("it ends"), 1);
    });
}

/// A word that is a lock's for another call: nobody is moved, and no priority is looked for where there is none.
fn beside_a_lock() {
    let (words, lock) = (words::<2>(), AtomicU32::new(0));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| wait(&words, None));
        until_waiting(2);
        for word in &words {
            assert_eq!(futex_cmp_requeue_pi(word, &lock, 9, 0), Err(Errno::EINVAL));
        }
        assert_eq!(futex_wakeup(&words[1], 1), Ok(1));
        assert_eq!(waiting.join().expect("it ends"), Ok(1));
    });
}

fn exhausted() {
    let words = words::<WAITV_MAX>();
    assert_eq!(wait(&words[..2], Some(Deadline::Monotonic(Duration::ZERO))), Err(Errno::ETIMEDOUT));
    let (all, a_call) = (free_nodes(), u32::try_from(WAITV_MAX - 1).expect("it is 127"));
    if let Ok(count) = env::var("NODES") {
        assert_eq!(count, all.to_string(), "the boot option says how many there are");
    }
    let sleepers = all / a_call;
    thread::scope(|scope| {
        let waiting = (0..sleepers).map(|_| scope.spawn(|| wait(&words, None))).collect::<Vec<_>>();
        until_waiting(sleepers * 128);
        assert_eq!(free_nodes(), all % a_call);
        let refused = (all % a_call + 2) as usize;
        assert_eq!(wait(&words[..refused], None), Err(Errno::ENOMEM));
        // What is left is enough for one word less.
        let deadline = Some(Deadline::Monotonic(Duration::ZERO));
        assert_eq!(wait(&words[..refused - 1], deadline), Err(Errno::ETIMEDOUT));
        assert_eq!(futex_wakeup(&words[7], u32::MAX), Ok(sleepers));
        assert!(waiting.into_iter().all(|waiting| waiting.join().expect("it ends") == Ok(7)));
    });
    assert_eq!(free_nodes(), all);
}

/// Threads wait for three of four words, some with short deadlines; others wake one at a time and move. Whoever says that it was woken was
/// counted by a wake, at least once and for each word at most once.
fn storm() {
    const THREADS: usize = 5;
    const ROUNDS: u32 = 150;
    let words = words::<4>();
    let (woken, told, left) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(5));
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (words, woken, left) = (&words, &woken, &left);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let three = [0, 1, 2].map(|place| ((&words[(me + place + round as usize) % 4]).into(), 0));
                    let span = Duration::from_micros(u64::from(1 + round * 11 % 80));
                    match futex_waitv(&three, (round % 3 != 0).then(|| Deadline::after(span))) {
                        Ok(place) => {
                            assert!(place < 3);
                            woken.fetch_add(1, Ordering::Relaxed);
                        }
                        error => assert_eq!(error, Err(Errno::ETIMEDOUT)),
                    }
                }
                left.fetch_sub(1, Ordering::Release);
            });
        }
        for number in 0..2 {
            let (words, told, left) = (&words, &told, &left);
            scope.spawn(move || {
                let mut place = number;
                while left.load(Ordering::Acquire) != 0 {
                    let (from, to) = (&words[place % 4], &words[(place + 1) % 4]);
                    told.fetch_add(futex_requeue(from, 1, to, 1).expect("the words are there"), Ordering::Relaxed);
                    place += 3;
                    pause();
                    thread::yield_now();
                }
            });
        }
    });
    let (woken, told) = (woken.into_inner(), told.into_inner());
    assert!((woken..=3 * woken).contains(&told), "{woken} say that they were woken, {told} were");
}
