//! The ARM-local controller of BCM2836 and BCM2837: routes the four cores' timers, their mailboxes (used as inter-core interrupts) and the
//! peripherals' controller ([`crate::bcm2835_intc`]) to the cores. Source: "ARM Quad-A7 core", revision 3.4 (QA7), whose
//! register names are used below.
//!
//! There is nothing to acknowledge: a source stays up until its cause is gone. Barriers are the caller's: `dsb ish` before [`Local::send`],
//! so that the receiver sees what was written for it, and `dsb sy` after [`Local::take`], before it is read. Each core's registers
//! are its own, but for those of [`Local::init`] and [`Local::route_peripherals`], which the boot core writes once.

use bitflags::bitflags;

use crate::window::Registers;

/// Where the controller stands, as the ARM sees it.
pub const BASE: usize = 0x4000_0000;
/// Bytes of its window.
pub const WINDOW_BYTES: usize = 0x100;
/// How many cores it serves.
pub const CORES: usize = 4;

/// GPU interrupts routing.
const GPU_ROUTING: usize = 0x0C;
/// Performance monitors' interrupts, one bit per core: disable by writing ones.
const PMU_ROUTING_CLEAR: usize = 0x14;
/// Local timer: its control register enables it and its interrupt.
const LOCAL_TIMER_CONTROL: usize = 0x34;
/// Core timers' interrupt control, one word per core.
const TIMER_CONTROL: usize = 0x40;
/// Core mailboxes' interrupt control, one word per core.
const MAILBOX_CONTROL: usize = 0x50;
/// Core interrupt source, one word per core.
const IRQ_SOURCE: usize = 0x60;
/// Mailbox write-set, four words per core.
const MAILBOX_SET: usize = 0x80;
/// Mailbox read and write-high-to-clear, four words per core.
const MAILBOX_CLEAR: usize = 0xC0;

bitflags! {
    /// The timers of a core, as bits of its timer control word.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Timers: u32 {
        /// CNTPS: secure physical.
        const SECURE_PHYSICAL = 1 << 0;
        /// CNTPNS: the physical timer of EL1.
        const PHYSICAL = 1 << 1;
        /// CNTHP: the hypervisor's.
        const HYPERVISOR = 1 << 2;
        /// CNTV: the virtual timer of EL1.
        const VIRTUAL = 1 << 3;
    }
}

/// One of the four mailboxes of a core. A mailbox is a word of 32 reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mailbox {
    /// The one for inter-core interrupts.
    M0,
    /// Free.
    M1,
    /// Free.
    M2,
    /// Firmware starts cores of 32-bit kernels with it: leave it alone.
    M3,
}

impl Mailbox {
    const ALL: [Self; 4] = [Self::M0, Self::M1, Self::M2, Self::M3];
}

/// Why a core is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// CNTPS: its secure physical timer.
    SecurePhysicalTimer,
    /// CNTPNS: its physical timer.
    PhysicalTimer,
    /// CNTHP: its hypervisor's timer.
    HypervisorTimer,
    /// CNTV: its virtual timer.
    VirtualTimer,
    /// Another core (or itself) put reasons into this mailbox.
    Mailbox(Mailbox),
    /// A peripheral: ask [`crate::bcm2835_intc::Controller::pending`].
    Peripherals,
    /// The core's performance counters.
    PerformanceMonitors,
    /// No AXI transaction is outstanding (core 0 only).
    Axi,
    /// The timer that all cores share.
    LocalTimer,
}

/// The sources that were up when a core looked, lowest bit first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sources(u32);

impl Iterator for Sources {
    type Item = Source;

    fn next(&mut self) -> Option<Source> {
        let bit = self.0.trailing_zeros();
        let source = match bit {
            0 => Source::SecurePhysicalTimer,
            1 => Source::PhysicalTimer,
            2 => Source::HypervisorTimer,
            3 => Source::VirtualTimer,
            4..8 => Source::Mailbox(Mailbox::ALL[bit as usize - 4]),
            8 => Source::Peripherals,
            9 => Source::PerformanceMonitors,
            10 => Source::Axi,
            11 => Source::LocalTimer,
            _ => return None,
        };
        self.0 &= self.0 - 1;
        Some(source)
    }
}

/// The ARM-local controller. `core` is everywhere 0–3, as in MPIDR_EL1's lowest byte.
#[derive(Clone, Copy, Debug)]
pub struct Local<R> {
    registers: R,
}

impl<R: Registers> Local<R> {
    /// The controller behind this window.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Brings every source from any state to: off and empty; peripherals' interrupts to core 0. Once, on the boot core, before the other
    /// cores run. Firmware's mailbox 3 keeps what it holds.
    pub fn init(&self) {
        let registers = &self.registers;
        for core in 0..CORES {
            registers.write(TIMER_CONTROL + 4 * core, 0);
            registers.write(MAILBOX_CONTROL + 4 * core, 0);
        }
        registers.write(PMU_ROUTING_CLEAR, u32::MAX);
        registers.write(LOCAL_TIMER_CONTROL, 0);
        for core in 0..CORES {
            for mailbox in [Mailbox::M0, Mailbox::M1, Mailbox::M2] {
                registers.write(slot(MAILBOX_CLEAR, core, mailbox), u32::MAX);
            }
        }
        self.route_peripherals(0);
    }

