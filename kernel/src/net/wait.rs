//! How callers wait for sockets: each socket has a word for those who read and one for those who write, and whoever can go on is woken
//! ([`skete_net::Signals`]).

use core::sync::atomic::Ordering;

use skete_abi::Errno;
use skete_logic::time::Instant;
use skete_logic::waiting::Cause;
use skete_net::{Signals, Stack};

use crate::memory::Heap;
use crate::sched::{futex, record};
use crate::time;

/// What a caller waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Something that comes.
    Read,
    /// Room for something that leaves, or that a connection is there.
    Write,
}

/// How long a call waits for what cannot be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all.
    No,
    /// Until this moment; none: for ever.
    Until(Option<Instant>),
}

/// Does `attempt` on the socket of this number until it answers something else than `EAGAIN`, and waits in between; not at all if the
/// opening `is_nonblocking`.
///
/// # Errors
/// `EAGAIN`: it was not to wait, or `deadline` has passed. `EBADF`: the socket was closed meanwhile. `EINTR`: somebody wanted the wait to
/// end. What `attempt` answers.
pub fn until<R>(
    number: u32,
    direction: Direction,
    is_nonblocking: bool,
    deadline: Option<Instant>,
    mut attempt: impl FnMut(&mut Stack<Heap>) -> Result<R, Errno>,
) -> Result<R, Errno> {
    loop {
        let mut signals: Option<(&'static Signals, [u32; 2])> = None;
        let result = super::with(|stack| {
            let words = stack.signals(number)?;
            // Noted under the lock and before the attempt: what happens after it changes the word.
            signals = Some((words, words.seen()));
            attempt(stack)
        });
        let Some((words, [read, write])) = signals.filter(|_| matches!(result, Err(Errno::EAGAIN))) else { return result };
        if is_nonblocking || deadline.is_some_and(|deadline| time::now() >= deadline) {
            return result;
        }
        let (word, seen) = if direction == Direction::Read { (&words.read, read) } else { (&words.write, write) };
        if record::waiting(Cause::Socket, || futex::wait(word, seen, deadline)) == Err(Errno::EINTR) {
            return Err(Errno::EINTR);
        }
    }
}

/// Does `attempt` until it answers something else than `EINPROGRESS`, and waits in between for an address or a name to come. The stack ends
/// that wait: it gives up hope in time.
///
/// # Errors
/// `EINTR`: somebody wanted the wait to end. What `attempt` answers.
pub fn until_outlook<R>(mut attempt: impl FnMut(&mut Stack<Heap>) -> Result<R, Errno>) -> Result<R, Errno> {
    loop {
        let mut seen = 0;
        let result = super::with(|stack| {
            // Noted under the lock, where it is written.
            seen = super::OUTLOOK.load(Ordering::Relaxed);
            attempt(stack)
        });
        if !matches!(result, Err(Errno::EINPROGRESS)) {
            return result;
        }
        if record::waiting(Cause::Socket, || futex::wait(&super::OUTLOOK, seen, None)) == Err(Errno::EINTR) {
            return Err(Errno::EINTR);
        }
    }
}
