//! The end of a program, as C asks for it.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::c_int;

use skete::calls::process::{sys_abort, sys_exit};

/// Ends the program at once.
#[unsafe(no_mangle)]
extern "C" fn _Exit(status: c_int) -> ! {
    sys_exit(status & 0xff)
}

/// As [`_Exit`].
#[unsafe(no_mangle)]
extern "C" fn _exit(status: c_int) -> ! {
    _Exit(status)
}

/// Ends the program with status 134 and a backtrace, after the handler of SIGABRT if there is one (`abort(3)`).
#[unsafe(no_mangle)]
extern "C" fn abort() -> ! {
    crate::signal::handler::before_abort();
    sys_abort()
}
