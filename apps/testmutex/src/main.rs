//! Why there are locks, and what they cost: four threads add to one number. `testmutex [ADDITIONS]`, the argument being how often each
//! adds.
//!
//! First without a lock, on one core, with a yield between the load and the store, so that additions are lost whatever the machine does.
//! Then with each kind of lock that the kernel has something for: nothing is lost. Then alone: who enters the kernel though nobody waits.
//! Prints `testmutex: N locks, every sum is right`; a sum that is wrong panics, and the status is 101.

mod kinds;
mod locks;

use std::env;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use skete::thread::set_affinity;

use kinds::Kind;

/// How many threads add.
const THREADS: u32 = 4;
/// How often one thread goes through a lock that nobody else wants.
const ALONE: u32 = 1000;

/// A number that is added to by a load and a store: whoever adds alone is right.
struct Number(AtomicU64);

impl Number {
    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// What four threads, on the cores of `affinity`, make of a number by `work`, each `rounds` times. None begins before all are there.
fn sum(affinity: u8, rounds: u32, work: impl Fn(&Number) + Sync) -> u64 {
    let number = Number(AtomicU64::new(0));
    let start = Barrier::new(THREADS as usize);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                set_affinity(affinity).expect("core 0 is there");
                start.wait();
                for _ in 0..rounds {
                    work(&number);
                }
            });
        }
    });
    number.get()
}

/// Additions without a lock: each reads, lets the others of its core run, writes.
fn race(rounds: u32) {
    let right = u64::from(THREADS) * u64::from(rounds);
    let found = sum(1, rounds, |number| {
        let seen = number.get();
        thread::yield_now();
        number.set(seen + 1);
    });
    assert!(found < right, "with a yield between load and store additions are lost");
    println!("no lock: {found} of {right}, as wrong as it must be");
}

/// Additions under a lock of this kind; then the lock alone.
fn under(kind: &Kind, rounds: u32) {
    let right = u64::from(THREADS) * u64::from(rounds);
    let lock = (kind.make)();
    let found = sum(u8::MAX, rounds, |number| {
        lock.lock();
        number.set(number.get() + 1);
        lock.unlock();
    });
    assert_eq!(found, right, "{}: additions are lost", kind.name);
    let before = skete::thread::entries();
    for _ in 0..ALONE {
        lock.lock();
        lock.unlock();
    }
    let entries = skete::thread::entries() - before;
    assert_eq!(entries, u64::from(kind.entries_alone * ALONE), "{}: entries into the kernel when nobody else wants it", kind.name);
    drop(lock);
    assert_eq!(skete::futex::waiters(), 0, "{}: somebody still waits", kind.name);
    println!("{}: {found} of {right}; alone {} entries each time", kind.name, kind.entries_alone);
}

fn main() {
    let rounds = env::args().nth(1).map_or(100_000, |rounds| rounds.parse().expect("a number of additions"));
    race(rounds);
    for kind in kinds::KINDS {
        under(kind, rounds);
    }
    println!("# {} switches of threads", skete::thread::switches());
    println!("testmutex: {} locks, every sum is right", kinds::KINDS.len());
}
