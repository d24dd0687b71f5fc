//! Who gets which address and port.

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::Stack;
use crate::frame::Protocol;
use crate::ports::overlap;
use crate::socket::{Family, Kind, Socket, Stream};
use crate::table::Table;

/// The sockets of a chain of ports, from `place` on, with their places.
pub(super) fn in_chain<A: Allocator + Clone + 'static>(sockets: &Table<A>, place: u32) -> impl Iterator<Item = (u32, &Socket<A>)> {
    let mut at = place;
    core::iter::from_fn(move || {
        let socket = sockets.peek(at)?;
        let found = (at, socket);
        at = socket.next;
        Some(found)
    })
}

/// Whether both sockets of one port would hear the same packets.
fn share<A: Allocator>(one: &Socket<A>, other: &Socket<A>) -> bool {
    if one.family == other.family {
        return overlap(one.address, other.address);
    }
    let (v4, v6) = if one.family == Family::V4 { (one, other) } else { (other, one) };
    match v6.address {
        None => !v6.options.v6_only,
        Some(IpAddress::Ipv4(_)) => overlap(v4.address, v6.address),
        Some(IpAddress::Ipv6(_)) => false,
    }
}

impl<A: Allocator + Clone + 'static> Stack<A> {
    /// The protocol of the socket at `place`.
    pub(super) fn protocol(&self, place: u32) -> Protocol {
        match self.sockets.peek(place).map(|socket| &socket.kind) {
            Some(Kind::Datagrams(_)) => Protocol::Udp,
            _ => Protocol::Tcp,
        }
    }

    /// Gives the socket of this number an address and a port of its own; port 0 is any that is free.
    ///
    /// # Errors
    /// `EBADF`, `EAFNOSUPPORT`; `EINVAL`: it has one; `EADDRNOTAVAIL`: the address is not this machine's; `EADDRINUSE`: another socket has
    /// the port, and both do not agree to share it.
    pub fn bind(&mut self, number: u32, name: IpEndpoint) -> Result<(), Errno> {
        let place = self.sockets.place(number)?;
        let socket = self.sockets.at(place)?;
        let address = socket.family.inner(name.addr)?;
        if socket.port != 0 || matches!(socket.kind, Kind::Listener(_)) {
            return Err(Errno::EINVAL);
        }
        let is_group = address.is_multicast() && self.protocol(place) == Protocol::Udp;
        let is_any = address.is_unspecified();
        if !(is_any || is_group || address.is_broadcast() || self.is_own(address)) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        self.take_name(place, (!is_any).then_some(address), name.port)
    }

    /// Gives the socket at `place` an address, and a port if `port` is 0, unless another has it.
    pub(super) fn take_name(&mut self, place: u32, address: Option<IpAddress>, port: u16) -> Result<(), Errno> {
        let protocol = self.protocol(place);
        let before = core::mem::replace(&mut self.sockets.at(place)?.address, address);
        let taken = if port == 0 { self.any_port(place, protocol) } else { self.check_port(place, protocol, port).map(|()| port) };
        match taken {
            Ok(port) => {
                self.give_port(place, protocol, port);
                self.open_mailbox(place)
            }
            Err(error) => {
                self.sockets.at(place)?.address = before;
                Err(error)
            }
        }
    }

    fn any_port(&mut self, place: u32, protocol: Protocol) -> Result<u16, Errno> {
        let Self { chooser, ports, sockets, .. } = self;
        let is_free = |port| in_chain(sockets, ports.first(protocol, port)).all(|(other, socket)| other == place || socket.port != port);
        chooser.choose(is_free).ok_or(Errno::EADDRINUSE)
    }

    /// Whether the socket at `place` may have `port`.
    fn check_port(&self, place: u32, protocol: Protocol, port: u16) -> Result<(), Errno> {
        let socket = self.sockets.peek(place).ok_or(Errno::EBADF)?;
        let is_in_the_way = |other: &Socket<A>| {
            let agree = other.options.may_reuse && socket.options.may_reuse && !matches!(other.kind, Kind::Listener(_));
            other.port == port && share(socket, other) && !agree
        };
        if in_chain(&self.sockets, self.ports.first(protocol, port)).any(|(at, other)| at != place && is_in_the_way(other)) {
            return Err(Errno::EADDRINUSE);
        }
        // Connections of a listener that is gone keep its port, for those who do not ask to have it all the same.
        let is_of_kind = |address| match address {
            IpAddress::Ipv4(_) => socket.family == Family::V4 || !socket.options.v6_only,
            IpAddress::Ipv6(_) => socket.family == Family::V6,
        };
        let keeps = |local: IpEndpoint| local.port == port && is_of_kind(local.addr) && overlap(socket.address, Some(local.addr));
        let is_kept = || self.ends.iter().any(|(_, end)| end.pair.is_some_and(|(local, _)| keeps(local)));
        if protocol == Protocol::Tcp && !socket.options.may_reuse && is_kept() { Err(Errno::EADDRINUSE) } else { Ok(()) }
    }

    /// The socket at `place` has `port` from now on.
    pub(super) fn give_port(&mut self, place: u32, protocol: Protocol, port: u16) {
        let first = self.ports.first(protocol, port);
        if let Ok(socket) = self.sockets.at(place) {
            (socket.port, socket.next, socket.is_chained) = (port, first, true);
            self.ports.set_first(protocol, port, place);
        }
    }

    /// `place` leaves its chain of ports, whatever socket is there.
    pub(super) fn leave_chain(&mut self, place: u32) {
        let protocol = self.protocol(place);
        let Ok(socket) = self.sockets.at(place) else { return };
        if !core::mem::take(&mut socket.is_chained) {
            return;
        }
        let (port, after) = (socket.port, socket.next);
        let mut at = self.ports.first(protocol, port);
        if at == place {
            self.ports.set_first(protocol, port, after);
            return;
        }
        while let Ok(socket) = self.sockets.at(at) {
            if socket.next == place {
                socket.next = after;
                return;
            }
            at = socket.next;
        }
    }

    /// Whether another socket listens where the one at `place` is.
    pub(super) fn is_listened_to(&self, place: u32) -> bool {
        let Some(socket) = self.sockets.peek(place) else { return false };
        let all = in_chain(&self.sockets, self.ports.first(Protocol::Tcp, socket.port));
        let mut others = all.filter(|(at, other)| *at != place && other.port == socket.port && matches!(other.kind, Kind::Listener(_)));
        others.any(|(_, other)| share(socket, other))
    }

    /// The address and port of the socket of this number, as its program sees them.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn name(&mut self, number: u32) -> Result<IpEndpoint, Errno> {
        let place = self.sockets.place(number)?;
        let socket = self.sockets.at(place)?;
        // A socket of UDP that speaks with one only has the address that leads there.
        let peer = match &socket.kind {
            Kind::Datagrams(datagrams) => datagrams.peer,
            _ => None,
        };
        let name = socket.name(None);
        let towards = peer.filter(|_| name.addr.is_unspecified()).and_then(|peer| self.source_for(peer.addr));
        Ok(self.sockets.at(place)?.name(towards))
    }

    /// Who is at the other end of the socket of this number, as its program sees it.
    ///
    /// # Errors
    /// `EBADF`, `ENOTCONN`.
    pub fn peer(&mut self, number: u32) -> Result<IpEndpoint, Errno> {
        let place = self.sockets.place(number)?;
        let socket = self.sockets.at(place)?;
        let peer = match &socket.kind {
            Kind::Stream(Stream::Connected { peer, .. }) => Some(*peer),
            Kind::Datagrams(datagrams) => datagrams.peer,
            _ => None,
        };
        peer.map(|peer| IpEndpoint::new(socket.family.outer(peer.addr), peer.port)).ok_or(Errno::ENOTCONN)
    }
}