    /// Sends all peripherals' interrupts to one core. They cannot be divided.
    pub fn route_peripherals(&self, core: usize) {
        debug_assert!(core < CORES, "there are four cores");
        #[expect(clippy::cast_possible_truncation, reason = "masked to two bits")]
        let irq_core = (core & 0b11) as u32;
        self.registers.write(GPU_ROUTING, irq_core);
    }

    /// Lets exactly these timers of `core` interrupt it.
    pub fn enable_timers(&self, core: usize, timers: Timers) {
        self.registers.write(word(TIMER_CONTROL, core), timers.bits());
    }

    /// Lets exactly this mailbox of `core` interrupt it.
    pub fn enable_mailbox(&self, core: usize, mailbox: Mailbox) {
        self.registers.write(word(MAILBOX_CONTROL, core), 1 << mailbox as u32);
    }

    /// Lets no mailbox of `core` interrupt it. What is in them stays.
    pub fn disable_mailboxes(&self, core: usize) {
        self.registers.write(word(MAILBOX_CONTROL, core), 0);
    }

    /// Adds `reasons` to a mailbox of `core`, which interrupts it if that mailbox is enabled. Any core may, at any time: the hardware ORs.
    #[inline]
    pub fn send(&self, core: usize, mailbox: Mailbox, reasons: u32) {
        self.registers.write(slot(MAILBOX_SET, core, mailbox), reasons);
    }

    /// Takes all reasons out of a mailbox of the calling core. A reason sent in between stays for the next time.
    #[inline]
    pub fn take(&self, core: usize, mailbox: Mailbox) -> u32 {
        let slot = slot(MAILBOX_CLEAR, core, mailbox);
        let reasons = self.registers.read(slot);
        self.registers.write(slot, reasons);
        reasons
    }

    /// Why the calling core is interrupted.
    #[inline]
    pub fn sources(&self, core: usize) -> Sources {
        Sources(self.registers.read(word(IRQ_SOURCE, core)))
    }
}

fn word(bank: usize, core: usize) -> usize {
    debug_assert!(core < CORES, "there are four cores");
    bank + 4 * core
}

fn slot(bank: usize, core: usize, mailbox: Mailbox) -> usize {
    debug_assert!(core < CORES, "there are four cores");
    bank + 16 * core + 4 * mailbox as usize
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;
    use crate::window::fake::{Access, Access::Read, Access::Write, Script};

    fn play(accesses: &[Access], test: impl FnOnce(Local<&Script<'_>>)) {
        let script = Script::new(accesses);
        test(Local::new(&script));
        script.assert_done();
    }

    #[test]
    fn everything_is_off_before_mailboxes_are_emptied_and_peripherals_routed() {
        let mut accesses = Vec::new();
        for core in 0..4 {
            accesses.push(Write(0x40 + 4 * core, 0));
            accesses.push(Write(0x50 + 4 * core, 0));
        }
        accesses.push(Write(0x14, u32::MAX));
        accesses.push(Write(0x34, 0));
        for core in 0..4 {
            for mailbox in 0..3 {
                accesses.push(Write(0xC0 + 16 * core + 4 * mailbox, u32::MAX));
            }
        }
        accesses.push(Write(0x0C, 0));
        play(&accesses, |local| local.init());
    }

    #[test]
    fn each_core_has_its_own_timer_and_mailbox_words() {
        play(&[Write(0x4C, 0b1000), Write(0x58, 0b0001), Write(0x50, 0b0010), Write(0x5C, 0), Write(0x0C, 3)], |local| {
            local.enable_timers(3, Timers::VIRTUAL);
            local.enable_mailbox(2, Mailbox::M0);
            local.enable_mailbox(0, Mailbox::M1);
            local.disable_mailboxes(3);
            local.route_peripherals(3);
        });
    }

    #[test]
    fn reasons_are_sent_to_the_target_and_taken_exactly_once() {
        play(&[Write(0x80 + 16 * 2, 0b101), Read(0xC0 + 16 * 2, 0b101), Write(0xC0 + 16 * 2, 0b101)], |local| {
            local.send(2, Mailbox::M0, 0b101);
            assert_eq!(local.take(2, Mailbox::M0), 0b101);
        });
    }

    #[test]
    fn every_bit_of_a_source_word_has_its_name() {
        play(&[Read(0x64, 0xFFFF_FFFF)], |local| {
            let sources: Vec<Source> = local.sources(1).collect();
            assert_eq!(
                sources,
                [
                    Source::SecurePhysicalTimer,
                    Source::PhysicalTimer,
                    Source::HypervisorTimer,
                    Source::VirtualTimer,
                    Source::Mailbox(Mailbox::M0),
                    Source::Mailbox(Mailbox::M1),
                    Source::Mailbox(Mailbox::M2),
                    Source::Mailbox(Mailbox::M3),
                    Source::Peripherals,
                    Source::PerformanceMonitors,
                    Source::Axi,
                    Source::LocalTimer,
                ]
            );
        });
    }

    #[test]
    fn only_the_sources_that_are_up_are_named() {
        play(&[Read(0x6C, 0x0110), Read(0x60, 0)], |local| {
            let sources: Vec<Source> = local.sources(3).collect();
            assert_eq!(sources, [Source::Mailbox(Mailbox::M0), Source::Peripherals]);
            assert_eq!(local.sources(0).next(), None);
        });
    }
}
