//! Models of locks that lend priority.

use super::machine::{LATE, Seat, Word, lending_seats};
use super::runner::Model;
use loom::sync::Arc;
use loom::thread;
use skete_abi::Errno;
use skete_abi::futex::{OWNER_DIED, WAITERS};
use skete_cell::Guarded;
use skete_logic::host::Host;
use skete_logic::mutant::Mutant;

pub const MODELS: &[Model] = &[
    Model {
        name: "lending::a_lock_is_handed_over_and_never_held_twice",
        body: exclusion,
        mutants: &[Mutant::LockWaitedForSilently, Mutant::HandedOverUnwritten, Mutant::LentForEver],
    },
    Model {
        name: "lending::one_who_is_late_gets_the_lock_or_gives_it_up",
        body: timeout,
        mutants: &[Mutant::WithdrawnWithoutASecondLook, Mutant::LentForEver],
    },
    Model { name: "lending::who_waits_for_one_that_ends_gets_the_lock_or_is_told", body: death, mutants: &[Mutant::LentToTheGone] },
    Model { name: "lending::a_lock_marked_by_its_dying_holder_is_taken", body: marked_death, mutants: &[Mutant::LentToTheGone] },
    Model {
        name: "lending::a_priority_that_changes_while_its_thread_begins_to_wait_is_passed_on",
        body: priority,
        mutants: &[Mutant::WalkedWithoutFence, Mutant::ChainCut],
    },
    Model { name: "lending::of_two_that_close_a_ring_one_finds_it", body: ring, mutants: &[Mutant::RingUnnoticed] },
    Model {
        name: "lending::one_who_is_moved_to_a_lock_times_out_where_it_is",
        body: moved,
        mutants: &[Mutant::WithdrawnWithoutASecondLook],
    },
];

fn exclusion() {
    let [low, high] = lending_seats([1, 5]);
    let inside = Arc::new(Guarded::new(0));
    let enter = |seat: &Seat, inside: &Guarded<u32>| {
        assert_eq!(seat.take(Word::A, None), Ok(()));
        inside.with_mut(|count| *count += 1);
        seat.let_go(Word::A);
    };
    let other = {
        let inside = inside.clone();
        thread::spawn(move || enter(&high, &inside))
    };
    enter(&low, &inside);
    assert_eq!(low.runs_at(), 1, "what was lent is given back");
    other.join().expect("the other ends");
    assert_eq!((inside.get(), low.load(Word::A), low.table().waiters()), (2, 0, 0));
}

fn timeout() {
    let [low, high] = lending_seats([1, 5]);
    assert_eq!(low.take(Word::A, None), Ok(()));
    let other = thread::spawn(move || {
        let taken = high.take(Word::A, LATE);
        match taken {
            Ok(()) => high.let_go(Word::A),
            error => assert_eq!(error, Err(Errno::ETIMEDOUT)),
        }
    });
    low.let_go(Word::A);
    other.join().expect("the other ends");
    assert_eq!((low.runs_at(), low.load(Word::A), low.table().waiters()), (1, 0, 0));
}

fn death() {
    let [dying, other] = lending_seats([1, 5]);
    assert_eq!(dying.take(Word::A, None), Ok(()));
    let waiting = thread::spawn(move || {
        let taken = other.take(Word::A, None);
        let word = other.load(Word::A);
        match taken {
            Ok(()) => assert_eq!(word, other.name() | OWNER_DIED),
            error => assert_eq!((error, word & !WAITERS), (Err(Errno::ESRCH), 0x1_0001)),
        }
    });
    dying.end(false);
    waiting.join().expect("the waiter ends");
    assert_eq!(dying.table().waiters(), 0);
}

fn marked_death() {
    let [dying, other] = lending_seats([1, 5]);
    assert_eq!(dying.take(Word::A, None), Ok(()));
    let waiting = thread::spawn(move || {
        assert_eq!(other.take(Word::A, None), Ok(()));
        assert_eq!(other.load(Word::A), other.name() | OWNER_DIED);
    });
    dying.end(true);
    waiting.join().expect("the waiter ends");
    assert_eq!(dying.table().waiters(), 0);
}

fn priority() {
    let [holder, waiter, other] = lending_seats([1, 2, 3]);
    assert_eq!(holder.take(Word::A, None), Ok(()));
    let late = waiter.clone();
    let waiting = thread::spawn(move || assert_eq!(waiter.table().enter_lock_pi(&waiter, Seat::lock_of(Word::A)), Ok(false)));
    assert_eq!(other.table().set_base_priority(&other, other.tid(late.current()), 7), Ok(()));
    waiting.join().expect("the waiter ends");
    assert_eq!((late.runs_at(), holder.runs_at()), (7, 7));
    assert!(late.table().withdraw_lock(&late, late.current()));
    assert_eq!((late.runs_at(), holder.runs_at()), (7, 1));
}

fn ring() {
    let [one, other] = lending_seats([1, 5]);
    assert_eq!((one.take(Word::A, None), other.take(Word::B, None)), (Ok(()), Ok(())));
    let cross = |seat: &Seat, mine: Word, wanted: Word| {
        let taken = seat.take(wanted, None);
        if taken.is_ok() {
            seat.let_go(wanted);
        }
        seat.let_go(mine);
        taken
    };
    let crossing = thread::spawn(move || cross(&other, Word::B, Word::A));
    let taken = [cross(&one, Word::A, Word::B), crossing.join().expect("the other ends")];
    assert!(taken.iter().all(|taken| matches!(taken, Ok(()) | Err(Errno::EDEADLK))));
    assert_eq!((one.load(Word::A), one.load(Word::B), one.table().waiters()), (0, 0, 0));
}

fn moved() {
    let [holder, waiter] = lending_seats([1, 5]);
    assert_eq!(holder.take(Word::B, None), Ok(()));
    let waiting = thread::spawn(move || {
        let read = || Ok(waiter.load(Word::A));
        let waited = waiter.table().wait_requeue_pi(&waiter, Word::A.key(), Seat::lock_of(Word::B), LATE, read, 0);
        if waited.is_ok() {
            waiter.let_go(Word::B);
        }
        waited
    });
    let read = || Ok(holder.load(Word::A));
    let moved = holder.table().cmp_requeue_pi(&holder, Word::A.key(), Seat::lock_of(Word::B), 1, read, 0);
    holder.let_go(Word::B);
    let waited = waiting.join().expect("the waiter ends");
    assert!(matches!((moved, waited), (Ok(0), Err(Errno::ETIMEDOUT)) | (Ok(1), Ok(()) | Err(Errno::ETIMEDOUT))));
    assert_eq!((holder.load(Word::B), holder.runs_at(), holder.table().waiters()), (0, 1, 0));
}
