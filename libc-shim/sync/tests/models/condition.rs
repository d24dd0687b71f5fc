//! Models of condition variables: no signal is lost, nobody who was moved is stranded, and who destroys one waits for whom it must.

use super::fake::{LATE, Seat, seats};
use super::mutex::Inside;
use super::runner::Model;
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use skete_abi::Errno;
use skete_sync::mutant::Mutant;
use skete_sync::mutex::kind::{ERRORCHECK, INHERIT};
use skete_sync::{Clock, Condition, Kind, Mutex};

pub const MODELS: &[Model] = &[
    Model {
        name: "condition::a_signal_under_the_mutex_reaches_who_waits",
        body: || signal(Kind::PLAIN, true),
        mutants: &[Mutant::TurnReadLate, Mutant::WokenBeforeTheTurn],
    },
    Model {
        name: "condition::a_signal_after_the_mutex_reaches_who_waits",
        body: || signal(Kind::PLAIN, false),
        mutants: &[Mutant::WokenBeforeTheTurn],
    },
    Model {
        name: "condition::a_signal_reaches_who_waits_with_a_mutex_that_lends",
        body: || signal(lending(), true),
        mutants: &[Mutant::WokenNotMoved, Mutant::TurnReadLate],
    },
    Model { name: "condition::a_broadcast_strands_nobody", body: || broadcast(Kind::PLAIN, true), mutants: &[Mutant::MovedForgetsOthers] },
    Model {
        name: "condition::a_broadcast_strands_nobody_at_a_mutex_that_knows_its_holder",
        body: || broadcast(errorcheck(), false),
        mutants: &[Mutant::MovedForgetsOthers],
    },
    Model { name: "condition::a_broadcast_strands_nobody_at_a_mutex_that_lends", body: || broadcast(lending(), true), mutants: &[] },
    Model { name: "condition::one_who_is_late_is_counted_once", body: late, mutants: &[Mutant::WokenBeforeTheTurn] },
    Model { name: "condition::it_may_go_when_all_were_woken", body: destroyed, mutants: &[Mutant::DestroyedAtOnce] },
    Model { name: "condition::a_broadcast_moves_to_the_mutex_that_is_bound", body: bound, mutants: &[Mutant::BoundSilently] },
];

fn errorcheck() -> Kind {
    Kind::PLAIN.with_type(ERRORCHECK).expect("there is such a type")
}

fn lending() -> Kind {
    Kind::PLAIN.with_protocol(INHERIT).expect("there is such a protocol")
}

/// A flag under a mutex, and who waits for it.
struct Flag {
    mutex: Arc<Mutex>,
    condition: Condition,
    is_set: AtomicU32,
    inside: Inside,
}

impl Flag {
    fn new(kind: Kind) -> Arc<Self> {
        let mutex = Arc::new(Mutex::new(kind));
        Arc::new(Self { mutex, condition: Condition::new(Clock::Realtime), is_set: AtomicU32::new(0), inside: Inside::new() })
    }

    fn wait(&self, seat: &Seat) {
        assert_eq!(self.mutex.lock(seat), Ok(()));
        while self.is_set.load(Ordering::Relaxed) == 0 {
            assert_eq!(self.condition.wait(seat, &self.mutex, None), Ok(()));
        }
        self.inside.touch();
        assert_eq!(self.mutex.unlock(seat), Ok(()));
    }

    fn set(&self, seat: &Seat, tells_inside: bool, tell: impl Fn()) {
        assert_eq!(self.mutex.lock(seat), Ok(()));
        self.inside.touch();
        self.is_set.store(1, Ordering::Relaxed);
        if tells_inside {
            tell();
        }
        assert_eq!(self.mutex.unlock(seat), Ok(()));
        if !tells_inside {
            tell();
        }
    }
}

fn signal(kind: Kind, tells_inside: bool) {
    let flag = Flag::new(kind);
    let [waiter, teller] = seats(&[&flag.mutex]);
    let waiting = {
        let flag = flag.clone();
        thread::spawn(move || flag.wait(&waiter))
    };
    flag.set(&teller, tells_inside, || flag.condition.signal(&teller));
    waiting.join().expect("the waiter ends");
    flag.condition.destroy(&teller);
    assert_eq!((flag.mutex.destroy(), teller.sleepers()), (Ok(()), 0));
}

