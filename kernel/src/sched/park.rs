//! Puts the running thread to sleep, and wakes it: the one way to wait.
use skete_logic::host::Parked;
use skete_logic::sleepers::{self, Sleepers, Timers};
use skete_logic::thread::Thread;
use skete_logic::time::{Deadline, Instant, When};

use super::core::{CORES, Core};
use super::many;
use super::ready;
use super::ready::{Machine, QueueLock};
use super::record::{self, Record, Records};
use super::spawn;
use crate::arch::cpu;
use crate::memory::Heap;
use crate::time;

/// Sleeps until [`unpark`] or `deadline`. May return for no reason; never says `Expired` early.
#[inline]
pub fn park(deadline: Option<Deadline>) -> Parked {
    let me = record::current();
    if me.token.take() {
        return Parked::Notified;
    }
    match deadline {
        None => {
            let before = cpu::mask();
            super::sleep();
            cpu::unmask(before);
            Parked::Notified
        }
        Some(deadline) => match deadline.when() {
            When::At(at) => park_until(me, at),
            When::Wall(ns) => park_by_wall(me, ns),
        },
    }
}

#[cold]
#[inline(never)]
fn park_by_wall(me: &'static Record, ns: u64) -> Parked {
    time::WALL.park(&me.wall, ns, |at| park_until(me, at), time::now)
}

fn park_until(me: &'static Record, at: Instant) -> Parked {
    if time::now() >= at {
        return Parked::Expired;
    }
    let before = cpu::mask();
    sleepers::sleep_until(&Machine, me.thread(), at);
    cpu::unmask(before);
    if time::now() >= at { Parked::Expired } else { Parked::Notified }
}

impl Timers for Machine {
    type Lock = QueueLock;
    type Memory = Heap;
    type Places = Records;

    #[inline(always)]
    fn places(&self) -> &Records {
        &Records
    }

    #[inline(always)]
    fn core(&self) -> usize {
        Core::this().number()
    }

    #[inline(always)]
    fn sleepers(&self, core: usize) -> &Sleepers<QueueLock, Heap> {
        &CORES[core].sleepers
    }

    #[inline]
    fn arm(&self, at: Instant) {
        Core::this().arm(at);
    }

    #[inline(always)]
    fn leave(&self) {
        super::sleep();
    }
}

/// Ends the present or the next [`park`] of `thread`.
#[inline(never)]
pub fn unpark(thread: Thread) {
    let record = record::of(thread);
    let wakes = if record.token.notify() { Some(record) } else { many::sleeping_owner(record) };
    ready::make_all_ready(wakes.into_iter());
}

/// Ends the present wait of the thread that `tid` names with `EINTR`, if it may be ended, or else the next that may. `None`: there is no
/// such thread. Who ends meanwhile hears nothing.
pub fn interrupt(tid: u32) -> Option<()> {
    // While it may be named, nobody else begins to live in its record.
    let sleeper = spawn::while_named(tid, |record| record.token.interrupt().then_some(record))?;
    ready::make_all_ready(sleeper.into_iter());
    Some(())
}

/// Whether somebody wanted the calling thread's wait to end; from now on nobody does. Until it is asked no [`park`] lasts.
pub fn take_interruption() -> bool {
    record::current().token.take_interruption()
}

/// The calling thread was interrupted, if `it_was`, while it waited for what may not be: its next wait that may be is. Called when the wait
/// is over.
#[inline]
pub fn keep_interruption(it_was: bool) {
    if it_was {
        record::current().token.keep_interruption();
    }
}

/// Unparks each of `threads`: all are queued before one of them may take this core from the caller, who has masked IRQs and knows what was
/// masked `before`.
#[inline]
pub fn unpark_each(threads: impl Iterator<Item = Thread>, before: cpu::Masking) {
    let asleep =
        threads.map(record::of).filter_map(|record| if record.token.notify() { Some(record) } else { many::sleeping_owner(record) });
    ready::make_all_ready_masked(asleep, before);
}

/// Sleeps for at least `ns` nanoseconds, interrupted or not.
pub fn sleep(ns: u64) {
    let end = time::now().saturating_add_ns(ns);
    let mut was_interrupted = false;
    while park(Some(Deadline::at(end))) != Parked::Expired {
        was_interrupted |= take_interruption();
    }
    keep_interruption(was_interrupted);
}

/// [`park`] by one who may call it in a loop that no interruption ends.
pub fn block(deadline: Option<Instant>) {
    let was_interrupted = take_interruption();
    let _ = park(deadline.map(Deadline::at));
    keep_interruption(was_interrupted);
}
