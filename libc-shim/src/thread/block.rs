//! What C knows of a thread. `pthread_t` is the address of its block.
//!
//! Blocks are never given back to the heap, so that a `pthread_t` may be looked at however old it is; one that is free serves the next
//! thread. A thread that C has not begun (the main thread, std's) gets a block when it is first asked who it is, and keeps it to its end;
//! nobody can join it by that name.
#![allow(unsafe_code, reason = "blocks are named by their address, and what belongs to their thread alone lies in cells")]

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};

use skete::arch::cpu;
use skete::calls::memory::sys_malloc;
use skete::lock::Spin;
use skete::sched::spawn;
use skete::thread;
use skete_abi::Errno;
use skete_signals::Set;

use super::cancel::{Cancelling, Cleanup};
use super::keys::{self, Values};
use crate::signal::{self, Signals};

/// `pthread_t`.
pub type Name = *const Block;

/// What became of a thread, or is to:
///
/// | state | | who leaves it |
/// |---|---|---|
/// | [`FREE`](state::FREE) | no thread's | who takes the block, under the lock of the free ones |
/// | [`JOINABLE`](state::JOINABLE) | lives, and is to be joined | who joins or detaches it; its end |
/// | [`JOINING`](state::JOINING) | somebody waits for its end | who waits: to FREE, or back if it gives up |
/// | [`DETACHED`](state::DETACHED) | nobody will join it | its end: to FREE |
/// | [`ENDED`](state::ENDED) | has ended, to be joined | who joins or detaches it: to FREE |
pub mod state {
    /// No thread's.
    pub const FREE: u32 = 0;
    /// Lives, and is to be joined.
    pub const JOINABLE: u32 = 1;
    /// Somebody waits for its end.
    pub const JOINING: u32 = 2;
    /// Nobody will join it.
    pub const DETACHED: u32 = 3;
    /// Has ended, to be joined.
    pub const ENDED: u32 = 4;
}

/// What C knows of a thread.
#[repr(C, align(64))]
pub struct Block {
    /// See [`state`].
    pub state: AtomicU32,
    /// The kernel's name for it, while it lives.
    pub tid: AtomicU32,
    /// Whether and how it can be cancelled, and whether it is.
    pub cancelling: Cancelling,
    /// What it keeps away and waits for.
    pub signals: Signals,
    /// `SCHED_OTHER`, `SCHED_FIFO` or `SCHED_RR`, and its priority there.
    pub policy: AtomicI32,
    /// As C has it.
    pub priority: AtomicI32,
    /// The stack that the program gave: its lowest byte; 0: the kernel's.
    pub stack: AtomicUsize,
    /// How long that is.
    pub stack_bytes: AtomicUsize,
    /// As it was asked for.
    pub guard_bytes: AtomicUsize,
    /// What keys hold.
    pub values: Values,
    /// The block that was made before: [`Block::all`].
    before: *const Block,
    own: UnsafeCell<Own>,
}

/// What its thread alone touches, or who begins or joins it.
pub struct Own {
    /// What it does.
    pub function: Option<extern "C" fn(*mut c_void) -> *mut c_void>,
    /// With what.
    pub argument: *mut c_void,
    /// What it left.
    pub result: *mut c_void,
    /// The kernel stack's pointer, while it runs on a stack of the program's.
    pub kernel_sp: usize,
    /// The handlers that its end runs, the last first.
    pub cleanup: *mut Cleanup,
    next_free: *const Block,
}

// SAFETY: `own` is touched by its thread, or by one who knows that it has not begun or has ended.
unsafe impl Sync for Block {}

struct Free(*const Block);

// SAFETY: blocks live for ever.
unsafe impl Send for Free {}

static FREE: Spin<Free> = Spin::new(Free(null_mut()));

/// The block that was made last.
static LAST: AtomicPtr<Block> = AtomicPtr::new(null_mut());

/// How far below the thread pointer the block's address stands: where musl's `struct pthread` has a link that only its own threads use.
pub const BELOW: u64 = 192;

