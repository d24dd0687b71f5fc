//! Keys and ids: how a program finds an object of System V, and why a stale id is never another's object (`sysvipc(7)`).
//!
//! A table of one kind of object, semaphore sets or memory segments. Whoever uses it brings the lock: creating and removing are rare.
//! Each place in the table counts the objects that have stood there, and an [`Id`] carries that count, so the id of a removed object
//! fits nothing until 65,536 others have stood in its place; and places are taken in turn, at least [`LEAST_CYCLE`] of them.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_abi::Errno;

pub use skete_abi::ipc::{IPC_CREAT, IPC_EXCL, IPC_PRIVATE};

/// The most objects of a kind: an id has 15 bits for the place (Linux's IPCMNI).
pub const PLACES: usize = 1 << PLACE_BITS;
/// So many places are taken in turn before the first one is taken again.
pub const LEAST_CYCLE: usize = 64;

const PLACE_BITS: u32 = 15;
const CHAINS: usize = 256;

/// An object's name towards programs.
///
/// | bits | meaning |
/// |---|---|
/// | 0–14 | its place in the table |
/// | 15–30 | how many objects have stood there before it, modulo 2¹⁶ |
/// | 31 | 0: an id is no negative number |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Id(u32);

impl Id {
    /// The id of the object in place `index`, below [`PLACES`], after `sequence` others.
    #[must_use]
    pub const fn new(index: usize, sequence: u16) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "masked to 15 bits")]
        let index = (index & (PLACES - 1)) as u32;
        Self((sequence as u32) << PLACE_BITS | index)
    }

    /// Reads a number that a program gave; `None` if it is negative: no object has such an id.
    #[must_use]
    #[inline]
    pub const fn from_number(number: i32) -> Option<Self> {
        if number < 0 { None } else { Some(Self(number.cast_unsigned())) }
    }

    /// The number as programs see it.
    #[must_use]
    #[inline]
    pub const fn number(self) -> i32 {
        self.0.cast_signed()
    }

    /// Its place in the table, below [`PLACES`].
    #[must_use]
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize & (PLACES - 1)
    }

    /// The place that `number` leads to, be it an id or not.
    #[must_use]
    #[inline(always)]
    pub const fn place_of(number: i32) -> usize {
        number.cast_unsigned() as usize & (PLACES - 1)
    }

    /// How many objects have stood in its place before it, modulo 2¹⁶: `struct ipc_perm` tells it.
    #[must_use]
    #[inline]
    #[allow(clippy::cast_possible_truncation, reason = "31 bits without 15 are 16")]
    pub const fn sequence(self) -> u16 {
        (self.0 >> PLACE_BITS) as u16
    }
}

/// Whose an object is, and what its owner may do with it: `struct ipc_perm`.
///
/// There is one user, who owns and has made everything, and is held to the owner's bits of the mode: nobody here is so privileged as
/// to pass over them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// The key that finds it, or [`IPC_PRIVATE`].
    pub key: i32,
    /// The owner, as IPC_SET said last.
    pub uid: u32,
    /// The owner's group, as IPC_SET said last.
    pub gid: u32,
    /// Nine bits, as of a file; the execute bits mean nothing.
    pub mode: u16,
}

impl Permissions {
    /// Those of an object made with `flags`.
    #[must_use]
    pub const fn new(key: i32, flags: i32) -> Self {
        Self { key, uid: 0, gid: 0, mode: mode_of(flags) }
    }

    /// Whether the owner has what the low nine bits of `flags` ask for, whoever's bits they are.
    #[must_use]
    #[inline]
    pub const fn grants(&self, flags: i32) -> bool {
        let asked = mode_of(flags);
        (asked >> 6 | asked >> 3 | asked) & !(self.mode >> 6) & 0o7 == 0
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "masked to nine bits")]
const fn mode_of(flags: i32) -> u16 {
    (flags & 0o777) as u16
}

/// A number of a place, one higher, so that an empty table is all zeros; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Link(u16);

impl Link {
    const NONE: Self = Self(0);

    #[allow(clippy::cast_possible_truncation, reason = "places are fewer than 2^16")]
    const fn to(index: usize) -> Self {
        Self(index as u16 + 1)
    }

    const fn index(self) -> Option<usize> {
        if self.0 == 0 { None } else { Some(self.0 as usize - 1) }
    }
}

/// A place: an object, or room for one.
struct Place<T> {
    /// The id of the object that stands here, or of the one that will.
    sequence: u16,
    key: i32,
    /// The next object whose key has this hash; the next free place.
    next: Link,
    object: Option<T>,
}

/// The objects of one kind.
pub struct Ids<T, A: Allocator> {
    places: Vec<Place<T>, A>,
    /// The first object of each hash of a key.
    chains: [Link; CHAINS],
    first_free: Link,
    last_free: Link,
    count: usize,
    most: usize,
}

impl<T, A: Allocator> Ids<T, A> {
    /// An empty table that takes its memory from `space` as it grows, and holds at most `most` objects, or [`PLACES`].
    pub const fn new(space: A, most: usize) -> Self {
        let most = if most < PLACES { most } else { PLACES };
        Self { places: Vec::new_in(space), chains: [Link::NONE; CHAINS], first_free: Link::NONE, last_free: Link::NONE, count: 0, most }
    }

