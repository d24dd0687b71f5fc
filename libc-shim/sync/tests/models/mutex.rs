//! Models of mutexes: two threads are never inside, and nobody sleeps for ever.

use super::fake::{LATE, Seat, seats};
use super::runner::Model;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use skete_abi::Errno;
use skete_sync::mutant::Mutant;
use skete_sync::mutex::kind::{ERRORCHECK, INHERIT};
use skete_sync::{Kind, Mutex};

pub const MODELS: &[Model] = &[
    Model {
        name: "mutex::a_normal_one_lets_one_in_after_another",
        body: || pass(Kind::PLAIN, false),
        mutants: &[Mutant::SleeperForgetsOthers, Mutant::ReleasedSilently, Mutant::TakenRelaxed],
    },
    Model {
        name: "mutex::who_gives_up_leaves_a_normal_one_to_others",
        body: || pass(Kind::PLAIN, true),
        mutants: &[Mutant::ReleasedSilently],
    },
    Model {
        name: "mutex::one_that_knows_its_holder_lets_one_in_after_another",
        body: || pass(errorcheck(), false),
        mutants: &[Mutant::SleeperForgetsOthers, Mutant::ReleasedSilently, Mutant::TakenRelaxed, Mutant::WaitedForSilently],
    },
    Model {
        name: "mutex::who_gives_up_leaves_one_that_knows_its_holder_to_others",
        body: || pass(errorcheck(), true),
        mutants: &[Mutant::ReleasedSilently],
    },
    Model { name: "mutex::one_that_lends_lets_one_in_after_another", body: || pass(lending(), false), mutants: &[Mutant::LentAndStored] },
    Model {
        name: "mutex::who_gives_up_leaves_one_that_lends_to_others",
        body: || pass(lending(), true),
        mutants: &[Mutant::LentAndStored],
    },
    Model {
        name: "mutex::one_learns_of_its_holders_death_and_makes_it_good",
        body: || death(true),
        mutants: &[Mutant::DeathForgotten, Mutant::ReleasedSilently],
    },
    Model {
        name: "mutex::one_that_nobody_made_good_is_nobodys",
        body: || death(false),
        mutants: &[Mutant::RecoveredByItself, Mutant::ReleasedSilently],
    },
];

fn errorcheck() -> Kind {
    Kind::PLAIN.with_type(ERRORCHECK).expect("there is such a type")
}

fn lending() -> Kind {
    Kind::PLAIN.with_protocol(INHERIT).expect("there is such a protocol")
}

/// What a mutex guards: loom fails where two touch it at once, or one without having seen what the other did.
pub struct Inside(UnsafeCell<u32>);

impl Inside {
    pub fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    pub fn touch(&self) {
        self.0.with_mut(|_| ());
    }

    pub fn look(&self) {
        self.0.with(|_| ());
    }
}

/// Three threads each go through once; one of them has no patience, if it `gives_up`.
fn pass(kind: Kind, gives_up: bool) {
    let (mutex, inside) = (Arc::new(Mutex::new(kind)), Arc::new(Inside::new()));
    let [first, second, third] = seats(&[&mutex]);
    let enter = |seat: Seat, has_patience: bool| {
        let (mutex, inside) = (mutex.clone(), inside.clone());
        move || {
            let taken = if has_patience { mutex.lock(&seat) } else { mutex.lock_until(&seat, LATE.expect("it is one")) };
            if has_patience || taken.is_ok() {
                assert_eq!(taken, Ok(()));
                inside.touch();
                assert_eq!(mutex.unlock(&seat), Ok(()));
            } else {
                assert_eq!(taken, Err(Errno::ETIMEDOUT));
            }
        }
    };
    let others = [thread::spawn(enter(second, true)), thread::spawn(enter(third, !gives_up))];
    enter(first.clone(), true)();
    for other in others {
        other.join().expect("it ends");
    }
    assert_eq!((mutex.destroy(), first.sleepers()), (Ok(()), 0));
}

/// One dies with it; two more want it.
fn death(is_made_good: bool) {
    let mutex = Arc::new(Mutex::new(Kind::PLAIN.with_robustness(1).expect("it is a bit")));
    let [dying, second, third] = seats(&[&mutex]);
    assert_eq!(mutex.lock(&dying), Ok(()));
    let enter = |seat: Seat| {
        let mutex = mutex.clone();
        move || {
            let taken = mutex.lock(&seat);
            if taken == Err(Errno::EOWNERDEAD) && is_made_good {
                assert_eq!(mutex.consistent(&seat), Ok(()));
            }
            if taken != Err(Errno::ENOTRECOVERABLE) {
                assert_eq!(mutex.unlock(&seat), Ok(()));
            }
            taken
        }
    };
    let others = [thread::spawn(enter(second)), thread::spawn(enter(third))];
    dying.die_with(&mutex);
    let taken = others.map(|other| other.join().expect("it ends"));
    let rest = if is_made_good { Ok(()) } else { Err(Errno::ENOTRECOVERABLE) };
    let dead = Err(Errno::EOWNERDEAD);
    assert!(taken == [dead, rest] || taken == [rest, dead], "{taken:?}");
}
