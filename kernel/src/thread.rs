//! What std has no word for: cores, priorities, names, the words of a thread's beginning and end. `use skete::thread`.
//!
//! A [`Builder`] begins a thread with all of that; std's threads can ask for most of it themselves.

mod builder;
mod words;

use core::sync::atomic::Ordering;

use skete_abi::Errno;
use skete_logic::pages::PAGE;
use skete_logic::run_queue::PRIORITIES;

use crate::arch::cpu;
use crate::sched::core::{self as cores, CORES, Core};
use crate::sched::record::{self, Record};
use crate::sched::{Reason, inherit, meter, park, spawn, suspend};

pub use builder::{Builder, Handle};
pub use words::{robust_list, robust_list_of, set_locale, set_robust_list, set_tid_address};

/// The highest priority: 31.
pub const MOST_URGENT: u8 = PRIORITIES - 1;

/// The core that the caller runs on now, 0–3. It may be another one by the time the caller looks, unless the thread is pinned.
#[must_use]
pub fn core() -> usize {
    let before = cpu::mask();
    let number = Core::this().number();
    cpu::unmask(before);
    number
}

/// Lets the calling thread run on the cores of `mask` only, bit n for core n; it is on one of them when this returns. Threads that it
/// spawns are free to run anywhere.
///
/// # Errors
/// `EINVAL`: none of them runs threads.
pub fn set_affinity(mask: u8) -> Result<(), Errno> {
    if mask & cores::online() == 0 {
        return Err(Errno::EINVAL);
    }
    let me = record::current();
    let before = cpu::mask();
    me.affinity.store(mask, Ordering::Relaxed);
    if me.is_misplaced(Core::this().number()) {
        suspend(Reason::Move);
    }
    cpu::unmask(before);
    Ok(())
}

/// The cores that the calling thread may run on, bit n for core n.
#[must_use]
pub fn affinity() -> u8 {
    record::current().affinity.load(Ordering::Relaxed) & cores::online()
}

/// [`set_affinity`] for the thread that `tid` names: if it runs or is about to, it moves when its core is interrupted next.
///
/// # Errors
/// `EINVAL`: none of the cores runs threads. `ESRCH`: no such thread.
pub fn set_affinity_of(tid: u32, mask: u8) -> Result<(), Errno> {
    if tid == self::tid() {
        return set_affinity(mask);
    }
    let is_some = mask & cores::online() != 0;
    let misplaced_on = named(tid, |record| {
        if is_some {
            record.affinity.store(mask, Ordering::Relaxed);
        }
        let core = usize::from(record.core.load(Ordering::Relaxed));
        record.is_misplaced(core).then_some(core)
    })?;
    if !is_some {
        return Err(Errno::EINVAL);
    }
    if let Some(core) = misplaced_on {
        crate::interrupt::kick(core);
    }
    Ok(())
}

/// [`affinity`] of the thread that `tid` names.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn affinity_of(tid: u32) -> Result<u8, Errno> {
    Ok(named(tid, |record| record.affinity.load(Ordering::Relaxed))? & cores::online())
}

/// [`spawn::while_named`]; nobody so named is an error.
fn named<R>(tid: u32, action: impl FnOnce(&'static Record) -> R) -> Result<R, Errno> {
    spawn::while_named(tid, action).ok_or(Errno::ESRCH)
}

/// Sets the calling thread's own priority: 0–31, 31 the most urgent; std's threads begin at 2. It runs at that one, or at that of who waits
/// for a lock of its that lends priority. Whoever is more urgent now runs first.
///
/// # Errors
/// `EINVAL`: no such priority.
pub fn set_priority(priority: u8) -> Result<(), Errno> {
    set_priority_of(tid(), priority)
}

/// [`set_priority`] for the thread that `tid` names.
///
/// # Errors
/// `EINVAL`: no such priority. `ESRCH`: no such thread.
pub fn set_priority_of(tid: u32, priority: u8) -> Result<(), Errno> {
    if priority >= PRIORITIES {
        return Err(Errno::EINVAL);
    }
    inherit::set_base(tid, priority)
}

/// The priority that the calling thread runs at: its own, or one that it inherits.
#[must_use]
pub fn priority() -> u8 {
    record::current().priority()
}

/// The priority of its own that the calling thread has.
#[must_use]
pub fn base_priority() -> u8 {
    inherit::base(record::current().thread())
}

/// The calling thread's name towards programs: 1 to 2²⁹ − 1, never another thread's that lives (`gettid(2)`).
#[must_use]
pub fn tid() -> u32 {
    record::current().tid.load(Ordering::Relaxed)
}

/// [`base_priority`] of the thread that `tid` names.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn base_priority_of(tid: u32) -> Result<u8, Errno> {
    named(tid, |record| inherit::base(record.thread()))
}

/// Names the calling thread in fault and hang reports: the first 32 bytes count.
pub fn set_name(name: &str) {
    record::current().set_name(name);
}

/// [`set_name`] for the thread that `tid` names.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn set_name_of(tid: u32, name: &str) -> Result<(), Errno> {
    named(tid, |record| record.set_name(name))
}

/// The name of the thread that `tid` names, padded with zeroes.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn name_of(tid: u32) -> Result<[u8; record::NAME], Errno> {
    named(tid, Record::name)
}

/// The stack of the thread that `tid` names, its guard page left out.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn stack_of(tid: u32) -> Result<core::ops::Range<usize>, Errno> {
    let stack = named(tid, |record| record.stack.get())?;
    Ok((stack.start + PAGE) as usize..stack.end as usize)
}

/// Ends a wait of the thread that `tid` names with `EINTR`: its present one for a word or a file, a socket or a thread's end until some
/// moment; or else the next of these that comes to sleep. What may not be ended goes on, and leaves that to the wait which follows: for a
/// lock, a semaphore, a futaphore, a thread's end; a sleep. Several before a wait that ends are one.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn interrupt(tid: u32) -> Result<(), Errno> {
    park::interrupt(tid).ok_or(Errno::ESRCH)
}

/// Tells the console what every thread does, what it waits for, and where: what a break or Ctrl-] on the console does too.
pub fn report() {
    crate::sched::report::tell();
}

/// How many times the cores have switched threads: for benchmarks and tests.
#[must_use]
pub fn switches() -> u64 {
    CORES.iter().map(Core::switches).sum()
}

/// How many calls the calling thread has made into the kernel to wait, to wake, or for a semaphore or shared memory: for benchmarks and
/// tests. A lock that nobody else wants makes none.
#[must_use]
pub fn entries() -> u64 {
    record::current().entries()
}

/// How many threads live. One that was joined counts until it has left its stack, a moment later.
#[must_use]
pub fn count() -> u32 {
    crate::sched::spawn::alive()
}

/// For how long the calling thread has run, in nanoseconds: counted from the first question of this kind on, whoever asks. Of the time
/// before, a thread is said to have run for as long as it has lived. From then on a switch takes a little longer.
#[must_use]
pub fn ran_ns() -> u64 {
    meter::of(record::current())
}

/// [`ran_ns`] of the thread that `tid` names.
///
/// # Errors
/// `ESRCH`: no such thread.
pub fn ran_ns_of(tid: u32) -> Result<u64, Errno> {
    named(tid, meter::of)
}

/// For how long all threads have run, those that have ended too, in nanoseconds: as [`ran_ns`]. Of the time before the first question the
/// program is said to have run on one core since boot.
#[must_use]
pub fn all_ran_ns() -> u64 {
    meter::of_all()
}
