//! `semop` and `semtimedop` through the Rust interface.

use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::sysv::sem::{self, Op};

use crate::{Check, await_sleepers, await_that};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("an array is done in order, all of it or nothing", arrays),
    ("what cannot be done is refused as the manual says", refusals),
    ("a sleeper goes when its array can be done, and has done it", sleeper),
    ("who waits for zero goes at zero", zero),
    ("a timeout is never early, and leaves nothing", timeouts),
    ("a removed set lets its sleepers go with EIDRM", removal),
];

/// A set with these values.
pub fn set(values: &[u16]) -> i32 {
    let id = sem::get(0, values.len(), 0o600).expect("there is room");
    sem::set_values(id, values).expect("it may be changed");
    id
}

fn arrays() {
    let id = set(&[0, 3, 1]);
    assert_eq!(sem::operate(id, &[Op::new(0, 2), Op::down(0), Op::new(1, -3), Op::zero(1)]), Ok(()));
    let mut values = [0; 3];
    assert_eq!((sem::values(id, &mut values), values), (Ok(()), [1, 0, 1]));
    assert_eq!(sem::operate(id, &[Op::down(0), Op::up(1), Op::down(2), Op::down(2).no_wait()]), Err(Errno::EAGAIN));
    assert_eq!((sem::values(id, &mut values), values), (Ok(()), [1, 0, 1]));
    let many: Vec<Op> = (0..500).map(|_| Op::up(1)).collect();
    assert_eq!((sem::operate(id, &many), sem::value(id, 1)), (Ok(()), Ok(500)));
    sem::remove(id).expect("it is there");
}

fn refusals() {
    let id = set(&[0, 32766]);
    assert_eq!(sem::operate(id, &[]), Err(Errno::EINVAL));
    assert_eq!(sem::operate(id, &[Op::up(0); 501]), Err(Errno::E2BIG));
    assert_eq!(
        (sem::operate(id, &[Op::up(2)]), sem::operate(id, &[Op::down(0).no_wait(), Op::up(9)])),
        (Err(Errno::EFBIG), Err(Errno::EFBIG))
    );
    assert_eq!(sem::operate(id, &[Op::down(0).no_wait()]), Err(Errno::EAGAIN));
    assert_eq!(sem::operate(id, &[Op::up(0), Op::zero(0).no_wait()]), Err(Errno::EAGAIN));
    assert_eq!(
        (sem::operate(id, &[Op::new(1, 2)]), sem::operate(id, &[Op::up(0), Op::new(1, 2)])),
        (Err(Errno::ERANGE), Err(Errno::ERANGE))
    );
    assert_eq!((sem::operate(id, &[Op::up(1)]), sem::operate(id, &[Op::up(1)])), (Ok(()), Err(Errno::ERANGE)));
    assert_eq!((sem::value(id, 0), sem::value(id, 1)), (Ok(0), Ok(32767)));
    sem::remove(id).expect("it is there");
}

fn sleeper() {
    let id = set(&[0, 0]);
    let sleeping = thread::spawn(move || (sem::operate(id, &[Op::down(0), Op::new(1, -2)]), skete::calls::threads::sys_getpid()));
    await_sleepers(id, 0, 1);
    sem::operate(id, &[Op::up(0)]).expect("it is there");
    // Now it is held up by the other.
    await_sleepers(id, 1, 1);
    assert_eq!((sem::value(id, 0), sem::waiting_for_more(id, 0)), (Ok(1), Ok(0)));
    sem::operate(id, &[Op::new(1, 3)]).expect("it is there");
    let (slept, pid) = sleeping.join().expect("it does not panic");
    assert_eq!((slept, sem::value(id, 0), sem::value(id, 1)), (Ok(()), Ok(0), Ok(1)));
    assert_eq!(sem::pid(id, 0), Ok(pid.cast_unsigned()));
    sem::remove(id).expect("it is there");
}

fn zero() {
    let id = set(&[2]);
    let sleeping = thread::spawn(move || sem::operate(id, &[Op::zero(0)]));
    await_that(|| sem::waiting_for_zero(id, 0) == Ok(1));
    sem::operate(id, &[Op::down(0)]).expect("it is there");
    assert_eq!(sem::waiting_for_zero(id, 0), Ok(1));
    sem::operate(id, &[Op::down(0)]).expect("it is there");
    assert_eq!(sleeping.join().expect("it does not panic"), Ok(()));
    sem::remove(id).expect("it is there");
}

fn timeouts() {
    let id = set(&[0, 1]);
    for timeout in [Duration::ZERO, Duration::from_micros(100), Duration::from_millis(3)] {
        for operations in [&[Op::down(0)][..], &[Op::down(1), Op::down(0)], &[Op::zero(1)]] {
            let start = Instant::now();
            assert_eq!(sem::operate_within(id, operations, timeout), Err(Errno::EAGAIN));
            assert!(start.elapsed() >= timeout, "early");
        }
    }
    assert_eq!((sem::sleepers(), sem::value(id, 1)), (0, Ok(1)));
    assert_eq!(sem::operate_within(id, &[Op::down(1)], Duration::ZERO), Ok(()));
    let sleeping = thread::spawn(move || sem::operate_within(id, &[Op::down(0)], Duration::from_secs(3600)));
    await_sleepers(id, 0, 1);
    sem::operate(id, &[Op::up(0)]).expect("it is there");
    assert_eq!(sleeping.join().expect("it does not panic"), Ok(()));
    sem::remove(id).expect("it is there");
}

fn removal() {
    let id = set(&[0, 1]);
    let arrays = [vec![Op::down(0)], vec![Op::down(0), Op::down(1)], vec![Op::down(0).undone()]];
    let sleeping = arrays.map(|array| thread::spawn(move || sem::operate(id, &array)));
    let reader = thread::spawn(move || sem::operate_within(id, &[Op::zero(1)], Duration::from_secs(3600)));
    await_sleepers(id, 0, 3);
    await_that(|| sem::waiting_for_zero(id, 1) == Ok(1));
    sem::remove(id).expect("it is there");
    for thread in sleeping {
        assert_eq!(thread.join().expect("it does not panic"), Err(Errno::EIDRM));
    }
    assert_eq!(reader.join().expect("it does not panic"), Err(Errno::EIDRM));
}
