//! `pthread_attr_t`: what a thread is to be.
#![allow(unsafe_code, reason = "exported names, and structs that the program names by their address")]

use core::ffi::{c_int, c_void};

use skete_abi::Errno;
use skete_signals::{Set, Signal};

use super::schedule::{self, Param};
use crate::errno::number;

/// Bytes of stack that a thread gets without a word: as on Linux.
const STACK: usize = 8 << 20;
/// The least that it may ask for (`PTHREAD_STACK_MIN`).
pub const LEAST_STACK: usize = 16 << 10;
/// Bytes of guard: a page, always.
pub const GUARD: usize = 4096;

/// `PTHREAD_CREATE_JOINABLE` and `PTHREAD_CREATE_DETACHED`.
const JOINABLE: c_int = 0;
/// See there.
pub const DETACHED: c_int = 1;
/// `PTHREAD_INHERIT_SCHED` and `PTHREAD_EXPLICIT_SCHED`.
const INHERIT: c_int = 0;
/// See there.
pub const EXPLICIT: c_int = 1;
/// `PTHREAD_SCOPE_SYSTEM` and `PTHREAD_SCOPE_PROCESS`.
const SYSTEM: c_int = 0;
const PROCESS: c_int = 1;

/// `pthread_attr_t`, in the room that musl's header has for it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Attr {
    /// Bytes of stack.
    pub stack_bytes: usize,
    /// Bytes of guard, as asked for.
    pub guard_bytes: usize,
    /// The stack's lowest byte; 0: the kernel gives one.
    pub stack: usize,
    /// Joinable or detached.
    pub detach: c_int,
    /// Whether policy and priority are the creator's or these.
    pub inherit: c_int,
    /// See [`schedule`].
    pub policy: c_int,
    /// As C has it.
    pub priority: c_int,
    /// One bit a core; 0: wherever the creator may.
    pub cores: u64,
    /// The signals that it keeps away, and [`HAS_MASK`]; 0: those that the creator does.
    pub mask: u64,
}

/// In [`Attr::mask`]: it was given. The bit is SIGKILL's, which nobody keeps away.
pub const HAS_MASK: u64 = Set::of(Signal::KILL).0;

const _: () = assert!(size_of::<Attr>() <= 56, "musl's pthread_attr_t has 56 bytes");

impl Attr {
    /// What a thread is without a word.
    pub const DEFAULT: Self = Self {
        stack_bytes: STACK,
        guard_bytes: GUARD,
        stack: 0,
        detach: JOINABLE,
        inherit: INHERIT,
        policy: schedule::OTHER,
        priority: 0,
        cores: 0,
        mask: 0,
    };
}

/// Does `change` to the attributes, which the program says are there.
fn change(attr: *mut Attr, change: impl FnOnce(&mut Attr) -> Result<(), Errno>) -> c_int {
    // SAFETY: the program's own.
    number(unsafe { attr.as_mut() }.ok_or(Errno::EINVAL).and_then(change))
}

/// Puts what `tell` says into `*place`.
fn tell<T>(attr: *const Attr, place: *mut T, tell: impl FnOnce(&Attr) -> T) -> c_int {
    // SAFETY: the program's own.
    let Some(attr) = (unsafe { attr.as_ref() }) else { return Errno::EINVAL.number() };
    // SAFETY: the program says that there is room.
    unsafe { place.write(tell(attr)) };
    0
}

fn one_of(value: c_int, values: &[c_int]) -> Result<c_int, Errno> {
    if values.contains(&value) { Ok(value) } else { Err(Errno::EINVAL) }
}

/// POSIX `pthread_attr_init`.
///
/// # Safety
/// There is room for the attributes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_attr_init(attr: *mut Attr) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { attr.write(Attr::DEFAULT) };
    0
}

/// POSIX `pthread_attr_destroy`: nothing is held.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_destroy(_attr: *mut Attr) -> c_int {
    0
}

/// POSIX `pthread_attr_setdetachstate`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_setdetachstate(attr: *mut Attr, detach: c_int) -> c_int {
    change(attr, |attr| one_of(detach, &[JOINABLE, DETACHED]).map(|detach| attr.detach = detach))
}

/// POSIX `pthread_attr_getdetachstate`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_getdetachstate(attr: *const Attr, place: *mut c_int) -> c_int {
    tell(attr, place, |attr| attr.detach)
}

/// POSIX `pthread_attr_setstacksize`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_setstacksize(attr: *mut Attr, bytes: usize) -> c_int {
    change(attr, |attr| {
        if bytes < LEAST_STACK || isize::try_from(bytes).is_err() {
            return Err(Errno::EINVAL);
        }
        (attr.stack, attr.stack_bytes) = (0, bytes);
        Ok(())
    })
}

/// POSIX `pthread_attr_getstacksize`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_getstacksize(attr: *const Attr, place: *mut usize) -> c_int {
    tell(attr, place, |attr| attr.stack_bytes)
}

/// POSIX `pthread_attr_setstack`: the thread runs on `bytes` from `stack` on.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_setstack(attr: *mut Attr, stack: *mut c_void, bytes: usize) -> c_int {
    change(attr, |attr| {
        if bytes < LEAST_STACK || stack.is_null() || (stack as usize).checked_add(bytes).is_none() {
            return Err(Errno::EINVAL);
        }
        (attr.stack, attr.stack_bytes) = (stack as usize, bytes);
        Ok(())
    })
}

