//! Futexes as std calls them, and the semaphores and queues of Hermit's older ABI, which are made of them.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

use core::sync::atomic::{AtomicU32, Ordering};

use skete_abi::Errno;
use skete_abi::files::TimeSpec;
use skete_logic::time::{Deadline, Instant};
use skete_logic::waiting::Cause;

use super::{answer_int, deadline_in, timeout_of};
use crate::sched::{futex, park, record};

/// The timeout is a length, not a moment (`FUTEX_RELATIVE_TIMEOUT`).
const RELATIVE: u32 = 1;

/// Sleeps until a wake, as long as the word at `address` is `expected`: 0, `-EAGAIN`, `-ETIMEDOUT`, `-EFAULT`, `-EINVAL`. `timeout` null:
/// for ever.
#[unsafe(no_mangle)]
pub extern "C" fn sys_futex_wait(address: *mut u32, expected: u32, timeout: *const TimeSpec, flags: u32) -> i32 {
    record::count_entry();
    if flags & !RELATIVE != 0 {
        return answer_int(Err::<i64, _>(Errno::EINVAL));
    }
    let deadline = match timeout_of(timeout) {
        Ok(None) => None,
        Ok(Some(ns)) if flags & RELATIVE != 0 => Some(deadline_in(ns)),
        Ok(Some(ns)) => Some(Instant::from_ns(ns)),
        Err(errno) => return answer_int(Err::<i64, _>(errno)),
    };
    answer_int(futex::wait_at(address as usize, expected, deadline).map(|()| 0))
}

/// Wakes at most `count` of those who wait for the word at `address`: how many, or `-EINVAL`: no word can be there, or `count` is below
/// zero.
#[unsafe(no_mangle)]
pub extern "C" fn sys_futex_wake(address: *mut u32, count: i32) -> i32 {
    record::count_entry();
    if address.is_null() || !address.is_aligned() || count < 0 {
        return answer_int(Err::<i64, _>(Errno::EINVAL));
    }
    let count = if count == i32::MAX { u32::MAX } else { count.cast_unsigned() };
    i32::try_from(futex::wake_at(address as usize, count)).unwrap_or(i32::MAX)
}

/// A semaphore of Hermit's ABI. `sem_t` is one pointer: the count is its low word, and is waited for.
fn count_of(semaphore: *mut usize) -> Result<&'static AtomicU32, Errno> {
    if semaphore.is_null() || !semaphore.is_aligned() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the program says that a semaphore is there, and a `sem_t` lives as long as it is used.
    Ok(unsafe { &*semaphore.cast::<AtomicU32>() })
}

/// The greatest count (POSIX `SEM_VALUE_MAX`).
const MOST_COUNT: u32 = i32::MAX.cast_unsigned();

/// Begins a semaphore with `value` (POSIX `sem_init`): `-EINVAL` for more than 2³¹ − 1.
#[unsafe(no_mangle)]
pub extern "C" fn sys_sem_init(semaphore: *mut usize, _shared: i32, value: u32) -> i32 {
    answer_int(count_of(semaphore).and_then(|count| {
        if value > MOST_COUNT {
            return Err(Errno::EINVAL);
        }
        count.store(value, Ordering::Release);
        Ok(0)
    }))
}

/// Ends a semaphore that nobody waits for.
#[unsafe(no_mangle)]
pub extern "C" fn sys_sem_destroy(semaphore: *mut usize) -> i32 {
    answer_int(count_of(semaphore).map(|_| 0))
}

/// One up; wakes one who waits (POSIX `sem_post`): `-EOVERFLOW` at 2³¹ − 1.
#[unsafe(no_mangle)]
pub extern "C" fn sys_sem_post(semaphore: *mut usize) -> i32 {
    answer_int(count_of(semaphore).and_then(|count| {
        // Release pairs with the Acquire in `take`.
        let raised = count.try_update(Ordering::Release, Ordering::Relaxed, |n| (n < MOST_COUNT).then_some(n + 1));
        raised.map_err(|_| Errno::EOVERFLOW)?;
        futex::wake(count, 1);
        Ok(0)
    }))
}

