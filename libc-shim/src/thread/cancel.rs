//! Cancellation, and the handlers that run then.
//!
//! Who cancels sets [`WANTED`], and ends the thread's wait if it stands at a cancellation point: [`WAITING`]. Who waits sets that bit first
//! and then looks for the other, so one of the two sees the other's.
#![allow(unsafe_code, reason = "exported names; handlers that the program gives")]

use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicU32, Ordering};

use skete::thread;
use skete_abi::Errno;

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

/// Somebody wants it.
const WANTED: u32 = 1;
/// The thread does not let itself.
const REFUSED: u32 = 2;
/// Anywhere, not only at a point.
const ANYWHERE: u32 = 4;
/// The thread waits at a point.
const WAITING: u32 = 8;
/// The thread ends: it is cancelled no more.
const CLOSED: u32 = 16;
/// A signal may be there that the thread is to take: [`signal`](crate::signal).
const SIGNALLED: u32 = 32;

/// Whether a thread is cancelled, and whether it lets itself: the bits above.
pub struct Cancelling(AtomicU32);

/// Whether anybody was ever to be cancelled: until then a call that need not wait does not look who it is.
pub static EVER: AtomicU32 = AtomicU32::new(0);

impl Cancelling {
    /// A thread's that nobody wants to cancel, and that would let itself.
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// As new.
    pub fn reset(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// From now on nobody cancels it.
    pub fn close(&self) {
        self.0.fetch_or(CLOSED, Ordering::Relaxed);
    }

    /// The thread is to look for signals. SeqCst pairs with `while_waiting`.
    pub fn signal(&self) {
        self.0.fetch_or(SIGNALLED, Ordering::SeqCst);
    }

    /// It has looked, under the lock of whoever sends.
    pub fn forget_signal(&self) {
        self.0.fetch_and(!SIGNALLED, Ordering::Relaxed);
    }

    /// Whether it is to look.
    #[inline]
    pub fn is_signalled(&self) -> bool {
        self.0.load(Ordering::Relaxed) & SIGNALLED != 0
    }

    /// Whether the thread waits where a signal ends the wait.
    pub fn is_waiting(&self) -> bool {
        self.0.load(Ordering::Relaxed) & WAITING != 0
    }

    /// Whether the thread is to be cancelled.
    pub fn is_cancelled(&self) -> bool {
        Self::is_due(self.0.load(Ordering::Relaxed))
    }

    fn is_due(bits: u32) -> bool {
        bits & (WANTED | REFUSED | CLOSED) == WANTED
    }

    fn set(&self, bit: u32, is_set: bool) -> bool {
        let before = if is_set { self.0.fetch_or(bit, Ordering::SeqCst) } else { self.0.fetch_and(!bit, Ordering::SeqCst) };
        before & bit != 0
    }
}

/// Ends the calling thread if it is to be cancelled, and lets it take its signals: what every cancellation point does.
#[inline]
pub fn point() {
    if Block::current().cancelling.0.load(Ordering::Relaxed) & (WANTED | SIGNALLED) != 0 {
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

#[cold]
fn leave() -> ! {
    let block = Block::current();
    block.cancelling.close();
    end::pthread_exit(CANCELED)
}

/// Does `wait`, which sleeps for a word: a cancellation or a signal ends it with `EINTR`. The caller puts in order what it must, then calls
/// [`interrupted`], which does not come back if the thread was cancelled, and else tells whether the call is to end.
///
/// # Errors
/// What `wait` answers. `EINTR` before it: the thread is to be cancelled, or to take a signal.
pub fn while_waiting<T>(wait: impl FnOnce() -> Result<T, Errno>) -> Result<T, Errno> {
    let bits = &Block::current().cancelling.0;
    // SeqCst pairs with `pthread_cancel` and `Cancelling::signal`: either they see the bit, or theirs is seen here.
    let before = bits.fetch_or(WAITING, Ordering::SeqCst);
    if before & (WANTED | SIGNALLED) != 0 && (before & SIGNALLED != 0 || Cancelling::is_due(before)) {
        bits.fetch_and(!WAITING, Ordering::SeqCst);
        return Err(Errno::EINTR);
    }
    let result = wait();
    bits.fetch_and(!WAITING, Ordering::SeqCst);
    result
}

/// POSIX `pthread_cancel`.
#[unsafe(no_mangle)]
pub extern "C" fn pthread_cancel(name: Name) -> c_int {
    EVER.store(1, Ordering::Relaxed);
    number(Block::named(name).map(|block| {
        // SeqCst pairs with `while_waiting`.
        let before = block.cancelling.0.fetch_or(WANTED, Ordering::SeqCst);
        if core::ptr::eq(block, Block::current()) {
            if before & ANYWHERE != 0 {
                point();
            }
        } else if before & WAITING != 0 {
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
    let was_refused = block.cancelling.set(REFUSED, state != ENABLE);
    tell(before, if was_refused { DISABLE } else { ENABLE });
    if block.cancelling.0.load(Ordering::Relaxed) & ANYWHERE != 0 {
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
    let was_anywhere = Block::current().cancelling.set(ANYWHERE, kind == ASYNCHRONOUS);
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
