//! Models of waiting for several words at once: against wakes of either, against deadlines, against requeues.

use super::machine::{LATE, Seat, Word, many_seats};
use super::runner::Model;
use loom::sync::Arc;
use loom::thread;
use skete_abi::Errno;
use skete_cell::Guarded;
use skete_logic::futex::Shares;
use skete_logic::futex::many::Nodes;
use skete_logic::mutant::Mutant;

pub const MODELS: &[Model] = &[
    Model {
        name: "many::a_wake_of_the_word_with_the_borrowed_node_is_not_lost",
        body: one_waker,
        mutants: &[
            Mutant::UnparkEndsAtTheNode,
            Mutant::WaitWithoutFence,
            Mutant::WakeWithoutFence,
            Mutant::CountRaisedLate,
            Mutant::CompareOutsideTheLock,
        ],
    },
    Model {
        name: "many::a_wake_of_either_word_is_answered_and_seen",
        body: two_wakers,
        mutants: &[Mutant::WokenOnTheWayForgotten, Mutant::OthersLeftUnseen],
    },
    Model {
        name: "many::one_who_is_late_is_woken_or_timed_out_never_both",
        body: against_timeout,
        mutants: &[Mutant::ReleasedRelaxed, Mutant::WokenUnderTheLock],
    },
    Model { name: "many::a_wake_of_one_goes_to_whoever_still_waits", body: wake_of_one, mutants: &[Mutant::OthersLeftUnseen] },
    Model {
        name: "many::a_node_that_was_moved_is_found_where_it_is",
        body: against_requeue,
        mutants: &[Mutant::WithdrawnWithoutASecondLook],
    },
    Model {
        name: "many::one_who_wakes_both_words_finds_the_moved_node",
        body: moved_and_woken,
        mutants: &[Mutant::RequeueWithoutFence, Mutant::RequeueCountedLate],
    },
    Model { name: "many::of_two_who_want_most_nodes_one_gets_them", body: takers, mutants: &[Mutant::NodesReservedInTwoSteps] },
    Model { name: "many::a_node_that_was_given_back_is_the_next_owners_alone", body: givers, mutants: &[Mutant::NodeTakenRelaxed] },
];

const BOTH: &[Word] = &[Word::A, Word::B];

/// One who waits for both words, and `others`.
fn waiter_and<const N: usize>() -> (Seat, [Seat; N]) {
    let mut seats = many_seats(1 + u16::try_from(N).expect("a handful"));
    let others = seats.split_off(1);
    (seats.remove(0), others.try_into().ok().expect("as many"))
}

fn one_waker() {
    let (waiter, [waker]) = waiter_and();
    let waiting = thread::spawn(move || waiter.wait_many(BOTH, None));
    waker.store(Word::B, 1);
    let woken = waker.wake(Word::B, 1);
    let waited = waiting.join().expect("the waiter ends");
    assert_eq!(waited, if woken == 1 { Ok(1) } else { Err(Errno::EAGAIN) });
    assert_eq!(waker.table().waiters(), 0);
}

/// Each changes one of the words, and wakes one. Whoever is told that it woke somebody is seen by that one.
fn two_wakers() {
    let (waiter, [waker, other]) = waiter_and();
    let data = [(); 2].map(|()| Arc::new(Guarded::new(0)));
    let [seen, seen_too] = data.clone();
    let waiting = thread::spawn(move || {
        let waited = waiter.wait_many(BOTH, None);
        // What was written before a wake that was counted: loom fails a read that is not ordered after it.
        match waited {
            Ok(0) => assert_eq!(seen.get(), 1),
            Ok(_) => assert_eq!(seen_too.get(), 1),
            Err(_) => {}
        }
        waited
    });
    let wake = |seat: Seat, word: Word, data: Arc<Guarded<u32>>| {
        move || {
            data.set(1);
            seat.store(word, 1);
            seat.wake(word, 1)
        }
    };
    let [mine, others] = data;
    let waking = thread::spawn(wake(other, Word::A, mine));
    let woken_by_b = wake(waker.clone(), Word::B, others)();
    let woken_by_a = waking.join().expect("the other waker ends");
    let waited = waiting.join().expect("the waiter ends");
    let expected = match (woken_by_a, woken_by_b) {
        (0, 0) => Err(Errno::EAGAIN),
        (1, 0) => Ok(0),
        _ => Ok(1),
    };
    assert_eq!(waited, expected);
    assert_eq!(waker.table().waiters(), 0);
}

