//! Signals and `setitimer`: what musl's `kill`, `raise`, `sigaction`, `sigqueue`, `alarm`, `sigsetjmp` and their kin ask for.
#![allow(unsafe_code, reason = "structs that the program names by their address")]

use core::sync::atomic::Ordering;

use skete::thread;
use skete_abi::Errno;
use skete_signals::{Action, Info, Set, Signal};

use super::process::PID;
use super::{Answered, Arguments, int, pointer};
use crate::signal::handler::is_on_other_stack;
use crate::signal::{self, code, mask, timer};
use crate::thread::block::Block;

/// Linux's numbers.
mod number {
    pub const GETITIMER: u64 = 102;
    pub const SETITIMER: u64 = 103;
    pub const KILL: u64 = 129;
    pub const TKILL: u64 = 130;
    pub const TGKILL: u64 = 131;
    pub const SIGALTSTACK: u64 = 132;
    pub const RT_SIGSUSPEND: u64 = 133;
    pub const RT_SIGACTION: u64 = 134;
    pub const RT_SIGPROCMASK: u64 = 135;
    pub const RT_SIGPENDING: u64 = 136;
    pub const RT_SIGQUEUEINFO: u64 = 138;
}

/// Answers the calls of this file.
#[optimize(size)]
pub fn call(number: u64, arguments: &Arguments) -> Option<Answered> {
    let [first, second, third, ..] = *arguments;
    Some(match number {
        number::KILL => to_program(int(first), int(second), code::USER, 0),
        number::TKILL => to_thread(int(first), int(second)),
        number::TGKILL => to_thread(int(second), int(third)),
        number::RT_SIGACTION => action(int(first), pointer(second), pointer(third)),
        number::RT_SIGPROCMASK => change_mask(int(first), pointer(second), pointer(third)),
        number::RT_SIGPENDING => put(pointer(first), mask::pending()),
        number::RT_SIGSUSPEND => set_at(pointer(first)).and_then(|set| Err(mask::suspend(set.ok_or(Errno::EFAULT)?))),
        number::RT_SIGQUEUEINFO => queue(int(first), int(second), pointer(third)),
        number::SIGALTSTACK => stack(pointer(first), pointer(second)),
        number::GETITIMER => timer::interval(int(first), None, pointer(second)),
        number::SETITIMER => timer::interval(int(first), Some(pointer(second)), pointer(third)),
        _ => return None,
    })
}

/// `kill(2)`: the program by its number, or as its own group or all that there is.
fn to_program(pid: i32, signal: i32, code: i32, value: u64) -> Answered {
    if ![PID, 0, -1, -PID].contains(&pid) {
        return Err(Errno::ESRCH);
    }
    if signal != 0 {
        signal::send(Info { signal: Signal::new(signal)?, code, value, timer: None })?;
    }
    Ok(0)
}

/// `tkill(2)`.
fn to_thread(tid: i32, signal: i32) -> Answered {
    let me = Block::current();
    let is_named = |block: &&'static Block| block.is_alive() && block.tid.load(Ordering::Relaxed) == tid.cast_unsigned();
    let block = if tid.cast_unsigned() == thread::tid() { Some(me) } else { Block::all().find(is_named) };
    let block = block.ok_or(Errno::ESRCH)?;
    if signal != 0 {
        signal::send_to(block, Info { signal: Signal::new(signal)?, code: code::THREAD, value: 0, timer: None })?;
    }
    Ok(0)
}

/// `rt_sigqueueinfo(2)`, with `si_code` and `si_value` of a `siginfo_t`.
fn queue(pid: i32, signal: i32, info: *const [u64; 4]) -> Answered {
    if info.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: the program says that one is there.
    let [_, code, _, value] = unsafe { info.read() };
    to_program(pid, signal, int(code), value)
}

fn set_at(place: *const Set) -> Result<Option<Set>, Errno> {
    // SAFETY: the program says that a set is there.
    Ok((!place.is_null()).then(|| unsafe { place.read() }))
}

fn put<T>(place: *mut T, value: T) -> Answered {
    if !place.is_null() {
        // SAFETY: the program says that there is room.
        unsafe { place.write(value) };
    }
    Ok(0)
}

fn change_mask(how: i32, set: *const Set, before: *mut Set) -> Answered {
    put(before, mask::change(how, set_at(set)?)?)
}

/// `rt_sigaction(2)`.
fn action(signal: i32, action: *const Action, before: *mut Action) -> Answered {
    const RESTORER: u64 = 0x0400_0000;
    // SAFETY: the program says that one is there.
    let action = (!action.is_null()).then(|| unsafe { action.read() });
    let action = action.map(|action| Action { flags: action.flags & !RESTORER, mask: action.mask.as_mask(), ..action });
    put(before, signal::action(Signal::new(signal)?, action)?)
}

/// `stack_t`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Stack {
    start: usize,
    flags: i32,
    bytes: usize,
}

/// `sigaltstack(2)`.
fn stack(new: *const Stack, before: *mut Stack) -> Answered {
    const ON_IT: i32 = 1;
    const DISABLED: i32 = 2;
    const LEAST: usize = 2048;
    let block = Block::current();
    let (is_on_it, start) = (is_on_other_stack(block), block.signals.other_stack());
    let flags = if is_on_it {
        ON_IT
    } else if start.0 == 0 {
        DISABLED
    } else {
        0
    };
    put(before, Stack { start: start.0, flags, bytes: start.1 })?;
    if new.is_null() {
        return Ok(0);
    }
    // SAFETY: the program says that one is there.
    let new = unsafe { new.read() };
    match new.flags {
        _ if is_on_it => Err(Errno::EPERM),
        DISABLED => {
            block.signals.set_other_stack(0, 0);
            Ok(0)
        }
        0 | ON_IT if new.bytes < LEAST => Err(Errno::ENOMEM),
        0 | ON_IT => {
            block.signals.set_other_stack(new.start, new.bytes);
            Ok(0)
        }
        _ => Err(Errno::EINVAL),
    }
}
