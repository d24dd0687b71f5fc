//! What a change lets the sleepers do: it is done for them, by whoever made the change.

use super::attempt::{Verdict, attempt};
use super::sleeper::{Chain, Kind, changes};
use super::{Sleepers, State};
use crate::thread::Thread;
use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::sem::{SEM_UNDO, SemBuf};

impl<A: Allocator> State<A> {
    /// Tries `operations`, those of `thread`, and writes down who did what.
    pub(super) fn attempt_for(&mut self, host: &impl Sleepers, thread: Thread, operations: &[SemBuf]) -> Verdict {
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
        // Lowering a value lets nobody lower it further; a complex one may wait for a zero in passing.
        let is_raised = operations.iter().any(|operation| operation.sem_op > 0) || self.complex != 0 && changes(operations);
        if is_raised {
            return self.serve(host);
        }
        let mut chain = Chain::EMPTY;
        self.serve_readers(host, &mut chain);
        chain
    }

    /// Does what sleepers wait for and can be done now, in the order in which they came; and after each change lets go first those who
    /// wait for zeros, before another change comes (Linux's order).
    #[inline(never)]
    pub(super) fn serve(&mut self, host: &impl Sleepers) -> Chain {
        let mut chain = Chain::EMPTY;
        self.serve_readers(host, &mut chain);
        let mut thread = self.first;
        while !thread.is_none() && self.simple + self.complex != 0 {
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
    fn serve_readers(&mut self, host: &impl Sleepers, chain: &mut Chain) -> bool {
        let before = self.readers;
        let mut thread = if before == 0 { Thread::NONE } else { self.first };
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
