//! Threads that come and go.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use skete::futex::futex_wait;
use skete::thread::Builder;

/// More than all storms have at once, with those that were joined and are on their way out.
const CROWD: usize = 128;
/// What the heap has before it is looked at: more than storms take at once.
const HEAP: usize = 256 << 10;

/// Makes records and stacks of as many threads as there will be, and the heap's first rows.
pub fn warm_up() {
    drop(Vec::<u8>::with_capacity(HEAP));
    let all_are_there = Barrier::new(CROWD);
    thread::scope(|scope| {
        for _ in 0..CROWD {
            scope.spawn(|| all_are_there.wait());
        }
    });
}

/// std's threads, and the kernel's own whose word is cleared at their end.
pub fn churn(salt: u32) {
    static WORDS: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];
    for _ in 0..8 {
        let sum: u32 = (0..3_u32).map(|me| thread::spawn(move || me + salt % 7)).map(|thread| thread.join().expect("it ends")).sum();
        assert_eq!(sum, 3 + 3 * (salt % 7));
        for word in &WORDS {
            word.store(1, Ordering::Relaxed);
            Builder::new().clear_child_tid(word).spawn(thread::yield_now).expect("there is room");
        }
        for word in &WORDS {
            while word.load(Ordering::Acquire) == 1 {
                let _ = futex_wait(word, 1, None);
            }
        }
    }
}
