//! What a thread is: one record of a kilobyte, in a table made once at boot.
#![allow(unsafe_code, reason = "the table is memory taken at boot; the running thread is found through a register")]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use skete_cell::Guarded;
use skete_logic::deadlines::{Place, Places};
use skete_logic::futex::Waiter;
use skete_logic::futex::many::Owner;
use skete_logic::ready::{Home, Homes};
use skete_logic::run_queue::{Link, Links};
use skete_logic::sysv::sem::Sleeper;
use skete_logic::sysv::sem::undo::Membership;
use skete_logic::thread::{Thread, Tid};
use skete_logic::token::Token;
use skete_logic::waiting::Cause;
use skete_logic::wall::Mark;

use super::chaos;
use crate::arch::context::Context;
use crate::arch::cpu;
use crate::memory::stack::Stack;

/// Bytes of a thread's name.
pub const NAME: usize = 32;

/// A thread. The assembly knows that it begins with its registers.
#[repr(C, align(1024))]
pub struct Record {
    /// Written by the assembly while the thread leaves, read while it is resumed.
    pub context: UnsafeCell<Context>,
    /// Whether it sleeps, runs or was notified.
    pub token: Token,
    /// Its place in a run queue; guarded by that core's run queue lock.
    link: Guarded<Link>,
    /// Which queue holds it; see [`Home`].
    home: AtomicU16,
    /// Its place among a core's deadlines; guarded by that core's deadline lock.
    place: Guarded<Place>,
    /// Where it waits.
    waiter: Waiter,
    /// Where it waits in a set of semaphores.
    sleeper: Sleeper,
    /// Whose undo list it shares.
    pub sharing: Membership,
    /// Its name towards programs while it lives, 0 otherwise: the word that `join` waits on.
    pub tid: AtomicU32,
    /// How many threads have lived in this record.
    pub generation: AtomicU32,
    /// Its number, as links store it.
    number: AtomicU16,
    /// 0–31.
    pub priority: AtomicU8,
    /// One bit per core that it may run on.
    pub affinity: AtomicU8,
    /// The core that it ran on last.
    pub core: AtomicU8,
    /// What it had of its slice when it gave way to a more urgent thread, in ticks; written by the core that takes it off.
    pub had: AtomicU32,
    /// Of a node that is lent to one who waits for several words: to whom.
    pub owner: Owner,
    /// `errno` of the last call that failed, for `sys_get_errno`.
    pub errno: AtomicU32,
    /// When its next wait in a queue of Hermit's ABI gives up, in nanoseconds since boot.
    pub queue_deadline: AtomicU64,
    /// The word that its end clears (`set_tid_address(2)`); 0: none.
    pub clear_tid: AtomicUsize,
    /// The locks that its end lets go of (`set_robust_list(2)`); 0: none.
    pub robust_list: AtomicUsize,
    /// How often it has entered the kernel to wait, to wake or for a semaphore; written by the thread alone.
    pub entries: AtomicU64,
    /// Why it waits for the word that it waits for: a [`Cause`].
    waits_as: AtomicU8,
    /// Whether it sleeps until the wall clock shows something.
    pub wall: Mark,
    /// The next free record; guarded by the lock of the free records.
    pub next_free: Guarded<Thread>,
    /// Its stack; written before the thread runs, read by it and by fault reports.
    pub stack: Guarded<Stack>,
    /// UTF-8, zero-padded; written by the thread itself or before it runs.
    name: [AtomicU64; NAME / 8],
}

const _: () = assert!(size_of::<Record>() == 1024, "a record's number is a shift away from its address");

// SAFETY: `context` is touched by the assembly alone, which the token's protocol gives it to one core at a time.
unsafe impl Sync for Record {}

