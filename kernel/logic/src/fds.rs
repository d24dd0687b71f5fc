//! The numbers of open files, and the descriptions behind them (POSIX 3.253: what `dup` shares).
//!
//! It decides which number is free, who shares a position, and when the last holder is gone. What the open thing is (`D`), the
//! kernel knows: a verdict that hands one back means "close this".

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_abi::Errno;

use crate::slab::Slab;
use crate::tree::OpenFlags;

/// The most numbers open at once: they are 0 to 1,023.
pub const LIMIT: usize = 1024;

/// An opening: what several numbers share after `dup`.
pub struct Description<D> {
    /// What is open.
    pub object: D,
    /// How.
    pub flags: OpenFlags,
    /// Where the next read or write happens, in bytes; in a directory, which entry is next.
    pub position: u64,
    /// Numbers that lead here, and calls under way.
    holders: u32,
}

impl<D: Copy> Description<D> {
    /// The same opening for one who is no holder of it.
    #[must_use]
    pub const fn detached(&self) -> Self {
        Self { object: self.object, flags: self.flags, position: self.position, holders: 0 }
    }
}

/// A description kept while a call waits, so that closing its number does not take it away. [`Fds::release`] ends it.
#[must_use = "a description that is held and never released stays open"]
#[derive(Debug)]
pub struct Held(u32);

/// The numbers of open files.
pub struct Fds<D, A: Allocator> {
    numbers: Vec<Option<Number>, A>,
    descriptions: Slab<Description<D>, A>,
}

#[derive(Clone, Copy)]
struct Number {
    description: u32,
    close_on_exec: bool,
}

impl<D: Copy, A: Allocator + Clone> Fds<D, A> {
    /// No number is open; memory comes from `space`.
    pub fn new(space: A) -> Self {
        Self { numbers: Vec::new_in(space.clone()), descriptions: Slab::new(space) }
    }

    /// Opens `object` under the lowest free number.
    ///
    /// # Errors
    /// `EMFILE`, `ENOMEM`; then `object` is not taken.
    pub fn open(&mut self, object: D, flags: OpenFlags) -> Result<i32, Errno> {
        let fd = self.free_number(0)?;
        let description = Description { object, flags, position: 0, holders: 1 };
        let description = self.descriptions.insert(description).map_err(|_| Errno::ENOMEM)?;
        self.numbers[fd] = Some(Number { description, close_on_exec: false });
        Ok(as_fd(fd))
    }

    /// A second number for the same description: the lowest free that is not below `least`.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`, `ENOMEM`; `EINVAL` if `least` is no possible number.
    pub fn duplicate(&mut self, fd: i32, least: i32) -> Result<i32, Errno> {
        let description = self.number(fd)?.description;
        let least = usize::try_from(least).ok().filter(|&least| least < LIMIT).ok_or(Errno::EINVAL)?;
        let copy = self.free_number(least)?;
        self.description_mut(description)?.holders += 1;
        self.numbers[copy] = Some(Number { description, close_on_exec: false });
        Ok(as_fd(copy))
    }

    /// Frees the number; hands back what was open if nobody holds it any more.
    ///
    /// # Errors
    /// `EBADF`.
    #[must_use = "the object handed back is to be closed"]
    pub fn close(&mut self, fd: i32) -> Result<Option<D>, Errno> {
        let description = self.number(fd)?.description;
        *self.slot(fd)? = None;
        self.drop_holder(description)
    }

    /// The description behind a number.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn get(&mut self, fd: i32) -> Result<&mut Description<D>, Errno> {
        let description = self.number(fd)?.description;
        self.description_mut(description)
    }

    /// Keeps the description behind a number for a call that waits.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn hold(&mut self, fd: i32) -> Result<Held, Errno> {
        let description = self.number(fd)?.description;
        self.description_mut(description)?.holders += 1;
        Ok(Held(description))
    }

    /// The description that is held.
    ///
    /// # Errors
    /// None for what [`Fds::hold`] of this table gave; `EBADF` else.
    pub fn held(&mut self, held: &Held) -> Result<&mut Description<D>, Errno> {
        self.description_mut(held.0)
    }

    /// Ends a [`Fds::hold`]; hands back what was open if its number was closed meanwhile and nobody else holds it.
    #[must_use = "the object handed back is to be closed"]
    pub fn release(&mut self, held: Held) -> Option<D> {
        self.drop_holder(held.0).ok().flatten()
    }

    /// Whether the number is closed when another program takes over (`FD_CLOEXEC`): kept and told; no program ever does.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close_on_exec(&mut self, fd: i32) -> Result<&mut bool, Errno> {
        self.slot(fd)?.as_mut().map(|number| &mut number.close_on_exec).ok_or(Errno::EBADF)
    }

    /// How many numbers are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.numbers.iter().flatten().count()
    }

    fn slot(&mut self, fd: i32) -> Result<&mut Option<Number>, Errno> {
        usize::try_from(fd).ok().and_then(|fd| self.numbers.get_mut(fd)).ok_or(Errno::EBADF)
    }

    fn number(&mut self, fd: i32) -> Result<Number, Errno> {
        (*self.slot(fd)?).ok_or(Errno::EBADF)
    }

    fn description_mut(&mut self, description: u32) -> Result<&mut Description<D>, Errno> {
        self.descriptions.get_mut(description).ok_or(Errno::EBADF)
    }

    /// The lowest free number from `least` on; the table reaches that far afterwards.
    fn free_number(&mut self, least: usize) -> Result<usize, Errno> {
        let free = (least..).find(|&fd| self.numbers.get(fd).is_none_or(Option::is_none)).unwrap_or(LIMIT);
        if free >= LIMIT {
            return Err(Errno::EMFILE);
        }
        if free >= self.numbers.len() {
            self.numbers.try_reserve(free + 1 - self.numbers.len()).map_err(|_| Errno::ENOMEM)?;
            self.numbers.resize(free + 1, None);
        }
        Ok(free)
    }

    fn drop_holder(&mut self, description: u32) -> Result<Option<D>, Errno> {
        let left = self.description_mut(description)?;
        left.holders -= 1;
        if left.holders > 0 {
            return Ok(None);
        }
        Ok(self.descriptions.remove(description).map(|gone| gone.object))
    }
}

/// Numbers stay below [`LIMIT`].
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "below LIMIT")]
const fn as_fd(number: usize) -> i32 {
    number as i32
}
