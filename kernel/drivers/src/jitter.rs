//! Entropy from timing jitter: the last resort of a machine without a random number generator. The algorithm alone: it takes readings of
//! a fast counter from its caller, a bounded number of them, and says how far they can be trusted.
//!
//! The estimate is crude and cautious, after NIST SP 800-90B: the low bits of the second differences are guessed, as the most common
//! value (6.3.1) and as the value some samples ago (6.3.8); the best guesser's success, with a margin, bounds the min-entropy, and
//! half of that is claimed. Readings that repeat the last difference count nothing. It cannot tell jitter from a long pattern that
//! merely looks irregular, so a seed from here is second to any other. Under an emulator that counts instructions the differences
//! repeat, and next to nothing is claimed.

/// Bits of a second difference that are looked at.
const SYMBOL_BITS: u32 = 4;
const SYMBOLS: usize = 1 << SYMBOL_BITS;
/// How far back a repeating pattern is looked for: as many symbols as a word holds.
const LAGS: usize = (u64::BITS / SYMBOL_BITS) as usize;
/// Readings that are taken in one go.
const BLOCK: usize = 128;
/// The least samples worth an estimate.
const LEAST_SAMPLES: u32 = 64;
/// Bits of min-entropy that make a seed good: one for each of its own.
const GOOD_BITS: u32 = 256;

/// How far a seed can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quality {
    /// Its estimated min-entropy fills it.
    Good,
    /// It has less than that: as many bits as this, by the estimate.
    Weak(u32),
}

/// What was gathered. The seed is folded, not whitened: stir it into a cipher.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jitter {
    /// Every reading went into it.
    pub seed: [u64; 4],
    /// How far to trust it.
    pub quality: Quality,
}

/// Gathers from at most `samples` readings. `read` does some work whose time varies (a walk through memory larger than the first cache,
/// always the same way), then reads the fastest counter that there is (PMCCNTR_EL0 before CNTVCT_EL0, which ticks only every 52 ns on
/// the board). It stops as soon as there is enough.
pub fn gather(samples: u32, mut read: impl FnMut() -> u64) -> Jitter {
    let mut seed = [0u64; 4];
    let mut guesses = Guesses::default();
    let mut left = samples as usize;
    while left > 0 && guesses.bits() < GOOD_BITS {
        let mut block = [0u64; BLOCK];
        let block = &mut block[..left.min(BLOCK)];
        // Nothing but reading here: a path that depends on what was read would look like jitter even where there is none.
        for reading in block.iter_mut() {
            *reading = read();
        }
        left -= block.len();
        guesses.check(block);
        for &reading in &*block {
            absorb(&mut seed, reading);
        }
    }
    let bits = guesses.bits();
    Jitter { seed, quality: if bits >= GOOD_BITS { Quality::Good } else { Quality::Weak(bits) } }
}

/// How often each of the simplest guesses would have been right.
#[derive(Default)]
struct Guesses {
    /// "It is always this symbol."
    same: [u32; SYMBOLS],
    /// "It is the symbol from so many samples ago": finds patterns that repeat.
    again: [u32; LAGS],
    /// The latest symbols of this block, the latest lowest, and how many of them there are.
    latest: u64,
    known: usize,
    total: u32,
}

