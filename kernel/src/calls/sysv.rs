//! System V semaphores as C calls them: `sys_semget`, `sys_semop`, `sys_semtimedop`, `sys_semctl`, `sys_unshare`, with Linux's numbers and layouts.
//!
//! Pointers are the program's and may be bad: what they point to is copied before a set is touched, or after it is let go.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

use core::mem::MaybeUninit;

use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_abi::futex::TimeSpec;
use skete_abi::ipc::{IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT};
use skete_abi::sem::{GETALL, GETNCNT, GETPID, GETVAL, GETZCNT, SEM_INFO, SEM_STAT, SEM_STAT_ANY, SETALL, SETVAL, SemBuf, SemIdDs};

use super::{answer_int, deadline_in};
use crate::arch::transfer;
use crate::memory::Heap;
use crate::sched::futex::Machine;
use crate::sched::{record, sysv as sets};
use crate::sysv::sem;

/// `sched.h`: threads share what semaphores are to get back.
const CLONE_SYSVSEM: i32 = 0x40000;

/// Arrays of up to this many operations are copied to the stack, longer ones to the heap.
const FEW: usize = 16;

/// The id of the set of `key`, made if the flags say so, or `-EINVAL`, `-ENOENT`, `-EEXIST`, `-EACCES`, `-ENOSPC`, `-ENOMEM` (`semget(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_semget(key: i32, count: i32, flags: i32) -> i32 {
    record::count_entry();
    answer_int(sets::open(key, count, flags))
}

/// Does all of `count` operations or none, waiting for it: 0, or `-EINVAL`, `-E2BIG`, `-EFAULT`, `-EFBIG`, `-EACCES`, `-EAGAIN`, `-ERANGE`,
/// `-EIDRM`, `-ENOMEM` (`semop(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_semop(id: i32, operations: *const SemBuf, count: usize) -> i32 {
    record::count_entry();
    if count == 1
        && let Some(operation) = read_one(operations)
    {
        return answer_int(sets::operate_one(id, &operation).map(|()| 0));
    }
    operate_all(id, operations, count)
}

/// [`sys_semop`] that waits at most as long as `*timeout` says, null for ever: then `-EAGAIN`. Not a time: `-EINVAL`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_semtimedop(id: i32, operations: *const SemBuf, count: usize, timeout: *const TimeSpec) -> i32 {
    record::count_entry();
    let act = || {
        let timeout = if timeout.is_null() { None } else { Some(read::<TimeSpec>(timeout as usize)?) };
        operate(id, operations, count, timeout)
    };
    answer_int(act().map(|()| 0))
}

/// `unshare(2)` of what threads share here beside their memory: CLONE_SYSVSEM gives the caller an undo list of its own. 0, or `-EINVAL`: any
/// other flag.
#[unsafe(no_mangle)]
pub extern "C" fn sys_unshare(flags: i32) -> i32 {
    match flags {
        0 => 0,
        CLONE_SYSVSEM => {
            sem::unshare();
            0
        }
        _ => answer_int(Err::<i32, _>(Errno::EINVAL)),
    }
}

#[inline(always)]
#[allow(clippy::cast_possible_truncation, reason = "its three parts")]
fn read_one(operation: *const SemBuf) -> Option<SemBuf> {
    let bits = transfer::read_six(operation as usize)?;
    Some(SemBuf { sem_num: bits as u16, sem_op: (bits >> 16) as i16, sem_flg: (bits >> 32) as i16 })
}

#[inline(never)]
fn operate_all(id: i32, operations: *const SemBuf, count: usize) -> i32 {
    answer_int(operate(id, operations, count, None).map(|()| 0))
}

#[inline(never)]
fn operate(id: i32, operations: *const SemBuf, count: usize, timeout: Option<TimeSpec>) -> Result<(), Errno> {
    sem::check(count)?;
    let mut few = [MaybeUninit::<SemBuf>::uninit(); FEW];
    let mut many = Vec::<SemBuf, Heap>::new_in(Heap);
    let room = if count <= FEW {
        &mut few[..count]
    } else {
        many.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        &mut many.spare_capacity_mut()[..count]
    };
    let bytes = size_of_val(room);
    // SAFETY: the same memory, byte by byte; any bytes are an operation.
    let into = unsafe { core::slice::from_raw_parts_mut(room.as_mut_ptr().cast(), bytes) };
    if !transfer::read_bytes(operations as usize, into) {
        return Err(Errno::EFAULT);
    }
    // SAFETY: filled just now.
    let operations = unsafe { &*(&raw const *room as *const [SemBuf]) };
    let deadline = timeout.map(|timeout| timeout.as_ns().ok_or(Errno::EINVAL)).transpose()?.map(deadline_in);
    sets::operate(id, operations, deadline)
}

