//! `semop` and `semtimedop`.

use super::attempt::{Step, Verdict, step};
use super::sleeper::{Chain, Kind, changes};
use super::{SLEPT_IN, Semaphore, Set, Sleepers, State};
use crate::host::{Parked, RawLock};
use crate::mutant::{self, Mutant};
use crate::sysv::ids::Id;
use crate::thread::Thread;
use crate::time::Instant;
use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::ipc::IPC_NOWAIT;
use skete_abi::sem::{SEM_UNDO, SEMVMX, SemBuf};

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
    /// Does `operation` on the set whose id is `number` if that is simple: it changes a value, is not to be undone, need not wait, and
    /// nobody else is concerned. False, and nothing done: [`operate`](Self::operate) knows why.
    #[inline(always)]
    #[must_use]
    pub fn change(&self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> bool {
        if operation.sem_op == 0 || operation.sem_flg & SEM_UNDO != 0 {
            return false;
        }
        self.lock.locked(|| self.state.with_mut(|state| state.change(host, number, operation)))
    }

    /// Does all of `operations` on the set whose id is `number`, in order, or none; sleeps until that can be done, or until `deadline`.
    /// There is at least one operation, and no more than the limit.
    ///
    /// # Errors
    /// `EINVAL`: no such set. `EFBIG`: no such semaphore. `EACCES`: the mode forbids it. `EAGAIN`: one would wait that may not, or the
    /// deadline passed. `ERANGE`: a value above SEMVMX, or an undo that reaches too far. `EIDRM`: the set was removed meanwhile.
    /// `ENOMEM`: no memory for an undo.
    #[inline(always)]
    pub fn operate(&self, host: &impl Sleepers, number: i32, operations: &[SemBuf], deadline: Option<Instant>) -> Result<(), Errno> {
        if self.enter(host, number, operations)? { Ok(()) } else { self.sleep(host, host.current(), deadline) }
    }

    /// The first half of [`operate`](Self::operate): does the operations, true; or queues the calling thread.
    ///
    /// # Errors
    /// As [`operate`](Self::operate).
    #[inline(always)]
    pub fn enter(&self, host: &impl Sleepers, number: i32, operations: &[SemBuf]) -> Result<bool, Errno> {
        if mutant::is(Mutant::IdComparedOutsideTheLock) {
            self.with(Id::from_number(number).ok_or(Errno::EINVAL)?, |_| Ok(()))?;
        }
        let outcome = match operations {
            [operation] if operation.sem_flg & SEM_UNDO == 0 => {
                self.lock.locked(|| self.state.with_mut(|state| state.enter_one(host, number, operation)))
            }
            _ => self.enter_all(host, number, operations),
        };
        match outcome {
            Outcome::Done => Ok(true),
            Outcome::Failed(errno) => Err(errno),
            Outcome::Serves(chain) => {
                chain.wake(host);
                Ok(true)
            }
            Outcome::Queued | Outcome::WantsUndo => {
                self.queue_late(host, operations);
                Ok(false)
            }
        }
    }

    #[inline(never)]
    fn enter_all(&self, host: &impl Sleepers, number: i32, operations: &[SemBuf]) -> Outcome {
        let Some(id) = Id::from_number(number) else { return Outcome::Failed(Errno::EINVAL) };
        loop {
            let outcome = self.lock.locked(|| self.state.with_mut(|state| state.enter_all(host, id, operations)));
            if !matches!(outcome, Outcome::WantsUndo) {
                return outcome;
            }
            if let Err(errno) = self.prepare_undo(host, id) {
                return Outcome::Failed(errno);
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
    #[inline(always)]
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
    /// See [`Set::change`].
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "0 to SEMVMX, as just seen")]
    fn change(&mut self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> bool {
        if self.gate != number.cast_unsigned() {
            return false;
        }
        let Some(semaphore) = self.semaphores.get_mut(usize::from(operation.sem_num)) else { return false };
        let value = u32::from(semaphore.value).wrapping_add_signed(operation.sem_op.into());
        if value > SEMVMX.into() {
            return false;
        }
        *semaphore = Semaphore { value: value as u16, pid: host.my_pid() };
        self.operated = host.stamp();
        true
    }

    /// Tries one operation that is not to be undone, and queues the calling thread if it must wait.
    #[inline]
    fn enter_one(&mut self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> Outcome {
        // As long as the gate says no more than that somebody sleeps, it stands for the id and the mode.
        let is_known = (self.gate ^ number.cast_unsigned()) & !SLEPT_IN == 0;
        if !is_known && let Err(errno) = self.judge_number(number, operation) {
            return Outcome::Failed(errno);
        }
        let Some(semaphore) = self.semaphores.get_mut(usize::from(operation.sem_num)) else { return Outcome::Failed(Errno::EFBIG) };
        match step(semaphore.value, operation.sem_op) {
            Step::Blocked if operation.sem_flg & IPC_NOWAIT != 0 => Outcome::Failed(Errno::EAGAIN),
            Step::Blocked => self.wait(host, core::slice::from_ref(operation)),
            Step::OutOfRange => Outcome::Failed(Errno::ERANGE),
            Step::To(value) => {
                *semaphore = Semaphore { value, pid: host.my_pid() };
                self.operated = host.stamp();
                if self.first.is_none() { Outcome::Done } else { self.serve_after_one(host, operation).into() }
            }
        }
    }

    #[cold]
    fn judge_number(&self, number: i32, operation: &SemBuf) -> Result<(), Errno> {
        let id = Id::from_number(number).ok_or(Errno::EINVAL)?;
        self.judge(id, operation.sem_num.into(), operation.sem_op != 0)
    }

    /// Tries, and queues the calling thread if it must wait.
    #[inline]
    fn enter_all(&mut self, host: &impl Sleepers, id: Id, operations: &[SemBuf]) -> Outcome {
        let highest = operations.iter().map(|operation| operation.sem_num).max().unwrap_or(0);
        if let Err(errno) = self.judge(id, highest.into(), changes(operations)) {
            return Outcome::Failed(errno);
        }
        let me = host.current();
        let is_undone = operations.iter().any(|operation| operation.sem_flg & SEM_UNDO != 0);
        if is_undone && self.rest.as_mut().is_some_and(|rest| rest.undo.of(host.undo_list(me)).is_none()) {
            return Outcome::WantsUndo;
        }
        match self.attempt_all(host, me, operations) {
            Verdict::Failed(errno) => Outcome::Failed(errno),
            Verdict::Blocked(_) => self.wait(host, operations),
            Verdict::Done => self.serve_after(host, operations).into(),
        }
    }

    /// What can be said before anything is tried, of operations on semaphores up to `highest`.
    #[inline]
    fn judge(&self, id: Id, highest: usize, changes: bool) -> Result<(), Errno> {
        if !self.is(id) && !mutant::is(Mutant::IdComparedOutsideTheLock) {
            return Err(Errno::EINVAL);
        }
        if highest >= self.semaphores.len() {
            return Err(Errno::EFBIG);
        }
        self.permit(changes)
    }

    /// Queues the calling thread, which must wait.
    #[inline]
    fn wait(&mut self, host: &impl Sleepers, operations: &[SemBuf]) -> Outcome {
        host.lend(operations);
        if !mutant::is(Mutant::QueuedInASecondSection) {
            self.queue(host, host.current(), Kind::of(operations));
        }
        Outcome::Queued
    }
}

impl From<Chain> for Outcome {
    #[inline]
    fn from(chain: Chain) -> Self {
        if chain.is_empty() { Self::Done } else { Self::Serves(chain) }
    }
}
