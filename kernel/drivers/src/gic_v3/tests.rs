//! A GICv3 against a scripted one: every access in order, the distributor's, the redistributor's and the system registers'.

use std::vec::Vec;

use super::cpu_interface::{acknowledge, end, send};
use super::*;
use crate::gic::Sgi;
use crate::gic::fake::{Core, ICC_BPR1, ICC_CTLR, ICC_EOIR1, ICC_IAR1, ICC_IGRPEN1, ICC_PMR, ICC_SGI1R, ICC_SRE, Part};
use crate::window::fake::{Access, Access::Read, Access::Write, Script};

/// Where the script sees the redistributors: four of 128 KiB.
const GICR: usize = 0x10_0000;
const GICR_BYTES: usize = 4 * REDISTRIBUTOR_BYTES;
/// The second core's second frame.
const FRAME: usize = GICR + REDISTRIBUTOR_BYTES + 0x1_0000;
const RWP: u32 = 1 << 31;

fn distributor<'a>(script: &'a Script<'a>) -> GicV3<Part<'a>> {
    GicV3::new(Part { script, base: 0 })
}

/// The second core's redistributor, and the accesses that find it.
const FIND: [Access; 4] =
    [Read(GICR + 8, 0), Read(GICR + 12, 0), Read(GICR + REDISTRIBUTOR_BYTES + 8, 0x110), Read(GICR + REDISTRIBUTOR_BYTES + 12, 1)];

fn second_core<'a>(script: &'a Script<'a>) -> Redistributor<Part<'a>> {
    let part = Part { script, base: GICR };
    Redistributor::find(part, GICR_BYTES, Affinity::from_mpidr(0x8000_0001)).expect("the script has the second core's redistributor")
}

fn play_core(accesses: &[Access], test: impl FnOnce(Redistributor<Part<'_>>, Core<'_>)) {
    let all: Vec<Access> = FIND.iter().chain(accesses).copied().collect();
    let script = Script::new(&all);
    test(second_core(&script), Core(&script));
    script.assert_done();
}

fn spi(number: u16) -> Intid {
    Intid::shared(number).expect("a number below 988")
}

fn sgi(number: u8) -> Sgi {
    Sgi::new(number).expect("a number below 16")
}

#[test]
fn the_distributor_routes_by_affinity_before_it_forwards_anything() {
    let mut accesses = std::vec![
        Write(GICD_CTLR, 0),
        Read(GICD_CTLR, RWP | 0x12),
        Read(GICD_CTLR, 0),
        Write(GICD_CTLR, 0x10),
        Read(GICD_CTLR, 0x10),
        Read(GICD_TYPER, 1),
        Write(0x184, ALL),
        Read(GICD_CTLR, 0x10),
        Write(0x284, ALL),
        Write(0x384, ALL),
        Write(0x084, ALL),
        Write(0xC08, 0),
        Write(0xC0C, 0),
    ];
    accesses.extend((8..16).map(|word| Write(0x400 + 4 * word, 0x8080_8080)));
    for number in 32..64 {
        accesses.push(Write(0x6000 + 8 * number, 0));
        accesses.push(Write(0x6004 + 8 * number, 0));
    }
    accesses.extend([Write(GICD_CTLR, 0x12), Read(GICD_CTLR, 0x12)]);
    let script = Script::new(&accesses);
    assert_eq!(distributor(&script).init_distributor(2), Ok(()));
    script.assert_done();
}

#[test]
fn a_distributor_that_never_settles_is_given_up() {
    let script = Script::new(&[Write(GICD_CTLR, 0), Read(GICD_CTLR, RWP), Read(GICD_CTLR, RWP)]);
    assert_eq!(distributor(&script).init_distributor(2), Err(GicError::TimedOut));
    script.assert_done();
}

#[test]
fn a_shared_interrupt_is_off_while_it_is_set_and_goes_to_one_core() {
    let script = Script::new(&[
        Read(GICD_TYPER, 1),
        Write(0x184, 1 << 16),
        Read(GICD_CTLR, 0x12),
        Read(0xC0C, 0),
        Write(0xC0C, 0b10),
        Read(0x430, 0x8080_8080),
        Write(0x430, 0x8080_8040),
        Write(0x6180, 3),
        Write(0x6184, 0),
        Write(0x104, 1 << 16),
        Read(0x104, 1 << 16),
    ]);
    let core = Affinity::from_mpidr(0x8000_0003);
    let gic = distributor(&script);
    assert_eq!(gic.enable(spi(16), 0x40, Trigger::Edge, core, 1), Ok(()));
    script.assert_done();
}

#[test]
fn private_and_shared_interrupts_are_enabled_in_different_places() {
    let script = Script::new(&[Read(GICD_TYPER, 1), Read(GICD_TYPER, 1)]);
    for shared_by_none in [Intid::VIRTUAL_TIMER, spi(32)] {
        assert_eq!(distributor(&script).enable(shared_by_none, 0, Trigger::Level, Affinity::CORE_0, 1), Err(GicError::NoSuchInterrupt));
    }
    script.assert_done();
    play_core(&[], |redistributor, _| {
        assert_eq!(redistributor.enable(spi(0), 0, Trigger::Level, 1), Err(GicError::NoSuchInterrupt));
    });
}

