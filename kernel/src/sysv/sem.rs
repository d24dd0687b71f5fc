//! Sets of semaphores: `semget`, `semop`, `semtimedop`, `semctl` (`semop(2)` and its kin).
//!
//! ```no_run
//! use skete::sysv::sem::{self, Op};
//! use skete::sysv::{IPC_CREAT, IPC_PRIVATE};
//!
//! let forks = sem::get(IPC_PRIVATE, 5, IPC_CREAT | 0o600)?;
//! sem::set_values(forks, &[1; 5])?;
//! sem::operate(forks, &[Op::down(0), Op::down(1)])?; // both or none
//! sem::operate(forks, &[Op::up(0), Op::up(1)])?;
//! sem::remove(forks)?;
//! # Ok::<(), skete::sysv::Errno>(())
//! ```
//!
//! There is one user, who owns everything and is held to the owner's bits of each mode, and every thread is a process of its own to
//! GETPID. A thread that ends takes back its SEM_UNDO operations together with those of the threads that share its undo list: its maker's
//! and its makes', unless somebody [`unshare`]s.

use core::time::Duration;

use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_abi::ipc::IpcPerm;
use skete_abi::sem::{SemIdDs, SemInfo};
use skete_logic::sysv::sem::Status;

use crate::memory::Heap;
use crate::sched::futex::Machine;
use crate::sched::{record, sysv};
use crate::time;

/// One operation on one semaphore of a set: what to add, or 0 to wait for 0. As C's `struct sembuf`.
pub use skete_abi::sem::SemBuf as Op;

/// The set of `key`, or a new one of `count` semaphores, all 0, if `flags` say [`IPC_CREAT`](super::IPC_CREAT): its id.
///
/// # Errors
/// `EINVAL`: `count` is above the limit, 0 for a new set, or more than the set has. `ENOENT`, `EEXIST`: as `flags` say. `EACCES`: the
/// set's mode does not grant what the low nine bits of `flags` ask for. `ENOSPC`: too many sets or semaphores. `ENOMEM`.
pub fn get(key: i32, count: usize, flags: i32) -> Result<i32, Errno> {
    record::count_entry();
    sysv::open(key, i32::try_from(count).map_err(|_| Errno::EINVAL)?, flags)
}

/// Does all of `operations`, in order, or none; sleeps until that can be done.
///
/// # Errors
/// `EINVAL`: no such set, or no operation. `E2BIG`: more operations than the limit. `EFBIG`: no such semaphore. `EACCES`: the mode
/// forbids it. `EAGAIN`: one would wait that may not. `ERANGE`: a value above 32,767, or an undo that reaches too far. `EIDRM`: the set
/// was removed meanwhile. `ENOMEM`: no memory for an undo.
#[inline(always)]
pub fn operate(id: i32, operations: &[Op]) -> Result<(), Errno> {
    record::count_entry();
    match operations {
        [operation] => sysv::operate_one(id, operation),
        _ => operate_all(id, operations),
    }
}

#[inline(never)]
fn operate_all(id: i32, operations: &[Op]) -> Result<(), Errno> {
    check(operations.len())?;
    sysv::operate(id, operations, None)
}

/// [`operate`] that gives up after `timeout`, never earlier.
///
/// # Errors
/// As [`operate`]; `EAGAIN` after the timeout too.
pub fn operate_within(id: i32, operations: &[Op], timeout: Duration) -> Result<(), Errno> {
    record::count_entry();
    check(operations.len())?;
    sysv::operate(id, operations, Some(time::now().saturating_add(timeout)))
}

/// Whether one call may have `count` operations.
///
/// # Errors
/// `EINVAL`: none. `E2BIG`: more than the limit.
#[inline(always)]
pub(crate) fn check(count: usize) -> Result<(), Errno> {
    match count {
        1 => Ok(()),
        0 => Err(Errno::EINVAL),
        _ if count > sysv::limits().operations as usize => Err(Errno::E2BIG),
        _ => Ok(()),
    }
}

/// GETVAL.
///
/// # Errors
/// `EINVAL`: no such set or semaphore. `EACCES`: it may not be read.
pub fn value(id: i32, number: usize) -> Result<u16, Errno> {
    record::count_entry();
    let (set, id) = sysv::find(id)?;
    set.value(id, number)
}

/// SETVAL: what was to be undone to the semaphore is forgotten.
///
/// # Errors
/// `ERANGE`: not 0 to 32,767. `EINVAL`: no such set or semaphore. `EACCES`: it may not be changed.
pub fn set_value(id: i32, number: usize, value: i32) -> Result<(), Errno> {
    record::count_entry();
    let (set, id) = sysv::find(id)?;
    set.set_value(&Machine, id, number, value)
}

/// GETALL: fills `into`, which has one place for each semaphore.
///
/// # Errors
/// `EINVAL`: no such set, or not as many semaphores. `EACCES`: it may not be read. `ENOMEM`.
pub fn values(id: i32, into: &mut [u16]) -> Result<(), Errno> {
    record::count_entry();
    into.copy_from_slice(Some(all_values(id)?).filter(|values| values.len() == into.len()).ok_or(Errno::EINVAL)?.as_slice());
    Ok(())
}