impl Block {
    /// What belongs to the thread alone.
    ///
    /// # Safety
    /// The caller is the thread, or it has not begun, or it has ended; and no other reference is in use.
    #[allow(clippy::mut_from_ref, reason = "see the safety section")]
    #[inline]
    pub unsafe fn own(&self) -> &mut Own {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.own.get() }
    }

    /// A block for a thread in `state`, as one that was never used.
    ///
    /// # Errors
    /// `EAGAIN`: there is no memory.
    #[optimize(speed)]
    pub fn take(state: u32) -> Result<&'static Self, Errno> {
        let taken = {
            let mut free = FREE.lock();
            // SAFETY: blocks live for ever.
            unsafe { free.0.as_ref() }.inspect(|block| {
                // SAFETY: free, and the lock is held.
                free.0 = unsafe { block.own() }.next_free;
            })
        };
        let block = match taken {
            Some(block) => block,
            None => Self::make()?,
        };
        block.cancelling.reset();
        block.state.store(state, Ordering::Relaxed);
        Ok(block)
    }

    fn make() -> Result<&'static Self, Errno> {
        let place = sys_malloc(size_of::<Self>(), align_of::<Self>()).cast::<Self>();
        if place.is_null() {
            return Err(Errno::EAGAIN);
        }
        let own =
            Own { function: None, argument: null_mut(), result: null_mut(), kernel_sp: 0, cleanup: null_mut(), next_free: null_mut() };
        let block = Self {
            state: AtomicU32::new(state::FREE),
            tid: AtomicU32::new(0),
            cancelling: Cancelling::new(),
            signals: Signals::new(),
            policy: AtomicI32::new(0),
            priority: AtomicI32::new(0),
            stack: AtomicUsize::new(0),
            stack_bytes: AtomicUsize::new(0),
            guard_bytes: AtomicUsize::new(0),
            values: Values::new(),
            before: null_mut(),
            own: UnsafeCell::new(own),
        };
        // SAFETY: room for a block, never given back.
        unsafe { place.write(block) };
        loop {
            let last = LAST.load(Ordering::Relaxed);
            // SAFETY: written just now, and nobody else knows it yet.
            unsafe { (*place).before = last };
            // Release pairs with the Acquire of `all`.
            if LAST.compare_exchange(last, place, Ordering::Release, Ordering::Relaxed).is_ok() {
                break;
            }
        }
        // SAFETY: as above.
        Ok(unsafe { &*place })
    }

    /// Every block that was ever made, the newest first; those of threads that live too.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        // SAFETY: blocks live for ever, and are not linked anew.
        let block = |place: *const Self| unsafe { place.as_ref() };
        core::iter::successors(block(LAST.load(Ordering::Acquire)), move |made| block(made.before))
    }

    /// Whether its thread lives.
    pub fn is_alive(&self) -> bool {
        !matches!(self.state.load(Ordering::Acquire), state::FREE | state::ENDED)
    }

    /// Gives the block to the next thread. Its thread has ended, or is about to and touches it no more.
    #[optimize(speed)]
    pub fn give(&'static self) {
        self.state.store(state::FREE, Ordering::Relaxed);
        let mut free = FREE.lock();
        // SAFETY: nobody's any more.
        unsafe { self.own() }.next_free = free.0;
        free.0 = self;
    }

    /// The calling thread's block.
    #[inline]
    pub fn current() -> &'static Self {
        match Self::known() {
            Some(block) => block,
            None => adopt(),
        }
    }

    /// The calling thread's block, if it has one: a thread that C did not begin has none before it needs one.
    #[inline]
    pub fn known() -> Option<&'static Self> {
        // SAFETY: a thread's own block below its pointer; what stands there is null or a block.
        unsafe { place().read().as_ref() }
    }

    /// The block of the thread with this pointer, if it has one.
    ///
    /// # Safety
    /// It is a thread's, which does not end meanwhile.
    pub unsafe fn below(pointer: u64) -> Option<&'static Self> {
        // SAFETY: as in `current`, by the caller's promise.
        unsafe { ((pointer - BELOW) as *const *const Self).read().as_ref() }
    }

    /// From now on the calling thread's.
    #[inline]
    pub fn enter(&'static self) {
        // SAFETY: as in `current`.
        unsafe { place().write(self) };
    }

    /// From now on the calling thread has no block: it ends.
    pub fn leave(&self) {
        // SAFETY: as in `current`.
        unsafe { place().write(null_mut()) };
    }

    /// The block that `name` names, if its thread lives or waits to be joined.
    ///
    /// # Errors
    /// `ESRCH`: no thread's.
    pub fn named(name: Name) -> Result<&'static Self, Errno> {
        // SAFETY: the program says that it is a `pthread_t`: blocks live for ever.
        let block = unsafe { name.as_ref() }.ok_or(Errno::ESRCH)?;
        if block.state.load(Ordering::Acquire) == state::FREE { Err(Errno::ESRCH) } else { Ok(block) }
    }

    /// As [`named`](Self::named), but for threads that live only.
    ///
    /// # Errors
    /// `ESRCH`: no thread's, or it has ended.
    pub fn living(name: Name) -> Result<&'static Self, Errno> {
        Self::named(name).and_then(|block| if block.state.load(Ordering::Acquire) == state::ENDED { Err(Errno::ESRCH) } else { Ok(block) })
    }
}

#[inline]
fn place() -> *mut *const Block {
    (cpu::thread_pointer() - BELOW) as *mut *const Block
}

/// A block for the calling thread, which C has not begun.
#[cold]
fn adopt() -> &'static Block {
    // In a C program it is the main thread, which others may join; else std's, which std joins.
    let Ok(block) = Block::take(if cfg!(feature = "musl") { state::JOINABLE } else { state::DETACHED }) else {
        skete::panic::stop(format_args!("no memory for what C knows of a thread"));
    };
    block.tid.store(thread::tid(), Ordering::Relaxed);
    block.policy.store(super::schedule::OTHER, Ordering::Relaxed);
    block.priority.store(0, Ordering::Relaxed);
    block.stack.store(0, Ordering::Relaxed);
    block.guard_bytes.store(super::attr::GUARD, Ordering::Relaxed);
    block.signals.begin(Set::NONE);
    block.enter();
    spawn::call_at_end(leave);
    block
}

/// The calling thread ends, and may be one that C has not begun but knows of: what is left of C's in it is cleared away.
#[optimize(speed)]
fn leave() {
    // SAFETY: as in `current`.
    if let Some(block) = unsafe { place().read().as_ref() } {
        block.cancelling.close();
        keys::destroy(block);
        signal::leave(block);
        block.leave();
        block.give();
    }
}

/// The calling thread (POSIX `pthread_self`).
#[unsafe(no_mangle)]
pub extern "C" fn pthread_self() -> Name {
    Block::current()
}

/// Whether two names are one thread's (POSIX `pthread_equal`).
#[unsafe(no_mangle)]
pub extern "C" fn pthread_equal(one: Name, other: Name) -> c_int {
    c_int::from(core::ptr::eq(one, other))
}
