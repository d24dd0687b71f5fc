//! SEM_UNDO: what a thread took and gave is taken back when it has ended.
//!
//! Threads share undo lists as with CLONE_SYSVSEM: a new thread [shares](Lists::join) its maker's, [`ROOT`] from the first, until it
//! [begins](Lists::begin) one of its own. A list is a number and no more: its entries stand in the sets that they are about, under the
//! sets' locks, and who shares it is said by each thread's [`Membership`].
//!
//! Who ends [leaves](Membership::leave) and, if anything was ever to be undone and [nobody shares](Lists::is_shared) the list any more,
//! [applies](apply) it. Of two that leave at once each says so, *fences*, then looks: at least one sees the other gone. If both do, the
//! second finds no entries left. The look is not one moment: a thread already looked at may begin to live before its maker, not yet looked
//! at, is gone. Whoever joins is counted, and a look during which somebody was is taken again.

use super::sleeper::Chain as Woken;
use super::{Gate, Places, Set, Sleepers, State};
use crate::mutant::{self, Mutant};
use crate::sysv::ids::{Id, PLACES};
use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_abi::sem::SEMVMX;
use skete_cell::atomic::{AtomicU32, Ordering, fence};

/// The list of the main thread, and of all who never unshared.
pub const ROOT: u32 = 1;
/// The list of who does not live: no list.
const GONE: u32 = 0;

/// Which list a thread shares: in its thread record. Written by the thread, and by its maker before it runs.
#[derive(Debug)]
pub struct Membership(AtomicU32);

impl Membership {
    skete_cell::constructor! {
        /// Of a thread that does not live.
        pub fn new() -> Self {
            Self(AtomicU32::new(GONE))
        }
    }

    /// The list; 0 if the thread does not live.
    #[must_use]
    #[inline]
    pub fn list(&self) -> u32 {
        // Acquire: who sees a thread gone sees whom it has let share its list. Pairs with the Release in `leave`.
        self.0.load(Ordering::Acquire)
    }

    /// The calling thread shares no list any more; which it was.
    #[inline]
    pub fn leave(&self) -> u32 {
        let list = self.list();
        self.0.store(GONE, Ordering::Release);
        if !mutant::is(Mutant::LeftWithoutFence) {
            // Between this thread's going and its look at the others, and at whether there is anything to undo at all; and between
            // its having something to undo and that look: pairs with the same fence of another that leaves.
            fence(Ordering::SeqCst);
        }
        list
    }
}

impl Default for Membership {
    fn default() -> Self {
        Self::new()
    }
}

/// Which lists there are, as far as anybody must know.
#[derive(Debug)]
pub struct Lists {
    /// How often a thread has begun to share a list.
    joins: AtomicU32,
    /// The number of the next list that somebody begins, if that is free.
    next: AtomicU32,
}

impl Lists {
    skete_cell::constructor! {
        /// Of which `last`, [`ROOT`] at boot, was the last that somebody began.
        pub fn after(last: u32) -> Self {
            Self { joins: AtomicU32::new(0), next: AtomicU32::new(last.wrapping_add(1)) }
        }
    }

    /// The thread of `new` shares the list of its `maker` from now on, or [`ROOT`] if that is no thread. Called by the maker.
    #[inline]
    pub fn join(&self, new: &Membership, maker: &Membership) {
        new.0.store(maker.0.load(Ordering::Relaxed).max(ROOT), Ordering::Release);
        if !mutant::is(Mutant::JoinedUncounted) {
            // Release pairs with the Acquire in `is_shared`.
            self.joins.fetch_add(1, if mutant::is(Mutant::JoinedRelaxed) { Ordering::Relaxed } else { Ordering::Release });
        }
    }

    /// Whether any of `all` threads' memberships is in `list`.
    pub fn is_shared<'a, I: Iterator<Item = &'a Membership>>(&self, list: u32, all: impl Fn() -> I) -> bool {
        loop {
            // Acquire: whoever is counted in it is seen by this look.
            let joins = self.joins.load(Ordering::Acquire);
            if all().any(|one| one.list() == list) {
                return true;
            }
            // Of one who was let share by a thread that this look saw gone it is known here.
            if self.joins.load(Ordering::Relaxed) == joins {
                return false;
            }
        }
    }

    /// The calling thread, who shares no list, begins one that none of `all` is in.
    pub fn begin<'a, I: Iterator<Item = &'a Membership>>(&self, own: &Membership, all: impl Fn() -> I) {
        loop {
            // Nobody else gets this number, before all others were given out.
            let list = self.next.fetch_add(1, Ordering::Relaxed);
            if list > ROOT && !self.is_shared(list, &all) {
                return own.0.store(list, Ordering::Release);
            }
        }
    }
}

/// The undo entries of a set, one for each list that has something to undo there.
pub(super) struct Chain<A: Allocator>(Option<Box<Entry<A>, A>>);

