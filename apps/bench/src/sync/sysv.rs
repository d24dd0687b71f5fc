//! System V semaphores.

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

/// Called as C calls them: the arguments in registers, the operation in memory.
fn semop(id: i32, operation: &Op) {
    let done = skete::calls::sysv::sys_semop(id, operation, 1);
    assert_eq!(done, 0, "the set is there");
}

/// One up, then one down: two calls, nobody waits.
fn alone() {
    let id = std::hint::black_box(sem::get(IPC_PRIVATE, 1, IPC_CREAT | 0o600).expect("there is memory"));
    row("sysv.semop", MANY, || {
        semop(id, std::hint::black_box(&Op::up(0)));
        semop(id, std::hint::black_box(&Op::down(0)));
    });
    row("sysv.semop_two", MANY, || {
        let both = std::hint::black_box([Op::up(0), Op::down(0)]);
        sem::operate(id, &both).expect("the set is there");
    });
    row("sysv.semget_rmid", SOME, || {
        let id = sem::get(IPC_PRIVATE, 1, IPC_CREAT | 0o600).expect("there is memory");
        sem::remove(id).expect("it is there");
    });
    sem::remove(id).expect("it is there");
}

/// Two threads of one core pass a turn to each other through two semaphores; a round is there and back.
fn pingpong() {
    let id = sem::get(IPC_PRIVATE, 2, IPC_CREAT | 0o600).expect("there is memory");
    let other = thread::spawn(move || {
        set_affinity(1).expect("core 0 is there");
        // Until the set is removed.
        while sem::operate(id, &[Op::down(1)]).is_ok() {
            semop(id, &Op::up(0));
        }
    });
    row("sysv.pingpong.same", SOME, || {
        semop(id, &Op::up(1));
        semop(id, &Op::down(0));
    });
    sem::remove(id).expect("it is there");
    other.join().expect("it does not panic");
}
