//! The start, access by access, with the pauses between.

use super::*;
use crate::window::fake::{Access, Access::Read, Access::Write, Script};

/// Notes how much time passed.
#[derive(Default)]
struct Clock {
    ms: u32,
}

impl Patience for Clock {
    fn pause(&mut self, ms: u32) {
        self.ms += ms;
    }

    fn is_interrupted(&mut self, _: u32) -> bool {
        unreachable!("nothing interrupts during the start")
    }
}

/// Eight channels, DMA of its own.
const HARDWARE: u32 = 7 << 14 | 2 << 3;
const IS_OURS: [Access; 2] = [Read(0x48, HARDWARE), Read(0x40, 0x4F54_280A)];

fn play<T>(accesses: &[Access], act: impl FnOnce(&Script<'_>, &mut Clock) -> T) -> (T, Clock) {
    let (script, mut clock) = (Script::new(accesses), Clock::default());
    let result = act(&script, &mut clock);
    script.assert_done();
    (result, clock)
}

#[test]
fn a_controller_starts_from_what_was_left_on() {
    let mut accesses = IS_OURS.to_vec();
    accesses.extend([
        // What interrupted is shut, and the reset waits until memory is let go.
        Read(0x08, 0x1F),
        Write(0x08, 0x1E),
        Read(0x0C, 1 << 20 | 1 << 22 | 0x1B08),
        Write(0x0C, 0x1B08),
        Read(0x10, 0),
        Read(0x10, 1 << 31),
        Read(0x10, 1 << 31),
        Write(0x10, 1 << 31 | 1),
        Read(0x10, 1),
        Read(0x10, 1 << 31),
        Read(0x0C, 0x1B08),
        Write(0x0C, 0x1800),
        Read(0x08, 0x06),
        Write(0x08, 0x30),
        Write(0xE00, 0),
        Read(0x400, 5),
        Write(0x400, 4),
        Write(0x24, 1024),
        Write(0x28, 1024 << 16 | 1024),
        Write(0x100, 1024 << 16 | 2048),
        Write(0x10, 1 << 5 | 0x10 << 6),
        Read(0x10, 1 << 5),
        Read(0x10, 0),
        Write(0x10, 1 << 4),
        Read(0x10, 0),
    ]);
    // The third channel was at work.
    for number in 0..8 {
        let channel = 0x500 + 0x20 * number;
        if number == 2 {
            accesses.extend([Read(channel, 1 << 31), Read(channel, 1 << 31), Write(channel, 3 << 30)]);
            accesses.extend([Read(channel, 1 << 31), Read(channel, 0)]);
        } else {
            accesses.push(Read(channel, 0));
        }
        accesses.extend([Write(channel + 0xC, 0), Write(channel + 8, 0x7FF), Write(channel + 4, 0)]);
    }
    accesses.extend([Write(0x18, 0), Write(0x14, u32::MAX), Write(0x418, 7), Read(0x08, 0x30), Write(0x08, 0x31)]);
    // Power, without forbidding what is enabled.
    accesses.extend([Read(0x440, 0xF), Write(0x440, 1 << 12 | 1)]);
    let (result, clock) = play(&accesses, |script, clock| controller(script, clock));
    assert_eq!((result, clock.ms), (Ok(()), 106), "it rests after its reset");
}

#[test]
fn what_is_no_such_controller_is_told_nothing() {
    for accesses in [
        [Read(0x48, HARDWARE), Read(0x40, 0x5533_280A)],
        [Read(0x48, 7 << 14 | 1 << 3), Read(0x40, 0x4F54_280A)],
        [Read(0x48, 1 << 14 | 2 << 3), Read(0x40, 0x4F54_280A)],
    ] {
        assert_eq!(play(&accesses, |script, clock| controller(script, clock)).0, Err(UsbError::Controller));
    }
}

#[test]
fn a_reset_that_never_ends_is_given_up() {
    let mut accesses = IS_OURS.to_vec();
    accesses.extend([Read(0x08, 0), Write(0x08, 0), Read(0x0C, 0), Write(0x0C, 0), Read(0x10, 1 << 31), Read(0x10, 0), Write(0x10, 1)]);
    accesses.extend([Read(0x10, 1); 100]);
    let (result, clock) = play(&accesses, |script, clock| controller(script, clock));
    assert_eq!((result, clock.ms), (Err(UsbError::Reset), 100));
}

#[test]
fn a_device_is_waited_for_then_reset_and_its_speed_told() {
    for (bits, speed) in [(0, Speed::High), (1, Speed::Full), (2, Speed::Low)] {
        let (result, clock) = play(
            &[
                Read(0x440, 1 << 12),
                Read(0x440, 1 << 12),
                Read(0x440, 1 << 12 | 3),
                Read(0x440, 1 << 12 | 3),
                Write(0x440, 1 << 12 | 1 << 8 | 1),
                Read(0x440, 1 << 12 | 1 << 8 | 3),
                Write(0x440, 1 << 12 | 1),
                Read(0x440, 1 << 12 | 0xF | bits << 17),
            ],
            |script, clock| root_port(script, clock),
        );
        assert_eq!((result, clock.ms), (Ok(speed), 190));
    }
}

#[test]
fn an_empty_port_is_given_up() {
    let (result, clock) = play(&[Read(0x440, 1 << 12); 51], |script, clock| root_port(script, clock));
    assert_eq!((result, clock.ms), (Err(UsbError::Nothing), 500));
}

#[test]
fn a_port_that_is_not_enabled_after_its_reset_is_given_up() {
    let on = 1 << 12 | 1;
    let accesses = [Read(0x440, on), Read(0x440, on), Write(0x440, on | 1 << 8), Read(0x440, on), Write(0x440, on), Read(0x440, on)];
    assert_eq!(play(&accesses, |script, clock| root_port(script, clock)).0, Err(UsbError::Port));
}
