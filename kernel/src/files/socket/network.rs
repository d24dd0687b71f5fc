//! Sockets of the network.

use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_logic::tree::{OpenFlags, Status};
use skete_net::socket::{Family, Options, Received, Type};
use skete_net::stack::Half;
use skete_net::{IpAddress, IpEndpoint};

use super::{Domain, Manner, Nature, Socket, Wait, status};
use crate::files::class::{Class, Handle, Ready};
use crate::files::{self, Open, changes};
use crate::net;
use crate::net::transfer;

struct Network;

static CLASS: Network = Network;

/// Opens a socket of the network; its number among the files.
///
/// # Errors
/// `EMFILE`, `ENOMEM`, those of the stack's `open`.
pub fn open(family: Family, kind: Type, is_nonblocking: bool) -> Result<i32, Errno> {
    net::with(|stack| stack.open(family, kind)).and_then(|number| install(number, is_nonblocking))
}

/// Gives the socket `number` of the network's a number among the files; closes it if there is none.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn install(number: u32, is_nonblocking: bool) -> Result<i32, Errno> {
    net::announce_by(changes::announce);
    files::install(Handle { class: &CLASS, item: number }, OpenFlags::BOTH | OpenFlags::waiting(is_nonblocking))
}

impl Class for Network {
    fn waits_itself(&self) -> bool {
        true
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(&CLASS)
    }

    fn read(&self, open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        transfer::receive(open.object.item, into, false, open.flags.contains(OpenFlags::NONBLOCKING)).map(|received| received.count)
    }

    fn write(&self, open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        transfer::send(open.object.item, from, None, open.flags.contains(OpenFlags::NONBLOCKING))
    }

    fn status(&self, item: u32) -> Result<Status, Errno> {
        let bytes = net::with(|stack| stack.unread(item))? as u64;
        Ok(status(item, bytes))
    }

    fn ready(&self, item: u32) -> Ready {
        net::with(|stack| stack.ready(item)).map_or(Ready::ERROR, Ready::from)
    }

    fn changes(&self, item: u32) -> u32 {
        net::with(|stack| stack.changes(item)).unwrap_or(0)
    }

    fn close(&self, item: u32) {
        let _ = net::with(|stack| stack.close(item));
    }
}

impl Socket for Network {
    fn number(&self, item: u32) -> Option<u32> {
        Some(item)
    }

    fn nature(&self, item: u32) -> Result<Nature, Errno> {
        let (family, kind, listens) = net::with(|stack| stack.nature(item))?;
        let domain = if family == Family::V4 { Domain::V4 } else { Domain::V6 };
        Ok(Nature { domain, manner: if kind == Type::Stream { Manner::Stream } else { Manner::Datagrams }, listens })
    }

    fn bind(&self, item: u32, name: IpEndpoint) -> Result<(), Errno> {
        net::with(|stack| stack.bind(item, name))
    }

    fn listen(&self, item: u32, backlog: i32) -> Result<(), Errno> {
        net::with(|stack| stack.listen(item, backlog))
    }

    fn accept(&self, item: u32, is_nonblocking: bool, wait: Wait) -> Result<(i32, Option<IpEndpoint>), Errno> {
        let (number, peer) = transfer::accept_until(item, wait)?;
        Ok((install(number, is_nonblocking)?, Some(peer)))
    }

    fn connect(&self, item: u32, peer: IpEndpoint) -> Result<(), Errno> {
        net::with(|stack| stack.connect(item, peer))
    }

    fn connected(&self, item: u32, wait: Wait) -> Result<(), Errno> {
        match wait {
            Wait::No => net::with(|stack| stack.connected(item)),
            Wait::Until(deadline) => transfer::connected_until(item, deadline),
        }
    }

    fn send(&self, item: u32, bytes: &[u8], to: Option<IpEndpoint>, wait: Wait) -> Result<usize, Errno> {
        transfer::send_until(item, bytes, to, wait)
    }

    fn receive(&self, item: u32, into: &mut [MaybeUninit<u8>], peeks: bool, wait: Wait) -> Result<Received, Errno> {
        transfer::receive_until(item, into, peeks, wait)
    }

    fn shut_down(&self, item: u32, half: Half) -> Result<(), Errno> {
        net::with(|stack| stack.shut_down(item, half))
    }

    fn name(&self, item: u32) -> Result<Option<IpEndpoint>, Errno> {
        net::with(|stack| stack.name(item)).map(Some)
    }

    fn peer(&self, item: u32) -> Result<Option<IpEndpoint>, Errno> {
        net::with(|stack| stack.peer(item)).map(Some)
    }

    fn options(&self, item: u32) -> Result<Options, Errno> {
        net::with(|stack| stack.options(item))
    }

    fn set_options(&self, item: u32, change: &mut dyn FnMut(&mut Options)) -> Result<(), Errno> {
        net::with(|stack| {
            stack.set_options(item, |options| {
                change(options);
                Ok(())
            })
        })
    }

    fn set_group(&self, item: u32, group: IpAddress, joins: bool) -> Result<(), Errno> {
        net::with(|stack| stack.set_group(item, group, joins))
    }

    fn take_error(&self, item: u32) -> Result<Option<Errno>, Errno> {
        net::with(|stack| stack.take_error(item))
    }
}
