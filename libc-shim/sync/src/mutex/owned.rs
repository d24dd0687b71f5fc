//! Mutexes that know their holder: its name stands in the word.

use skete_abi::Errno;

use super::kind::CEILINGS;
use super::{Kind, LOST, Mutex, Retake};
use crate::atomic::{AtomicU32, Ordering};
use crate::deadline::{Deadline, moment_of};
use crate::futex::{ANY, Futex, OWNER_DIED, TID_MASK, WAITERS};
use crate::mutant::{self, Mutant};

impl Mutex {
    /// Whether `me` holds it. Only `me` writes and takes away its own name.
    #[inline(always)]
    pub(super) fn is_held_by(&self, me: u32) -> bool {
        self.word.load(Ordering::Relaxed) & TID_MASK == me
    }

    #[inline(never)]
    pub(super) fn lock_owned(&self, futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        let (kind, me) = (self.kind(), futex.tid());
        if self.is_held_by(me) {
            if kind.is_recursive() {
                return self.deepen();
            }
            if kind.is_errorcheck() {
                return Err(Errno::EDEADLK);
            }
        }
        self.prepare(futex, kind)?;
        let taken = if self.exchange(0, me) { Ok(()) } else { self.contend(futex, kind, me, until, 0) };
        self.settle(futex, kind, me, taken)
    }

    #[inline(never)]
    pub(super) fn try_lock_owned(&self, futex: &impl Futex) -> Result<(), Errno> {
        let (kind, me) = (self.kind(), futex.tid());
        if kind.is_recursive() && self.is_held_by(me) {
            return self.deepen();
        }
        self.prepare(futex, kind)?;
        let taken = if self.exchange(0, me) { Ok(()) } else { self.try_contended(futex, kind, me) };
        self.settle(futex, kind, me, taken)
    }

    /// One that is not simply free: held, or of a holder that died.
    #[cold]
    fn try_contended(&self, futex: &impl Futex, kind: Kind, me: u32) -> Result<(), Errno> {
        loop {
            let held = self.word.load(Ordering::Relaxed);
            if held & TID_MASK != 0 {
                return Err(Errno::EBUSY);
            }
            if !kind.inherits() {
                if self.take_from_nobody(held, me, 0) {
                    return Ok(());
                }
            } else {
                match futex.try_lock_pi(&self.word) {
                    Ok(()) => return Ok(()),
                    Err(Errno::EAGAIN) => return Err(Errno::EBUSY),
                    Err(errno) => return Err(errno),
                }
            }
        }
    }

    fn deepen(&self) -> Result<(), Errno> {
        let deeper = self.depth.load(Ordering::Relaxed).checked_add(1).ok_or(Errno::EAGAIN)?;
        self.depth.store(deeper, Ordering::Relaxed);
        Ok(())
    }

    /// What comes before one tries to take it.
    #[inline(always)]
    fn prepare(&self, futex: &impl Futex, kind: Kind) -> Result<(), Errno> {
        if kind.protects() {
            futex.raise(self.own_ceiling())?;
        }
        if kind.is_robust() {
            futex.begin_robust(&self.entry, kind.inherits());
        }
        Ok(())
    }

    /// What comes after.
    #[inline(always)]
    fn settle(&self, futex: &impl Futex, kind: Kind, me: u32, taken: Result<(), Errno>) -> Result<(), Errno> {
        let taken = if kind.is_robust() { self.settle_robust(futex, kind, me, taken) } else { taken };
        if kind.protects() && !matches!(taken, Ok(()) | Err(Errno::EOWNERDEAD)) {
            futex.lower(self.own_ceiling());
        }
        taken
    }

    fn settle_robust(&self, futex: &impl Futex, kind: Kind, me: u32, taken: Result<(), Errno>) -> Result<(), Errno> {
        let settled = taken.and_then(|()| {
            if self.fate.load(Ordering::Relaxed) == LOST {
                // The next one finds out in the same way.
                self.let_go(futex, kind, me);
                return Err(Errno::ENOTRECOVERABLE);
            }
            futex.list(&self.entry, kind.inherits());
            if self.word.load(Ordering::Relaxed) & OWNER_DIED == 0 {
                return Ok(());
            }
            // What the dead one counted is void.
            self.depth.store(0, Ordering::Relaxed);
            Err(Errno::EOWNERDEAD)
        });
        futex.end_robust();
        settled
    }

