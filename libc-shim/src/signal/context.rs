//! musl's `ucontext_t`: what a handler is told of where it interrupts, and may change; and what `getcontext` and its kin keep.

use core::mem::offset_of;

use skete::arch::context::Context as Registers;
use skete_signals::Set;

/// How Linux marks the record of V registers (`FPSIMD_MAGIC`), and its bytes.
const VECTORS: u64 = 0x4650_8001 | 528 << 32;

/// A `ucontext_t`. The mask is true. Registers are told where a thread was interrupted that computed, or had a fault; where it took its
/// signals in a call they are all 0, and nothing comes of a change.
#[repr(C, align(16))]
pub struct Context {
    flags: u64,
    link: usize,
    stack: [u64; 3],
    mask: [u64; 16],
    gap: u64,
    fault: u64,
    x: [u64; 31],
    sp: u64,
    pc: u64,
    pstate: u64,
    other_gap: u64,
    mark: u64,
    /// FPSR in the low half, FPCR in the other.
    status: u64,
    v: [u128; 32],
    rest: [u64; 446],
}

const _: () = assert!(size_of::<Context>() == 4560 && offset_of!(Context, mark) == 464);

/// Where the mask is.
pub const MASK_AT: usize = offset_of!(Context, mask);
/// Where X0 is, and behind it the others.
pub const X_AT: usize = offset_of!(Context, x);
/// Where X30 is.
pub const LINK_REGISTER_AT: usize = X_AT + LINK_REGISTER * 8;
/// Where the stack pointer is.
pub const SP_AT: usize = offset_of!(Context, sp);
/// Where it goes on.
pub const PC_AT: usize = offset_of!(Context, pc);
/// Where FPSR is, and behind it FPCR.
pub const STATUS_AT: usize = offset_of!(Context, status);
/// Where V0 is, and behind it the others.
pub const V_AT: usize = offset_of!(Context, v);

/// How many arguments of a function come in registers.
pub const FUNCTION_ARGUMENTS: usize = 8;
/// The register in which a context that was made keeps its link.
const LINK_KEPT_IN: usize = 19;
const FRAME: usize = 29;
const LINK_REGISTER: usize = 30;

impl Context {
    /// Of a thread whose mask was `mask`, with the address of its fault.
    #[inline]
    pub fn new(mask: Set, fault: Option<u64>, registers: Option<&Registers>) -> Self {
        let registers = registers.unwrap_or(&Registers::EMPTY);
        let mut masks = [0; 16];
        masks[0] = mask.0;
        Self {
            flags: 0,
            link: 0,
            stack: [0; 3],
            mask: masks,
            gap: 0,
            fault: fault.unwrap_or(0),
            x: registers.x,
            sp: registers.sp,
            pc: registers.pc,
            pstate: registers.flags(),
            other_gap: 0,
            mark: VECTORS,
            status: registers.fpsr & 0xffff_ffff | registers.fpcr << 32,
            v: registers.v,
            rest: [0; 446],
        }
    }

    /// Where the stack ends that the program has given it.
    pub const fn stack_end(&self) -> u64 {
        self.stack[0] + self.stack[2]
    }

    /// The function that it begins with gets this argument.
    pub fn set_argument(&mut self, at: usize, argument: u64) {
        self.x[at] = argument;
    }

    /// It begins with the function at `pc`, which returns to `end`.
    pub fn begin_at(&mut self, pc: u64, sp: u64, end: u64) {
        (self.pc, self.sp) = (pc, sp);
        self.x[LINK_KEPT_IN] = self.link as u64;
        self.x[FRAME] = 0;
        self.x[LINK_REGISTER] = end;
    }

    /// The mask to go back to.
    pub fn mask(&self) -> Set {
        Set(self.mask[0]).as_mask()
    }

    /// What the handler has made of the registers.
    pub fn put_back(&self, registers: &mut Registers) {
        (registers.x, registers.sp, registers.pc) = (self.x, self.sp, self.pc);
        // Of PSTATE a handler changes nothing else.
        registers.set_flags(self.pstate);
        (registers.fpsr, registers.fpcr) = (self.status & 0xffff_ffff, self.status >> 32);
        registers.v = self.v;
    }
}
