//! Which core a ready thread waits on, and how it is found there: **a thread never waits behind a busy core while a core idles on which it
//! may run.**
//!
//! Two parties may miss each other: one who queues a thread behind a busy core, and a core that goes idle. The one queues, then looks for
//! idle cores; the other says that it idles, then looks at all queues. A fence stands between the two steps of each, so that at least one
//! of them sees the other. A core that idles and was given a thread needs no second look: it finds the thread when it begins to run, or is
//! kicked. A core that has found something while it was claimed for something else, or was given more than one, passes it on: it kicks the
//! others.

use crate::host::RawLock;
use crate::mutant::{self, Mutant};
use crate::ready::{Homes, Ready, Runs};
use crate::thread::Thread;
use skete_cell::atomic::{AtomicU8, Ordering, fence};

/// The cores that wait for work, one bit each. Whoever clears another core's bit has claimed it, and must kick it.
#[derive(Debug)]
pub struct IdleSet(AtomicU8);

impl IdleSet {
    skete_cell::constructor! {
        /// No core waits.
        pub fn new() -> Self {
            Self(AtomicU8::new(0))
        }
    }

    /// Whether any core of `allowed` waits: a look that may come late.
    #[inline(always)]
    pub fn has_any(&self, allowed: u8) -> bool {
        self.0.load(Ordering::Relaxed) & allowed != 0
    }

    /// Core `core` waits for work from now on, and is to look at all queues.
    #[inline]
    pub fn announce(&self, core: usize) {
        // Release: who claims the core sees that it runs nothing. Pairs with the Acquire in `claim`.
        self.0.fetch_or(1 << core, Ordering::Release);
        if !mutant::is(Mutant::IdleWithoutFence) {
            // Pairs with the fence in `claim_late`: either this core sees what was queued before, or who queued it sees this core's bit.
            fence(Ordering::SeqCst);
        }
    }

    /// Core `core` waits no more. False: it was claimed meanwhile, and is to look at all queues.
    #[inline]
    pub fn leave(&self, core: usize) -> bool {
        self.0.fetch_and(!(1 << core), Ordering::Relaxed) & 1 << core != 0
    }

    /// Claims an idle core out of `allowed`, `preferred` if that is one.
    #[inline]
    pub fn claim(&self, allowed: u8, preferred: usize) -> Option<usize> {
        loop {
            let candidates = self.0.load(Ordering::Relaxed) & allowed;
            if candidates == 0 {
                return None;
            }
            let number = if candidates & 1 << preferred != 0 { preferred } else { candidates.trailing_zeros() as usize };
            let order = if mutant::is(Mutant::ClaimedRelaxed) { Ordering::Relaxed } else { Ordering::Acquire };
            if self.0.fetch_and(!(1 << number), order) & 1 << number != 0 {
                return Some(number);
            }
        }
    }

    /// [`claim`](Self::claim) by one who has just queued a thread that may run on `allowed`.
    #[inline]
    pub fn claim_late(&self, allowed: u8, preferred: usize) -> Option<usize> {
        if !mutant::is(Mutant::QueuedWithoutFence) {
            // Pairs with the fence in `announce`.
            fence(Ordering::SeqCst);
        }
        self.claim(allowed, preferred)
    }
}

impl Default for IdleSet {
    fn default() -> Self {
        Self::new()
    }
}

/// The machine's cores.
pub trait Cores {
    /// The lock of a core's queue.
    type Lock: RawLock;
    /// The thread records.
    type Records: Homes;

    /// The thread records.
    fn records(&self) -> &Self::Records;

    /// The ready threads of core `core`.
    fn ready(&self, core: usize) -> &Ready<Self::Lock>;

    /// The numbers of all cores: 0 to this, exclusive.
    fn count(&self) -> usize;

    /// The cores that wait for work.
    fn idle(&self) -> &IdleSet;

    /// The cores that `thread` may run on, one bit each.
    fn allowed(&self, thread: Thread) -> u8;

    /// The priority of `thread`.
    fn priority(&self, thread: Thread) -> u8;

    /// Core `core` must know that a thread was queued there while it ran what `runs` says.
    fn tell(&self, core: usize, runs: Runs);

    /// Core `core`, which idled, must look at all queues.
    fn kick(&self, core: usize);
}

/// Queues `thread` on `core`, behind its equals; what that core runs.
#[inline]
pub fn queue_on<C: Cores>(cores: &C, core: usize, thread: Thread) -> Runs {
    // Asked before it is queued: from then on the thread may run, move and end.
    let allowed = cores.allowed(thread);
    let runs = cores.ready(core).push_back(cores.records(), thread, || cores.priority(thread));
    cores.tell(core, runs);
    if runs != Runs::Nothing {
        offer(cores, core, allowed);
    }
    runs
}

/// Queues the running `thread` of `core` before its equals: it gives way to a more urgent one.
#[inline]
pub fn give_way<C: Cores>(cores: &C, core: usize, thread: Thread) {
    let allowed = cores.allowed(thread);
    cores.ready(core).push_front(cores.records(), thread, || cores.priority(thread));
    offer(cores, core, allowed);
}

/// A thread that may run on `allowed` was queued on the busy `core`: a core that idles is to take it.
#[inline]
pub fn offer<C: Cores>(cores: &C, core: usize, allowed: u8) {
    if mutant::is(Mutant::QueuedWithoutASecondLook) {
        return;
    }
    if let Some(idle) = cores.idle().claim_late(allowed, core) {
        cores.kick(idle);
    }
}

/// The idle core `core` looks for work, after it has announced that it idles: true if its queue holds a thread now, its own, or one that
/// waited on another core. It begins to run, and others are kicked for what it leaves. `was_claimed` says whether it was claimed before it
/// announced, and has not looked at all queues since.
pub fn find_work<C: Cores>(cores: &C, core: usize, was_claimed: bool) -> bool {
    let mine = cores.ready(core);
    if mine.count() == 0 {
        let Some(stolen) = steal(cores, core) else { return false };
        // Not idle any more by the time that it can be seen there.
        mine.begin();
        let _ = mine.push_back(cores.records(), stolen, || cores.priority(stolen));
    }
    // Who claimed this core meant it to take a thread that waits elsewhere, and told no other.
    let was_claimed = (!cores.idle().leave(core) || was_claimed) && !mutant::is(Mutant::ClaimNotPassedOn);
    // Who queued more than one here found this core idle, and told no other.
    let is_too_much = mine.begin() > 1 && !mutant::is(Mutant::BegunWithoutALook);
    if was_claimed || is_too_much {
        // Whether they may run what waits, they see themselves.
        (0..cores.count()).filter(|&other| other != core).for_each(|other| offer(cores, other, 1 << other));
    }
    true
}

/// Takes a thread that waits on another core and may run on `core`.
pub fn steal<C: Cores>(cores: &C, core: usize) -> Option<Thread> {
    let others = (0..cores.count()).filter(|&other| other != core && cores.ready(other).count() != 0);
    others.into_iter().find_map(|other| cores.ready(other).steal(cores.records(), |thread| cores.allowed(thread) & 1 << core != 0))
}
