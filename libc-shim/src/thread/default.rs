//! What threads are without a word, where the program has said so: `pthread_setattr_default_np(3)`.
#![allow(unsafe_code, reason = "exported names, and structs that the program names by their address")]

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};

use skete::lock::Spin;
use skete_abi::Errno;

use super::attr::{Attr, EXPLICIT};
use super::schedule;
use crate::errno::number;

static DEFAULT: Spin<Attr> = Spin::new(Attr::DEFAULT);
/// Whether the program has said anything: until then nobody takes the lock.
static IS_SAID: AtomicBool = AtomicBool::new(false);

/// What a thread is now without a word, if the program has said so.
#[inline]
pub fn said() -> Option<Attr> {
    IS_SAID.load(Ordering::Acquire).then(|| *DEFAULT.lock())
}

fn say(attr: &Attr) -> Result<(), Errno> {
    if attr.stack != 0 {
        return Err(Errno::EINVAL);
    }
    if attr.inherit == EXPLICIT {
        schedule::kernels(attr.policy, attr.priority)?;
    }
    *DEFAULT.lock() = *attr;
    IS_SAID.store(true, Ordering::Release);
    Ok(())
}

/// See `pthread_setattr_default_np(3)`: `EINVAL` with a stack of the program's own, or a priority that there is not.
///
/// # Safety
/// Attributes are there, or it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_setattr_default_np(attr: *const Attr) -> c_int {
    // SAFETY: the caller's promise.
    number(unsafe { attr.as_ref() }.ok_or(Errno::EINVAL).and_then(say))
}

/// See there.
///
/// # Safety
/// There is room for the attributes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pthread_getattr_default_np(place: *mut Attr) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { place.write(*DEFAULT.lock()) };
    0
}
