//! SEM_UNDO: what a thread took and gave is taken back when it has ended.
//!
//! Threads share undo lists as with CLONE_SYSVSEM: a new thread [shares](Membership::join) its maker's, [`ROOT`] from the first, until it
//! [begins](Membership::begin) one of its own. A list is a number and no more: its entries stand in the sets that they are about, under the
//! sets' locks. The number is that of a thread's record, whoever lives there: how many share the list is counted in its [`Membership`].
//!
//! The last who [leaves](Membership::leave) a list [applies](apply) it, and gives its number back then: not before, or another could begin
//! with that number and see its own undone.

use super::sleeper::Chain as Woken;
use super::{Gate, Places, Set, Sleepers, State};
use crate::mutant::{self, Mutant};
use crate::sysv::ids::{Id, PLACES};
use crate::thread::Thread;
use allocator_api2::alloc::Allocator;
use allocator_api2::boxed::Box;
use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_abi::sem::SEMVMX;
use skete_cell::atomic::{AtomicU16, Ordering};

/// The list of the main thread, and of all who never unshared.
pub const ROOT: u16 = 1;
/// The list of who does not live: no list.
const GONE: u16 = 0;

/// Which list a thread shares, and how many share the list of the record's number: in its thread record.
#[derive(Debug)]
pub struct Membership {
    /// Written by the thread, and by its maker before it runs.
    list: AtomicU16,
    /// 0: the number is free.
    sharers: AtomicU16,
}

/// The memberships of all threads.
pub trait Members: Copy {
    /// That in the record of `thread`.
    fn of(&self, thread: Thread) -> &Membership;

    /// How many records there are: as many as threads have ever lived at once, at least.
    fn count(&self) -> u16;

    /// How many share `list`, which is one.
    #[inline]
    fn sharers(&self, list: u16) -> &AtomicU16 {
        &self.of(Thread::from_number(list)).sharers
    }
}

impl Membership {
    skete_cell::constructor! {
        /// Of a thread that does not live.
        pub fn new() -> Self {
            Self { list: AtomicU16::new(GONE), sharers: AtomicU16::new(0) }
        }
    }

    /// The list; 0 if the thread does not live. Asked by the thread itself, or of one that sleeps under the lock of a set.
    #[must_use]
    #[inline]
    pub fn list(&self) -> u16 {
        self.list.load(Ordering::Relaxed)
    }

    /// The thread of this membership, which does not run yet, shares `list` from now on: that of its maker, the calling thread; or [`ROOT`],
    /// which the program's first thread keeps, also if it is none.
    #[inline]
    pub fn join(&self, list: u16, members: impl Members) {
        let list = list.max(ROOT);
        if !mutant::is(Mutant::JoinedUncounted) {
            // Its maker is counted until it has made it: so the list does not end before.
            members.sharers(list).fetch_add(1, Ordering::Relaxed);
        }
        self.list.store(list, Ordering::Relaxed);
    }

    /// The calling thread shares no list any more; if it was the last who did, does what `apply` does with the list.
    #[inline]
    pub fn leave(&self, members: impl Members, apply: impl FnOnce(u16)) {
        let list = self.list();
        if list == GONE {
            return;
        }
        self.list.store(GONE, Ordering::Relaxed);
        let sharers = members.sharers(list);
        // Acquire: the last sees what all others did, be it only that there is anything to undo at all.
        let order = if mutant::is(Mutant::LeftRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
        let mut count = sharers.load(order);
        while count > 1 {
            if mutant::is(Mutant::LeftInTwoSteps) {
                return sharers.store(count - 1, Ordering::Release);
            }
            // Release: pairs with that Acquire.
            match sharers.compare_exchange_weak(count, count - 1, Ordering::Release, order) {
                Ok(_) => return,
                Err(now) => count = now,
            }
        }
        // Nobody else shares it: so nobody can begin to.
        if mutant::is(Mutant::ListEndedBeforeItIsApplied) {
            sharers.store(0, Ordering::Release);
        }
        apply(list);
        // Release: pairs with `begin`.
        let order = if mutant::is(Mutant::ListEndedRelaxed) { Ordering::Relaxed } else { Ordering::Release };
        sharers.store(0, order);
    }

    /// The calling thread, who shares no list, begins one: the first that is free. There is one, for there are no more lists than threads.
    pub fn begin(&self, members: impl Members) {
        let is_taken = |list: u16| {
            let sharers = members.sharers(list);
            // Acquire: pairs with the Release in `leave`.
            let order = if mutant::is(Mutant::ListBegunRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
            sharers.load(Ordering::Relaxed) == 0 && sharers.compare_exchange(0, 1, order, Ordering::Relaxed).is_ok()
        };
        // One that is freed behind the look is found by the next.
        let list = loop {
            if let Some(list) = (1..=members.count()).find(|&list| is_taken(list)) {
                break list;
            }
        };
        self.list.store(list, Ordering::Relaxed);
    }
}

impl Default for Membership {
    fn default() -> Self {
        Self::new()
    }
}

/// The undo entries of a set, one for each list that has something to undo there.
pub(super) struct Chain<A: Allocator>(Option<Box<Entry<A>, A>>);

/// What a list is to undo in a set.
pub(super) struct Entry<A: Allocator> {
    list: u16,
    /// What is to be added to each semaphore's value.
    adjustments: Vec<i16, A>,
    next: Chain<A>,
}

impl<A: Allocator> Drop for Chain<A> {
    /// One entry after the other: each inside of the one before would take a stack as deep as the chain is long.
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(mut entry) = next {
            next = entry.next.0.take();
        }
    }
}

impl<A: Allocator> Chain<A> {
    pub(super) const EMPTY: Self = Self(None);

    /// The adjustments of `list`.
    pub(super) fn of(&mut self, list: u16) -> Option<&mut [i16]> {
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
    fn take(&mut self, list: u16) -> Option<Box<Entry<A>, A>> {
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

/// Takes back all that `list` is to undo, in every set, and lets those go whom that helps. Called by the last who [left](Membership::leave).
pub fn apply<P: Places>(host: &impl Sleepers, places: &P, list: u16) {
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
        // Before this thread leaves the list: so the last who does sees it.
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
    fn undo(&self, host: &impl Sleepers, list: u16) {
        if mutant::is(Mutant::UndoneInTwoSections) {
            return self.undo_in_two_sections(host, list);
        }
        let entry = host.uninterrupted(|masking| {
            let (entry, chain) = self.locked_uninterrupted(|state| {
                let entry = state.rest.as_mut().and_then(|rest| rest.undo.take(list));
                let chain = entry.as_ref().map(|entry| state.add_all(host, &entry.adjustments));
                (entry, chain)
            });
            if let Some(chain) = chain {
                chain.wake(host, masking);
            }
            entry
        });
        // Its memory goes back without the lock.
        drop(entry);
    }

    /// As [`undo`](Self::undo), broken: what is to be undone may be forgotten between the sections.
    fn undo_in_two_sections(&self, host: &impl Sleepers, list: u16) {
        let seen = self.locked(|state| state.rest.as_mut().and_then(|rest| rest.undo.of(list)).map(|adjustments| adjustments[0]));
        if let Some(adjustment) = seen {
            let _ = self.serving(host, |state| Ok(state.add_all(host, &[adjustment])));
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
