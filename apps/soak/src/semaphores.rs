//! System V semaphores: philosophers, some of whom are late, and a set that is removed from under its sleepers.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use skete::Errno;
use skete::sysv::sem::{self, Op};
use skete::sysv::{IPC_CREAT, IPC_PRIVATE};

use crate::await_that;

const THREADS: u16 = 4;

fn set(values: &[u16]) -> i32 {
    let id = sem::get(IPC_PRIVATE, values.len(), IPC_CREAT | 0o600).expect("there is room");
    sem::set_values(id, values).expect("it is there");
    id
}

/// Makes and removes as many sets as ids are not given out again.
pub fn warm_up() {
    (0..crate::IDS).for_each(|_| sem::remove(set(&[1])).expect("it is there"));
}

/// Threads that take without giving back, with undo lists of their own, shared with those they make: all is back when all have ended.
pub fn deaths(salt: u32) {
    let id = set(&[100, 0]);
    let take = move |number: i16| sem::operate(id, &[Op::new(0, -number).undone(), Op::up(1).undone()]).expect("it is there");
    thread::scope(|scope| {
        let begin = |me: u16| {
            scope.spawn(move || {
                sem::unshare();
                for round in 0..8 {
                    if (salt + round) % 2 == 0 {
                        sem::unshare();
                    }
                    take(1);
                    if (salt + round + u32::from(me)) % 3 == 0 {
                        thread::spawn(move || take(2)).join().expect("it does not panic");
                    }
                }
                if me == 0 {
                    sem::unshare();
                }
            })
        };
        // Joined one by one: a scope is over before its threads have ended.
        for thread in [0, 1, 2, 3].map(begin) {
            thread.join().expect("it does not panic");
        }
    });
    assert_eq!((sem::value(id, 0), sem::value(id, 1)), (Ok(100), Ok(0)));
    sem::remove(id).expect("it is there");
}

/// Each philosopher takes both forks or none, or gives up; then all sleep in a set that goes.
pub fn meals(salt: u32) {
    let forks = set(&[1; THREADS as usize]);
    let (meals, eaten) = (AtomicU32::new(0), [const { AtomicU32::new(0) }; THREADS as usize]);
    thread::scope(|scope| {
        for (me, left) in (0..THREADS).enumerate() {
            let right = (left + 1) % THREADS;
            let (meals, eaten) = (&meals, &eaten);
            scope.spawn(move || {
                for round in 0..60 {
                    let patience = Duration::from_micros(u64::from(1 + (salt + round * 7) % 50));
                    match sem::operate_within(forks, &[Op::down(left), Op::down(right)], patience) {
                        Err(late) => assert_eq!(late, Errno::EAGAIN),
                        Ok(()) => {
                            // Not one addition: who holds both forks is alone with this.
                            let mine = &eaten[me];
                            mine.store(mine.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                            meals.fetch_add(1, Ordering::Relaxed);
                            sem::operate(forks, &[Op::up(left), Op::up(right)]).expect("they are there");
                        }
                    }
                }
            });
        }
    });
    assert_eq!(eaten.iter().map(|eaten| eaten.load(Ordering::Relaxed)).sum::<u32>(), meals.into_inner());
    assert!((0..THREADS).all(|fork| sem::value(forks, fork.into()) == Ok(1)));
    thread::scope(|scope| {
        let sleepers = [(); 3].map(|()| scope.spawn(|| sem::operate(forks, &[Op::down(0), Op::down(0)])));
        await_that(|| sem::waiting_for_more(forks, 0) == Ok(3));
        sem::remove(forks).expect("they are there");
        assert!(sleepers.into_iter().all(|sleeper| sleeper.join().expect("it ends") == Err(Errno::EIDRM)));
    });
}
