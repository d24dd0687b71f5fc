//! Threads: `sys_spawn2`, `sys_join`, priorities, `sys_block_current_task` and its kin.
#![allow(unsafe_code, reason = "exported names, and pointers that the program gives")]

use skete_abi::Errno;
use skete_logic::run_queue::PRIORITIES;
use skete_logic::thread::Tid;

use super::{answer_int, deadline_in};
use crate::sched::spawn::{self, Plan};
use crate::sched::{self, core as cores, park, record};
use crate::thread;

/// Bytes of stack for a thread that does not ask.
const DEFAULT_STACK: u64 = 1 << 20;

fn plan(function: extern "C" fn(usize), argument: usize, priority: u8, stack: u64, core: isize) -> Result<Tid, Errno> {
    let affinity = match usize::try_from(core) {
        Err(_) => u8::MAX,
        Ok(core) if core < crate::arch::cpu::CORES => 1 << core,
        Ok(_) => return Err(Errno::EINVAL),
    };
    spawn::spawn(&Plan { priority: priority.min(PRIORITIES - 1), stack, affinity, ..Plan::new(function, argument) })
}

/// Begins a thread; its name, or 0 if there is no memory or no free thread. `core` −1: any.
#[unsafe(no_mangle)]
pub extern "C" fn sys_spawn2(function: extern "C" fn(usize), argument: usize, priority: u8, stack_bytes: usize, core: isize) -> u32 {
    match plan(function, argument, priority, stack_bytes as u64, core) {
        Ok(tid) => tid.number(),
        Err(errno) => {
            super::note(errno);
            0
        }
    }
}

/// [`sys_spawn2`] with a stack of 1 MiB; the name goes to `*id`, unless that is null.
#[unsafe(no_mangle)]
pub extern "C" fn sys_spawn(id: *mut u32, function: extern "C" fn(usize), argument: usize, priority: u8, core: isize) -> i32 {
    answer_int(plan(function, argument, priority, DEFAULT_STACK, core).map(|tid| {
        if !id.is_null() {
            // SAFETY: the program says that there is room for the name.
            unsafe { id.write_unaligned(tid.number()) };
        }
        0
    }))
}

/// Waits until a thread has ended: 0, `-ESRCH` if there was never one, `-EDEADLK` for the caller itself.
#[unsafe(no_mangle)]
pub extern "C" fn sys_join(id: u32) -> i32 {
    answer_int(spawn::join(id).map(|()| 0))
}

/// Lets equals run.
#[unsafe(no_mangle)]
pub extern "C" fn sys_yield() {
    sched::yield_now();
}

/// The caller's name.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getpid() -> i32 {
    record::current().tid.load(core::sync::atomic::Ordering::Relaxed).cast_signed()
}

/// The caller's priority, 0–31.
#[unsafe(no_mangle)]
pub extern "C" fn sys_get_priority() -> u8 {
    record::current().priority()
}

/// Sets a thread's priority; one that is not there, or no such priority, changes nothing.
#[unsafe(no_mangle)]
pub extern "C" fn sys_set_priority(id: u32, priority: u8) {
    let _ = thread::set_priority_of(id, priority);
}

/// How many cores run threads.
#[unsafe(no_mangle)]
pub extern "C" fn sys_available_parallelism() -> usize {
    cores::count()
}

/// The older name of [`sys_available_parallelism`].
#[unsafe(no_mangle)]
pub extern "C" fn sys_get_processor_count() -> usize {
    cores::count()
}

/// The next [`sys_yield`] would sleep in Hermit; here the call itself sleeps, until [`sys_wakeup_taskt`]. A wake-up that came before
/// is not lost.
#[unsafe(no_mangle)]
pub extern "C" fn sys_block_current_task() {
    park::block(None);
}

/// [`sys_block_current_task`] for at most `timeout` milliseconds.
#[unsafe(no_mangle)]
pub extern "C" fn sys_block_current_task_with_timeout(timeout: u64) {
    park::block(Some(deadline_in(timeout.saturating_mul(1_000_000))));
}

/// Wakes a thread out of [`sys_block_current_task`]; one that is not there is nobody.
#[unsafe(no_mangle)]
pub extern "C" fn sys_wakeup_taskt(id: u32) {
    if let Some((record, tid)) = record::named(id)
        && record.tid.load(core::sync::atomic::Ordering::Relaxed) == tid.number()
    {
        park::unpark(tid.thread());
    }
}
