//! A GICv3's redistributor: the part of the controller that holds one core's private interrupts.

use bitflags::bitflags;

use super::cpu_interface::{self, CpuInterface};
use super::{ALL, DEFAULT_PRIORITIES, REDISTRIBUTOR_BYTES, bank};
use super::{set_priority, set_trigger, switch_off, switch_on};
use crate::gic::{GicError, Intid, Trigger};
use crate::poll;
use crate::window::Registers;

const GICR_CTLR: usize = 0x0000;
/// The low word of GICR_TYPER; the affinity is the high one.
const GICR_TYPER: usize = 0x0008;
const GICR_WAKER: usize = 0x0014;
/// The second frame, with the registers of the private interrupts.
const SGI_FRAME: usize = 0x1_0000;

bitflags! {
    /// GICR_CTLR.
    #[derive(Clone, Copy)]
    struct Control: u32 {
        /// An earlier write has not taken effect yet.
        const REGISTER_WRITE_PENDING = 1 << 3;
    }

    /// GICR_TYPER, low word.
    #[derive(Clone, Copy)]
    struct Type: u32 {
        /// There are two more frames, for virtual message-based interrupts.
        const VIRTUAL_LPIS = 1 << 1;
        /// No redistributor follows in this window.
        const LAST = 1 << 4;
    }

    /// GICR_WAKER.
    #[derive(Clone, Copy)]
    struct Waker: u32 {
        const PROCESSOR_SLEEP = 1 << 1;
        const CHILDREN_ASLEEP = 1 << 2;
    }
}

/// A core's place in the machine: its level-0 to level-3 affinities, as in MPIDR_EL1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affinity(u32);

impl Affinity {
    /// Affinity 0.0.0.0: the boot core of both boards.
    pub const CORE_0: Self = Self(0);

    /// The affinity in a value of MPIDR_EL1.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "masked to its fields")]
    pub const fn from_mpidr(mpidr: u64) -> Self {
        Self((mpidr >> 8) as u32 & 0xFF00_0000 | mpidr as u32 & 0x00FF_FFFF)
    }

    /// The two halves of a GICD_IROUTER that sends to this core.
    pub(super) const fn route(self) -> (u32, u32) {
        (self.0 & 0x00FF_FFFF, self.0 >> 24)
    }
}

/// One core's redistributor.
#[derive(Clone, Copy, Debug)]
pub struct Redistributor<R> {
    redistributors: R,
    base: usize,
}

impl<R: Registers> Redistributor<R> {
    /// The redistributor of the core with this affinity, in the window of `bytes` that holds them all one behind the other; none if
    /// it has no such core's.
    pub fn find(redistributors: R, bytes: usize, core: Affinity) -> Option<Self> {
        let mut base = 0;
        while base + REDISTRIBUTOR_BYTES <= bytes {
            let kind = Type::from_bits_retain(redistributors.read(base + GICR_TYPER));
            if redistributors.read(base + GICR_TYPER + 4) == core.0 {
                return Some(Self { redistributors, base });
            }
            if kind.contains(Type::LAST) {
                return None;
            }
            base += REDISTRIBUTOR_BYTES;
            if kind.contains(Type::VIRTUAL_LPIS) {
                base += REDISTRIBUTOR_BYTES;
            }
        }
        None
    }

    /// Wakes the calling core's redistributor and brings it to: PPIs disabled, SGIs enabled, all of them group 1; then sets its
    /// system registers so that every priority is let through and interrupts are signalled. On each core, on its own
    /// redistributor, with interrupts masked. Waits for the hardware at most `polls` reads per step.
    ///
    /// # Errors
    /// [`GicError::TimedOut`]; [`GicError::NoSystemRegisters`].
    pub fn init_core(&self, core: &impl CpuInterface, polls: u32) -> Result<(), GicError> {
        self.wake(polls)?;
        self.write(bank::ICENABLER, ALL);
        self.settle(polls)?;
        self.write(bank::ICPENDR, ALL);
        self.write(bank::ICACTIVER, ALL);
        self.write(bank::IGROUPR, ALL);
        for word in 0..8 {
            self.write(bank::IPRIORITYR + 4 * word, DEFAULT_PRIORITIES);
        }
        self.write(bank::ISENABLER, 0xFFFF);
        cpu_interface::open(core)
    }

    /// Lets the private interrupt `intid` through to this redistributor's core, at `priority` (smaller is more urgent). An SGI has no
    /// trigger.
    ///
    /// # Errors
    /// [`GicError::NoSuchInterrupt`] if `intid` is shared or its enable bit does not stick; [`GicError::TimedOut`].
    pub fn enable(&self, intid: Intid, priority: u8, trigger: Trigger, polls: u32) -> Result<(), GicError> {
        self.disable(intid, polls)?;
        let frame = self.base + SGI_FRAME;
        if !intid.is_software_generated() {
            set_trigger(&self.redistributors, frame, intid, trigger);
        }
        set_priority(&self.redistributors, frame, intid, priority);
        switch_on(&self.redistributors, frame, intid)
    }

    /// Holds the private interrupt `intid` back, and returns when that has taken effect. It stays pending if it was.
    ///
    /// # Errors
    /// [`GicError::NoSuchInterrupt`] if `intid` is shared; [`GicError::TimedOut`].
    pub fn disable(&self, intid: Intid, polls: u32) -> Result<(), GicError> {
        if !intid.is_private() {
            return Err(GicError::NoSuchInterrupt);
        }
        switch_off(&self.redistributors, self.base + SGI_FRAME, intid);
        self.settle(polls)
    }

    /// Says that the core is awake, and waits until the redistributor has noticed: before that, nothing is delivered.
    fn wake(&self, polls: u32) -> Result<(), GicError> {
        let waker = self.base + GICR_WAKER;
        let asleep = Waker::from_bits_retain(self.redistributors.read(waker));
        let awake = asleep - Waker::PROCESSOR_SLEEP;
        self.redistributors.write(waker, awake.bits());
        self.wait(GICR_WAKER, Waker::CHILDREN_ASLEEP.bits(), polls)
    }

    fn settle(&self, polls: u32) -> Result<(), GicError> {
        self.wait(GICR_CTLR, Control::REGISTER_WRITE_PENDING.bits(), polls)
    }

    /// Waits until `busy` is clear in the register at `offset` of the first frame.
    fn wait(&self, offset: usize, busy: u32, polls: u32) -> Result<(), GicError> {
        let register = self.base + offset;
        match poll::until(&self.redistributors, register, polls, |word| word & busy == 0) {
            Some(_) => Ok(()),
            None => Err(GicError::TimedOut),
        }
    }

    /// Writes a register of the second frame.
    fn write(&self, offset: usize, value: u32) {
        self.redistributors.write(self.base + SGI_FRAME + offset, value);
    }
}
