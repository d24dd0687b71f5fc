//! Models of locks that lend priority.

use super::machine::{LATE, Lock, Seat, Word, lending_seats};
use super::runner::Model;
use loom::sync::Arc;
use loom::thread;
use skete_abi::Errno;
use skete_abi::futex::{OWNER_DIED, TID_MASK, WAITERS};
use skete_cell::Guarded;
use skete_logic::futex::pi::Heirs;
use skete_logic::host::{Host, RawLock};
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
    Model {
        name: "lending::who_waits_for_one_that_ends_gets_the_lock_or_is_told",
        body: death,
        mutants: &[Mutant::LentToTheGone, Mutant::RefusedInPlace],
    },
    Model { name: "lending::a_lock_marked_by_its_dying_holder_is_taken", body: marked_death, mutants: &[Mutant::LentToTheGone] },
    Model {
        name: "lending::who_waits_for_one_that_has_ended_lends_nothing_to_the_next",
        body: next_life,
        mutants: &[Mutant::LentToTheNext],
    },
    Model {
        name: "lending::a_priority_that_changes_while_its_thread_begins_to_wait_is_passed_on",
        body: priority,
        mutants: &[Mutant::WalkedWithoutFence, Mutant::ChainCut],
    },
    Model { name: "lending::of_two_that_close_a_ring_one_finds_it", body: ring, mutants: &[Mutant::RingUnnoticed] },
    Model { name: "lending::steps_that_were_never_true_together_are_no_ring", body: never_together, mutants: &[Mutant::RingSeenOnce] },
    Model { name: "lending::a_ring_of_others_is_their_own", body: ring_of_others, mutants: &[Mutant::BystanderRefused] },
    Model {
        name: "lending::one_who_is_moved_to_a_lock_times_out_where_it_is",
        body: moved,
        mutants: &[Mutant::WithdrawnWithoutASecondLook],
    },
    Model {
        name: "lending::one_who_is_moved_to_a_lock_whose_holder_ends_gets_it_or_stays",
        body: moved_to_one_that_ends,
        mutants: &[Mutant::MovedBackAsALocks, Mutant::MovedBackElsewhere, Mutant::LentToTheGone],
    },
    Model { name: "lending::who_ends_hands_over_to_whoever_is_first_then", body: bequest, mutants: &[Mutant::BequeathedToWhoeverLent] },
    Model { name: "lending::one_who_is_sent_away_knows_why", body: dismissal, mutants: &[Mutant::DismissedRelaxed] },
    Model {
        name: "lending::one_who_comes_back_to_a_ring_is_told_and_not_let_in",
        body: refused_again,
        mutants: &[Mutant::DismissedFromAnyWait],
    },
    Model { name: "lending::one_who_opens_its_ring_is_not_sent_away", body: opened_again, mutants: &[Mutant::DismissedFromAnyWait] },
    Model { name: "lending::a_lender_that_is_late_is_left_alone", body: late_lender, mutants: &[Mutant::AnyNodeRead] },
    Model {
        name: "lending::nobody_is_left_behind_when_the_first_lets_go_at_once",
        body: late_heir,
        mutants: &[Mutant::MovedUntilTheWordChanges],
    },
];

/// As `dismissal`, but the late one then waits for the lock again, in a ring that is really there: it must be told.
fn refused_again() {
    let [holder, waiter, mover] = lending_seats([1, 5, 2]);
    assert_eq!((holder.take(Word::B, None), waiter.take(Word::C, None)), (Ok(()), Ok(())));
    assert_eq!(holder.table().enter_lock_pi(&holder, Seat::lock_of(Word::C)), Ok(false));
    let entered = waiter.table().enter_requeue_pi(&waiter, Word::A.key(), Seat::lock_of(Word::B), || Ok(0), 0);
    assert_eq!(entered, Ok(()));
    let waiting = thread::spawn(move || {
        if waiter.table().withdraw_lock(&waiter, waiter.current()) {
            let entered = waiter.table().enter_lock_pi(&waiter, Seat::lock_of(Word::B));
            assert_ne!(entered, Ok(true), "it believes that it holds a lock that another holds");
            if entered == Ok(false) {
                assert!(waiter.waiter(waiter.current()).is_woken(), "left in a ring");
            }
        }
    });
    let _ = mover.table().cmp_requeue_pi(&mover, Word::A.key(), Seat::lock_of(Word::B), 1, || Ok(0), 0);
    waiting.join().expect("the waiter ends");
}

