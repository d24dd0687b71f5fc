//! Signals inside of the program, and POSIX timers. What decides is in `skete-signals`; here it meets threads.
//!
//! There is no border between program and kernel at which a signal could be looked for. So a **point** is where handlers run, on the thread
//! itself: when a call that can block begins, is interrupted or has ended; when any call of Linux's table returns, be it `syscall()`, an
//! `svc` or a cancellation point of musl's; in `sched_yield`; when a mask lets a signal through; and in the call that sends one to its own
//! thread, before it returns. A lock that is free and a call that need not wait are none; who waits for a lock takes signals there and
//! waits on. In a C program a thread that computes is interrupted too, wherever it stands outside of the kernel and of this face: it is
//! sent on a [`detour`]. In a program of Rust's the code of both is among the program's own, and only points count.
//!
//! **Who sends** puts the signal into the queue, chooses who is to take it, sets that thread's bit in
//! [`Cancelling`](crate::thread::cancel::Cancelling) and ends its wait, all under one lock. Who is about to sleep sets its own bit there
//! and then looks for the other; an interruption that finds nobody asleep ends the next sleep; so none is missed. Who takes signals clears
//! the bit under the lock when it finds no more. An interruption without a signal is possible, and a call that finds so goes on. As long as
//! any thread's bit is set every core looks, again and again, whether it runs that one.
//!
//! **Interrupted** calls follow `signal(7)`: after a handler, sleeps, `pause`, `poll`, `sigsuspend`, `sigtimedwait` and any wait with a
//! timeout of Linux's table end with `EINTR`; `read` and `sem_wait` do unless the handler has SA_RESTART; mutexes, read-write locks,
//! barriers, joins and futaphores never do, and a condition variable returns as if it had been signalled.
//!
//! - [`handler`]: taking signals, and what becomes of them · [`context`]: what handlers are told of where they interrupt
//! - [`fault`]: faults that are signals · [`mask`]: masks and waiting
//! - [`timer`]: timers · [`service`]: the thread that lets them expire

pub mod context;
pub mod fault;
pub mod handler;
pub mod mask;
pub mod service;
pub mod timer;

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use skete::lock::Spin;
use skete::sched::detour;
use skete::thread;
use skete_abi::Errno;
use skete_signals::queue::PROGRAM;
use skete_signals::set::SIGNALS;
use skete_signals::{Action, Fate, Info, Queue, Set, Signal, Standing, choice};
use skete_sync::leaving::{Leaving, Pending};

use crate::thread::block::Block;

pub use handler::{Outcome, deliver};

/// `si_code` of signals that a thread sends, of timers, and of `alarm`.
pub mod code {
    /// SI_USER: `kill`.
    pub const USER: i32 = 0;
    /// SI_TKILL: `pthread_kill`.
    pub const THREAD: i32 = -6;
    /// SI_TIMER.
    pub const TIMER: i32 = -2;
    /// SI_KERNEL.
    pub const KERNEL: i32 = 0x80;
}

/// How many signals can be pending.
const ROOM: usize = 256;

/// All that is known of signals, but for what lies in each thread's block. Its lock comes before the run queues'.
struct State {
    queue: Queue<ROOM>,
    actions: [Action; SIGNALS],
    timers: timer::Table,
}

static STATE: Spin<State> = Spin::new(State { queue: Queue::new(), actions: [Action::NONE; SIGNALS], timers: timer::Table::new() });

/// How many signals are pending: a thread that ends while there are none need not take the lock.
static PENDING: Pending = Pending::new();

/// What a thread says of signals. Written under the lock, by the thread itself but for `waits`.
pub struct Signals {
    mask: AtomicU64,
    /// What it waits for by `sigwait`, until somebody sends it.
    waits: AtomicU64,
    /// The stack of handlers that want another (`sigaltstack`); 0: there is none.
    stack: AtomicUsize,
    stack_bytes: AtomicUsize,
    /// Where it has had a fault that no handler takes; 0: nowhere.
    refused: AtomicU64,
    /// Whether it takes signals no more, for it ends.
    leaving: Leaving,
}

impl Signals {
    /// Nobody's.
    pub const fn new() -> Self {
        Self {
            mask: AtomicU64::new(0),
            waits: AtomicU64::new(0),
            stack: AtomicUsize::new(0),
            stack_bytes: AtomicUsize::new(0),
            refused: AtomicU64::new(0),
            leaving: Leaving::new(),
        }
    }

