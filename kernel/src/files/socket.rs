//! Sockets as files: the same numbers, read and written, polled and closed like any other.

use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_logic::tree::{Kind, NodeId, OpenFlags, Status, Times};

use super::class::{Class, Handle, Ready};
use super::{Open, changes};
use crate::net;
use crate::net::transfer::{receive, send};

struct Sockets;

static CLASS: Sockets = Sockets;

/// Gives the socket `number` of the network's a number among the files; closes it if there is none.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn install(number: u32, is_nonblocking: bool) -> Result<i32, Errno> {
    net::announce_by(changes::announce);
    let waiting = if is_nonblocking { OpenFlags::NONBLOCKING } else { OpenFlags::empty() };
    super::install(Handle { class: &CLASS, item: number }, OpenFlags::BOTH | waiting)
}

impl Class for Sockets {
    fn waits_itself(&self) -> bool {
        true
    }

    fn socket(&self, item: u32) -> Option<u32> {
        Some(item)
    }

    fn read(&self, open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        receive(open.object.item, into, false, open.flags.contains(OpenFlags::NONBLOCKING)).map(|(count, _)| count)
    }

    fn write(&self, open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        send(open.object.item, from, None, open.flags.contains(OpenFlags::NONBLOCKING))
    }

    fn status(&self, item: u32) -> Result<Status, Errno> {
        Ok(Status { node: NodeId(item), kind: Kind::Socket, permissions: 0o777, links: 1, bytes: 0, times: Times::default() })
    }

    fn ready(&self, item: u32) -> Ready {
        let mut ready = Ready::empty();
        match net::with(|stack| stack.ready(item)) {
            Ok(known) => {
                ready.set(Ready::READ, known.read);
                ready.set(Ready::WRITE, known.write);
                ready.set(Ready::ERROR, known.error);
                ready.set(Ready::HANGUP, known.hangup);
            }
            Err(_) => ready = Ready::ERROR,
        }
        ready
    }

    fn close(&self, item: u32) {
        let _ = net::with(|stack| stack.close(item));
    }
}