/// Every value of a set, in memory that a spin lock's holder may write.
pub(crate) fn all_values(id: i32) -> Result<Vec<u16, Heap>, Errno> {
    let (set, id) = sysv::find(id)?;
    let mut values = zeros(set.count(id, false)?)?;
    // It was there a moment ago.
    set.values(id, &mut values).map_err(|errno| if errno == Errno::EINVAL { Errno::EIDRM } else { errno })?;
    Ok(values)
}

/// `count` zeros.
pub(crate) fn zeros(count: usize) -> Result<Vec<u16, Heap>, Errno> {
    let mut values = Vec::new_in(Heap);
    values.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
    values.resize(count, 0);
    Ok(values)
}

/// SETALL: one value for each semaphore. What was to be undone to the set is forgotten.
///
/// # Errors
/// `ERANGE`: one is above 32,767. `EINVAL`: no such set, or not as many semaphores. `EACCES`: it may not be changed. `ENOMEM`.
pub fn set_values(id: i32, values: &[u16]) -> Result<(), Errno> {
    record::count_entry();
    let mut own = zeros(values.len())?;
    own.copy_from_slice(values);
    let (set, id) = sysv::find(id)?;
    set.set_values(&Machine, id, &own)
}

/// GETPID: the thread that changed the semaphore last, as `sys_getpid` names it; 0: nobody yet.
///
/// # Errors
/// As [`value`].
pub fn pid(id: i32, number: usize) -> Result<u32, Errno> {
    record::count_entry();
    let (set, id) = sysv::find(id)?;
    set.pid(id, number)
}

/// GETNCNT: how many threads wait for the value to rise.
///
/// # Errors
/// As [`value`].
pub fn waiting_for_more(id: i32, number: usize) -> Result<usize, Errno> {
    record::count_entry();
    let (set, id) = sysv::find(id)?;
    set.waiting(&Machine, id, number, false)
}

/// GETZCNT: how many threads wait for the value to be 0.
///
/// # Errors
/// As [`value`].
pub fn waiting_for_zero(id: i32, number: usize) -> Result<usize, Errno> {
    record::count_entry();
    let (set, id) = sysv::find(id)?;
    set.waiting(&Machine, id, number, true)
}

/// IPC_STAT.
///
/// # Errors
/// `EINVAL`: no such set. `EACCES`: it may not be read.
pub fn status(id: i32) -> Result<SemIdDs, Errno> {
    record::count_entry();
    status_of(id)
}

pub(crate) fn status_of(id: i32) -> Result<SemIdDs, Errno> {
    let (set, id) = sysv::find(id)?;
    set.status(id).map(told)
}

/// SEM_STAT and, if `always`, SEM_STAT_ANY: of the set in place `index` of the table, and its id.
///
/// # Errors
/// `EINVAL`: there is none. `EACCES`: it may not be read.
pub fn status_at(index: usize, always: bool) -> Result<(i32, SemIdDs), Errno> {
    record::count_entry();
    status_in(i32::try_from(index).map_err(|_| Errno::EINVAL)?, always)
}

/// As [`status_at`]; of `index` the bits that say the place in an id count, as on Linux.
pub(crate) fn status_in(index: i32, always: bool) -> Result<(i32, SemIdDs), Errno> {
    let status = sysv::find(index)?.0.status_here(always)?;
    Ok((status.id.number(), told(status)))
}

fn told(status: Status) -> SemIdDs {
    let own = status.permissions;
    // Seconds since 1970; a stamp of 0 means never.
    let seconds = |stamp: u64| if stamp == 0 { 0 } else { (time::realtime_of_ticks(stamp) / 1_000_000_000).cast_signed() };
    SemIdDs {
        sem_perm: IpcPerm {
            key: own.key,
            uid: own.uid,
            gid: own.gid,
            mode: own.mode.into(),
            seq: status.id.sequence(),
            ..IpcPerm::default()
        },
        sem_otime: seconds(status.operated),
        sem_ctime: seconds(status.changed),
        sem_nsems: status.count as u64,
        unused: [0; 2],
    }
}

/// IPC_SET: an owner, a group and a mode, of which nine bits count. Who made the set stays its master.
///
/// # Errors
/// `EINVAL`: no such set.
pub fn set_permissions(id: i32, uid: u32, gid: u32, mode: u16) -> Result<(), Errno> {
    record::count_entry();
    let (set, id) = sysv::find(id)?;
    set.set_permissions(&Machine, id, uid, gid, mode)
}

/// IPC_RMID: the key is free again, and who sleeps is woken with `EIDRM`.
///
/// # Errors
/// `EINVAL`: no such set.
pub fn remove(id: i32) -> Result<(), Errno> {
    record::count_entry();
    sysv::remove(id)
}

/// IPC_INFO and, if `is_use`, SEM_INFO; and the highest place where a set stands.
///
/// # Errors
/// `ENOMEM`.
pub fn info(is_use: bool) -> Result<(SemInfo, usize), Errno> {
    record::count_entry();
    sysv::info(is_use)
}

/// Gives the calling thread an undo list of its own, as `unshare(CLONE_SYSVSEM)`: its makes will share that one. What the old one says
/// is taken back now if nobody shares it any more.
pub fn unshare() {
    record::count_entry();
    sysv::unshare();
}

/// How many threads wait for a semaphore now: for tests.
#[must_use]
pub fn sleepers() -> usize {
    sysv::sleepers()
}