impl Record {
    /// A record that no thread lives in.
    pub const fn new(number: Thread) -> Self {
        Self {
            context: UnsafeCell::new(Context::EMPTY),
            token: Token::new(),
            link: Guarded::new(Link::NONE),
            home: AtomicU16::new(Home::NONE.0),
            place: Guarded::new(Place::NONE),
            waiter: Waiter::new(),
            sleeper: Sleeper::new(),
            sharing: Membership::new(),
            tid: AtomicU32::new(0),
            generation: AtomicU32::new(0),
            number: AtomicU16::new(number.number()),
            priority: AtomicU8::new(0),
            affinity: AtomicU8::new(0xff),
            core: AtomicU8::new(0),
            had: AtomicU32::new(0),
            owner: Owner::new(),
            errno: AtomicU32::new(0),
            queue_deadline: AtomicU64::new(u64::MAX),
            clear_tid: AtomicUsize::new(0),
            robust_list: AtomicUsize::new(0),
            entries: AtomicU64::new(0),
            waits_as: AtomicU8::new(Cause::Word as u8),
            wall: Mark::new(),
            next_free: Guarded::new(Thread::NONE),
            stack: Guarded::new(Stack::NONE),
            name: [const { AtomicU64::new(0) }; NAME / 8],
        }
    }

    /// Its number in the table; [`Thread::NONE`] for an idle thread.
    #[inline]
    pub fn thread(&self) -> Thread {
        Thread::from_number(self.number.load(Ordering::Relaxed))
    }

    /// Whether it is a core's idle thread.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.thread().is_none()
    }

    /// Where it waits for a word.
    #[inline(always)]
    pub fn waiter(&self) -> &Waiter {
        &self.waiter
    }

    /// Where it waits in a set of semaphores.
    #[inline(always)]
    pub fn sleeper(&self) -> &Sleeper {
        &self.sleeper
    }

    /// Its priority, 0–31.
    #[inline]
    pub fn priority(&self) -> u8 {
        self.priority.load(Ordering::Relaxed)
    }

    /// How often it has entered the kernel: see [`count_entry`].
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed) & !chaos::IN_ENTRIES
    }

    /// Whether it may not run on `core` any more.
    #[inline]
    pub fn is_misplaced(&self, core: usize) -> bool {
        !self.is_idle() && self.affinity.load(Ordering::Relaxed) & 1 << core == 0
    }

    /// Why it waits for the word that it waits for.
    pub fn cause(&self) -> Cause {
        Cause::from_number(self.waits_as.load(Ordering::Relaxed))
    }

    /// Names it: what does not fit is cut at a character's edge.
    pub fn set_name(&self, name: &str) {
        if name.is_empty() {
            return self.name.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        }
        let mut bytes = [0; NAME];
        let end = (0..=name.len().min(NAME)).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
        bytes[..end].copy_from_slice(&name.as_bytes()[..end]);
        for (word, chunk) in self.name.iter().zip(bytes.chunks_exact(8)) {
            word.store(chunk.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)), Ordering::Relaxed);
        }
    }

    /// Its name as bytes, zero-padded.
    pub fn name(&self) -> [u8; NAME] {
        let mut bytes = [0; NAME];
        for (word, chunk) in self.name.iter().zip(bytes.chunks_exact_mut(8)) {
            chunk.copy_from_slice(&word.load(Ordering::Relaxed).to_le_bytes());
        }
        bytes
    }

    /// Its registers, while it does not run.
    ///
    /// # Safety
    /// The thread has not begun, or is known not to be resumed meanwhile, or is the one that an exception handler runs for.
    #[allow(clippy::mut_from_ref, reason = "the assembly's half of the record")]
    pub unsafe fn registers(&self) -> &mut Context {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.context.get() }
    }
}

/// The idle threads, one a core: in no table, never queued.
pub static IDLE_RECORDS: [Record; cpu::CORES] = [const { Record::new(Thread::NONE) }; cpu::CORES];

static LENGTH: AtomicUsize = AtomicUsize::new(0);
static LENGTH_WITH_NODES: AtomicUsize = AtomicUsize::new(0);

