//! Numbers that a seed decides (xorshift, 64 bits): what is said, and what goes wrong.

/// The next numbers of a seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dice(u64);

impl Dice {
    /// The numbers of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number.
    pub const fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `below`, which is not 0.
    pub const fn below(&mut self, below: u64) -> u64 {
        self.roll() % below
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: u64) -> Vec<u8> {
        (0..count).map(|_| self.roll().to_le_bytes()[0]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_its_own_numbers_and_always_the_same() {
        let first = |seed| (0..100).scan(Dice::new(seed), |dice, _| Some(dice.roll())).collect::<Vec<u64>>();
        assert_eq!(first(1), first(1));
        for (one, other) in [(0, 1), (1, 2), (u64::MAX, 0)] {
            assert_ne!(first(one), first(other));
        }
        assert!((0..1000).scan(Dice::new(3), |dice, _| Some(dice.below(7))).all(|number| number < 7));
    }
}
