//! `semget` and `semctl` through the Rust interface.

use skete::Errno;
use skete::sysv::sem::{self, Op};
use skete::sysv::{IPC_CREAT, IPC_EXCL, IPC_PRIVATE};

use crate::Check;

/// This file's checks.
pub const CHECKS: &[Check] = &[
    ("a key finds its set, and makes it as the flags say", keys),
    ("a removed set's id is stale, and its key free", stale),
    ("sizes that no set has are refused", sizes),
    ("values are set and told one by one and all at once", values),
    ("the mode says who may read and who may change", modes),
    ("a set tells all about itself", status),
    ("a thousand sets come and go", many),
];

fn keys() {
    assert_eq!(sem::get(77, 2, 0o600), Err(Errno::ENOENT));
    let id = sem::get(77, 2, IPC_CREAT | IPC_EXCL | 0o600).expect("there is none");
    assert_eq!((sem::get(77, 2, 0o600), sem::get(77, 0, 0), sem::get(77, 1, IPC_CREAT | 0o600)), (Ok(id), Ok(id), Ok(id)));
    assert_eq!(sem::get(77, 3, 0o600), Err(Errno::EINVAL));
    assert_eq!(sem::get(77, 2, IPC_CREAT | IPC_EXCL | 0o600), Err(Errno::EEXIST));
    let [one, other] = [(); 2].map(|()| sem::get(IPC_PRIVATE, 1, 0o600).expect("there is room"));
    assert!(one != other && one != id);
    for id in [id, one, other] {
        sem::remove(id).expect("it is there");
    }
}

fn stale() {
    let old = sem::get(78, 1, IPC_CREAT | 0o600).expect("there is room");
    sem::remove(old).expect("it is there");
    let new = sem::get(78, 1, IPC_CREAT | IPC_EXCL | 0o600).expect("the key is free");
    assert_ne!(old, new);
    assert_eq!(
        (sem::remove(old), sem::value(old, 0), sem::set_value(old, 0, 1)),
        (Err(Errno::EINVAL), Err(Errno::EINVAL), Err(Errno::EINVAL))
    );
    for id in [old, -1, i32::MIN, i32::MAX, new ^ 2, new ^ 4, new ^ i32::MIN] {
        assert_eq!(sem::operate(id, &[Op::up(0)]), Err(Errno::EINVAL));
        assert_eq!(sem::operate(id, &[Op::up(0), Op::up(0)]), Err(Errno::EINVAL));
    }
    assert_eq!(sem::value(new, 0), Ok(0));
    sem::remove(new).expect("it is there");
}

fn sizes() {
    assert_eq!(sem::get(IPC_PRIVATE, 0, 0o600), Err(Errno::EINVAL));
    assert_eq!(sem::get(IPC_PRIVATE, 32001, 0o600), Err(Errno::EINVAL));
    assert_eq!(sem::get(IPC_PRIVATE, usize::MAX, 0o600), Err(Errno::EINVAL));
    let id = sem::get(IPC_PRIVATE, 32000, 0o600).expect("there is memory");
    assert_eq!((sem::set_value(id, 31999, 5), sem::value(id, 31999), sem::value(id, 32000)), (Ok(()), Ok(5), Err(Errno::EINVAL)));
    sem::remove(id).expect("it is there");
}