    /// What `semget` and `shmget` decide: the object of `key`, which `check` has nothing against; or, if there is none and `flags` say
    /// [`IPC_CREAT`], a new one, if `may_be` has nothing against that, which `make` makes under the id that it gets.
    ///
    /// # Errors
    /// `ENOENT`: there is none. `EEXIST`: there is one, and `flags` say [`IPC_EXCL`] too. `ENOSPC`: there are as many as there may be.
    /// `ENOMEM`. What `check`, `may_be` and `make` answer; then nothing has changed.
    pub fn open(
        &mut self,
        key: i32,
        flags: i32,
        check: impl FnOnce(Id, &T) -> Result<(), Errno>,
        may_be: impl FnOnce() -> Result<(), Errno>,
        make: impl FnOnce(Id) -> Result<T, Errno>,
    ) -> Result<Id, Errno> {
        match if key == IPC_PRIVATE { None } else { self.find(key) } {
            None if key != IPC_PRIVATE && flags & IPC_CREAT == 0 => Err(Errno::ENOENT),
            None => {
                may_be()?;
                self.insert(key, make)
            }
            Some(_) if flags & IPC_CREAT != 0 && flags & IPC_EXCL != 0 => Err(Errno::EEXIST),
            Some(id) => check(id, self.get(id)?).map(|()| id),
        }
    }

    /// The object that `key` finds.
    #[must_use]
    pub fn find(&self, key: i32) -> Option<Id> {
        let mut link = self.chains[chain_of(key)];
        while let Some(index) = link.index() {
            let place = &self.places[index];
            if place.key == key {
                return Some(Id::new(index, place.sequence));
            }
            link = place.next;
        }
        None
    }

    /// The object of `id`.
    ///
    /// # Errors
    /// `EINVAL`: there is none, or none any more.
    pub fn get(&self, id: Id) -> Result<&T, Errno> {
        let place = self.places.get(id.index()).filter(|place| place.sequence == id.sequence());
        place.and_then(|place| place.object.as_ref()).ok_or(Errno::EINVAL)
    }

    /// The object of `id`, to change it.
    ///
    /// # Errors
    /// `EINVAL`: there is none, or none any more.
    pub fn get_mut(&mut self, id: Id) -> Result<&mut T, Errno> {
        let place = self.places.get_mut(id.index()).filter(|place| place.sequence == id.sequence());
        place.and_then(|place| place.object.as_mut()).ok_or(Errno::EINVAL)
    }

    /// The id of whatever stands in place `index`: `SEM_STAT` and `SHM_STAT` go by place.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<Id> {
        let place = self.places.get(index)?;
        place.object.is_some().then(|| Id::new(index, place.sequence))
    }

    /// How many objects there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// The highest place where an object stands: what `IPC_INFO` returns; 0 if there is none at all.
    #[must_use]
    pub fn highest(&self) -> usize {
        self.places.iter().rposition(|place| place.object.is_some()).unwrap_or(0)
    }

    /// Takes the object of `id` out; its key is free from now on, and its id stale.
    ///
    /// # Errors
    /// `EINVAL`: there is none, or none any more.
    pub fn remove(&mut self, id: Id) -> Result<T, Errno> {
        self.forget_key(id)?;
        let place = &mut self.places[id.index()];
        let object = place.object.take().ok_or(Errno::EINVAL)?;
        place.sequence = place.sequence.wrapping_add(1);
        self.free(id.index());
        self.count -= 1;
        Ok(object)
    }

    /// From now on no key finds the object of `id`, which stays: a segment that is removed while it is attached.
    ///
    /// # Errors
    /// `EINVAL`: there is none, or none any more.
    pub fn forget_key(&mut self, id: Id) -> Result<(), Errno> {
        self.get(id)?;
        let (index, key) = (id.index(), self.places[id.index()].key);
        if key == IPC_PRIVATE {
            return Ok(());
        }
        let next = self.places[index].next;
        self.places[index].key = IPC_PRIVATE;
        let mut link = self.chains[chain_of(key)];
        if link == Link::to(index) {
            self.chains[chain_of(key)] = next;
            return Ok(());
        }
        while let Some(before) = link.index() {
            link = self.places[before].next;
            if link == Link::to(index) {
                self.places[before].next = next;
            }
        }
        Ok(())
    }

    fn insert(&mut self, key: i32, make: impl FnOnce(Id) -> Result<T, Errno>) -> Result<Id, Errno> {
        if self.count >= self.most {
            return Err(Errno::ENOSPC);
        }
        let index = self.take_place()?;
        let id = Id::new(index, self.places[index].sequence);
        let object = match make(id) {
            Ok(object) => object,
            Err(errno) => {
                self.free(index);
                return Err(errno);
            }
        };
        let place = &mut self.places[index];
        (place.key, place.object) = (key, Some(object));
        if key != IPC_PRIVATE {
            place.next = self.chains[chain_of(key)];
            self.chains[chain_of(key)] = Link::to(index);
        }
        self.count += 1;
        Ok(id)
    }

    /// The place that has been free for longest, unless there are few places yet.
    fn take_place(&mut self) -> Result<usize, Errno> {
        let may_grow = self.places.len() < PLACES;
        if (self.places.len() >= LEAST_CYCLE || !may_grow)
            && let Some(index) = self.first_free.index()
        {
            self.first_free = self.places[index].next;
            if self.first_free == Link::NONE {
                self.last_free = Link::NONE;
            }
            return Ok(index);
        }
        self.places.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.places.push(Place { sequence: 0, key: IPC_PRIVATE, next: Link::NONE, object: None });
        Ok(self.places.len() - 1)
    }

    fn free(&mut self, index: usize) {
        self.places[index].next = Link::NONE;
        match self.last_free.index() {
            None => self.first_free = Link::to(index),
            Some(last) => self.places[last].next = Link::to(index),
        }
        self.last_free = Link::to(index);
    }
}

/// The chain of a key: the top of a product, as a futex word's bucket.
const fn chain_of(key: i32) -> usize {
    (key.cast_unsigned().wrapping_mul(0x9E37_79B1) >> 24) as usize % CHAINS
}
