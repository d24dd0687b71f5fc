//! Waits that only Hermit's ABI knows.
#![allow(unsafe_code, reason = "the Hermit ABI is foreign functions")]

use std::ptr;

/// Waits for a semaphore that nobody posts.
pub fn for_semaphore() {
    let mut semaphore: hermit_abi::sem_t = ptr::null();
    // SAFETY: it lives as long as the wait, which nobody ends.
    unsafe { hermit_abi::sem_init(&raw mut semaphore, 0, 0) };
    // SAFETY: as above; no deadline is null.
    unsafe { hermit_abi::sem_timedwait(&raw mut semaphore, ptr::null()) };
}

/// Waits in a queue that nobody notifies.
pub fn in_queue() {
    let mut queue = 0_usize;
    let id = &raw mut queue as usize;
    // SAFETY: it lives as long as the wait, which nobody ends.
    unsafe { hermit_abi::init_queue(id) };
    // SAFETY: as above.
    unsafe { hermit_abi::wait(id) };
}
