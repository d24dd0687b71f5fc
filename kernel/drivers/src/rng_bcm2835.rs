//! The hardware random number generator of the BCM2835 family, about 1 Mbit/s. It is in no manual; the facts are from Linux
//! (`bcm2835-rng.c`) and Circle (`bcmrandom.cpp`).
//!
//! One user at a time. No barriers are needed: only this one device is spoken to.

use bitflags::bitflags;

use crate::poll;
use crate::window::Registers;

/// Where the generator stands, as the ARM sees it.
pub const BASE: usize = 0x3F10_4000;
/// Bytes of its window.
pub const WINDOW_BYTES: usize = 0x14;

const RNG_CTRL: usize = 0x00;
/// Words available in bits 31:24; warm-up count in bits 19:0.
const RNG_STATUS: usize = 0x04;
const RNG_DATA: usize = 0x08;
const RNG_INT_MASK: usize = 0x10;

/// How many bits the generator throws away after it is started: the first are less random.
const WARM_UP: u32 = 0x4_0000;

bitflags! {
    /// RNG_CTRL.
    #[derive(Clone, Copy)]
    struct Control: u32 {
        const ENABLE = 1 << 0;
    }

    /// RNG_INT_MASK.
    #[derive(Clone, Copy)]
    struct InterruptMask: u32 {
        const OFF = 1 << 0;
    }
}

/// The generator.
#[derive(Clone, Copy, Debug)]
pub struct Rng<R> {
    registers: R,
}

impl<R: Registers> Rng<R> {
    /// The generator behind this window.
    pub const fn new(registers: R) -> Self {
        Self { registers }
    }

    /// Starts it, without interrupts. The first word comes after the warm-up, about 0.3 s later on the board, at once in QEMU.
    pub fn start(&self) {
        self.registers.write(RNG_CTRL, 0);
        self.registers.write(RNG_INT_MASK, InterruptMask::OFF.bits());
        self.registers.write(RNG_STATUS, WARM_UP);
        self.registers.write(RNG_CTRL, Control::ENABLE.bits());
    }

    /// Stops it.
    pub fn stop(&self) {
        self.registers.write(RNG_CTRL, 0);
    }

    /// The next word, waiting for it at most `polls` reads; none if it did not come.
    pub fn read_word(&self, polls: u32) -> Option<u32> {
        poll::until(&self.registers, RNG_STATUS, polls, |status| status >> 24 != 0)?;
        Some(self.registers.read(RNG_DATA))
    }

    /// Fills `words` from the front, waiting for each at most `polls` reads. How many were filled: less than all of them if the generator
    /// fell silent.
    pub fn fill(&self, words: &mut [u32], polls: u32) -> usize {
        for (filled, word) in words.iter_mut().enumerate() {
            match self.read_word(polls) {
                Some(random) => *word = random,
                None => return filled,
            }
        }
        words.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access, Access::Read, Access::Write, Script};

    const EMPTY: Access = Read(4, 0x0000_FFFF);
    const ONE: Access = Read(4, 0x0100_0000);

    #[test]
    fn the_warm_up_is_set_before_the_generator_runs() {
        let script = Script::new(&[Write(0, 0), Write(0x10, 1), Write(4, 0x4_0000), Write(0, 1), Write(0, 0)]);
        let rng = Rng::new(&script);
        rng.start();
        rng.stop();
        script.assert_done();
    }

    #[test]
    fn a_word_is_read_only_once_there_is_one() {
        let script = Script::new(&[EMPTY, EMPTY, ONE, Read(8, 0xDEAD_BEEF)]);
        assert_eq!(Rng::new(&script).read_word(3), Some(0xDEAD_BEEF));
        script.assert_done();
    }

    #[test]
    fn a_silent_generator_is_given_up_and_what_it_gave_counts() {
        let script = Script::new(&[ONE, Read(8, 7), EMPTY, EMPTY]);
        let mut words = [0; 3];
        assert_eq!(Rng::new(&script).fill(&mut words, 2), 1);
        assert_eq!(words, [7, 0, 0]);
        script.assert_done();
    }
}
