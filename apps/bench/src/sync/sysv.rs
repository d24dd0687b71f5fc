//! System V semaphores.

use std::hint::black_box;
use std::thread;

use skete::sysv::sem::{self, Op};
use skete::sysv::{IPC_CREAT, IPC_PRIVATE};
use skete::thread::set_affinity;

use crate::meter::{MANY, SOME, row};

/// Prints the rows `sysv.…`.
pub fn run() {
    alone();
    pingpong();
}

/// Called as C calls it: the operation is in memory that may not be there.
fn semop(id: i32, operation: &Op) {
    let done = skete::calls::sysv::sys_semop(id, operation, 1);
    assert_eq!(done, 0, "the set is there");
}

const UP: Op = Op::up(0);
const DOWN: Op = Op::down(0);

/// One up, then one down: two calls, nobody waits.
///
/// Floor of `sysv.semop`, 60: count the entry (2 × 4), find the place of the id (2 × 6), load the operation (2 × 3), mask IRQs and put
/// them back (2 × 3), take the lock and let it go (2 × 5), find the semaphore within the set's bounds (2 × 4), add, compare, store
/// (2 × 4), say who did it (2 × 1). Of the rest, four a call are its own: what SEM_UNDO and a wait for zero are told apart by; three are
/// the time of the last `semop`.
///
/// Floor of `sysv.semop.c`, 72: the same (60), the operation loaded from where there may be no memory (2 × 3), whether the count can be
/// (2 × 2), the return (2 × 1).
///
/// Floor of `sysv.semop_two`, 43: one call's entry, id, lock and end (19), each operation loaded, its semaphore found, added, compared,
/// stored (2 × 12).
///
/// Floor of `sysv.semget_rmid`, 98: two entries (2 × 4), the lock (2 × 7), a number off the free list and back on it (2 × 10), memory for
/// the set (20), the semaphore zeroed, owner, mode and times (12), the id made (3), found again (6), nobody sleeps there (4), the number's
/// sequence (3), two answers and returns (2 × 4).
fn alone() {
    let id = black_box(sem::get(IPC_PRIVATE, 1, IPC_CREAT | 0o600).expect("there is memory"));
    let (up, down) = black_box(([UP], [DOWN]));
    row("sysv.semop", MANY, || {
        sem::operate(id, &up).expect("the set is there");
        sem::operate(id, &down).expect("the set is there");
    });
    row("sysv.semop.c", MANY, || {
        semop(id, &up[0]);
        semop(id, &down[0]);
    });
    let both = black_box([UP, DOWN]);
    row("sysv.semop_two", MANY, || sem::operate(id, &both).expect("the set is there"));
    row("sysv.semget_rmid", SOME, || {
        let id = sem::get(IPC_PRIVATE, 1, IPC_CREAT | 0o600).expect("there is memory");
        sem::remove(id).expect("it is there");
    });
    sem::remove(id).expect("it is there");
}

/// Two threads of one core pass a turn to each other through two semaphores; a round is there and back: two ups, each of which does the
/// other's down for it and wakes it, two downs that sleep, two switches.
///
/// Floor of `sysv.pingpong.same`, 450: two switches as a yield makes them (2 × 100), the four calls as above (4 × 30), a sleeper's node
/// written and linked (2 × 15), its operation done and its node unlinked (2 × 20), its token (2 × 10), its place in the run queue
/// (2 × 20).
fn pingpong() {
    let id = sem::get(IPC_PRIVATE, 2, IPC_CREAT | 0o600).expect("there is memory");
    let other = thread::spawn(move || {
        set_affinity(1).expect("core 0 is there");
        // Until the set is removed.
        while sem::operate(id, &[Op::down(1)]).is_ok() {
            sem::operate(id, &[UP]).expect("the set is there");
        }
    });
    row("sysv.pingpong.same", SOME, || {
        sem::operate(id, &[Op::up(1)]).expect("the set is there");
        sem::operate(id, &[DOWN]).expect("the set is there");
    });
    sem::remove(id).expect("it is there");
    other.join().expect("it does not panic");
}
