//! Cancellation, and the handlers that run then.
//!
//! Who cancels says so in the thread's word ([`skete_sync::attention`]), and ends its wait if it stands at a cancellation point. Who waits
//! says that first and then looks for the other, so one of the two sees the other's. One who lets itself be cancelled anywhere is
//! signalled: it looks as it does for signals, wherever it is.
#![allow(unsafe_code, reason = "exported names; handlers that the program gives")]

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use skete::sched::detour;
use skete::thread;
use skete_abi::Errno;
use skete_sync::Attention;
use skete_sync::attention::Found;

use super::block::{Block, Name};
use super::end;
use crate::errno::number;
use crate::signal::{self, Outcome};

/// `PTHREAD_CANCEL_ENABLE`, `PTHREAD_CANCEL_DISABLE`, and musl's third, which lets the call fail instead.
const ENABLE: c_int = 0;
const DISABLE: c_int = 1;
/// `PTHREAD_CANCEL_DEFERRED`, `PTHREAD_CANCEL_ASYNCHRONOUS`.
const DEFERRED: c_int = 0;
const ASYNCHRONOUS: c_int = 1;

/// What joins read of a thread that was cancelled (`PTHREAD_CANCELED`).
const CANCELED: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);

/// Whether anybody was ever to be cancelled: until then a call that need not wait does not look who it is.
pub static EVER: AtomicU32 = AtomicU32::new(0);

/// Whether a thread is cancelled or signalled, and whether it lets itself: [`Attention`], and the count of threads that are wanted.
pub struct Cancelling(Attention);

impl Cancelling {
    /// A thread's that nobody wants to cancel, and that would let itself.
    pub const fn new() -> Self {
        Self(Attention::new())
    }

    /// As new.
    pub fn reset(&self) {
        self.0.reset();
    }

    /// From now on nobody cancels it.
    pub fn close(&self) {
        if self.0.close() {
            detour::settle();
        }
    }

    /// The thread is to look for signals.
    pub fn signal(&self) {
        if self.0.signal() {
            detour::want();
        }
    }

    /// It has looked, under the lock of whoever sends.
    pub fn forget_signal(&self) {
        if self.0.forget_signal() {
            detour::settle();
        }
    }

    /// Whether it is to look.
    #[inline]
    pub fn is_signalled(&self) -> bool {
        self.0.is_signalled()
    }

    /// Whether it is to look, wherever it is.
    pub fn is_wanted(&self) -> bool {
        self.0.is_wanted()
    }

    /// Whether the thread waits where a signal ends the wait.
    pub fn is_waiting(&self) -> bool {
        self.0.is_waiting()
    }

    /// Whether the thread is to be cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Whether the thread is to be cancelled wherever it is.
    pub fn is_cancelled_anywhere(&self) -> bool {
        self.0.is_cancelled_anywhere()
    }
}

/// Ends the calling thread if it is to be cancelled, and lets it take its signals: what every cancellation point does.
#[inline]
pub fn point() {
    if Block::current().cancelling.0.has_any() {
        interrupted();
    }
}

/// [`point`] where a wait was ended: what signals have made of it.
#[cold]
pub fn interrupted() -> Outcome {
    let block = Block::current();
    if block.cancelling.is_cancelled() {
        leave();
    }
    signal::deliver(block)
}

/// Ends the calling thread: it was cancelled.
#[cold]
pub fn leave() -> ! {
    let block = Block::current();
    block.cancelling.close();
    end::pthread_exit(CANCELED)
}

