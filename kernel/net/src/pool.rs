//! What has buffers, by numbers: used again, never freed, and bounded.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;

/// At most so many of `T`, each in use or not.
pub struct Pool<T, A: Allocator> {
    all: Vec<T, A>,
    free: Vec<u32, A>,
    most: usize,
}

impl<T, A: Allocator + Clone> Pool<T, A> {
    /// None yet, and room for `most`; none at all, if there is no memory.
    pub fn new(space: A, most: usize) -> Option<Self> {
        let (mut all, mut free) = (Vec::new_in(space.clone()), Vec::new_in(space));
        all.try_reserve_exact(most).ok()?;
        free.try_reserve_exact(most).ok()?;
        Some(Self { all, free, most })
    }

    /// One that was used before; none, if all are in use.
    pub fn take_used(&mut self) -> Option<u32> {
        self.free.pop()
    }

    /// One that `make` makes; none, if there are as many as there may be, or `make` makes none.
    pub fn grow(&mut self, make: impl FnOnce() -> Option<T>) -> Option<u32> {
        let number = u32::try_from(self.all.len()).ok().filter(|_| self.all.len() < self.most)?;
        self.all.push(make()?);
        Some(number)
    }

    /// This one, which is in use, is not any more.
    pub fn give(&mut self, number: u32) {
        self.free.push(number);
    }

    /// The one of this number.
    pub fn get(&mut self, number: u32) -> Option<&mut T> {
        self.all.get_mut(number as usize)
    }

    /// The one of this number, to be read.
    pub fn peek(&self, number: u32) -> Option<&T> {
        self.all.get(number as usize)
    }

    /// All, in use or not, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.all.iter()
    }

    /// How many there are, in use or not: their numbers are those below.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// How many are in use.
    pub fn in_use(&self) -> usize {
        self.all.len() - self.free.len()
    }
}