/// What a list is to undo in a set.
pub(super) struct Entry<A: Allocator> {
    list: u32,
    /// What is to be added to each semaphore's value.
    adjustments: Vec<i16, A>,
    next: Chain<A>,
}

impl<A: Allocator> Chain<A> {
    pub(super) const EMPTY: Self = Self(None);

    /// The adjustments of `list`.
    pub(super) fn of(&mut self, list: u32) -> Option<&mut [i16]> {
        let mut chain = self;
        while let Some(entry) = &mut chain.0 {
            if entry.list == list {
                return Some(&mut entry.adjustments);
            }
            chain = &mut entry.next;
        }
        None
    }

    fn push(&mut self, mut entry: Box<Entry<A>, A>) {
        entry.next = Self(self.0.take());
        self.0 = Some(entry);
    }

    /// Takes out the entry of `list`.
    fn take(&mut self, list: u32) -> Option<Box<Entry<A>, A>> {
        let mut chain = self;
        while chain.0.as_ref().is_some_and(|entry| entry.list != list) {
            chain = &mut chain.0.as_mut()?.next;
        }
        let mut taken = chain.0.take()?;
        chain.0 = taken.next.0.take();
        Some(taken)
    }

    /// Forgets what was to be done to semaphore `number`, by whomever; to all, if it is none.
    pub(super) fn forget(&mut self, number: Option<usize>) {
        let mut chain = self;
        while let Some(entry) = &mut chain.0 {
            match number {
                None => entry.adjustments.fill(0),
                Some(number) => entry.adjustments[number] = 0,
            }
            chain = &mut entry.next;
        }
    }
}

/// Takes back all that `list` is to undo, in every set, and lets those go whom that helps. Nobody shares the list any more.
pub fn apply<P: Places>(host: &impl Sleepers, places: &P, list: u32) {
    for set in (0..PLACES).map_while(|index| places.at(index)) {
        set.undo(host, list);
    }
}

impl<L: Gate, A: Allocator + Clone> Set<L, A> {
    /// Gives the caller's undo list an entry in the set of `id`.
    #[cold]
    pub(super) fn prepare_undo(&self, host: &impl Sleepers, number: i32) -> Result<(), Errno> {
        let id = Id::from_number(number).ok_or(Errno::EINVAL)?;
        let list = host.undo_list(host.current());
        let (count, space) = self.with(id, |state| Ok((state.semaphores.len(), state.semaphores.allocator().clone())))?;
        // Memory is taken without the lock.
        let mut adjustments = Vec::new_in(space.clone());
        adjustments.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        adjustments.resize(count, 0);
        let entry = Entry { list, adjustments, next: Chain::EMPTY };
        let mut entry = Some(Box::try_new_in(entry, space).map_err(|_| Errno::ENOMEM)?);
        // Before the entry is there: who leaves and does not see this is seen gone by this thread, when that leaves.
        host.expect_undo();
        self.with(id, |state| {
            if let Some(rest) = &mut state.rest
                && rest.undo.of(list).is_none()
                && let Some(entry) = entry.take()
            {
                rest.undo.push(entry);
            }
            Ok(())
        })
        // It was there a moment ago.
        .map_err(|_| Errno::EIDRM)
    }

    /// Takes back what `list` is to undo here.
    fn undo(&self, host: &impl Sleepers, list: u32) {
        if mutant::is(Mutant::UndoneInTwoSections) {
            return self.undo_in_two_sections(host, list);
        }
        let (entry, chain) = self.locked(|state| {
            let entry = state.rest.as_mut().and_then(|rest| rest.undo.take(list));
            let chain = entry.as_ref().map(|entry| state.add_all(host, &entry.adjustments));
            (entry, chain)
        });
        // Its memory goes back without the lock.
        drop(entry);
        if let Some(chain) = chain {
            chain.wake(host);
        }
    }

    /// As [`undo`](Self::undo), broken: another may do the same between the sections.
    fn undo_in_two_sections(&self, host: &impl Sleepers, list: u32) {
        let seen = self.locked(|state| state.rest.as_mut().and_then(|rest| rest.undo.of(list)).map(|adjustments| adjustments[0]));
        if let Some(adjustment) = seen {
            self.locked(|state| state.add_all(host, &[adjustment])).wake(host);
            drop(self.locked(|state| state.rest.as_mut().and_then(|rest| rest.undo.take(list))));
        }
    }
}

impl<A: Allocator> State<A> {
    /// Adds to each value its adjustment, as far as a value can go.
    fn add_all(&mut self, host: &impl Sleepers, adjustments: &[i16]) -> Woken {
        let pid = host.pid();
        for (semaphore, &adjustment) in self.semaphores.iter_mut().zip(adjustments).filter(|(_, adjustment)| **adjustment != 0) {
            semaphore.value = semaphore.value.saturating_add_signed(adjustment).min(SEMVMX);
            semaphore.pid = pid;
        }
        self.operated = host.stamp();
        self.serve(host)
    }
}
