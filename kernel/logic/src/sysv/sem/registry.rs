//! `semget` and IPC_RMID: which sets there are. Whoever uses it brings a lock, which may sleep.

use super::sleeper::Chain;
use super::{BARRED, Gate, Rest, Semaphore, Set, Sleepers, State, undo};
use crate::mutant::{self, Mutant};
use crate::sysv::ids::{Id, Ids, Permissions};
use crate::sysv::limits::Limits;
use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_abi::sem::SemInfo;

/// Where sets stand.
pub trait Places {
    /// The lock of a set.
    type Lock: Gate;
    /// Where its semaphores' memory comes from.
    type Space: Allocator + Clone;

    /// Place `index`, if it was made; those before it were too.
    fn at(&self, index: usize) -> Option<&Set<Self::Lock, Self::Space>>;

    /// Makes place `index`. `None`: no memory.
    fn provide(&self, index: usize) -> Option<&Set<Self::Lock, Self::Space>>;
}

/// Which sets there are, under which keys.
pub struct Registry<A: Allocator> {
    /// Each set's number of semaphores.
    ids: Ids<usize, A>,
    limits: Limits,
    /// Semaphores in all sets.
    used: usize,
    space: A,
}

/// What is left of a set: memory, to be dropped with no lock held.
#[must_use]
pub struct Removed<A: Allocator> {
    _semaphores: Vec<Semaphore, A>,
    _rest: Option<Box<Rest<A>, A>>,
}

impl<A: Allocator + Clone> Registry<A> {
    /// No sets yet, and never more than `limits` say.
    pub fn new(limits: Limits, space: A) -> Self {
        Self { ids: Ids::new(space.clone(), limits.sets as usize), limits, used: 0, space }
    }

    /// `semget`: the set of `key`, or a new one of `count` semaphores, all 0.
    ///
    /// # Errors
    /// `EINVAL`: `count` is negative, above the limit, 0 for a new set, or more than the set has. `ENOENT`, `EEXIST`: as `flags` say.
    /// `EACCES`: the set's mode does not grant what `flags` ask for. `ENOSPC`: too many sets or semaphores. `ENOMEM`.
    pub fn open<P: Places<Space = A>>(&mut self, host: &impl Sleepers, places: &P, key: i32, count: i32, flags: i32) -> Result<Id, Errno> {
        let count = usize::try_from(count).ok().filter(|count| *count <= self.limits.per_set as usize).ok_or(Errno::EINVAL)?;
        let check = |id: Id, &there: &usize| {
            if count > there {
                return Err(Errno::EINVAL);
            }
            let set = places.at(id.index()).ok_or(Errno::EINVAL)?;
            let is_granted = set.status_of(id).is_ok_and(|status| status.permissions.grants(flags));
            if is_granted { Ok(()) } else { Err(Errno::EACCES) }
        };
        let (used, most) = (self.used, self.limits.in_all as usize);
        let may_be = || match count {
            0 => Err(Errno::EINVAL),
            _ if used + count > most => Err(Errno::ENOSPC),
            _ => Ok(()),
        };
        let make = |id: Id| {
            let mut semaphores = Vec::new_in(self.space.clone());
            semaphores.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
            semaphores.resize(count, Semaphore::default());
            let permissions = Permissions::new(key, flags);
            let rest = Rest { permissions, changed: host.stamp(), undo: undo::Chain::EMPTY };
            let rest = Box::try_new_in(rest, self.space.clone()).map_err(|_| Errno::ENOMEM)?;
            places.provide(id.index()).ok_or(Errno::ENOMEM)?.begin(id, semaphores, rest);
            self.used += count;
            Ok(count)
        };
        self.ids.open(key, flags, check, may_be, make)
    }

    /// IPC_RMID: removes the set of `id`; who sleeps in it is woken with `EIDRM`.
    ///
    /// # Errors
    /// `EINVAL`: no such set.
    pub fn remove<P: Places<Space = A>>(&mut self, host: &impl Sleepers, places: &P, id: Id) -> Result<Removed<A>, Errno> {
        let set = places.at(id.index()).ok_or(Errno::EINVAL)?;
        self.used -= self.ids.remove(id)?;
        Ok(set.end(host, id))
    }

    /// IPC_INFO and, if `is_use`, SEM_INFO; and the highest place where a set stands.
    #[must_use]
    pub fn info(&self, is_use: bool) -> (SemInfo, usize) {
        let mut info = self.limits.info();
        if is_use {
            info.semusz = i32::try_from(self.ids.count()).unwrap_or(i32::MAX);
            info.semaem = i32::try_from(self.used).unwrap_or(i32::MAX);
        }
        (info, self.ids.highest())
    }

    /// How many sets there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.ids.count()
    }
}

impl<L: Gate, A: Allocator + Clone> Set<L, A> {
    fn begin(&self, id: Id, semaphores: Vec<Semaphore, A>, rest: Box<Rest<A>, A>) {
        let old = self.locked(|state| {
            let old = core::mem::replace(&mut state.semaphores, semaphores);
            (state.id, state.operated, state.rest) = (id.number().cast_unsigned(), 0, Some(rest));
            state.set_bar();
            old
        });
        // Empty; but no destructor runs under the lock.
        drop(old);
    }

    fn end(&self, host: &impl Sleepers, id: Id) -> Removed<A> {
        host.uninterrupted(|masking| {
            let (chain, removed) = self.locked_uninterrupted(|state| {
                debug_assert!(state.is(id.number()), "a registered set bears its id");
                let leaves_them = mutant::is(Mutant::SetRemovedBeforeTheSleepersGo);
                (if leaves_them { Chain::EMPTY } else { state.dismiss(host, Errno::EIDRM) }, state.take_out())
            });
            chain.wake(host, masking);
            removed
        })
    }
}

impl<A: Allocator + Clone> State<A> {
    fn take_out(&mut self) -> Removed<A> {
        (self.id, self.bar) = (self.id ^ BARRED, 0);
        let empty = Vec::new_in(self.semaphores.allocator().clone());
        Removed { _semaphores: core::mem::replace(&mut self.semaphores, empty), _rest: self.rest.take() }
    }
}
