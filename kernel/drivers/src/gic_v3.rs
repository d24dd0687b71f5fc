//! ARM's Generic Interrupt Controller, version 3 (and 4, of which nothing more is used): a distributor for the shared interrupts, a
//! redistributor per core for its private ones, and a CPU interface made of system registers. Source: GIC Architecture
//! Specification, IHI 0069, whose register names are used below.
//!
//! System registers belong to the kernel's `arch`, which implements [`CpuInterface`] for them, barriers included. SPIs share
//! registers: callers of [`GicV3::enable`] for them take turns. Every interrupt is non-secure group 1. Whoever drops the core
//! from EL2 or EL3 sets ICC_SRE_EL2 (and ICC_SRE_EL3) to 0xF first, else EL1 may not use the CPU interface.

pub mod cpu_interface;
mod redistributor;

use bitflags::bitflags;

pub use cpu_interface::CpuInterface;
pub use redistributor::{Affinity, Redistributor};

use crate::gic::{GicError, Intid, Trigger, interrupts};
use crate::poll;
use crate::window::Registers;

/// Bytes of the distributor's window.
pub const DISTRIBUTOR_BYTES: usize = 0x1_0000;
/// Bytes that one core's redistributor takes in the redistributors' window: its own frame and that of its private interrupts.
pub const REDISTRIBUTOR_BYTES: usize = 0x2_0000;

const GICD_CTLR: usize = 0x0000;
const GICD_TYPER: usize = 0x0004;
/// Offsets that a distributor and the second frame of a redistributor have in common.
mod bank {
    pub(super) const IGROUPR: usize = 0x080;
    pub(super) const ISENABLER: usize = 0x100;
    pub(super) const ICENABLER: usize = 0x180;
    pub(super) const ICPENDR: usize = 0x280;
    pub(super) const ICACTIVER: usize = 0x380;
    pub(super) const IPRIORITYR: usize = 0x400;
    pub(super) const ICFGR: usize = 0xC00;
}
const GICD_IROUTER: usize = 0x6000;

/// The priority that every interrupt starts with: the middle of the non-secure half. Smaller is more urgent.
pub const DEFAULT_PRIORITY: u8 = 0x80;
const DEFAULT_PRIORITIES: u32 = 0x8080_8080;
const ALL: u32 = u32::MAX;

bitflags! {
    /// GICD_CTLR, as seen non-secure or with one security state only: the bits used here are the same in both.
    #[derive(Clone, Copy)]
    struct Control: u32 {
        const ENABLE_GROUP_1 = 1 << 1;
        /// Interrupts are routed by affinity, and a core's private ones belong to its redistributor.
        const AFFINITY_ROUTING = 1 << 4;
        /// An earlier write has not taken effect yet.
        const REGISTER_WRITE_PENDING = 1 << 31;
    }
}

/// A GICv3's distributor and redistributors. Copies of it may be used on all cores at the same time, but for SPIs (see above).
#[derive(Clone, Copy, Debug)]
pub struct GicV3<R> {
    distributor: R,
}

impl<R: Registers> GicV3<R> {
    /// The controller whose distributor is behind this window.
    pub const fn new(distributor: R) -> Self {
        Self { distributor }
    }

    /// Brings the distributor from any state to: every SPI disabled, not pending, level-triggered, of [`DEFAULT_PRIORITY`], for
    /// the core with affinity 0; forwarding on. Once, on the boot core, before any [`Redistributor::init_core`]. Waits for the
    /// hardware at most `polls` reads per step.
    ///
    /// # Errors
    /// [`GicError::TimedOut`].
    pub fn init_distributor(&self, polls: u32) -> Result<(), GicError> {
        let distributor = &self.distributor;
        distributor.write(GICD_CTLR, 0);
        self.settle(polls)?;
        // Routing may change only while every group is off, and the routing registers exist only once it is on.
        distributor.write(GICD_CTLR, Control::AFFINITY_ROUTING.bits());
        self.settle(polls)?;
        let interrupts = interrupts(distributor.read(GICD_TYPER));
        let words = usize::from(interrupts.div_ceil(32));
        for word in 1..words {
            distributor.write(bank::ICENABLER + 4 * word, ALL);
        }
        self.settle(polls)?;
        for word in 1..words {
            distributor.write(bank::ICPENDR + 4 * word, ALL);
            distributor.write(bank::ICACTIVER + 4 * word, ALL);
            distributor.write(bank::IGROUPR + 4 * word, ALL);
        }
        for word in 2..2 * words {
            distributor.write(bank::ICFGR + 4 * word, 0);
        }
        for word in 8..8 * words {
            distributor.write(bank::IPRIORITYR + 4 * word, DEFAULT_PRIORITIES);
        }
        for number in 32..usize::from(interrupts) {
            self.route(number, Affinity::CORE_0);
        }
        distributor.write(GICD_CTLR, (Control::AFFINITY_ROUTING | Control::ENABLE_GROUP_1).bits());
        self.settle(polls)
    }

