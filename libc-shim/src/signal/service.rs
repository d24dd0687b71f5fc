//! The thread that lets timers expire. It begins with the first timer, sleeps until the next is due, and takes no signals itself.
#![allow(unsafe_code, reason = "begins threads with functions that the program has given")]

use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};

use skete::sched::futex;
use skete::sched::spawn::{self, Plan};
use skete::thread::MOST_URGENT;
use skete_abi::Errno;
use skete_signals::Set;

use super::STATE;
use crate::thread::attr::{Attr, DETACHED};
use crate::thread::block::Block;
use crate::thread::create::{Function, pthread_create};

/// Bytes of its stack.
const STACK: u64 = 64 << 10;

/// Grows whenever a timer may be due earlier than before.
static TURN: AtomicU32 = AtomicU32::new(0);

/// What `BEGUN` holds.
const NOT_YET: u32 = 0;
const RUNNING: u32 = 1;

static BEGUN: AtomicU32 = AtomicU32::new(NOT_YET);

/// A thread that a timer begins at each expiration (SIGEV_THREAD).
#[derive(Clone, Copy)]
pub struct Notice {
    /// What it does, by its address.
    pub function: usize,
    /// With what.
    pub value: u64,
    /// As what.
    pub attributes: Attr,
}

/// From now on timers expire.
///
/// # Errors
/// `EAGAIN`: there is no memory for the thread.
pub fn begin() -> Result<(), Errno> {
    if BEGUN.swap(RUNNING, Ordering::AcqRel) == RUNNING {
        return Ok(());
    }
    let plan = Plan { priority: MOST_URGENT, stack: STACK, name: "timers", is_service: true, ..Plan::new(serve, 0) };
    spawn::spawn(&plan).map(|_| ()).map_err(|_| {
        BEGUN.store(NOT_YET, Ordering::Release);
        Errno::EAGAIN
    })
}

/// A timer was set, or the clock.
pub fn look_again() {
    // Release pairs with the Acquire of `serve`, which then finds what was changed before.
    TURN.fetch_add(1, Ordering::Release);
    futex::wake(&TURN, 1);
}

/// [`look_again`] by one who holds the lock of signals.
pub fn wake() {
    look_again();
}

#[optimize(size)]
extern "C" fn serve(_: usize) {
    Block::current().signals.begin(Set::ALL);
    loop {
        let turn = TURN.load(Ordering::Acquire);
        let (notice, deadline) = {
            let mut state = STATE.lock();
            (state.expire(), state.timers.earliest())
        };
        match notice {
            Some(notice) => begin_thread(notice),
            None => {
                let _ = futex::wait(&TURN, turn, deadline);
            }
        }
    }
}

/// Begins a thread; where there is no memory for it the expiration has gone by.
fn begin_thread(notice: Notice) {
    let attributes = Attr { detach: DETACHED, ..notice.attributes };
    // SAFETY: the program has given it: a function of one word that answers nothing, which nobody reads.
    let function = unsafe { core::mem::transmute::<usize, Function>(notice.function) };
    let argument = core::ptr::with_exposed_provenance_mut::<c_void>(notice.value as usize);
    let mut name = core::ptr::null();
    // SAFETY: all three are there.
    let _ = unsafe { pthread_create(&raw mut name, &raw const attributes, function, argument) };
}
