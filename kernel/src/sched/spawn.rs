//! Begins and ends threads.
//!
//! A record that ends keeps its stack for the next thread that asks for one of about that size. The record of a thread that ended is
//! free at once: its [`Tid`] carries a generation, so whoever joins late finds nobody and goes on. A record whose generations are used up is
//! worn: it is put aside, and lived in again when there is no other, the one that was put aside first.
#![allow(unsafe_code, reason = "lays out the registers that a thread begins with")]

use core::sync::atomic::{AtomicU16, AtomicU32, Ordering};

use hermit_sync::InterruptOnceCell;
use skete_abi::Errno;
use skete_logic::sysv::sem::undo::{self, Members, Membership};
use skete_logic::thread::{Thread, Tid};
use skete_logic::time::Deadline;
use skete_logic::waiting::Cause;

use super::core::{self as cores};
use super::record::{self, Record};
use super::{Reason, chaos, end, futex, inherit, meter, park, ready, suspend};
use crate::arch::{context, cpu, probe, switch};
use crate::lock::Spin;
use crate::memory::stack::Stack;

/// The least stack a thread gets, in bytes.
const LEAST_STACK: u64 = 16 << 10;

/// What a thread is to be.
#[derive(Clone, Copy, Debug)]
pub struct Plan<'a> {
    /// Where it begins.
    pub function: extern "C" fn(usize),
    /// What it begins with.
    pub argument: usize,
    /// 0–31.
    pub priority: u8,
    /// Bytes of stack that it asks for.
    pub stack: u64,
    /// One bit per core that it may run on.
    pub affinity: u8,
    /// What reports call it.
    pub name: &'a str,
    /// The word that is to hold its [`Tid`] before it runs (`clone(2)`, CLONE_CHILD_SETTID); 0: none.
    pub set_tid: usize,
    /// The word that its end clears (CLONE_CHILD_CLEARTID); 0: none.
    pub clear_tid: usize,
    /// Whether it serves the program, whoever was the first to need it: it shares nothing with its maker.
    pub is_service: bool,
}

impl Plan<'_> {
    /// A thread of priority 0 that may run anywhere, without a name or words.
    pub const fn new(function: extern "C" fn(usize), argument: usize) -> Self {
        Self { function, argument, priority: 0, stack: 0, affinity: u8::MAX, name: "", set_tid: 0, clear_tid: 0, is_service: false }
    }
}

/// The records that nobody lives in: the one that was left last comes first.
struct Free {
    first: Thread,
    /// Of the worn ones the one that was put aside first, and the last.
    worn: [Thread; 2],
}

impl Free {
    /// One that is not worn.
    fn pop(&mut self) -> Option<&'static Record> {
        let record = (!self.first.is_none()).then(|| record::of(self.first))?;
        self.first = record.next_free.get();
        Some(record)
    }

    fn push(&mut self, record: &'static Record) {
        let generation = record.generation.load(Ordering::Relaxed);
        if generation != 0 && Tid::new(record.thread(), generation).is_last() {
            return self.put_aside(record);
        }
        record.next_free.set(self.first);
        self.first = record.thread();
    }

    #[cold]
    #[inline(never)]
    fn put_aside(&mut self, record: &'static Record) {
        let [first, last] = self.worn;
        record.next_free.set(Thread::NONE);
        if last.is_none() {
            self.worn = [record.thread(); 2];
        } else {
            record::of(last).next_free.set(record.thread());
            self.worn = [first, record.thread()];
        }
    }

    /// The worn one that was put aside first.
    fn pop_worn(&mut self) -> Option<&'static Record> {
        let [first, last] = self.worn;
        let record = (!first.is_none()).then(|| record::of(first))?;
        let next = record.next_free.get();
        self.worn = [next, if next.is_none() { next } else { last }];
        Some(record)
    }

    /// `record`, which is used for the first time, has the stack of the one that was put aside last: it is not to lie idle.
    fn hand_on_stack(&self, record: &Record) {
        let [_, last] = self.worn;
        if !last.is_none() {
            record.stack.set(record::of(last).stack.get());
            record::of(last).stack.set(Stack::NONE);
        }
    }
}

/// Who shares which list of what semaphores are to get back.
#[derive(Clone, Copy, Debug)]
pub struct Sharing;

