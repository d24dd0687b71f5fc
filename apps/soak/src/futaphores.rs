//! Futaphores: pairs that keep threads apart, some of whom are impatient, and one that is freed from under its sleepers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use skete::Errno;
use skete::futaphore::Page;

use crate::await_that;

const THREADS: u32 = 4;

/// Nothing is lost, nothing comes twice; those who sleep in one that is freed are told.
pub fn pairs(salt: u32) {
    let futaphore = Page::get().make(1).expect("a slot is free");
    let (sum, late) = (AtomicU32::new(0), AtomicU32::new(0));
    let tries = 200;
    thread::scope(|scope| {
        for me in 0..THREADS {
            let (sum, late) = (&sum, &late);
            scope.spawn(move || {
                for round in 0..tries {
                    let patience = u64::from((salt + me + round) % 5) * 10_000;
                    match futaphore.p_timeout(patience) {
                        Err(errno) => {
                            assert_eq!(errno, Errno::ETIMEDOUT);
                            late.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(()) => {
                            // Not one addition: a second thread inside would be seen.
                            sum.store(sum.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                            futaphore.v().expect("there is room");
                        }
                    }
                }
            });
        }
    });
    assert_eq!((sum.into_inner() + late.into_inner(), futaphore.value()), (THREADS * tries, Ok(1)));
    futaphore.p().expect("nobody has it");
    thread::scope(|scope| {
        let sleepers = [(); 3].map(|()| scope.spawn(move || futaphore.p()));
        await_that(|| futaphore.sleepers() == 3);
        futaphore.free().expect("it is there");
        assert!(sleepers.into_iter().all(|sleeper| sleeper.join().expect("it ends") == Err(Errno::EIDRM)));
    });
}
