//! Three locks of one futex word, as textbooks have them, over whatever waits and wakes: the program's futexes, or those of a model, which
//! compiles this very file.
//!
//! | lock | free and unwanted | release | loses a wake-up |
//! |---|---|---|---|
//! | [`TestAndSet`] | one exchange | always enters the kernel | never |
//! | [`MaybeFlag`] | one exchange | enters if the flag says that somebody may sleep | **as published: yes** |
//! | [`ThreeState`] | one exchange | enters if the word says that somebody may sleep | never |
//!
//! The published [`MaybeFlag`] loses one in two ways. A release takes the flag down although the lock is another's already, and the
//! sleeper, who looks at the lock alone, sleeps with the flag down. And of two sleepers the one who is woken takes the lock with the flag
//! down, so that its release does not wake the other. Here sleepers look at the flag itself, and one who slept leaves it up. The
//! [`ThreeState`] lock does the same with its one word: who slept takes it as contended.

/// A word and its futex.
pub trait Word {
    /// Acquires.
    fn load(&self) -> u32;
    /// Acquires and releases; what was there.
    fn swap(&self, value: u32) -> u32;
    /// Puts `new` in the place of `expected`; false if that was not there. Acquires and releases.
    fn exchange(&self, expected: u32, new: u32) -> bool;
    /// Sleeps until a wake, as long as the word is `expected`.
    fn wait(&self, expected: u32);
    /// Wakes one.
    fn wake(&self);
}

/// Mutual exclusion, without a guard.
pub trait Lock {
    /// Waits until the caller alone holds it.
    fn lock(&self);
    /// Lets go; the caller holds it.
    fn unlock(&self);
}

/// 0: free, 1: held. `WAKES_FIRST` is a mistake for models to find.
pub struct TestAndSet<W, const WAKES_FIRST: bool = false>(pub W);

impl<W: Word, const WAKES_FIRST: bool> Lock for TestAndSet<W, WAKES_FIRST> {
    fn lock(&self) {
        while self.0.swap(1) != 0 {
            self.0.wait(1);
        }
    }

    fn unlock(&self) {
        if WAKES_FIRST {
            self.0.wake();
            self.0.swap(0);
        } else {
            self.0.swap(0);
            self.0.wake();
        }
    }
}

/// `held` is 0 or 1; `maybe` is 1 if somebody may sleep. `AS_PUBLISHED`: sleepers sleep on `held`, and leave the flag as it is when they
/// come back.
pub struct MaybeFlag<W, const AS_PUBLISHED: bool = false> {
    /// The lock.
    pub held: W,
    /// The flag.
    pub maybe: W,
}

impl<W: Word, const AS_PUBLISHED: bool> Lock for MaybeFlag<W, AS_PUBLISHED> {
    fn lock(&self) {
        while self.held.swap(1) != 0 {
            self.maybe.swap(1);
            if self.held.swap(1) == 0 {
                return;
            }
            if AS_PUBLISHED {
                self.held.wait(1);
            } else {
                self.maybe.wait(1);
                self.maybe.swap(1);
            }
        }
    }

    fn unlock(&self) {
        self.held.swap(0);
        // An exchange, not a load: what is found here and what is left in `held` cannot both be old for one who is about to sleep.
        if self.maybe.swap(0) != 0 {
            if AS_PUBLISHED { self.held.wake() } else { self.maybe.wake() }
        }
    }
}

/// 0: free, 1: held, 2: held and somebody may sleep (Drepper, "Futexes Are Tricky"). `SLEPT` is what one who slept takes it as; 1 would be
/// a mistake for models to find.
pub struct ThreeState<W, const SLEPT: u32 = 2>(pub W);

impl<W: Word, const SLEPT: u32> Lock for ThreeState<W, SLEPT> {
    fn lock(&self) {
        if self.0.exchange(0, 1) {
            return;
        }
        loop {
            // Whoever holds it shall wake: 2, unless it is free meanwhile, and then it is the caller's, as what one who slept takes it as.
            if self.0.exchange(0, SLEPT) {
                return;
            }
            if self.0.load() == 2 || self.0.exchange(1, 2) {
                self.0.wait(2);
            }
        }
    }

    fn unlock(&self) {
        if self.0.swap(0) == 2 {
            self.0.wake();
        }
    }
}
