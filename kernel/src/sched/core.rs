//! What a core knows: its ready threads, its deadlines, its slice.
//!
//! A core takes threads from its own queue and, with nothing there, from the others' ([`skete_logic::placement`]). The timer is set only
//! for a reason: a deadline, or a slice while an equal waits ([`skete_logic::slice`]).
#![allow(unsafe_code, reason = "a core is found through a register")]

use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};

use allocator_api2::vec::Vec;
use skete_logic::deadlines::Entry;
use skete_logic::placement::{self, Cores as _, IdleSet};
use skete_logic::ready::{Ready, Runs};
use skete_logic::sleepers::Sleepers;
use skete_logic::slice::{Slice, State};
use skete_logic::thread::Thread;
use skete_logic::time::Instant;

use super::chaos::Dice;
use super::meter::{self, CoreMeter};
use super::ready::{Machine, QueueLock};
use super::record::{self, IDLE_RECORDS, Record, Records};
use crate::arch::{cpu, stacks};
use crate::memory::{Heap, cache};
use crate::time;

/// No timer is set.
const NEVER: u64 = u64::MAX;

/// A core. Its first word is where the vectors look for the emergency stack.
#[repr(C, align(64))]
pub struct Core {
    emergency_stack: AtomicUsize,
    number: u8,
    /// The other cores that run threads, one bit each.
    others: AtomicU8,
    /// Whether slices are ticked off even when nobody waits: under `-icount` a spin for another core must end.
    ticks_always: AtomicBool,
    /// Its ready threads, and what the others see of it.
    pub ready: Ready<QueueLock>,
    slice: Slice,
    /// When the timer fires, in ticks.
    timer: AtomicU64,
    /// Who fell asleep here until a deadline.
    pub sleepers: Sleepers<QueueLock, Heap>,
    /// For option `chaos`: when it preempts for no reason.
    pub dice: Dice,
    /// What the clock is told by, of every core the same: seconds per tick, in units of 2⁻⁶⁴, and nanoseconds per second.
    clock: [AtomicU64; 2],
    /// Its free blocks, which the heap finds at [`cache::AT`].
    blocks: cache::Lists,
    /// How long it has run threads, and whose meter runs with it.
    pub meter: CoreMeter,
}

const _: () = assert!(cfg!(debug_assertions) || offset_of!(Core, blocks) == cache::AT, "in dev builds the heap keeps no lists");

/// Where in a core's block its clock's two factors are: assembly multiplies ticks by one, and what is beyond seconds by the other.
pub const CLOCK_AT: usize = offset_of!(Core, clock);

/// The cores.
pub static CORES: [Core; cpu::CORES] = [Core::new(0), Core::new(1), Core::new(2), Core::new(3)];

/// The cores that wait for work.
pub static IDLE: IdleSet = IdleSet::new();
/// One bit per core that runs threads.
static ONLINE: AtomicU8 = AtomicU8::new(0);
/// How many cores are to run threads.
static COUNT: AtomicUsize = AtomicUsize::new(1);

impl Core {
    const fn new(number: u8) -> Self {
        Self {
            emergency_stack: AtomicUsize::new(0),
            number,
            others: AtomicU8::new(0),
            ticks_always: AtomicBool::new(false),
            ready: Ready::new(number, QueueLock::new()),
            slice: Slice::new(),
            timer: AtomicU64::new(NEVER),
            sleepers: Sleepers::new(QueueLock::new(), Heap),
            dice: Dice::new(),
            clock: [AtomicU64::new(0), AtomicU64::new(time::SECOND)],
            blocks: cache::Lists::new(),
            meter: CoreMeter::new(),
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
        usize::from(self.number)
    }

    /// Whether no other core that runs threads is in `allowed`.
    #[inline(always)]
    pub fn is_alone_in(&self, allowed: u8) -> bool {
        allowed & self.others.load(Ordering::Relaxed) == 0
    }

    /// Prepares core `number`, before it takes its first exception. `deadlines` has room for every thread.
    pub fn prepare(number: usize, deadlines: Vec<Entry, Heap>, ticks_always: bool) {
        let core = &CORES[number];
        core.ticks_always.store(ticks_always, Ordering::Relaxed);
        core.clock[0].store(time::tick(), Ordering::Relaxed);
        core.sleepers.give(deadlines);
        IDLE_RECORDS[number].core.store(core.number, Ordering::Relaxed);
    }

    /// Gives this core its block, its emergency stack and its idle thread's record: the first thing of all.
    pub fn prepare_for_the_worst(number: usize) {
        let core = &CORES[number];
        core.emergency_stack.store(stacks::emergency(number), Ordering::Relaxed);
        cpu::set_blocks((&raw const *core) as usize, (&raw const IDLE_RECORDS[number]) as usize);
    }

    /// From now on this core runs threads.
    pub fn join(&self) {
        self.dice.seed(self.number());
        if let Some(tick) = self.dice.next_tick(cpu::ticks_about()) {
            self.set_timer(tick);
        }
        for other in CORES.iter().filter(|other| !core::ptr::eq(*other, self)) {
            other.others.fetch_or(1 << self.number(), Ordering::Relaxed);
        }
        ONLINE.fetch_or(1 << self.number(), Ordering::SeqCst);
        // Behind that: pairs with the fence in `meter::begin`.
        fence(Ordering::SeqCst);
        meter::look(self);
    }

    /// What it does, for reports.
    pub fn state(&self) -> &'static str {
        if online() & 1 << self.number() == 0 {
            "not started"
        } else if self.ready.is_idle() {
            "idle"
        } else {
            "busy"
        }
    }

