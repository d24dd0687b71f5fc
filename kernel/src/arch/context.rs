//! The registers of a thread at rest.
//!
//! The assembly in [`super::vectors`] and [`super::switch`] knows these offsets; a thread's record begins with one, and
//! TPIDRRO_EL0 holds the running thread's.

use core::mem::offset_of;

/// How a thread left its core, and so how much of it was saved.
pub const VOLUNTARY: u64 = 0;
/// Taken away by an exception: every register was saved.
pub const WHOLE: u64 = 1;

/// A thread's registers while it is not running.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
pub struct Context {
    /// X0–X30. A voluntary switch keeps X19, X29 and X30 only; the thread has kept the rest itself. A new one finds X20 too.
    pub x: [u64; 31],
    /// SP_EL0.
    pub sp: u64,
    /// ELR_EL1: where a thread that was taken away goes on.
    pub pc: u64,
    /// SPSR_EL1 of a thread that was taken away.
    pub pstate: u64,
    /// TPIDR_EL0: the thread's TLS base, fixed for its life.
    pub tls: u64,
    /// FPCR.
    pub fpcr: u64,
    /// FPSR.
    pub fpsr: u64,
    /// [`VOLUNTARY`] or [`WHOLE`]; [`VOLUNTARY`] too while the thread runs.
    pub kind: u64,
    /// V0–V31. A voluntary switch keeps V8–V15, at the start.
    pub v: [u128; 32],
}

impl Context {
    /// A context that holds nothing yet.
    pub const EMPTY: Self = Self { x: [0; 31], sp: 0, pc: 0, pstate: 0, tls: 0, fpcr: 0, fpsr: 0, kind: VOLUNTARY, v: [0; 32] };

    /// N, Z, C and V, where they stand in PSTATE.
    #[must_use]
    pub const fn flags(&self) -> u64 {
        self.pstate & FLAGS
    }

    /// Takes the flags of `pstate`, and nothing else of it.
    pub const fn set_flags(&mut self, pstate: u64) {
        self.pstate = pstate & FLAGS | self.pstate & !FLAGS;
    }
}

/// The flags in PSTATE.
const FLAGS: u64 = 0xf << 28;

/// Offset of X0.
pub const X: usize = offset_of!(Context, x);
/// Offset of X19; X20 follows.
pub const X19: usize = X + 19 * 8;
/// Offset of X29, the frame pointer; X30 follows.
pub const X29: usize = X + 29 * 8;
/// Offset of SP.
pub const SP: usize = offset_of!(Context, sp);
/// Offset of the program counter; PSTATE follows.
pub const PC: usize = offset_of!(Context, pc);
/// Offset of the TLS base; FPCR follows.
pub const TLS: usize = offset_of!(Context, tls);
/// Offset of FPCR; FPSR follows.
pub const FPCR: usize = offset_of!(Context, fpcr);
/// Offset of the kind.
pub const KIND: usize = offset_of!(Context, kind);
/// Offset of V0.
pub const V: usize = offset_of!(Context, v);

/// Writes TPIDR_EL0 for an idle thread that has used no thread-local yet: boot's only such write. The switch does it for all others.
#[inline(never)]
pub fn set_tls_of_idle(base: u64) {
    use aarch64_cpu::registers::{TPIDR_EL0, Writeable};
    TPIDR_EL0.set(base);
}
