//! Policies, priorities and cores.
//!
//! `SCHED_OTHER` is the kernel's priority 2, which std's threads have too; `SCHED_FIFO` and `SCHED_RR` have 1 to 32, the kernel's 3 to 31:
//! POSIX wants 32 of them, and three pairs in the middle are one ([`level`]). Among equals all three take turns.
#![allow(unsafe_code, reason = "exported names, and structs that the program names by their address")]

use core::ffi::c_int;
use core::sync::atomic::Ordering;

use skete::thread;
use skete_abi::Errno;
use skete_abi::futex::TimeSpec;

use super::block::{Block, Name};
use crate::errno::{self, number};
use crate::signal;

/// `SCHED_OTHER`.
pub const OTHER: c_int = 0;
const FIFO: c_int = 1;
const ROUND_ROBIN: c_int = 2;
/// All of them.
pub const POLICIES: [c_int; 3] = [OTHER, FIFO, ROUND_ROBIN];

/// The kernel's priority of `SCHED_OTHER`.
const NORMAL: u8 = 2;
const LEAST: c_int = 1;
const MOST: c_int = 32;
/// The priorities from here on are two to a level of the kernel's, three times.
const PAIRED: u8 = 15;

/// Every core that there may be.
pub const ANY_CORE: u8 = 0xf;

/// `struct sched_param`: the rest of musl's means nothing here.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Param {
    /// As C has it.
    pub priority: c_int,
}

/// The kernel's priority of a priority of `SCHED_FIFO`, which is a mutex's ceiling too: 15 is as 16, 17 as 18, 19 as 20.
#[inline]
pub const fn level(priority: u8) -> u8 {
    let past = priority.saturating_sub(PAIRED);
    let shared = past.div_ceil(2);
    priority + NORMAL - if shared < 3 { shared } else { 3 }
}

const _: () = assert!(level(1) == 3 && level(15) == level(16) && level(19) == level(20) && level(20) < level(21) && level(32) == 31);

/// The kernel's priority.
///
/// # Errors
/// `EINVAL`: no such policy, or a priority that it has not.
#[optimize(speed)]
pub fn kernels(policy: c_int, priority: c_int) -> Result<u8, Errno> {
    match policy {
        OTHER if priority == 0 => Ok(NORMAL),
        FIFO | ROUND_ROBIN if (LEAST..=MOST).contains(&priority) => u8::try_from(priority).map(level).map_err(|_| Errno::EINVAL),
        _ => Err(Errno::EINVAL),
    }
}

fn set(block: &Block, policy: c_int, priority: c_int) -> Result<(), Errno> {
    thread::set_priority_of(block.tid.load(Ordering::Relaxed), kernels(policy, priority)?)?;
    block.policy.store(policy, Ordering::Relaxed);
    block.priority.store(priority, Ordering::Relaxed);
    Ok(())
}

/// POSIX `pthread_setschedparam`.
///
/// # Safety
/// `param` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_setschedparam(name: Name, policy: c_int, param: *const Param) -> c_int {
    // SAFETY: the caller's promise.
    let priority = unsafe { (*param).priority };
    number(Block::living(name).and_then(|block| set(block, policy, priority)))
}

/// POSIX `pthread_getschedparam`.
///
/// # Safety
/// There is room for both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getschedparam(name: Name, policy: *mut c_int, param: *mut Param) -> c_int {
    number(Block::living(name).map(|block| {
        // SAFETY: the caller's promise.
        unsafe { policy.write(block.policy.load(Ordering::Relaxed)) };
        // SAFETY: as above.
        unsafe { (*param).priority = block.priority.load(Ordering::Relaxed) };
    }))
}

/// POSIX `pthread_setschedprio`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_setschedprio(name: Name, priority: c_int) -> c_int {
    number(Block::living(name).and_then(|block| set(block, block.policy.load(Ordering::Relaxed), priority)))
}

/// The block that a `pid_t` of `sched_…` means: 0 or the program's number, the caller's.
fn of_process(pid: c_int) -> Result<&'static Block, Errno> {
    let me = Block::current();
    let is_me = pid == 0 || pid == crate::linux::process::PID || pid.cast_unsigned() == me.tid.load(Ordering::Relaxed);
    if is_me { Ok(me) } else { Err(if pid < 0 { Errno::EINVAL } else { Errno::ESRCH }) }
}

/// The calling thread's policy and priority, as Linux takes it (POSIX `sched_setscheduler`).
///
/// # Safety
/// `param` is one, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_setscheduler(pid: c_int, policy: c_int, param: *const Param) -> c_int {
    // SAFETY: the caller's promise.
    let param = unsafe { param.as_ref() }.ok_or(Errno::EINVAL);
    errno::answer(param.and_then(|param| of_process(pid).and_then(|block| set(block, policy, param.priority))).map(|()| 0))
}

/// POSIX `sched_getscheduler`.
#[unsafe(no_mangle)]
pub extern "C" fn sched_getscheduler(pid: c_int) -> c_int {
    errno::answer(of_process(pid).map(|block| block.policy.load(Ordering::Relaxed)))
}

