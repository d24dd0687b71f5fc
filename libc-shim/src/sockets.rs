//! Sockets, with Linux's numbers and structs. Functions of their own: a program that opens none carries none, and only one that calls
//! [`opening`]'s `socket` carries the network, and these calls' [`numbers`].
//!
//! - [`address`]: addresses as C has them
//! - [`opening`]: `socket`, `socketpair`, `bind`, `listen`, `accept`, `connect`, `shutdown`, names
//! - [`messages`]: what is sent and received · [`many`]: several messages in one call
//! - [`options`]: `setsockopt`, `getsockopt` · [`device`]: `ioctl`

pub mod address;
pub mod device;
pub mod many;
pub mod messages;
pub mod numbers;
pub mod opening;
pub mod options;

use skete::files;
use skete::files::socket::{Duration, Manner, Opened, Wait, deadline_of};
use skete_abi::Errno;

use crate::signal::{self, Outcome};
use crate::thread::cancel::{self, Waiting};

/// `SOCK_NONBLOCK` and `SOCK_CLOEXEC`, beside a type.
const NONBLOCKING: i32 = 0o4000;
const CLOSE_ON_EXEC: i32 = 0o200_0000;

/// Linux's types of sockets.
mod kind {
    pub const STREAM: i32 = 1;
    pub const DATAGRAMS: i32 = 2;
    pub const RAW: i32 = 3;
    pub const MESSAGES: i32 = 5;
}

/// The socket behind a number, and how it speaks.
fn find(fd: i32) -> Result<(Opened, Manner), Errno> {
    let opened = files::socket_of(fd)?;
    let manner = opened.socket.nature(opened.item)?.manner;
    Ok((opened, manner))
}

/// Does `attempt` as a cancellation point: without waiting, and if that is in vain and the call `waits`, by waiting as long as `timeout`
/// says. A handler that wants it lets the call go on, unless there is a timeout (`signal(7)`).
fn patiently<R>(
    waits: bool,
    timeout: impl FnOnce() -> Result<Option<Duration>, Errno>,
    mut attempt: impl FnMut(Wait) -> Result<R, Errno>,
) -> Result<R, Errno> {
    cancel::point();
    let first = attempt(Wait::No);
    if !waits || !matches!(first, Err(Errno::EAGAIN)) {
        signal::point();
        return first;
    }
    let timeout = timeout()?;
    let wait = Wait::Until(deadline_of(timeout));
    loop {
        let Ok(waiting) = Waiting::begin() else {
            // What was due before goes before.
            cancel::point();
            continue;
        };
        match waiting.end(attempt(wait)) {
            Err(Errno::EINTR) => match cancel::interrupted() {
                Outcome::Nothing => {}
                Outcome::Restarts if timeout.is_none() => {}
                Outcome::Restarts | Outcome::Ends => return Err(Errno::EINTR),
            },
            answer => {
                signal::point();
                return answer;
            }
        }
    }
}
