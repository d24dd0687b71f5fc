//! What a core knows: its ready threads, its deadlines, its slice.
//!
//! A core takes threads from its own queue and, with nothing there, from the others'. The timer is set only for a reason: a deadline, or a slice
//! while an equal waits. A slice that was renewed leaves the timer as it is; when it fires too early it is set again.
#![allow(unsafe_code, reason = "a core is found through a register")]

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use skete_logic::deadlines::{Deadlines, Entry};
use skete_logic::run_queue::RunQueue;
use skete_logic::thread::Thread;
use skete_logic::time::Instant;

use super::record::{self, IDLE_RECORDS, Record, Records};
use crate::arch::{cpu, stacks};
use crate::lock::{Bare, Spin};
use crate::time;

/// No slice is running, or no timer set.
const NEVER: u64 = u64::MAX;
/// What an idle core runs at: below every thread.
const IDLE_PRIORITY: u8 = 0;

/// A core. Its first word is where the vectors look for the emergency stack.
#[repr(C, align(64))]
pub struct Core {
    emergency_stack: AtomicUsize,
    number: AtomicU8,
    /// The running thread's priority plus one; 0 while idle. Read by the others.
    running: AtomicU8,
    /// Whether its threads are one slice each even when alone: under `-icount` a spin for another core must end.
    ticks_always: AtomicBool,
    /// How many threads are queued here; read without the lock.
    pub ready: AtomicU32,
    queue: Bare<RunQueue>,
    /// When the running thread's slice ends, in ticks.
    slice_end: AtomicU64,
    /// When the timer fires, in ticks.
    timer: AtomicU64,
    deadlines: Spin<Deadlines<'static>>,
    switches: AtomicU64,
}

/// The cores.
pub static CORES: [Core; cpu::CORES] = [const { Core::new() }; cpu::CORES];

/// One bit per core that waits for work. A waker that clears a core's bit has claimed it, and must kick it.
static IDLE: AtomicU8 = AtomicU8::new(0);
/// One bit per core that runs threads.
static ONLINE: AtomicU8 = AtomicU8::new(0);
/// How many cores are to run threads.
static COUNT: AtomicUsize = AtomicUsize::new(1);

/// Whom to kick after a thread was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Kick {
    /// Nobody.
    None,
    /// The core runs an equal, whose slice begins to count now.
    Slice,
    /// The core is idle or runs something that must give way.
    GiveWay,
}

impl Core {
    const fn new() -> Self {
        Self {
            emergency_stack: AtomicUsize::new(0),
            number: AtomicU8::new(0),
            running: AtomicU8::new(0),
            ticks_always: AtomicBool::new(false),
            ready: AtomicU32::new(0),
            queue: Bare::const_new(<crate::lock::RawBare as lock_api::RawMutex>::INIT, RunQueue::new()),
            slice_end: AtomicU64::new(NEVER),
            timer: AtomicU64::new(NEVER),
            deadlines: Spin::new(Deadlines::new(&mut [])),
            switches: AtomicU64::new(0),
        }
    }