/// POSIX `sched_setparam`.
///
/// # Safety
/// `param` is one, or null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_setparam(pid: c_int, param: *const Param) -> c_int {
    let policy = of_process(pid).map_or(OTHER, |block| block.policy.load(Ordering::Relaxed));
    // SAFETY: the caller's promise.
    unsafe { sched_setscheduler(pid, policy, param) }
}

/// POSIX `sched_getparam`.
///
/// # Safety
/// There is room, or it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_getparam(pid: c_int, param: *mut Param) -> c_int {
    // SAFETY: the caller's promise.
    let param = unsafe { param.as_mut() }.ok_or(Errno::EINVAL);
    errno::answer(param.and_then(|param| {
        param.priority = of_process(pid)?.priority.load(Ordering::Relaxed);
        Ok(0)
    }))
}

/// POSIX `sched_get_priority_min`.
#[unsafe(no_mangle)]
pub extern "C" fn sched_get_priority_min(policy: c_int) -> c_int {
    errno::answer(match policy {
        OTHER => Ok(0),
        FIFO | ROUND_ROBIN => Ok(LEAST),
        _ => Err(Errno::EINVAL),
    })
}

/// POSIX `sched_get_priority_max`.
#[unsafe(no_mangle)]
pub extern "C" fn sched_get_priority_max(policy: c_int) -> c_int {
    errno::answer(match policy {
        OTHER => Ok(0),
        FIFO | ROUND_ROBIN => Ok(MOST),
        _ => Err(Errno::EINVAL),
    })
}

/// A slice among equals (POSIX `sched_rr_get_interval`).
///
/// # Safety
/// There is room, or it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_rr_get_interval(pid: c_int, place: *mut TimeSpec) -> c_int {
    errno::answer(of_process(pid).and_then(|_| {
        if place.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's promise.
        unsafe { place.write(TimeSpec { tv_sec: 0, tv_nsec: skete::time::SLICE_NS.cast_signed() }) };
        Ok(0)
    }))
}

/// POSIX `sched_yield`.
#[unsafe(no_mangle)]
pub extern "C" fn sched_yield() -> c_int {
    skete::calls::threads::sys_yield();
    signal::point();
    0
}

/// The core that the caller runs on (`sched_getcpu(3)`).
#[unsafe(no_mangle)]
pub extern "C" fn sched_getcpu() -> c_int {
    c_int::try_from(thread::core()).unwrap_or(0)
}

/// The cores in the mask at `mask`.
///
/// # Errors
/// `EINVAL`: there is none.
///
/// # Safety
/// `bytes` can be read there.
pub unsafe fn cores_at(mask: *const u8, bytes: usize) -> Result<u8, Errno> {
    if bytes == 0 || mask.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's promise.
    let cores = unsafe { mask.read() } & ANY_CORE;
    if cores == 0 { Err(Errno::EINVAL) } else { Ok(cores) }
}

/// Writes a mask.
///
/// # Errors
/// `EINVAL`: there is no room.
///
/// # Safety
/// `bytes` can be written there.
pub unsafe fn put_cores(cores: u8, mask: *mut u8, bytes: usize) -> Result<(), Errno> {
    if bytes == 0 || mask.is_null() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the caller's promise.
    unsafe { mask.write_bytes(0, bytes) };
    // SAFETY: as above.
    unsafe { mask.write(cores) };
    Ok(())
}

/// `pthread_setaffinity_np(3)`.
///
/// # Safety
/// `bytes` of a mask are at `mask`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_setaffinity_np(name: Name, bytes: usize, mask: *const u8) -> c_int {
    // SAFETY: the caller's promise.
    let cores = unsafe { cores_at(mask, bytes) };
    number(Block::living(name).and_then(|block| thread::set_affinity_of(block.tid.load(Ordering::Relaxed), cores?)))
}

/// `pthread_getaffinity_np(3)`.
///
/// # Safety
/// There is room for `bytes` of a mask.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getaffinity_np(name: Name, bytes: usize, mask: *mut u8) -> c_int {
    let cores = Block::living(name).and_then(|block| thread::affinity_of(block.tid.load(Ordering::Relaxed)));
    // SAFETY: the caller's promise.
    number(cores.and_then(|cores| unsafe { put_cores(cores, mask, bytes) }))
}

/// The tid that a `pid_t` of `sched_setaffinity` means: 0 or the program's number, the caller.
fn tid_of(pid: c_int) -> u32 {
    if pid == 0 || pid == crate::linux::process::PID { thread::tid() } else { pid.cast_unsigned() }
}

/// `sched_setaffinity(2)`.
///
/// # Safety
/// As [`pthread_setaffinity_np`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_setaffinity(pid: c_int, bytes: usize, mask: *const u8) -> c_int {
    // SAFETY: the caller's promise.
    errno::answer(unsafe { cores_at(mask, bytes) }.and_then(|cores| thread::set_affinity_of(tid_of(pid), cores)).map(|()| 0))
}

/// `sched_getaffinity(2)`.
///
/// # Safety
/// As [`pthread_getaffinity_np`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sched_getaffinity(pid: c_int, bytes: usize, mask: *mut u8) -> c_int {
    // SAFETY: the caller's promise.
    errno::answer(thread::affinity_of(tid_of(pid)).and_then(|cores| unsafe { put_cores(cores, mask, bytes) }).map(|()| 0))
}