/// The record numbered `thread`, which is not [`Thread::NONE`]. Numbers begin at 1: [`cpu::thread_records`] tells where number 0 would be.
#[inline(always)]
fn at(thread: Thread) -> *mut Record {
    core::ptr::with_exposed_provenance_mut(cpu::thread_records() + usize::from(thread.number()) * size_of::<Record>())
}

/// The record that the running code belongs to.
#[inline(always)]
pub fn current() -> &'static Record {
    // SAFETY: TPIDRRO_EL0 holds a record's address from each core's first Rust instruction on.
    unsafe { &*(cpu::thread_record() as *const Record) }
}

/// Counts an entry of the calling thread: the first thing that every futex, semaphore and shared-memory call does.
#[inline(always)]
pub fn count_entry() {
    let entries = &current().entries;
    let count = entries.load(Ordering::Relaxed) + 1;
    entries.store(count, Ordering::Relaxed);
    if count & chaos::IN_ENTRIES != 0 {
        chaos::entered();
    }
}

/// Does `wait` for the running thread, of which the hang report tells `cause` meanwhile.
#[inline]
pub fn waiting<R>(cause: Cause, wait: impl FnOnce() -> R) -> R {
    let me = current();
    me.waits_as.store(cause as u8, Ordering::Relaxed);
    let result = wait();
    me.waits_as.store(Cause::Word as u8, Ordering::Relaxed);
    result
}

/// The record of `thread`.
#[inline(always)]
pub fn of(thread: Thread) -> &'static Record {
    debug_assert!(thread.index() < LENGTH_WITH_NODES.load(Ordering::Relaxed), "a thread is named by a record's number");
    // SAFETY: the table was made at boot with more records than any number given out, and records are begun before they are named.
    unsafe { &*at(thread) }
}

/// The record that `tid` names, if such a record was ever used.
pub fn named(tid: u32) -> Option<(&'static Record, Tid)> {
    let tid = Tid::from_number(tid)?;
    (tid.thread().index() < super::spawn::used()).then(|| (of(tid.thread()), tid))
}

/// Gives the table its memory. Called once, before the first thread.
///
/// # Safety
/// `memory` is room for `length` records and those of `nodes` behind them, used for nothing else ever.
pub unsafe fn install(memory: *mut Record, length: usize, nodes: usize) {
    cpu::set_thread_records(memory.expose_provenance() - size_of::<Record>());
    LENGTH.store(length, Ordering::Relaxed);
    LENGTH_WITH_NODES.store(length + nodes, Ordering::Relaxed);
}

/// Begins the record of `thread`, never used before.
pub fn begin(thread: Thread) -> &'static Record {
    // SAFETY: `install` made room; nobody knows this record yet.
    unsafe { at(thread).write(Record::new(thread)) };
    of(thread)
}

/// How many threads there is room for.
pub fn length() -> usize {
    LENGTH.load(Ordering::Relaxed)
}

/// [`length`], and behind them the records of nodes that are lent to those who wait for several words.
pub fn length_with_nodes() -> usize {
    LENGTH_WITH_NODES.load(Ordering::Relaxed)
}

/// The table as the logic crate sees it.
#[derive(Clone, Copy, Debug)]
pub struct Records;

impl Links for Records {
    #[inline(always)]
    fn link(&self, thread: Thread) -> &Guarded<Link> {
        &of(thread).link
    }
}

impl Homes for Records {
    #[inline(always)]
    fn home(&self, thread: Thread) -> &AtomicU16 {
        &of(thread).home
    }
}

impl Places for Records {
    #[inline(always)]
    fn place(&self, thread: Thread) -> &Guarded<Place> {
        &of(thread).place
    }
}

impl Records {
    /// The futex waiter of `thread`.
    #[inline(always)]
    pub fn waiter(thread: Thread) -> &'static Waiter {
        of(thread).waiter()
    }

    /// The semaphore sleeper of `thread`.
    #[inline(always)]
    pub fn sleeper(thread: Thread) -> &'static Sleeper {
        of(thread).sleeper()
    }
}