#[test]
fn a_redistributor_is_found_by_its_cores_affinity_across_larger_ones() {
    let affinity = Affinity::from_mpidr(0x01_8002_0304);
    let third = GICR + 3 * REDISTRIBUTOR_BYTES;
    let accesses = [
        Read(GICR + 8, 0),
        Read(GICR + 12, 0),
        Read(GICR + REDISTRIBUTOR_BYTES + 8, 0b10),
        Read(GICR + REDISTRIBUTOR_BYTES + 12, 1),
        Read(third + 8, 0x10),
        Read(third + 12, 0x0102_0304),
    ];
    let script = Script::new(&accesses);
    let part = Part { script: &script, base: GICR };
    assert!(Redistributor::find(part, GICR_BYTES, affinity).is_some());
    script.assert_done();
}

#[test]
fn the_search_for_a_redistributor_ends_at_the_last_one_and_at_the_windows_end() {
    let last = [Read(GICR + 8, 0x10), Read(GICR + 12, 7)];
    let script = Script::new(&last);
    let part = Part { script: &script, base: GICR };
    assert!(Redistributor::find(part, GICR_BYTES, Affinity::CORE_0).is_none());
    script.assert_done();

    let unmarked = [Read(GICR + 8, 0), Read(GICR + 12, 7)];
    let script = Script::new(&unmarked);
    let part = Part { script: &script, base: GICR };
    assert!(Redistributor::find(part, REDISTRIBUTOR_BYTES, Affinity::CORE_0).is_none());
    script.assert_done();
}

/// What waking the second core's redistributor and setting its private interrupts takes.
fn core_accesses() -> Vec<Access> {
    let base = GICR + REDISTRIBUTOR_BYTES;
    let mut accesses = std::vec![
        Read(base + 0x14, 0b110),
        Write(base + 0x14, 0b100),
        Read(base + 0x14, 0b100),
        Read(base + 0x14, 0),
        Write(FRAME + 0x180, ALL),
        Read(base, 1 << 3),
        Read(base, 0),
        Write(FRAME + 0x280, ALL),
        Write(FRAME + 0x380, ALL),
        Write(FRAME + 0x080, ALL),
    ];
    accesses.extend((0..8).map(|word| Write(FRAME + 0x400 + 4 * word, 0x8080_8080)));
    accesses.extend([Write(FRAME + 0x100, 0xFFFF), Write(ICC_SRE, 7)]);
    accesses
}

#[test]
fn a_core_is_awake_and_set_before_its_system_registers_let_interrupts_in() {
    let mut accesses = core_accesses();
    accesses.extend([Read(ICC_SRE, 7), Write(ICC_CTLR, 0), Write(ICC_BPR1, 0), Write(ICC_PMR, 0xFF), Write(ICC_IGRPEN1, 1)]);
    play_core(&accesses, |redistributor, core| {
        assert_eq!(redistributor.init_core(&core, 2), Ok(()));
    });
}

#[test]
fn a_core_without_system_registers_is_told_so() {
    let mut accesses = core_accesses();
    accesses.push(Read(ICC_SRE, 0));
    play_core(&accesses, |redistributor, core| {
        assert_eq!(redistributor.init_core(&core, 2), Err(GicError::NoSystemRegisters));
    });
}

#[test]
fn a_redistributor_that_stays_asleep_is_given_up() {
    let base = GICR + REDISTRIBUTOR_BYTES;
    let accesses = [Read(base + 0x14, 0b110), Write(base + 0x14, 0b100), Read(base + 0x14, 0b100)];
    play_core(&accesses, |redistributor, core| {
        assert_eq!(redistributor.init_core(&core, 1), Err(GicError::TimedOut));
    });
}

#[test]
fn a_cores_timer_is_enabled_in_its_own_redistributor() {
    let base = GICR + REDISTRIBUTOR_BYTES;
    let accesses = [
        Write(FRAME + 0x180, 1 << 27),
        Read(base, 0),
        Read(FRAME + 0xC04, ALL),
        Write(FRAME + 0xC04, 0xFF7F_FFFF),
        Read(FRAME + 0x418, 0x8080_8080),
        Write(FRAME + 0x418, 0x2080_8080),
        Write(FRAME + 0x100, 1 << 27),
        Read(FRAME + 0x100, 1 << 27),
    ];
    play_core(&accesses, |redistributor, _| {
        let timer = Intid::VIRTUAL_TIMER;
        assert_eq!(redistributor.enable(timer, 0x20, Trigger::Level, 1), Ok(()));
    });
}

#[test]
fn an_interrupt_is_ended_with_the_number_that_was_acknowledged() {
    let script = Script::new(&[Read(ICC_IAR1, 27), Write(ICC_EOIR1, 27), Read(ICC_IAR1, 1023), Read(ICC_IAR1, 8192)]);
    let core = Core(&script);
    let taken = acknowledge(&core).expect("the script has one");
    assert_eq!(taken.intid(), Intid::VIRTUAL_TIMER);
    end(&core, taken);
    assert_eq!(acknowledge(&core), None);
    assert_eq!(acknowledge(&core), None);
    script.assert_done();
}

#[test]
fn one_write_interrupts_all_cores_of_a_mask() {
    let script = Script::new(&[Write(ICC_SGI1R, 0x0300_000A), Write(ICC_SGI1R + 4, 0)]);
    send(&Core(&script), sgi(3), 0b1010);
    script.assert_done();
}
