//! The words of a thread's beginning and end, and the locks that it leaves behind.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use skete::Errno;
use skete::futex::{OWNER_DIED, ROBUST_LIST_LIMIT, RobustListHead, WAITERS, futex_wait, futex_wakeup, shared};
use skete::thread::{Builder, robust_list, robust_list_of, set_tid_address, tid};

use crate::Check;
use crate::crowd::until_waiting;
use crate::raw::{NOWHERE, begin_with_words, list_in_c, pause, set_list, set_list_in_c, set_tid_address_in_c, tid_in_c};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a builder's thread is as it was asked for", builder),
    ("a thread's name is no other's", names),
    ("a new thread's words hold its name, and 0 after its end", words),
    ("who waits for the word is woken at the thread's end, by either name", joined),
    ("words that are not there do no harm", no_words),
    ("no two of ten thousand threads have one name", ten_thousand),
    ("set_tid_address answers the name, and a new thread has no word", set_address),
    ("a robust list's locks are let go, with OWNER_DIED and WAITERS kept", robust),
    ("one who waits for a robust lock is woken", robust_wakes),
    ("the lock that is pending is let go last, or its waiter woken", pending),
    ("robust lists that are broken do no harm", broken),
    ("a robust list is walked to its limit", limit),
    ("set_robust_list and get_robust_list", lists),
    ("an interruption ends nobody's wait but the one's whom it names", interrupted),
];

fn leaked(value: u32) -> &'static AtomicU32 {
    Box::leak(Box::new(AtomicU32::new(value)))
}

fn builder() {
    let told = leaked(0);
    let work = || {
        let large = std::hint::black_box([1_u8; 2 << 20]);
        told.store(
            u32::from(skete::thread::priority()) << 8 | u32::from(skete::thread::affinity()) | u32::from(large[5]) << 31,
            Ordering::Release,
        );
    };
    let thread = Builder::new().name("urgent").stack_size(4 << 20).priority(9).affinity(1).spawn(work).expect("there is room");
    assert_eq!(thread.join(), Ok(()));
    assert_eq!(told.load(Ordering::Acquire), 1 << 31 | 9 << 8 | 1);
    assert_eq!(Builder::new().priority(32).spawn(|| ()).err(), Some(Errno::EINVAL));
    assert_eq!(Builder::new().affinity(0).spawn(|| ()).err(), Some(Errno::EINVAL));
    let moved = Box::new(41);
    Builder::new().spawn(move || told.store(*moved + 1, Ordering::Release)).expect("there is room").join().expect("it is another");
    assert_eq!(told.load(Ordering::Acquire), 42);
}

fn names() {
    let mine = tid();
    assert_eq!(mine.cast_signed(), tid_in_c());
    let others: Vec<u32> = (0..20).map(|_| thread::spawn(tid).join().expect("it does not panic")).collect();
    assert!(others.iter().all(|&other| other != mine && other != 0 && other < 1 << 29));
    assert!(others.windows(2).all(|pair| pair[0] != pair[1]), "a record's next thread has another name");
}

fn words() {
    let (set, clear) = (leaked(7), leaked(7));
    let (go, seen) = (leaked(0), leaked(0));
    let work = move || {
        seen.store(set.load(Ordering::Relaxed), Ordering::Relaxed);
        assert_eq!(futex_wait(go, 0, None), Ok(()));
    };
    let thread = Builder::new().set_child_tid(set).clear_child_tid(clear).spawn(work).expect("there is room");
    assert_eq!(set.load(Ordering::Acquire), thread.tid());
    until_waiting(1);
    assert_eq!((seen.load(Ordering::Relaxed), clear.load(Ordering::Relaxed)), (thread.tid(), 7));
    assert_eq!(futex_wakeup(go, 1), Ok(1));
    assert_eq!(thread.join(), Ok(()));
    assert_eq!((set.load(Ordering::Acquire), clear.load(Ordering::Acquire)), (thread.tid(), 0));
}

fn joined() {
    for is_shared in [false, true] {
        let (word, go) = (leaked(1), leaked(0));
        let thread =
            Builder::new().clear_child_tid(word).spawn(move || assert_eq!(futex_wait(go, 0, None), Ok(()))).expect("there is room");
        thread::scope(|scope| {
            let joiner = scope.spawn(|| {
                while word.load(Ordering::Acquire) != 0 {
                    let _ = if is_shared { futex_wait(shared(word), 1, None) } else { futex_wait(word, 1, None) };
                }
            });
            until_waiting(2);
            assert_eq!(futex_wakeup(go, 1), Ok(1));
            joiner.join().expect("it does not panic");
        });
        assert_eq!(thread.join(), Ok(()));
    }
}

fn no_words() {
    static CONSTANT: u32 = 9;
    let nowhere = NOWHERE.into_iter().chain([1, 6, usize::MAX, (&raw const CONSTANT) as usize]);
    for address in nowhere {
        assert_eq!(begin_with_words(address, address).join(), Ok(()));
    }
    assert_eq!(CONSTANT, 9);
}

