//! Sockets as files: the same numbers, read and written, polled and closed like any other; and what they can do beyond that.
//!
//! - [`network`]: those of the network
//! - [`pair`]: two that are connected with each other · [`named`]: those that find each other by a name in the file tree
//!
//! Who calls reaches each by its class: a program that has pairs only carries no network.

pub mod named;
pub mod network;
pub mod pair;

use core::mem::MaybeUninit;

use skete_abi::Errno;
pub use skete_logic::pair::Manner;
use skete_logic::tree::{Kind, NodeId, OpenFlags, Status, Times};
pub use skete_net::socket::{Family, Options, Received, Type};
pub use skete_net::stack::Half;
pub use skete_net::{Duration, IpAddress, IpEndpoint, ends, mailbox};

use super::{Open, changes};
pub use crate::net::transfer::deadline_of;
pub use crate::net::wait::Wait;
use crate::time;

/// Bytes of the longest name in the file tree that a socket can have (`sun_path`).
pub const PATH: usize = 108;

/// The socket behind a number.
pub struct Opened {
    /// What it can do.
    pub socket: &'static dyn Socket,
    /// Which one of its class.
    pub item: u32,
    /// Whether its opening is non-blocking.
    pub is_nonblocking: bool,
}

/// Whom a socket speaks with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// Another of this program, without the network.
    Pair,
}

/// What a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nature {
    /// Whom it speaks with.
    pub domain: Domain,
    /// How.
    pub manner: Manner,
    /// Whether others can connect to it.
    pub listens: bool,
}

/// What a class of sockets can do, each named by its item; what it leaves out, none of it can. The errors are those of the calls of POSIX.
pub trait Socket: Sync {
    /// The network's number of it, if it is the network's.
    fn number(&self, _item: u32) -> Option<u32> {
        None
    }

    /// What it is.
    fn nature(&self, item: u32) -> Result<Nature, Errno>;

    /// Gives it an address.
    fn bind(&self, _item: u32, _name: IpEndpoint) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Gives it a name in the file tree.
    fn bind_path(&self, _item: u32, _path: &[u8]) -> Result<(), Errno> {
        Err(Errno::EAFNOSUPPORT)
    }

    /// Connects it to the one of this name, which has room for it or is waited for.
    fn connect_path(&self, _item: u32, _path: &[u8], _wait: Wait) -> Result<(), Errno> {
        Err(Errno::EAFNOSUPPORT)
    }

    /// Its name in the file tree, or that of the other side, if it has one: into `place`, and how long it is.
    fn path(&self, _item: u32, _is_peers: bool, _place: &mut [u8; PATH]) -> Result<usize, Errno> {
        Ok(0)
    }

    /// Lets others connect to it.
    fn listen(&self, _item: u32, _backlog: i32) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Takes a connection, which gets a number among the files: that, and who is at the other end, if it has an address.
    fn accept(&self, _item: u32, _is_nonblocking: bool, _wait: Wait) -> Result<(i32, Option<IpEndpoint>), Errno> {
        Err(Errno::EINVAL)
    }

    /// Connects it to `peer`, or begins to: `EINPROGRESS`. Never waits.
    fn connect(&self, _item: u32, _peer: IpEndpoint) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Waits until the connection that has begun is complete.
    fn connected(&self, _item: u32, _wait: Wait) -> Result<(), Errno> {
        Err(Errno::EINVAL)
    }

    /// Sends: how much. A stream that may wait sends all, unless something ends that on the way.
    fn send(&self, item: u32, bytes: &[u8], to: Option<IpEndpoint>, wait: Wait) -> Result<usize, Errno>;

    /// Takes what came, or looks at it.
    fn receive(&self, item: u32, into: &mut [MaybeUninit<u8>], peeks: bool, wait: Wait) -> Result<Received, Errno>;

    /// Ends one direction or both.
    fn shut_down(&self, item: u32, half: Half) -> Result<(), Errno>;

    /// Its own address; none: it has no name.
    fn name(&self, _item: u32) -> Result<Option<IpEndpoint>, Errno> {
        Ok(None)
    }

    /// The other side's address; none: that has no name.
    fn peer(&self, _item: u32) -> Result<Option<IpEndpoint>, Errno> {
        Ok(None)
    }

    /// Its options.
    fn options(&self, item: u32) -> Result<Options, Errno>;

    /// Changes its options.
    fn set_options(&self, item: u32, change: &mut dyn FnMut(&mut Options)) -> Result<(), Errno>;

    /// Hears a group from now on, or no more.
    fn set_group(&self, _item: u32, _group: IpAddress, _joins: bool) -> Result<(), Errno> {
        Err(Errno::ENOPROTOOPT)
    }

    /// Takes the error that waits to be told.
    fn take_error(&self, item: u32) -> Result<Option<Errno>, Errno>;
}

/// What [`Class::read`](super::class::Class::read) does of a socket outside of the network.
fn read(socket: &dyn Socket, open: &Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    let wait = wait_of(socket, open, |options| options.receive_timeout)?;
    socket.receive(open.object.item, into, false, wait).map(|received| received.count)
}

/// What [`Class::write`](super::class::Class::write) does of a socket outside of the network.
fn write(socket: &dyn Socket, open: &Open, from: &[u8]) -> Result<usize, Errno> {
    let wait = wait_of(socket, open, |options| options.send_timeout)?;
    socket.send(open.object.item, from, None, wait)
}

/// How long a call may wait that says nothing of it.
fn wait_of(socket: &dyn Socket, open: &Open, timeout: impl FnOnce(&Options) -> Option<Duration>) -> Result<Wait, Errno> {
    if open.flags.contains(OpenFlags::NONBLOCKING) {
        return Ok(Wait::No);
    }
    socket.options(open.object.item).map(|options| Wait::Until(deadline_of(timeout(&options))))
}

/// Does `attempt` until it answers something else than `EAGAIN`, and waits in between if it is to.
fn until<R>(wait: Wait, mut attempt: impl FnMut() -> Result<R, Errno>) -> Result<R, Errno> {
    loop {
        let seen = changes::seen();
        match (attempt(), wait) {
            (Err(Errno::EAGAIN), Wait::Until(deadline)) if deadline.is_none_or(|deadline| time::now() < deadline) => {
                changes::wait(seen, deadline)?;
            }
            (answer, _) => return answer,
        }
    }
}

/// What is told of a socket in which so many bytes wait to be read.
fn status(item: u32, bytes: u64) -> Status {
    Status { node: NodeId(item), kind: Kind::Socket, permissions: 0o777, links: 1, bytes, times: Times::default() }
}
