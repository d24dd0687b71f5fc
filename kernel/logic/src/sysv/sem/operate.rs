//! `semop` and `semtimedop`.

use super::attempt::{Step, Verdict, step};
use super::sleeper::{Chain, Kind, changes};
use super::{Set, Sleepers, State};
use crate::host::{Parked, RawLock};
use crate::mutant::{self, Mutant};
use crate::sysv::ids::Id;
use crate::thread::Thread;
use crate::time::Instant;
use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::sem::{SEM_UNDO, SemBuf};

/// What the first section under the lock comes to.
#[must_use]
pub(super) enum Outcome {
    /// All operations are done, and nobody is to be woken.
    Done,
    /// All operations are done, and let these go.
    Serves(Chain),
    /// The caller is in the queue.
    Queued,
    /// The caller's undo list has no entry in this set yet.
    WantsUndo,
    Failed(Errno),
}

impl<L: RawLock, A: Allocator + Clone> Set<L, A> {
    /// Does all of `operations` on the set of `id`, in order, or none; sleeps until that can be done, or until `deadline`.
    /// There is at least one operation, and no more than the limit.
    ///
    /// # Errors
    /// `EINVAL`: no such set. `EFBIG`: no such semaphore. `EACCES`: the mode forbids it. `EAGAIN`: one would wait that may not, or the
    /// deadline passed. `ERANGE`: a value above SEMVMX, or an undo that reaches too far. `EIDRM`: the set was removed meanwhile.
    /// `ENOMEM`: no memory for an undo.
    #[inline]
    pub fn operate(&self, host: &impl Sleepers, id: Id, operations: &[SemBuf], deadline: Option<Instant>) -> Result<(), Errno> {
        if mutant::is(Mutant::IdComparedOutsideTheLock) {
            self.with(id, |_| Ok(()))?;
        }
        match self.lock.locked(|| self.state.with_mut(|state| state.enter(host, id, operations))) {
            Outcome::Done => Ok(()),
            Outcome::Failed(errno) => Err(errno),
            other => self.operate_on(host, id, operations, deadline, other),
        }
    }

    #[inline(never)]
    fn operate_on(
        &self,
        host: &impl Sleepers,
        id: Id,
        operations: &[SemBuf],
        deadline: Option<Instant>,
        mut outcome: Outcome,
    ) -> Result<(), Errno> {
        loop {
            match outcome {
                Outcome::Done => return Ok(()),
                Outcome::Failed(errno) => return Err(errno),
                Outcome::Serves(chain) => {
                    chain.wake(host);
                    return Ok(());
                }
                Outcome::Queued => {
                    self.queue_late(host, operations);
                    return self.sleep(host, host.current(), deadline);
                }
                Outcome::WantsUndo => self.prepare_undo(host, id)?,
            }
            outcome = self.lock.locked(|| self.state.with_mut(|state| state.enter(host, id, operations)));
        }
    }

    /// The first half of a [`operate`](Self::operate) that must wait: queues the calling thread, or does its operations at once: true.
    ///
    /// # Errors
    /// As [`operate`](Self::operate).
    pub fn enter(&self, host: &impl Sleepers, id: Id, operations: &[SemBuf]) -> Result<bool, Errno> {
        loop {
            match self.lock.locked(|| self.state.with_mut(|state| state.enter(host, id, operations))) {
                Outcome::Done => return Ok(true),
                Outcome::Failed(errno) => return Err(errno),
                Outcome::Queued => {
                    self.queue_late(host, operations);
                    return Ok(false);
                }
                Outcome::WantsUndo => self.prepare_undo(host, id)?,
                Outcome::Serves(chain) => {
                    chain.wake(host);
                    return Ok(true);
                }
            }
        }
    }

    /// As if queueing were not part of the section that tried.
    #[inline(always)]
    fn queue_late(&self, host: &impl Sleepers, operations: &[SemBuf]) {
        if mutant::is(Mutant::QueuedInASecondSection) {
            self.lock.locked(|| self.state.with_mut(|state| state.queue(host, host.current(), Kind::of(operations))));
        }
    }

