//! musl's `ucontext_t`: what a handler is told of where it interrupts, and may change.

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

const _: () = assert!(size_of::<Context>() == 4560 && core::mem::offset_of!(Context, mark) == 464);

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
