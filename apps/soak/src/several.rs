//! Waits for several words.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use skete::Errno;
use skete::futex::{Deadline, futex_requeue, futex_waitv};

const THREADS: u32 = 4;
const WORDS: usize = 6;

/// Threads wait for five of six words, some with deadlines, while others wake one at a time and move. Whoever says that it was woken was,
/// for each of its words at most once.
pub fn waits(salt: u32) {
    let words = [const { AtomicU32::new(0) }; WORDS];
    let (woken, told, left) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(THREADS));
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (words, woken, left) = (&words, &woken, &left);
            scope.spawn(move || {
                for round in 0..40 {
                    let of = |place: usize| ((&words[(place + (me + round) as usize) % WORDS]).into(), 0);
                    let five = [of(0), of(1), of(2), of(3), of(4)];
                    let span = Duration::from_micros(u64::from(1 + (salt + round * 11) % 80));
                    match futex_waitv(&five, (round % 3 != 0).then(|| Deadline::after(span))) {
                        Ok(place) => {
                            assert!(place < five.len());
                            woken.fetch_add(1, Ordering::Relaxed);
                        }
                        late => assert_eq!(late, Err(Errno::ETIMEDOUT)),
                    }
                }
                left.fetch_sub(1, Ordering::Release);
            });
        }
        for begin in [0, 3] {
            let (words, told, left) = (&words, &told, &left);
            scope.spawn(move || {
                let mut place = begin;
                while left.load(Ordering::Acquire) != 0 {
                    let (from, to) = (&words[place % WORDS], &words[(place + 1) % WORDS]);
                    told.fetch_add(futex_requeue(from, 1, to, 1).expect("the words are there"), Ordering::Relaxed);
                    place += 1;
                    thread::yield_now();
                }
            });
        }
    });
    let (woken, told) = (woken.into_inner(), told.into_inner());
    assert!((woken..=5 * woken).contains(&told), "{woken} say that they were woken, {told} were");
}
