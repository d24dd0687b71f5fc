//! Random numbers: what entropy the board gives, stirred by ChaCha.

use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::lock::Spin;

static GENERATOR: Spin<Option<ChaCha12Rng>> = Spin::new(None);

/// Gathers a seed. Called once, at boot.
pub fn init() {
    let mut seed = [0; 32];
    for (byte, given) in seed.iter_mut().zip(crate::board::get().machine.seed) {
        *byte = *given;
    }
    *GENERATOR.lock() = Some(ChaCha12Rng::from_seed(seed));
}

/// Fills `buffer` with random bytes.
pub fn fill(buffer: &mut [u8]) {
    for piece in buffer.chunks_mut(256) {
        if let Some(generator) = GENERATOR.lock().as_mut() {
            generator.fill_bytes(piece);
        }
    }
}
