//! What each operation answers, after `futex(2)`.

use super::machine::Machine;
use skete_abi::Errno;
use skete_logic::futex::{ANY, Key, Requeued, Shares};
use skete_logic::host::Host;
use skete_logic::thread::Thread;
use skete_logic::time::{Deadline, Instant};

const A: usize = 0;
const B: usize = 1;
const T: [Thread; 5] = [Thread::new(0), Thread::new(1), Thread::new(2), Thread::new(3), Thread::new(4)];

/// Threads of equal priority, of whom the first `count` wait for word A.
fn waiting(count: usize) -> Machine {
    let machine = Machine::new(&[2; 5]);
    for &thread in &T[..count] {
        assert_eq!(machine.enter(thread, A, ANY, 0), Ok(()));
    }
    machine
}

fn wait(machine: &Machine, bitset: u32, expected: u32) -> Result<(), Errno> {
    let read = || Ok(machine.words[A].get());
    machine.table.wait(machine, Machine::key(A), bitset, Some(Deadline::at(Instant::ZERO)), read, expected)
}

#[test]
fn a_wait_for_a_word_that_differs_is_eagain_and_leaves_nothing() {
    let machine = waiting(0);
    assert_eq!(wait(&machine, ANY, 7), Err(Errno::EAGAIN));
    assert_eq!(machine.enter(T[0], A, ANY, 7), Err(Errno::EAGAIN));
    assert_eq!(machine.table.waiters(), 0);
}

#[test]
fn a_wait_whose_deadline_passes_is_etimedout_and_leaves_nothing() {
    let machine = waiting(0);
    assert_eq!(wait(&machine, ANY, 0), Err(Errno::ETIMEDOUT));
    assert_eq!(machine.table.waiters(), 0);
    assert!(machine.waiter(T[0]).is_woken());
}

#[test]
fn a_wait_with_no_bit_is_einval() {
    assert_eq!(wait(&waiting(0), 0, 0), Err(Errno::EINVAL));
}

#[test]
fn a_bad_address_is_efault_before_and_under_the_lock() {
    let machine = waiting(0);
    let bad = || Err(Errno::EFAULT);
    assert_eq!(machine.table.wait(&machine, Machine::key(A), ANY, None, bad, 0), Err(Errno::EFAULT));
    assert_eq!(machine.table.enter(&machine, T[0], Machine::key(A), ANY, bad, 0), Err(Errno::EFAULT));
    assert_eq!(machine.table.waiters(), 0);
}

#[test]
fn a_wake_wakes_no_more_than_asked_and_the_longest_waiting_first() {
    let machine = waiting(4);
    let wake = |nr| machine.table.wake(&machine, Machine::key(A), nr, ANY);
    assert_eq!(wake(0), 0);
    assert_eq!((wake(2), machine.unparked()), (2, vec![T[0], T[1]]));
    assert_eq!((wake(u32::MAX), machine.unparked()), (2, vec![T[2], T[3]]));
    assert_eq!(wake(1), 0);
    assert_eq!(machine.table.waiters(), 0);
}

#[test]
fn a_wake_takes_the_highest_priority_first() {
    let machine = Machine::new(&[2, 9, 2, 31, 0]);
    for thread in T {
        assert_eq!(machine.enter(thread, A, ANY, 0), Ok(()));
    }
    assert_eq!(machine.table.wake(&machine, Machine::key(A), 5, ANY), 5);
    assert_eq!(machine.unparked(), [T[3], T[1], T[0], T[2], T[4]]);
}

#[test]
fn a_wake_with_a_bitset_passes_over_those_without_its_bits() {
    let machine = Machine::new(&[2; 3]);
    for (thread, bitset) in [(T[0], 0b001), (T[1], 0b010), (T[2], 0b011)] {
        assert_eq!(machine.enter(thread, A, bitset, 0), Ok(()));
    }
    assert_eq!(machine.table.wake(&machine, Machine::key(A), 9, 0b010), 2);
    assert_eq!(machine.unparked(), [T[1], T[2]]);
    assert_eq!(machine.table.waiters(), 1);
}

#[test]
fn private_and_shared_words_with_one_address_are_two_futexes() {
    let machine = waiting(1);
    let shared = Key::new(Machine::key(A).address(), true);
    assert_eq!(machine.table.wake(&machine, shared, 9, ANY), 0);
    assert_eq!(machine.table.wake(&machine, Machine::key(A), 9, ANY), 1);
}

