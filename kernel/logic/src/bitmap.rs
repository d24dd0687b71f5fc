//! Numbers that are free, one bit each: physical frames, pieces of the address window.
//!
//! The lowest free number, or row of numbers, is given out first. Bits are looked at a word of 64 at a time; a summary with a bit for each
//! word that has any spares the way through the words that have none.

use core::ops::Range;

/// Bits of a word.
const BITS: usize = 64;

/// The numbers below `WORDS` × 64; at first none is free. `GROUPS` is `WORDS` / 64.
pub struct Bitmap<const WORDS: usize, const GROUPS: usize> {
    /// Bit n % 64 of word n / 64: number n is free.
    words: [u64; WORDS],
    /// Bit n % 64 of word n / 64: word n is not zero.
    summary: [u64; GROUPS],
}

impl<const WORDS: usize, const GROUPS: usize> Default for Bitmap<WORDS, GROUPS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WORDS: usize, const GROUPS: usize> Bitmap<WORDS, GROUPS> {
    /// How many numbers there are.
    pub const LENGTH: usize = WORDS * BITS;

    /// No number is free.
    #[must_use]
    pub const fn new() -> Self {
        const { assert!(WORDS == GROUPS * BITS, "the summary has a bit for each word") };
        Self { words: [0; WORDS], summary: [0; GROUPS] }
    }

    /// Makes the numbers of `range` free; those that do not exist are passed over.
    pub fn insert(&mut self, range: Range<usize>) {
        self.fill(range, true);
    }

    /// Takes the lowest free number.
    pub fn take(&mut self) -> Option<usize> {
        let number = self.next_free(0)?;
        self.fill(number..number + 1, false);
        Some(number)
    }

    /// Takes the lowest `count` free numbers in a row; the first of them.
    pub fn take_row(&mut self, count: usize) -> Option<usize> {
        let mut start = self.next_free(0)?;
        loop {
            let end = self.next_taken(start, start.checked_add(count)?);
            if end - start == count {
                self.fill(start..end, false);
                return Some(start);
            }
            start = self.next_free(end)?;
        }
    }

    /// Takes the numbers of `range`; false, and nothing is taken, if one is not free.
    #[must_use]
    pub fn take_range(&mut self, range: Range<usize>) -> bool {
        let are_free = self.next_taken(range.start, range.end) >= range.end;
        if are_free {
            self.fill(range, false);
        }
        are_free
    }

    /// Gives back a number; false if it was free already, or does not exist.
    #[must_use]
    pub fn give(&mut self, number: usize) -> bool {
        let was_taken = self.words.get(number / BITS).is_some_and(|word| word & bit(number) == 0);
        if was_taken {
            self.fill(number..number + 1, true);
        }
        was_taken
    }

    /// The lowest free number that is not below `from`.
    fn next_free(&self, from: usize) -> Option<usize> {
        let in_word = self.words.get(from / BITS)? & (u64::MAX << (from % BITS));
        if in_word != 0 {
            return Some(from / BITS * BITS + lowest(in_word));
        }
        let from = from / BITS + 1;
        let mut group = from / BITS;
        let mut words = self.summary.get(group)? & (u64::MAX << (from % BITS));
        while words == 0 {
            group += 1;
            words = *self.summary.get(group)?;
        }
        let word = group * BITS + lowest(words);
        self.words.get(word).map(|bits| word * BITS + lowest(*bits))
    }

    /// The lowest number from `from` up to `end` that is not free; `end` if all are.
    fn next_taken(&self, from: usize, end: usize) -> usize {
        let mut at = from;
        while at < end {
            let Some(word) = self.words.get(at / BITS) else { return at };
            let free = (!(word >> (at % BITS))).trailing_zeros() as usize;
            if free < BITS - at % BITS {
                return end.min(at + free);
            }
            at = (at / BITS + 1) * BITS;
        }
        end
    }

    fn fill(&mut self, range: Range<usize>, is_free: bool) {
        let mut at = range.start;
        while at < range.end {
            let number = at / BITS;
            let Some(word) = self.words.get_mut(number) else { return };
            let next = range.end.min((number + 1) * BITS);
            let mask = (u64::MAX >> (BITS - (next - at))) << (at % BITS);
            *word = if is_free { *word | mask } else { *word & !mask };
            let is_any = *word != 0;
            if let Some(group) = self.summary.get_mut(number / BITS) {
                *group = if is_any { *group | bit(number) } else { *group & !bit(number) };
            }
            at = next;
        }
    }
}

const fn bit(number: usize) -> u64 {
    1 << (number % BITS)
}

const fn lowest(bits: u64) -> usize {
    bits.trailing_zeros() as usize
}
