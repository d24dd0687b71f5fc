//! What `semop` and `semtimedop` do and answer, after `semop(2)`.

use super::machine::{Machine, pid_of};
use proptest::prelude::*;
use skete_abi::Errno;
use skete_abi::ipc::{IPC_CREAT, IPC_PRIVATE};
use skete_abi::sem::{SEMVMX, SemBuf};
use skete_logic::sysv::ids::Id;
use skete_logic::sysv::limits::Limits;
use skete_logic::time::Instant;

const MODE: i32 = IPC_CREAT | 0o600;

/// Eight threads, and a set with these values.
fn with(values: &[u16]) -> (Machine, i32) {
    let machine = Machine::new(8, Limits::LINUX);
    let id = machine.get(IPC_PRIVATE, i32::try_from(values.len()).expect("a few"), MODE).expect("there is room");
    machine.set(id).expect("it is there").set_values(&machine, the(id), values).expect("it may be changed");
    (machine, id)
}

fn the(id: i32) -> Id {
    Id::from_number(id).expect("an id")
}

fn values(machine: &Machine, id: i32) -> Vec<u16> {
    let set = machine.set(id).expect("it is there");
    let mut values = vec![0; set.count(the(id), false).expect("it may be read")];
    set.values(the(id), &mut values).expect("it may be read");
    values
}

fn op(number: u16, change: i16) -> SemBuf {
    SemBuf::new(number, change)
}

#[test]
fn an_array_is_done_in_order_and_later_ones_see_earlier_ones() {
    let (machine, id) = with(&[0, 3]);
    assert_eq!(machine.enter(id, &[op(0, 2), op(0, -1), op(1, -3), op(1, 0)]), Ok(true));
    assert_eq!(values(&machine, id), [1, 0]);
}

#[test]
fn an_array_of_which_one_must_wait_changes_nothing() {
    let (machine, id) = with(&[1, 0]);
    assert_eq!(machine.enter(id, &[op(0, -1), op(1, -1)]), Ok(false));
    assert_eq!(values(&machine, id), [1, 0]);
    assert_eq!(machine.enter(id, &[op(0, -1), op(1, -1).no_wait()]), Err(Errno::EAGAIN));
    assert_eq!(machine.enter(id, &[op(0, 5), op(0, 0).no_wait()]), Err(Errno::EAGAIN));
    assert_eq!(values(&machine, id), [1, 0]);
}

#[test]
fn who_may_not_wait_is_told_eagain_only_if_that_one_blocks() {
    let (machine, id) = with(&[0, 0]);
    assert_eq!(machine.enter(id, &[op(0, -1), op(1, -1).no_wait()]), Ok(false));
}

#[test]
fn a_sleeper_whose_array_comes_to_one_that_may_not_wait_is_told_eagain() {
    let (machine, id) = with(&[0, 0]);
    assert_eq!(machine.enter_as(1, id, &[op(0, -1), op(1, -1).no_wait()]), Ok(false));
    assert_eq!(machine.enter(id, &[op(0, 1)]), Ok(true));
    assert_eq!((machine.unparked(), machine.answer(1)), (vec![1], Some(Err(Errno::EAGAIN))));
    assert_eq!(values(&machine, id), [1, 0]);
}

#[test]
fn a_wait_for_zero_ends_at_zero() {
    let (machine, id) = with(&[1]);
    assert_eq!(machine.enter_as(1, id, &[op(0, 0)]), Ok(false));
    assert_eq!(machine.enter(id, &[op(0, 1)]), Ok(true));
    assert_eq!(machine.unparked(), []);
    assert_eq!(machine.enter(id, &[op(0, -2)]), Ok(true));
    assert_eq!((machine.unparked(), machine.answer(1)), (vec![1], Some(Ok(()))));
    assert_eq!(machine.enter(id, &[op(0, 0)]), Ok(true));
}

#[test]
fn who_waits_for_zero_goes_before_another_change_comes() {
    let (machine, id) = with(&[0]);
    // The first takes the one that comes; the second, which came later, sees 0 before the third one's next up.
    assert_eq!(machine.enter_as(1, id, &[op(0, -1)]), Ok(false));
    assert_eq!(machine.enter(id, &[op(0, 1), op(0, 1)]), Ok(true));
    assert_eq!(machine.unparked(), [1]);
    assert_eq!(machine.enter_as(2, id, &[op(0, 0)]), Ok(false));
    assert_eq!(machine.enter_as(3, id, &[op(0, -2), op(0, 1)]), Ok(false));
    assert_eq!(machine.enter(id, &[op(0, -1)]), Ok(true));
    assert_eq!(machine.unparked(), [2]);
}