#[test]
fn a_requeue_wakes_its_share_and_moves_its_share() {
    let machine = waiting(5);
    let shares = Shares { wake: 1, requeue: 2 };
    let done = machine.table.requeue(&machine, Machine::key(A), Machine::key(B), shares, || Ok(0), None);
    assert_eq!(done, Ok(Requeued { woken: 1, moved: 2 }));
    assert_eq!(machine.unparked(), [T[0]]);
    assert_eq!(machine.table.wake(&machine, Machine::key(B), 9, ANY), 2);
    assert_eq!(machine.unparked(), [T[1], T[2]]);
    assert_eq!(machine.table.wake(&machine, Machine::key(A), 9, ANY), 2);
    assert_eq!(machine.unparked(), [T[3], T[4]]);
}

#[test]
fn a_requeue_onto_the_same_word_moves_nobody_but_counts_them() {
    let machine = waiting(3);
    let shares = Shares { wake: 1, requeue: 9 };
    let done = machine.table.requeue(&machine, Machine::key(A), Machine::key(A), shares, || Ok(0), None);
    assert_eq!(done, Ok(Requeued { woken: 1, moved: 2 }));
    assert_eq!(machine.table.wake(&machine, Machine::key(A), 9, ANY), 2);
    assert_eq!(machine.unparked(), [T[0], T[1], T[2]]);
}

#[test]
fn a_cmp_requeue_of_a_changed_word_is_eagain_and_does_nothing() {
    let machine = waiting(2);
    machine.words[A].set(1);
    let shares = Shares { wake: 1, requeue: 9 };
    let read = || Ok(machine.words[A].get());
    let done = machine.table.requeue(&machine, Machine::key(A), Machine::key(B), shares, read, Some(0));
    assert_eq!(done, Err(Errno::EAGAIN));
    assert_eq!(machine.table.waiters(), 2);
}

#[test]
fn who_comes_back_from_sleep_for_no_reason_sleeps_on() {
    let machine = waiting(0);
    machine.false_alarms.set(2);
    assert_eq!(wait(&machine, ANY, 0), Err(Errno::ETIMEDOUT));
    assert_eq!((machine.false_alarms.get(), machine.table.waiters()), (0, 0));
}

#[test]
fn a_cmp_requeue_that_leaves_one_behind_who_waits_for_a_lock_is_einval() {
    let machine = Machine::new(&[2; 5]);
    let be = |thread: Thread| machine.current.set(thread);
    be(T[1]);
    assert_eq!(machine.table.enter_lock_pi(&machine, Machine::lock(A)), Ok(true));
    be(T[2]);
    assert_eq!(machine.table.enter_lock_pi(&machine, Machine::lock(A)), Ok(false));
    let expected = machine.words[A].get();
    let requeue = |shares| {
        let read = || Ok(machine.words[A].get());
        machine.table.requeue(&machine, Machine::key(A), Machine::key(B), shares, read, Some(expected))
    };
    assert_eq!(requeue(Shares { wake: 1, requeue: 0 }), Err(Errno::EINVAL), "nobody is woken in its place");
    assert_eq!(requeue(Shares { wake: 0, requeue: 1 }), Err(Errno::EINVAL), "nor moved");
    assert_eq!(requeue(Shares { wake: 0, requeue: 0 }), Ok(Requeued { woken: 0, moved: 0 }), "nobody is looked for");
    assert_eq!(machine.table.waiters(), 1);
}

#[test]
fn who_ends_hands_over_every_lock() {
    let machine = Machine::new(&[2; 5]);
    let enter = |thread: Thread, word| {
        machine.current.set(thread);
        machine.table.enter_lock_pi(&machine, Machine::lock(word))
    };
    assert_eq!((enter(T[0], A), enter(T[0], B), enter(T[1], A), enter(T[2], B)), (Ok(true), Ok(true), Ok(false), Ok(false)));
    machine.replace(T[0], 2);
    assert_eq!((machine.unparked(), machine.table.waiters()), (vec![T[1], T[2]], 0));
}

