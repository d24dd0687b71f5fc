//! SEM_UNDO: what is taken back when, and whose list it is.

use super::machine::{Machine, pid_of};
use skete_abi::Errno;
use skete_abi::ipc::{IPC_CREAT, IPC_PRIVATE};
use skete_abi::sem::{SEMVMX, SemBuf};
use skete_logic::sysv::ids::Id;
use skete_logic::sysv::limits::Limits;
use skete_logic::sysv::sem::undo;
use skete_logic::thread::Thread;

fn with(values: &[u16]) -> (Machine, i32) {
    let machine = Machine::new(4, Limits::LINUX);
    let id = machine.get(IPC_PRIVATE, i32::try_from(values.len()).expect("a few"), IPC_CREAT | 0o600).expect("there is room");
    machine.set(id).expect("it is there").set_values(&machine, the(id), values).expect("it may be changed");
    (machine, id)
}

fn the(id: i32) -> Id {
    Id::from_number(id).expect("an id")
}

fn value(machine: &Machine, id: i32, number: usize) -> u16 {
    machine.set(id).expect("it is there").value(the(id), number).expect("it may be read")
}

/// What `thread` does.
fn be(machine: &Machine, thread: u16) -> &Machine {
    machine.current.set(Thread::new(thread));
    machine
}

fn undone(number: u16, change: i16) -> SemBuf {
    SemBuf::new(number, change).undone()
}

#[test]
fn what_is_to_be_undone_is_undone_when_the_last_who_shares_the_list_ends() {
    let (machine, id) = with(&[5, 0]);
    assert_eq!(machine.enter_as(1, id, &[undone(0, -2), undone(1, 3), SemBuf::new(0, -1)]), Ok(true));
    assert_eq!(machine.enter_as(2, id, &[undone(0, -1)]), Ok(true));
    assert_eq!((value(&machine, id, 0), value(&machine, id, 1)), (1, 3));
    for thread in [1, 2, 0] {
        be(&machine, thread).leave();
        assert_eq!((value(&machine, id, 0), value(&machine, id, 1)), (1, 3), "others share the list");
    }
    be(&machine, 3).leave();
    assert_eq!((value(&machine, id, 0), value(&machine, id, 1)), (4, 0));
    assert_eq!(machine.set(id).map(|set| set.pid(the(id), 0)), Some(Ok(pid_of(3))));
}

#[test]
fn one_who_unshared_undoes_alone_what_it_did_since_then() {
    let (machine, id) = with(&[0]);
    assert_eq!(machine.enter_as(1, id, &[undone(0, 1)]), Ok(true));
    be(&machine, 1).unshare();
    assert_eq!(machine.enter_as(1, id, &[undone(0, 4)]), Ok(true));
    be(&machine, 1).leave();
    assert_eq!(value(&machine, id, 0), 1);
    for thread in [0, 2, 3] {
        be(&machine, thread).leave();
    }
    assert_eq!(value(&machine, id, 0), 0);
}

#[test]
fn who_unshares_as_the_last_undoes_at_once() {
    let (machine, id) = with(&[0]);
    be(&machine, 1).unshare();
    assert_eq!(machine.enter(id, &[undone(0, 4)]), Ok(true));
    machine.unshare();
    assert_eq!(value(&machine, id, 0), 0);
}

#[test]
fn a_new_thread_shares_its_makers_list() {
    let (machine, id) = with(&[0]);
    be(&machine, 2).leave();
    be(&machine, 1).unshare();
    machine.spawn(2, 1);
    assert_eq!(machine.enter_as(2, id, &[undone(0, 4)]), Ok(true));
    be(&machine, 2).leave();
    assert_eq!(value(&machine, id, 0), 4);
    be(&machine, 1).leave();
    assert_eq!(value(&machine, id, 0), 0);
}

#[test]
fn an_undo_goes_no_farther_than_a_value_can() {
    let (machine, id) = with(&[0, 0]);
    be(&machine, 1).unshare();
    assert_eq!(machine.enter(id, &[undone(0, 9), undone(1, 1)]), Ok(true));
    assert_eq!(machine.enter(id, &[undone(1, -1), undone(1, 5), undone(1, -5)]), Ok(true));
    assert_eq!(machine.enter(id, &[SemBuf::new(0, -7)]), Ok(true));
    be(&machine, 1).leave();
    assert_eq!((value(&machine, id, 0), value(&machine, id, 1)), (0, 0));
    let (machine, id) = with(&[9]);
    be(&machine, 1).unshare();
    assert_eq!(machine.enter(id, &[undone(0, -9)]), Ok(true));
    assert_eq!(machine.enter(id, &[SemBuf::new(0, i16::MAX - 1)]), Ok(true));
    machine.leave();
    assert_eq!(value(&machine, id, 0), SEMVMX);
}

