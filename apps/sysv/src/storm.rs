//! Many threads at once: what they take and give comes out even.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use skete::Errno;
use skete::sysv::sem::{self, Op};

use crate::operations::set;
use crate::{Check, argument};

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("four philosophers eat, each with both forks or none", philosophers),
    ("a value that four threads pass on is never lost, late as some are", late),
];

const THREADS: u16 = 4;

fn rounds() -> u32 {
    argument(2).parse().expect("it is a number")
}

fn philosophers() {
    let forks = set(&[1; THREADS as usize]);
    let on_table: [AtomicU32; THREADS as usize] = Default::default();
    thread::scope(|scope| {
        for philosopher in 0..THREADS {
            let (left, right) = (philosopher, (philosopher + 1) % THREADS);
            let on_table = &on_table;
            scope.spawn(move || {
                for round in 0..rounds() {
                    sem::operate(forks, &[Op::down(left), Op::down(right)]).expect("they are there");
                    for fork in [left, right] {
                        // Relaxed, and not one addition: who holds a fork is alone with it.
                        let count = &on_table[usize::from(fork)];
                        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    }
                    if round % 7 == 0 {
                        thread::yield_now();
                    }
                    sem::operate(forks, &[Op::up(left), Op::up(right)]).expect("they are there");
                }
            });
        }
    });
    for (fork, count) in on_table.iter().enumerate() {
        assert_eq!((count.load(Ordering::Relaxed), sem::value(forks, fork)), (2 * rounds(), Ok(1)));
    }
    sem::remove(forks).expect("they are there");
}

fn late() {
    let id = set(&[2]);
    thread::scope(|scope| {
        for number in 0..u32::from(THREADS) {
            scope.spawn(move || {
                for round in 0..rounds() {
                    let timeout = Duration::from_micros(u64::from((round + number) % 5) * 10);
                    match sem::operate_within(id, &[Op::down(0)], timeout) {
                        Ok(()) => {
                            if round % 3 == 0 {
                                thread::yield_now();
                            }
                            sem::operate(id, &[Op::up(0)]).expect("it is there");
                        }
                        late => assert_eq!(late, Err(Errno::EAGAIN)),
                    }
                }
            });
        }
    });
    assert_eq!(sem::value(id, 0), Ok(2));
    sem::remove(id).expect("it is there");
}