fn values() {
    let id = sem::get(IPC_PRIVATE, 3, 0o600).expect("there is room");
    let mut values = [9; 3];
    assert_eq!((sem::values(id, &mut values), values), (Ok(()), [0; 3]));
    assert_eq!((sem::set_values(id, &[1, 2, 32767]), sem::values(id, &mut values), values), (Ok(()), Ok(()), [1, 2, 32767]));
    assert_eq!((sem::set_value(id, 1, 7), sem::value(id, 1)), (Ok(()), Ok(7)));
    assert_eq!(sem::pid(id, 1), Ok(skete::calls::threads::sys_getpid().cast_unsigned()));
    assert_eq!((sem::set_value(id, 1, 32768), sem::set_value(id, 1, -1)), (Err(Errno::ERANGE), Err(Errno::ERANGE)));
    assert_eq!(
        (sem::set_value(id, 3, 0), sem::value(id, 3), sem::pid(id, 3)),
        (Err(Errno::EINVAL), Err(Errno::EINVAL), Err(Errno::EINVAL))
    );
    assert_eq!((sem::set_values(id, &[1, 2, 32768]), sem::set_values(id, &[1, 2])), (Err(Errno::ERANGE), Err(Errno::EINVAL)));
    assert_eq!(sem::values(id, &mut [0; 2]), Err(Errno::EINVAL));
    assert_eq!((sem::waiting_for_more(id, 3), sem::waiting_for_zero(id, 3)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    sem::remove(id).expect("it is there");
}

fn modes() {
    let id = sem::get(79, 1, IPC_CREAT | 0o400).expect("there is room");
    assert_eq!((sem::value(id, 0), sem::operate(id, &[Op::zero(0)])), (Ok(0), Ok(())));
    assert_eq!((sem::operate(id, &[Op::up(0)]), sem::set_value(id, 0, 1)), (Err(Errno::EACCES), Err(Errno::EACCES)));
    assert_eq!((sem::set_values(id, &[1]), sem::get(79, 1, 0o600)), (Err(Errno::EACCES), Err(Errno::EACCES)));
    sem::set_permissions(id, 0, 0, 0o200).expect("who made it may");
    assert_eq!(
        (sem::value(id, 0), sem::operate(id, &[Op::zero(0)]), sem::status(id)),
        (Err(Errno::EACCES), Err(Errno::EACCES), Err(Errno::EACCES))
    );
    assert_eq!((sem::operate(id, &[Op::up(0)]), sem::set_value(id, 0, 1)), (Ok(()), Ok(())));
    sem::remove(id).expect("who made it may");
}

fn status() {
    let id = sem::get(80, 3, IPC_CREAT | 0o640).expect("there is room");
    let new = sem::status(id).expect("it may be read");
    assert_eq!((new.sem_nsems, new.sem_otime, new.sem_perm.key, new.sem_perm.mode), (3, 0, 80, 0o640));
    assert_eq!(i32::from(new.sem_perm.seq), id >> 15);
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    assert!((now() - 5..=now()).contains(&new.sem_ctime));
    sem::operate(id, &[Op::up(0)]).expect("it is there");
    sem::set_permissions(id, 5, 6, 0o600).expect("who made it may");
    let used = sem::status(id).expect("it may be read");
    assert!(used.sem_otime >= new.sem_ctime && used.sem_otime <= now());
    assert_eq!((used.sem_perm.uid, used.sem_perm.gid, used.sem_perm.cuid, used.sem_perm.mode), (5, 6, 0, 0o600));
    let place = usize::try_from(id & 0x7fff).expect("it is positive");
    assert_eq!((sem::status_at(place, false), sem::status_at(place, true)), (Ok((id, used)), Ok((id, used))));
    assert_eq!((sem::status_at(place + 500, true), sem::status(id ^ 0x8000)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
    assert!(sem::info(false).is_ok_and(|(_, highest)| highest >= place));
    sem::remove(id).expect("it is there");
}

fn many() {
    let make = |key| sem::get(key, 2, IPC_CREAT | IPC_EXCL | 0o600).expect("there is room");
    let ids: Vec<i32> = (1000..2000).map(make).collect();
    for (key, &id) in (1000..).zip(&ids) {
        assert_eq!(sem::get(key, 2, 0), Ok(id));
        sem::operate(id, &[Op::new(1, 3)]).expect("it is there");
    }
    assert!(ids.iter().all(|&id| sem::value(id, 1) == Ok(3)));
    for id in ids {
        sem::remove(id).expect("it is there");
    }
    assert_eq!(sem::get(1500, 2, 0), Err(Errno::ENOENT));
}