impl Members for Sharing {
    #[inline]
    fn of(&self, thread: Thread) -> &Membership {
        &record::of(thread).sharing
    }

    fn count(&self) -> u16 {
        // As in `used`.
        USED.load(Ordering::Acquire)
    }
}

static FREE: Spin<Free> = Spin::new(Free { first: Thread::NONE, worn: [Thread::NONE; 2] });
/// How many records were ever used; written under the lock of the free ones.
static USED: AtomicU16 = AtomicU16::new(0);
static ALIVE: AtomicU32 = AtomicU32::new(0);

/// Takes back what an undo list says, once there may be anything to undo: so that a program without semaphores carries none of it.
static UNDO: InterruptOnceCell<fn(u16)> = InterruptOnceCell::new();
static DETACH: InterruptOnceCell<fn()> = InterruptOnceCell::new();
static LAST_WORDS: InterruptOnceCell<fn()> = InterruptOnceCell::new();

/// How many records were ever used.
pub fn used() -> usize {
    // Acquire pairs with the Release in `take_record`: those records are begun.
    usize::from(USED.load(Ordering::Acquire))
}

/// How many threads live.
pub fn alive() -> u32 {
    ALIVE.load(Ordering::Relaxed)
}

/// Begins a thread.
///
/// # Errors
/// `EAGAIN`: no record is free. `ENOMEM`: no memory for its stack. `EINVAL`: no core is allowed, or no such priority.
pub fn spawn(plan: &Plan<'_>) -> Result<Tid, Errno> {
    if plan.affinity & cores::online() == 0 || plan.priority >= skete_logic::run_queue::PRIORITIES {
        return Err(Errno::EINVAL);
    }
    let record = take_record()?;
    let Some(stack) = stack_for(record, plan.stack.max(LEAST_STACK)) else {
        give_record(record);
        return Err(Errno::ENOMEM);
    };
    let (tls, sp) = stack.prepare();
    // SAFETY: the record is ours alone until it is queued.
    let registers = unsafe { record.registers() };
    registers.x[19] = plan.function as usize as u64;
    registers.x[20] = plan.argument as u64;
    registers.x[29] = 0;
    registers.x[30] = switch::begin as *const () as u64;
    registers.sp = sp;
    registers.tls = tls;
    registers.fpcr = 0;
    registers.fpsr = 0;
    registers.kind = context::VOLUNTARY;
    record.had.store(0, Ordering::Relaxed);
    meter::begin_life(record.thread());
    record.affinity.store(plan.affinity, Ordering::Relaxed);
    record.set_name(plan.name);
    record.entries.store(chaos::first_count(cores::Core::this()), Ordering::Relaxed);
    record.clear_tid.store(plan.clear_tid, Ordering::Relaxed);
    record.robust_list.store(0, Ordering::Relaxed);
    let generation = record.generation.load(Ordering::Relaxed).wrapping_add(1);
    record.generation.store(generation, Ordering::Relaxed);
    let tid = Tid::new(record.thread(), generation);
    inherit::begin(tid, plan.priority);
    // Behind that, which waits for whoever gives the thread another priority that lived here before.
    record.priority.store(plan.priority, Ordering::Relaxed);
    stack.set_name(tls, tid.number());
    record.sharing.join(if plan.is_service { undo::ROOT } else { record::current().sharing.list() }, Sharing);
    // Release pairs with the Acquire of who joins.
    record.tid.store(tid.number(), Ordering::Release);
    if plan.set_tid != 0 {
        // A word that is not there does no harm.
        let _ = probe::update(plan.set_tid, |_| tid.number());
    }
    ALIVE.fetch_add(1, Ordering::Relaxed);
    ready::make_ready(record);
    Ok(tid)
}

fn take_record() -> Result<&'static Record, Errno> {
    let mut free = FREE.lock();
    if let Some(record) = free.pop() {
        return Ok(record);
    }
    let used = USED.load(Ordering::Relaxed);
    if usize::from(used) >= record::length() {
        return free.pop_worn().ok_or(Errno::EAGAIN);
    }
    let thread = Thread::new(used);
    let record = record::begin(thread);
    inherit::prepare(thread);
    meter::prepare(thread);
    free.hand_on_stack(record);
    USED.store(used + 1, Ordering::Release);
    Ok(record)
}

fn give_record(record: &'static Record) {
    FREE.lock().push(record);
}

