//! Things that keep their number: a free number is given out again, and growing can fail.
//!
//! Under the file tree (a number is an inode) and under the descriptions of open files.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

/// A table of `T`, each under the number that [`Slab::insert`] gave it.
pub struct Slab<T, A: Allocator> {
    slots: Vec<Slot<T>, A>,
    /// The first of the chain of free slots.
    free: Option<u32>,
}

enum Slot<T> {
    Taken(T),
    Free { next: Option<u32> },
}

/// There is no memory, or no number, for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl<T, A: Allocator> Slab<T, A> {
    /// An empty table, which takes its memory from `space` as it grows.
    pub const fn new(space: A) -> Self {
        Self { slots: Vec::new_in(space), free: None }
    }

    /// Stores `value` and says its number.
    ///
    /// # Errors
    /// [`Full`], when the table cannot grow.
    pub fn insert(&mut self, value: T) -> Result<u32, Full> {
        if let Some(number) = self.free
            && let Some(slot) = self.slots.get_mut(number as usize)
            && let Slot::Free { next } = *slot
        {
            *slot = Slot::Taken(value);
            self.free = next;
            return Ok(number);
        }
        let number = u32::try_from(self.slots.len()).map_err(|_| Full)?;
        self.slots.try_reserve(1).map_err(|_| Full)?;
        self.slots.push(Slot::Taken(value));
        Ok(number)
    }

    /// Takes out what is under `number`; the number is free from now on.
    pub fn remove(&mut self, number: u32) -> Option<T> {
        let slot = self.slots.get_mut(number as usize)?;
        if let Slot::Free { .. } = slot {
            return None;
        }
        let Slot::Taken(value) = core::mem::replace(slot, Slot::Free { next: self.free }) else {
            return None;
        };
        self.free = Some(number);
        Some(value)
    }

    /// What is under `number`.
    #[must_use]
    pub fn get(&self, number: u32) -> Option<&T> {
        match self.slots.get(number as usize)? {
            Slot::Taken(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }

    /// What is under `number`, to change it.
    #[must_use]
    pub fn get_mut(&mut self, number: u32) -> Option<&mut T> {
        match self.slots.get_mut(number as usize)? {
            Slot::Taken(value) => Some(value),
            Slot::Free { .. } => None,
        }
    }

    /// All of them, to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().filter_map(|slot| match slot {
            Slot::Taken(value) => Some(value),
            Slot::Free { .. } => None,
        })
    }

    /// How many numbers are taken. Counts them: for tests and reports.
    #[must_use]
    pub fn count(&self) -> usize {
        self.slots.iter().filter(|slot| matches!(slot, Slot::Taken(_))).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use allocator_api2::alloc::Global;

    #[test]
    fn a_freed_number_is_given_out_again_and_the_others_keep_theirs() {
        let mut slab = Slab::new(Global);
        let numbers = ["a", "b", "c"].map(|name| slab.insert(name));
        assert_eq!(numbers, [Ok(0), Ok(1), Ok(2)]);
        assert_eq!(slab.remove(1), Some("b"));
        assert_eq!(slab.remove(1), None);
        assert_eq!(slab.get(1), None);
        assert_eq!(slab.insert("d"), Ok(1));
        assert_eq!(slab.insert("e"), Ok(3));
        assert_eq!([0, 1, 2, 3].map(|n| slab.get(n).copied()), [Some("a"), Some("d"), Some("c"), Some("e")]);
        assert_eq!(slab.count(), 4);
    }
}