    /// How many switches it has made.
    pub fn switches(&self) -> u64 {
        self.slice.switches()
    }

    /// The record to resume: the first of its own queue, else one of another core's, else the idle thread.
    #[inline(never)]
    pub fn next(&'static self) -> &'static Record {
        self.next_at_once()
    }

    /// [`next`](Self::next) without a call.
    #[inline(always)]
    pub fn next_at_once(&'static self) -> &'static Record {
        match self.ready.pop(&Records, |thread, is_last| (self.run(thread), is_last)) {
            Some(((record, state), is_last)) => self.begin(record, state, !is_last),
            None => self.next_from_elsewhere(),
        }
    }

    /// Queues the running `left` behind its equals and takes the next. A core that idles is to take it; one that goes idle this very moment
    /// may be missed, for a slice at most: no fence makes sure of it.
    #[inline]
    pub fn next_after(&'static self, left: &'static Record) -> &'static Record {
        let allowed = left.affinity.load(Ordering::Relaxed);
        let next = self.ready.rotate(&Records, left.thread(), || left.priority(), |thread, is_last| (self.run(thread), is_last));
        if IDLE.has_any(allowed) {
            placement::offer(&Machine, self.number(), allowed & online());
        }
        match next {
            Some(((record, state), is_last)) => self.begin(record, state, !is_last),
            None => self.next_from_elsewhere(),
        }
    }

    /// After an interrupt: the record to resume when `left` was running.
    pub fn preempt(&'static self, left: &'static Record) -> &'static Record {
        let is_slice_over = self.is_slice_over(left);
        let goes_on = self.ready.look(|top| {
            let has_equal = top == Some(left.priority());
            let goes_on = top < Some(left.priority()) || has_equal && !is_slice_over;
            self.begin_slice((), goes_on && has_equal);
            goes_on
        });
        if goes_on {
            return left;
        }
        self.put_back(left, is_slice_over);
        self.next()
    }

    /// Whether the running `left` has had its slice.
    fn is_slice_over(&self, left: &Record) -> bool {
        self.slice.is_over(cpu::ticks_about(), time::slice_ticks(), left.had.load(Ordering::Relaxed))
    }

    /// Queues the running `left`: before its equals with the rest of its slice, or behind them if that is over.
    pub fn give_way(&self, left: &'static Record) {
        self.put_back(left, self.is_slice_over(left));
    }

    fn put_back(&self, left: &'static Record, is_slice_over: bool) {
        if !is_slice_over {
            left.had.store(self.slice.had(cpu::ticks_about(), left.had.load(Ordering::Relaxed)), Ordering::Relaxed);
            return placement::give_way(&Machine, self.number(), left.thread());
        }
        left.had.store(0, Ordering::Relaxed);
        if let Some(other) = self.much_lighter(left) {
            super::ready::queue_on(other, left);
        } else {
            let _ = placement::queue_on(&Machine, self.number(), left.thread());
        }
    }

