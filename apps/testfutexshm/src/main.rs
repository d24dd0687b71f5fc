//! A futex in shared memory is one futex wherever the memory is attached. Prints `testfutexshm: N checks passed`; a check that fails
//! panics, and the status is 101.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::calls::linux::{sys_set_robust_list, sys_set_tid_address};
use skete::futex::{
    OWNER_DIED, RobustListHead, WAITERS, futex_cmp_requeue, futex_lock_pi, futex_trylock_pi, futex_wait, futex_wakeup, shared, waiters,
};
use skete::sysv::shm::{self, Attachment, SHM_RDONLY};
use skete::sysv::{IPC_CREAT, IPC_PRIVATE};
use skete::thread::{Builder, tid};

mod memory;

use memory::word;

type Check = (&'static str, fn());

const CHECKS: &[Check] = &[
    ("a wake at one address wakes who waits at the other", woken),
    ("a private wake, or one of another word, wakes nobody of them", apart),
    ("who waits at two addresses is served in one order", one_queue),
    ("a requeue goes from one attachment to another", requeued),
    ("one may wait through a read-only attachment", read_only),
    ("a lock in a read-only attachment cannot be taken, whatever its word", read_only_locks),
    ("a wait outlives the attachment that it began at", detached),
    ("who waits in memory that is gone is not woken by what comes there", gone),
    ("who ends lets go of words in what goes with it", left),
    ("a lock at four addresses keeps four threads apart", lock),
];

fn main() {
    for (name, check) in CHECKS {
        check();
        assert_eq!(waiters(), 0, "{name}: somebody waits");
        assert_eq!(shm::usage().expect("there is memory").0.used_ids, 0, "{name}: a segment is left");
        println!("ok  {name}");
    }
    println!("testfutexshm: {} checks passed", CHECKS.len());
}

/// A segment that goes with its last attachment, attached `N` times.
fn attached<const N: usize>() -> [Attachment; N] {
    let id = shm::get(IPC_PRIVATE, 8192, IPC_CREAT | 0o600).expect("there is memory");
    let attached = [(); N].map(|()| Attachment::new(id, 0).expect("there is room"));
    shm::remove(id).expect("it is there");
    attached
}

/// Waits for a shared word, as long as it is 0.
fn wait(word: &AtomicU32) -> Result<(), Errno> {
    futex_wait(shared(word), 0, None)
}

fn until_waiting(count: u32) {
    while waiters() != count {
        thread::yield_now();
    }
}

/// Wakes at `word` until somebody was woken: who is counted as waiting may be on the way to the queue.
fn wake_one(word: &AtomicU32) {
    while futex_wakeup(shared(word), 1) != Ok(1) {
        thread::yield_now();
    }
}

fn woken() {
    let [one, other] = attached();
    for number in [0, 1, 1024, 2047] {
        let (here, there) = (word(&one, number), word(&other, number));
        thread::scope(|scope| {
            let sleeper = scope.spawn(move || wait(here));
            until_waiting(1);
            wake_one(there);
            assert_eq!(sleeper.join().expect("it does not panic"), Ok(()));
        });
        // A word that was changed at one address is not waited for at the other.
        there.store(1, Ordering::Relaxed);
        assert_eq!(wait(here), Err(Errno::EAGAIN));
    }
}

fn apart() {
    let [one, other] = attached();
    let (here, there) = (word(&one, 5), word(&other, 5));
    thread::scope(|scope| {
        let sleeper = scope.spawn(move || wait(here));
        until_waiting(1);
        for _ in 0..100 {
            assert_eq!([futex_wakeup(here, 9), futex_wakeup(there, 9), futex_wakeup(shared(word(&other, 6)), 9)], [Ok(0); 3]);
        }
        wake_one(there);
        assert_eq!(sleeper.join().expect("it does not panic"), Ok(()));
    });
    let begun = Instant::now();
    let timeout = Duration::from_millis(2);
    assert_eq!(futex_wait(shared(here), 0, Some(timeout)), Err(Errno::ETIMEDOUT));
    assert!(begun.elapsed() >= timeout);
}

fn one_queue() {
    let [one, other] = attached();
    let order = word(&one, 9);
    thread::scope(|scope| {
        let sleepers: Vec<_> = (0..6)
            .map(|turn| {
                let place = word(if turn % 2 == 0 { &one } else { &other }, 3);
                let sleeper = scope.spawn(move || {
                    assert_eq!(wait(place), Ok(()));
                    order.fetch_add(1, Ordering::AcqRel)
                });
                until_waiting(turn + 1);
                while skete::sched::futex::waiters_of_shared(place) != turn + 1 {
                    thread::yield_now();
                }
                sleeper
            })
            .collect();
        for turn in 0..6 {
            wake_one(word(if turn % 3 == 0 { &one } else { &other }, 3));
            while order.load(Ordering::Acquire) != turn + 1 {
                thread::yield_now();
            }
        }
        for (turn, sleeper) in (0..).zip(sleepers) {
            assert_eq!(sleeper.join().expect("it does not panic"), turn);
        }
    });
}

fn requeued() {
    let [one, other] = attached();
    let (from, to) = (word(&one, 0), word(&one, 1000));
    let (from_there, to_there) = (word(&other, 0), word(&other, 1000));
    thread::scope(|scope| {
        let sleepers = [(); 3].map(|()| scope.spawn(move || wait(from)));
        while skete::sched::futex::waiters_of_shared(from_there) != 3 {
            thread::yield_now();
        }
        assert_eq!(futex_cmp_requeue(shared(from_there), 1, shared(to), 9, 0), Ok(3));
        assert_eq!((futex_wakeup(shared(from), 9), futex_wakeup(shared(to_there), 9)), (Ok(0), Ok(2)));
        for sleeper in sleepers {
            assert_eq!(sleeper.join().expect("it does not panic"), Ok(()));
        }
    });
}

/// A segment that goes with its last attachment, attached to be read only, and to be written.
fn read_only_and_not() -> [Attachment; 2] {
    let id = shm::get(IPC_PRIVATE, 4096, IPC_CREAT | 0o600).expect("there is memory");
    let attached = [SHM_RDONLY, 0].map(|flags| Attachment::new(id, flags).expect("there is room"));
    shm::remove(id).expect("it is there");
    attached
}

fn read_only() {
    let [reading, writing] = read_only_and_not();
    let (here, there) = (word(&reading, 7), word(&writing, 7));
    thread::scope(|scope| {
        let sleeper = scope.spawn(move || wait(here));
        until_waiting(1);
        there.store(1, Ordering::Relaxed);
        // It sleeps, or it saw the store.
        let woken = futex_wakeup(shared(there), 1);
        let waited = sleeper.join().expect("it does not panic");
        assert_eq!(waited, if woken == Ok(1) { Ok(()) } else { Err(Errno::EAGAIN) });
    });
}

fn read_only_locks() {
    let [reading, writing] = read_only_and_not();
    let (here, there) = (word(&reading, 3), word(&writing, 3));
    // Free, of nobody who ever lived, of one who died.
    for value in [0, 5, OWNER_DIED] {
        there.store(value, Ordering::Relaxed);
        assert_eq!(futex_lock_pi(shared(here), None), Err(Errno::EFAULT), "{value:#x}");
        assert_eq!(futex_trylock_pi(shared(here)), Err(Errno::EFAULT), "{value:#x}");
        assert_eq!(there.load(Ordering::Relaxed), value);
    }
    there.store(5, Ordering::Relaxed);
    assert_eq!(futex_lock_pi(shared(there), None), Err(Errno::ESRCH));
}

fn detached() {
    let [one, other] = attached();
    let there = word(&other, 2);
    thread::scope(|scope| {
        let here = word(&one, 2);
        let sleeper = scope.spawn(move || wait(here));
        while skete::sched::futex::waiters_of_shared(there) != 1 {
            thread::yield_now();
        }
        shm::attach(shm_id_of(&other), one.as_ptr() as usize, shm::SHM_REMAP).expect("it replaces the attachment");
        shm::detach(one.as_ptr() as usize).expect("it is attached");
        assert_eq!(futex_wakeup(shared(there), 1), Ok(1));
        assert_eq!(sleeper.join().expect("it does not panic"), Ok(()));
    });
}

fn gone() {
    let [one] = attached();
    thread::scope(|scope| {
        let here = word(&one, 2);
        let sleeper = scope.spawn(move || futex_wait(shared(here), 0, Some(Duration::from_millis(300))));
        while skete::sched::futex::waiters_of_shared(here) != 1 {
            thread::yield_now();
        }
        shm::detach(one.as_ptr() as usize).expect("it is attached");
        let [next] = attached();
        for number in [2, 1026] {
            assert_eq!(futex_wakeup(shared(word(&next, number)), 9), Ok(0));
        }
        assert_eq!(sleeper.join().expect("it does not panic"), Err(Errno::ETIMEDOUT));
    });
}

/// The robust list of a thread, its lock, and the word that it clears, all in an attachment that ends with the thread.
fn left() {
    const HEAD: usize = 0;
    const ENTRY: usize = 8;
    const LOCK: usize = 10;
    const CLEARED: usize = 16;
    let id = shm::get(IPC_PRIVATE, 4096, IPC_CREAT | 0o600).expect("there is memory");
    let kept = Attachment::new(id, 0).expect("there is room");
    let (lock, cleared) = (word(&kept, LOCK), word(&kept, CLEARED));
    cleared.store(1, Ordering::Relaxed);
    thread::scope(|scope| {
        let holder = Builder::new().spawn(move || {
            let given = Attachment::new(id, 0).expect("there is room");
            let place = |number: usize| word(&given, number).as_ptr() as usize;
            let put = |number: usize, long: usize| {
                for (number, half) in [(number, long), (number + 1, long >> 32)] {
                    word(&given, number).store(half as u32, Ordering::Relaxed);
                }
            };
            // The head: the first entry, how far behind it its lock's word lies, and what was about to be locked. The last leads back.
            [place(ENTRY), (LOCK - ENTRY) * 4, 0].iter().zip([HEAD, HEAD + 2, HEAD + 4]).for_each(|(&long, number)| put(number, long));
            put(ENTRY, place(HEAD));
            assert_eq!(sys_set_robust_list(place(HEAD) as *const RobustListHead, 24), 0);
            sys_set_tid_address(place(CLEARED) as *mut u32);
            word(&given, LOCK).store(tid() | WAITERS, Ordering::Release);
            let _ = futex_wakeup(shared(word(&given, LOCK)), 1);
            // Until both wait.
            while waiters() != 2 {
                thread::yield_now();
            }
            // Detached by the thread's end.
            std::mem::forget(given);
        });
        let holder = holder.expect("there is room");
        let held = holder.tid() | WAITERS;
        let next = scope.spawn(move || {
            while wait(lock) == Ok(()) && lock.load(Ordering::Acquire) == 0 {}
            while lock.load(Ordering::Acquire) == held {
                let _ = futex_wait(shared(lock), held, None);
            }
            lock.load(Ordering::Acquire)
        });
        while cleared.load(Ordering::Acquire) != 0 {
            let _ = futex_wait(shared(cleared), 1, None);
        }
        assert_eq!(next.join().expect("it does not panic"), OWNER_DIED | WAITERS);
        assert_eq!(holder.join(), Ok(()));
    });
    shm::remove(id).expect("it is there");
}

/// The segment's id: there is only one.
fn shm_id_of(_attached: &Attachment) -> i32 {
    let (_, highest) = shm::limits().expect("there is memory");
    shm::status_at(highest, true).expect("it is there").0
}

fn lock() {
    const ROUNDS: u32 = 5_000;
    let attached = attached::<4>();
    thread::scope(|scope| {
        for attachment in &attached.each_ref().map(|attachment| [0, 1].map(|number| word(attachment, number))) {
            let [lock, sum] = *attachment;
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    while lock.swap(2, Ordering::Acquire) != 0 {
                        let _ = futex_wait(shared(lock), 2, None);
                    }
                    sum.store(sum.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    lock.store(0, Ordering::Release);
                    let _ = futex_wakeup(shared(lock), 1);
                }
            });
        }
    });
    assert_eq!(word(&attached[0], 1).load(Ordering::Relaxed), 4 * ROUNDS);
}