    /// The second half: parks `me`, the calling thread, until its operations are done or have failed, or it is late.
    fn sleep(&self, host: &impl Sleepers, me: Thread, deadline: Option<Instant>) -> Result<(), Errno> {
        let sleeper = host.sleeper(me);
        let mut deadline = deadline;
        loop {
            let parked = host.park(deadline);
            if let Some(answer) = sleeper.answer() {
                return answer;
            }
            if parked == Parked::Expired {
                if self.withdraw(host, me) {
                    return Err(Errno::EAGAIN);
                }
                // A waker has claimed it: it is about to let go, and to unpark.
                deadline = None;
            }
        }
    }

    /// Takes `me` out of the queue: its deadline has passed. False if a waker was faster.
    #[cold]
    pub fn withdraw(&self, host: &impl Sleepers, me: Thread) -> bool {
        let sleeper = host.sleeper(me);
        self.lock.locked(|| {
            if !sleeper.is_queued() && !mutant::is(Mutant::SleeperWithdrawnBlindly) {
                return false;
            }
            self.state.with_mut(|state| state.unqueue(host, sleeper.node()));
            sleeper.leave();
            true
        })
    }
}

impl<A: Allocator> State<A> {
    /// Tries, and queues the calling thread if it must wait.
    #[inline(always)]
    fn enter(&mut self, host: &impl Sleepers, id: Id, operations: &[SemBuf]) -> Outcome {
        if let [operation] = operations
            && operation.sem_flg & SEM_UNDO == 0
            && self.first.is_none()
        {
            return self.enter_simply(host, id, operation);
        }
        self.enter_anyhow(host, id, operations)
    }

    /// One operation, not to be undone, on a set in which nobody sleeps.
    #[inline(always)]
    fn enter_simply(&mut self, host: &impl Sleepers, id: Id, operation: &SemBuf) -> Outcome {
        if !self.is(id) && !mutant::is(Mutant::IdComparedOutsideTheLock) {
            return Outcome::Failed(Errno::EINVAL);
        }
        let is_permitted = self.permit(operation.sem_op != 0).is_ok();
        let Some(semaphore) = self.semaphores.get_mut(usize::from(operation.sem_num)) else { return Outcome::Failed(Errno::EFBIG) };
        match step(semaphore.value, operation.sem_op) {
            Step::To(value) if is_permitted => {
                semaphore.value = value;
                semaphore.pid = host.my_pid();
                self.operated = host.stamp();
                Outcome::Done
            }
            _ => self.enter_anyhow(host, id, core::slice::from_ref(operation)),
        }
    }

    #[inline(never)]
    fn enter_anyhow(&mut self, host: &impl Sleepers, id: Id, operations: &[SemBuf]) -> Outcome {
        let me = host.current();
        if let Err(errno) = self.judge(id, operations) {
            return Outcome::Failed(errno);
        }
        let is_undone = operations.iter().any(|operation| operation.sem_flg & SEM_UNDO != 0);
        if is_undone && self.rest.as_mut().is_some_and(|rest| rest.undo.of(host.undo_list(me)).is_none()) {
            return Outcome::WantsUndo;
        }
        match self.attempt_for(host, me, operations) {
            Verdict::Failed(errno) => Outcome::Failed(errno),
            Verdict::Blocked(_) => {
                host.lend(operations);
                if !mutant::is(Mutant::QueuedInASecondSection) {
                    self.queue(host, me, Kind::of(operations));
                }
                Outcome::Queued
            }
            Verdict::Done => {
                let chain = if self.first.is_none() { Chain::EMPTY } else { self.serve_after(host, operations) };
                if chain.is_empty() { Outcome::Done } else { Outcome::Serves(chain) }
            }
        }
    }

    /// What can be said before anything is tried.
    fn judge(&self, id: Id, operations: &[SemBuf]) -> Result<(), Errno> {
        if !self.is(id) && !mutant::is(Mutant::IdComparedOutsideTheLock) {
            return Err(Errno::EINVAL);
        }
        let count = self.semaphores.len();
        if operations.iter().any(|operation| usize::from(operation.sem_num) >= count) {
            return Err(Errno::EFBIG);
        }
        self.permit(changes(operations))
    }
}