    /// A core with at least two threads fewer than this one, where `left` may run.
    fn much_lighter(&self, left: &Record) -> Option<&'static Self> {
        let allowed = left.affinity.load(Ordering::Relaxed) & online();
        let other = lightest(allowed)?;
        (other.ready.load() + 2 <= self.ready.load()).then_some(other)
    }

    /// `thread` is to run next.
    #[inline(always)]
    fn run(&'static self, thread: Thread) -> (&'static Record, State) {
        let record = record::of(thread);
        let state = self.slice.switch();
        record.core.store(self.number, Ordering::Relaxed);
        (record, state)
    }

    /// `record` is to run next, and an equal may wait. The counter is read for the slice's sake only: under QEMU every reading takes the
    /// lock of all cores.
    #[inline(always)]
    fn begin(&self, record: &'static Record, state: State, has_equal: bool) -> &'static Record {
        if state.is_metered() {
            self.begin_metered(record, state, has_equal)
        } else if state.is_ticking() {
            self.slice.begin(cpu::ticks_about());
            record
        } else if has_equal {
            self.expect_tick(record)
        } else {
            record
        }
    }

    #[cold]
    #[inline(never)]
    extern "rust-cold" fn begin_metered(&self, record: &'static Record, state: State, has_equal: bool) -> &'static Record {
        meter::pass(self, Some(record));
        if state.is_ticking() {
            self.slice.begin(cpu::ticks_about());
            record
        } else {
            self.begin_slice(record, has_equal)
        }
    }

    /// If an equal may wait, the running thread has a slice from now on, unless it has one already. Answers with `then`.
    #[inline(always)]
    fn begin_slice<R>(&self, then: R, has_equal: bool) -> R {
        if has_equal && !self.slice.is_ticking() { self.expect_tick(then) } else { then }
    }

    #[cold]
    #[inline(never)]
    extern "rust-cold" fn expect_tick<R>(&self, then: R) -> R {
        let tick = self.slice.expect_tick(cpu::ticks_about(), time::slice_ticks());
        if tick < self.timer.load(Ordering::Relaxed) {
            self.set_timer(tick);
        }
        then
    }

    /// The record to resume when this core idled.
    pub fn next_after_idling(&'static self) -> &'static Record {
        self.begin_slice((), self.ticks_always.load(Ordering::Relaxed));
        self.next()
    }

    fn set_timer(&self, at: u64) {
        self.timer.store(at, Ordering::Relaxed);
        cpu::arm_timer(at);
    }

    #[cold]
    fn next_from_elsewhere(&'static self) -> &'static Record {
        if let Some(thread) = placement::steal(&Machine, self.number()) {
            self.ready.set_running(Machine.priority(thread));
            let ((record, state), has_equal) = self.ready.look(|top| (self.run(thread), top.is_some()));
            return self.begin(record, state, has_equal);
        }
        self.ready.idle();
        self.stop_meter();
        &IDLE_RECORDS[self.number()]
    }

    /// Nothing runs here any more, or what does is to be forgotten.
    #[inline]
    pub fn stop_meter(&self) {
        if self.slice.state().is_metered() {
            meter::pass(self, None);
        }
    }

    /// If this core does not count yet for how long threads run, it does from now on. IRQs are masked.
    pub fn begin_meter(&self) {
        if !self.slice.state().is_metered() {
            self.slice.meter();
            let running = record::current();
            meter::pass(self, (!running.is_idle()).then_some(running));
        }
    }

    /// Whether this core must be told of a thread that was queued on it while it ran what `runs` says.
    #[inline]
    pub fn must_know(&self, runs: Runs) -> bool {
        match runs {
            Runs::Nothing | Runs::Less => true,
            Runs::Equal => !self.slice.is_ticking(),
            Runs::More => false,
        }
    }

    /// A thread was queued on this very core, which ran what `runs` says: true if the running thread must give way. Else its slice begins
    /// to count, if an equal waits now.
    #[inline]
    pub fn take_notice(&self, runs: Runs) -> bool {
        self.begin_slice((), runs == Runs::Equal);
        matches!(runs, Runs::Nothing | Runs::Less)
    }

    /// The running `record` has another priority: true if it must give way to a thread that waits here.
    pub fn takes_notice_of_priority(&self, record: &Record) -> bool {
        let priority = record.priority();
        self.ready.set_running(priority);
        self.ready.look(|top| {
            self.begin_slice((), top == Some(priority));
            top > Some(priority)
        })
    }

    /// The running thread must give way but holds a spin lock: an interrupt comes as soon as it lets go.
    pub fn give_way_soon(&self) {
        self.set_timer(cpu::ticks_about());
    }

    /// Lets the timer fire at `at`, or earlier.
    pub fn arm(&self, at: Instant) {
        self.arm_tick(time::ticks_of(at));
    }

    /// [`arm`](Self::arm), by the counter.
    pub fn arm_tick(&self, at: u64) {
        if at < self.timer.load(Ordering::Relaxed) {
            self.set_timer(at);
        }
    }

    /// The timer fired: wakes whose deadline has passed, and sets it for the next reason.
    pub fn timer_fired(&'static self) {
        loop {
            let now = time::now();
            let Some(thread) = self.sleepers.take_expired(&Records, now) else { break };
            super::park::unpark(thread);
        }
        let now = cpu::ticks_about();
        if self.slice.is_due(now) {
            let ticks_always = self.ticks_always.load(Ordering::Relaxed) && !self.ready.is_idle();
            let (running, had) = (record::current().priority(), record::current().had.load(Ordering::Relaxed));
            // If the slice is over, `preempt` sees that next.
            self.ready.look(|top| self.slice.tick(now, time::slice_ticks(), had, ticks_always || top >= Some(running)));
        }
        let mut next = self.slice.next_tick();
        if let Some(tick) = self.dice.next_tick(now) {
            self.slice.end();
            next = next.min(tick);
        }
        self.reset_timer(next);
    }

    /// Sets the timer for `tick` or the next deadline, whichever comes first; stops it without a reason.
    fn reset_timer(&self, tick: u64) {
        let deadline = self.sleepers.earliest().map_or(NEVER, time::ticks_of);
        let at = deadline.min(tick);
        self.timer.store(at, Ordering::Relaxed);
        if at == NEVER { cpu::disarm_timer() } else { cpu::arm_timer(at) }
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

/// The core with the least to do out of `allowed`.
pub fn lightest(allowed: u8) -> Option<&'static Core> {
    CORES.iter().enumerate().filter(|(number, _)| allowed & 1 << number != 0).map(|(_, core)| core).min_by_key(|core| core.ready.load())
}
