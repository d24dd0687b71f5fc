//! What `semget` and `semctl` do and answer, after `semget(2)` and `semctl(2)`.

use super::machine::{Machine, pid_of};
use skete_abi::Errno;
use skete_abi::ipc::{IPC_CREAT, IPC_EXCL, IPC_PRIVATE};
use skete_abi::sem::{SEMVMX, SemBuf};
use skete_logic::sysv::ids::Id;
use skete_logic::sysv::limits::Limits;

const MODE: i32 = IPC_CREAT | 0o600;
const SMALL: Limits = Limits { per_set: 4, in_all: 10, operations: 5, sets: 3 };

fn the(id: i32) -> Id {
    Id::from_number(id).expect("an id")
}

#[test]
fn semget_refuses_what_is_no_size() {
    let machine = Machine::new(1, SMALL);
    for count in [-1, 5, i32::MAX, i32::MIN] {
        assert_eq!(machine.get(1, count, MODE), Err(Errno::EINVAL));
    }
    assert_eq!(machine.get(1, 0, MODE), Err(Errno::EINVAL), "of nothing there is no set");
    assert_eq!(machine.get(1, 0, 0), Err(Errno::ENOENT));
    assert_eq!(machine.registry().count(), 0);
}

#[test]
fn semget_finds_a_set_that_is_large_enough_and_may_be_used_so() {
    let machine = Machine::new(1, SMALL);
    let id = machine.get(1, 3, IPC_CREAT | 0o400).expect("there is room");
    assert_eq!((machine.get(1, 0, 0), machine.get(1, 3, IPC_CREAT | 0o400)), (Ok(id), Ok(id)));
    assert_eq!(machine.get(1, 4, 0), Err(Errno::EINVAL));
    assert_eq!(machine.get(1, 3, 0o600), Err(Errno::EACCES));
    assert_eq!(machine.get(1, 4, MODE | IPC_EXCL), Err(Errno::EEXIST), "this is looked at first");
}

#[test]
fn semget_is_enospc_when_sets_or_semaphores_run_out() {
    let machine = Machine::new(1, SMALL);
    let ids = [4, 4].map(|count| machine.get(IPC_PRIVATE, count, MODE).expect("there is room"));
    assert_eq!(machine.get(IPC_PRIVATE, 3, MODE), Err(Errno::ENOSPC));
    machine.get(IPC_PRIVATE, 2, MODE).expect("there is room for as many");
    assert_eq!(machine.get(IPC_PRIVATE, 1, MODE), Err(Errno::ENOSPC));
    machine.remove(ids[0]).expect("it is there");
    assert!(machine.get(IPC_PRIVATE, 4, MODE).is_ok());
}

#[test]
fn a_new_set_is_all_zeros_and_nobody_has_touched_it() {
    let machine = Machine::new(1, SMALL);
    let id = machine.get(7, 2, IPC_CREAT | 0o1641).expect("there is room");
    let set = machine.set(id).expect("it is there");
    assert_eq!((set.value(the(id), 1), set.pid(the(id), 1)), (Ok(0), Ok(0)));
    let status = set.status(the(id)).expect("it may be read");
    assert_eq!((status.id, status.count, status.operated, status.permissions.key), (the(id), 2, 0, 7));
    assert_eq!((status.permissions.mode, status.permissions.uid, status.permissions.gid), (0o641, 0, 0));
    assert_ne!(status.changed, 0);
}

#[test]
fn values_are_set_and_told_one_by_one_and_all_at_once() {
    let machine = Machine::new(3, SMALL);
    let id = machine.get(1, 3, MODE).expect("there is room");
    let set = machine.set(id).expect("it is there");
    machine.current.set(skete_logic::thread::Thread::new(2));
    assert_eq!(set.set_value(&machine, the(id), 1, SEMVMX.into()), Ok(()));
    assert_eq!((set.value(the(id), 1), set.pid(the(id), 1), set.pid(the(id), 0)), (Ok(SEMVMX), Ok(pid_of(2)), Ok(0)));
    assert_eq!(set.set_values(&machine, the(id), &[1, 2, 3]), Ok(()));
    let mut values = [0; 3];
    assert_eq!((set.values(the(id), &mut values), values, set.pid(the(id), 0)), (Ok(()), [1, 2, 3], Ok(pid_of(2))));
    for value in [-1, i32::from(SEMVMX) + 1, i32::MIN, 0x1_0000] {
        assert_eq!(set.set_value(&machine, the(id), 1, value), Err(Errno::ERANGE));
    }
    assert_eq!(set.set_values(&machine, the(id), &[1, 2, SEMVMX + 1]), Err(Errno::ERANGE));
    assert_eq!(set.set_values(&machine, the(id), &[1, 2]), Err(Errno::EINVAL));
    assert_eq!(set.values(the(id), &mut [0; 4]), Err(Errno::EINVAL));
    assert_eq!(set.value(the(id), 2), Ok(3));
}