/// POSIX `pthread_attr_getstack`.
///
/// # Safety
/// There is room for both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_attr_getstack(attr: *const Attr, stack: *mut *mut c_void, bytes: *mut usize) -> c_int {
    tell(attr, stack, |attr| attr.stack as *mut c_void).max(tell(attr, bytes, |attr| attr.stack_bytes))
}

/// POSIX `pthread_attr_setguardsize`: it is remembered; a stack of the kernel's has a page of guard whatever is asked.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_setguardsize(attr: *mut Attr, bytes: usize) -> c_int {
    change(attr, |attr| {
        attr.guard_bytes = bytes;
        Ok(())
    })
}

/// POSIX `pthread_attr_getguardsize`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_getguardsize(attr: *const Attr, place: *mut usize) -> c_int {
    tell(attr, place, |attr| attr.guard_bytes)
}

/// POSIX `pthread_attr_setinheritsched`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_setinheritsched(attr: *mut Attr, inherit: c_int) -> c_int {
    change(attr, |attr| one_of(inherit, &[INHERIT, EXPLICIT]).map(|inherit| attr.inherit = inherit))
}

/// POSIX `pthread_attr_getinheritsched`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_getinheritsched(attr: *const Attr, place: *mut c_int) -> c_int {
    tell(attr, place, |attr| attr.inherit)
}

/// POSIX `pthread_attr_setschedpolicy`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_setschedpolicy(attr: *mut Attr, policy: c_int) -> c_int {
    change(attr, |attr| one_of(policy, &schedule::POLICIES).map(|policy| attr.policy = policy))
}

/// POSIX `pthread_attr_getschedpolicy`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_getschedpolicy(attr: *const Attr, place: *mut c_int) -> c_int {
    tell(attr, place, |attr| attr.policy)
}

/// POSIX `pthread_attr_setschedparam`: `EINVAL` for a priority that the policy has not.
///
/// # Safety
/// `param` is one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_attr_setschedparam(attr: *mut Attr, param: *const Param) -> c_int {
    // SAFETY: the caller's promise.
    let Some(param) = (unsafe { param.as_ref() }) else { return Errno::EINVAL.number() };
    change(attr, |attr| {
        schedule::kernels(attr.policy, param.priority)?;
        attr.priority = param.priority;
        Ok(())
    })
}

/// POSIX `pthread_attr_getschedparam`.
///
/// # Safety
/// There is room.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_attr_getschedparam(attr: *const Attr, param: *mut Param) -> c_int {
    // SAFETY: the first member; the rest means nothing.
    tell(attr, unsafe { &raw mut (*param).priority }, |attr| attr.priority)
}

/// POSIX `pthread_attr_setscope`: all threads compete with all: `ENOTSUP` for those of a process among themselves.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_setscope(attr: *mut Attr, scope: c_int) -> c_int {
    change(attr, |_| match scope {
        SYSTEM => Ok(()),
        PROCESS => Err(Errno::EOPNOTSUPP),
        _ => Err(Errno::EINVAL),
    })
}

/// POSIX `pthread_attr_getscope`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_attr_getscope(attr: *const Attr, place: *mut c_int) -> c_int {
    tell(attr, place, |_| SYSTEM)
}

/// What [`Attr::cores`] holds where none of the mask's cores is there: such a thread cannot be made.
const NO_CORE: u64 = 1 << 8;

/// The cores that the thread may run on (`pthread_attr_setaffinity_np(3)`); without a mask, those of the thread that makes it.
///
/// # Safety
/// `bytes` of a mask are at `mask`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_attr_setaffinity_np(attr: *mut Attr, bytes: usize, mask: *const u8) -> c_int {
    change(attr, |attr| {
        let is_none = bytes == 0 || mask.is_null();
        // SAFETY: the caller's promise.
        attr.cores = if is_none { 0 } else { unsafe { schedule::cores_at(mask, bytes) }.map_or(NO_CORE, u64::from) };
        Ok(())
    })
}

/// See [`pthread_attr_setaffinity_np`].
///
/// # Safety
/// There is room for `bytes` of a mask.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_attr_getaffinity_np(attr: *const Attr, bytes: usize, mask: *mut u8) -> c_int {
    // SAFETY: the program's own.
    let Some(attr) = (unsafe { attr.as_ref() }) else { return Errno::EINVAL.number() };
    let cores = if attr.cores == 0 { schedule::ANY_CORE } else { u8::try_from(attr.cores).unwrap_or(0) };
    // SAFETY: the caller's promise.
    number(unsafe { schedule::put_cores(cores, mask, bytes) })
}

/// The signals that the thread keeps away (`pthread_attr_setsigmask_np(3)`); without a set, those that the thread does which makes it.
///
/// # Safety
/// A set is there, or it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_attr_setsigmask_np(attr: *mut Attr, mask: *const u64) -> c_int {
    change(attr, |attr| {
        // SAFETY: the caller's promise.
        attr.mask = unsafe { mask.as_ref() }.map_or(0, |mask| mask | HAS_MASK);
        Ok(())
    })
}

/// See [`pthread_attr_setsigmask_np`]: −1 if none was given.
///
/// # Safety
/// There is room for a set.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_attr_getsigmask_np(attr: *const Attr, place: *mut u64) -> c_int {
    const NONE: c_int = -1;
    // SAFETY: the program's own.
    let mask = unsafe { attr.as_ref() }.map_or(0, |attr| attr.mask);
    // SAFETY: the caller's promise.
    unsafe { place.write(mask & !HAS_MASK) };
    if mask == 0 { NONE } else { 0 }
}