#[test]
fn a_moved_waiter_times_out_where_it_is() {
    let machine = waiting(1);
    let shares = Shares { wake: 0, requeue: 1 };
    let _ = machine.table.requeue(&machine, Machine::key(A), Machine::key(B), shares, || Ok(0), None);
    assert_eq!(machine.waiter(T[0]).awaited(), Some(Machine::key(B)));
    assert!(machine.table.withdraw(&machine, T[0]));
    assert_eq!(machine.table.waiters(), 0);
    assert_eq!(machine.waiter(T[0]).awaited(), None);
}

#[test]
fn a_wake_op_wakes_the_second_word_only_if_the_old_value_says_so() {
    for says_so in [false, true] {
        let machine = waiting(2);
        assert_eq!(machine.enter(T[2], B, ANY, 0), Ok(()));
        let woken = machine.table.wake_op(&machine, Machine::key(A), 1, Machine::key(B), 1, || Ok(says_so));
        assert_eq!(woken, Ok(1 + u32::from(says_so)));
        let expected = if says_so { vec![T[0], T[2]] } else { vec![T[0]] };
        assert_eq!(machine.unparked(), expected);
    }
}

#[test]
fn a_wake_op_that_fails_wakes_nobody() {
    let machine = waiting(2);
    let fault = || Err(Errno::EFAULT);
    let woken = machine.table.wake_op(&machine, Machine::key(A), 1, Machine::key(B), 1, fault);
    assert_eq!(woken, Err(Errno::EFAULT));
    assert_eq!((machine.table.waiters(), machine.unparked()), (2, vec![]));
}

#[test]
fn an_end_wakes_one_by_whichever_name_of_its_word() {
    let machine = waiting(2);
    assert_eq!(machine.enter(T[2], B, ANY, 0), Ok(()));
    let end = |is_cleared| machine.table.exit_wakeup(&machine, [A, B].map(|word| Some(Machine::key(word))), || is_cleared);
    end(false);
    assert_eq!(machine.unparked(), []);
    for thread in T.into_iter().take(3) {
        end(true);
        assert_eq!(machine.unparked(), [thread]);
    }
    end(true);
    assert_eq!((machine.unparked(), machine.table.waiters()), (vec![], 0));
}

#[test]
fn who_waits_in_memory_that_is_gone_is_not_woken_by_its_next_owner() {
    let machine = Machine::new(&[2, 2, 2]);
    let (here, elsewhere) = (Key::new(0x7000, true), Key::new(0x9000, true));
    let wait = |thread, key| machine.table.enter(&machine, thread, key, ANY, || Ok(0), 0);
    let own = Key::new(0x7000, false);
    assert_eq!((wait(T[0], here), wait(T[1], elsewhere), wait(T[2], own)), (Ok(()), Ok(()), Ok(())));
    machine.table.bury(&machine, 1, |address| address / 0x1000 == 7);
    assert_eq!(machine.table.wake(&machine, here, 9, ANY), 0);
    assert_eq!((machine.table.wake(&machine, elsewhere, 9, ANY), machine.table.wake(&machine, own, 9, ANY)), (1, 1));
    assert!(machine.table.withdraw(&machine, T[0]), "it leaves when it is late");
    assert_eq!((machine.table.waiters(), machine.waiter(T[0]).left()), (0, here));
}

#[test]
fn those_who_are_moved_stand_among_the_others_as_urgent_as_they_are() {
    let machine = Machine::new(&[5, 3, 1, 4, 4, 3, 0]);
    let (here, there) = (Key::new(0x7000, false), Key::new(0x9000, false));
    let wait = |number, key| machine.table.enter(&machine, Thread::new(number), key, ANY, || Ok(0), 0).expect("the word is 0");
    [0, 1, 2].into_iter().for_each(|number| wait(number, there));
    [3, 4, 5, 6].into_iter().for_each(|number| wait(number, here));
    let shares = Shares { wake: 0, requeue: 9 };
    assert_eq!(machine.table.requeue(&machine, here, there, shares, || Ok(0), None), Ok(Requeued { woken: 0, moved: 4 }));
    assert!(machine.table.withdraw(&machine, T[4]), "every link holds");
    assert_eq!(machine.table.wake(&machine, there, 9, ANY), 6);
    assert_eq!(machine.unparked(), [0, 3, 1, 5, 2, 6].map(Thread::new));
}
