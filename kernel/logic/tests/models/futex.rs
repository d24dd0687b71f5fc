//! Models of waiting and waking.

use super::machine::{LATE, Seat, Word, seats};
use super::runner::Model;
use loom::thread;
use skete_abi::Errno;
use skete_logic::host::Host as _;
use skete_logic::mutant::Mutant;
use skete_logic::time::Deadline;

pub const MODELS: &[Model] = &[
    Model {
        name: "futex::a_wake_after_the_store_is_not_lost",
        body: wait_and_wake,
        mutants: &[
            Mutant::WaitWithoutFence,
            Mutant::WakeWithoutFence,
            Mutant::CountRaisedLate,
            Mutant::CompareOutsideTheLock,
            Mutant::WakeBeforeTheStore,
            Mutant::UnparkedBeforeLetGo,
            Mutant::NoticeDroppedBehindTheQueueing,
        ],
    },
    Model {
        name: "futex::one_wake_of_two_waiters_wakes_one",
        body: two_waiters,
        mutants: &[Mutant::WakeWithoutFence, Mutant::CountRaisedLate],
    },
    Model {
        name: "futex::one_who_is_late_is_woken_or_timed_out_never_both",
        body: timeout_against_wake,
        mutants: &[Mutant::WithdrawnWithoutASecondLook],
    },
    Model {
        name: "futex::one_who_is_interrupted_was_woken_or_left_its_queue",
        body: interrupted_against_wake,
        mutants: &[Mutant::InterruptedInTheQueue, Mutant::InterruptionDropped, Mutant::InterruptionTakenByThePark],
    },
    Model {
        name: "futex::one_who_is_late_and_interrupted_leaves_that_to_its_next_wait",
        body: interrupted_against_timeout,
        mutants: &[Mutant::InterruptionTakenByThePark],
    },
    Model {
        name: "futex::one_who_is_let_go_sleeps_for_it_though_interrupted",
        body: interrupted_while_let_go,
        mutants: &[Mutant::InterruptionLeftWhileLetGo],
    },
    Model {
        name: "futex::a_woken_thread_may_wait_again_at_once",
        body: wait_again,
        mutants: &[Mutant::WokenUnderTheLock, Mutant::ReleasedRelaxed],
    },
    Model {
        name: "futex::one_who_waits_by_the_wall_clock_learns_that_it_was_set",
        body: clock_set,
        mutants: &[Mutant::WallReadBeforeTheMark, Mutant::WallWaitWithoutFence, Mutant::WallSetWithoutFence, Mutant::WallSetBehindTheLook],
    },
    Model { name: "futex::a_wake_op_is_not_lost", body: wake_op, mutants: &[Mutant::WakeOpLooksFirst] },
    Model { name: "futex::two_wake_ops_in_either_order_do_not_lock_up", body: wake_ops, mutants: &[Mutant::LockedInAnyOrder] },
    Model {
        name: "futex::a_wake_with_a_bit_reaches_the_one_who_has_it",
        body: bitset,
        mutants: &[Mutant::WakeWithoutFence, Mutant::WokenWhateverTheBits],
    },
];

fn wait_and_wake() {
    let [waiter, waker] = seats(2).try_into().ok().expect("two seats");
    let waiting = thread::spawn(move || waiter.wait(Word::A, None));
    let planted = skete_logic::mutant::is(Mutant::WakeBeforeTheStore);
    let mut woken = if planted { waker.wake(Word::A, 1) } else { 0 };
    waker.store(Word::A, 1);
    if !planted {
        woken = waker.wake(Word::A, 1);
    }
    let waited = waiting.join().expect("the waiter ends");
    assert_eq!(waited, if woken == 1 { Ok(()) } else { Err(Errno::EAGAIN) });
    assert_eq!(waker.table().waiters(), 0);
}

fn two_waiters() {
    let [one, other, waker] = seats(3).try_into().ok().expect("three seats");
    let waiting = [one, other].map(|seat| thread::spawn(move || seat.wait(Word::A, None)));
    waker.store(Word::A, 1);
    let first = waker.wake(Word::A, 1);
    let rest = waker.wake(Word::A, u32::MAX);
    assert!(first <= 1 && (first == 1 || rest == 0), "who was not there for the first wake saw the store");
    let waited = waiting.map(|thread| thread.join().expect("a waiter ends"));
    let woken = waited.iter().filter(|result| result.is_ok()).count();
    assert_eq!(woken, (first + rest) as usize);
    assert_eq!(waker.table().waiters(), 0);
}

fn timeout_against_wake() {
    let [waiter, waker] = seats(2).try_into().ok().expect("two seats");
    let waiting = thread::spawn(move || waiter.wait(Word::A, LATE));
    let woken = waker.wake(Word::A, 1);
    let waited = waiting.join().expect("the waiter ends");
    assert_eq!(waited, if woken == 1 { Ok(()) } else { Err(Errno::ETIMEDOUT) });
    assert_eq!(waker.table().waiters(), 0);
}

