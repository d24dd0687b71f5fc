//! ARM's Generic Interrupt Controller, version 2: one distributor for all cores, one CPU interface per core at the same address
//! (QEMU `virt`). Source: GIC Architecture Specification v2.0, IHI 0048B; section numbers below are its.
//!
//! Barriers are the caller's: `dsb ishst` before [`GicV2::send`], so that the receiver sees what was written for it. SPIs share
//! registers: callers of [`GicV2::enable`] for them take turns. All interrupts are group 0 (or the only group that there is);
//! a core entered at EL3 with the security extension present must have moved them to group 1 first.

use bitflags::bitflags;

use crate::gic::{Acknowledged, GicError, Intid, Sgi, Trigger, interrupts};
use crate::window::Registers;

/// Bytes of the distributor's window.
pub const DISTRIBUTOR_BYTES: usize = 0x1000;
/// Bytes of the CPU interface's window.
pub const CPU_INTERFACE_BYTES: usize = 0x2000;

const GICD_CTLR: usize = 0x000;
const GICD_TYPER: usize = 0x004;
const GICD_ISENABLER: usize = 0x100;
const GICD_ICENABLER: usize = 0x180;
const GICD_ICPENDR: usize = 0x280;
const GICD_ICACTIVER: usize = 0x380;
const GICD_IPRIORITYR: usize = 0x400;
const GICD_ITARGETSR: usize = 0x800;
const GICD_ICFGR: usize = 0xC00;
const GICD_SGIR: usize = 0xF00;

const GICC_CTLR: usize = 0x00;
const GICC_PMR: usize = 0x04;
const GICC_BPR: usize = 0x08;
const GICC_IAR: usize = 0x0C;
const GICC_EOIR: usize = 0x10;

/// The priority that every interrupt starts with: the middle. Smaller is more urgent.
pub const DEFAULT_PRIORITY: u8 = 0x80;
const DEFAULT_PRIORITIES: u32 = 0x8080_8080;
const ALL: u32 = u32::MAX;
/// Core 0, in each of a word's four target bytes.
const TARGET_CORE_0: u32 = 0x0101_0101;

bitflags! {
    /// GICD_CTLR (4.3.1) and GICC_CTLR (4.4.1).
    #[derive(Clone, Copy)]
    struct Control: u32 {
        const ENABLE_GROUP_0 = 1 << 0;
    }
}

/// A GICv2. Copies of it may be used on all cores at the same time, but for SPIs (see above).
#[derive(Clone, Copy, Debug)]
pub struct GicV2<R> {
    distributor: R,
    cpu_interface: R,
}

impl<R: Registers> GicV2<R> {
    /// The controller behind these two windows.
    pub const fn new(distributor: R, cpu_interface: R) -> Self {
        Self { distributor, cpu_interface }
    }

    /// Brings the distributor from any state to: every SPI disabled, not pending, level-triggered, of [`DEFAULT_PRIORITY`], for
    /// core 0; forwarding on. Once, on the boot core, before any core's [`GicV2::init_core`].
    pub fn init_distributor(&self) {
        let distributor = &self.distributor;
        distributor.write(GICD_CTLR, 0);
        let words = usize::from(interrupts(distributor.read(GICD_TYPER)).div_ceil(32));
        for word in 1..words {
            distributor.write(GICD_ICENABLER + 4 * word, ALL);
            distributor.write(GICD_ICPENDR + 4 * word, ALL);
            distributor.write(GICD_ICACTIVER + 4 * word, ALL);
        }
        for word in 2..2 * words {
            distributor.write(GICD_ICFGR + 4 * word, 0);
        }
        for word in 8..8 * words {
            distributor.write(GICD_IPRIORITYR + 4 * word, DEFAULT_PRIORITIES);
            distributor.write(GICD_ITARGETSR + 4 * word, TARGET_CORE_0);
        }
        distributor.write(GICD_CTLR, Control::ENABLE_GROUP_0.bits());
    }

