//! The calls that find a lock as they wish: `pthread_mutex_lock`, `pthread_mutex_unlock`, `pthread_rwlock_rdlock`, `pthread_rwlock_unlock`,
//! `sem_wait`, `sem_post`.
//!
//! Every function of this program has a frame, for backtraces, which costs a lock that is free as much as the lock itself. These six have
//! none: each makes the first move of its function in `skete-sync`, in as many instructions, and goes there where that is not all.
#![allow(unsafe_code, reason = "exported names; functions without a frame are assembly")]

use core::arch::naked_asm;
use core::ffi::c_int;

use skete_sync::rwlock::MOST_READERS;
use skete_sync::semaphore::MOST;
use skete_sync::{Mutex, RwLock, Semaphore};

use super::kernel::Kernel;
use super::sem;
use crate::errno::number;
use crate::thread::cancel;

#[optimize(speed)]
extern "C" fn lock(mutex: &Mutex) -> c_int {
    number(mutex.lock_slow(&Kernel, None))
}

#[optimize(speed)]
extern "C" fn unlock(mutex: &Mutex) -> c_int {
    number(mutex.unlock(&Kernel))
}

#[optimize(speed)]
extern "C" fn wake(mutex: &Mutex) -> c_int {
    mutex.wake_one(&Kernel);
    0
}

#[optimize(speed)]
extern "C" fn read(lock: &RwLock) -> c_int {
    number(lock.read_slow(&Kernel, None))
}

#[optimize(speed)]
extern "C" fn leave(lock: &RwLock) -> c_int {
    number(lock.unlock_slow(&Kernel))
}

extern "C" fn post(semaphore: &Semaphore) -> c_int {
    sem::told(semaphore.post_slow(&Kernel))
}

#[optimize(speed)]
extern "C" fn wake_waiter(semaphore: &Semaphore) -> c_int {
    semaphore.wake_one(&Kernel);
    0
}

/// POSIX `pthread_mutex_lock`: as [`Mutex::lock`]. The kind stands in the first word, the lock's word in the second.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_lock(mutex: &Mutex) -> c_int {
    naked_asm!(
        "ldr w1, [x0]",
        "cbnz w1, 3f",
        "add x1, x0, #4",
        "mov w3, #1",
        "1: ldaxr w2, [x1]",
        "cbnz w2, 2f",
        "stxr w2, w3, [x1]",
        "cbnz w2, 1b",
        "mov w0, wzr",
        "ret",
        "2: clrex",
        "3: b {lock}",
        lock = sym lock,
    )
}

/// POSIX `pthread_mutex_unlock`: as [`Mutex::unlock`].
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_mutex_unlock(mutex: &Mutex) -> c_int {
    naked_asm!(
        "ldr w1, [x0]",
        "cbnz w1, 2f",
        "add x1, x0, #4",
        "1: ldxr w2, [x1]",
        "stlxr w3, wzr, [x1]",
        "cbnz w3, 1b",
        "tbnz w2, #1, 3f",
        "mov w0, wzr",
        "ret",
        "2: b {unlock}",
        "3: b {wake}",
        unlock = sym unlock,
        wake = sym wake,
    )
}

/// POSIX `pthread_rwlock_rdlock`: as [`RwLock::read`]. The state is the first word.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_rdlock(lock: &RwLock) -> c_int {
    naked_asm!(
        "mov w3, #{most}",
        "1: ldaxr w1, [x0]",
        "cmp w1, w3",
        "b.hs 2f",
        "add w1, w1, #1",
        "stxr w2, w1, [x0]",
        "cbnz w2, 1b",
        "mov w0, wzr",
        "ret",
        "2: clrex",
        "b {read}",
        most = const MOST_READERS,
        read = sym read,
    )
}

/// POSIX `pthread_rwlock_unlock`: as [`RwLock::unlock`].
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn pthread_rwlock_unlock(lock: &RwLock) -> c_int {
    naked_asm!(
        "mov w3, #{most}",
        "1: ldxr w1, [x0]",
        "sub w1, w1, #1",
        "cmp w1, w3",
        "b.hs 2f",
        "stlxr w2, w1, [x0]",
        "cbnz w2, 1b",
        "mov w0, wzr",
        "ret",
        "2: clrex",
        "b {leave}",
        most = const MOST_READERS,
        leave = sym leave,
    )
}

/// POSIX `sem_wait`: as [`Semaphore::wait`], and a cancellation point once anybody was cancelled. The word is the first.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn sem_wait(semaphore: &Semaphore) -> c_int {
    naked_asm!(
        "adrp x1, {ever}",
        "ldr w1, [x1, :lo12:{ever}]",
        "cbnz w1, 3f",
        "1: ldaxr w1, [x0]",
        "tst w1, #{count}",
        "b.eq 2f",
        "sub w1, w1, #1",
        "stxr w2, w1, [x0]",
        "cbnz w2, 1b",
        "mov w0, wzr",
        "ret",
        // The monitor may stay as it is: whoever stores by it loads by it first.
        "2: b {sleep}",
        "3: mov x1, xzr",
        "b {wait}",
        count = const MOST,
        ever = sym cancel::EVER,
        sleep = sym sem::sleep,
        wait = sym sem::wait,
    )
}

/// POSIX `sem_post`: as [`Semaphore::post`]. A count that is one too great to be has no bit but the mark.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn sem_post(semaphore: &Semaphore) -> c_int {
    naked_asm!(
        "1: ldxr w1, [x0]",
        "add w1, w1, #1",
        "tst w1, #{count}",
        "b.eq 2f",
        "stlxr w2, w1, [x0]",
        "cbnz w2, 1b",
        "tbnz w1, #31, 3f",
        "mov w0, wzr",
        "ret",
        "2: clrex",
        "b {post}",
        "3: b {wake}",
        count = const MOST,
        post = sym post,
        wake = sym wake_waiter,
    )
}
