//! What a thread inherits: the priorities of those who wait for what it holds.

use super::{Heirs, Kind, LockWait, Target};
use crate::futex::Key;
use crate::host::RawLock;
use crate::mutant::{self, Mutant};
use crate::thread::{Thread, Tid};
use skete_abi::Errno;
use skete_cell::Guarded;

/// A thread's own priority and its lenders; and its place among those of the holder that it lends to.
#[derive(Debug)]
#[repr(align(64))]
pub struct Heir<L> {
    lock: L,
    /// Guarded by `lock`.
    state: Guarded<State>,
    /// Guarded by the lock of the heir that this thread lends to; while it lends to none, by the lock of the bucket that it waits in, or
    /// by itself.
    link: Guarded<Link>,
    /// Guarded by the lock of the bucket that the thread waits in; while it waits in none, by itself.
    pub(super) wait: Guarded<LockWait>,
}

/// What an heir's lock guards.
#[derive(Clone, Copy, Debug)]
struct State {
    /// The thread's own priority.
    base: u8,
    /// What it runs at: its own or its first lender's.
    runs_at: u8,
    /// Whether the thread has ended as far as locks go: nobody can lend to it any more.
    is_gone: bool,
    /// Which life of the record this is, as [`Tid::generation`] says.
    life: u32,
    /// The most urgent of the lenders.
    first: Thread,
}

/// A lender's place in its holder's list.
#[derive(Clone, Copy, Debug)]
struct Link {
    next: Thread,
    previous: Thread,
    /// What it lends.
    priority: u8,
}

impl<L: RawLock> Heir<L> {
    skete_cell::constructor! {
        /// An heir for a record that nobody lives in.
        pub fn new(lock: L) -> Self {
            let wait = LockWait::new(Kind::Lock, Target { key: Key::NONE, address: 0 });
            Self {
                lock,
                state: Guarded::new(State { base: 0, runs_at: 0, is_gone: true, life: 0, first: Thread::NONE }),
                link: Guarded::new(Link { next: Thread::NONE, previous: Thread::NONE, priority: 0 }),
                wait: Guarded::new(wait),
            }
        }
    }

    /// The thread waits for something else than before: a wait of another number. Called by itself, or under the lock of its bucket.
    pub(super) fn begin_wait(&self, wait: LockWait) {
        self.wait.with_mut(|before| *before = LockWait { number: before.number.wrapping_add(1), ..wait });
    }

    /// Thread `tid` begins to live in the record, with a priority of its own.
    pub fn begin(&self, tid: Tid, base: u8) {
        let state = State { base, runs_at: base, is_gone: false, life: tid.generation(), first: Thread::NONE };
        self.lock.locked(|| self.state.set(state));
    }

    /// The thread's own priority.
    pub fn base(&self) -> u8 {
        self.lock.locked(|| self.state.with(|state| state.base))
    }

    /// Gives the thread `tid`, whose heir this is, another priority of its own. True if it runs at another one now: the chain is to be
    /// walked. Whoever lives in the record next [begins](Self::begin) under this lock, before it is named: so this is never its priority.
    ///
    /// # Errors
    /// `ESRCH`: it has ended.
    pub(super) fn set_base(&self, host: &impl Heirs<Lock = L>, tid: Tid, base: u8) -> Result<bool, Errno> {
        self.lock.locked(|| {
            if !host.is_alive(tid) {
                return Err(Errno::ESRCH);
            }
            self.state.with_mut(|state| state.base = base);
            Ok(self.refresh(host, tid.thread()))
        })
    }

    /// From now on `now` lends what it says to thread `tid`, whose heir this is, and no longer `before`; either may be nobody, or both the
    /// same one. Whether the thread runs at another priority then. `None`: it is gone, and `now` lends nothing; another may live here by
    /// now, who would look for ever for a lender that waits for somebody else.
    pub(super) fn relend(&self, host: &impl Heirs<Lock = L>, tid: Tid, before: Thread, now: Option<(Thread, u8)>) -> Option<bool> {
        self.lock.locked(|| {
            let State { is_gone, life, .. } = self.state.get();
            let is_another = life != tid.generation() && !mutant::is(Mutant::LentToTheNext);
            if is_another || is_gone && !mutant::is(Mutant::LentToTheGone) {
                return None;
            }
            if !before.is_none() {
                self.remove(host, before);
            }
            if let Some((lender, priority)) = now {
                self.insert(host, lender, priority);
            }
            Some(self.refresh(host, tid.thread()))
        })
    }

    /// The most urgent of the lenders. `None`: there is none, and from now on there will be none; the thread is gone.
    pub(super) fn first_lender_or_gone(&self) -> Option<Thread> {
        self.lock.locked(|| {
            self.state.with_mut(|state| {
                state.is_gone = state.first.is_none();
                (!state.is_gone).then_some(state.first)
            })
        })
    }

    /// Takes `lender` out. The caller holds the lock.
    fn remove(&self, host: &impl Heirs<Lock = L>, lender: Thread) {
        let link = host.heir(lender).link.get();
        if link.previous.is_none() {
            self.state.with_mut(|state| state.first = link.next);
        } else {
            host.heir(link.previous).link.with_mut(|before| before.next = link.next);
        }
        if !link.next.is_none() {
            host.heir(link.next).link.with_mut(|behind| behind.previous = link.previous);
        }
    }

    /// Puts `lender` behind its equals. The caller holds the lock.
    fn insert(&self, host: &impl Heirs<Lock = L>, lender: Thread, priority: u8) {
        let (mut previous, mut next) = (Thread::NONE, self.state.with(|state| state.first));
        while !next.is_none() {
            let link = host.heir(next).link.get();
            if link.priority < priority {
                break;
            }
            (previous, next) = (next, link.next);
        }
        host.heir(lender).link.set(Link { next, previous, priority });
        if previous.is_none() {
            self.state.with_mut(|state| state.first = lender);
        } else {
            host.heir(previous).link.with_mut(|before| before.next = lender);
        }
        if !next.is_none() {
            host.heir(next).link.with_mut(|behind| behind.previous = lender);
        }
    }

    /// Lets `thread` run at the higher of its own priority and its first lender's; whether that is another one. The caller holds the lock.
    fn refresh(&self, host: &impl Heirs<Lock = L>, thread: Thread) -> bool {
        let State { base, runs_at, first, .. } = self.state.get();
        let lent = if first.is_none() { 0 } else { host.heir(first).link.with(|link| link.priority) };
        let priority = base.max(lent);
        let is_another = priority != runs_at && !(priority < runs_at && mutant::is(Mutant::LentForEver));
        if is_another {
            self.state.with_mut(|state| state.runs_at = priority);
            host.set_priority(thread, priority);
        }
        is_another
    }
}