fn ten_thousand() {
    let mut names: Vec<u32> = (0..10_000).map(|_| thread::spawn(tid).join().expect("it does not panic")).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 10_000);
}

fn set_address() {
    let (word, other) = (leaked(5), leaked(5));
    let told = thread::spawn(move || (set_tid_address(Some(word)), tid())).join().expect("it does not panic");
    assert_eq!(told.0, told.1);
    // std's join may be over a moment before the thread is.
    while word.load(Ordering::Acquire) != 0 {
        thread::yield_now();
    }
    // A record's next thread has none.
    word.store(5, Ordering::Release);
    Builder::new().spawn(|| ()).expect("there is room").join().expect("it is another");
    let in_c = Builder::new().spawn(move || {
        assert_eq!(set_tid_address_in_c(word.as_ptr() as usize), tid().cast_signed());
        assert_eq!(set_tid_address_in_c(other.as_ptr() as usize), tid().cast_signed());
    });
    in_c.expect("there is room").join().expect("it is another");
    assert_eq!((word.load(Ordering::Acquire), other.load(Ordering::Acquire)), (5, 0));
}

/// An entry of a robust list with its lock's word behind it, and the head's three numbers.
#[repr(C)]
struct Entry {
    next: AtomicUsize,
    word: AtomicU32,
}

#[repr(C)]
struct Head([AtomicUsize; 3]);

/// Bytes from an entry to its word.
const OFFSET: usize = std::mem::offset_of!(Entry, word);

impl Entry {
    fn address(&self) -> usize {
        (&raw const *self) as usize
    }
}

/// A list of `count` entries; their words are 0.
fn list(count: usize) -> (&'static Head, &'static [Entry]) {
    let entries: Vec<Entry> = (0..count).map(|_| Entry { next: AtomicUsize::new(0), word: AtomicU32::new(0) }).collect();
    let entries: &'static [Entry] = entries.leak();
    let head: &'static Head = Box::leak(Box::new(Head([AtomicUsize::new(0), AtomicUsize::new(OFFSET), AtomicUsize::new(0)])));
    let end = (&raw const *head) as usize;
    for (entry, next) in entries.iter().zip(entries.iter().skip(1).map(Entry::address).chain([end])) {
        entry.next.store(next, Ordering::Relaxed);
    }
    head.0[0].store(entries.first().map_or(end, Entry::address), Ordering::Relaxed);
    (head, entries)
}

/// Runs a thread whose end walks the list at `head`, after `work`.
fn die_with(head: usize, work: impl FnOnce() + Send + 'static) {
    let dying = Builder::new().spawn(move || {
        set_list(head);
        work();
    });
    dying.expect("there is room").join().expect("it is another");
}

fn at(head: &'static Head) -> usize {
    (&raw const *head) as usize
}

fn robust() {
    let (head, entries) = list(4);
    die_with(at(head), move || {
        entries[0].word.store(tid(), Ordering::Relaxed);
        entries[1].word.store(tid() | WAITERS, Ordering::Relaxed);
        // Another's, and nobody's.
        entries[2].word.store(tid() + (1 << 16), Ordering::Relaxed);
    });
    let words: Vec<u32> = entries.iter().map(|entry| entry.word.load(Ordering::Acquire)).collect();
    assert_eq!(words[..2], [OWNER_DIED, OWNER_DIED | WAITERS]);
    assert!(words[2] != 0 && words[2] & OWNER_DIED == 0 && words[3] == 0);
}

fn robust_wakes() {
    for is_shared in [false, true] {
        let (head, entries) = list(1);
        let word = &entries[0].word;
        let (go, held) = (leaked(0), leaked(0));
        thread::scope(|scope| {
            scope.spawn(move || {
                die_with(at(head), move || {
                    word.store(tid() | WAITERS, Ordering::Relaxed);
                    held.store(tid() | WAITERS, Ordering::Release);
                    assert_eq!(futex_wait(go, 0, None), Ok(()));
                });
            });
            // The one that will die, and the one that joins it.
            until_waiting(2);
            let held = held.load(Ordering::Acquire);
            for _ in 0..2 {
                scope.spawn(move || if is_shared { futex_wait(shared(word), held, None) } else { futex_wait(word, held, None) });
            }
            until_waiting(4);
            assert_eq!(futex_wakeup(go, 1), Ok(1));
            until_waiting(1);
            assert_eq!(word.load(Ordering::Acquire), OWNER_DIED | WAITERS);
            let left = if is_shared { futex_wakeup(shared(word), 9) } else { futex_wakeup(word, 9) };
            assert_eq!(left, Ok(1), "one of two was woken");
        });
    }
}