/// As `dismissal`, but the late one opens the ring and then waits for the lock again: nobody may send it away.
fn opened_again() {
    let [holder, waiter, mover] = lending_seats([1, 5, 2]);
    assert_eq!((holder.take(Word::B, None), waiter.take(Word::C, None)), (Ok(()), Ok(())));
    assert_eq!(holder.table().enter_lock_pi(&holder, Seat::lock_of(Word::C)), Ok(false));
    let late = waiter.clone();
    let waiting = thread::spawn(move || {
        let waited = waiter.table().wait_requeue_pi(&waiter, Word::A.key(), Seat::lock_of(Word::B), LATE, || Ok(0), 0);
        waiter.let_go(Word::C);
        waited == Err(Errno::ETIMEDOUT) && waiter.table().enter_lock_pi(&waiter, Seat::lock_of(Word::B)) == Ok(false)
    });
    let _ = mover.table().cmp_requeue_pi(&mover, Word::A.key(), Seat::lock_of(Word::B), 1, || Ok(0), 0);
    if waiting.join().expect("the waiter ends") {
        assert!(!late.waiter(late.current()).is_woken(), "sent away from a wait in no ring");
    }
}

/// The lender that one who ends has found is late, and waits for something else by then.
fn late_lender() {
    let [dying, lender] = lending_seats([1, 3]);
    assert_eq!(dying.take(Word::A, None), Ok(()));
    assert_eq!(lender.table().enter_lock_pi(&lender, Seat::lock_of(Word::A)), Ok(false));
    let me = dying.tid(dying.current());
    let found = dying.lender_left(me).expect("it waits");
    let leaving = thread::spawn(move || {
        if lender.table().withdraw_lock(&lender, lender.current()) {
            lender.enter(Word::B);
            assert!(lender.withdraw());
        }
    });
    dying.table().bequeath(&dying, me, found);
    leaving.join().expect("it ends");
}

/// Two are to be moved to a free lock; the first gets it, is late too, and lets go by itself while the second is moved.
fn late_heir() {
    let [first, second, mover] = lending_seats([5, 2, 2]);
    for seat in [&first, &second] {
        assert_eq!(seat.table().enter_requeue_pi(seat, Word::A.key(), Seat::lock_of(Word::B), || Ok(0), 0), Ok(()));
    }
    let late = thread::spawn(move || {
        let withdrew = first.table().withdraw_lock(&first, first.current());
        if !withdrew && first.waiter(first.current()).is_woken() {
            first.let_go(Word::B);
        }
        withdrew
    });
    let moved = mover.table().cmp_requeue_pi(&mover, Word::A.key(), Seat::lock_of(Word::B), 1000, || Ok(0), 0);
    let withdrew = late.join().expect("it ends");
    assert_eq!(mover.table().waiters_of(&mover, Word::A.key()), 0, "one is left behind, moved {moved:?}");
    assert_eq!(moved, Ok(if withdrew { 1 } else { 2 }));
}

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
        assert!(other.waiter(other.current()).is_woken(), "it seems to wait");
    });
    dying.end(false);
    waiting.join().expect("the waiter ends");
    assert_eq!(dying.table().waiters(), 0);
}

fn marked_death() {
    inherited_from_the_dying(|_| {});
}

fn next_life() {
    inherited_from_the_dying(Seat::live_again);
}

