//! A thread begins: `pthread_create`.
#![allow(unsafe_code, reason = "exported names; the program's own stacks")]

use core::arch::naked_asm;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use skete::sched::spawn::{self, Plan};
use skete::thread;
use skete_abi::Errno;
use skete_signals::Set;

use super::attr::{self, Attr};
use super::block::{Block, Name, state};
use super::{default, end, schedule};

/// What a thread does.
pub type Function = extern "C" fn(*mut c_void) -> *mut c_void;

/// How many threads live that C counts: the main thread, and those that C began. When none is left the program ends.
pub static LIVING: AtomicU32 = AtomicU32::new(1);

/// Begins a thread that does `function` with `argument`; its name goes to `*name` before it runs (POSIX `pthread_create`). `EAGAIN`,
/// `EINVAL`.
///
/// # Safety
/// There is room for the name; `attr` is null or attributes; a stack in them is the program's to give.
#[unsafe(no_mangle)]
#[optimize(speed)]
pub unsafe extern "C" fn pthread_create(name: *mut Name, attr: *const Attr, function: Function, argument: *mut c_void) -> c_int {
    // SAFETY: the caller's promise.
    let attr = unsafe { attr.as_ref() };
    let said = if attr.is_none() { default::said() } else { None };
    match begin(name, attr.or(said.as_ref()).unwrap_or(&Attr::DEFAULT), function, argument) {
        Ok(()) => 0,
        Err(Errno::ENOMEM) => Errno::EAGAIN.number(),
        Err(errno) => errno.number(),
    }
}

#[inline(always)]
fn begin(name: *mut Name, attr: &Attr, function: Function, argument: *mut c_void) -> Result<(), Errno> {
    let me = Block::current();
    let (policy, priority) = if attr.inherit == attr::EXPLICIT {
        (attr.policy, attr.priority)
    } else {
        (me.policy.load(Ordering::Relaxed), me.priority.load(Ordering::Relaxed))
    };
    let kernels = schedule::kernels(policy, priority)?;
    let block = Block::take(if attr.detach == attr::DETACHED { state::DETACHED } else { state::JOINABLE })?;
    block.policy.store(policy, Ordering::Relaxed);
    block.priority.store(priority, Ordering::Relaxed);
    block.stack.store(attr.stack, Ordering::Relaxed);
    block.stack_bytes.store(attr.stack_bytes, Ordering::Relaxed);
    block.guard_bytes.store(attr.guard_bytes, Ordering::Relaxed);
    block.signals.begin(if attr.mask == 0 { me.signals.mask() } else { Set(attr.mask & !attr::HAS_MASK) });
    // SAFETY: it has not begun.
    let own = unsafe { block.own() };
    (own.function, own.argument) = (Some(function), argument);
    // SAFETY: the caller of `pthread_create` says that there is room.
    unsafe { name.write(block) };
    if LIVING.fetch_add(1, Ordering::Relaxed) == 1 {
        crate::begin_threads();
    }
    let affinity = if attr.cores == 0 { thread::affinity() } else { u8::try_from(attr.cores).unwrap_or(0) };
    let plan = Plan {
        priority: kernels,
        stack: if attr.stack == 0 { attr.stack_bytes as u64 } else { 0 },
        affinity,
        set_tid: block.tid.as_ptr() as usize,
        ..Plan::new(run, block as *const Block as usize)
    };
    if let Err(errno) = spawn::spawn(&plan) {
        LIVING.fetch_sub(1, Ordering::Relaxed);
        block.cancelling.close();
        block.give();
        return Err(errno);
    }
    Ok(())
}

/// A thread of C's, from its first instruction.
#[optimize(speed)]
extern "C" fn run(block: usize) {
    // SAFETY: the block that `begin` prepared for this thread.
    let block = unsafe { &*(block as *const Block) };
    block.enter();
    let stack = block.stack.load(Ordering::Relaxed);
    if stack != 0 {
        let top = (stack + block.stack_bytes.load(Ordering::Relaxed)) & !15;
        // SAFETY: the program gave this stack, and its thread has not used it before.
        unsafe { call_on(top, body, &raw mut block.own().kernel_sp) };
    }
    body()
}

/// Does what the thread is for, and ends it.
#[optimize(speed)]
extern "C" fn body() -> ! {
    // SAFETY: the thread itself.
    let own = unsafe { Block::current().own() };
    let (function, argument) = (own.function, own.argument);
    let result = function.map_or(core::ptr::null_mut(), |function| function(argument));
    end::finish(result)
}

/// Goes on with `function` on the stack that ends at `top`; what the stack pointer was goes to `*before`.
#[unsafe(naked)]
unsafe extern "C" fn call_on(top: usize, function: extern "C" fn() -> !, before: *mut usize) {
    naked_asm!("stp x29, x30, [sp, #-16]!", "mov x29, sp", "str x29, [x2]", "mov sp, x0", "blr x1", "brk #0",)
}