    /// Waits for it; `mark` is what is known of others: [`WAITERS`] if some may sleep.
    #[cold]
    fn contend(&self, futex: &impl Futex, kind: Kind, me: u32, until: Option<Deadline>, mut mark: u32) -> Result<(), Errno> {
        if kind.inherits() {
            return self.contend_pi(futex, me, until);
        }
        loop {
            let held = self.word.load(Ordering::Relaxed);
            if held & TID_MASK == 0 {
                if self.take_from_nobody(held, me, mark) {
                    return Ok(());
                }
                continue;
            }
            let is_marked = mutant::is(Mutant::WaitedForSilently) || held & WAITERS != 0 || self.exchange(held, held | WAITERS);
            if !is_marked {
                continue;
            }
            match futex.wait(&self.word, held | WAITERS, ANY, moment_of(until)?) {
                // Who was woken was not alone, for all it knows.
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) if mutant::is(Mutant::SleeperForgetsOthers) => {}
                Ok(()) | Err(Errno::EAGAIN | Errno::EINTR) => mark = WAITERS,
                Err(errno) => return Err(errno),
            }
        }
    }

    /// Takes one that nobody holds, if it still holds `held`; that its holder died stays told.
    fn take_from_nobody(&self, held: u32, me: u32, mark: u32) -> bool {
        let told = if mutant::is(Mutant::DeathForgotten) { WAITERS } else { WAITERS | OWNER_DIED };
        self.exchange(held, me | mark | held & told)
    }

    fn contend_pi(&self, futex: &impl Futex, me: u32, until: Option<Deadline>) -> Result<(), Errno> {
        let until_moment = moment_of(until)?;
        loop {
            match futex.lock_pi(&self.word, until_moment) {
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                // Nobody will ever let go: who took it twice, or who is gone.
                Err(Errno::EDEADLK) if self.is_held_by(me) => return Self::wait_in_vain(futex, until),
                Err(Errno::ESRCH) => return Self::wait_in_vain(futex, until),
                done => return done,
            }
        }
    }

    /// Waits for what does not come; POSIX has it so.
    fn wait_in_vain(futex: &impl Futex, until: Option<Deadline>) -> Result<(), Errno> {
        let word = AtomicU32::new(0);
        loop {
            if futex.wait(&word, 0, ANY, moment_of(until)?) == Err(Errno::ETIMEDOUT) {
                return Err(Errno::ETIMEDOUT);
            }
        }
    }

    #[inline(never)]
    pub(super) fn unlock_owned(&self, futex: &impl Futex) -> Result<(), Errno> {
        let (kind, me) = (self.kind(), futex.tid());
        if !self.is_held_by(me) {
            return Err(Errno::EPERM);
        }
        let depth = self.depth.load(Ordering::Relaxed);
        if depth > 0 {
            self.depth.store(depth - 1, Ordering::Relaxed);
            return Ok(());
        }
        self.release(futex, kind, me);
        Ok(())
    }

    /// Lets it go, whatever its depth.
    pub(super) fn release(&self, futex: &impl Futex, kind: Kind, me: u32) {
        self.depth.store(0, Ordering::Relaxed);
        let ceiling = self.own_ceiling();
        if kind.is_robust() {
            self.release_robust(futex, kind, me);
        } else {
            self.let_go(futex, kind, me);
        }
        if kind.protects() {
            futex.lower(ceiling);
        }
    }

    fn release_robust(&self, futex: &impl Futex, kind: Kind, me: u32) {
        futex.begin_robust(&self.entry, kind.inherits());
        futex.unlist(&self.entry);
        if self.word.load(Ordering::Relaxed) & OWNER_DIED != 0 && !mutant::is(Mutant::RecoveredByItself) {
            self.fate.store(LOST, Ordering::Relaxed);
        }
        self.let_go(futex, kind, me);
        futex.end_robust();
    }

    /// The word, and whoever waits for it.
    #[inline(always)]
    fn let_go(&self, futex: &impl Futex, kind: Kind, me: u32) {
        if kind.inherits() {
            let is_alone = self.word.compare_exchange(me, 0, Ordering::Release, Ordering::Relaxed).is_ok();
            if !is_alone {
                self.hand_over(futex);
            }
        // Release: pairs with the Acquire of whoever takes it.
        } else if self.word.swap(0, Ordering::Release) & WAITERS != 0 {
            self.wake_one(futex);
        }
    }

    #[cold]
    fn hand_over(&self, futex: &impl Futex) {
        if mutant::is(Mutant::LentAndStored) {
            self.word.store(0, Ordering::Release);
            return;
        }
        // The word changes meanwhile only by those who come to wait.
        while futex.unlock_pi(&self.word) == Err(Errno::EAGAIN) {}
    }

    pub(super) fn consistent_owned(&self, futex: &impl Futex) -> Result<(), Errno> {
        if !self.kind().is_robust() || self.word.load(Ordering::Relaxed) & OWNER_DIED == 0 {
            return Err(Errno::EINVAL);
        }
        if !self.is_held_by(futex.tid()) {
            return Err(Errno::EPERM);
        }
        self.word.fetch_and(!OWNER_DIED, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn set_ceiling_owned(&self, futex: &impl Futex, ceiling: u32) -> Result<u8, Errno> {
        let (kind, me) = (self.kind(), futex.tid());
        if !kind.protects() || !CEILINGS.contains(&ceiling) {
            return Err(Errno::EINVAL);
        }
        if self.is_held_by(me) {
            return Err(Errno::EDEADLK);
        }
        if kind.is_robust() {
            futex.begin_robust(&self.entry, false);
        }
        let taken = if self.exchange(0, me) { Ok(()) } else { self.contend(futex, kind, me, None, 0) };
        if kind.is_robust() { self.settle_robust(futex, kind, me, taken) } else { taken }?;
        let old = self.own_ceiling();
        self.ceiling.store(ceiling, Ordering::Relaxed);
        if kind.is_robust() {
            self.release_robust(futex, kind, me)
        } else {
            self.let_go(futex, kind, me)
        }
        Ok(old)
    }

    /// Takes it again after a wait for a condition.
    pub(super) fn retake_owned(&self, futex: &impl Futex, how: Retake, depth: u32) -> Result<(), Errno> {
        let (kind, me) = (self.kind(), futex.tid());
        self.prepare(futex, kind)?;
        let taken = match how {
            Retake::Holds => Ok(()),
            Retake::Alone if self.exchange(0, me) => Ok(()),
            Retake::Alone => self.contend(futex, kind, me, None, 0),
            Retake::AmongOthers => self.contend(futex, kind, me, None, WAITERS),
        };
        let settled = self.settle(futex, kind, me, taken);
        if settled.is_ok() {
            self.depth.store(depth, Ordering::Relaxed);
        }
        settled
    }
}