#[test]
fn who_stands_behind_one_that_goes_at_a_zero_is_not_passed_over() {
    let (machine, id) = with(&[1, 0]);
    assert_eq!(machine.enter_as(1, id, &[op(0, -2)]), Ok(false));
    assert_eq!(machine.enter_as(2, id, &[op(0, 0)]), Ok(false));
    assert_eq!(machine.enter_as(3, id, &[op(1, -1)]), Ok(false));
    // The first goes, and leaves a zero for the second, who stood between it and the third.
    assert_eq!(machine.enter(id, &[op(0, 1), op(1, 1)]), Ok(true));
    assert_eq!((machine.unparked(), values(&machine, id)), (vec![1, 2, 3], vec![0, 0]));
}

#[test]
fn sleepers_that_can_go_go_in_the_order_in_which_they_came() {
    let (machine, id) = with(&[0]);
    for (thread, change) in [(1, -2), (2, -1), (3, -1), (4, -1)] {
        assert_eq!(machine.enter_as(thread, id, &[op(0, change)]), Ok(false));
    }
    assert_eq!(machine.enter(id, &[op(0, 1)]), Ok(true));
    assert_eq!(machine.unparked(), [2], "the first cannot go yet, and the next does not wait for it");
    assert_eq!(machine.enter(id, &[op(0, 3)]), Ok(true));
    assert_eq!((machine.unparked(), values(&machine, id)), (vec![1, 3], vec![0]));
    assert_eq!(machine.enter(id, &[op(0, 1)]), Ok(true));
    assert_eq!(machine.unparked(), [4]);
    assert_eq!(machine.set(id).map(|set| set.sleepers(&machine)), Some(0));
}

#[test]
fn one_that_goes_may_let_an_older_one_go() {
    let (machine, id) = with(&[0, 0]);
    assert_eq!(machine.enter_as(1, id, &[op(0, -1)]), Ok(false));
    assert_eq!(machine.enter_as(2, id, &[op(1, -1), op(0, 1)]), Ok(false));
    assert_eq!(machine.enter(id, &[op(1, 1)]), Ok(true));
    assert_eq!((machine.unparked(), values(&machine, id)), (vec![2, 1], vec![0, 0]));
}

#[test]
fn a_sleeper_has_done_it_itself_whoever_did_it_for_it() {
    let (machine, id) = with(&[0]);
    assert_eq!(machine.enter_as(5, id, &[op(0, -1)]), Ok(false));
    assert_eq!(machine.enter_as(2, id, &[op(0, 1)]), Ok(true));
    assert_eq!(machine.set(id).map(|set| set.pid(the(id), 0)), Some(Ok(pid_of(5))));
}

#[test]
fn a_value_above_the_highest_is_erange_and_changes_nothing() {
    let (machine, id) = with(&[SEMVMX - 1, 0]);
    assert_eq!(machine.enter(id, &[op(1, 1), op(0, 2)]), Err(Errno::ERANGE));
    assert_eq!(machine.enter(id, &[op(0, 2)]), Err(Errno::ERANGE));
    assert_eq!(machine.enter(id, &[op(0, 1)]), Ok(true));
    assert_eq!(machine.enter(id, &[op(0, 1)]), Err(Errno::ERANGE));
    assert_eq!(machine.enter(id, &[op(0, i16::MIN).no_wait()]), Err(Errno::EAGAIN));
    assert_eq!(values(&machine, id), [SEMVMX, 0]);
}

#[test]
fn a_number_that_the_set_has_not_is_efbig_whatever_else() {
    let (machine, id) = with(&[0]);
    for operations in [&[op(1, 1)][..], &[op(1, -1)], &[op(u16::MAX, 0)], &[op(0, -1).no_wait(), op(1, 1)], &[op(1, 1).undone()]] {
        assert_eq!(machine.enter(id, operations), Err(Errno::EFBIG));
    }
}

