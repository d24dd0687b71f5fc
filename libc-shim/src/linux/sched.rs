//! Threads, futexes, scheduling, System V's semaphores.
#![allow(unsafe_code, reason = "memory that the program names by its address")]

use skete::calls::linux::{sys_futex, sys_get_robust_list, sys_gettid, sys_set_robust_list, sys_set_tid_address};
use skete::calls::sysv::{sys_semctl, sys_semget, sys_semop, sys_semtimedop, sys_unshare};
use skete::calls::threads::sys_yield;
use skete::calls::waitv::sys_futex_waitv;
use skete::thread;
use skete_abi::Errno;
use skete_abi::futex::{CLOCK_REALTIME, PRIVATE, op};

use super::{Answered, Arguments, int, pointer, told, word};

/// Linux's numbers.
mod number {
    pub const EXIT: u64 = 93;
    pub const SET_TID_ADDRESS: u64 = 96;
    pub const UNSHARE: u64 = 97;
    pub const FUTEX: u64 = 98;
    pub const SET_ROBUST_LIST: u64 = 99;
    pub const GET_ROBUST_LIST: u64 = 100;
    pub const SETAFFINITY: u64 = 122;
    pub const GETAFFINITY: u64 = 123;
    pub const YIELD: u64 = 124;
    pub const GETCPU: u64 = 168;
    pub const GETTID: u64 = 178;
    pub const SEMGET: u64 = 190;
    pub const SEMCTL: u64 = 191;
    pub const SEMTIMEDOP: u64 = 192;
    pub const SEMOP: u64 = 193;
    pub const FUTEX_WAITV: u64 = 449;
}

/// The number of `futex(2)`.
pub const FUTEX: u64 = number::FUTEX;

/// `futex(2)`, each argument as it is in its register.
#[inline(always)]
pub fn futex([first, second, third, fourth, fifth, sixth]: Arguments) -> i64 {
    sys_futex(pointer(first), int(second), word(third), pointer(fourth), pointer(fifth), word(sixth))
}

/// Answers the calls of this file.
pub fn call(number: u64, arguments: &Arguments) -> Option<Answered> {
    let [first, second, third, fourth, fifth, _] = *arguments;
    Some(match number {
        number::FUTEX => Ok(futex(*arguments)),
        number::FUTEX_WAITV => told(sys_futex_waitv(pointer(first), word(second), word(third), pointer(fourth), int(fifth))),
        number::GETTID => told(sys_gettid()),
        number::EXIT => skete::sched::spawn::exit(),
        number::SET_TID_ADDRESS => told(sys_set_tid_address(pointer(first))),
        number::SET_ROBUST_LIST => told(sys_set_robust_list(pointer(first), second as usize)),
        number::GET_ROBUST_LIST => told(sys_get_robust_list(int(first), pointer(second), pointer(third))),
        number::YIELD => {
            sys_yield();
            Ok(0)
        }
        number::GETCPU => core(pointer(first), pointer(second)),
        number::SETAFFINITY => set_affinity(word(first), second, pointer(third)),
        number::GETAFFINITY => affinity(word(first), second, pointer(third)),
        number::UNSHARE => told(sys_unshare(int(first))),
        number::SEMGET => told(sys_semget(int(first), int(second), int(third))),
        number::SEMCTL => told(sys_semctl(int(first), int(second), int(third), fourth as usize)),
        number::SEMOP => told(sys_semop(int(first), pointer(second), third as usize)),
        number::SEMTIMEDOP => told(sys_semtimedop(int(first), pointer(second), third as usize, pointer(fourth))),
        _ => return None,
    })
}

/// Whether a call of this file can be made anew after an interruption: one that waits for a futex without a timeout, or until a moment.
pub fn waits_anew(number: u64, arguments: &Arguments) -> bool {
    match number {
        number::FUTEX => arguments[3] == 0 || waits_for_lock(number, arguments),
        number::FUTEX_WAITV => true,
        _ => false,
    }
}

/// Whether a call waits for a lock that lends priority, until a moment at most: no handler ends it (`futex(2)` names no `EINTR` there).
pub fn waits_for_lock(number: u64, arguments: &Arguments) -> bool {
    let command = word(arguments[1]) & !(PRIVATE | CLOCK_REALTIME);
    number == number::FUTEX && matches!(command, op::LOCK_PI | op::LOCK_PI2 | op::WAIT_REQUEUE_PI)
}

fn core(core: *mut u32, node: *mut u32) -> Answered {
    let number = u32::try_from(thread::core()).map_err(|_| Errno::EINVAL)?;
    for (place, value) in [(core, number), (node, 0)] {
        if !place.is_null() {
            // SAFETY: the program says that there is room.
            unsafe { place.write(value) };
        }
    }
    Ok(0)
}

/// The kernel's mask: cores beyond the fourth are none.
const CORES: u8 = 0xf;

fn set_affinity(tid: u32, bytes: u64, mask: *const u8) -> Answered {
    if bytes == 0 || mask.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the program says that a mask is there; it has a byte at least.
    let mask = unsafe { mask.read() } & CORES;
    thread::set_affinity_of(if tid == 0 { thread::tid() } else { tid }, mask).map(|()| 0)
}

/// `sched_getaffinity(2)`: how many bytes of the mask it has filled.
fn affinity(tid: u32, bytes: u64, mask: *mut u64) -> Answered {
    const FILLED: u64 = size_of::<u64>() as u64;
    if bytes < FILLED || mask.is_null() {
        return Err(Errno::EINVAL);
    }
    let cores = thread::affinity_of(if tid == 0 { thread::tid() } else { tid })?;
    // SAFETY: the program says that there is room.
    unsafe { mask.write_unaligned(cores.into()) };
    told(FILLED.cast_signed())
}