fn pending() {
    // In the list and pending: let go once. Pending only: let go too.
    for is_listed in [true, false] {
        let (head, entries) = list(2);
        if !is_listed {
            entries[0].next.store(at(head), Ordering::Relaxed);
        }
        die_with(at(head), move || {
            entries[1].word.store(tid(), Ordering::Relaxed);
            head.0[2].store(entries[1].address(), Ordering::Relaxed);
        });
        assert_eq!(entries[1].word.load(Ordering::Acquire), OWNER_DIED);
    }
    // Let go already, but nobody was woken yet.
    let (head, entries) = list(0);
    let (word, _) = (leaked(0), entries);
    head.0[2].store(word.as_ptr() as usize, Ordering::Relaxed);
    head.0[1].store(0, Ordering::Relaxed);
    thread::scope(|scope| {
        scope.spawn(move || assert_eq!(futex_wait(word, 0, None), Ok(())));
        until_waiting(1);
        die_with(at(head), || ());
    });
}

fn broken() {
    // Heads that are not there.
    for head in NOWHERE.into_iter().chain([1, 7, usize::MAX - 3]) {
        die_with(head, || ());
    }
    // Entries that are not there, behind one that is.
    for nowhere in NOWHERE.into_iter().chain([usize::MAX, usize::MAX - 6]) {
        let (head, entries) = list(2);
        entries[0].next.store(nowhere, Ordering::Relaxed);
        head.0[2].store(nowhere, Ordering::Relaxed);
        die_with(at(head), move || entries[0].word.store(tid(), Ordering::Relaxed));
        assert_eq!(entries[0].word.load(Ordering::Acquire), OWNER_DIED);
    }
    // Words that are not there, or not aligned.
    for offset in [usize::MAX / 2, 1, 7, usize::MAX - 1] {
        let (head, _) = list(3);
        head.0[1].store(offset, Ordering::Relaxed);
        die_with(at(head), || ());
    }
    // A ring.
    let (head, entries) = list(3);
    entries[2].next.store(entries[0].address(), Ordering::Relaxed);
    die_with(at(head), move || entries[2].word.store(tid(), Ordering::Relaxed));
    assert_eq!(entries[2].word.load(Ordering::Acquire), OWNER_DIED);
}

fn limit() {
    let (head, entries) = list(ROBUST_LIST_LIMIT + 2);
    die_with(at(head), move || entries.iter().for_each(|entry| entry.word.store(tid(), Ordering::Relaxed)));
    let let_go = entries.iter().filter(|entry| entry.word.load(Ordering::Acquire) == OWNER_DIED).count();
    assert_eq!(let_go, ROBUST_LIST_LIMIT);
}

fn lists() {
    const BYTES: usize = size_of::<RobustListHead>();
    let (head, _) = list(0);
    let told = [const { AtomicUsize::new(0) }; 2];
    let [list_at, bytes_at] = [0, 1].map(|place| told[place].as_ptr() as usize);
    Builder::new().spawn(|| assert!(robust_list().is_null())).expect("there is room").join().expect("it is another");
    assert_eq!(set_list_in_c(at(head), BYTES - 1), -i64::from(Errno::EINVAL.number()));
    assert_eq!(set_list_in_c(at(head), BYTES), 0);
    for name in [0, tid_in_c()] {
        assert_eq!(list_in_c(name, list_at, bytes_at), 0);
        assert_eq!(told.each_ref().map(|number| number.swap(0, Ordering::Relaxed)), [at(head), BYTES]);
    }
    assert_eq!(robust_list_of(tid()).map(|list| list as usize), Ok(at(head)));
    assert_eq!(list_in_c(tid_in_c() + (1 << 16), list_at, bytes_at), -i64::from(Errno::ESRCH.number()));
    assert_eq!(list_in_c(-1, list_at, bytes_at), -i64::from(Errno::ESRCH.number()));
    assert_eq!(list_in_c(0, NOWHERE[0], bytes_at), -i64::from(Errno::EFAULT.number()));
    set_list(0);
}

fn interrupted() {
    const ROUNDS: u32 = 2000;
    // The name of one who is interrupted all the time and soon ends; 0: nobody.
    let (named, is_over) = (leaked(0), leaked(0));
    let is_alone = thread::available_parallelism().is_ok_and(|cores| cores.get() == 1);
    let interrupting = thread::spawn(move || {
        while is_over.load(Ordering::Relaxed) == 0 {
            // It may have ended, or end just now. One core is given to the others at once.
            if skete::thread::interrupt(named.load(Ordering::Relaxed)).is_err() || is_alone {
                thread::yield_now();
            }
            pause();
        }
    });
    for round in 0..ROUNDS {
        let short = Builder::new().spawn(move || {
            named.store(tid(), Ordering::Relaxed);
            (0..round % 4).for_each(|_| thread::yield_now());
        });
        short.expect("there is room").join().expect("it is another");
        named.store(0, Ordering::Relaxed);
        let next = Builder::new().spawn(|| {
            let word = AtomicU32::new(0);
            // As long as several interruptions take.
            for _ in 0..3 {
                assert_eq!(futex_wait(&word, 0, Some(Duration::from_micros(10))), Err(Errno::ETIMEDOUT), "nobody named it");
            }
        });
        next.expect("there is room").join().expect("it is another");
    }
    is_over.store(1, Ordering::Relaxed);
    interrupting.join().expect("it does not panic");
}
