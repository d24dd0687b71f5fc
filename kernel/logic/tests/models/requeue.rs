//! Models of requeueing against everything else.

use super::machine::{LATE, Word, seats, shared_word};
use super::runner::Model;
use loom::thread;
use skete_abi::Errno;
use skete_logic::futex::{ANY, Requeued, Shares};
use skete_logic::mutant::Mutant;

pub const MODELS: &[Model] = &[
    Model {
        name: "requeue::one_who_wakes_both_words_finds_the_waiter",
        body: against_wake,
        mutants: &[Mutant::RequeueWithoutFence, Mutant::RequeueCountedLate],
    },
    Model {
        name: "requeue::one_who_is_moved_times_out_where_it_is",
        body: against_timeout,
        mutants: &[Mutant::WithdrawnWithoutASecondLook],
    },
    Model { name: "requeue::two_ways_at_once_do_not_lock_up", body: both_ways, mutants: &[Mutant::LockedInAnyOrder] },
    Model {
        name: "requeue::nobody_is_moved_to_memory_that_is_gone",
        body: against_the_end,
        mutants: &[
            Mutant::RequeueWithoutFence,
            Mutant::RequeueCountedLate,
            Mutant::RequeueComparedOutsideTheLocks,
            Mutant::BuriedWithoutFence,
        ],
    },
    Model { name: "requeue::a_changed_word_moves_nobody", body: compared, mutants: &[Mutant::RequeueComparedOutsideTheLocks] },
];

const MOVE_ONE: Shares = Shares { wake: 0, requeue: 1 };

fn against_wake() {
    let [waiter, mover, waker] = seats(3).try_into().ok().expect("three seats");
    let waiting = thread::spawn(move || waiter.wait(Word::A, None));
    let moving = thread::spawn(move || mover.table().requeue(&mover, Word::A.key(), Word::B.key(), MOVE_ONE, || Ok(0), None));
    waker.store(Word::A, 1);
    let woken = waker.wake(Word::A, 1) + waker.wake(Word::B, 1);
    let waited = waiting.join().expect("the waiter ends");
    let moved = moving.join().expect("the mover ends");
    assert_eq!(waited, if woken == 1 { Ok(()) } else { Err(Errno::EAGAIN) });
    assert!(moved.is_ok_and(|moved| moved.woken == 0 && moved.moved <= 1));
    assert_eq!(waker.table().waiters(), 0);
}

fn against_timeout() {
    let [waiter, mover] = seats(2).try_into().ok().expect("two seats");
    let waiting = thread::spawn(move || waiter.wait(Word::A, LATE));
    let moved = mover.table().requeue(&mover, Word::A.key(), Word::B.key(), MOVE_ONE, || Ok(0), None);
    assert!(moved.is_ok());
    let woken = mover.wake(Word::B, 1);
    let waited = waiting.join().expect("the waiter ends");
    assert_eq!(waited, if woken == 1 { Ok(()) } else { Err(Errno::ETIMEDOUT) });
    assert_eq!(mover.table().waiters(), 0);
}

fn both_ways() {
    let [one, other, forth, back] = seats(4).try_into().ok().expect("four seats");
    one.enter(Word::A);
    other.enter(Word::B);
    let moving = thread::spawn(move || forth.table().requeue(&forth, Word::A.key(), Word::B.key(), MOVE_ONE, || Ok(0), None));
    assert!(back.table().requeue(&back, Word::B.key(), Word::A.key(), MOVE_ONE, || Ok(0), None).is_ok());
    assert!(moving.join().expect("the mover ends").is_ok());
    assert!(one.withdraw() && other.withdraw(), "nobody was woken");
    assert_eq!(back.table().waiters(), 0);
}

fn compared() {
    let [waiter, mover, waker] = seats(3).try_into().ok().expect("three seats");
    waiter.enter(Word::A);
    let moving =
        thread::spawn(move || mover.table().requeue(&mover, Word::A.key(), Word::B.key(), MOVE_ONE, || Ok(mover.load(Word::A)), Some(0)));
    waker.store(Word::A, 1);
    let woken = waker.wake(Word::A, 1);
    let moved = moving.join().expect("the mover ends");
    // Whoever had the lock first has the waiter; the waker had stored before.
    assert_eq!(moved, if woken == 0 { Ok(Requeued { woken: 0, moved: 1 }) } else { Err(Errno::EAGAIN) });
    assert_eq!(waiter.withdraw(), woken == 0);
    assert_eq!(waker.table().waiters(), 0);
}

/// Word C says whether the memory of the shared word, to which one is moved, is there: 0 as long as it is.
fn against_the_end() {
    let [waiter, mover, ender] = seats(3).try_into().ok().expect("three seats");
    let there = shared_word();
    waiter.enter(Word::A);
    let moving = thread::spawn(move || {
        let read = || if mover.load(Word::C) == 0 { Ok(0) } else { Err(Errno::EFAULT) };
        mover.table().requeue(&mover, Word::A.key(), there, MOVE_ONE, read, None)
    });
    ender.store(Word::C, 1);
    ender.table().bury(&ender, 1, |address| address == there.address());
    assert_eq!(ender.table().wake(&ender, there, 1, ANY), 0, "the next owner of the memory wakes one who waited there before");
    let moved = moving.join().expect("the mover ends");
    assert!(matches!(moved, Ok(Requeued { woken: 0, moved: 1 }) | Err(Errno::EFAULT)));
    assert!(waiter.withdraw(), "nobody was woken");
    assert_eq!(ender.table().waiters(), 0);
}
