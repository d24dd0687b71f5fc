//! Who came first goes first, if it can.

use std::sync::Mutex;
use std::thread;

use skete::sysv::sem::{self, Op};

use crate::operations::set;
use crate::{Check, await_sleepers};

/// This file's checks.
pub const CHECKS: &[Check] =
    &[("sleepers go in the order in which they came", in_order), ("one that cannot go holds up nobody behind it", passed_by)];

fn in_order() {
    const SLEEPERS: usize = 12;
    let id = set(&[0, 0]);
    let order = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for number in 0..SLEEPERS {
            let order = &order;
            scope.spawn(move || {
                sem::operate(id, &[Op::down(0)]).expect("it is there");
                order.lock().expect("no one panics with it").push(number);
                sem::operate(id, &[Op::up(1)]).expect("it is there");
            });
            await_sleepers(id, 0, number + 1);
        }
        for _ in 0..SLEEPERS {
            // One goes, and says so, before the next may.
            sem::operate(id, &[Op::up(0)]).expect("it is there");
            sem::operate(id, &[Op::down(1)]).expect("it is there");
        }
    });
    assert!(order.into_inner().expect("no one panics with it").into_iter().eq(0..SLEEPERS));
    sem::remove(id).expect("it is there");
}

fn passed_by() {
    let id = set(&[0]);
    thread::scope(|scope| {
        let greedy = scope.spawn(move || sem::operate(id, &[Op::new(0, -3)]));
        await_sleepers(id, 0, 1);
        let modest = scope.spawn(move || sem::operate(id, &[Op::down(0)]));
        await_sleepers(id, 0, 2);
        sem::operate(id, &[Op::up(0)]).expect("it is there");
        assert_eq!(modest.join().expect("it does not panic"), Ok(()));
        assert_eq!((sem::value(id, 0), sem::waiting_for_more(id, 0)), (Ok(0), Ok(1)));
        sem::operate(id, &[Op::new(0, 3)]).expect("it is there");
        assert_eq!(greedy.join().expect("it does not panic"), Ok(()));
    });
    sem::remove(id).expect("it is there");
}
