//! Futaphores as C calls them. An error is a negative number; `page` is what [`get_fut_page`] tells, `fut` what [`fut_new`] gives.
//!
//! Who waits in a C program takes its signals there, and waits on, as if each handler had SA_RESTART; one that is to be cancelled wherever it
//! is ends.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::{c_int, c_uint, c_ulong};

use skete_abi::Errno;

use super::{answer_int, note};
use crate::futaphore::{Futaphore, Page};

/// Page and number looked at.
#[inline(always)]
fn named(page: c_ulong, fut: c_ulong) -> Result<Futaphore, Errno> {
    let number = usize::try_from(fut).map_err(|_| Errno::EINVAL)?;
    Page::at(usize::try_from(page).map_err(|_| Errno::EINVAL)?)?.futaphore(number)
}

/// What an operation answers: 0, or the error below zero.
#[inline(always)]
fn answer(result: Result<(), Errno>) -> c_int {
    match result {
        Ok(()) => 0,
        Err(errno) => -note(errno),
    }
}

/// The page's address.
#[unsafe(no_mangle)]
pub extern "C" fn get_fut_page() -> c_ulong {
    Page::get().address() as c_ulong
}

/// Makes a futaphore that begins at `count`: its number, 1–63, or 0: all are used, `count` is above 2³¹ − 1, or the page is none.
/// `sys_get_errno` tells which: `ENOSPC`, `EOVERFLOW`, `EINVAL`.
#[unsafe(no_mangle)]
pub extern "C" fn fut_new(page: c_ulong, count: c_uint) -> c_ulong {
    let made = usize::try_from(page).map_err(|_| Errno::EINVAL).and_then(Page::at).and_then(|page| page.make(count));
    match made {
        Ok(futaphore) => futaphore.number() as c_ulong,
        Err(errno) => {
            note(errno);
            0
        }
    }
}

/// Takes one, sleeping until there is one: 0, `-EINVAL`, `-EIDRM`.
#[unsafe(no_mangle)]
pub extern "C" fn fut_p(page: c_ulong, fut: c_ulong) -> c_int {
    answer(named(page, fut).and_then(Futaphore::p_for_c))
}

/// Takes one, for which it sleeps `timeout_ns` nanoseconds at most: 0, `-ETIMEDOUT`, `-EINVAL`, `-EIDRM`.
#[unsafe(no_mangle)]
pub extern "C" fn fut_p_timeout(page: c_ulong, fut: c_ulong, timeout_ns: c_ulong) -> c_int {
    answer(named(page, fut).and_then(|futaphore| futaphore.p_timeout_for_c(timeout_ns)))
}

/// Takes one if there is one: 0, `-EAGAIN`, `-EINVAL`.
#[unsafe(no_mangle)]
pub extern "C" fn fut_try_p(page: c_ulong, fut: c_ulong) -> c_int {
    answer(named(page, fut).and_then(Futaphore::try_p))
}

/// Gives one, and wakes one who waits: 0, `-EOVERFLOW`, `-EINVAL`, `-EIDRM`.
#[unsafe(no_mangle)]
pub extern "C" fn fut_v(page: c_ulong, fut: c_ulong) -> c_int {
    answer(named(page, fut).and_then(Futaphore::v))
}

/// The count, or `-EINVAL`.
#[unsafe(no_mangle)]
pub extern "C" fn fut_value(page: c_ulong, fut: c_ulong) -> c_int {
    answer_int(named(page, fut).and_then(Futaphore::value))
}

/// Frees a futaphore, and tells those who wait `-EIDRM`: 0, `-EINVAL`.
#[unsafe(no_mangle)]
pub extern "C" fn fut_free(page: c_ulong, fut: c_ulong) -> c_int {
    answer(named(page, fut).and_then(Futaphore::free))
}
