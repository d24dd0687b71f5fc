//! A GICv3's CPU interface: the system registers of one core, behind a face that the kernel's `arch` implements.

use bitflags::bitflags;

use crate::gic::{Acknowledged, GicError, Intid, Sgi};

bitflags! {
    /// ICC_SRE_EL1.
    #[derive(Clone, Copy)]
    struct Sre: u32 {
        const SYSTEM_REGISTERS = 1 << 0;
        const NO_FIQ_BYPASS = 1 << 1;
        const NO_IRQ_BYPASS = 1 << 2;
    }
}

/// The system registers through which a core speaks to its GICv3; always the calling core's. The kernel's `arch`
/// implements it, with the barriers named here.
pub trait CpuInterface {
    /// Writes ICC_SRE_EL1, then `isb`.
    fn write_sre(&self, value: u32);
    /// Reads ICC_SRE_EL1.
    fn read_sre(&self) -> u32;
    /// Writes ICC_PMR_EL1.
    fn write_pmr(&self, value: u32);
    /// Writes ICC_BPR1_EL1.
    fn write_bpr1(&self, value: u32);
    /// Writes ICC_CTLR_EL1.
    fn write_ctlr(&self, value: u32);
    /// Writes ICC_IGRPEN1_EL1, then `isb`.
    fn write_igrpen1(&self, value: u32);
    /// Reads ICC_IAR1_EL1, then `dsb sy`: the interrupt is active before anything that follows.
    fn read_iar1(&self) -> u32;
    /// Writes ICC_EOIR1_EL1, then `isb`.
    fn write_eoir1(&self, value: u32);
    /// `dsb ishst`, so that the receiver sees what was written for it, writes ICC_SGI1R_EL1, then `isb`.
    fn write_sgi1r(&self, value: u64);
}

/// Uses the system registers, lets every priority through and signals group 1. Last step of [`super::Redistributor::init_core`].
pub(super) fn open(core: &impl CpuInterface) -> Result<(), GicError> {
    core.write_sre(Sre::all().bits());
    if !Sre::from_bits_retain(core.read_sre()).contains(Sre::SYSTEM_REGISTERS) {
        return Err(GicError::NoSystemRegisters);
    }
    core.write_ctlr(0);
    core.write_bpr1(0);
    core.write_pmr(0xFF);
    core.write_igrpen1(1);
    Ok(())
}

/// Takes the most urgent interrupt that is pending for the calling core; none if it was withdrawn or another core took it
/// (ICC_IAR1_EL1). Numbers from 1024 up cannot come: they are message-based interrupts, which stay off.
#[inline]
pub fn acknowledge(core: &impl CpuInterface) -> Option<Acknowledged> {
    let raw = core.read_iar1();
    let intid = Intid::new(u16::try_from(raw & 0xFF_FFFF).ok()?)?;
    Some(Acknowledged { raw, intid })
}

/// Gives an interrupt back when it is served (ICC_EOIR1_EL1): on the core that acknowledged it, last acknowledged first.
#[inline]
#[expect(clippy::needless_pass_by_value, reason = "the receipt is given back")]
pub fn end(core: &impl CpuInterface, acknowledged: Acknowledged) {
    core.write_eoir1(acknowledged.raw);
}

/// Interrupts every core of the mask `cores` with `sgi` (ICC_SGI1R_EL1), the caller's own core too if it is in the mask. Bit n is the core
/// with affinity 0.0.0.n: both boards have one cluster only.
#[inline]
pub fn send(core: &impl CpuInterface, sgi: Sgi, cores: u16) {
    core.write_sgi1r(u64::from(sgi.number()) << 24 | u64::from(cores));
}
