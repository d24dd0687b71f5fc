//! What a change lets the sleepers do: it is done for them, by whoever made the change.

use super::attempt::{Verdict, attempt};
use super::sleeper::{Chain, Kind, Node};
use super::{Semaphore, Sleepers, State};
use crate::thread::Thread;
use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::sem::{SEM_UNDO, SemBuf};

impl<A: Allocator> State<A> {
    /// Tries what `thread`, whose node is `node`, waits for, and writes down that it did it.
    fn attempt_for(&mut self, host: &impl Sleepers, thread: Thread, node: Node) -> Verdict {
        self.attempt(host, thread, node.pid, host.borrow(node.lent))
    }

    /// Tries `operations` of `thread`, and writes down that `pid` did them.
    #[inline(never)]
    pub(super) fn attempt(&mut self, host: &impl Sleepers, thread: Thread, pid: u32, operations: &[SemBuf]) -> Verdict {
        let is_undone = operations.iter().any(|operation| operation.sem_flg & SEM_UNDO != 0);
        let adjustments = match &mut self.rest {
            Some(rest) if is_undone => rest.undo.of(host.undo_list(thread)).unwrap_or_default(),
            _ => &mut [],
        };
        let verdict = attempt(&mut self.semaphores, adjustments, operations);
        if verdict == Verdict::Done {
            for operation in operations {
                self.semaphores[usize::from(operation.sem_num)].pid = pid;
            }
            self.operated = host.stamp();
        }
        verdict
    }

    /// Does what sleepers wait for after `operations` were done.
    pub(super) fn serve_after(&mut self, host: &impl Sleepers, operations: &[SemBuf]) -> Chain {
        // Where each waits to lower one value, only what was raised helps.
        let helps = self.readers | self.complex != 0 || operations.iter().any(|operation| operation.sem_op > 0);
        if helps { self.serve(host) } else { Chain::EMPTY }
    }

    /// Does what sleepers wait for after semaphore `number` was raised.
    #[inline(always)]
    pub(super) fn serve_raised(&mut self, host: &impl Sleepers, number: u16) -> Chain {
        let mut chain = Chain::EMPTY;
        if self.readers | self.complex != 0 {
            return self.serve(host);
        }
        // Each waits to lower one value.
        let mut thread = self.first;
        while !thread.is_none() {
            let semaphore = &mut self.semaphores[usize::from(number)];
            if semaphore.value == 0 {
                break;
            }
            let sleeper = host.sleeper(thread);
            let node = sleeper.node();
            if let [operation] = host.borrow(node.lent)
                && operation.sem_num == number
                && let Some(value) = semaphore.value.checked_sub(operation.sem_op.unsigned_abs())
            {
                *semaphore = Semaphore { value, pid: node.pid };
                self.unqueue(host, node);
                chain.append(host, thread, sleeper, Ok(()));
            }
            thread = node.next;
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
            let verdict = if node.kind == Kind::Reader { Verdict::Blocked(0) } else { self.attempt_for(host, thread, node) };
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
    fn serve_readers(&mut self, host: &impl Sleepers, chain: &mut Chain) -> bool {
        let before = self.readers;
        let mut thread = if before == 0 { Thread::NONE } else { self.first };
        while !thread.is_none() {
            let node = host.sleeper(thread).node();
            if node.kind == Kind::Reader {
                match self.attempt_for(host, thread, node) {
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
    #[inline(never)]
    fn finish(&mut self, host: &impl Sleepers, thread: Thread, answer: Result<(), Errno>, chain: &mut Chain) {
        let sleeper = host.sleeper(thread);
        self.unqueue(host, sleeper.node());
        chain.append(host, thread, sleeper, answer);
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
