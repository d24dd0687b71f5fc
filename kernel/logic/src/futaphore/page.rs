//! The page: which slots are whose.

use super::{MOST, Machine, Slot, State};
use crate::mutant::{self, Mutant};
use skete_abi::Errno;

/// Slots of a page of 4 KiB.
pub const SLOT_COUNT: usize = 64;

/// `N` slots: [`SLOT_COUNT`] but in models. The futaphore in slot 0 guards the others while one is made or freed, and is nobody else's.
#[derive(Debug)]
#[repr(C, align(4096))]
pub struct Page<const N: usize>([Slot; N]);

impl<const N: usize> Page<N> {
    /// A page as it begins: slot 0 is made, with the count 1, and the others are free.
    #[cfg(not(loom))]
    #[must_use]
    pub const fn new() -> Self {
        let mut slots = [const { Slot::new(State::FREE) }; N];
        slots[0] = Slot::new(State::GUARD);
        Self(slots)
    }

    /// A page as it begins.
    #[cfg(loom)]
    #[must_use]
    pub fn new() -> Self {
        Self(core::array::from_fn(|number| Slot::new(if number == 0 { State::GUARD } else { State::FREE })))
    }

    /// The slot of this number.
    ///
    /// # Errors
    /// `EINVAL`: there is none, or it is the guard.
    #[inline(always)]
    pub fn slot(&self, number: usize) -> Result<&Slot, Errno> {
        if number == 0 { Err(Errno::EINVAL) } else { self.0.get(number).ok_or(Errno::EINVAL) }
    }

    /// Makes a futaphore that begins at `count`; its number.
    ///
    /// # Errors
    /// `EOVERFLOW`: no futaphore counts so far. `ENOSPC`: every slot is used.
    pub fn make(&self, machine: &impl Machine, count: u32) -> Result<usize, Errno> {
        if count > MOST {
            return Err(Errno::EOVERFLOW);
        }
        self.guarded(machine, || {
            let free = self.0.iter().position(|slot| !slot.state().is_in_use()).ok_or(Errno::ENOSPC)?;
            // Nobody but the guard's holder moves a free slot.
            let _ = self.0[free].change(|state| Some(state.made(count)));
            Ok(free)
        })
    }

    /// Frees the futaphore of this number; those who wait for it are told `EIDRM`.
    ///
    /// # Errors
    /// `EINVAL`: there is none.
    pub fn free(&self, machine: &impl Machine, number: usize) -> Result<(), Errno> {
        let slot = self.slot(number)?;
        self.guarded(machine, || slot.free(machine))
    }

    /// How many futaphores there are: for tests and reports.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().skip(1).filter(|slot| slot.state().is_in_use()).count()
    }

    /// Runs `section` between P and V of the guard.
    fn guarded<R>(&self, machine: &impl Machine, section: impl FnOnce() -> Result<R, Errno>) -> Result<R, Errno> {
        if mutant::is(Mutant::FutaphoreTableUnguarded) {
            return section();
        }
        self.0[0].p(machine)?;
        let result = section();
        self.0[0].v(machine)?;
        result
    }
}

impl<const N: usize> Default for Page<N> {
    fn default() -> Self {
        Self::new()
    }
}