/// A copy of what is at `address`, all of whose bit patterns are values.
pub(super) fn read<T: Copy>(address: usize) -> Result<T, Errno> {
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: the same memory, byte by byte.
    let into = unsafe { core::slice::from_raw_parts_mut((&raw mut value).cast(), size_of::<T>()) };
    if transfer::read_bytes(address, into) {
        // SAFETY: filled just now.
        Ok(unsafe { value.assume_init() })
    } else {
        Err(Errno::EFAULT)
    }
}

/// Writes `values`, which have no padding, to `address`.
pub(super) fn write<T: Copy>(address: usize, values: &[T]) -> Result<(), Errno> {
    // SAFETY: the same memory, byte by byte.
    let bytes = unsafe { core::slice::from_raw_parts(values.as_ptr().cast(), size_of_val(values)) };
    // SAFETY: the program says that there is room.
    if unsafe { transfer::write_bytes(address, bytes) } { Ok(()) } else { Err(Errno::EFAULT) }
}

/// Does `command` to semaphore `number` of a set, or to the set; `argument` is C's `union semun`: a value or a pointer (`semctl(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_semctl(id: i32, number: i32, command: i32, argument: usize) -> i32 {
    record::count_entry();
    answer_int(control(id, number, command, argument))
}

fn control(id: i32, number: i32, command: i32, argument: usize) -> Result<i32, Errno> {
    // No id and no place is negative, and no command takes one: before anything else, as on Linux.
    if id < 0 {
        return Err(Errno::EINVAL);
    }
    match command {
        IPC_RMID => sets::remove(id).map(|()| 0),
        IPC_SET => set_permissions(id, argument).map(|()| 0),
        IPC_STAT => sem::status_of(id).and_then(|status| write(argument, &[status])).map(|()| 0),
        SEM_STAT | SEM_STAT_ANY => {
            let (id, status) = sem::status_in(id, command == SEM_STAT_ANY)?;
            write(argument, &[status]).map(|()| id)
        }
        IPC_INFO | SEM_INFO => {
            let (info, highest) = sets::info(command == SEM_INFO)?;
            write(argument, &[info])?;
            Ok(i32::try_from(highest).unwrap_or(i32::MAX))
        }
        GETALL => sem::all_values(id).and_then(|values| write(argument, &values)).map(|()| 0),
        SETALL => set_values(id, argument).map(|()| 0),
        #[allow(clippy::cast_possible_truncation, reason = "an int in the union's low half")]
        SETVAL => set_value(id, number, argument as i32).map(|()| 0),
        GETVAL | GETPID | GETNCNT | GETZCNT => tell(id, number, command),
        _ => Err(Errno::EINVAL),
    }
}

fn tell(id: i32, number: i32, command: i32) -> Result<i32, Errno> {
    let (set, id) = sets::find(id)?;
    // A negative number is none that a set has; but the mode is looked at first.
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    match command {
        GETVAL => set.value(id, number).map(i32::from),
        GETPID => set.pid(id, number).map(u32::cast_signed),
        _ => set.waiting(&Machine, id, number, command == GETZCNT).map(|count| i32::try_from(count).unwrap_or(i32::MAX)),
    }
}

fn set_value(id: i32, number: i32, value: i32) -> Result<(), Errno> {
    if !(0..=skete_abi::sem::SEMVMX.into()).contains(&value) {
        return Err(Errno::ERANGE);
    }
    let (set, id) = sets::find(id)?;
    set.set_value(&Machine, id, usize::try_from(number).unwrap_or(usize::MAX), value)
}

fn set_values(id: i32, argument: usize) -> Result<(), Errno> {
    let (set, id) = sets::find(id)?;
    let mut values = sem::zeros(set.count(id, true)?)?;
    let bytes = size_of_val(values.as_slice());
    // SAFETY: the same memory, byte by byte.
    let into = unsafe { core::slice::from_raw_parts_mut(values.as_mut_ptr().cast(), bytes) };
    if !transfer::read_bytes(argument, into) {
        return Err(Errno::EFAULT);
    }
    // It was there a moment ago.
    set.set_values(&Machine, id, &values).map_err(|errno| if errno == Errno::EINVAL { Errno::EIDRM } else { errno })
}

fn set_permissions(id: i32, argument: usize) -> Result<(), Errno> {
    let wanted = read::<SemIdDs>(argument)?.sem_perm;
    let (set, id) = sets::find(id)?;
    #[allow(clippy::cast_possible_truncation, reason = "nine bits count")]
    set.set_permissions(&Machine, id, wanted.uid, wanted.gid, wanted.mode as u16)
}