/// One waits for a lock whose holder marks it and ends, and does `afterwards` what it does when it has.
fn inherited_from_the_dying(afterwards: impl FnOnce(&Seat)) {
    let [dying, other] = lending_seats([1, 5]);
    assert_eq!(dying.take(Word::A, None), Ok(()));
    let waiting = thread::spawn(move || {
        assert_eq!(other.take(Word::A, None), Ok(()));
        assert_eq!(other.load(Word::A), other.name() | OWNER_DIED);
    });
    dying.end(true);
    afterwards(&dying);
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

/// B gives up its wait for C's lock before C waits for ours.
fn never_together() {
    let [ours, b, c] = lending_seats([2, 2, 2]);
    assert_eq!((ours.take(Word::A, None), b.take(Word::B, None), c.take(Word::C, None)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(b.table().enter_lock_pi(&b, Seat::lock_of(Word::C)), Ok(false));
    let waiting = thread::spawn(move || ours.table().enter_lock_pi(&ours, Seat::lock_of(Word::B)));
    assert!(b.table().withdraw_lock(&b, b.current()));
    assert_eq!(c.table().enter_lock_pi(&c, Seat::lock_of(Word::A)), Ok(false));
    assert_eq!(waiting.join().expect("it ends"), Ok(false), "a deadlock without a ring");
}

/// Two close a ring, and one of them leaves it, while a third begins to wait for what one of them holds.
fn ring_of_others() {
    let [bystander, b, c] = lending_seats([2, 2, 2]);
    assert_eq!((b.take(Word::B, None), c.take(Word::C, None)), (Ok(()), Ok(())));
    assert_eq!(b.table().enter_lock_pi(&b, Seat::lock_of(Word::C)), Ok(false));
    let waiting = thread::spawn(move || bystander.table().enter_lock_pi(&bystander, Seat::lock_of(Word::B)));
    assert_eq!(c.table().enter_lock_pi(&c, Seat::lock_of(Word::B)), Err(Errno::EDEADLK));
    assert_eq!(waiting.join().expect("it ends"), Ok(false), "told of a ring that it is not in");
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

/// The holder of B ends without a word while another is moved there.
fn moved_to_one_that_ends() {
    let [dying, waiter, mover] = lending_seats([1, 5, 2]);
    assert_eq!(dying.take(Word::B, None), Ok(()));
    let entered = waiter.table().enter_requeue_pi(&waiter, Word::A.key(), Seat::lock_of(Word::B), || Ok(0), 0);
    assert_eq!(entered, Ok(()));
    let moving = thread::spawn(move || mover.table().cmp_requeue_pi(&mover, Word::A.key(), Seat::lock_of(Word::B), 1, || Ok(0), 0));
    dying.end(false);
    let moved = moving.join().expect("the mover ends");
    assert!(waiter.table().is_in_place(&waiter, waiter.current()), "it is elsewhere than it says");
    if waiter.waiter(waiter.current()).is_woken() {
        assert_eq!((moved, waiter.load(Word::B)), (Ok(1), waiter.name() | OWNER_DIED));
    } else {
        assert_eq!(moved, Err(Errno::ESRCH));
        assert!(waiter.table().withdraw_lock(&waiter, waiter.current()));
    }
    assert_eq!(waiter.table().waiters(), 0);
}

/// One more urgent comes while the holder of A, which ends, has found whom to hand it to.
fn bequest() {
    let [dying, first, late] = lending_seats([1, 3, 5]);
    let enter = |seat: &Seat| assert_eq!(seat.table().enter_lock_pi(seat, Seat::lock_of(Word::A)), Ok(false));
    assert_eq!(dying.take(Word::A, None), Ok(()));
    enter(&first);
    let is_held_by = |seat: &Seat| seat.load(Word::A) & TID_MASK == seat.name();
    let has_come = Arc::new(Guarded::new(false));
    let lock = Arc::new(Lock::new());
    let (coming, telling, others) = (late.clone(), has_come.clone(), lock.clone());
    let entering = thread::spawn(move || {
        enter(&coming);
        others.locked(|| telling.set(true));
    });
    let me = dying.tid(dying.current());
    let lender = dying.lender_left(me).expect("one waits at least");
    let was_there = lock.locked(|| has_come.get());
    dying.table().bequeath(&dying, me, lender);
    assert!(!was_there || !is_held_by(&first), "handed over past one more urgent");
    dying.end(false);
    entering.join().expect("the late one ends");
    if is_held_by(&late) {
        late.let_go(Word::A);
        first.let_go(Word::A);
    } else {
        first.let_go(Word::A);
        late.let_go(Word::A);
    }
    assert_eq!((dying.load(Word::A), dying.table().waiters()), (0, 0));
}

/// One is moved to a lock whose holder waits for one of its own.
fn dismissal() {
    let [holder, waiter, mover] = lending_seats([1, 5, 2]);
    assert_eq!((holder.take(Word::B, None), waiter.take(Word::C, None)), (Ok(()), Ok(())));
    assert_eq!(holder.table().enter_lock_pi(&holder, Seat::lock_of(Word::C)), Ok(false));
    let waiting = thread::spawn(move || {
        let waited = waiter.table().wait_requeue_pi(&waiter, Word::A.key(), Seat::lock_of(Word::B), LATE, || Ok(0), 0);
        waiter.let_go(Word::C);
        waited
    });
    let moved = mover.table().cmp_requeue_pi(&mover, Word::A.key(), Seat::lock_of(Word::B), 1, || Ok(0), 0);
    let waited = waiting.join().expect("the waiter ends");
    // It never holds the lock.
    assert!(matches!((moved, waited), (Ok(0), Err(Errno::ETIMEDOUT)) | (Ok(1), Err(Errno::EDEADLK | Errno::ETIMEDOUT))));
    holder.let_go(Word::C);
    holder.let_go(Word::B);
    assert_eq!((holder.load(Word::B), holder.load(Word::C), holder.table().waiters()), (0, 0, 0));
}
