//! One script for a whole interrupt controller: its distributor, its redistributors and its CPU interface stand in one address
//! space, so that a test sees the order of accesses *between* them too.

use crate::gic_v3::CpuInterface;
use crate::window::Registers;
use crate::window::fake::Script;

/// A part of the scripted controller, at `base` of the script's address space.
#[derive(Clone, Copy)]
pub(crate) struct Part<'a> {
    pub(crate) script: &'a Script<'a>,
    pub(crate) base: usize,
}

impl Registers for Part<'_> {
    #[track_caller]
    fn read(&self, offset: usize) -> u32 {
        self.script.read(self.base + offset)
    }

    #[track_caller]
    fn write(&self, offset: usize, value: u32) {
        self.script.write(self.base + offset, value);
    }
}

/// Where a script sees the system registers of a core; ICC_SGI1R is 64 bits wide: two accesses, low word first.
pub(crate) const ICC_SRE: usize = 0x900_0000;
pub(crate) const ICC_PMR: usize = 0x900_0008;
pub(crate) const ICC_BPR1: usize = 0x900_0010;
pub(crate) const ICC_CTLR: usize = 0x900_0018;
pub(crate) const ICC_IGRPEN1: usize = 0x900_0020;
pub(crate) const ICC_IAR1: usize = 0x900_0028;
pub(crate) const ICC_EOIR1: usize = 0x900_0030;
pub(crate) const ICC_SGI1R: usize = 0x900_0038;

/// The system registers of one core, in the same script.
pub(crate) struct Core<'a>(pub(crate) &'a Script<'a>);

impl CpuInterface for Core<'_> {
    #[track_caller]
    fn write_sre(&self, value: u32) {
        self.0.write(ICC_SRE, value);
    }

    #[track_caller]
    fn read_sre(&self) -> u32 {
        self.0.read(ICC_SRE)
    }

    #[track_caller]
    fn write_pmr(&self, value: u32) {
        self.0.write(ICC_PMR, value);
    }

    #[track_caller]
    fn write_bpr1(&self, value: u32) {
        self.0.write(ICC_BPR1, value);
    }

    #[track_caller]
    fn write_ctlr(&self, value: u32) {
        self.0.write(ICC_CTLR, value);
    }

    #[track_caller]
    fn write_igrpen1(&self, value: u32) {
        self.0.write(ICC_IGRPEN1, value);
    }

    #[track_caller]
    fn read_iar1(&self) -> u32 {
        self.0.read(ICC_IAR1)
    }

    #[track_caller]
    fn write_eoir1(&self, value: u32) {
        self.0.write(ICC_EOIR1, value);
    }

    #[track_caller]
    #[expect(clippy::cast_possible_truncation, reason = "the value is cut into its two halves")]
    fn write_sgi1r(&self, value: u64) {
        self.0.write(ICC_SGI1R, value as u32);
        self.0.write(ICC_SGI1R + 4, (value >> 32) as u32);
    }
}
