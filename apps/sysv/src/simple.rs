//! The teaching interface.

use std::thread;

use skete::sysv::simple::{GETVAL, IPC_RMID, SETVAL, semctl, semget, semop};

use crate::{Check, await_sleepers};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("the teaching interface finds, makes, counts and removes", all),
    ("the teaching interface lets sleepers go", sleepers),
    ("four threads count to the sum under a semaphore of the teaching interface", mutual_exclusion),
];

fn all() {
    let id = semget(42);
    assert!(id >= 0 && semget(42) == id && semget(43) != id);
    assert_eq!(semctl(id, GETVAL, 0), 0, "new ones are 0");
    assert_eq!((semctl(id, SETVAL, 3), semctl(id, GETVAL, 0)), (0, 3));
    assert_eq!((semop(id, 9), semctl(id, GETVAL, 0)), (0, 4), "any number above 0 is one up");
    assert_eq!((semop(id, -9), semop(id, i32::MIN), semctl(id, GETVAL, 0)), (0, 0, 2));
    assert_eq!((semop(id, 0), semctl(id, 2, 0), semctl(id, SETVAL, -1), semctl(id, SETVAL, 32768)), (-1, -1, -1, -1));
    assert_eq!((semctl(id, SETVAL, 32767), semop(id, 1), semctl(id, GETVAL, 0)), (0, -1, 32767));
    assert_eq!((semctl(id, IPC_RMID, 0), semctl(id, IPC_RMID, 0), semctl(id, GETVAL, 0), semop(id, 1)), (0, -1, -1, -1));
    assert_eq!((semctl(-1, GETVAL, 0), semop(-1, 1), semop(12345, -1)), (-1, -1, -1));
    let new = semget(42);
    assert!(new >= 0 && new != id, "the key is free again");
    assert_eq!(semctl(new, GETVAL, 0), 0);
    assert_eq!((semctl(new, IPC_RMID, 0), semctl(semget(43), IPC_RMID, 0)), (0, 0));
}

fn sleepers() {
    let id = semget(44);
    let [one, other] = [(); 2].map(|()| thread::spawn(move || semop(id, -1)));
    await_sleepers(id, 0, 2);
    assert_eq!(semop(id, 1), 0);
    await_sleepers(id, 0, 1);
    assert_eq!(semctl(id, IPC_RMID, 0), 0);
    let mut slept = [one, other].map(|thread| thread.join().expect("it does not panic"));
    slept.sort_unstable();
    assert_eq!(slept, [-1, 0]);
}

fn mutual_exclusion() {
    const ROUNDS: u64 = 500;
    let id = semget(45);
    assert_eq!(semctl(id, SETVAL, 1), 0);
    let count = std::sync::atomic::AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    assert_eq!(semop(id, -1), 0);
                    let seen = count.load(std::sync::atomic::Ordering::Relaxed);
                    if seen % 16 == 0 {
                        thread::yield_now();
                    }
                    count.store(seen + 1, std::sync::atomic::Ordering::Relaxed);
                    assert_eq!(semop(id, 1), 0);
                }
            });
        }
    });
    assert_eq!((count.into_inner(), semctl(id, IPC_RMID, 0)), (4 * ROUNDS, 0));
}