    /// This core. Good until IRQs are unmasked or the thread switches.
    #[inline(always)]
    pub fn this() -> &'static Self {
        // SAFETY: TPIDR_EL1 holds a core's address from its first Rust instruction on.
        unsafe { &*(cpu::core_block() as *const Self) }
    }

    /// Its number, 0–3.
    #[inline]
    pub fn number(&self) -> usize {
        usize::from(self.number.load(Ordering::Relaxed))
    }

    /// Prepares core `number`, before it takes its first exception. `deadlines` has room for every thread.
    pub fn prepare(number: usize, deadlines: &'static mut [Entry], ticks_always: bool) {
        let core = &CORES[number];
        core.number.store(u8::try_from(number).unwrap_or(0), Ordering::Relaxed);
        core.ticks_always.store(ticks_always, Ordering::Relaxed);
        *core.deadlines.lock() = Deadlines::new(deadlines);
        IDLE_RECORDS[number].core.store(core.number.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Gives this core its block, its emergency stack and its idle thread's record: the first thing of all.
    pub fn prepare_for_the_worst(number: usize) {
        let core = &CORES[number];
        core.emergency_stack.store(stacks::emergency(number), Ordering::Relaxed);
        cpu::set_blocks((&raw const *core) as usize, (&raw const IDLE_RECORDS[number]) as usize);
    }

    /// From now on this core runs threads.
    pub fn join(&self) {
        ONLINE.fetch_or(1 << self.number(), Ordering::SeqCst);
    }

    /// What it does, for reports.
    pub fn state(&self) -> &'static str {
        if online() & 1 << self.number() == 0 {
            "not started"
        } else if self.is_idle() {
            "idle"
        } else {
            "busy"
        }
    }

    /// How many switches it has made.
    pub fn switches(&self) -> u64 {
        self.switches.load(Ordering::Relaxed)
    }

    /// Only this core writes the count.
    #[inline(always)]
    fn count_switch(&self) {
        self.switches.store(self.switches.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The record to resume: the first of its own queue, else one of another core's, else the idle thread.
    #[inline]
    pub fn next(&'static self) -> &'static Record {
        let mut queue = self.queue.lock();
        let Some(thread) = queue.pop(&Records) else {
            drop(queue);
            return self.next_from_elsewhere();
        };
        self.run(&queue, thread)
    }

    /// Queues the running `thread` behind its equals and takes the next.
    #[inline]
    pub fn next_after(&'static self, thread: Thread, priority: u8) -> &'static Record {
        let mut queue = self.queue.lock();
        queue.push_back(&Records, thread, priority);
        match queue.pop(&Records) {
            Some(next) => self.run(&queue, next),
            None => &IDLE_RECORDS[self.number()],
        }
    }

    /// Queues the running `thread` before its equals.
    pub fn put_front(&self, thread: Thread, priority: u8) {
        let mut queue = self.queue.lock();
        queue.push_front(&Records, thread, priority);
        self.note_length(&queue);
    }

    /// After an interrupt: the record to resume when `left` was running.
    pub fn preempt(&'static self, left: &'static Record) -> &'static Record {
        let mut queue = self.queue.lock();
        let top = queue.top_priority();
        let is_slice_over = cpu::ticks_about() >= self.slice_end.load(Ordering::Relaxed);
        if top < Some(left.priority()) || top == Some(left.priority()) && !is_slice_over {
            self.slice_goes_on(top == Some(left.priority()), is_slice_over);
            return left;
        }
        if !is_slice_over {
            queue.push_front(&Records, left.thread(), left.priority());
        } else if let Some(other) = self.much_lighter(left, queue.len()) {
            drop(queue);
            super::ready::queue_on(other, left);
            return self.next();
        } else {
            queue.push_back(&Records, left.thread(), left.priority());
        }
        match queue.pop(&Records) {
            Some(next) => self.run(&queue, next),
            None => left,
        }
    }

    /// The running thread stays: its slice begins if an equal waits now, and is forgotten if it ended with no equal waiting.
    fn slice_goes_on(&self, has_equal: bool, is_over: bool) {
        if has_equal && self.slice_end.load(Ordering::Relaxed) == NEVER {
            self.begin_slice();
        } else if is_over {
            self.slice_end.store(NEVER, Ordering::Relaxed);
        }
    }

    /// A core with at least two threads fewer than this one, where `left` may run.
    fn much_lighter(&self, left: &Record, queued: usize) -> Option<&'static Self> {
        let allowed = left.affinity.load(Ordering::Relaxed) & online();
        let other = lightest(allowed)?;
        (other.load() + 2 <= queued + 1).then_some(other)
    }

    /// What it has to do: queued threads and the running one.
    pub fn load(&self) -> usize {
        self.ready.load(Ordering::Relaxed) as usize + usize::from(self.running.load(Ordering::Relaxed) != 0)
    }

    #[inline(always)]
    fn run(&'static self, queue: &RunQueue, thread: Thread) -> &'static Record {
        let record = record::of(thread);
        self.count_switch();
        self.note_length(queue);
        self.running.store(record.priority() + 1, Ordering::Relaxed);
        record.core.store(self.number.load(Ordering::Relaxed), Ordering::Relaxed);
        if queue.is_empty() && !self.ticks_always.load(Ordering::Relaxed) {
            self.slice_end.store(NEVER, Ordering::Relaxed);
        } else {
            self.begin_slice();
        }
        record
    }

    #[inline]
    fn note_length(&self, queue: &RunQueue) {
        #[allow(clippy::cast_possible_truncation, reason = "no more than there are records")]
        self.ready.store(queue.len() as u32, Ordering::Relaxed);
    }

    /// The running thread has a slice from now on: an equal waits.
    #[inline]
    pub fn begin_slice(&self) {
        let end = cpu::ticks_about() + time::slice_ticks();
        self.slice_end.store(end, Ordering::Relaxed);
        if end < self.timer.load(Ordering::Relaxed) {
            self.set_timer(end);
        }
    }

    fn set_timer(&self, at: u64) {
        self.timer.store(at, Ordering::Relaxed);
        cpu::arm_timer(at);
    }

    #[cold]
    fn next_from_elsewhere(&'static self) -> &'static Record {
        if let Some(thread) = self.steal() {
            let queue = self.queue.lock();
            return self.run(&queue, thread);
        }
        self.running.store(IDLE_PRIORITY, Ordering::Relaxed);
        self.slice_end.store(NEVER, Ordering::Relaxed);
        self.note_length(&self.queue.lock());
        &IDLE_RECORDS[self.number()]
    }

    /// Takes a thread that waits on another core and may run here.
    fn steal(&self) -> Option<Thread> {
        let me = 1u8 << self.number();
        CORES.iter().filter(|other| !core::ptr::eq(*other, self) && other.ready.load(Ordering::Relaxed) != 0).find_map(|other| {
            let mut queue = other.queue.lock();
            let stolen = queue.steal(&Records, |thread| record::of(thread).affinity.load(Ordering::Relaxed) & me != 0);
            other.note_length(&queue);
            stolen
        })
    }

    /// Whether its queue holds a thread now: its own, or one that waited on another core and may run here.
    pub fn find_work(&self) -> bool {
        if self.ready.load(Ordering::Relaxed) != 0 {
            return true;
        }
        let stolen = self.steal();
        if let Some(thread) = stolen {
            let mut queue = self.queue.lock();
            queue.push_back(&Records, thread, record::of(thread).priority());
            self.note_length(&queue);
        }
        stolen.is_some()
    }

    /// Whether it runs its idle thread.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.running.load(Ordering::Relaxed) == IDLE_PRIORITY
    }

    /// Queues `record` here; whether the core must be told.
    #[inline]
    pub fn queue(&self, record: &Record) -> Kick {
        let priority = record.priority();
        let mut queue = self.queue.lock();
        queue.push_back(&Records, record.thread(), priority);
        self.note_length(&queue);
        drop(queue);
        let running = self.running.load(Ordering::Relaxed);
        if priority + 1 > running {
            Kick::GiveWay
        } else if priority + 1 == running && self.slice_end.load(Ordering::Relaxed) == NEVER {
            Kick::Slice
        } else {
            Kick::None
        }
    }

    /// A thread was queued on this very core: true if the running one must give way at once. Else its slice begins to count.
    #[inline]
    pub fn must_give_way(&self) -> bool {
        let top = self.queue.lock().top_priority().map_or(0, |priority| priority + 1);
        let running = self.running.load(Ordering::Relaxed);
        if top == running && self.slice_end.load(Ordering::Relaxed) == NEVER {
            self.begin_slice();
        }
        top > running
    }

    /// The running thread must give way but holds a spin lock: an interrupt comes as soon as it lets go.
    pub fn give_way_soon(&self) {
        self.set_timer(cpu::ticks_about());
    }

    /// Changes the priority of `record` where it stands, if it is queued here.
    pub fn requeue(&self, record: &Record, priority: u8) -> bool {
        let mut queue = self.queue.lock();
        let was_queued = queue.remove(&Records, record.thread(), record.priority());
        record.priority.store(priority, Ordering::Relaxed);
        if was_queued {
            queue.push_back(&Records, record.thread(), priority);
        }
        was_queued
    }

    /// Takes `record` out of this core's queue, if it is there.
    pub fn unqueue(&self, record: &Record) -> bool {
        let mut queue = self.queue.lock();
        let was_queued = queue.remove(&Records, record.thread(), record.priority());
        self.note_length(&queue);
        was_queued
    }

    /// The running thread's priority changed.
    pub fn set_running(&self, priority: u8) {
        self.running.store(priority + 1, Ordering::Relaxed);
    }

    /// Sets the deadline of `thread`, which is about to park here.
    pub fn set_deadline(&self, thread: Thread, at: Instant) {
        let mut deadlines = self.deadlines.lock();
        if deadlines.insert(&Records, thread, at) {
            let ticks = time::ticks_of(at);
            if ticks < self.timer.load(Ordering::Relaxed) {
                self.set_timer(ticks);
            }
        }
    }

    /// Drops the deadline of `thread`, set on this core; false if it has expired.
    pub fn drop_deadline(&self, thread: Thread) -> bool {
        self.deadlines.lock().remove(&Records, thread)
    }

    /// The timer fired: wakes whose deadline has passed, and sets it for the next reason.
    pub fn timer_fired(&'static self) {
        loop {
            let now = time::now();
            let expired = self.deadlines.lock().pop_expired(&Records, now);
            let Some(thread) = expired else { break };
            super::park::unpark(thread);
        }
        let now = cpu::ticks_about();
        if self.slice_end.load(Ordering::Relaxed) <= now && self.ready.load(Ordering::Relaxed) == 0 {
            let next = if self.ticks_always.load(Ordering::Relaxed) { now + time::slice_ticks() } else { NEVER };
            self.slice_end.store(next, Ordering::Relaxed);
        }
        // With somebody waiting, `preempt` sees next that the slice is over, and begins another.
        let slice_end = self.slice_end.load(Ordering::Relaxed);
        self.reset_timer(if slice_end <= now { NEVER } else { slice_end });
    }

    /// Sets the timer for `slice` or the next deadline, whichever comes first; stops it without a reason.
    fn reset_timer(&self, slice: u64) {
        let deadline = self.deadlines.lock().earliest().map_or(NEVER, time::ticks_of);
        let at = deadline.min(slice);
        self.timer.store(at, Ordering::Relaxed);
        if at == NEVER { cpu::disarm_timer() } else { cpu::arm_timer(at) }
    }

    /// Says that this core waits for work.
    pub fn announce_idle(&self) {
        IDLE.fetch_or(1 << self.number(), Ordering::SeqCst);
        // Pairs with the fence in `ready::queue_on`: either this core sees the thread queued before, or the waker sees this core's bit.
        fence(Ordering::SeqCst);
    }

    /// Says that this core has work; true if nobody claimed it meanwhile.
    pub fn stop_idling(&self) -> bool {
        IDLE.fetch_and(!(1 << self.number()), Ordering::SeqCst) & 1 << self.number() != 0
    }
}

/// How many cores are to run threads; known before the others start.
pub fn count() -> usize {
    COUNT.load(Ordering::Relaxed)
}

/// Decides how many cores run threads. Called once, at boot.
pub fn set_count(count: usize) {
    COUNT.store(count, Ordering::Relaxed);
}

/// One bit per core that runs threads.
#[inline]
pub fn online() -> u8 {
    ONLINE.load(Ordering::Relaxed)
}

/// One bit per core that waits for work.
#[inline]
pub fn idle() -> u8 {
    IDLE.load(Ordering::Relaxed)
}

/// Claims an idle core out of `allowed`, `preferred` if it is one. The caller queues a thread there and kicks it.
pub fn claim_idle(allowed: u8, preferred: usize) -> Option<&'static Core> {
    loop {
        let candidates = idle() & allowed;
        if candidates == 0 {
            return None;
        }
        let number = if candidates & 1 << preferred != 0 { preferred } else { candidates.trailing_zeros() as usize };
        if IDLE.fetch_and(!(1 << number), Ordering::SeqCst) & 1 << number != 0 {
            return Some(&CORES[number]);
        }
    }
}

/// The core with the least to do out of `allowed`.
pub fn lightest(allowed: u8) -> Option<&'static Core> {
    CORES.iter().enumerate().filter(|(number, _)| allowed & 1 << number != 0).map(|(_, core)| core).min_by_key(|core| core.load())
}
