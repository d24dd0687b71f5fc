//! The word of a futaphore, and every move on it.

use crate::mutant::{self, Mutant};
use skete_cell::atomic::{AtomicU64, Ordering};

/// The state of a slot, 64 bits:
///
/// | bits | |
/// |---|---|
/// | 33–63 | life: how often the slot was freed, modulo 2³¹ |
/// | 32 | in use |
/// | 30–31 | both set: slow. The program cannot move the word by itself: nobody uses the slot, or somebody waits |
/// | 0–30 | count; 0–29 while slow |
///
/// | in use | slow | the slot is | P | V |
/// |---|---|---|---|---|
/// | no | yes | free | `EINVAL` | `EINVAL` |
/// | yes | no | somebody's, and nobody waits | lowers a count above 0; at 0 sets slow and sleeps | raises; at [`MOST`] `EOVERFLOW` |
/// | yes | yes | waited for | lowers a count above 0, else sleeps | raises and wakes one, under the queue's lock |
///
/// **One test.** The program adds or takes one and looks at bit 31 of the result. It is set if the slot is free or waited for; if a V
/// carried out of the highest count; if a P borrowed from zero. Bit 30 stops the borrow of a P at the count 0 of a slow slot, so that
/// bit 31 stays; a slow slot counts to 2³⁰ − 2, so that no V carries out of it (it would take as many Vs while somebody sleeps, each of
/// which wakes one). A word that is all zeros is never stored: the slots of a page begin as [`State::FREE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(u64);

/// The greatest count: 2³¹ − 1.
pub const MOST: u32 = i32::MAX.cast_unsigned();

/// The bit that one test asks: set in what a move would store, the move is not the program's.
pub const SLOW_BIT: u32 = 31;

const SLOW: u64 = 3 << 30;
const SLOW_COUNT: u64 = (1 << 30) - 1;
/// The greatest count of a slow slot, which no V on top of it carries out of.
const SLOW_MOST: u64 = SLOW_COUNT - 1;
const IN_USE: u64 = 1 << 32;
const LIFE: u64 = 1 << 33;

impl State {
    /// A slot that nobody ever used.
    pub const FREE: Self = Self(SLOW);
    /// The futaphore in slot 0 as it begins: nobody is making or freeing one.
    pub(super) const GUARD: Self = Self(IN_USE | 1);

    /// What a word's bits say.
    #[inline(always)]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits as the word holds them.
    #[inline(always)]
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Whether somebody has made a futaphore of the slot.
    #[must_use]
    pub const fn is_in_use(self) -> bool {
        self.0 & IN_USE != 0
    }

    /// Whether somebody waits, or is about to.
    #[must_use]
    pub const fn is_awaited(self) -> bool {
        self.is_in_use() && self.is_slow()
    }

    const fn is_slow(self) -> bool {
        self.0 & 1 << SLOW_BIT != 0
    }

    /// Whether both are of one life of the slot, from make to free.
    #[must_use]
    pub const fn is_one_life(self, other: Self) -> bool {
        self.0 >> 32 == other.0 >> 32
    }

    /// The count; 0 in a free slot.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, reason = "31 bits")]
    pub const fn count(self) -> u32 {
        (self.0 & if self.is_slow() { SLOW_COUNT } else { MOST as u64 }) as u32
    }

    /// One less, if the program may do that by itself: in use, nobody waits, and the count is above zero.
    #[must_use]
    #[inline(always)]
    pub const fn lowered(self) -> Option<Self> {
        let new = self.0.wrapping_sub(1);
        if new & 1 << SLOW_BIT == 0 { Some(Self(new)) } else { None }
    }

    /// One more, if the program may do that by itself: in use, nobody waits, and the count is below [`MOST`].
    #[must_use]
    #[inline(always)]
    pub const fn raised(self) -> Option<Self> {
        let new = self.0.wrapping_add(1);
        if new & 1 << SLOW_BIT == 0 { Some(Self(new)) } else { None }
    }

    /// The state while somebody sleeps in this life of the slot, and nobody has given.
    #[must_use]
    pub const fn emptied(self) -> Self {
        Self(self.0 & !(IN_USE - 1) | SLOW)
    }

    /// What the only one who waited finds when it was given one, and nobody else has come.
    #[must_use]
    pub const fn given_to_the_last(self) -> Self {
        Self(self.emptied().0 & !SLOW | 1)
    }

    /// One less; not asked of a count of zero.
    #[must_use]
    pub(super) const fn spent(self) -> Self {
        Self(self.0 - 1)
    }

    /// One less, whether or not somebody waits, if the count is above zero.
    #[must_use]
    pub const fn taken(self) -> Option<Self> {
        if self.count() > 0 { Some(self.spent()) } else { None }
    }

    /// One more; still waited for if it was, and `is_awaited`. Asked under the queue's lock. `None`: there is no greater count.
    #[must_use]
    pub const fn given(self, is_awaited: bool) -> Option<Self> {
        let most = if self.is_slow() { SLOW_MOST } else { MOST as u64 };
        let settled = if self.is_slow() && !is_awaited { self.0 & !SLOW } else { self.0 };
        if self.count() as u64 == most { None } else { Some(Self(settled + 1)) }
    }

