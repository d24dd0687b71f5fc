//! What musl must know of threads: that there are several, and its own names for what ours do.
#![allow(unsafe_code, reason = "exported names; musl's variables and files")]

use core::ffi::{c_int, c_void};

use super::state::__libc;
use crate::thread::cancel;

/// Where a `FILE` has its lock, and the next open one (musl 1.2.3, `src/internal/stdio_impl.h`).
const LOCK: usize = 140;
const NEXT: usize = 112;

/// A lock that is never taken, for there is one thread; and one that is free.
const NEVER: c_int = -1;
const FREE: c_int = 0;

unsafe extern "C" {
    #[linkage = "extern_weak"]
    static __ofl_lock: Option<unsafe extern "C" fn() -> *const *mut u8>;
    #[linkage = "extern_weak"]
    static __ofl_unlock: Option<unsafe extern "C" fn()>;
    #[linkage = "extern_weak"]
    static __stdin_used: *const *mut u8;
    #[linkage = "extern_weak"]
    static __stdout_used: *const *mut u8;
    #[linkage = "extern_weak"]
    static __stderr_used: *const *mut u8;
}

/// The second thread is about to begin: from now on musl's locks are taken.
#[optimize(speed)]
pub fn begin() {
    // SAFETY: musl's own; the calling thread is the only one.
    let state = unsafe { &mut *(&raw mut __libc) };
    state.need_locks = 1;
    if core::mem::replace(&mut state.threaded, 1) != 0 {
        return;
    }
    for_each_open_file(lock_from_now_on);
    // SAFETY: a name that is there or not, as the program uses it.
    for place in unsafe { [__stdin_used, __stdout_used, __stderr_used] } {
        if !place.is_null() {
            // SAFETY: musl keeps a pointer to the file there.
            lock_from_now_on(unsafe { place.read() });
        }
    }
}

fn for_each_open_file(act: impl Fn(*mut u8)) {
    // SAFETY: as above.
    let (Some(lock), Some(unlock)) = (unsafe { (__ofl_lock, __ofl_unlock) }) else { return };
    // SAFETY: musl's list, under its lock.
    let mut file = unsafe { lock().read() };
    while !file.is_null() {
        act(file);
        // SAFETY: an open file of the list.
        file = unsafe { file.add(NEXT).cast::<*mut u8>().read() };
    }
    // SAFETY: locked above.
    unsafe { unlock() };
}

fn lock_from_now_on(file: *mut u8) {
    if file.is_null() {
        return;
    }
    // SAFETY: a `FILE` of musl's.
    let lock = unsafe { &mut *file.add(LOCK).cast::<c_int>() };
    if *lock == NEVER {
        *lock = FREE;
    }
}

/// As `pthread_setcancelstate`.
#[unsafe(no_mangle)]
extern "C" fn __pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int {
    cancel::pthread_setcancelstate(state, before)
}

/// As `pthread_testcancel`.
#[unsafe(no_mangle)]
extern "C" fn __pthread_testcancel() {
    cancel::point();
}

/// As `pthread_testcancel`.
#[unsafe(no_mangle)]
extern "C" fn __testcancel() {
    cancel::point();
}

/// musl has every thread do `function`, where Linux keeps a thing for each: here there is one of it.
#[unsafe(no_mangle)]
extern "C" fn __synccall(function: extern "C" fn(*mut c_void), argument: *mut c_void) {
    function(argument);
}

macro_rules! nothing {
    ($($name:ident)*) => {
        $(
            /// musl's own threads would wait here for one another; there are none.
            #[unsafe(no_mangle)]
            extern "C" fn $name() {}
        )*
    };
}

nothing! { __tl_lock __tl_unlock __tl_sync __acquire_ptc __release_ptc __inhibit_ptc __vm_lock __vm_unlock __vm_wait }
