//! One futaphore: P, V, and what they do when its word does not let them.

use super::state::{exchange, exchange_from};
use super::{Machine, State};
use crate::mutant::{self, Mutant};
use crate::time::Instant;
use skete_abi::Errno;
use skete_cell::atomic::{AtomicU64, Ordering};

/// The exclusive granule: what else lies in it would disturb the word's exclusives.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Slot {
    word: AtomicU64,
}

impl Slot {
    skete_cell::constructor! {
        /// A slot in `state`.
        pub(super) fn new(state: State) -> Self {
            Self { word: AtomicU64::new(state.bits()) }
        }
    }

    /// What the slot is now.
    #[inline]
    pub fn state(&self) -> State {
        // Acquire: pairs with every move on the word.
        State::from_bits(self.word.load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn change(&self, change: impl FnMut(State) -> Option<State>) -> Result<(), State> {
        exchange(&self.word, change)
    }

    /// P: takes one, and sleeps until there is one. An interruption does not end that: [`Machine::attend`].
    ///
    /// # Errors
    /// `EINVAL`: nobody uses the slot. `EIDRM`: it was freed meanwhile.
    #[inline(always)]
    pub fn p(&self, machine: &impl Machine) -> Result<(), Errno> {
        match machine.lower(&self.word) {
            Ok(()) => Ok(()),
            Err(seen) => self.p_since(machine, seen),
        }
    }

    /// P that gives up: `deadline` is asked when it cannot take at once.
    ///
    /// # Errors
    /// `ETIMEDOUT`: the deadline passed; else as [`p`](Self::p).
    #[inline(always)]
    pub fn p_until(&self, machine: &impl Machine, deadline: impl FnOnce() -> Instant) -> Result<(), Errno> {
        match machine.lower(&self.word) {
            Ok(()) => Ok(()),
            Err(seen) if seen.is_in_use() => self.p_again(machine, seen, Some(deadline()), false),
            Err(_) => Err(Errno::EINVAL),
        }
    }

    /// P, since the slot was in state `seen`, which did not let the program take by itself. The usual way in one piece: nobody waits yet;
    /// it says that somebody does, sleeps, and takes the one that it was woken for.
    ///
    /// # Errors
    /// As [`p`](Self::p).
    #[cold]
    #[inline(never)]
    pub fn p_since(&self, machine: &impl Machine, seen: State) -> Result<(), Errno> {
        if !seen.is_in_use() {
            return Err(Errno::EINVAL);
        }
        let (asleep, given) = (seen.emptied(), seen.given_to_the_last());
        if seen != given.spent() || exchange_from(&self.word, seen, asleep).is_err() {
            return self.p_again(machine, seen, None, false);
        }
        machine.enter();
        if self.sleep(machine, asleep, None) == Err(Errno::EINTR) {
            return self.p_interrupted(machine, given);
        }
        if exchange_from(&self.word, given, given.spent()).is_ok() { Ok(()) } else { self.p_again(machine, given, None, true) }
    }

    /// [`p_since`](Self::p_since), whose sleep was interrupted.
    #[cold]
    #[inline(never)]
    fn p_interrupted(&self, machine: &impl Machine, seen: State) -> Result<(), Errno> {
        let is_kept = !self.attend(machine);
        let ended = self.p_again(machine, seen, None, true);
        if is_kept && !mutant::is(Mutant::FutaphoreInterruptionDropped) {
            machine.keep_interruption();
        }
        ended
    }

    /// P, as long as it takes.
    #[cold]
    #[inline(never)]
    fn p_again(&self, machine: &impl Machine, seen: State, deadline: Option<Instant>, mut has_entered: bool) -> Result<(), Errno> {
        let asleep = seen.emptied();
        let mut is_kept = false;
        let ended = loop {
            // Takes, or says that somebody waits; both only in the life that the caller began in.
            let state = self.state();
            if !state.is_one_life(seen) {
                break Err(Errno::EIDRM);
            }
            let taken = state.taken();
            if exchange_from(&self.word, state, taken.unwrap_or(asleep)).is_err() {
                continue;
            }
            if taken.is_some() {
                break Ok(());
            }
            if !has_entered {
                machine.enter();
                has_entered = true;
            }
            match self.sleep(machine, asleep, deadline) {
                Err(Errno::EINTR) => is_kept |= !self.attend(machine),
                Err(Errno::ETIMEDOUT) => {
                    self.settle(machine);
                    break Err(Errno::ETIMEDOUT);
                }
                _ => {}
            }
        };
        if is_kept {
            machine.keep_interruption();
        }
        ended
    }

    /// Sleeps as long as the word says `asleep`, until a wake.
    ///
    /// # Errors
    /// As [`Machine::wait`].
    #[inline(always)]
    fn sleep(&self, machine: &impl Machine, asleep: State, deadline: Option<Instant>) -> Result<(), Errno> {
        let must_wait = || mutant::is(Mutant::FutaphoreNotCheckedAgain) || self.state() == asleep;
        machine.wait(&self.word, deadline, must_wait)
    }

    /// The caller's sleep was interrupted: lets the machine attend to it, while nothing says that the caller waits. False: it was left alone.
    #[cold]
    #[inline(never)]
    fn attend(&self, machine: &impl Machine) -> bool {
        if !mutant::is(Mutant::FutaphoreLeftByTheInterrupted) {
            self.settle(machine);
        }
        machine.attend()
    }

    /// Takes the waiters bit back if nobody waits any more: the caller was late, or interrupted.
    #[cold]
    #[inline(never)]
    fn settle(&self, machine: &impl Machine) {
        machine.wake_one(&self.word, |waiting| {
            if waiting == 0 || mutant::is(Mutant::FutaphoreClearedByTheLate) {
                let _ = self.change(|state| state.is_awaited().then(|| state.settled(false)));
            }
            false
        });
    }

    /// P, if that can be done at once.
    ///
    /// # Errors
    /// `EAGAIN`: it cannot. `EINVAL`: nobody uses the slot.
    #[inline]
    pub fn try_p(&self, machine: &impl Machine) -> Result<(), Errno> {
        let Err(_) = machine.lower(&self.word) else { return Ok(()) };
        self.change(State::taken).map_err(|state| if state.is_in_use() { Errno::EAGAIN } else { Errno::EINVAL })
    }

    /// V: gives one, and wakes one who waits.
    ///
    /// # Errors
    /// `EINVAL`: nobody uses the slot. `EOVERFLOW`: the count is the greatest. `EIDRM`: it was freed meanwhile.
    #[inline(always)]
    pub fn v(&self, machine: &impl Machine) -> Result<(), Errno> {
        match machine.raise(&self.word) {
            Ok(()) => Ok(()),
            Err(seen) => self.v_since(machine, seen),
        }
    }

    /// V, since the slot was in state `seen`, which did not let the program give by itself.
    ///
    /// # Errors
    /// As [`v`](Self::v).
    #[cold]
    #[inline(never)]
    pub fn v_since(&self, machine: &impl Machine, seen: State) -> Result<(), Errno> {
        // The usual way: one waits, and nobody has given.
        if seen != seen.emptied() || !seen.is_in_use() {
            return self.v_again(machine, seen, false);
        }
        machine.enter();
        let is_given = machine.wake_lone(&self.word, || exchange_from(&self.word, seen, seen.given_to_the_last()).is_ok());
        if is_given { Ok(()) } else { self.v_again(machine, seen, true) }
    }

    /// V, whoever waits.
    #[cold]
    #[inline(never)]
    fn v_again(&self, machine: &impl Machine, seen: State, has_entered: bool) -> Result<(), Errno> {
        if !seen.is_awaited() {
            return Err(if seen.is_in_use() { Errno::EOVERFLOW } else { Errno::EINVAL });
        }
        if !has_entered {
            machine.enter();
        }
        let mut result = Ok(());
        machine.wake_one(&self.word, |waiting| {
            // One of them will be gone.
            let is_awaited = waiting > 1 && !mutant::is(Mutant::FutaphoreClearedEarly);
            let given = self.change(|state| if state.is_one_life(seen) { state.given(is_awaited) } else { None });
            result = given.map_err(|state| if state.is_one_life(seen) { Errno::EOVERFLOW } else { Errno::EIDRM });
            result.is_ok()
        });
        result
    }

    /// The count: what so many Ps would take at once.
    ///
    /// # Errors
    /// `EINVAL`: nobody uses the slot.
    #[inline]
    pub fn value(&self) -> Result<u32, Errno> {
        let state = self.state();
        if state.is_in_use() { Ok(state.count()) } else { Err(Errno::EINVAL) }
    }

    /// Frees the slot; who waits is told `EIDRM`. The caller holds the page's guard.
    pub(super) fn free(&self, machine: &impl Machine) -> Result<(), Errno> {
        let wake_all = || {
            machine.enter();
            machine.wake_all(&self.word);
        };
        if mutant::is(Mutant::FutaphoreWokenBeforeFreed) {
            wake_all();
        }
        let mut was = State::FREE;
        let freed = self.change(|state| {
            was = state;
            state.is_in_use().then(|| state.freed())
        });
        freed.map_err(|_| Errno::EINVAL)?;
        if was.is_awaited() && !mutant::is(Mutant::FutaphoreWokenBeforeFreed) {
            wake_all();
        }
        Ok(())
    }
}