    /// The same count, waited for or not; not asked of a count above 2³⁰ − 2 that is to be waited for.
    #[must_use]
    pub const fn settled(self, is_awaited: bool) -> Self {
        Self(self.0 & !SLOW & !(MOST as u64) | if is_awaited { SLOW } else { 0 } | self.count() as u64)
    }

    /// A free slot, in use from now on.
    #[must_use]
    pub(super) fn made(self, count: u32) -> Self {
        let in_use = if mutant::is(Mutant::FutaphoreInUseForgotten) { 0 } else { IN_USE };
        Self(self.0 & !(LIFE - 1) | in_use | u64::from(count))
    }

    /// The slot, free, in its next life.
    #[must_use]
    pub(super) fn freed(self) -> Self {
        let life = if mutant::is(Mutant::FutaphoreLifeForgotten) { 0 } else { LIFE };
        Self((self.0 & !(LIFE - 1)).wrapping_add(life) | SLOW)
    }
}

/// Moves `word` by what `change` says of it.
///
/// # Errors
/// The state of which it said `None`.
#[inline(always)]
pub(super) fn exchange(word: &AtomicU64, mut change: impl FnMut(State) -> Option<State>) -> Result<(), State> {
    let mut seen = State(word.load(Ordering::Relaxed));
    loop {
        let new = change(seen).ok_or(seen)?;
        match exchange_from(word, seen, new) {
            Ok(()) => return Ok(()),
            Err(other) => seen = other,
        }
    }
}

/// Moves `word` from `seen` to `new`; may fail for no reason.
///
/// # Errors
/// What the word is instead.
#[inline(always)]
pub(super) fn exchange_from(word: &AtomicU64, seen: State, new: State) -> Result<(), State> {
    // Acquire and release: what one did before its V is seen by one whose P took what it gave.
    let order = if mutant::is(Mutant::FutaphoreMovedRelaxed) { Ordering::Relaxed } else { Ordering::AcqRel };
    if mutant::is(Mutant::FutaphoreMovedInTwoSteps) {
        word.store(new.0, Ordering::Release);
        return Ok(());
    }
    word.compare_exchange_weak(seen.0, new.0, order, Ordering::Relaxed).map(drop).map_err(State)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// A slot in its third life, in use.
    fn used(count: u32) -> State {
        State::FREE.made(1).freed().made(1).freed().made(count)
    }

    #[test]
    fn the_program_moves_what_is_in_use_and_not_awaited() {
        for count in [1, 2, 1 << 30, MOST - 1, MOST] {
            assert_eq!(used(count).lowered(), Some(used(count - 1)));
        }
        for count in [0, 1, (1 << 30) - 1, 1 << 30, MOST - 1] {
            assert_eq!(used(count).raised(), Some(used(count + 1)));
        }
    }

    #[test]
    fn the_program_does_not_pass_zero_or_the_most() {
        assert_eq!((used(0).lowered(), used(MOST).raised()), (None, None));
    }

    #[test]
    fn the_program_does_not_move_what_is_free_or_awaited() {
        let awaited = [0, 1, 2, (1 << 30) - 2].map(|count| used(count).settled(true));
        for state in [State::FREE, used(7).freed()].into_iter().chain(awaited) {
            assert_eq!((state.lowered(), state.raised()), (None, None), "{state:?}");
        }
    }

    #[test]
    fn a_count_survives_being_awaited() {
        for count in [0, 1, 77, (1 << 30) - 2] {
            let awaited = used(count).settled(true);
            assert!(awaited.is_awaited() && awaited.count() == count && awaited.is_one_life(used(0)));
            assert_eq!(awaited.settled(false), used(count));
            assert_eq!(awaited.taken().map(State::count), count.checked_sub(1));
        }
    }

    #[test]
    fn what_is_given_is_counted_up_to_the_most() {
        assert_eq!(used(0).settled(true).given(true), Some(used(1).settled(true)));
        assert_eq!(used(5).settled(true).given(false), Some(used(6)));
        assert_eq!(used(5).given(false), Some(used(6)));
        assert_eq!([true, false].map(|is_awaited| used((1 << 30) - 2).settled(true).given(is_awaited)), [None; 2]);
        assert_eq!(used(MOST).given(false), None);
    }

    #[test]
    fn a_slot_made_again_is_another_life() {
        let (first, free) = (used(3), used(3).freed());
        assert!(!free.is_in_use() && !free.is_one_life(first) && free.count() == 0);
        assert!(free.made(3).is_in_use() && !free.made(3).is_one_life(first));
    }

    #[test]
    fn the_last_life_is_followed_by_the_first() {
        let last = State(u64::MAX << 33 | SLOW).made(2);
        assert_eq!(last.freed(), State::FREE);
    }
}
