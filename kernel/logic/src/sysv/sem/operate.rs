//! `semop` and `semtimedop`.

use super::attempt::{Step, Verdict, step};
use super::sleeper::{Chain, Kind, changes};
use super::{Gate, Semaphore, Set, Sleepers, State};
use crate::host::Parked;
use crate::mutant::{self, Mutant};
use crate::thread::Thread;
use crate::time::{Deadline, Instant};
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

impl Outcome {
    /// Lets go those who were served. The caller is in the uninterrupted section in which they were.
    #[inline(always)]
    fn let_go<H: Sleepers>(self, host: &H, masking: H::Masking) -> Self {
        let Self::Serves(chain) = self else { return self };
        chain.wake(host, masking);
        Self::Done
    }
}

impl<L: Gate, A: Allocator + Clone> Set<L, A> {
    /// Does `operation` on the set whose id is `number` if that is simple: it changes a value, is not to be undone, need not wait, and
    /// nobody else is concerned. False, and nothing done: [`operate`](Self::operate) knows why.
    #[inline(always)]
    #[must_use]
    pub fn change(&self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> bool {
        let change = operation.sem_op;
        if change == 0 || operation.sem_flg & SEM_UNDO != 0 {
            return false;
        }
        let semaphore = usize::from(operation.sem_num);
        self.lock.locked_at(number.cast_unsigned(), || self.state.with_mut(|state| state.change(host, semaphore, change))) == Some(true)
    }

    /// Does all of `operations` on the set whose id is `number`, in order, or none; sleeps until that can be done, or until `deadline`.
    /// There is at least one operation, and no more than the limit.
    ///
    /// # Errors
    /// `EINVAL`: no such set. `EFBIG`: no such semaphore. `EACCES`: the mode forbids it. `EAGAIN`: one would wait that may not, or the
    /// deadline passed. `ERANGE`: a value above SEMVMX, or an undo that reaches too far. `EIDRM`: the set was removed meanwhile.
    /// `ENOMEM`: no memory for an undo.
    #[inline]
    pub fn operate(&self, host: &impl Sleepers, number: i32, operations: &[SemBuf], deadline: Option<Instant>) -> Result<(), Errno> {
        match operations {
            [operation] => self.operate_one(host, number, operation, deadline),
            _ => self.operate_all(host, number, operations, deadline),
        }
    }

    /// [`operate`](Self::operate) with one operation, after [`change`](Self::change) would not do it.
    ///
    /// # Errors
    /// As [`operate`](Self::operate).
    #[inline(always)]
    pub fn operate_one(&self, host: &impl Sleepers, number: i32, operation: &SemBuf, deadline: Option<Instant>) -> Result<(), Errno> {
        if operation.sem_flg & SEM_UNDO != 0 {
            self.operate_all(host, number, core::slice::from_ref(operation), deadline)
        } else if operation.sem_op > 0 {
            self.raise(host, number, operation)
        } else {
            self.lower(host, number, operation, deadline)
        }
    }

    /// One operation that never waits.
    #[inline(never)]
    fn raise(&self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> Result<(), Errno> {
        let is_all = host.unpark_claimed(|| self.locked_uninterrupted(|state| state.raise_for_one(host, number, operation)));
        if is_all { Ok(()) } else { self.raise_for_all(host, number, operation) }
    }

    #[inline(never)]
    fn raise_for_all(&self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> Result<(), Errno> {
        self.serving(host, |state| state.raise(host, number, operation))
    }

    /// One operation that may have to wait.
    #[inline(never)]
    fn lower(&self, host: &impl Sleepers, number: i32, operation: &SemBuf, deadline: Option<Instant>) -> Result<(), Errno> {
        if deadline.is_none() {
            return self.lower_for_ever(host, number, operation);
        }
        if self.enter_lower(host, number, operation)? { Ok(()) } else { self.sleep(host, deadline) }
    }

    #[inline(always)]
    fn lower_for_ever(&self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> Result<(), Errno> {
        self.compare_early(number)?;
        let tried = host.park_after(|masking| match self.locked_uninterrupted(|state| state.lower(host, number, operation)) {
            Outcome::Queued => {
                self.queue_late(host, core::slice::from_ref(operation));
                Ok(())
            }
            outcome => Err(outcome.let_go(host, masking)),
        });
        match tried {
            Ok(()) => host.own_sleeper().answer().unwrap_or_else(|| self.sleep(host, None)),
            Err(outcome) => self.settle(host, core::slice::from_ref(operation), outcome).map(drop),
        }
    }

    /// As if the id were compared before the lock is taken.
    #[inline(always)]
    fn compare_early(&self, number: i32) -> Result<(), Errno> {
        if mutant::is(Mutant::IdComparedOutsideTheLock) {
            self.locked(|state| if state.is(number) { Ok(()) } else { Err(Errno::EINVAL) })?;
        }
        Ok(())
    }

    #[inline(never)]
    fn operate_all(&self, host: &impl Sleepers, number: i32, operations: &[SemBuf], deadline: Option<Instant>) -> Result<(), Errno> {
        if self.enter_all(host, number, operations)? { Ok(()) } else { self.sleep(host, deadline) }
    }

    /// [`operate`](Self::operate) without the sleep: does the operations, true; or queues the calling thread, false, which is to sleep
    /// until its [`Sleeper`](super::Sleeper) has an answer, or to [`withdraw`](Self::withdraw).
    ///
    /// # Errors
    /// As [`operate`](Self::operate).
    pub fn enter(&self, host: &impl Sleepers, number: i32, operations: &[SemBuf]) -> Result<bool, Errno> {
        match operations {
            [operation] if self.change(host, number, operation) => Ok(true),
            [operation] if operation.sem_flg & SEM_UNDO != 0 => self.enter_all(host, number, operations),
            [operation] if operation.sem_op > 0 => self.raise(host, number, operation).map(|()| true),
            [operation] => self.enter_lower(host, number, operation),
            _ => self.enter_all(host, number, operations),
        }
    }

    #[inline(always)]
    fn enter_lower(&self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> Result<bool, Errno> {
        self.compare_early(number)?;
        let outcome = self.try_to(host, |state| state.lower(host, number, operation));
        self.settle(host, core::slice::from_ref(operation), outcome)
    }

    #[inline(always)]
    fn enter_all(&self, host: &impl Sleepers, number: i32, operations: &[SemBuf]) -> Result<bool, Errno> {
        loop {
            let outcome = self.try_to(host, |state| state.enter_all(host, number, operations));
            if !matches!(outcome, Outcome::WantsUndo) {
                return self.settle(host, operations, outcome);
            }
            self.prepare_undo(host, number)?;
        }
    }

    /// Tries under the lock, and lets go at once whom that has served.
    #[inline(always)]
    fn try_to(&self, host: &impl Sleepers, attempt: impl FnOnce(&mut State<A>) -> Outcome) -> Outcome {
        host.uninterrupted(|masking| self.locked_uninterrupted(attempt).let_go(host, masking))
    }

    #[inline(always)]
    fn settle(&self, host: &impl Sleepers, operations: &[SemBuf], outcome: Outcome) -> Result<bool, Errno> {
        match outcome {
            Outcome::Done | Outcome::Serves(_) => Ok(true),
            Outcome::Failed(errno) => Err(errno),
            Outcome::Queued | Outcome::WantsUndo => {
                self.queue_late(host, operations);
                Ok(false)
            }
        }
    }

    /// As if queueing were not part of the section that tried.
    #[inline(always)]
    fn queue_late(&self, host: &impl Sleepers, operations: &[SemBuf]) {
        if mutant::is(Mutant::QueuedInASecondSection) {
            self.locked(|state| state.queue(host, operations, Kind::of(operations)));
        }
    }

    /// Parks the calling thread, which is queued, until its operations are done or have failed, or it is late. An interruption is kept for
    /// the next wait.
    #[inline(never)]
    fn sleep(&self, host: &impl Sleepers, deadline: Option<Instant>) -> Result<(), Errno> {
        let me = host.current();
        let sleeper = host.sleeper(me);
        let mut deadline = deadline;
        let mut was_interrupted = false;
        let answer = loop {
            let parked = host.park(deadline.map(Deadline::at));
            if let Some(answer) = sleeper.answer() {
                break answer;
            }
            was_interrupted |= host.take_interruption();
            if parked == Parked::Expired {
                if self.withdraw(host, me) {
                    break Err(Errno::EAGAIN);
                }
                // A waker has claimed it: it is about to let go, and to unpark.
                deadline = None;
            }
        };
        if was_interrupted {
            host.keep_interruption();
        }
        answer
    }

    /// Takes `me` out of the queue: its deadline has passed. False if a waker was faster.
    #[cold]
    pub fn withdraw(&self, host: &impl Sleepers, me: Thread) -> bool {
        let sleeper = host.sleeper(me);
        self.locked(|state| {
            if !sleeper.is_queued() && !mutant::is(Mutant::SleeperWithdrawnBlindly) {
                return false;
            }
            state.unqueue(host, sleeper.node());
            sleeper.leave();
            true
        })
    }
}

impl<A: Allocator> State<A> {
    /// See [`Set::change`].
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "0 to SEMVMX, as just seen")]
    fn change(&mut self, host: &impl Sleepers, number: usize, change: i16) -> bool {
        let Some(semaphore) = self.semaphores.get_mut(number) else { return false };
        let value = u32::from(semaphore.value).wrapping_add_signed(change.into());
        if value > SEMVMX.into() {
            return false;
        }
        *semaphore = Semaphore { value: value as u16, pid: host.pid() };
        self.operated = host.stamp();
        true
    }

    /// One operation that raises a value and is not to be undone, if that is simple: it lets go the only one who sleeps here, and that one
    /// waits to lower the value. [`Thread::NONE`], and nothing done: [`raise`](Self::raise) knows why.
    #[inline(always)]
    #[allow(clippy::cast_possible_truncation, reason = "0 to SEMVMX, as just seen")]
    fn raise_for_one(&mut self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> Thread {
        let thread = self.first;
        let is_simple = self.is(number) && self.bar == 0 && u32::from(self.readers) | u32::from(self.complex) == 0 && thread == self.last;
        let Some(semaphore) = self.semaphores.get_mut(usize::from(operation.sem_num)) else { return Thread::NONE };
        let raised = u32::from(semaphore.value).wrapping_add_signed(operation.sem_op.into());
        if !is_simple || thread.is_none() || raised > SEMVMX.into() {
            return Thread::NONE;
        }
        let sleeper = host.sleeper(thread);
        let (lent, pid) = sleeper.asks();
        let [wanted] = host.borrow(lent) else { return Thread::NONE };
        let value = raised.wrapping_add_signed(wanted.sem_op.into());
        if wanted.sem_num != operation.sem_num || value > SEMVMX.into() {
            return Thread::NONE;
        }
        *semaphore = Semaphore { value: value as u16, pid };
        self.operated = host.stamp();
        (self.first, self.last) = (Thread::NONE, Thread::NONE);
        // No chain runs through its node, which says already that all went well: it may go as soon as it looks.
        sleeper.free();
        thread
    }

    /// One operation that raises a value and is not to be undone: whom it lets go.
    #[inline(always)]
    fn raise(&mut self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> Result<Chain, Errno> {
        self.judge(number, usize::from(operation.sem_num), true)?;
        let semaphore = &mut self.semaphores[usize::from(operation.sem_num)];
        let value = semaphore.value + operation.sem_op.unsigned_abs();
        if value > SEMVMX {
            return Err(Errno::ERANGE);
        }
        *semaphore = Semaphore { value, pid: host.pid() };
        self.operated = host.stamp();
        Ok(if self.first.is_none() { Chain::EMPTY } else { self.serve_raised(host, operation.sem_num) })
    }

    /// One operation that lowers a value or waits for 0, and is not to be undone; queues the calling thread if it must wait.
    #[inline(always)]
    fn lower(&mut self, host: &impl Sleepers, number: i32, operation: &SemBuf) -> Outcome {
        if let Err(errno) = self.judge(number, usize::from(operation.sem_num), operation.sem_op != 0) {
            return Outcome::Failed(errno);
        }
        let semaphore = &mut self.semaphores[usize::from(operation.sem_num)];
        match step(semaphore.value, operation.sem_op) {
            Step::To(value) => {
                *semaphore = Semaphore { value, pid: host.pid() };
                self.operated = host.stamp();
                if self.readers | self.complex == 0 { Outcome::Done } else { self.serve(host).into() }
            }
            _ if operation.sem_flg & IPC_NOWAIT != 0 => Outcome::Failed(Errno::EAGAIN),
            _ => self.wait(host, core::slice::from_ref(operation), if operation.sem_op == 0 { Kind::Reader } else { Kind::Simple }),
        }
    }

    /// Tries, and queues the calling thread if it must wait.
    #[inline]
    fn enter_all(&mut self, host: &impl Sleepers, number: i32, operations: &[SemBuf]) -> Outcome {
        let highest = operations.iter().map(|operation| operation.sem_num).max().unwrap_or(0);
        if let Err(errno) = self.judge(number, highest.into(), changes(operations)) {
            return Outcome::Failed(errno);
        }
        let me = host.current();
        let is_undone = operations.iter().any(|operation| operation.sem_flg & SEM_UNDO != 0);
        if is_undone && self.rest.as_mut().is_some_and(|rest| rest.undo.of(host.undo_list(me)).is_none()) {
            return Outcome::WantsUndo;
        }
        match self.attempt(host, me, host.pid(), operations) {
            Verdict::Failed(errno) => Outcome::Failed(errno),
            Verdict::Blocked(_) => self.wait(host, operations, Kind::of(operations)),
            Verdict::Done => self.serve_after(host, operations).into(),
        }
    }

    /// What can be said before anything is tried, of operations on semaphores up to `highest`.
    #[inline(always)]
    fn judge(&self, number: i32, highest: usize, changes: bool) -> Result<(), Errno> {
        if !self.is(number) && !mutant::is(Mutant::IdComparedOutsideTheLock) {
            return Err(Errno::EINVAL);
        }
        if highest >= self.semaphores.len() {
            return Err(Errno::EFBIG);
        }
        self.permit(changes)
    }

    /// Queues the calling thread, which must wait; its operations are of this `kind`.
    #[inline(always)]
    fn wait(&mut self, host: &impl Sleepers, operations: &[SemBuf], kind: Kind) -> Outcome {
        if !mutant::is(Mutant::QueuedInASecondSection) {
            self.queue(host, operations, kind);
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
