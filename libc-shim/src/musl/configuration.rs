//! `sysconf`, where its answer is ours and not musl's: the linker gives every caller this one (`--wrap`), and this one musl's.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::{c_int, c_long};

use crate::thread::attr::LEAST_STACK;

/// `_SC_THREAD_STACK_MIN`.
const STACK: c_int = 75;

unsafe extern "C" {
    /// musl's.
    fn __real_sysconf(name: c_int) -> c_long;
}

/// POSIX `sysconf`.
#[unsafe(no_mangle)]
extern "C" fn __wrap_sysconf(name: c_int) -> c_long {
    match name {
        STACK => LEAST_STACK.cast_signed() as c_long,
        // SAFETY: it only asks.
        _ => unsafe { __real_sysconf(name) },
    }
}
