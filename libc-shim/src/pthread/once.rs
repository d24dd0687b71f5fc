//! `pthread_once`. One whose function's thread is cancelled has not happened: the next one calls it again.
#![allow(unsafe_code, reason = "exported names; a handler that stays as long as the function runs")]

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use skete_sync::Once;

use super::kernel::Kernel;
use crate::thread::cancel::{_pthread_cleanup_pop, _pthread_cleanup_push, Cleanup};

extern "C" fn abandon(once: *mut c_void) {
    // SAFETY: the one that `pthread_once` was called with, and has not returned.
    unsafe { &*once.cast::<Once>() }.abandon(&Kernel);
}

/// POSIX `pthread_once`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_once(once: &Once, function: extern "C" fn()) -> c_int {
    if once.begin(&Kernel) {
        run(once, function);
    }
    0
}

#[cold]
fn run(once: &Once, function: extern "C" fn()) {
    let mut handler = MaybeUninit::<Cleanup>::uninit();
    // SAFETY: it is popped before this returns; a thread that ends meanwhile runs it while its stack is still there.
    unsafe { _pthread_cleanup_push(handler.as_mut_ptr(), abandon, core::ptr::from_ref(once).cast_mut().cast()) };
    function();
    // SAFETY: what `function` pushed it has popped.
    unsafe { _pthread_cleanup_pop(handler.as_mut_ptr(), 0) };
    once.done(&Kernel);
}
