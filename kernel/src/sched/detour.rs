//! Detours: a thread that computes is interrupted, goes on elsewhere, and comes back to where it was with every register as it was.
//!
//! Who wants a thread to attend to something while it may be computing says [`want`], and [`hurry`] if nothing else tells the thread. From
//! then on every core looks at the thread that it interrupts, and interrupts it again and again ([`skete_logic::again`]), until as many
//! have been [settled](settle) as were wanted. Whether the interrupted thread is one of them, and stands where it may be sent away, the
//! [`Guide`] tells: the C face, which knows which code holds nothing. Without a guide, in a program of Rust's, nobody is sent.
//!
//! The registers go to the thread's own stack: what it does on the way may sleep, and end on another core. It returns into a `brk`, by
//! which the fault handler puts all of them back. A fault of the program's own can be sent on the same way ([`Cause`]).
#![allow(unsafe_code, reason = "writes a thread's registers to its stack, and reads them back")]

use core::arch::naked_asm;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

use skete_logic::again;
use skete_logic::pages::PAGE;

use super::core::{Core, online};
use super::fault::class;
use super::record::Record;
use crate::arch::context::Context;
use crate::arch::cpu::{self, CORES};
use crate::arch::probe;
use crate::memory::map;
use crate::time;

/// Why a thread was sent away.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    /// ESR_EL1 of its fault; 0: it was interrupted.
    pub syndrome: u64,
    /// FAR_EL1 of its fault.
    pub address: u64,
}

impl Cause {
    /// An interrupt.
    pub const NONE: Self = Self { syndrome: 0, address: 0 };
}

/// What lies on a thread's stack while it is away.
#[repr(C, align(16))]
pub struct Frame {
    /// A frame record as backtraces follow it: the frame pointer and the place where it was interrupted.
    link: [u64; 2],
    /// Why.
    pub cause: Cause,
    /// What it goes back to: general and V registers, stack pointer, flags and place may be changed.
    pub registers: Context,
}

/// Who knows where a thread may be sent away, and what it does then.
pub struct Guide {
    /// Whether the thread with these registers is wanted and may be sent away, if it was interrupted; or for its fault. IRQs are masked.
    pub is_due: fn(&Context, Cause) -> bool,
    /// What a thread does on its way, as an ordinary function of its own.
    pub enter: extern "C" fn(&mut Frame),
    /// What a thread does whose wait was interrupted, and goes on after.
    pub attend: fn(),
}

static GUIDE: AtomicPtr<Guide> = AtomicPtr::new(null_mut());

/// How many threads are wanted.
static WANTED: AtomicU32 = AtomicU32::new(0);
/// When somebody last hurried, in ticks.
static ASKED: AtomicU64 = AtomicU64::new(0);

/// A slice has so many of the shortest times between two looks: 50 µs.
const LOOKS: u64 = 200;

/// From now on threads are sent away.
pub fn guide_by(guide: &'static Guide) {
    GUIDE.store(core::ptr::from_ref(guide).cast_mut(), Ordering::Release);
}

fn guide() -> Option<&'static Guide> {
    // SAFETY: null, or what `guide_by` was given.
    unsafe { GUIDE.load(Ordering::Acquire).as_ref() }
}

/// The calling thread, whose wait was interrupted, attends to what it is wanted for; false if there is nobody to say how.
#[cold]
pub fn attend() -> bool {
    guide().map(|guide| (guide.attend)()).is_some()
}

/// One more thread is wanted.
pub fn want() {
    WANTED.fetch_add(1, Ordering::Relaxed);
}

/// One fewer.
pub fn settle() {
    WANTED.fetch_sub(1, Ordering::Relaxed);
}

/// Every core looks now for whoever is wanted.
#[cold]
#[inline(never)]
pub fn hurry() {
    if guide().is_none() {
        return;
    }
    let before = cpu::mask();
    ASKED.store(cpu::ticks_about(), Ordering::Relaxed);
    let this = Core::this();
    arm(this);
    for number in (0..CORES).filter(|number| *number != this.number() && online() & 1 << number != 0) {
        crate::interrupt::kick(number);
    }
    cpu::unmask(before);
}

/// Whether there is anybody to look for.
#[inline(always)]
pub fn is_wanted() -> bool {
    WANTED.load(Ordering::Relaxed) != 0
}

/// The interrupt of `left` on `core` is over, and somebody is wanted: sends it away if it is the one, and looks again later.
#[cold]
pub fn look(core: &Core, left: &'static Record) {
    let Some(guide) = guide() else { return };
    if !left.is_idle() {
        // SAFETY: the vectors have just saved it, and it does not run.
        let registers = unsafe { left.registers() };
        if (guide.is_due)(registers, Cause::NONE) && !send(guide, registers, Cause::NONE) {
            // As with any other push, the thread's own store finds that its stack is full.
            registers.x[0] = place(registers.sp);
            registers.pc = overflow as *const () as u64;
        }
    }
    arm(core);
}

fn arm(core: &Core) {
    let most = time::slice_ticks();
    core.arm_tick(again::next_look(ASKED.load(Ordering::Relaxed), cpu::ticks_about(), most / LOOKS, most));
}

/// A fault of a thread: true if it goes on, back where it was or on its way. A stack that is full, and memory that is, are told as ever.
pub fn takes_fault(registers: &mut Context, cause: Cause) -> bool {
    let Some(guide) = guide() else { return false };
    if registers.pc == end as *const () as u64 {
        come_back(registers);
        return true;
    }
    let is_abort = class::of(cause.syndrome) == class::DATA_ABORT;
    let found = map::find(if is_abort { cause.address } else { 0 });
    !found.is_guard() && !found.is_lazy() && (guide.is_due)(registers, cause) && send(guide, registers, cause)
}

/// Where the frame lies of a thread whose stack pointer is `sp`.
const fn place(sp: u64) -> u64 {
    sp.wrapping_sub(size_of::<Frame>() as u64) & !15
}

/// Sends a thread away. False: its stack has no room.
fn send(guide: &Guide, registers: &mut Context, cause: Cause) -> bool {
    let place = place(registers.sp);
    let mut pages = (place / PAGE..=registers.sp.wrapping_sub(1) / PAGE).map(|page| page * PAGE);
    if place > registers.sp || !pages.all(|page| probe::is_writable(page) || map::touch(page) && probe::is_writable(page)) {
        return false;
    }
    let frame = Frame { link: [registers.x[29], registers.pc], cause, registers: *registers };
    // SAFETY: it can be written, and lies below what the thread uses of its stack.
    unsafe { (place as *mut Frame).write(frame) };
    registers.x[0] = place;
    registers.x[29] = place;
    registers.x[30] = end as *const () as u64;
    registers.sp = place;
    registers.pc = guide.enter as *const () as u64;
    true
}

/// Puts back what [`send`] has saved.
fn come_back(registers: &mut Context) {
    // SAFETY: `end` is reached from `enter` alone, which leaves the stack pointer where its frame is.
    let frame = unsafe { &*(registers.sp as *const Frame) };
    registers.set_flags(frame.registers.pstate);
    *registers = Context { tls: registers.tls, kind: registers.kind, pstate: registers.pstate, ..frame.registers };
}

/// Where a thread's way ends.
#[unsafe(naked)]
unsafe extern "C" fn end() {
    naked_asm!("brk #0")
}

/// Writes to a stack that is full.
#[unsafe(naked)]
unsafe extern "C" fn overflow() {
    naked_asm!("str x0, [x0]", "brk #0")
}
