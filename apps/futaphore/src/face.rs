//! The same by the names that C programs call.
#![allow(unsafe_code, reason = "functions as C declares them")]

use std::ffi::{c_int, c_uint, c_ulong};
use std::thread;
use std::time::{Duration, Instant};

use skete::Errno;
use skete::futaphore::Page;

use super::Check;
use super::sleepers::until_asleep;

/// This file's checks.
pub const CHECKS: &[Check] = &[("C's names move the same futaphores", moves), ("C's names answer errors below zero", errors)];

// SAFETY: so they are in `kernel/src/calls/futaphore.rs`.
unsafe extern "C" {
    safe fn get_fut_page() -> c_ulong;
    safe fn fut_new(page: c_ulong, count: c_uint) -> c_ulong;
    safe fn fut_p(page: c_ulong, fut: c_ulong) -> c_int;
    safe fn fut_p_timeout(page: c_ulong, fut: c_ulong, timeout_ns: c_ulong) -> c_int;
    safe fn fut_try_p(page: c_ulong, fut: c_ulong) -> c_int;
    safe fn fut_v(page: c_ulong, fut: c_ulong) -> c_int;
    safe fn fut_value(page: c_ulong, fut: c_ulong) -> c_int;
    safe fn fut_free(page: c_ulong, fut: c_ulong) -> c_int;
    safe fn sys_get_errno() -> c_int;
}

fn below_zero(errno: Errno) -> c_int {
    -errno.number()
}

fn moves() {
    let page = get_fut_page();
    let fut = fut_new(page, 1);
    assert!((1..64).contains(&fut));
    assert_eq!((fut_p(page, fut), fut_value(page, fut)), (0, 0));
    assert_eq!(fut_try_p(page, fut), below_zero(Errno::EAGAIN));
    let begun = Instant::now();
    assert_eq!(fut_p_timeout(page, fut, 2_000_000), below_zero(Errno::ETIMEDOUT));
    assert!(begun.elapsed() >= Duration::from_millis(2));
    assert_eq!((fut_v(page, fut), fut_try_p(page, fut)), (0, 0));
    thread::scope(|scope| {
        let sleepers = [(); 2].map(|()| scope.spawn(|| fut_p(page, fut)));
        let futaphore = Page::get().futaphore(fut.try_into().expect("it is a number")).expect("it is there");
        until_asleep(futaphore, 2);
        assert_eq!((fut_v(page, fut), fut_v(page, fut)), (0, 0));
        assert_eq!(sleepers.map(|sleeper| sleeper.join().expect("it does not panic")), [0; 2]);
    });
    assert_eq!(fut_free(page, fut), 0);
}

fn errors() {
    let page = get_fut_page();
    let made: Vec<_> = (0..63).map(|_| fut_new(page, 0)).collect();
    assert!(made.iter().all(|fut| *fut != 0));
    assert_eq!((fut_new(page, 0), sys_get_errno()), (0, Errno::ENOSPC.number()));
    assert!(made.iter().all(|fut| fut_free(page, *fut) == 0));
    assert_eq!((fut_new(page, 1 << 31), sys_get_errno()), (0, Errno::EOVERFLOW.number()));
    let fut = fut_new(page, c_uint::MAX >> 1);
    assert_eq!(fut_v(page, fut), below_zero(Errno::EOVERFLOW));
    assert_eq!(fut_free(page, fut), 0);
    let invalid = below_zero(Errno::EINVAL);
    assert_eq!((fut_new(page + 4096, 0), sys_get_errno()), (0, -invalid));
    for (page, fut) in [(page, fut), (page, 0), (page, 64), (page, c_ulong::MAX), (0, 1), (page + 64, 1), (c_ulong::MAX, 1)] {
        let answers = [fut_p(page, fut), fut_p_timeout(page, fut, 0), fut_try_p(page, fut), fut_v(page, fut), fut_free(page, fut)];
        assert_eq!((answers, fut_value(page, fut)), ([invalid; 5], invalid), "{page:#x} {fut}");
    }
}