    /// Brings the calling core's own part to: PPIs disabled, SGIs enabled, every priority let through, interrupts signalled. On each
    /// core, with its interrupts masked.
    pub fn init_core(&self) {
        let (distributor, core) = (&self.distributor, &self.cpu_interface);
        core.write(GICC_CTLR, 0);
        distributor.write(GICD_ICENABLER, ALL);
        distributor.write(GICD_ICPENDR, ALL);
        distributor.write(GICD_ICACTIVER, ALL);
        for word in 0..8 {
            distributor.write(GICD_IPRIORITYR + 4 * word, DEFAULT_PRIORITIES);
        }
        distributor.write(GICD_ISENABLER, 0xFFFF);
        core.write(GICC_PMR, 0xFF);
        core.write(GICC_BPR, 0);
        core.write(GICC_CTLR, Control::ENABLE_GROUP_0.bits());
    }

    /// Lets `intid` through, at `priority` (smaller is more urgent), to the cores of the mask `cores`. A private interrupt is enabled on
    /// the calling core, whatever `cores` says, and an SGI has no trigger.
    ///
    /// # Errors
    /// [`GicError::NoSuchInterrupt`] if the distributor does not reach that far, or the enable bit does not stick.
    pub fn enable(&self, intid: Intid, priority: u8, trigger: Trigger, cores: u8) -> Result<(), GicError> {
        if intid.number() >= interrupts(self.distributor.read(GICD_TYPER)) {
            return Err(GicError::NoSuchInterrupt);
        }
        self.disable(intid);
        if !intid.is_software_generated() {
            let bits = match trigger {
                Trigger::Level => 0b00,
                Trigger::Edge => 0b10,
            };
            self.replace(intid.field(GICD_ICFGR, 2), 0b10, bits);
        }
        self.replace(intid.field(GICD_IPRIORITYR, 8), 0xFF, priority.into());
        if !intid.is_private() {
            self.replace(intid.field(GICD_ITARGETSR, 8), 0xFF, cores.into());
        }
        let (word, bit) = intid.field(GICD_ISENABLER, 1);
        self.distributor.write(word, 1 << bit);
        if self.distributor.read(word) & 1 << bit == 0 {
            return Err(GicError::NoSuchInterrupt);
        }
        Ok(())
    }

    /// Holds `intid` back: on the calling core if it is private, else everywhere. It stays pending if it was.
    pub fn disable(&self, intid: Intid) {
        let (word, bit) = intid.field(GICD_ICENABLER, 1);
        self.distributor.write(word, 1 << bit);
    }

    /// Takes the most urgent interrupt that is pending for the calling core; none if it was withdrawn or another core took it (4.4.4).
    #[inline]
    pub fn acknowledge(&self) -> Option<Acknowledged> {
        let raw = self.cpu_interface.read(GICC_IAR);
        let intid = Intid::new((raw & 0x3FF) as u16)?;
        Some(Acknowledged { raw, intid })
    }

    /// Gives an interrupt back when it is served (4.4.5): on the core that acknowledged it, last acknowledged first.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "the receipt is given back")]
    pub fn end(&self, acknowledged: Acknowledged) {
        self.cpu_interface.write(GICC_EOIR, acknowledged.raw);
    }

    /// Interrupts every core of the mask `cores` with `sgi` (4.3.15), the caller's own core too if it is in the mask.
    #[inline]
    pub fn send(&self, sgi: Sgi, cores: u8) {
        let word = u32::from(cores) << 16 | u32::from(sgi.number());
        self.distributor.write(GICD_SGIR, word);
    }

