//! The nodes that are lent to those who wait for several words.

use crate::mutant::{self, Mutant};
use skete_cell::atomic::{AtomicU32, AtomicU64, Ordering};

const BITS: u32 = u64::BITS;

/// Which nodes are free, of at most 64 times `N`; numbered from 0. No lock: a taker first reserves as many as it wants, and looks for them
/// then. So it gets all or none, and one who is refused was refused because too few were free.
#[derive(Debug)]
pub struct Nodes<const N: usize> {
    /// How many nodes are neither taken nor reserved: never more than there are bits in `free`.
    count: AtomicU32,
    /// One bit a node.
    free: [AtomicU64; N],
}

impl<const N: usize> Nodes<N> {
    /// The most nodes that there may be.
    #[allow(clippy::cast_possible_truncation, reason = "the most are fewer than threads can be")]
    pub const MOST: u32 = N as u32 * BITS;

    /// No nodes: they come by being [given](Self::give).
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        Self { count: AtomicU32::new(0), free: [const { AtomicU64::new(0) }; N] }
    }

    /// No nodes.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self { count: AtomicU32::new(0), free: core::array::from_fn(|_| AtomicU64::new(0)) }
    }

    /// Takes `count` nodes and calls `each` with their numbers; false, and none is taken, if there are not as many. The search begins at a
    /// word of bits that `start` names, so that threads need not meet.
    pub fn take(&self, count: u32, start: usize, mut each: impl FnMut(u32)) -> bool {
        if count == 0 {
            return true;
        }
        if !self.reserve(count) {
            return false;
        }
        let mut left = count;
        for place in (0..N).cycle().skip(start % N) {
            left = self.take_from(place, left, &mut each);
            if left == 0 {
                break;
            }
        }
        true
    }

    fn reserve(&self, count: u32) -> bool {
        let mut free = self.count.load(Ordering::Relaxed);
        while let Some(rest) = free.checked_sub(count) {
            if mutant::is(Mutant::NodesReservedInTwoSteps) {
                self.count.fetch_sub(count, Ordering::Acquire);
                return true;
            }
            // Acquire: pairs with `give`; as many bits as are counted are there.
            match self.count.compare_exchange_weak(free, rest, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => free = now,
            }
        }
        false
    }

    /// Takes at most `left` of one word's nodes; how many are still wanted then.
    fn take_from(&self, place: usize, mut left: u32, each: &mut impl FnMut(u32)) -> u32 {
        let bits = &self.free[place];
        // A move that changes nothing sees the newest bits, where a load may see older ones.
        let mut seen = bits.fetch_or(0, Ordering::Relaxed);
        while seen != 0 && left != 0 {
            let bit = seen & seen.wrapping_neg();
            // Acquire: pairs with `give`; the node is its last owner's no more.
            let order = if mutant::is(Mutant::NodeTakenRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
            let was = bits.fetch_and(!bit, order);
            if was & bit != 0 {
                #[allow(clippy::cast_possible_truncation, reason = "a place is less than N")]
                each(place as u32 * BITS + bit.trailing_zeros());
                left -= 1;
            }
            seen = was & !bit;
        }
        left
    }

    /// Gives these nodes, none of which is free.
    pub fn give(&self, nodes: impl Iterator<Item = u32>) {
        let mut count = 0;
        for node in nodes {
            // Release: pairs with `take_from`.
            self.free[(node / BITS) as usize].fetch_or(1 << (node % BITS), Ordering::Release);
            count += 1;
        }
        // After the bits; Release: pairs with `reserve`.
        self.count.fetch_add(count, Ordering::Release);
    }

    /// How many are free: for reports and tests.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count.load(Ordering::Relaxed)
    }
}

impl<const N: usize> Default for Nodes<N> {
    fn default() -> Self {
        Self::new()
    }
}