/// Does `action` with the record of the thread that `tid` names; `None`: there is no such thread. It may end meanwhile, but no other
/// begins to live in its record, nor on its stack: what is written there is nobody else's. A spin lock is held.
pub fn while_named<R>(tid: u32, action: impl FnOnce(&'static Record) -> R) -> Option<R> {
    let (record, tid) = record::named(tid)?;
    let free = FREE.lock();
    let done = (record.tid.load(Ordering::Relaxed) == tid.number()).then(|| action(record));
    drop(free);
    done
}

/// The record's old stack if it fits, else a new one.
fn stack_for(record: &'static Record, bytes: u64) -> Option<Stack> {
    let old = record.stack.get();
    if old.bytes() >= bytes && old.bytes() / 2 <= bytes.max(64 << 10) {
        return Some(old);
    }
    if old != Stack::NONE {
        record.stack.set(Stack::NONE);
        old.release();
    }
    let new = Stack::reserve(bytes)?;
    record.stack.set(new);
    Some(new)
}

/// Ends the running thread: whoever joins goes on.
#[unsafe(no_mangle)]
extern "C" fn skete_end() -> ! {
    let record = record::current();
    if let Some(action) = LAST_WORDS.get() {
        action();
    }
    // While its memory is there still: the words may lie in what is detached.
    end::leave(record, record.tid.load(Ordering::Relaxed));
    leave_undo(record);
    if let Some(action) = DETACH.get() {
        action();
    }
    // Release: what the thread did is seen by who joins.
    record.tid.store(0, Ordering::Release);
    futex::wake(&record.tid, u32::MAX);
    cpu::mask();
    suspend(Reason::Exit);
    crate::panic::stop(format_args!("a thread that ended was resumed"))
}

/// Ends the calling thread, whatever it was about.
pub fn exit() -> ! {
    skete_end()
}

/// The last who leaves an undo list calls `action` with it from now on.
pub fn undo_at_end(action: fn(u16)) {
    let _ = UNDO.set(action);
}

/// The calling thread, whose record is `record`, leaves its undo list.
#[inline]
pub fn leave_undo(record: &Record) {
    record.sharing.leave(Sharing, |list| {
        if let Some(action) = UNDO.get() {
            action(list);
        }
    });
}

/// Who ends from now on calls `action` before all else: it may do whatever a thread may.
pub fn call_at_end(action: fn()) {
    let _ = LAST_WORDS.set(action);
}

/// Who ends from now on calls `action`.
pub fn detach_at_end(action: fn()) {
    let _ = DETACH.set(action);
}

/// Frees the record of a thread that has left its stack for good. On the core's own stack.
pub fn recycle(record: &'static Record) {
    record.stack.get().trim();
    ALIVE.fetch_sub(1, Ordering::Relaxed);
    let mut free = FREE.lock();
    // An interruption that came late must not meet the record's next thread; behind the lock of whoever names a thread none comes.
    record.token.reset();
    free.push(record);
}

/// Waits until the thread that `tid` names has ended. One that ended before counts.
///
/// # Errors
/// `ESRCH`: there was never such a thread. `EDEADLK`: it is the caller.
pub fn join(tid: u32) -> Result<(), Errno> {
    let mut was_interrupted = false;
    loop {
        match join_until(tid, None) {
            Err(Errno::EINTR) => was_interrupted = true,
            ended => {
                park::keep_interruption(was_interrupted);
                return ended;
            }
        }
    }
}

/// [`join`] that gives up at `deadline`.
///
/// # Errors
/// As [`join`]. `ETIMEDOUT`: it has not ended by then. `EINTR`: somebody wanted the wait to end.
pub fn join_until(tid: u32, deadline: Option<Deadline>) -> Result<(), Errno> {
    let (record, tid) = record::named(tid).ok_or(Errno::ESRCH)?;
    if core::ptr::eq(record, record::current()) && record.tid.load(Ordering::Relaxed) == tid.number() {
        return Err(Errno::EDEADLK);
    }
    // Acquire pairs with the Release in `skete_end`.
    while record.tid.load(Ordering::Acquire) == tid.number() {
        match record::waiting(Cause::End, || futex::wait_until(&record.tid, tid.number(), deadline)) {
            Err(errno @ (Errno::ETIMEDOUT | Errno::EINTR)) => return Err(errno),
            _ => {}
        }
    }
    Ok(())
}
