//! Models of barriers, onces and spin locks.

use super::fake::{Seat, seats};
use super::mutex::Inside;
use super::runner::Model;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use skete_sync::mutant::Mutant;
use skete_sync::{Barrier, Once, SpinLock};

pub const MODELS: &[Model] = &[
    Model {
        name: "barrier::two_rounds_for_two_each_with_one_that_is_told",
        body: rounds,
        mutants: &[Mutant::WokenBeforeTheRound, Mutant::ArrivedInTwoSteps],
    },
    Model { name: "barrier::it_may_go_as_soon_as_one_is_out", body: destroyed, mutants: &[Mutant::BarrierGoneAtOnce] },
    Model {
        name: "once::it_happens_once_and_everyone_sees_it",
        body: || once(false),
        mutants: &[Mutant::OnceWaitedForSilently, Mutant::DoneRelaxed],
    },
    Model { name: "once::what_was_given_up_happens_again", body: || once(true), mutants: &[Mutant::AbandonedForEver] },
    Model { name: "spin::two_are_never_inside", body: spin, mutants: &[Mutant::SpinReleasedRelaxed, Mutant::SpinTakenInTwoSteps] },
];

fn rounds() {
    let barrier = Arc::new(Barrier::new(2).expect("two are some"));
    let [one, other] = seats(&[]);
    let passing = {
        let barrier = barrier.clone();
        thread::spawn(move || [barrier.wait(&other), barrier.wait(&other)])
    };
    let mine = [barrier.wait(&one), barrier.wait(&one)];
    let theirs = passing.join().expect("the other ends");
    assert!(mine[0] != theirs[0] && mine[1] != theirs[1], "{mine:?} and {theirs:?}");
    assert_eq!((barrier.destroy(&one), one.sleepers()), (Ok(()), 0));
}

fn destroyed() {
    let (barrier, ground) = (Arc::new(Barrier::new(2).expect("two are some")), Arc::new(UnsafeCell::new(0)));
    let [one, other] = seats(&[]);
    let passing = {
        let (barrier, other) = (barrier.clone(), other.on(&ground));
        thread::spawn(move || barrier.wait(&other))
    };
    // The waiter looks at the barrier when it wakes, and this one may be out before.
    if barrier.wait(&one) {
        assert_eq!(barrier.destroy(&one), Ok(()));
        ground.with_mut(|_| ());
    }
    passing.join().expect("the other ends");
}

fn once(gives_up: bool) {
    let (once, done) = (Arc::new(Once::new()), Arc::new(Inside::new()));
    let call = |seat: Seat, gives_up: bool| {
        let (once, done) = (once.clone(), done.clone());
        move || {
            if once.begin(&seat) {
                done.touch();
                if gives_up {
                    once.abandon(&seat);
                    return 0;
                }
                once.done(&seat);
                return 1;
            }
            // It is done, and seen.
            done.look();
            0
        }
    };
    let [first, second, third] = seats(&[]);
    let other = thread::spawn(call(second, gives_up));
    let mine = call(first, false)();
    let theirs = other.join().expect("the other ends");
    assert_eq!(mine + theirs, 1);
    assert!(!once.begin(&third));
}

fn spin() {
    let (lock, inside) = (Arc::new(SpinLock::new()), Arc::new(Inside::new()));
    let enter = |seat: Seat| {
        let (lock, inside) = (lock.clone(), inside.clone());
        move || {
            assert_eq!(lock.lock(&seat), Ok(()));
            inside.touch();
            lock.unlock();
        }
    };
    let [one, other] = seats(&[]);
    let entering = thread::spawn(enter(other));
    enter(one)();
    entering.join().expect("the other ends");
    assert_eq!(lock.destroy(), Ok(()));
}
