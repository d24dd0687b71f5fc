//! Which priority the ceilings of held locks ask for (POSIX `PTHREAD_PRIO_PROTECT`): one of these a thread.

use core::cell::Cell;

use skete_abi::Errno;

/// Priorities that a ceiling can have: 0 to 31.
pub const CEILINGS: usize = 32;

/// How many locks of each ceiling a thread holds, and the priority that it has by itself. Touched by the thread alone.
#[derive(Debug)]
pub struct Ceilings {
    held: [Cell<u16>; CEILINGS],
    own: Cell<u8>,
}

impl Ceilings {
    /// Of a thread that holds none.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: [const { Cell::new(0) }; CEILINGS], own: Cell::new(0) }
    }

    /// One more lock of this ceiling is held by a thread whose base priority is `base` now; the base priority that it is to have.
    ///
    /// # Errors
    /// `EINVAL`: the priority that it has by itself is above the ceiling, or there is no such ceiling. `EAGAIN`: it holds too many.
    pub fn raise(&self, ceiling: u8, base: u8) -> Result<u8, Errno> {
        let own = if self.highest().is_none() { base } else { self.own.get() };
        let held = self.held.get(usize::from(ceiling)).filter(|_| own <= ceiling).ok_or(Errno::EINVAL)?;
        let more = held.get().checked_add(1).ok_or(Errno::EAGAIN)?;
        held.set(more);
        self.own.set(own);
        Ok(self.highest().unwrap_or(own).max(own))
    }

    /// One less is held; the base priority that the thread is to have.
    pub fn lower(&self, ceiling: u8) -> u8 {
        if let Some(held) = self.held.get(usize::from(ceiling)) {
            held.set(held.get().saturating_sub(1));
        }
        self.highest().unwrap_or(0).max(self.own.get())
    }

    /// The priority that the thread has by itself, if it holds a lock with a ceiling.
    #[must_use]
    pub fn own(&self) -> Option<u8> {
        self.highest().map(|_| self.own.get())
    }

    /// The thread is given another priority of its own; the base priority that it is to have.
    pub fn set_own(&self, own: u8) -> u8 {
        self.own.set(own);
        self.highest().unwrap_or(0).max(own)
    }

    fn highest(&self) -> Option<u8> {
        let index = self.held.iter().rposition(|held| held.get() > 0)?;
        u8::try_from(index).ok()
    }
}

impl Default for Ceilings {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_runs_at_the_highest_ceiling_that_it_holds() {
        let ceilings = Ceilings::new();
        assert_eq!((ceilings.raise(10, 3), ceilings.raise(7, 10), ceilings.raise(20, 10)), (Ok(10), Ok(10), Ok(20)));
        assert_eq!((ceilings.lower(20), ceilings.lower(10), ceilings.lower(7)), (10, 7, 3));
        assert_eq!(ceilings.own(), None);
    }

    #[test]
    fn who_is_above_the_ceiling_is_refused_by_its_own_priority() {
        let ceilings = Ceilings::new();
        assert_eq!(ceilings.raise(5, 6), Err(Errno::EINVAL));
        assert_eq!(ceilings.raise(9, 6), Ok(9));
        assert_eq!((ceilings.raise(7, 9), ceilings.raise(5, 9), ceilings.raise(32, 9)), (Ok(9), Err(Errno::EINVAL), Err(Errno::EINVAL)));
        assert_eq!(ceilings.set_own(11), 11);
        assert_eq!((ceilings.own(), ceilings.lower(9), ceilings.lower(7)), (Some(11), 11, 11));
    }
}
