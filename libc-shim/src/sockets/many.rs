//! Several messages in one call: `sendmmsg(2)` and `recvmmsg(2)`.
#![allow(unsafe_code, reason = "exported names; structs that the program names by their address")]

use core::ffi::{c_int, c_uint};

use skete::time;
use skete_abi::Errno;
use skete_abi::futex::TimeSpec;

use super::messages::{Header, receive_message, send_message};
use crate::errno;
use crate::linux::time::ns_at;

/// `MSG_DONTWAIT`, `MSG_WAITFORONE`.
const DO_NOT_WAIT: c_int = 0x40;
const WAIT_FOR_ONE: c_int = 0x1_0000;
/// The most messages in one call; more are none (`UIO_MAXIOV`).
const MOST: c_uint = 1024;

/// `struct mmsghdr`.
#[repr(C)]
pub struct Message {
    header: Header,
    length: c_uint,
}

/// Does `one` with each message until it fails or `goes_on` says no; how many those were. An error counts if it was the first.
///
/// # Safety
/// So many are there, and whatever they name.
unsafe fn each(
    first: *mut Message,
    count: c_uint,
    mut one: impl FnMut(&mut Header) -> Result<usize, Errno>,
    mut goes_on: impl FnMut() -> bool,
) -> Result<c_int, Errno> {
    let mut done: c_int = 0;
    for number in 0..count.min(MOST) {
        // SAFETY: the caller's promise.
        let message = unsafe { first.add(number as usize).as_mut() }.ok_or(Errno::EFAULT)?;
        match one(&mut message.header) {
            Ok(length) => message.length = c_uint::try_from(length).unwrap_or(c_uint::MAX),
            Err(_) if done > 0 => break,
            Err(error) => return Err(error),
        }
        done += 1;
        if !goes_on() {
            break;
        }
    }
    Ok(done)
}

/// See `sendmmsg(2)`.
///
/// # Safety
/// As many messages are there, and whatever they name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmmsg(fd: c_int, messages: *mut Message, count: c_uint, flags: c_uint) -> c_int {
    // SAFETY: the caller's promise.
    let one = |header: &mut Header| unsafe { send_message(fd, header, flags.cast_signed()) };
    // SAFETY: the caller's promise.
    errno::answer(unsafe { each(messages, count, one, || true) })
}

/// See `recvmmsg(2)`: the timeout is looked at after each message.
///
/// # Safety
/// As [`sendmmsg`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmmsg(fd: c_int, messages: *mut Message, count: c_uint, flags: c_uint, timeout: *const TimeSpec) -> c_int {
    let deadline = if timeout.is_null() { Ok(None) } else { ns_at(timeout).map(|ns| Some(time::now().saturating_add_ns(ns))) };
    let mut flags = flags.cast_signed();
    let waits_for_one = flags & WAIT_FOR_ONE != 0;
    flags &= !WAIT_FOR_ONE;
    let one = |header: &mut Header| {
        // SAFETY: the caller's promise.
        let received = unsafe { receive_message(fd, header, flags) };
        if waits_for_one {
            flags |= DO_NOT_WAIT;
        }
        received
    };
    errno::answer(deadline.and_then(|deadline| {
        let goes_on = || deadline.is_none_or(|deadline| time::now() < deadline);
        // SAFETY: the caller's promise.
        unsafe { each(messages, count, one, goes_on) }
    }))
}
