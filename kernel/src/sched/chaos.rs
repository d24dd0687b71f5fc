//! Seeded preemption, for tests: boot option `chaos=SEED` makes every core preempt its threads at random moments, and threads give way or
//! change cores at random entries into the kernel.
//!
//! Without the option nothing of this runs: an entry looks at one bit of a count that it changes anyway, and the timer's handler, which
//! comes rarely, at one word. Where instructions are counted a seed makes the same run every time,
//! unless something comes in from outside: a byte typed interrupts at a moment that is the host's.

use core::sync::atomic::{AtomicU64, Ordering};

use super::core::Core;
use super::{Reason, record, suspend};
use crate::arch::cpu;
use crate::board::options;
use crate::time;

/// In a thread's count of entries: each entry is one at which something may happen.
pub const IN_ENTRIES: u64 = 1 << 63;

/// A core's dice; 0: the option is not given.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// Dice that never fall.
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Seeds the dice of core `number` if the option asks for it. Called once, before the core runs threads.
    pub fn seed(&self, number: usize) {
        if let Some(seed) = options::number("chaos") {
            // An odd multiple of the golden ratio spreads neighbouring seeds; the lowest bit keeps the state from being 0.
            let state = (seed << 2 | number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            self.0.store(state, Ordering::Relaxed);
        }
    }

    fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed) != 0
    }

    /// A number below `sides`, a power of two (Marsaglia, "Xorshift RNGs", 64 bits; the top ones are the best). Only its core throws.
    fn throw(&self, sides: u32) -> u64 {
        let mut state = self.0.load(Ordering::Relaxed);
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.0.store(state, Ordering::Relaxed);
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> (u64::BITS - sides.trailing_zeros())
    }

    /// When the core's timer is to fire next, in ticks, to preempt whoever runs then: within 256 µs of `now`
    /// (a slice is 10 ms).
    pub fn next_tick(&self, now: u64) -> Option<u64> {
        self.is_on().then(|| now + 1 + self.throw(256) * time::slice_ticks() / 10_000)
    }
}

/// What a new thread's count of entries begins at.
pub fn first_count(core: &Core) -> u64 {
    if core.dice.is_on() { IN_ENTRIES } else { 0 }
}

/// The calling thread has entered the kernel: in one of four cases its equals run first, in one of eight it may go on on another core.
#[inline(never)]
pub extern "rust-cold" fn entered() {
    let before = cpu::mask();
    if before.lets_irqs_in() && !cpu::is_on_core_stack() && !record::current().is_idle() {
        match Core::this().dice.throw(8) {
            0 | 1 => suspend(Reason::Yield),
            2 => suspend(Reason::Move),
            _ => {}
        }
    }
    cpu::unmask(before);
}
