//! Random numbers: what entropy the board gives, stirred by ChaCha.
//!
//! The best source that is there seeds the generator, and boot says which: the random number generator of the BCM2835 or a virtio one,
//! the devicetree's seed, else timing jitter. Under `-icount` nothing is random: there a fixed seed is accepted, so that runs repeat.

use chacha20::ChaCha12Rng;
use chacha20::rand_core::{Rng, SeedableRng};
use skete_drivers::firmware::Board;
use skete_drivers::jitter::{self, Quality};
use skete_drivers::rng_bcm2835;

use crate::arch::cpu;
use crate::board::{self, options};
use crate::lock::Spin;
use crate::memory::virtio;

/// Bytes of a seed.
const SEED: usize = 32;
/// Readings of the jitter source at most.
const SAMPLES: u32 = 4096;
/// Looks at a device until it is given up: the BCM2835's generator makes a megabit a second after a warm-up of 2¹⁸ bits.
const POLLS: u32 = 10_000_000;

static GENERATOR: Spin<Option<ChaCha12Rng>> = Spin::new(None);

/// Seeds the generator from the best source; its name. Called once, at boot.
pub fn init() -> &'static str {
    let mut seed = [0; SEED];
    let source = if options::is_repeatable() { "none, so that runs repeat" } else { gather(&mut seed) };
    *GENERATOR.lock() = Some(ChaCha12Rng::from_seed(seed));
    source
}

/// Fills `seed` from the best source; its name.
fn gather(seed: &mut [u8; SEED]) -> &'static str {
    stir_in(seed, &cpu::ticks().to_le_bytes());
    let machine = &board::get().machine;
    if machine.board == Board::RaspberryPi3 && from_bcm2835(seed) {
        return "the BCM2835's generator";
    }
    if virtio::random(seed, POLLS) {
        return "virtio";
    }
    if machine.seed.len() >= SEED {
        stir_in(seed, machine.seed);
        return "the devicetree's seed";
    }
    let jitter = jitter::gather(SAMPLES, cpu::ticks);
    for (bytes, word) in seed.chunks_exact_mut(8).zip(jitter.seed) {
        stir_in(bytes, &word.to_le_bytes());
    }
    match jitter.quality {
        Quality::Good => "timing jitter",
        Quality::Weak(_) => "timing jitter, weak: not for keys",
    }
}

fn stir_in(seed: &mut [u8], bytes: &[u8]) {
    let length = seed.len();
    for (at, byte) in bytes.iter().enumerate() {
        seed[at % length] ^= byte;
    }
}

fn from_bcm2835(seed: &mut [u8; SEED]) -> bool {
    let rng = rng_bcm2835::Rng::new(board::window(board::PERIPHERALS + 0x10_4000, 0x100));
    let mut words = [0; SEED / 4];
    rng.start();
    let filled = rng.fill(&mut words, POLLS);
    for (bytes, word) in seed.chunks_exact_mut(4).zip(words) {
        stir_in(bytes, &word.to_le_bytes());
    }
    filled == words.len()
}

/// Fills `buffer` with random bytes.
pub fn fill(buffer: &mut [u8]) {
    // A piece at a time: interrupts come in between.
    for piece in buffer.chunks_mut(256) {
        if let Some(generator) = GENERATOR.lock().as_mut() {
            generator.fill_bytes(piece);
        }
    }
}
