//! Calls of Hermit's ABI that std does not make, with errors as numbers: `Err(110)` is `ETIMEDOUT`.
#![allow(unsafe_code, reason = "the Hermit ABI is foreign functions")]

use std::cell::UnsafeCell;
use std::ffi::c_void;
use std::ptr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

unsafe extern "C" {
    fn sys_set_priority(tid: u32, priority: u8);
}

/// What a call answers: nothing, or the error's number.
pub type Answer = Result<(), i32>;

const fn answer(number: i32) -> Answer {
    if number < 0 { Err(-number) } else { Ok(()) }
}

/// `sem_t`.
#[derive(Debug)]
pub struct Semaphore(UnsafeCell<hermit_abi::sem_t>);

// SAFETY: the calls take it from any thread; that is what it is for.
unsafe impl Sync for Semaphore {}

impl Semaphore {
    /// One that was not begun.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(ptr::null()))
    }

    /// `sem_init`.
    pub fn begin(&self, value: u32) -> Answer {
        // SAFETY: a `sem_t`.
        answer(unsafe { hermit_abi::sem_init(self.0.get(), 0, value) })
    }

    /// `sem_post`.
    pub fn post(&self) -> Answer {
        // SAFETY: as above.
        answer(unsafe { hermit_abi::sem_post(self.0.get()) })
    }

    /// `sem_trywait`.
    pub fn take_now(&self) -> Answer {
        // SAFETY: as above.
        answer(unsafe { hermit_abi::sem_trywait(self.0.get()) })
    }

    /// `sem_timedwait`, for ever.
    pub fn take(&self) -> Answer {
        // SAFETY: as above; null is no deadline.
        answer(unsafe { hermit_abi::sem_timedwait(self.0.get(), ptr::null()) })
    }

    /// `sem_timedwait` until that much later than now.
    pub fn take_within(&self, span: Duration) -> Answer {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + span;
        self.take_by(at.as_secs().cast_signed(), at.subsec_nanos().cast_signed())
    }

    /// `sem_timedwait` until that moment of the wall clock.
    pub fn take_by(&self, tv_sec: i64, tv_nsec: i32) -> Answer {
        let deadline = hermit_abi::timespec { tv_sec, tv_nsec };
        // SAFETY: as above, and a timespec.
        answer(unsafe { hermit_abi::sem_timedwait(self.0.get(), &raw const deadline) })
    }

    /// `sem_destroy`.
    pub fn end(&self) -> Answer {
        // SAFETY: as above.
        answer(unsafe { hermit_abi::sem_destroy(self.0.get()) })
    }
}

/// `sem_post` of no semaphore at all, and of half of one.
pub fn post_nothing() -> [Answer; 2] {
    [0, 6].map(|address| {
        let nothing = ptr::without_provenance_mut::<*const c_void>(address);
        // SAFETY: that there is none is what is tested: the kernel looks before it reads.
        answer(unsafe { hermit_abi::sem_post(nothing) })
    })
}

/// A queue, whose name is its address.
#[derive(Debug)]
pub struct Queue(UnsafeCell<usize>);

// SAFETY: as for a semaphore.
unsafe impl Sync for Queue {}

impl Queue {
    /// One that was not begun.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(0))
    }

    fn id(&self) -> usize {
        self.0.get().expose_provenance()
    }

    /// `init_queue`.
    pub fn begin(&self) -> Answer {
        // SAFETY: a word of ours.
        answer(unsafe { hermit_abi::init_queue(self.id()) })
    }

    /// `add_queue`.
    pub fn enter(&self, timeout_ns: i64) -> Answer {
        // SAFETY: as above.
        answer(unsafe { hermit_abi::add_queue(self.id(), timeout_ns) })
    }

    /// `wait`.
    pub fn wait(&self) -> Answer {
        // SAFETY: as above.
        answer(unsafe { hermit_abi::wait(self.id()) })
    }

    /// `notify`.
    pub fn notify(&self, count: i32) -> Answer {
        // SAFETY: as above.
        answer(unsafe { hermit_abi::notify(self.id(), count) })
    }

    /// `destroy_queue`.
    pub fn end(&self) -> Answer {
        // SAFETY: as above.
        answer(unsafe { hermit_abi::destroy_queue(self.id()) })
    }
}

/// `wait` in a queue whose name is no address.
pub fn wait_nowhere() -> Answer {
    // SAFETY: that there is none is what is tested: the kernel looks before it reads.
    answer(unsafe { hermit_abi::wait(0) })
}

/// The calling thread's name.
pub fn name() -> u32 {
    // SAFETY: touches no memory.
    unsafe { hermit_abi::getpid() }.cast_unsigned()
}

/// `block_current_task`.
pub fn block() {
    // SAFETY: touches no memory.
    unsafe { hermit_abi::block_current_task() };
}

/// `block_current_task_with_timeout`.
pub fn block_for(timeout_ms: u64) {
    // SAFETY: touches no memory.
    unsafe { hermit_abi::block_current_task_with_timeout(timeout_ms) };
}

/// `wakeup_taskt`.
pub fn wake(thread: u32) {
    // SAFETY: touches no memory.
    unsafe { hermit_abi::wakeup_task(thread) };
}

/// `spawn2` on a core, with the least stack.
pub fn spawn(function: extern "C" fn(usize), argument: usize, priority: u8, core: usize) -> u32 {
    // SAFETY: the function takes any argument.
    let thread = unsafe { hermit_abi::spawn2(function, argument, priority, 0, core.cast_signed()) };
    assert_ne!(thread, 0, "there is room for a thread");
    thread
}

/// `join`.
pub fn join(thread: u32) -> Answer {
    // SAFETY: touches no memory.
    answer(unsafe { hermit_abi::join(thread) })
}

/// `set_priority`, of any thread.
pub fn set_priority(thread: u32, priority: u8) {
    // SAFETY: touches no memory.
    unsafe { sys_set_priority(thread, priority) };
}
