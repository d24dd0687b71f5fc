//! What a change lets the sleepers do: it is done for them, by whoever made the change.

use super::attempt::{Step, Verdict, attempt, step};
use super::sleeper::{Chain, Kind};
use super::{Semaphore, Sleepers, State};
use crate::thread::Thread;
use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::ipc::IPC_NOWAIT;
use skete_abi::sem::{SEM_UNDO, SemBuf};

impl<A: Allocator> State<A> {
    /// Tries `operations`, those of `thread`, and writes down who did what.
    #[inline]
    fn attempt_for(&mut self, host: &impl Sleepers, thread: Thread, operations: &[SemBuf]) -> Verdict {
        match operations {
            [operation] if operation.sem_flg & SEM_UNDO == 0 => self.attempt_one(host, thread, operation),
            _ => self.attempt_all(host, thread, operations),
        }
    }

    /// Tries one operation of `thread`, which is not to be undone, and writes down who did it.
    #[inline]
    fn attempt_one(&mut self, host: &impl Sleepers, thread: Thread, operation: &SemBuf) -> Verdict {
        let semaphore = &mut self.semaphores[usize::from(operation.sem_num)];
        match step(semaphore.value, operation.sem_op) {
            Step::Blocked if operation.sem_flg & IPC_NOWAIT != 0 => Verdict::Failed(Errno::EAGAIN),
            Step::Blocked => Verdict::Blocked(0),
            Step::OutOfRange => Verdict::Failed(Errno::ERANGE),
            Step::To(value) => {
                *semaphore = Semaphore { value, pid: host.pid(thread) };
                self.operated = host.stamp();
                Verdict::Done
            }
        }
    }

    #[inline(never)]
    pub(super) fn attempt_all(&mut self, host: &impl Sleepers, thread: Thread, operations: &[SemBuf]) -> Verdict {
        let is_undone = operations.iter().any(|operation| operation.sem_flg & SEM_UNDO != 0);
        let adjustments = match &mut self.rest {
            Some(rest) if is_undone => rest.undo.of(host.undo_list(thread)).unwrap_or_default(),
            _ => &mut [],
        };
        let verdict = attempt(&mut self.semaphores, adjustments, operations);
        if verdict == Verdict::Done {
            let pid = host.pid(thread);
            for operation in operations {
                self.semaphores[usize::from(operation.sem_num)].pid = pid;
            }
            self.operated = host.stamp();
        }
        verdict
    }

    /// Does what sleepers wait for after `operations` were done.
    #[inline]
    pub(super) fn serve_after(&mut self, host: &impl Sleepers, operations: &[SemBuf]) -> Chain {
        // Where each waits to lower one value, only what was raised helps.
        let helps = self.readers != 0 || self.complex != 0 || operations.iter().any(|operation| operation.sem_op > 0);
        if helps { self.serve(host) } else { Chain::EMPTY }
    }

    /// [`serve_after`](Self::serve_after) one operation.
    #[inline(always)]
    pub(super) fn serve_after_one(&mut self, host: &impl Sleepers, operation: &SemBuf) -> Chain {
        if self.readers != 0 || self.complex != 0 {
            return self.serve(host);
        }
        if operation.sem_op > 0 { self.serve_simple(host, operation.sem_num) } else { Chain::EMPTY }
    }

    /// [`serve`](Self::serve) where everyone has one operation that lowers a value, and only that of semaphore `number` was raised.
    #[inline(always)]
    fn serve_simple(&mut self, host: &impl Sleepers, number: u16) -> Chain {
        let mut chain = Chain::EMPTY;
        let mut thread = self.first;
        while !thread.is_none() && self.semaphores[usize::from(number)].value != 0 {
            let next = host.sleeper(thread).behind();
            if let [operation] = host.borrow(thread)
                && operation.sem_num == number
            {
                match self.attempt_for(host, thread, core::slice::from_ref(operation)) {
                    Verdict::Blocked(_) => {}
                    Verdict::Failed(errno) => self.finish(host, thread, Err(errno), &mut chain),
                    Verdict::Done => self.finish(host, thread, Ok(()), &mut chain),
                }
            }
            thread = next;
        }
        chain
    }

    /// Does what sleepers wait for and can be done now, in the order in which they came; and after each change lets go first those who
    /// wait for zeros, before another change comes (Linux's order).
    #[inline(never)]
    pub(super) fn serve(&mut self, host: &impl Sleepers) -> Chain {
        let mut chain = Chain::EMPTY;
        self.serve_readers(host, &mut chain);
        let mut thread = self.first;
        while !thread.is_none() {
            let node = host.sleeper(thread).node();
            let verdict = if node.kind == Kind::Reader { Verdict::Blocked(0) } else { self.attempt_for(host, thread, host.borrow(thread)) };
            thread = match verdict {
                Verdict::Blocked(_) => node.next,
                Verdict::Failed(errno) => {
                    self.finish(host, thread, Err(errno), &mut chain);
                    node.next
                }
                Verdict::Done => {
                    self.finish(host, thread, Ok(()), &mut chain);
                    let have_gone = self.serve_readers(host, &mut chain);
                    // One lower value lets nobody go who came before, but for complex ones. A reader that went may have been next.
                    if have_gone || self.complex != 0 || node.kind == Kind::Complex { self.first } else { node.next }
                }
            };
        }
        chain
    }

    /// Lets those go who waited for zeros that are there; whether there was one.
    #[inline]
    fn serve_readers(&mut self, host: &impl Sleepers, chain: &mut Chain) -> bool {
        self.readers != 0 && self.serve_some_readers(host, chain)
    }

    #[inline(never)]
    fn serve_some_readers(&mut self, host: &impl Sleepers, chain: &mut Chain) -> bool {
        let before = self.readers;
        let mut thread = self.first;
        while !thread.is_none() {
            let node = host.sleeper(thread).node();
            if node.kind == Kind::Reader {
                match self.attempt_for(host, thread, host.borrow(thread)) {
                    Verdict::Blocked(_) => {}
                    Verdict::Failed(errno) => self.finish(host, thread, Err(errno), chain),
                    Verdict::Done => self.finish(host, thread, Ok(()), chain),
                }
            }
            thread = node.next;
        }
        self.readers != before
    }

    /// The wait of `thread` is over.
    #[inline]
    fn finish(&mut self, host: &impl Sleepers, thread: Thread, answer: Result<(), Errno>, chain: &mut Chain) {
        self.unqueue(host, host.sleeper(thread).node());
        chain.append(host, thread, answer);
    }

    /// The waits of all are over.
    pub(super) fn dismiss(&mut self, host: &impl Sleepers, errno: Errno) -> Chain {
        let mut chain = Chain::EMPTY;
        while !self.first.is_none() {
            self.finish(host, self.first, Err(errno), &mut chain);
        }
        chain
    }
}
