//! Waiting for the first of several files: `poll(2)`.

use skete_abi::Errno;
use skete_abi::files::{POLLNVAL, PollFd};

use super::class::Ready;
use super::{changes, table};
use crate::time;

/// Waits until one of `fds` is ready, at most `timeout_ms` (for ever if below zero); writes into each what it is ready for, and returns
/// how many are.
///
/// # Errors
/// `ENOMEM`. `EINTR`: somebody wanted the wait to end.
pub fn wait(fds: &mut [PollFd], timeout_ms: i32) -> Result<usize, Errno> {
    let timeout_ns = u64::try_from(timeout_ms).ok().map(|ms| ms * 1_000_000);
    let deadline = timeout_ns.map(|ns| time::now().saturating_add_ns(ns));
    loop {
        let seen = changes::seen();
        let count = look(fds)?;
        if count > 0 || deadline.is_some_and(|deadline| time::now() >= deadline) {
            return Ok(count);
        }
        changes::wait(seen, deadline)?;
    }
}

/// One look at all: how many are ready.
fn look(fds: &mut [PollFd]) -> Result<usize, Errno> {
    let mut table = table()?;
    let mut count = 0;
    for fd in fds {
        fd.revents = 0;
        if fd.fd < 0 {
            continue;
        }
        fd.revents = match table.get(fd.fd) {
            Ok(open) => {
                let class = open.object.class;
                let mut ready = class.ready(open.object.item);
                ready.set(Ready::READ, ready.contains(Ready::READ) && open.flags.is_readable());
                ready.set(Ready::WRITE, ready.contains(Ready::WRITE) && open.flags.is_writable());
                ready.bits() & (fd.events | Ready::UNASKED.bits())
            }
            Err(_) => POLLNVAL,
        };
        count += usize::from(fd.revents != 0);
    }
    Ok(count)
}
