//! Shared memory as C calls it: `sys_shmget`, `sys_shmat`, `sys_shmdt`, `sys_shmctl`, with Linux's numbers and layouts.
#![allow(unsafe_code, reason = "exported names")]

use skete_abi::Errno;
use skete_abi::ipc::{IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT};
use skete_abi::shm::{SHM_INFO, SHM_LOCK, SHM_STAT, SHM_STAT_ANY, SHM_UNLOCK, ShmIdDs};

use super::sysv::{read, write};
use super::{answer, answer_int};
use crate::sysv::shm;

/// The id of the segment of `key`, made if the flags say so, or `-EINVAL`, `-ENOENT`, `-EEXIST`, `-EACCES`, `-ENOSPC`, `-ENOMEM`
/// (`shmget(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_shmget(key: i32, bytes: usize, flags: i32) -> i32 {
    answer_int(shm::get(key, bytes, flags))
}

/// Where segment `id` begins from now on, at `address` unless that is null, or `-EINVAL`, `-EACCES`, `-ENOMEM` (`shmat(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_shmat(id: i32, address: *const u8, flags: i32) -> isize {
    let attached = shm::attach(id, address as usize, flags).map(|start| start.as_ptr() as i64);
    answer(attached) as isize
}

/// Ends the attachment that begins at `address`: 0, or `-EINVAL` (`shmdt(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_shmdt(address: *const u8) -> i32 {
    answer_int(shm::detach(address as usize).map(|()| 0))
}

/// Does `command` to segment `id`; `argument` points to what it reads or tells (`shmctl(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_shmctl(id: i32, command: i32, argument: usize) -> i32 {
    answer_int(control(id, command, argument))
}

fn control(id: i32, command: i32, argument: usize) -> Result<i32, Errno> {
    // No id and no place is negative, and no command takes one: before anything else, as on Linux.
    let index = usize::try_from(id).map_err(|_| Errno::EINVAL)?;
    let highest = |place: usize| i32::try_from(place).unwrap_or(i32::MAX);
    match command {
        IPC_RMID => shm::remove(id).map(|()| 0),
        IPC_SET => {
            let wanted = read::<ShmIdDs>(argument)?.shm_perm;
            #[allow(clippy::cast_possible_truncation, reason = "nine bits count")]
            shm::set_permissions(id, wanted.uid, wanted.gid, wanted.mode as u16).map(|()| 0)
        }
        IPC_STAT => shm::status(id).and_then(|status| write(argument, &[status])).map(|()| 0),
        SHM_STAT | SHM_STAT_ANY => {
            // Of an id the bits that say its place count, as on Linux.
            let (id, status) = shm::status_at(index % skete_logic::sysv::ids::PLACES, command == SHM_STAT_ANY)?;
            write(argument, &[status]).map(|()| id)
        }
        IPC_INFO => shm::limits().and_then(|(limits, place)| write(argument, &[limits]).map(|()| highest(place))),
        SHM_INFO => shm::usage().and_then(|(usage, place)| write(argument, &[usage]).map(|()| highest(place))),
        SHM_LOCK | SHM_UNLOCK => shm::set_locked(id, command == SHM_LOCK).map(|()| 0),
        _ => Err(Errno::EINVAL),
    }
}