    /// A thread begins that keeps away `mask`.
    #[inline]
    pub fn begin(&self, mask: Set) {
        self.mask.store(mask.0, Ordering::Relaxed);
        self.leaving.stay();
        self.set_other_stack(0, 0);
    }

    /// What it keeps away.
    #[inline]
    pub fn mask(&self) -> Set {
        Set(self.mask.load(Ordering::Relaxed))
    }

    /// The stack of handlers that want another: its lowest byte, and its bytes.
    pub fn other_stack(&self) -> (usize, usize) {
        (self.stack.load(Ordering::Relaxed), self.stack_bytes.load(Ordering::Relaxed))
    }

    /// From now on that is another; 0: none.
    pub fn set_other_stack(&self, start: usize, bytes: usize) {
        self.stack.store(start, Ordering::Relaxed);
        self.stack_bytes.store(bytes, Ordering::Relaxed);
    }

    fn set_mask(&self, mask: Set) {
        self.mask.store(mask.0, Ordering::Relaxed);
    }
}

/// The number that names a thread in the queue.
fn number_of(block: &Block) -> usize {
    core::ptr::from_ref(block).addr()
}

fn standing(block: &Block, sender: Option<&Block>) -> Standing {
    Standing {
        mask: block.signals.mask(),
        waits: Set(block.signals.waits.load(Ordering::Relaxed)),
        sleeps: block.cancelling.is_waiting(),
        is_sender: sender.is_some_and(|sender| core::ptr::eq(sender, block)),
    }
}

/// Lets `block`'s thread look for signals, whatever it does.
fn wake(block: &Block, sender: Option<&Block>) {
    block.signals.waits.store(0, Ordering::Relaxed);
    block.cancelling.signal();
    if !sender.is_some_and(|sender| core::ptr::eq(sender, block)) {
        interrupt(block);
    }
}

/// Ends the wait of `block`'s thread, which was signalled; or has it looked for if it does not wait.
#[inline(never)]
fn interrupt(block: &Block) {
    // It may not have begun yet, or have ended: it looks before it sleeps, or never.
    let _ = thread::interrupt(block.tid.load(Ordering::Relaxed));
    // One that waits looks when the wait ends: `while_waiting`.
    if !block.cancelling.is_waiting() {
        detour::hurry();
    }
}

/// Lets `block`'s thread, another one, look whether it is cancelled, wherever it is.
pub fn look(block: &Block) {
    // Under the lock: who has looked clears the bit there, and looks once more.
    let _state = STATE.lock();
    block.cancelling.signal();
    interrupt(block);
}

impl State {
    /// How many are pending.
    fn count(&self) -> u32 {
        u32::try_from(self.queue.count()).unwrap_or(u32::MAX - 1)
    }

    /// Counts what is pending.
    fn tell(&self) {
        PENDING.tell(self.count());
    }

    /// Sends a signal to a thread, or to the program. One that has left is sent nothing: who waits for its end has not come yet.
    ///
    /// # Errors
    /// `EAGAIN`: too many are pending.
    fn send(&mut self, to: Option<&'static Block>, info: Info, sender: Option<&Block>) -> Result<(), Errno> {
        PENDING.announce(self.count() + 1);
        let sent = if to.is_some_and(|block| block.signals.leaving.has_left()) { Ok(()) } else { self.give(to, info, sender) };
        self.tell();
        sent
    }

    #[optimize(size)]
    fn give(&mut self, to: Option<&'static Block>, info: Info, sender: Option<&Block>) -> Result<(), Errno> {
        let signal = info.signal;
        if Set::STOPS.has(signal) {
            self.discard(Set::of(Signal::CONTINUE));
        } else if signal == Signal::CONTINUE {
            self.discard(Set::STOPS);
        }
        let target = match to {
            Some(block) => standing(block, sender).rank(signal).map(|_| block),
            None => choose(signal, sender, None),
        };
        let is_awaited = target.is_some_and(|block| Set(block.signals.waits.load(Ordering::Relaxed)).has(signal));
        if target.is_some() && !is_awaited && self.actions[signal.index()].fate(signal) == Fate::Ignored {
            self.timers.went_by(&info);
            return Ok(());
        }
        self.queue.put(to.map_or(PROGRAM, number_of), info)?;
        if let Some(target) = target {
            wake(target, sender);
        }
        Ok(())
    }