/// One down if that can be done at once: true.
fn take(count: &AtomicU32) -> bool {
    count.try_update(Ordering::Acquire, Ordering::Relaxed, |n| n.checked_sub(1)).is_ok()
}

/// One down, waiting for it until `deadline`: `ETIMEDOUT`. An interruption is kept for the next wait that may be ended.
fn take_in_time(count: &AtomicU32, deadline: Option<Deadline>, cause: Cause) -> Result<(), Errno> {
    let mut was_interrupted = false;
    let taken = loop {
        if take(count) {
            break Ok(());
        }
        match record::waiting(cause, || futex::wait_until(count, 0, deadline)) {
            Err(Errno::ETIMEDOUT) => break Err(Errno::ETIMEDOUT),
            waited => was_interrupted |= waited == Err(Errno::EINTR),
        }
    };
    park::keep_interruption(was_interrupted);
    taken
}

/// One down, or `-EAGAIN` (POSIX `sem_trywait`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_sem_trywait(semaphore: *mut usize) -> i32 {
    answer_int(count_of(semaphore).and_then(|count| if take(count) { Ok(0) } else { Err(Errno::EAGAIN) }))
}

/// One down, waiting for it until the moment `*deadline` of CLOCK_REALTIME, null for ever (POSIX `sem_timedwait`): `-ETIMEDOUT`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_sem_timedwait(semaphore: *mut usize, deadline: *const TimeSpec) -> i32 {
    let wait = || {
        let count = count_of(semaphore)?;
        let deadline = timeout_of(deadline)?.map(Deadline::wall);
        take_in_time(count, deadline, Cause::Semaphore).map(|()| 0)
    };
    answer_int(wait())
}

/// A queue of Hermit's ABI: named by the address of a `usize` of the program, which holds a pending count. `sys_init_queue` begins it,
/// `sys_add_queue` remembers for how long the caller will wait, `sys_wait` waits, `sys_notify` wakes.
#[unsafe(no_mangle)]
pub extern "C" fn sys_init_queue(id: usize) -> i32 {
    answer_int(count_of(id as *mut usize).map(|count| {
        count.store(0, Ordering::Release);
        0
    }))
}

/// Ends a queue that nobody waits in.
#[unsafe(no_mangle)]
pub extern "C" fn sys_destroy_queue(id: usize) -> i32 {
    answer_int(count_of(id as *mut usize).map(|_| 0))
}

/// The caller's next [`sys_wait`] takes at most `timeout_ns`; ≤ 0: for ever.
#[unsafe(no_mangle)]
pub extern "C" fn sys_add_queue(id: usize, timeout_ns: i64) -> i32 {
    answer_int(count_of(id as *mut usize).map(|_| {
        let deadline = u64::try_from(timeout_ns).ok().filter(|ns| *ns != 0).map_or(Instant::FAR, deadline_in);
        record::current().queue_deadline.store(deadline.as_ns(), Ordering::Relaxed);
        0
    }))
}

/// Waits for one [`sys_notify`] of this queue: 0, or `-ETIMEDOUT`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_wait(id: usize) -> i32 {
    let wait = || {
        let count = count_of(id as *mut usize)?;
        let deadline = record::current().queue_deadline.swap(Instant::FAR.as_ns(), Ordering::Relaxed);
        let deadline = (deadline != Instant::FAR.as_ns()).then(|| Deadline::at(Instant::from_ns(deadline)));
        take_in_time(count, deadline, Cause::Queue).map(|()| 0)
    };
    answer_int(wait())
}

/// Lets `count` waiters of this queue go on, now or when they come; −1: all that wait now.
#[unsafe(no_mangle)]
pub extern "C" fn sys_notify(id: usize, count: i32) -> i32 {
    answer_int(count_of(id as *mut usize).map(|word| {
        let count = u32::try_from(count).unwrap_or_else(|_| futex::waiters_of(word));
        let _ = word.try_update(Ordering::Release, Ordering::Relaxed, |n| Some(n.saturating_add(count)));
        futex::wake(word, count);
        0
    }))
}
