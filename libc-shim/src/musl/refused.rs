//! What cannot be where one program has the machine for itself: it answers `ENOSYS`, whatever it is asked.
#![allow(unsafe_code, reason = "exported names")]

use core::ffi::c_int;

use skete_abi::Errno;

use crate::errno;

macro_rules! refused {
    ($($name:ident)*) => {
        $(
            /// −1 with `ENOSYS`: there is one program.
            #[unsafe(no_mangle)]
            extern "C" fn $name() -> c_int {
                errno::set(Errno::ENOSYS)
            }
        )*
    };
}

refused! { fork _Fork vfork clone __clone }

/// `ENOSYS`, as a number (POSIX `posix_spawn`).
#[unsafe(no_mangle)]
extern "C" fn posix_spawn() -> c_int {
    Errno::ENOSYS.number()
}

/// As [`posix_spawn`].
#[unsafe(no_mangle)]
extern "C" fn posix_spawnp() -> c_int {
    Errno::ENOSYS.number()
}
