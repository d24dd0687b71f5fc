//! Interrupts: which controller there is, what came, and how to interrupt another core.
//!
//! Knows no thread: [`answer_all`] tells its caller what came, one event at a time, and acknowledges.
#![allow(unsafe_code, reason = "GICv3's CPU interface is system registers")]

use core::arch::asm;

use aarch64_cpu::asm::barrier;
use skete_drivers::bcm2835_intc;
use skete_drivers::bcm2836::{Local, Mailbox, Source, Timers};
use skete_drivers::gic::{Intid, Sgi, Trigger};
use skete_drivers::gic_v2::GicV2;
use skete_drivers::gic_v3::{CpuInterface, Redistributor, cpu_interface};
use skete_drivers::window::Window;

use crate::arch::cpu;
use crate::board::{self, Interrupts};

/// What an interrupt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// This core's timer fired.
    Timer,
    /// Another core has work for this one.
    Kick,
    /// A device: a GIC interrupt number, or a BCM2835 line.
    Device(u16),
}

/// The virtual timer's interrupt on `virt` (PPI 11).
const TIMER_INTID: u16 = 27;
/// Reads of a register until a controller is given up.
const POLLS: u32 = 1_000_000;
/// The priority of everything: there is no nesting.
const PRIORITY: u8 = 0x80;

struct SystemRegisters;

macro_rules! write_register {
    ($name:literal, $value:expr, $after:literal) => {
        // SAFETY: the GICv3 CPU interface's registers affect only how this core takes interrupts.
        unsafe { asm!(concat!("msr ", $name, ", {}"), $after, in(reg) $value, options(nostack, preserves_flags)) }
    };
}

impl CpuInterface for SystemRegisters {
    fn write_sre(&self, value: u32) {
        write_register!("s3_0_c12_c12_5", u64::from(value), "isb");
    }
    fn read_sre(&self) -> u32 {
        let value: u64;
        // SAFETY: reads a register.
        unsafe { asm!("mrs {}, s3_0_c12_c12_5", out(reg) value, options(nostack, preserves_flags)) };
        value as u32
    }
    fn write_pmr(&self, value: u32) {
        write_register!("s3_0_c4_c6_0", u64::from(value), "");
    }
    fn write_bpr1(&self, value: u32) {
        write_register!("s3_0_c12_c12_3", u64::from(value), "");
    }
    fn write_ctlr(&self, value: u32) {
        write_register!("s3_0_c12_c12_4", u64::from(value), "");
    }
    fn write_igrpen1(&self, value: u32) {
        write_register!("s3_0_c12_c12_7", u64::from(value), "isb");
    }
    fn read_iar1(&self) -> u32 {
        let value: u64;
        // SAFETY: acknowledges an interrupt, which its caller ends.
        unsafe { asm!("mrs {}, s3_0_c12_c12_0", "dsb sy", out(reg) value, options(nostack, preserves_flags)) };
        value as u32
    }
    fn write_eoir1(&self, value: u32) {
        write_register!("s3_0_c12_c12_1", u64::from(value), "isb");
    }
    fn write_sgi1r(&self, value: u64) {
        barrier::dsb(barrier::ISHST);
        write_register!("s3_0_c12_c11_5", value, "isb");
    }
}

const fn kick_sgi() -> Sgi {
    match Sgi::new(0) {
        Some(sgi) => sgi,
        None => panic!("there is an SGI 0"),
    }
}

fn timer_intid() -> Intid {
    Intid::new(TIMER_INTID).expect("27 is a GIC interrupt")
}

/// Prepares the controller and core 0's part of it. Called once.
pub fn init() {
    match &board::get().interrupts {
        Interrupts::Gic2(gic) => gic.init_distributor(),
        Interrupts::Gic3 { gic, .. } => {
            if let Err(error) = gic.init_distributor(POLLS) {
                crate::panic::stop(format_args!("interrupts: {error:?}"));
            }
        }
        Interrupts::Bcm { local, peripherals } => {
            peripherals.disable_all();
            local.init();
            local.route_peripherals(0);
            barrier::dsb(barrier::SY);
        }
    }
}

/// Prepares this core's part: its timer and the kicks of other cores come in.
pub fn init_core(number: usize) {
    match &board::get().interrupts {
        Interrupts::Gic2(gic) => init_gic2(gic, number),
        Interrupts::Gic3 { redistributors, .. } => init_gic3(redistributors[number].as_ref()),
        Interrupts::Bcm { local, .. } => {
            local.disable_mailboxes(number);
            local.enable_timers(number, Timers::VIRTUAL);
            local.enable_mailbox(number, Mailbox::M0);
            barrier::dsb(barrier::SY);
        }
    }
}