    /// Writes `bits` into the field at (offset, lowest bit), leaving the word's bits outside `mask` as they are.
    fn replace(&self, (offset, shift): (usize, u32), mask: u32, bits: u32) {
        let word = self.distributor.read(offset);
        self.distributor.write(offset, word & !(mask << shift) | bits << shift);
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::gic::fake::Part;
    use crate::window::fake::{Access, Access::Read, Access::Write, Script};

    const CPU: usize = 0x1_0000;

    fn on<'a>(script: &'a Script<'a>) -> GicV2<Part<'a>> {
        GicV2::new(Part { script, base: 0 }, Part { script, base: CPU })
    }

    fn play(accesses: &[Access], test: impl FnOnce(GicV2<Part<'_>>)) {
        let script = Script::new(accesses);
        test(on(&script));
        script.assert_done();
    }

    #[test]
    fn the_distributor_is_silent_until_every_shared_interrupt_is_set() {
        let mut accesses = std::vec![Write(GICD_CTLR, 0), Read(GICD_TYPER, 0x0000_0001)];
        accesses.extend([Write(0x184, ALL), Write(0x284, ALL), Write(0x384, ALL), Write(0xC08, 0), Write(0xC0C, 0)]);
        for word in 8..16 {
            accesses.push(Write(0x400 + 4 * word, 0x8080_8080));
            accesses.push(Write(0x800 + 4 * word, 0x0101_0101));
        }
        accesses.push(Write(GICD_CTLR, 1));
        play(&accesses, |gic| gic.init_distributor());
    }

    #[test]
    fn a_core_listens_only_after_its_own_interrupts_are_set() {
        let mut accesses = std::vec![Write(CPU, 0), Write(0x180, ALL), Write(0x280, ALL), Write(0x380, ALL),];
        accesses.extend((0..8).map(|word| Write(0x400 + 4 * word, 0x8080_8080)));
        accesses.extend([Write(0x100, 0xFFFF), Write(CPU + 4, 0xFF), Write(CPU + 8, 0), Write(CPU, 1)]);
        play(&accesses, |gic| gic.init_core());
    }

    #[test]
    fn a_shared_interrupt_is_enabled_last_and_its_neighbours_keep_their_fields() {
        let intid = Intid::shared(16).expect("a number below 1020");
        let accesses = [
            Read(GICD_TYPER, 1),
            Write(0x184, 1 << 16),
            Read(0xC0C, 0x5555_5555),
            Write(0xC0C, 0x5555_5557),
            Read(0x430, 0x1122_3344),
            Write(0x430, 0x1122_3340),
            Read(0x830, 0x0101_0101),
            Write(0x830, 0x0101_0104),
            Write(0x104, 1 << 16),
            Read(0x104, 1 << 16),
        ];
        play(&accesses, |gic| {
            assert_eq!(gic.enable(intid, 0x40, Trigger::Edge, 0b100), Ok(()));
        });
    }

    #[test]
    fn a_private_interrupt_has_no_target() {
        let accesses = [
            Read(GICD_TYPER, 0),
            Write(0x180, 1 << 27),
            Read(0xC04, 0xFFFF_FFFF),
            Write(0xC04, 0xFF7F_FFFF),
            Read(0x418, 0),
            Write(0x418, 0x2000_0000),
            Write(0x100, 1 << 27),
            Read(0x100, 1 << 27),
        ];
        play(&accesses, |gic| {
            let timer = Intid::VIRTUAL_TIMER;
            assert_eq!(gic.enable(timer, 0x20, Trigger::Level, 0), Ok(()));
        });
    }

    #[test]
    fn an_enable_bit_that_does_not_stick_is_an_error() {
        let accesses = [Read(GICD_TYPER, 0), Write(0x180, 1), Read(0x400, 0), Write(0x400, 0x80), Write(0x100, 1), Read(0x100, 0)];
        play(&accesses, |gic| {
            let sgi = Sgi::new(0).expect("a number below 16").intid();
            assert_eq!(gic.enable(sgi, 0x80, Trigger::Edge, 0), Err(GicError::NoSuchInterrupt));
        });
    }

    #[test]
    fn an_interrupt_beyond_the_distributors_reach_is_not_touched() {
        play(&[Read(GICD_TYPER, 1)], |gic| {
            let intid = Intid::new(64).expect("a number below 1020");
            assert_eq!(gic.enable(intid, 0x80, Trigger::Level, 1), Err(GicError::NoSuchInterrupt));
        });
    }

    #[test]
    fn an_interrupt_is_ended_with_the_word_that_acknowledged_it_sender_included() {
        let accesses = [Read(CPU + 0xC, 2 << 10 | 5), Write(CPU + 0x10, 2 << 10 | 5)];
        play(&accesses, |gic| {
            let taken = gic.acknowledge().expect("the script has one");
            assert_eq!(taken.intid().number(), 5);
            gic.end(taken);
        });
    }

    #[test]
    fn special_numbers_are_nothing_to_serve() {
        let accesses: Vec<Access> = (1020..1024).map(|number| Read(CPU + 0xC, number)).collect();
        play(&accesses, |gic| {
            for _ in 0..4 {
                assert_eq!(gic.acknowledge(), None);
            }
        });
    }

    #[test]
    fn one_write_interrupts_all_cores_of_a_mask() {
        play(&[Write(0xF00, 0x000A_0003)], |gic| {
            gic.send(Sgi::new(3).expect("a number below 16"), 0b1010);
        });
    }
}
