//! What can be asked of a thread: its name, its stack, its clock; and what is accepted without effect.
#![allow(unsafe_code, reason = "exported names, and places that the program names by their address")]

use core::ffi::{CStr, c_char, c_int, c_void};
use core::sync::atomic::{AtomicI32, Ordering};

use skete::thread;
use skete_abi::Errno;

use super::attr::{Attr, DETACHED};
use super::block::{Block, Name, state};
use crate::errno::number;
use crate::linux::time::clock_of;

/// Bytes of a name, its NUL included.
const NAME: usize = 16;

/// Names a thread: `ERANGE` if the name has more than 15 bytes (`pthread_setname_np(3)`).
///
/// # Safety
/// `text` is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_setname_np(name: Name, text: *const c_char) -> c_int {
    // SAFETY: the caller's promise.
    let text = unsafe { CStr::from_ptr(text) }.to_bytes();
    number(Block::living(name).and_then(|block| {
        if text.len() >= NAME {
            return Err(Errno::ERANGE);
        }
        let text = core::str::from_utf8(text).map_err(|_| Errno::EINVAL)?;
        thread::set_name_of(block.tid.load(Ordering::Relaxed), text)
    }))
}

/// See [`pthread_setname_np`].
///
/// # Safety
/// There is room for `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getname_np(name: Name, place: *mut c_char, bytes: usize) -> c_int {
    number(Block::living(name).and_then(|block| {
        if bytes < NAME {
            return Err(Errno::ERANGE);
        }
        let text = thread::name_of(block.tid.load(Ordering::Relaxed))?;
        let length = text.iter().position(|byte| *byte == 0).unwrap_or(text.len()).min(NAME - 1);
        // SAFETY: the caller's promise.
        unsafe { place.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), length) };
        // SAFETY: as above.
        unsafe { place.add(length).write(0) };
        Ok(())
    }))
}

/// What a thread is (`pthread_getattr_np(3)`).
///
/// # Safety
/// There is room for the attributes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getattr_np(name: Name, attr: *mut Attr) -> c_int {
    number(Block::living(name).and_then(|block| {
        let tid = block.tid.load(Ordering::Relaxed);
        let (stack, stack_bytes) = match block.stack.load(Ordering::Relaxed) {
            0 => thread::stack_of(tid).map(|range| (range.start, range.len()))?,
            stack => (stack, block.stack_bytes.load(Ordering::Relaxed)),
        };
        let found = Attr {
            stack,
            stack_bytes,
            guard_bytes: block.guard_bytes.load(Ordering::Relaxed),
            detach: if block.state.load(Ordering::Relaxed) == state::DETACHED { DETACHED } else { 0 },
            policy: block.policy.load(Ordering::Relaxed),
            priority: block.priority.load(Ordering::Relaxed),
            cores: thread::affinity_of(tid)?.into(),
            ..Attr::DEFAULT
        };
        // SAFETY: the caller's promise.
        unsafe { attr.write(found) };
        Ok(())
    }))
}

/// POSIX `pthread_getcpuclockid`.
///
/// # Safety
/// There is room for the clock's name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getcpuclockid(name: Name, place: *mut c_int) -> c_int {
    number(Block::living(name).and_then(|block| {
        let tid = block.tid.load(Ordering::Relaxed);
        // Asked once already, so that what runs from now on is counted.
        thread::ran_ns_of(tid)?;
        // SAFETY: the caller's promise.
        unsafe { place.write(clock_of(tid)) };
        Ok(())
    }))
}

static CONCURRENCY: AtomicI32 = AtomicI32::new(0);

/// POSIX `pthread_setconcurrency`: remembered; every thread is the kernel's own.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_setconcurrency(level: c_int) -> c_int {
    if level < 0 {
        return Errno::EINVAL.number();
    }
    CONCURRENCY.store(level, Ordering::Relaxed);
    0
}

/// POSIX `pthread_getconcurrency`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_getconcurrency() -> c_int {
    CONCURRENCY.load(Ordering::Relaxed)
}

/// POSIX `pthread_atfork`: accepted; there is no `fork` that would call them.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_atfork(_prepare: *const c_void, _parent: *const c_void, _child: *const c_void) -> c_int {
    0
}