#[test]
fn a_semaphore_that_the_set_has_not_is_einval() {
    let machine = Machine::new(1, SMALL);
    let id = machine.get(1, 2, MODE).expect("there is room");
    let set = machine.set(id).expect("it is there");
    for number in [2, usize::MAX] {
        assert_eq!((set.value(the(id), number), set.pid(the(id), number)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
        assert_eq!(set.set_value(&machine, the(id), number, 1), Err(Errno::EINVAL));
        for for_zero in [false, true] {
            assert_eq!(set.waiting(&machine, the(id), number, for_zero), Err(Errno::EINVAL));
        }
    }
}

#[test]
fn a_stale_id_is_einval_everywhere() {
    let machine = Machine::new(1, SMALL);
    let id = machine.get(1, 2, MODE).expect("there is room");
    let set = machine.set(id).expect("it is there");
    machine.remove(id).expect("it is there");
    let id = the(id);
    assert_eq!(
        (set.value(id, 0), set.pid(id, 0).err(), set.count(id, true).err()),
        (Err(Errno::EINVAL), Some(Errno::EINVAL), Some(Errno::EINVAL))
    );
    assert_eq!((set.set_value(&machine, id, 0, 1), set.set_values(&machine, id, &[1, 1])), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    assert_eq!((set.values(id, &mut [0; 2]), set.status(id).err()), (Err(Errno::EINVAL), Some(Errno::EINVAL)));
    assert_eq!((set.status_here(true).err(), set.set_permissions(&machine, id, 1, 1, 0)), (Some(Errno::EINVAL), Err(Errno::EINVAL)));
}

#[test]
fn the_mode_says_who_may_read_and_who_may_change() {
    let machine = Machine::new(1, SMALL);
    let [read_only, write_only] = [0o400, 0o200].map(|mode| machine.get(IPC_PRIVATE, 1, mode).expect("there is room"));
    let (set, id) = (machine.set(read_only).expect("it is there"), the(read_only));
    assert_eq!((set.value(id, 0), set.set_value(&machine, id, 0, 1)), (Ok(0), Err(Errno::EACCES)));
    assert_eq!((set.count(id, false), set.count(id, true)), (Ok(1), Err(Errno::EACCES)));
    assert_eq!(set.set_values(&machine, id, &[1]), Err(Errno::EACCES));
    let (set, id) = (machine.set(write_only).expect("it is there"), the(write_only));
    assert_eq!((set.value(id, 0), set.set_value(&machine, id, 0, 1)), (Err(Errno::EACCES), Ok(())));
    assert_eq!((set.pid(id, 0), set.waiting(&machine, id, 0, true)), (Err(Errno::EACCES), Err(Errno::EACCES)));
    assert_eq!((set.values(id, &mut [0]), set.status(id).err()), (Err(Errno::EACCES), Some(Errno::EACCES)));
    assert_eq!(set.status_here(false).err(), Some(Errno::EACCES));
    assert_eq!(set.status_here(true).map(|status| status.id), Ok(id));
}

#[test]
fn who_made_a_set_stays_its_master_whoever_owns_it() {
    let machine = Machine::new(1, SMALL);
    let id = machine.get(1, 1, MODE).expect("there is room");
    let set = machine.set(id).expect("it is there");
    let before = set.status(the(id)).expect("it may be read").changed;
    assert_eq!(set.set_permissions(&machine, the(id), 7, 8, 0o7400), Ok(()));
    let status = set.status(the(id)).expect("it may be read");
    assert_eq!((status.permissions.uid, status.permissions.gid, status.permissions.mode), (7, 8, 0o400));
    assert!(status.changed > before);
    assert_eq!(machine.enter(id, &[SemBuf::up(0)]), Err(Errno::EACCES));
    assert_eq!(set.set_permissions(&machine, the(id), 7, 8, 0o600), Ok(()));
    assert_eq!(machine.enter(id, &[SemBuf::up(0)]), Ok(true));
    assert_eq!(machine.remove(id), Ok(()));
}

#[test]
fn a_value_that_is_set_lets_go_those_who_waited_for_it() {
    let machine = Machine::new(5, SMALL);
    let id = machine.get(1, 2, MODE).expect("there is room");
    let set = machine.set(id).expect("it is there");
    assert_eq!(machine.enter_as(1, id, &[SemBuf::new(0, -2)]), Ok(false));
    assert_eq!(set.set_value(&machine, the(id), 0, 3), Ok(()));
    assert_eq!((machine.unparked(), set.value(the(id), 0)), (vec![1], Ok(1)));
    assert_eq!(machine.enter_as(2, id, &[SemBuf::zero(0)]), Ok(false));
    assert_eq!(machine.enter_as(3, id, &[SemBuf::down(1)]), Ok(false));
    assert_eq!(set.set_values(&machine, the(id), &[0, 1]), Ok(()));
    assert_eq!((machine.unparked(), set.value(the(id), 1)), (vec![2, 3], Ok(0)));
}

#[test]
fn who_waits_is_counted_where_it_is_held_up() {
    let machine = Machine::new(6, SMALL);
    let id = machine.get(1, 2, MODE).expect("there is room");
    let set = machine.set(id).expect("it is there");
    set.set_value(&machine, the(id), 1, 1).expect("it may be changed");
    let waiting =
        || [(0, false), (0, true), (1, false), (1, true)].map(|(number, for_zero)| set.waiting(&machine, the(id), number, for_zero));
    assert_eq!(waiting(), [Ok(0), Ok(0), Ok(0), Ok(0)]);
    for (thread, operations) in [
        (1, &[SemBuf::down(0)][..]),
        (2, &[SemBuf::zero(1)]),
        // Held up by the second; after a rise of 0, by what then comes.
        (3, &[SemBuf::down(1), SemBuf::down(0), SemBuf::zero(0)]),
        (4, &[SemBuf::down(0).undone()]),
        // It would see its own up.
        (5, &[SemBuf::up(0), SemBuf::down(0), SemBuf::zero(1)]),
    ] {
        assert_eq!(machine.enter_as(thread, id, operations), Ok(false));
    }
    assert_eq!(waiting(), [Ok(3), Ok(0), Ok(0), Ok(2)]);
    assert_eq!(set.value(the(id), 1), Ok(1), "to count changes nothing");
}

#[test]
fn the_limits_are_told_and_what_there_is() {
    let machine = Machine::new(1, SMALL);
    machine.get(IPC_PRIVATE, 4, MODE).expect("there is room");
    let second = machine.get(IPC_PRIVATE, 3, MODE).expect("there is room");
    let (info, highest) = machine.registry().info(false);
    assert_eq!((info.semmni, info.semmns, info.semmsl, info.semopm, info.semvmx, info.semaem, highest), (3, 10, 4, 5, 32767, 32767, 1));
    let (info, _) = machine.registry().info(true);
    assert_eq!((info.semusz, info.semaem, info.semmni), (2, 7, 3));
    machine.remove(second).expect("it is there");
    assert_eq!(machine.registry().info(true).1, 0);
}

#[test]
fn limits_are_read_as_linux_writes_them() {
    let parse = |text: &str| Limits::parse(text.chars());
    assert_eq!(parse(""), Limits::LINUX);
    assert_eq!(parse("250\t32000 32  128"), Limits { per_set: 250, in_all: 32000, operations: 32, sets: 128 });
    assert_eq!(parse("250,32000,32,128"), parse("250 32000 32 128"));
    assert_eq!(parse(",,7"), Limits { operations: 7, ..Limits::LINUX });
    assert_eq!(parse("0,x,-1,99999999999999,5"), Limits { operations: 1, sets: 32768, ..Limits::LINUX });
    assert_eq!(
        parse("99999999,99999999999,99999999,1"),
        Limits { per_set: 65536, in_all: i32::MAX.cast_unsigned(), operations: 65535, sets: 1 }
    );
    let info = Limits::LINUX.info();
    assert_eq!((info.semmni, info.semmns, info.semmsl, info.semopm), (32000, 1_024_000_000, 32000, 500));
}