impl Guesses {
    /// Counts the second differences of a block of readings, but for those that are zero or repeat the one before, and for the first
    /// few: what came before the block says nothing about them.
    fn check(&mut self, block: &[u64]) {
        self.known = 0;
        let mut last = 0;
        for triple in block.windows(3) {
            let step = triple[1].wrapping_sub(triple[0]);
            let second = triple[2].wrapping_sub(triple[1]).wrapping_sub(step);
            if second != last && second != 0 {
                self.count(second);
            }
            last = second;
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a symbol")]
    fn count(&mut self, difference: u64) {
        let symbol = difference % SYMBOLS as u64;
        if self.known == LAGS {
            self.same[symbol as usize] += 1;
            let mut guesses = self.latest;
            for hits in &mut self.again {
                *hits += u32::from(guesses % SYMBOLS as u64 == symbol);
                guesses >>= SYMBOL_BITS;
            }
            self.total += 1;
        } else {
            self.known += 1;
        }
        self.latest = self.latest << SYMBOL_BITS | symbol;
    }

    /// Half the min-entropy of all that was counted, in bits; 0 for too few samples.
    fn bits(&self) -> u32 {
        if self.total < LEAST_SAMPLES {
            return 0;
        }
        let guesses = self.same.iter().chain(&self.again);
        let most = guesses.copied().max().unwrap_or(self.total);
        // The upper end of the 99 % interval of its probability, in 1/65536: p + 2.58 √(p (1 − p) / n).
        let n = u64::from(self.total);
        let p = (u64::from(most) << 16) / n;
        let variance = u32::try_from(p * ((1 << 16) - p) / n).unwrap_or(u32::MAX);
        let spread = u64::from(169 * variance.isqrt() / 65);
        let p = (p + spread).clamp(1, 1 << 16);
        let sixteenths = u64::from(self.total) * negative_log2_sixteenths(p) / 2;
        u32::try_from(sixteenths / 16).unwrap_or(u32::MAX)
    }
}

/// −log2(p / 65536) in sixteenths, rounded down; `p` is 1 to 65536.
fn negative_log2_sixteenths(p: u64) -> u64 {
    // log2(p) × 16 is log2(p¹⁶): sixteen factors of at most 17 bits each, kept to 47 bits of mantissa by halving, whose exponent
    // is counted.
    let (mut power, mut exponent) = (1u64, 0);
    for _ in 0..16 {
        power *= p;
        while power >= 1 << 47 {
            power = power.div_ceil(2);
            exponent += 1;
        }
    }
    let mut log = exponent;
    while power > 1 {
        power = power.div_ceil(2);
        log += 1;
    }
    256_u64.saturating_sub(log)
}

/// Folds a reading into the seed, so that no later one can take out what it put in: an invertible step on each word in turn.
fn absorb(seed: &mut [u64; 4], reading: u64) {
    seed[0] = (seed[0] ^ reading).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    seed[1] = seed[1].rotate_left(23).wrapping_add(seed[0]);
    seed[2] = (seed[2] ^ seed[1]).rotate_left(41);
    seed[3] = seed[3].wrapping_add(seed[2]).rotate_left(11);
    seed[0] ^= seed[3] >> 29;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A counter whose steps are `base` and `noise` bits of a fixed pseudo-random sequence.
    fn counter(base: u64, noise: u32) -> impl FnMut() -> u64 {
        let (mut time, mut state) = (0u64, 0x2545_F491_4F6C_DD1Du64);
        move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let jitter = (state >> 20) & ((1 << noise) - 1);
            time = time.wrapping_add(base + jitter);
            time
        }
    }

    #[test]
    fn a_counter_with_equal_steps_gives_nothing() {
        assert_eq!(gather(4096, counter(100, 0)).quality, Quality::Weak(0));
    }

    #[test]
    fn a_counter_that_stands_still_gives_nothing() {
        assert_eq!(gather(4096, || 7).quality, Quality::Weak(0));
    }

    #[test]
    fn a_counter_that_counts_instructions_gives_next_to_nothing() {
        // One instruction is a nanosecond, and the counter ticks every 16: what QEMU's -icount shows of a loop of equal turns.
        for turn in 17..200 {
            let mut instructions = 0u64;
            let jitter = gather(4096, || {
                instructions += turn;
                instructions / 16
            });
            assert!(matches!(jitter.quality, Quality::Weak(bits) if bits < 64), "{turn} instructions: {jitter:?}");
        }
    }

    #[test]
    fn a_counter_whose_steps_repeat_gives_next_to_nothing() {
        for period in 2..=16 {
            let (mut time, mut sample) = (0, 0u64);
            let jitter = gather(4096, || {
                sample += 1;
                time += 100 + (sample % period).pow(3) % 13;
                time
            });
            assert!(matches!(jitter.quality, Quality::Weak(bits) if bits < 64), "period {period}: {jitter:?}");
        }
    }

    #[test]
    fn noise_is_enough_long_before_the_limit() {
        let mut read = counter(100, 6);
        let mut reads = 0;
        let jitter = gather(4096, || {
            reads += 1;
            read()
        });
        assert_eq!(jitter.quality, Quality::Good);
        assert!(reads < 1024, "{reads} readings");
    }

    #[test]
    fn readings_are_bounded_and_few_of_them_are_weak() {
        let mut read = counter(100, 6);
        let mut reads = 0;
        let jitter = gather(32, || {
            reads += 1;
            read()
        });
        assert_eq!((reads, jitter.quality), (32, Quality::Weak(0)));
    }

    #[test]
    fn a_single_different_reading_changes_every_word_of_the_seed() {
        for changed in 0..60 {
            let mut read = counter(100, 2);
            let before = gather(64, &mut read).seed;
            let (mut read, mut sample) = (counter(100, 2), 0);
            let after = gather(64, || {
                sample += 1;
                read() ^ u64::from(sample - 1 == changed)
            });
            let is_changed = before.iter().zip(after.seed).all(|(a, b)| *a != b);
            assert!(is_changed, "reading {changed}");
        }
    }

    #[test]
    fn the_logarithm_is_never_too_generous() {
        for p in 1..=1u64 << 16 {
            let exact = 16.0 * (16.0 - f64::from(u32::try_from(p).expect("17 bits")).log2());
            let ours = f64::from(u32::try_from(negative_log2_sixteenths(p)).expect("small"));
            assert!(ours <= exact + 1e-9 && ours > exact - 2.5, "{p}: {ours} {exact}");
        }
    }
}