    /// Lets the shared interrupt `intid` through, at `priority` (smaller is more urgent), to one core. Private interrupts are
    /// [`Redistributor::enable`]'s.
    ///
    /// # Errors
    /// [`GicError::NoSuchInterrupt`] if `intid` is private, the distributor does not reach that far, or the enable bit does not
    /// stick; [`GicError::TimedOut`].
    pub fn enable(&self, intid: Intid, priority: u8, trigger: Trigger, core: Affinity, polls: u32) -> Result<(), GicError> {
        if intid.number() >= interrupts(self.distributor.read(GICD_TYPER)) {
            return Err(GicError::NoSuchInterrupt);
        }
        self.disable(intid, polls)?;
        set_trigger(&self.distributor, 0, intid, trigger);
        set_priority(&self.distributor, 0, intid, priority);
        self.route(intid.number().into(), core);
        switch_on(&self.distributor, 0, intid)
    }

    /// Holds the shared interrupt `intid` back, and returns when that has taken effect. It stays pending if it was.
    ///
    /// # Errors
    /// [`GicError::NoSuchInterrupt`] if `intid` is private; [`GicError::TimedOut`].
    pub fn disable(&self, intid: Intid, polls: u32) -> Result<(), GicError> {
        if intid.is_private() {
            return Err(GicError::NoSuchInterrupt);
        }
        switch_off(&self.distributor, 0, intid);
        self.settle(polls)
    }

    /// GICD_IROUTER<n> in halves: 32-bit accesses are allowed where AArch32 is implemented, as on the Cortex-A53.
    fn route(&self, number: usize, core: Affinity) {
        let (low, high) = core.route();
        self.distributor.write(GICD_IROUTER + 8 * number, low);
        self.distributor.write(GICD_IROUTER + 8 * number + 4, high);
    }

    fn settle(&self, polls: u32) -> Result<(), GicError> {
        let is_settled = |word| !Control::from_bits_retain(word).contains(Control::REGISTER_WRITE_PENDING);
        match poll::until(&self.distributor, GICD_CTLR, polls, is_settled) {
            Some(_) => Ok(()),
            None => Err(GicError::TimedOut),
        }
    }
}

/// Sets how `intid` is triggered, in the registers at `base` (the distributor's, or a redistributor's second frame).
fn set_trigger<R: Registers>(registers: &R, base: usize, intid: Intid, trigger: Trigger) {
    let (word, shift) = intid.field(base + bank::ICFGR, 2);
    let edge = 0b10 << shift;
    let others = registers.read(word) & !edge;
    registers.write(
        word,
        match trigger {
            Trigger::Level => others,
            Trigger::Edge => others | edge,
        },
    );
}

fn set_priority<R: Registers>(registers: &R, base: usize, intid: Intid, priority: u8) {
    let (word, shift) = intid.field(base + bank::IPRIORITYR, 8);
    let others = registers.read(word) & !(0xFF << shift);
    registers.write(word, others | u32::from(priority) << shift);
}

fn switch_on<R: Registers>(registers: &R, base: usize, intid: Intid) -> Result<(), GicError> {
    let (word, bit) = intid.field(base + bank::ISENABLER, 1);
    registers.write(word, 1 << bit);
    if registers.read(word) & 1 << bit == 0 {
        return Err(GicError::NoSuchInterrupt);
    }
    Ok(())
}

fn switch_off<R: Registers>(registers: &R, base: usize, intid: Intid) {
    let (word, bit) = intid.field(base + bank::ICENABLER, 1);
    registers.write(word, 1 << bit);
}

#[cfg(test)]
mod tests;
