//! SEM_UNDO across the ends of threads.

use std::thread;

use skete::sysv::sem::{self, Op};

use crate::operations::set;
use crate::{Check, await_sleepers};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("threads share one undo list, which outlives each of them", shared),
    ("a thread that unshared undoes alone, before it can be joined", alone),
    ("a new thread shares its maker's list, and the last one undoes", inherited),
    ("an undo lets a sleeper go", sleeper),
    ("who unshares again undoes at once", twice),
    ("a hundred threads that unshared leave no trace", hundred),
];

const TAKE: &[Op] = &[Op::down(0).undone()];

fn shared() {
    let id = set(&[5]);
    thread::spawn(move || sem::operate(id, TAKE).expect("it is there")).join().expect("it does not panic");
    assert_eq!(sem::value(id, 0), Ok(4), "the main thread shares the list");
    sem::remove(id).expect("it is there");
}

fn alone() {
    let id = set(&[5, 0]);
    let ending = thread::spawn(move || {
        sem::operate(id, TAKE).expect("it is there");
        sem::unshare();
        sem::operate(id, &[Op::new(0, -3).undone(), Op::up(1).undone(), Op::up(1)]).expect("it is there");
        (sem::value(id, 0), sem::value(id, 1))
    });
    assert_eq!(ending.join().expect("it does not panic"), (Ok(1), Ok(2)));
    assert_eq!((sem::value(id, 0), sem::value(id, 1)), (Ok(4), Ok(1)));
    sem::remove(id).expect("it is there");
}

fn inherited() {
    let id = set(&[5, 0]);
    let maker = thread::spawn(move || {
        sem::unshare();
        sem::operate(id, TAKE).expect("it is there");
        // Waits for a third party, so that it outlives its maker.
        thread::spawn(move || sem::operate(id, &[Op::down(1), Op::down(0).undone()]).expect("it is there"))
    });
    let made = maker.join().expect("it does not panic");
    await_sleepers(id, 1, 1);
    assert_eq!(sem::value(id, 0), Ok(4), "somebody shares the list still");
    sem::operate(id, &[Op::up(1)]).expect("it is there");
    made.join().expect("it does not panic");
    assert_eq!(sem::value(id, 0), Ok(5));
    sem::remove(id).expect("it is there");
}

fn sleeper() {
    let id = set(&[1, 0]);
    let holder = thread::spawn(move || {
        sem::unshare();
        sem::operate(id, TAKE).expect("it is there");
        sem::operate(id, &[Op::down(1)]).expect("it is there");
        // Ends without giving it back.
    });
    await_sleepers(id, 1, 1);
    let sleeping = thread::spawn(move || sem::operate(id, &[Op::down(0)]));
    await_sleepers(id, 0, 1);
    sem::operate(id, &[Op::up(1)]).expect("it is there");
    holder.join().expect("it does not panic");
    assert_eq!(sleeping.join().expect("it does not panic"), Ok(()));
    sem::remove(id).expect("it is there");
}

fn twice() {
    let id = set(&[5]);
    let values = thread::spawn(move || {
        sem::unshare();
        sem::operate(id, TAKE).expect("it is there");
        let before = sem::value(id, 0);
        sem::unshare();
        (before, sem::value(id, 0))
    });
    assert_eq!(values.join().expect("it does not panic"), (Ok(4), Ok(5)));
    sem::remove(id).expect("it is there");
}

fn hundred() {
    let id = set(&[4]);
    for _ in 0..25 {
        let takers: Vec<_> = (0..4)
            .map(|_| {
                thread::spawn(move || {
                    sem::unshare();
                    sem::operate(id, TAKE).expect("it is there");
                })
            })
            .collect();
        for taker in takers {
            taker.join().expect("it does not panic");
        }
        assert_eq!(sem::value(id, 0), Ok(4));
    }
    sem::remove(id).expect("it is there");
}