/// Twice, so that the borrowed node is used again at once.
fn against_timeout() {
    let (waiter, [waker]) = waiter_and();
    let waiting = thread::spawn(move || {
        let waited = [waiter.wait_many(BOTH, LATE), waiter.wait_many(BOTH, LATE)];
        assert!(waited.iter().all(|waited| matches!(waited, Ok(1) | Err(Errno::ETIMEDOUT))), "{waited:?}");
        waited.iter().filter(|waited| waited.is_ok()).count()
    });
    let woken = waker.wake(Word::B, u32::MAX);
    assert_eq!(waiting.join().expect("the waiter ends"), woken as usize);
    assert_eq!(waker.table().waiters(), 0);
}

/// One who waits for both words was woken by the first and is about to return; behind it somebody waits for the second. A wake of one
/// there wakes one of the two, and if that is the first, it says so.
fn wake_of_one() {
    let (waiter, [patient, waker]) = waiter_and();
    waiter.enter_many(BOTH);
    patient.enter(Word::B);
    assert_eq!(waker.wake(Word::A, 1), 1);
    let leaving = thread::spawn(move || waiter.leave_many(BOTH));
    assert_eq!(waker.wake(Word::B, 1), 1);
    let woken = leaving.join().expect("the waiter ends");
    let patient_sleeps = patient.withdraw();
    assert_eq!(woken, Some(usize::from(patient_sleeps)));
    assert_eq!(waker.table().waiters(), 0);
}

const MOVE_ONE: Shares = Shares { wake: 0, requeue: 1 };

fn against_requeue() {
    let (waiter, [mover]) = waiter_and();
    let waiting = thread::spawn(move || waiter.wait_many(&[Word::B, Word::A], LATE));
    // The borrowed node, from A to B.
    assert!(mover.table().requeue(&mover, Word::A.key(), Word::B.key(), MOVE_ONE, || Ok(0), None).is_ok());
    let woken = mover.wake(Word::B, u32::MAX);
    let waited = waiting.join().expect("the waiter ends");
    assert_eq!(waited.is_ok(), woken != 0);
    assert_eq!(mover.table().waiters(), 0);
}

fn moved_and_woken() {
    let (waiter, [mover, waker]) = waiter_and();
    let waiting = thread::spawn(move || waiter.wait_many(&[Word::A], None));
    let moving = thread::spawn(move || mover.table().requeue(&mover, Word::A.key(), Word::B.key(), MOVE_ONE, || Ok(0), None));
    waker.store(Word::A, 1);
    let woken = waker.wake(Word::A, 1) + waker.wake(Word::B, 1);
    let waited = waiting.join().expect("the waiter ends");
    assert!(moving.join().expect("the mover ends").is_ok());
    assert_eq!(waited, if woken == 1 { Ok(0) } else { Err(Errno::EAGAIN) });
    assert_eq!(waker.table().waiters(), 0);
}

/// Two threads want nodes of three at once, as many as is said; what they do with them nobody else does meanwhile. Who got them, and how
/// often a node was used.
fn share(wanted: [u32; 2]) -> ([bool; 2], u32) {
    let nodes = Arc::new(Nodes::<1>::new());
    nodes.give(0..3);
    let uses = Arc::new([(); 3].map(|()| Guarded::new(0_u32)));
    let take = |count: u32| {
        let (nodes, uses) = (nodes.clone(), uses.clone());
        move || {
            let mut taken = Vec::new();
            let is_done = nodes.take(count, 0, |node| taken.push(node));
            assert_eq!(taken.len(), if is_done { count as usize } else { 0 });
            taken.iter().for_each(|&node| uses[node as usize].with_mut(|uses| *uses += 1));
            nodes.give(taken.into_iter());
            is_done
        }
    };
    let taking = thread::spawn(take(wanted[1]));
    let mine = take(wanted[0])();
    let theirs = taking.join().expect("the other ends");
    assert_eq!(nodes.count(), 3);
    ([mine, theirs], uses.iter().map(Guarded::get).sum())
}

fn takers() {
    let (got, used) = share([2, 2]);
    assert!(got.contains(&true), "both were refused");
    assert_eq!(used, 2 * got.map(u32::from).iter().sum::<u32>());
}

/// There are enough for both: one may have reserved its nodes before the other gives back the one that it gets.
fn givers() {
    assert_eq!(share([2, 1]), ([true, true], 3));
}