fn broadcast(kind: Kind, tells_inside: bool) {
    let flag = Flag::new(kind);
    let [one, other, teller] = seats(&[&flag.mutex]);
    let waiting = [one, other].map(|seat| {
        let flag = flag.clone();
        thread::spawn(move || flag.wait(&seat))
    });
    flag.set(&teller, tells_inside, || flag.condition.broadcast(&teller));
    for waiter in waiting {
        waiter.join().expect("a waiter ends");
    }
    assert_eq!((flag.mutex.destroy(), teller.sleepers()), (Ok(()), 0));
}

/// Two wait for one signal, one of them without patience: it reaches the other, or the one.
fn late() {
    let flag = Flag::new(Kind::PLAIN);
    let [hasty, teller] = seats(&[&flag.mutex]);
    let waiting = {
        let flag = flag.clone();
        thread::spawn(move || {
            assert_eq!(flag.mutex.lock(&hasty), Ok(()));
            let waited = flag.condition.wait(&hasty, &flag.mutex, LATE);
            assert!(matches!(waited, Ok(()) | Err(Errno::ETIMEDOUT)));
            assert_eq!(flag.mutex.unlock(&hasty), Ok(()));
            flag.wait(&hasty);
        })
    };
    flag.condition.broadcast(&teller);
    flag.set(&teller, false, || flag.condition.signal(&teller));
    waiting.join().expect("the waiter ends");
    // Were anybody counted twice or not at all, this would not return.
    flag.condition.destroy(&teller);
    assert_eq!((flag.mutex.destroy(), teller.sleepers()), (Ok(()), 0));
}

/// Once the condition is destroyed nobody looks at it: its memory is another's.
fn destroyed() {
    let (flag, ground) = (Flag::new(Kind::PLAIN), Arc::new(UnsafeCell::new(0)));
    let [waiter, teller] = seats(&[&flag.mutex]);
    let waiting = {
        let (flag, waiter) = (flag.clone(), waiter.on(&ground));
        thread::spawn(move || {
            assert_eq!(flag.mutex.lock(&waiter), Ok(()));
            while flag.is_set.load(Ordering::Relaxed) == 0 {
                assert_eq!(flag.condition.wait(&waiter, &flag.mutex, None), Ok(()));
            }
            assert_eq!(flag.mutex.unlock(&waiter), Ok(()));
        })
    };
    assert_eq!(flag.mutex.lock(&teller), Ok(()));
    flag.is_set.store(1, Ordering::Relaxed);
    flag.condition.broadcast(&teller);
    flag.condition.destroy(&teller);
    ground.with_mut(|_| ());
    assert_eq!(flag.mutex.unlock(&teller), Ok(()));
    waiting.join().expect("the waiter ends");
}

/// Two mutexes after one another, while a broadcast for the first is still under way.
fn bound() {
    let first = Flag::new(Kind::PLAIN);
    let second = Arc::new(Mutex::new(Kind::PLAIN));
    let [waiter, teller] = seats(&[&first.mutex, &second]);
    let waiting = {
        let (first, second) = (first.clone(), second.clone());
        thread::spawn(move || {
            assert_eq!(first.mutex.lock(&waiter), Ok(()));
            waiter.wait_with(&first.mutex);
            let _ = first.condition.wait(&waiter, &first.mutex, LATE);
            assert_eq!(first.mutex.unlock(&waiter), Ok(()));
            assert_eq!(second.lock(&waiter), Ok(()));
            waiter.wait_with(&second);
            while first.is_set.load(Ordering::Relaxed) == 0 {
                assert_eq!(first.condition.wait(&waiter, &second, None), Ok(()));
            }
            assert_eq!(second.unlock(&waiter), Ok(()));
        })
    };
    first.condition.broadcast(&teller);
    assert_eq!(second.lock(&teller), Ok(()));
    first.is_set.store(1, Ordering::Relaxed);
    first.condition.broadcast(&teller);
    assert_eq!(second.unlock(&teller), Ok(()));
    waiting.join().expect("the waiter ends");
    assert_eq!((second.destroy(), teller.sleepers()), (Ok(()), 0));
}
