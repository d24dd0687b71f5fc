//! Packing, for the tool: of all ways to tell the bytes in matches and literals, one of the cheapest.

use alloc::vec;
use alloc::vec::Vec;

use super::{LEAST_MATCH, NIBBLE};

/// The farthest that a match can be.
const MOST_DISTANCE: usize = 0xFFFF;
/// No match begins in the last 12 bytes, or reaches into the last 5.
const QUIET_END: usize = 12;
const LAST_LITERALS: usize = 5;

/// How many earlier places are looked at for a match.
const PLACES: usize = 1024;
/// A match as long as this is taken as it is.
const LONG: usize = 96;

/// Prices are in half bytes: a literal's, and what a match costs beside the bytes of its length. The half byte beyond its three is for the
/// time that each match takes the loader, a hundred instructions: one that saves no byte is not taken. (Matches that save two bytes or more
/// would be a third fewer, and a program four in a hundred longer.)
const LITERAL_PRICE: u32 = 2;
const MATCH_PRICE: u32 = 2 * 3 + 1;

/// Where a match is copied from, and how much of it.
#[derive(Clone, Copy, Debug, Default)]
struct Match {
    distance: usize,
    length: usize,
}

/// Packs bytes.
#[must_use]
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut literals = 0..0;
    for step in way(bytes) {
        if step.distance == 0 {
            literals.end += 1;
            continue;
        }
        emit(&bytes[literals.clone()], Some(step), &mut packed);
        let next = literals.end + step.length;
        literals = next..next;
    }
    emit(&bytes[literals], None, &mut packed);
    packed
}

/// The cheapest steps to the end: matches, and literals as matches of length 1 from distance 0.
fn way(bytes: &[u8]) -> Vec<Match> {
    // For each place its price, and the step that leads to it.
    let mut prices = vec![u32::MAX; bytes.len() + 1];
    let mut steps = vec![Match::default(); bytes.len() + 1];
    prices[0] = 0;
    let mut past = Past::new(bytes);
    let mut unsearched = 0;
    for at in 0..bytes.len() {
        let mut offer = |step: Match, price: u32| {
            let price = prices[at].saturating_add(price);
            if price < prices[at + step.length] {
                prices[at + step.length] = price;
                steps[at + step.length] = step;
            }
        };
        offer(Match { distance: 0, length: 1 }, LITERAL_PRICE);
        let mut least = LEAST_MATCH;
        past.search(at, at >= unsearched, &mut |found| {
            if found.length >= LONG {
                unsearched = at + found.length;
                least = found.length;
            }
            for length in least..=found.length {
                offer(Match { length, ..found }, MATCH_PRICE + 2 * extra(length - LEAST_MATCH));
            }
            least = found.length + 1;
        });
    }
    let mut at = bytes.len();
    let mut way = Vec::new();
    while at > 0 {
        way.push(steps[at]);
        at -= steps[at].length;
    }
    way.reverse();
    way
}

/// What came before, by its first four bytes.
struct Past<'a> {
    bytes: &'a [u8],
    /// The last place, plus one, of each hash.
    last: Vec<usize>,
    /// The place, plus one, before each.
    before: Vec<usize>,
}

impl<'a> Past<'a> {
    const HASH_BITS: u32 = 15;

    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, last: vec![0; 1 << Self::HASH_BITS], before: vec![0; bytes.len()] }
    }

    /// Enters `at`, and if told to, shows the matches there, each longer than the one before.
    fn search(&mut self, at: usize, is_shown: bool, show: &mut impl FnMut(Match)) {
        let most = self.bytes.len() - at;
        let (Some(four), true) = (self.bytes[at..].first_chunk(), most > QUIET_END) else { return };
        let hash = u32::from_le_bytes(*four).wrapping_mul(0x9E37_79B1) >> (32 - Self::HASH_BITS);
        let last = &mut self.last[hash as usize];
        self.before[at] = *last;
        let mut place = core::mem::replace(last, at + 1);
        let (mut longest, mut left) = (LEAST_MATCH - 1, if is_shown { PLACES } else { 0 });
        while let Some(from) = place.checked_sub(1).filter(|from| left > 0 && at - from <= MOST_DISTANCE) {
            let pairs = self.bytes[from..].iter().zip(&self.bytes[at..self.bytes.len() - LAST_LITERALS]);
            let length = pairs.take_while(|(old, new)| old == new).count();
            if length > longest {
                longest = length;
                show(Match { distance: at - from, length });
            }
            place = self.before[from];
            left -= 1;
        }
    }
}

/// How many bytes follow a token for a length beyond what the token can say.
fn extra(length: usize) -> u32 {
    let beyond = length.checked_sub(NIBBLE);
    beyond.map_or(0, |beyond| u32::try_from(beyond / 255 + 1).unwrap_or(u32::MAX / 4))
}

/// A sequence: literals, and the match that follows them, which the last one has not.
fn emit(literals: &[u8], step: Option<Match>, packed: &mut Vec<u8>) {
    let copied = step.map_or(0, |step| step.length - LEAST_MATCH);
    let nibble = |length: usize| u8::try_from(length.min(NIBBLE)).unwrap_or(0);
    packed.push(nibble(literals.len()) << 4 | nibble(copied));
    emit_rest(literals.len(), packed);
    packed.extend(literals);
    if let Some(step) = step {
        packed.extend(u16::try_from(step.distance).unwrap_or(0).to_le_bytes());
        emit_rest(copied, packed);
    }
}

fn emit_rest(length: usize, packed: &mut Vec<u8>) {
    if let Some(beyond) = length.checked_sub(NIBBLE) {
        packed.resize(packed.len() + beyond / 255, 255);
        packed.push(u8::try_from(beyond % 255).unwrap_or(0));
    }
}