fn interrupted_against_wake() {
    let [waiter, other, waker] = seats(3).try_into().ok().expect("three seats");
    let me = waiter.current();
    let waiting = thread::spawn(move || {
        let waited = waiter.wait(Word::A, None);
        // Nobody wakes this one: it ends if the interruption was not what ended the first.
        (waited, if waited.is_ok() { waiter.wait(Word::B, None) } else { Err(Errno::EINTR) })
    });
    let interrupting = thread::spawn(move || other.interrupt(me));
    let woken = waker.wake(Word::A, 1);
    let (waited, next) = waiting.join().expect("the waiter ends");
    interrupting.join().expect("the other ends");
    assert_eq!(waited, if woken == 1 { Ok(()) } else { Err(Errno::EINTR) });
    assert_eq!(next, Err(Errno::EINTR), "one who is woken is interrupted when it waits again");
    assert_eq!(waker.table().waiters(), 0);
}

fn interrupted_against_timeout() {
    let [waiter, other] = seats(2).try_into().ok().expect("two seats");
    let me = waiter.current();
    let waiting = thread::spawn(move || [waiter.wait(Word::A, LATE), waiter.wait(Word::A, None)]);
    other.interrupt(me);
    assert_eq!(waiting.join().expect("the waiter ends"), [Err(Errno::ETIMEDOUT), Err(Errno::EINTR)]);
    assert_eq!(other.table().waiters(), 0);
}

/// As a waiter whose time has passed finds itself claimed by a waker that has not let it go yet, and is interrupted then.
fn interrupted_while_let_go() {
    let [waiter, other, waker] = seats(3).try_into().ok().expect("three seats");
    let me = waiter.current();
    let waiting = thread::spawn(move || {
        let waited = waiter.wait(Word::A, LATE);
        (waited, waiter.wait(Word::B, None))
    });
    let interrupting = thread::spawn(move || other.interrupt(me));
    let woken = waker.wake(Word::A, u32::MAX);
    let (waited, next) = waiting.join().expect("the waiter ends");
    interrupting.join().expect("the other ends");
    assert_eq!(waited, if woken == 1 { Ok(()) } else { Err(Errno::ETIMEDOUT) });
    assert_eq!(next, Err(Errno::EINTR));
    assert_eq!(waker.table().waiters(), 0);
}

fn wait_again() {
    let [one, other, waker] = seats(3).try_into().ok().expect("three seats");
    let twice = thread::spawn(move || {
        let first = one.wait(Word::A, LATE);
        let second = one.wait(Word::A, LATE);
        [first, second].iter().filter(|result| result.is_ok()).count()
    });
    let once = thread::spawn(move || usize::from(other.wait(Word::A, LATE).is_ok()));
    let woken = waker.wake(Word::A, u32::MAX);
    let returned = twice.join().expect("a waiter ends") + once.join().expect("a waiter ends");
    assert_eq!(returned, woken as usize);
    assert_eq!(waker.table().waiters(), 0);
}

fn clock_set() {
    let [waiter, setter] = seats(2).try_into().ok().expect("two seats");
    let waiting = thread::spawn(move || waiter.wait(Word::A, Some(Deadline::wall(100))));
    setter.set_wall(200);
    assert_eq!(waiting.join().expect("the waiter ends"), Err(Errno::ETIMEDOUT));
    assert_eq!(setter.table().waiters(), 0);
}

fn wake_op() {
    let [waiter, waker] = seats(2).try_into().ok().expect("two seats");
    let waiting = thread::spawn(move || waiter.wait(Word::B, None));
    let operate = || {
        waker.store(Word::B, 1);
        Ok(true)
    };
    let woken = waker.table().wake_op(&waker, Word::A.key(), 1, Word::B.key(), 1, operate);
    let waited = waiting.join().expect("the waiter ends");
    assert_eq!(waited, if woken == Ok(1) { Ok(()) } else { Err(Errno::EAGAIN) });
    assert_eq!(waker.table().waiters(), 0);
}

/// Two words, each of which one wakes while it changes the other: whoever waits for either is not lost.
fn wake_ops() {
    let [waiter, forth, back] = seats(3).try_into().ok().expect("three seats");
    let waiting = thread::spawn(move || waiter.wait(Word::A, None));
    let operate = |seat: &Seat, changed: Word| {
        let (seat, changed) = (seat.clone(), changed);
        move || {
            seat.store(changed, 1);
            Ok(true)
        }
    };
    let going = thread::spawn(move || {
        let change = operate(&forth, Word::B);
        forth.table().wake_op(&forth, Word::A.key(), 0, Word::B.key(), 1, change)
    });
    let change = operate(&back, Word::A);
    let woken = back.table().wake_op(&back, Word::B.key(), 1, Word::A.key(), 1, change);
    let waited = waiting.join().expect("the waiter ends");
    assert_eq!(going.join().expect("the other ends"), Ok(0));
    assert_eq!(waited, if woken == Ok(1) { Ok(()) } else { Err(Errno::EAGAIN) });
    assert_eq!(back.table().waiters(), 0);
}

fn bitset() {
    let [one, other, waker] = seats(3).try_into().ok().expect("three seats");
    let waiting = [(one, 1), (other, 2)].map(|(seat, bit)| thread::spawn(move || seat.wait_with(Word::A, bit, 0, None)));
    waker.store(Word::A, 1);
    let wake = |bit| waker.table().wake(&waker, Word::A.key(), 1, bit);
    let woken = [wake(2), wake(1)];
    let [first, second] = waiting.map(|thread| thread.join().expect("a waiter ends"));
    assert_eq!([second, first], woken.map(|woken| if woken == 1 { Ok(()) } else { Err(Errno::EAGAIN) }));
    assert_eq!(waker.table().waiters(), 0);
}
