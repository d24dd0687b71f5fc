//! Futaphores: counting semaphores in a page of memory, which the program moves by itself. `use skete::futaphore`.
//!
//! P and V on a futaphore that nobody waits for are five instructions each, inlined, and call nobody. The kernel is entered by
//! [`Page::get`], by a P that sleeps, by a V or a free that sees somebody waiting; [`crate::thread::entries`] counts that.
//!
//! ```no_run
//! use skete::futaphore::Page;
//!
//! let full = Page::get().make(0)?;
//! std::thread::spawn(move || full.v());
//! full.p()?;
//! full.free()?;
//! # Ok::<(), skete::Errno>(())
//! ```
//!
//! Numbers are given out again: a copy of a [`Futaphore`] that outlives its [`free`](Futaphore::free) names whatever is made in its slot
//! next. Who already waited is told `EIDRM` all the same.

use skete_abi::Errno;
use skete_logic::futaphore::{SLOT_COUNT, Slot};

use crate::sched::futaphore::{Machine, PAGE};
use crate::sched::{futex, record};
use crate::time;

pub use skete_logic::futaphore::MOST;

/// An interruption of who waits is kept for its next wait that may be ended.
const RUST: Machine<false> = Machine;
/// Who waits takes its signals, and waits on.
const C: Machine<true> = Machine;

/// The page that all futaphores are in.
#[derive(Clone, Copy, Debug)]
pub struct Page(());

/// A futaphore. Copies name the same one.
#[derive(Clone, Copy, Debug)]
pub struct Futaphore(&'static Slot);

impl Page {
    /// The page: the one call that enters the kernel whatever happens.
    #[must_use]
    pub fn get() -> Self {
        record::count_entry();
        Self(())
    }

    /// The address of the page: what [`get_fut_page`](crate::calls::futaphore::get_fut_page) tells C programs.
    #[must_use]
    #[inline(always)]
    pub fn address(self) -> usize {
        (&raw const PAGE).addr()
    }

    /// The page at `address`.
    ///
    /// # Errors
    /// `EINVAL`: it is not there.
    #[inline(always)]
    pub fn at(address: usize) -> Result<Self, Errno> {
        if address == Self(()).address() { Ok(Self(())) } else { Err(Errno::EINVAL) }
    }

    /// Makes a futaphore that begins at `count`. Does not enter the kernel, unless another thread makes or frees one just now.
    ///
    /// # Errors
    /// `ENOSPC`: there are 63 already. `EOVERFLOW`: `count` is above [`MOST`].
    pub fn make(self, count: u32) -> Result<Futaphore, Errno> {
        self.futaphore(PAGE.make(&RUST, count)?)
    }

    /// The futaphore of this number, 1–63; whether there is one now is told by its operations.
    ///
    /// # Errors
    /// `EINVAL`: no such number.
    #[inline(always)]
    pub fn futaphore(self, number: usize) -> Result<Futaphore, Errno> {
        PAGE.slot(number).map(Futaphore)
    }

    /// How many futaphores there are now.
    #[must_use]
    pub fn count(self) -> usize {
        PAGE.count()
    }
}

impl Futaphore {
    /// Its number in the page, 1–63.
    #[must_use]
    pub fn number(self) -> usize {
        (core::ptr::from_ref(self.0).addr() - Page(()).address()) / size_of::<Slot>() % SLOT_COUNT
    }

    /// P: takes one; sleeps until there is one to take. Sleepers are woken the most urgent first, then the longest asleep; one that comes
    /// meanwhile may be faster. [`crate::thread::interrupt`] does not end it, but the wait that comes next.
    ///
    /// # Errors
    /// `EIDRM`: it was freed while the caller waited. `EINVAL`: it had been freed before.
    #[inline(always)]
    pub fn p(self) -> Result<(), Errno> {
        self.0.p(&RUST)
    }

    /// P that gives up after `timeout_ns` nanoseconds, never earlier.
    ///
    /// # Errors
    /// `ETIMEDOUT`: there was none to take for so long; else as [`p`](Self::p).
    #[inline(always)]
    pub fn p_timeout(self, timeout_ns: u64) -> Result<(), Errno> {
        self.0.p_until(&RUST, || time::now().saturating_add_ns(timeout_ns))
    }

    /// [`p`](Self::p) as C calls it: a C program's thread takes its signals meanwhile.
    #[inline(always)]
    pub(crate) fn p_for_c(self) -> Result<(), Errno> {
        self.0.p(&C)
    }

    /// [`p_timeout`](Self::p_timeout) as C calls it.
    #[inline(always)]
    pub(crate) fn p_timeout_for_c(self, timeout_ns: u64) -> Result<(), Errno> {
        self.0.p_until(&C, || time::now().saturating_add_ns(timeout_ns))
    }

    /// P, if that can be done at once; never enters the kernel.
    ///
    /// # Errors
    /// `EAGAIN`: it cannot. `EINVAL`: there is no such futaphore.
    #[inline]
    pub fn try_p(self) -> Result<(), Errno> {
        self.0.try_p(&RUST)
    }

    /// V: gives one, and wakes one who waits.
    ///
    /// # Errors
    /// `EOVERFLOW`: the count is [`MOST`]. `EINVAL`: there is no such futaphore. `EIDRM`: it was freed meanwhile.
    #[inline(always)]
    pub fn v(self) -> Result<(), Errno> {
        self.0.v(&RUST)
    }

    /// The count at some moment of the call.
    ///
    /// # Errors
    /// `EINVAL`: there is no such futaphore.
    #[inline]
    pub fn value(self) -> Result<u32, Errno> {
        self.0.value()
    }

    /// How many threads sleep until somebody gives: for tests and reports.
    #[must_use]
    pub fn sleepers(self) -> u32 {
        futex::waiters_at(core::ptr::from_ref(self.0).addr())
    }

    /// Frees it; those who wait are told `EIDRM`, and the number may be given out again. Does not enter the kernel, unless somebody waits,
    /// or another thread makes or frees one just now.
    ///
    /// # Errors
    /// `EINVAL`: it has been freed before.
    pub fn free(self) -> Result<(), Errno> {
        PAGE.free(&RUST, self.number())
    }
}
