//! The chain of holders: a thread waits for a lock whose holder waits for a lock …

use super::{Heirs, Kind, MOST_HOLDERS, NO_WAKE};
use crate::futex::Table;
use crate::futex::waiter::Node;
use crate::host::RawLock;
use crate::mutant::{self, Mutant};
use crate::thread::{Thread, Tid};
use skete_abi::Errno;
use skete_cell::atomic::{Ordering, fence};

/// What a step has found.
enum Step {
    /// The thread waits for no lock: the chain ends here.
    End,
    /// It waits for what this thread holds.
    Holder {
        /// Which.
        tid: Tid,
        /// Whether that runs at another priority now.
        is_changed: bool,
        /// The number of the wait.
        wait: u32,
    },
}

/// What a round along the chain has found.
enum Round {
    /// It does not lead back.
    Open,
    /// It does, by these waits.
    Back(Trail),
}

/// The waits of a round as one number: of one wait no two are alike, and of several practically never.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Trail(u64);

impl Trail {
    /// With the offset and the prime of FNV-1a.
    const START: Self = Self(0xcbf2_9ce4_8422_2325);

    /// The holder stands in the next step.
    fn through(self, thread: Thread, wait: u32) -> Self {
        let step = u64::from(thread.number()) << 32 | u64::from(wait);
        Self((self.0 ^ step).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

impl<L: RawLock, const N: usize> Table<L, N> {
    /// Gives the thread that `tid` names another priority of its own; it runs at that one or at what it inherits.
    ///
    /// # Errors
    /// `ESRCH`: it has ended.
    pub fn set_base_priority(&self, host: &impl Heirs, tid: Tid, base: u8) -> Result<(), Errno> {
        if host.heir(tid.thread()).set_base(host, tid, base)? {
            self.pass_on(host, tid.thread());
        }
        Ok(())
    }

    /// `thread` runs at another priority: passes that on along the chain, as far as it changes anything.
    #[inline(never)]
    pub(super) fn pass_on(&self, host: &impl Heirs, mut thread: Thread) {
        if mutant::is(Mutant::ChainCut) {
            return;
        }
        for _ in 0..MOST_HOLDERS {
            match self.step(host, thread) {
                Step::Holder { tid, is_changed: true, .. } => thread = tid.thread(),
                Step::Holder { is_changed: false, .. } | Step::End => return,
            }
        }
    }

    /// `me` has begun to wait for a lock: passes its priority on along the whole chain.
    ///
    /// # Errors
    /// `EDEADLK`: the chain leads back to `me`, or is longer than chains may be.
    #[inline(never)]
    pub(super) fn search(&self, host: &impl Heirs, me: Thread) -> Result<(), Errno> {
        if mutant::is(Mutant::RingUnnoticed) {
            return Ok(());
        }
        let mut before = None;
        loop {
            match self.round(host, me)? {
                Round::Open => return Ok(()),
                Round::Back(trail) if before == Some(trail) || mutant::is(Mutant::RingSeenOnce) => return Err(Errno::EDEADLK),
                // Its steps may never have been true together. Those of two rounds that are alike were, between the two.
                Round::Back(trail) => before = Some(trail),
            }
        }
    }

    /// Once along the chain from `me`.
    ///
    /// # Errors
    /// `EDEADLK`: it is longer than chains may be.
    fn round(&self, host: &impl Heirs, me: Thread) -> Result<Round, Errno> {
        // Every so often one is remembered: who comes by again is in a ring of others, which whoever closed it will open.
        let (mut thread, mut remembered, mut trail) = (me, Thread::NONE, Trail::START);
        for steps in 1..=MOST_HOLDERS {
            let Step::Holder { tid, wait, .. } = self.step(host, thread) else { return Ok(Round::Open) };
            trail = trail.through(thread, wait);
            thread = tid.thread();
            if thread == me {
                return Ok(Round::Back(trail));
            }
            if thread == remembered {
                return if mutant::is(Mutant::BystanderRefused) { Err(Errno::EDEADLK) } else { Ok(Round::Open) };
            }
            if steps.is_power_of_two() {
                remembered = thread;
            }
        }
        Err(Errno::EDEADLK)
    }

    /// Puts `thread` where it belongs by the priority that it has now, in the queue of the lock that it waits for, and lets that queue's
    /// first lend it.
    #[inline(never)]
    fn step(&self, host: &impl Heirs, thread: Thread) -> Step {
        if !mutant::is(Mutant::WalkedWithoutFence) {
            // Between the thread's priority and its place, whoever of the two writes which: one that begins to wait writes its place and
            // reads its priority here; one that changes the priority has written it, and reads the place.
            fence(Ordering::SeqCst);
        }
        let waiter = host.waiter(thread);
        while let Some(index) = waiter.bucket() {
            let bucket = &self.buckets[index];
            let step = bucket.lock.locked(|| (waiter.bucket() == Some(index)).then(|| self.step_here(host, thread)));
            if let Some(step) = step {
                return step;
            }
        }
        Step::End
    }

    /// [`step`](Self::step) in the bucket that holds `thread`, whose lock the caller holds.
    fn step_here(&self, host: &impl Heirs, thread: Thread) -> Step {
        let (node, wait) = (host.waiter(thread).node.get(), host.heir(thread).wait.get());
        if node.bitset != NO_WAKE || wait.kind != Kind::Lock {
            return Step::End;
        }
        let first = self.first_lock(host, node.key);
        let Some(tid) = host.heir(first).wait.with(|wait| wait.holder) else { return Step::End };
        let (priority, wait) = (host.priority(thread), wait.number);
        if priority == node.priority {
            return Step::Holder { tid, is_changed: false, wait };
        }
        self.bucket(node.key).queue.with_mut(|queue| {
            queue.remove(host, node);
            queue.insert(host, thread, Node { priority, ..node });
        });
        let now_first = self.first_lock(host, node.key);
        // Whoever lends is first, before and after.
        let changes_lender = thread == first || thread == now_first;
        let is_changed = changes_lender && self.relend(host, tid, first, now_first) == Some(true);
        Step::Holder { tid, is_changed, wait }
    }

    /// The first waiter of a lock that `holder` holds was `before` and is `now`, maybe the same one at another priority; either may be
    /// nobody. Whether the holder runs at another priority then; `None`: it is gone. The caller holds the bucket's lock.
    #[inline(never)]
    pub(super) fn relend(&self, host: &impl Heirs, holder: Tid, before: Thread, now: Thread) -> Option<bool> {
        let lender = (!now.is_none()).then(|| {
            host.heir(now).wait.with_mut(|wait| wait.holder = Some(holder));
            (now, host.waiter(now).node.with(|node| node.priority))
        });
        host.heir(holder.thread()).relend(host, holder, before, lender)
    }
}
