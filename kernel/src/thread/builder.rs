//! Begins threads with what `std::thread::Builder` has no word for.
#![allow(unsafe_code, reason = "hands a closure to the new thread as a number; words that C names by their address")]

use core::sync::atomic::AtomicU32;

use allocator_api2::boxed::Box;
use skete_abi::Errno;
use skete_logic::thread::Tid;

use crate::memory::Heap;
use crate::sched::spawn::{self, Plan};

/// What a thread is to be.
///
/// ```no_run
/// # use skete::thread::Builder;
/// let thread = Builder::new().name("urgent").priority(9).affinity(1).spawn(|| work())?;
/// thread.join()?;
/// # fn work() {}
/// # Ok::<(), skete::Errno>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Builder<'a> {
    plan: Plan<'a>,
}

/// Bytes of stack and priority as std's threads have them.
const STACK: u64 = 1 << 20;
const PRIORITY: u8 = 2;

extern "C" fn nothing(_: usize) {}

impl<'a> Builder<'a> {
    /// A thread as std would begin it: 1 MiB of stack, priority 2, any core, no name, no words.
    pub const fn new() -> Self {
        Self { plan: Plan { stack: STACK, priority: PRIORITY, ..Plan::new(nothing, 0) } }
    }

    /// What reports call it: the first 32 bytes count.
    pub const fn name(mut self, name: &'a str) -> Self {
        self.plan.name = name;
        self
    }

    /// Bytes of stack.
    pub const fn stack_size(mut self, bytes: usize) -> Self {
        self.plan.stack = bytes as u64;
        self
    }

    /// 0–31, 31 the most urgent.
    pub const fn priority(mut self, priority: u8) -> Self {
        self.plan.priority = priority;
        self
    }

    /// The cores that it may run on, bit n for core n.
    pub const fn affinity(mut self, mask: u8) -> Self {
        self.plan.affinity = mask;
        self
    }

    /// `word` holds the thread's [`tid`](super::tid) before it runs (`clone(2)`, CLONE_CHILD_SETTID).
    pub fn set_child_tid(mut self, word: &'static AtomicU32) -> Self {
        self.plan.set_tid = word.as_ptr() as usize;
        self
    }

    /// `word` is zeroed when the thread ends, and one who waits for it is woken (CLONE_CHILD_CLEARTID).
    pub fn clear_child_tid(mut self, word: &'static AtomicU32) -> Self {
        self.plan.clear_tid = word.as_ptr() as usize;
        self
    }

    /// [`set_child_tid`](Self::set_child_tid) and [`clear_child_tid`](Self::clear_child_tid) for words that are known by their addresses;
    /// null: none. Where nothing is mapped nothing is written.
    ///
    /// # Safety
    /// Until the thread has ended, what is mapped at these addresses is a word that may be changed at any time.
    pub unsafe fn child_tids_at(mut self, set: *mut u32, clear: *mut u32) -> Self {
        (self.plan.set_tid, self.plan.clear_tid) = (set as usize, clear as usize);
        self
    }

    /// Begins a thread that does `work`. std's thread-locals work in it, but their destructors do not run at its end.
    ///
    /// # Errors
    /// `EAGAIN`: there is no room for another thread. `ENOMEM`: no memory for its stack. `EINVAL`: no core is allowed, or no such priority.
    pub fn spawn<F: FnOnce() + Send + 'static>(self, work: F) -> Result<Handle, Errno> {
        let work = Box::into_raw(Box::try_new_in(work, Heap).map_err(|_| Errno::ENOMEM)?);
        let plan = Plan { function: run::<F>, argument: work as usize, ..self.plan };
        let tid = spawn::spawn(&plan);
        if tid.is_err() {
            // SAFETY: boxed above, and no thread got it.
            drop(unsafe { Box::from_raw_in(work, Heap) });
        }
        tid.map(Handle)
    }
}

impl Default for Builder<'_> {
    fn default() -> Self {
        Self::new()
    }
}

extern "C" fn run<F: FnOnce()>(work: usize) {
    // SAFETY: `spawn` boxed it for this thread.
    let work = unsafe { Box::from_raw_in(work as *mut F, Heap) };
    Box::into_inner(work)();
}

/// A thread that was begun. Dropped, the thread goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handle(Tid);

impl Handle {
    /// Its name towards programs.
    #[must_use]
    pub const fn tid(self) -> u32 {
        self.0.number()
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// `EDEADLK`: it is the caller.
    pub fn join(self) -> Result<(), Errno> {
        spawn::join(self.0.number())
    }
}
