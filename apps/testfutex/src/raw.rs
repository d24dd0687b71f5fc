//! Calls with words by their address: whatever a C program might ask for.
#![allow(unsafe_code, reason = "addresses where nothing is, and exported names")]

use std::arch::asm;
use std::hint::black_box;
use std::sync::atomic::{AtomicU32, AtomicUsize};

use skete::Errno;
use skete::futex::{RobustListHead, TimeSpec, WaitV, do_futex};
use skete::thread::{Builder, Handle, set_robust_list};

unsafe extern "C" {
    fn sys_futex(uaddr: usize, op: i32, val: u32, timeout: usize, uaddr2: usize, val3: u32) -> i64;
    fn sys_futex_waitv(waiters: *const WaitV, count: u32, flags: u32, timeout: *const TimeSpec, clock: i32) -> i64;
    fn sys_set_robust_list(head: usize, bytes: usize) -> i64;
    fn sys_get_robust_list(tid: i32, head: usize, bytes: usize) -> i64;
    fn sys_set_tid_address(word: usize) -> i32;
    fn sys_gettid() -> i32;
    fn sys_sem_init(semaphore: *mut usize, shared: i32, value: u32) -> i32;
    fn sys_sem_post(semaphore: *mut usize) -> i32;
    fn sys_sem_timedwait(semaphore: *mut usize, deadline: *const TimeSpec) -> i32;
}

/// Addresses at which there is no word: above all memory, in what is a kernel's half on other systems, past what tables know.
pub const NOWHERE: [usize; 4] = [126 << 30, 0xffff_0000_0000_0000, 1 << 39, 127 << 30];

/// The arguments of a call.
#[derive(Clone, Copy, Default)]
pub struct Call {
    pub uaddr: usize,
    pub op: u32,
    pub val: u32,
    pub timeout: Option<TimeSpec>,
    pub uaddr2: usize,
    pub val2: u32,
    pub val3: u32,
}

pub fn address(word: &AtomicU32) -> usize {
    word.as_ptr() as usize
}

impl Call {
    pub fn of(op: u32, word: &AtomicU32) -> Self {
        Self { uaddr: address(word), op, ..Self::default() }
    }

    /// By the Rust face.
    pub fn make(self) -> Result<u32, Errno> {
        let Self { uaddr, op, val, timeout, uaddr2, val2, val3 } = self;
        // SAFETY: words of this program's, or nothing.
        unsafe { do_futex(uaddr as *const u32, op, val, timeout, uaddr2 as *const u32, val2, val3) }
    }

    /// By the C face, with `fourth` where the timeout or `val2` stands.
    pub fn make_in_c(self, fourth: usize) -> i64 {
        let Self { uaddr, op, val, uaddr2, val3, .. } = self;
        // SAFETY: as above.
        unsafe { sys_futex(uaddr, op.cast_signed(), val, fourth, uaddr2, val3) }
    }
}

/// `futex_waitv` in C.
pub fn waitv_in_c(waiters: &[WaitV], flags: u32, timeout: Option<&TimeSpec>, clock: i32) -> i64 {
    let timeout = timeout.map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: waiters and time are there; their words are this program's, or nothing.
    unsafe { sys_futex_waitv(waiters.as_ptr(), u32::try_from(waiters.len()).unwrap_or(u32::MAX), flags, timeout, clock) }
}

/// Begins a thread that does nothing, with words at these addresses.
pub fn begin_with_words(set: usize, clear: usize) -> Handle {
    // SAFETY: there is nothing at these addresses, or a word.
    unsafe { Builder::new().child_tids_at(set as *mut u32, clear as *mut u32) }.spawn(|| ()).expect("there is room")
}

pub fn set_list(head: usize) {
    // SAFETY: the tests' lists live for ever.
    unsafe { set_robust_list(head as *const RobustListHead) };
}

pub fn set_list_in_c(head: usize, bytes: usize) -> i64 {
    // SAFETY: as above.
    unsafe { sys_set_robust_list(head, bytes) }
}

pub fn list_in_c(tid: i32, head: usize, bytes: usize) -> i64 {
    // SAFETY: two numbers of the tests', or nothing, are at these addresses.
    unsafe { sys_get_robust_list(tid, head, bytes) }
}

pub fn set_tid_address_in_c(word: usize) -> i32 {
    // SAFETY: a word that lives for ever, or nothing.
    unsafe { sys_set_tid_address(word) }
}

pub fn tid_in_c() -> i32 {
    // SAFETY: reads a number.
    unsafe { sys_gettid() }
}

/// A semaphore of Hermit's ABI.
pub struct Semaphore(AtomicUsize);

impl Semaphore {
    /// One at 0.
    pub fn new() -> Self {
        let new = Self(AtomicUsize::new(usize::MAX));
        // SAFETY: it lies in the result, and need not stay where it is as long as nobody waits.
        assert_eq!(unsafe { sys_sem_init(new.0.as_ptr(), 0, 0) }, 0);
        new
    }

    pub fn post(&self) -> i32 {
        // SAFETY: begun by `new`.
        unsafe { sys_sem_post(self.0.as_ptr()) }
    }

    /// As long as it takes.
    pub fn wait(&self) -> i32 {
        // SAFETY: as above.
        unsafe { sys_sem_timedwait(self.0.as_ptr(), std::ptr::null()) }
    }

    /// Until CLOCK_REALTIME shows `time` at most.
    pub fn wait_until(&self, time: &TimeSpec) -> i32 {
        // SAFETY: as above; a time is there.
        unsafe { sys_sem_timedwait(self.0.as_ptr(), time) }
    }
}

/// Spins one round: under `--icount` the emulator's turn passes to the next core.
pub fn pause() {
    // SAFETY: a hint, which changes nothing.
    unsafe { asm!("yield", options(nomem, nostack, preserves_flags)) };
}

/// Computes for a few hundred instructions, then [pauses](pause): for who takes all the time there is. A pause costs the emulator as much
/// as a thousand; but where time is counted the other cores wait so long for their turn.
pub fn compute() {
    (0..100).for_each(|round| {
        black_box(round);
    });
    pause();
}

/// A value that several threads touch as a test wills.
pub struct Shared<T>(pub T);

// SAFETY: whether they do it one at a time is what the test checks.
unsafe impl<T> Sync for Shared<T> {}

pub fn read(number: *mut u32) -> u32 {
    // SAFETY: a number of the test's, which lives for ever.
    unsafe { number.read_volatile() }
}

pub fn write(number: *mut u32, value: u32) {
    // SAFETY: as above.
    unsafe { number.write_volatile(value) };
}