#[test]
fn what_is_no_id_or_not_any_more_is_einval() {
    let (machine, id) = with(&[1]);
    let other = machine.get(IPC_PRIVATE, 1, MODE).expect("there is room");
    machine.remove(other).expect("it is there");
    for number in [other, -1, i32::MIN, i32::MAX, id ^ 0x8000, id ^ 2, id ^ 4, id ^ i32::MIN, id ^ 0x8000_0001_u32.cast_signed()] {
        for operations in [&[op(0, 1)][..], &[op(0, -1)], &[op(0, 0)], &[op(0, 1), op(0, 1)], &[op(0, 1).undone()]] {
            assert_eq!(machine.enter(number, operations), Err(Errno::EINVAL), "{number:#x}");
        }
    }
    assert_eq!(values(&machine, id), [1]);
}

#[test]
fn the_mode_says_who_may_read_and_who_may_change() {
    let machine = Machine::new(2, Limits::LINUX);
    let read_only = machine.get(1, 1, IPC_CREAT | 0o400).expect("there is room");
    let write_only = machine.get(2, 1, IPC_CREAT | 0o200).expect("there is room");
    assert_eq!(machine.enter(read_only, &[op(0, 0)]), Ok(true));
    assert_eq!(machine.enter(read_only, &[op(0, 1)]), Err(Errno::EACCES));
    assert_eq!(machine.enter(read_only, &[op(0, 0), op(0, 1)]), Err(Errno::EACCES));
    assert_eq!(machine.enter(write_only, &[op(0, 1)]), Ok(true));
    assert_eq!(machine.enter(write_only, &[op(0, 0)]), Err(Errno::EACCES));
    assert_eq!(machine.enter(write_only, &[op(0, -1), op(0, 0)]), Ok(true));
}

#[test]
fn one_who_is_late_is_eagain_and_leaves_nothing() {
    let (machine, id) = with(&[0]);
    let set = machine.set(id).expect("it is there");
    for operations in [&[op(0, -1)][..], &[op(0, -1), op(0, 1)]] {
        assert_eq!(set.operate(&machine, id, operations, Some(Instant::ZERO)), Err(Errno::EAGAIN));
    }
    assert_eq!(set.sleepers(&machine), 0);
    assert_eq!(machine.enter(id, &[op(0, 1)]), Ok(true));
    assert_eq!((machine.unparked(), values(&machine, id)), (vec![], vec![1]));
}

#[test]
fn one_who_was_served_cannot_be_late() {
    let (machine, id) = with(&[0]);
    assert_eq!(machine.enter_as(1, id, &[op(0, -1)]), Ok(false));
    assert_eq!(machine.enter(id, &[op(0, 1)]), Ok(true));
    assert!(!machine.set(id).expect("it is there").withdraw(&machine, skete_logic::thread::Thread::new(1)));
    assert_eq!(values(&machine, id), [0]);
}

#[test]
fn a_removed_set_lets_its_sleepers_go_with_eidrm() {
    let (machine, id) = with(&[0, 1]);
    assert_eq!(machine.enter_as(1, id, &[op(0, -1)]), Ok(false));
    assert_eq!(machine.enter_as(2, id, &[op(1, 0)]), Ok(false));
    assert_eq!(machine.enter_as(3, id, &[op(0, -1).undone(), op(1, -1)]), Ok(false));
    assert_eq!(machine.remove(id), Ok(()));
    assert_eq!(machine.unparked(), [1, 2, 3]);
    assert!((1..4).all(|thread| machine.answer(thread) == Some(Err(Errno::EIDRM))));
    assert_eq!(machine.remove(id), Err(Errno::EINVAL));
}

proptest! {
    #[test]
    fn what_cannot_be_done_leaves_no_trace(
        start in prop::collection::vec(prop_oneof![Just(0u16), Just(1), Just(SEMVMX)], 3),
        operations in prop::collection::vec((0..3u16, prop_oneof![-2..3i16, Just(i16::MAX), Just(i16::MIN)], any::<bool>()), 1..6),
    ) {
        let operations = operations.into_iter().map(|(number, change, undone)| {
            let operation = op(number, change).no_wait();
            if undone { operation.undone() } else { operation }
        }).collect::<Vec<_>>();
        let (machine, id) = with(&start);
        if machine.enter(id, &operations).is_err() {
            prop_assert_eq!(values(&machine, id), &start[..]);
            // Nor is anything left to undo.
            for thread in 0..8 {
                machine.current.set(skete_logic::thread::Thread::new(thread));
                machine.leave();
            }
            prop_assert_eq!(values(&machine, id), &start[..]);
        }
    }
}