/// The calling thread stands at a cancellation point and is about to sleep for a word: a cancellation or a signal ends that with
/// `EINTR`. The caller puts in order what it must, then calls [`interrupted`], which does not come back if the thread was cancelled, and else tells
/// whether the call is to end.
#[must_use]
pub struct Waiting(&'static Attention);

impl Waiting {
    /// Before the wait.
    ///
    /// # Errors
    /// `EINTR`: it must not begin, for the thread is to be cancelled, or to take a signal.
    #[inline(always)]
    pub fn begin() -> Result<Self, Errno> {
        let attention = &Block::current().cancelling.0;
        if attention.begin_wait() { Ok(Self(attention)) } else { Err(Errno::EINTR) }
    }

    /// Behind the wait, which ended so.
    #[inline(always)]
    pub fn end<T>(self, result: Result<T, Errno>) -> Result<T, Errno> {
        if self.0.end_wait() && !matches!(result, Err(Errno::EINTR)) {
            // Whoever sent it has left it to this wait, which may end for another reason now.
            detour::hurry();
        }
        result
    }
}

/// Does `wait`, between [`Waiting::begin`] and [`Waiting::end`].
///
/// # Errors
/// What `wait` answers; `EINTR`: as [`Waiting::begin`].
#[inline]
pub fn while_waiting<T>(wait: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    let waiting = Waiting::begin()?;
    waiting.end(wait())
}

/// POSIX `pthread_cancel`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_cancel(name: Name) -> c_int {
    EVER.store(1, Ordering::Relaxed);
    number(Block::named(name).map(|block| {
        let found = block.cancelling.0.cancel();
        if core::ptr::eq(block, Block::current()) {
            if found == Found::Anywhere {
                point();
            }
        } else if found == Found::Anywhere {
            signal::look(block);
        } else if found == Found::Waiting {
            // It may have ended by now: then there is nobody to interrupt.
            let _ = thread::interrupt(block.tid.load(Ordering::Relaxed));
        }
    }))
}

/// POSIX `pthread_testcancel`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_testcancel() {
    point();
}

fn tell(place: *mut c_int, value: c_int) {
    if !place.is_null() {
        // SAFETY: the program says that there is room.
        unsafe { place.write(value) };
    }
}

/// POSIX `pthread_setcancelstate`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int {
    if !(ENABLE..=DISABLE + 1).contains(&state) {
        return Errno::EINVAL.number();
    }
    let block = Block::current();
    let was_refused = block.cancelling.0.refuse(state != ENABLE);
    tell(before, if was_refused { DISABLE } else { ENABLE });
    if block.cancelling.0.is_anywhere() {
        point();
    }
    0
}

/// POSIX `pthread_setcanceltype`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_setcanceltype(kind: c_int, before: *mut c_int) -> c_int {
    if !(DEFERRED..=ASYNCHRONOUS).contains(&kind) {
        return Errno::EINVAL.number();
    }
    let was_anywhere = Block::current().cancelling.0.allow_anywhere(kind == ASYNCHRONOUS);
    tell(before, if was_anywhere { ASYNCHRONOUS } else { DEFERRED });
    if kind == ASYNCHRONOUS {
        point();
    }
    0
}

/// A handler on its thread's stack, as `pthread.h` has it (`struct __ptcb`).
#[repr(C)]
pub struct Cleanup {
    function: extern "C" fn(*mut c_void),
    argument: *mut c_void,
    next: *mut Cleanup,
}

/// What `pthread_cleanup_push` of `pthread.h` calls.
///
/// # Safety
/// `place` stays until [`_pthread_cleanup_pop`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _pthread_cleanup_push(place: *mut Cleanup, function: extern "C" fn(*mut c_void), argument: *mut c_void) {
    // SAFETY: the thread itself.
    let own = unsafe { Block::current().own() };
    // SAFETY: the caller's promise.
    unsafe { place.write(Cleanup { function, argument, next: own.cleanup }) };
    own.cleanup = place;
}

/// What `pthread_cleanup_pop` of `pthread.h` calls.
///
/// # Safety
/// `place` is the handler that was pushed last.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _pthread_cleanup_pop(place: *mut Cleanup, must_run: c_int) {
    // SAFETY: the caller's promise.
    let Cleanup { function, argument, next } = unsafe { place.read() };
    // SAFETY: the thread itself.
    unsafe { Block::current().own() }.cleanup = next;
    if must_run != 0 {
        function(argument);
    }
}

/// Runs the handlers of the calling thread, the last first; each is gone before it runs.
pub fn run_handlers(block: &Block) {
    loop {
        // SAFETY: the thread itself; no reference is kept over the call.
        let own = unsafe { block.own() };
        // SAFETY: a handler stays until it is popped.
        let Some(cleanup) = (unsafe { own.cleanup.as_ref() }) else { return };
        let (function, argument) = (cleanup.function, cleanup.argument);
        own.cleanup = cleanup.next;
        function(argument);
    }
}