fn init_gic2(gic: &GicV2<Window>, number: usize) {
    gic.init_core();
    let _ = gic.enable(timer_intid(), PRIORITY, Trigger::Level, 1 << number);
    let _ = gic.enable(kick_sgi().intid(), PRIORITY, Trigger::Edge, 1 << number);
}

fn init_gic3(redistributor: Option<&Redistributor<Window>>) {
    let Some(redistributor) = redistributor else {
        crate::panic::stop(format_args!("interrupts: this core has no GICv3 redistributor"));
    };
    let done = redistributor
        .init_core(&SystemRegisters, POLLS)
        .and_then(|()| redistributor.enable(timer_intid(), PRIORITY, Trigger::Level, POLLS))
        .and_then(|()| redistributor.enable(kick_sgi().intid(), PRIORITY, Trigger::Edge, POLLS));
    if let Err(error) = done {
        crate::panic::stop(format_args!("interrupts: {error:?}"));
    }
}

/// Interrupts core `number`: it looks at its queue.
pub fn kick(number: usize) {
    cpu::publish();
    match &board::get().interrupts {
        Interrupts::Gic2(gic) => gic.send(kick_sgi(), 1 << number),
        Interrupts::Gic3 { .. } => cpu_interface::send(&SystemRegisters, kick_sgi(), 1 << number),
        Interrupts::Bcm { local, .. } => local.send(number, Mailbox::M0, 1),
    }
}

/// Tells `answer` everything that is pending for this core, and acknowledges it. IRQs are masked.
pub fn answer_all(answer: impl FnMut(Event)) {
    match &board::get().interrupts {
        Interrupts::Gic2(gic) => answer_gic(|| gic.acknowledge(), |taken| gic.end(taken), answer),
        Interrupts::Gic3 { .. } => {
            answer_gic(|| cpu_interface::acknowledge(&SystemRegisters), |taken| cpu_interface::end(&SystemRegisters, taken), answer)
        }
        Interrupts::Bcm { local, peripherals } => answer_bcm(local, peripherals, answer),
    }
}

fn answer_gic<T: Taken>(take: impl Fn() -> Option<T>, end: impl Fn(T), mut answer: impl FnMut(Event)) {
    while let Some(taken) = take() {
        let number = taken.number();
        if number == TIMER_INTID {
            answer(Event::Timer);
        } else if number < 16 {
            answer(Event::Kick);
        } else {
            answer(Event::Device(number));
        }
        end(taken);
    }
}

trait Taken {
    fn number(&self) -> u16;
}

impl Taken for skete_drivers::gic::Acknowledged {
    fn number(&self) -> u16 {
        self.intid().number()
    }
}

fn answer_bcm(local: &Local<Window>, peripherals: &bcm2835_intc::Controller<Window>, mut answer: impl FnMut(Event)) {
    let core = cpu::number();
    for source in local.sources(core) {
        match source {
            Source::VirtualTimer => answer(Event::Timer),
            Source::Mailbox(mailbox) => {
                local.take(core, mailbox);
                barrier::dsb(barrier::SY);
                answer(Event::Kick);
            }
            Source::Peripherals => {
                for irq in peripherals.pending() {
                    answer(Event::Device(u16::from(irq.number())));
                }
                barrier::dsb(barrier::SY);
            }
            _ => {}
        }
    }
}

/// Lets a device's interrupt in, on core 0.
pub fn enable(number: u16) {
    match &board::get().interrupts {
        Interrupts::Gic2(gic) => {
            if let Some(intid) = Intid::new(number) {
                let _ = gic.enable(intid, PRIORITY, Trigger::Level, 1);
            }
        }
        Interrupts::Gic3 { gic, .. } => {
            if let Some(intid) = Intid::new(number) {
                let _ = gic.enable(intid, PRIORITY, Trigger::Level, skete_drivers::gic_v3::Affinity::CORE_0, POLLS);
            }
        }
        Interrupts::Bcm { peripherals, .. } => {
            if let Some(irq) = u8::try_from(number).ok().and_then(bcm2835_intc::Irq::new) {
                peripherals.enable(irq);
            }
        }
    }
}