#[test]
fn an_undo_lets_those_go_who_waited_for_it() {
    let (machine, id) = with(&[1]);
    be(&machine, 1).unshare();
    assert_eq!(machine.enter(id, &[undone(0, -1)]), Ok(true));
    assert_eq!(machine.enter_as(2, id, &[SemBuf::down(0)]), Ok(false));
    be(&machine, 1).leave();
    assert_eq!((machine.unparked(), machine.answer(2), value(&machine, id, 0)), (vec![2], Some(Ok(())), 0));
}

#[test]
fn what_is_done_for_a_sleeper_is_undone_at_its_end() {
    let (machine, id) = with(&[0]);
    be(&machine, 1).unshare();
    assert_eq!(machine.enter_as(1, id, &[undone(0, -1)]), Ok(false));
    assert_eq!(machine.enter_as(2, id, &[SemBuf::up(0)]), Ok(true));
    assert_eq!((machine.answer(1), value(&machine, id, 0)), (Some(Ok(())), 0));
    be(&machine, 1).leave();
    assert_eq!(value(&machine, id, 0), 1);
}

#[test]
fn a_value_that_is_set_is_not_undone() {
    let (machine, id) = with(&[5, 5]);
    let set = machine.set(id).expect("it is there");
    be(&machine, 1).unshare();
    assert_eq!(machine.enter(id, &[undone(0, -2), undone(1, -2)]), Ok(true));
    assert_eq!(set.set_value(&machine, the(id), 0, 7), Ok(()));
    machine.leave();
    assert_eq!((value(&machine, id, 0), value(&machine, id, 1)), (7, 5));
    be(&machine, 2).unshare();
    assert_eq!(machine.enter(id, &[undone(0, -2), undone(1, -2)]), Ok(true));
    assert_eq!(set.set_values(&machine, the(id), &[1, 1]), Ok(()));
    machine.leave();
    assert_eq!((value(&machine, id, 0), value(&machine, id, 1)), (1, 1));
}

#[test]
fn an_undo_that_would_reach_too_far_is_erange_and_changes_nothing() {
    let (machine, id) = with(&[0, 0]);
    assert_eq!(machine.enter(id, &[undone(0, i16::MAX)]), Ok(true));
    assert_eq!(machine.enter(id, &[SemBuf::new(0, -i16::MAX)]), Ok(true));
    assert_eq!(machine.enter(id, &[undone(0, 1)]), Ok(true), "-32768 is within reach");
    assert_eq!(machine.enter(id, &[undone(1, 1), undone(0, 1)]), Err(Errno::ERANGE));
    assert_eq!((value(&machine, id, 0), value(&machine, id, 1)), (1, 0));
}

#[test]
fn a_removed_set_has_nothing_to_undo() {
    let (machine, id) = with(&[1]);
    be(&machine, 1).unshare();
    assert_eq!(machine.enter(id, &[undone(0, -1)]), Ok(true));
    machine.remove(id).expect("it is there");
    let other = machine.get(IPC_PRIVATE, 1, IPC_CREAT | 0o600).expect("there is room");
    machine.leave();
    assert_eq!(value(&machine, other, 0), 0);
}

#[test]
fn who_asks_for_an_undo_in_what_is_no_set_is_einval() {
    let (machine, id) = with(&[1]);
    machine.remove(id).expect("it is there");
    assert_eq!(machine.enter(id, &[undone(0, -1)]), Err(Errno::EINVAL));
}

#[test]
fn no_two_lists_have_one_number_and_one_that_was_undone_has_none() {
    let (machine, _) = with(&[0]);
    let list = |thread: usize| machine.memberships[thread].list();
    for thread in [1, 2, 3] {
        be(&machine, thread).unshare();
    }
    assert_eq!([list(0), list(1), list(2), list(3)], [undo::ROOT, 2, 3, 4]);
    machine.spawn(3, 2);
    be(&machine, 2).leave();
    be(&machine, 1).unshare();
    assert_eq!([list(1), list(2), list(3)], [2, 0, 3], "a list stays another's whose first thread has gone");
    be(&machine, 3).leave();
    be(&machine, 1).unshare();
    assert_eq!(list(1), 2);
}