    /// Drops what is pending of these signals.
    #[optimize(size)]
    fn discard(&mut self, signals: Set) {
        let timers = &mut self.timers;
        self.queue.discard(signals, |info| timers.went_by(&info));
        self.tell();
    }

    /// Somebody else is to take what is pending for the program of `signals`, for `block`'s thread takes it no more.
    #[optimize(size)]
    fn pass_on(&self, signals: Set, block: &Block) {
        let left = Set(self.queue.pending_for(PROGRAM).0 & signals.0);
        if left.is_empty() {
            return;
        }
        PENDING.announce(self.count());
        for signal in left.each() {
            if let Some(other) = choose(signal, None, Some(block)) {
                wake(other, None);
            }
        }
    }

    /// `block`'s own thread keeps away `mask` from now on.
    fn change_mask(&self, block: &Block, mask: Set) {
        let before = block.signals.mask();
        block.signals.set_mask(mask);
        if self.queue.count() == 0 {
            return;
        }
        self.pass_on(mask.but(before), block);
        if !self.queue.pending(number_of(block)).but(mask).is_empty() {
            block.cancelling.signal();
        }
    }
}

/// Who is to take `signal`, sent to the program.
fn choose(signal: Signal, sender: Option<&Block>, but: Option<&Block>) -> Option<&'static Block> {
    let threads = Block::all()
        .filter(|block| block.is_alive() && !block.signals.leaving.has_left() && !but.is_some_and(|but| core::ptr::eq(but, *block)));
    choice::choose(signal, threads.map(|block| (block, standing(block, sender))))
}

/// The calling thread sends a signal to another or to itself.
///
/// # Errors
/// `EAGAIN`: too many are pending.
pub fn send_to(block: &'static Block, info: Info) -> Result<(), Errno> {
    STATE.lock().send(Some(block), info, Some(Block::current()))
}

/// The calling thread sends a signal to the program.
///
/// # Errors
/// As [`send_to`].
pub fn send(info: Info) -> Result<(), Errno> {
    STATE.lock().send(None, info, Some(Block::current()))
}

/// The calling thread takes its signals, if it has any.
#[inline]
pub fn point() {
    let block = Block::current();
    if block.cancelling.is_signalled() {
        deliver(block);
    }
}

/// Whose wait for a lock was interrupted takes its signals there, unless what it waits for ends with them.
#[cold]
pub fn while_locking() {
    let block = Block::current();
    if !block.cancelling.is_waiting() && block.cancelling.is_signalled() {
        deliver(block);
    }
}

/// The thread of `block`, the calling one, ends, when it has taken what it lets in: what it keeps away is gone, what it was to take is
/// another's.
#[inline]
pub fn leave(block: &Block) {
    while !block.signals.leaving.leave(&PENDING) && !leave_some(block) {
        deliver(block);
    }
}

#[cold]
#[optimize(size)]
fn leave_some(block: &Block) -> bool {
    let state = &mut *STATE.lock();
    if !state.queue.pending_for(number_of(block)).but(block.signals.mask()).is_empty() {
        block.signals.leaving.stay();
        return false;
    }
    block.signals.set_mask(Set::ALL);
    let timers = &mut state.timers;
    state.queue.forget(number_of(block), |info| timers.went_by(&info));
    state.tell();
    state.pass_on(Set::ALL, block);
    true
}

/// What is to be done about `signal`; changed to `action` if that is one.
///
/// # Errors
/// `EINVAL`: SIGKILL and SIGSTOP stay as they are.
pub fn action(signal: Signal, action: Option<Action>) -> Result<Action, Errno> {
    if action.is_some() && Set::SURE.has(signal) {
        return Err(Errno::EINVAL);
    }
    let mut state = STATE.lock();
    let before = state.actions[signal.index()];
    if let Some(action) = action {
        state.actions[signal.index()] = action;
        fault::note(signal, &action);
        if action.fate(signal) == Fate::Ignored {
            state.discard(Set::of(signal));
        }
    }
    Ok(before)
}
