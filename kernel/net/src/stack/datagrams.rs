//! UDP: whose a datagram is, and where one goes.

use core::mem::MaybeUninit;

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use smoltcp::iface::PollResult;
use smoltcp::socket::udp::{RecvError, UdpMetadata};
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use super::naming::in_chain;
use super::{ROOM, Stack, toward};
use crate::frame::Protocol;
use crate::link::Side;
use crate::names;
use crate::setup::Wired;
use crate::socket::{Datagrams, Kind, Received, Socket};

/// Bytes before the payload of a datagram, in IPv4 and IPv6.
const HEADERS_V4: usize = 28;
const HEADERS_V6: usize = 48;
/// The most sockets that hear one datagram of a group.
const HEARERS: usize = 64;

/// How well the socket hears a datagram from `source` for `target`: not at all, or the better the more it wants of it.
fn fitness<A: Allocator>(socket: &Socket<A>, source: IpEndpoint, target: IpEndpoint) -> Option<u32> {
    let Kind::Datagrams(datagrams) = &socket.kind else { return None };
    if socket.port != target.port || datagrams.peer.is_some_and(|peer| peer != source) {
        return None;
    }
    let hears = if target.addr.is_multicast() {
        datagrams.groups.contains(&Some(target.addr)) && (socket.address.is_none() || socket.address == Some(target.addr))
    } else {
        socket.hears(target.addr) || is_broadcast(target.addr) && socket.address.is_none()
    };
    hears.then(|| u32::from(datagrams.peer.is_some()) * 2 + u32::from(socket.address.is_some()))
}

fn is_broadcast(address: IpAddress) -> bool {
    address.is_broadcast()
}

impl<A: Allocator + Clone + 'static> Stack<A> {
    /// A datagram came.
    pub(super) fn datagram(&mut self, side: Side, source: IpEndpoint, target: IpEndpoint, bytes: &mut [u8]) {
        let is_for_many = target.addr.is_multicast() || self.is_for_all(target.addr);
        let all = in_chain(&self.sockets, self.ports.first(Protocol::Udp, target.port));
        let hearers = all.filter_map(|(place, socket)| fitness(socket, source, target).map(|fitness| (fitness, place)));
        if !is_for_many {
            match hearers.max().map(|(_, place)| place) {
                Some(place) => self.deliver(place, side, bytes),
                None => self.datagram_for_nobody(side, source, bytes),
            }
            return;
        }
        let mut places = [0; HEARERS];
        let count = places.iter_mut().zip(hearers).map(|(slot, (_, place))| *slot = place).count();
        for &place in &places[..count] {
            self.deliver(place, side, bytes);
        }
        if side == Side::Wire {
            // DHCP hears broadcasts too.
            self.datagram_for_nobody(side, source, bytes);
        }
    }

    /// A datagram that no socket hears: it may be an answer of a name server's.
    fn datagram_for_nobody(&mut self, side: Side, source: IpEndpoint, bytes: &mut [u8]) {
        let servers = self.wired.as_ref().map(Wired::servers);
        if side == Side::Home || servers.is_some_and(|servers| names::admit(source, servers, bytes)) {
            self.arrive_for_nobody(side, bytes);
        }
    }

    /// Whether an address means everybody on the link.
    fn is_for_all(&self, address: IpAddress) -> bool {
        let of_network =
            |wired: &Wired| wired.address().and_then(|(own, _)| own.broadcast()).is_some_and(|all| IpAddress::Ipv4(all) == address);
        is_broadcast(address) || self.wired.as_ref().is_some_and(of_network)
    }

    fn deliver(&mut self, place: u32, side: Side, bytes: &[u8]) {
        let Some(Kind::Datagrams(datagrams)) = self.sockets.peek(place).map(|socket| &socket.kind) else { return };
        let number = datagrams.mailbox;
        let Self { mailboxes, home, home_iface, wired, now, .. } = self;
        let Some(mailbox) = mailboxes.get(number) else { return };
        let Some((iface, mut port)) = toward(side, wired, home_iface, home, Some(bytes)) else { return };
        iface.poll_ingress_single(*now, &mut port, mailbox.set());
        self.signal(place, true);
    }

    /// Somebody says that what was sent from `local` cannot reach `remote`: the socket that speaks with it alone is told.
    pub(super) fn refused_datagram(&mut self, local: IpEndpoint, remote: IpEndpoint, reason: Errno) {
        let all = in_chain(&self.sockets, self.ports.first(Protocol::Udp, local.port));
        let speaks = |socket: &Socket<A>| matches!(&socket.kind, Kind::Datagrams(datagrams) if datagrams.peer == Some(remote));
        let place = all.filter(|(_, socket)| socket.port == local.port && speaks(socket)).map(|(place, _)| place).next();
        if let Some(place) = place
            && let Ok(socket) = self.sockets.at(place)
        {
            socket.error = Some(reason);
            self.signal(place, false);
        }
    }

    /// The mailbox of the socket at `place`, if it is one of UDP, hears what is for its port.
    pub(super) fn open_mailbox(&mut self, place: u32) -> Result<(), Errno> {
        let socket = self.sockets.at(place)?;
        let (address, port) = (socket.address, socket.port);
        let Kind::Datagrams(datagrams) = &socket.kind else { return Ok(()) };
        let mailbox = self.mailboxes.get(datagrams.mailbox).ok_or(Errno::EBADF)?;
        mailbox.owner = place;
        // Which datagrams are the socket's is decided here: smoltcp need not look at addresses of groups or of both families.
        let addr = address.filter(|address| !address.is_multicast() && !address.is_broadcast());
        mailbox.udp().bind(IpListenEndpoint { addr, port }).map_err(|_| Errno::EINVAL)
    }

    /// Sends a datagram from the socket at `place` to `peer`, or to whom alone it speaks with.
    ///
    /// # Errors
    /// `EAGAIN`, `EDESTADDRREQ`, `EMSGSIZE`, `EACCES`, `ENETUNREACH`, `EPIPE`; `ENOBUFS`, `EADDRINUSE`: it gets no port.
    pub(super) fn send_datagram(&mut self, place: u32, datagrams: Datagrams, bytes: &[u8], to: Option<IpEndpoint>) -> Result<usize, Errno> {
        let socket = self.sockets.at(place)?;
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        if datagrams.is_mute {
            return Err(Errno::EPIPE);
        }
        let mut peer = to.or(datagrams.peer).ok_or(Errno::EDESTADDRREQ)?;
        let (options, has_port) = (socket.options, socket.port != 0);
        if peer.addr.is_unspecified() {
            peer.addr = super::loopback(peer.addr);
        }
        if peer.port == 0 {
            return Err(Errno::EINVAL);
        }
        if self.is_for_all(peer.addr) && !options.may_broadcast {
            return Err(Errno::EACCES);
        }
        if !has_port {
            self.take_name(place, None, 0)?;
        }
        let is_heard_here = peer.addr.is_multicast() && options.loops_groups;
        let has_way = self.side_of(peer.addr) == Side::Home || self.wired.as_ref().is_some_and(|wired| wired.knows_the_way(peer.addr));
        if has_way {
            self.post(place, datagrams.mailbox, bytes, peer, self.side_of(peer.addr))?;
        }
        if is_heard_here {
            // What is too long for the way home or finds no room there is lost there, as datagrams may be.
            let posted = self.post(place, datagrams.mailbox, bytes, peer, Side::Home);
            return if has_way { Ok(bytes.len()) } else { posted.map(|()| bytes.len()) };
        }
        match (has_way, self.wired.as_ref().and_then(|wired| wired.hopes_until(peer.addr, self.now))) {
            (true, _) => Ok(bytes.len()),
            // The card may get an address yet: whoever can waits for it.
            (false, Some(until)) => {
                self.hope_ends = Some(self.hope_ends.map_or(until, |at| at.min(until)));
                Err(Errno::EINPROGRESS)
            }
            (false, None) => Err(Errno::ENETUNREACH),
        }
    }

    fn post(&mut self, place: u32, number: u32, bytes: &[u8], peer: IpEndpoint, side: Side) -> Result<(), Errno> {
        let headers = if matches!(peer.addr, IpAddress::Ipv4(_)) { HEADERS_V4 } else { HEADERS_V6 };
        let most = match (side, self.wired.as_ref()) {
            (Side::Wire, Some(wired)) => wired.longest(),
            _ => crate::link::HOME_LONGEST,
        };
        if bytes.len() + headers > most {
            return Err(Errno::EMSGSIZE);
        }
        let local_address = if side == Side::Home { self.source_here(place, peer.addr) } else { None };
        let options = self.sockets.at(place)?.options;
        let mailbox = self.mailboxes.get(number).ok_or(Errno::EBADF)?;
        if mailbox.udp().send_queue() > 0 && mailbox.side != side {
            return self.no_room(place);
        }
        mailbox.side = side;
        mailbox.udp().set_hop_limit(Some(if peer.addr.is_multicast() { options.group_hops } else { options.hops }.max(1)));
        let metadata = UdpMetadata { local_address, ..UdpMetadata::from(peer) };
        if mailbox.udp().send_slice(bytes, metadata).is_err() {
            return self.no_room(place);
        }
        self.tend_mailbox(number);
        self.run_home();
        Ok(())
    }

    fn no_room(&mut self, place: u32) -> Result<(), Errno> {
        self.note_readiness(place);
        if let Ok(socket) = self.sockets.at(place) {
            // Whatever room there is, it is not for this one.
            socket.ready.write = false;
        }
        Err(Errno::EAGAIN)
    }

    /// Where a datagram that goes home comes from.
    fn source_here(&self, place: u32, peer: IpAddress) -> Option<IpAddress> {
        let own = self.sockets.peek(place).and_then(|socket| socket.address).filter(|address| !address.is_multicast());
        let of_card = || self.wired.as_ref().and_then(|wired| wired.iface.get_source_address(&peer));
        own.or_else(|| if peer.is_multicast() { of_card().or(Some(super::loopback(peer))) } else { self.source_for(peer) })
    }

    /// Lets a mailbox send what it has to.
    pub(super) fn tend_mailbox(&mut self, number: u32) {
        let Self { mailboxes, home, home_iface, wired, now, .. } = self;
        let Some(mailbox) = mailboxes.get(number) else { return };
        let Some((iface, mut port)) = toward(mailbox.side, wired, home_iface, home, None) else { return };
        while iface.poll_egress(*now, &mut port, mailbox.set()) != PollResult::None {}
        let at = iface.poll_at(*now, mailbox.set()).map(|at| if at <= *now { *now + ROOM } else { at });
        let owner = mailbox.owner;
        let key = u16::try_from(self.limits.connections).unwrap_or(u16::MAX).saturating_add(super::streams::key(number));
        self.due.set(key, at);
        self.signal(owner, false);
    }

    /// Takes the next datagram of the socket at `place`, or looks at it: how much of it fits `into`, and who sent it.
    ///
    /// # Errors
    /// `EAGAIN`, and what came back for what was sent.
    pub(super) fn receive_datagram(
        &mut self,
        place: u32,
        datagrams: Datagrams,
        into: &mut [MaybeUninit<u8>],
        peeks: bool,
    ) -> Result<Received, Errno> {
        let socket = self.sockets.at(place)?;
        let family = socket.family;
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        let mailbox = self.mailboxes.get(datagrams.mailbox).ok_or(Errno::EBADF)?;
        let got = if peeks {
            mailbox.udp().peek().map(|(bytes, metadata)| (copy(bytes, into), bytes.len(), metadata.endpoint))
        } else {
            mailbox.udp().recv().map(|(bytes, metadata)| (copy(bytes, into), bytes.len(), metadata.endpoint))
        };
        match got {
            Ok((count, whole, from)) => {
                if peeks {
                    self.signal(place, false)
                } else {
                    self.pass_on_reading(place)
                }
                Ok(Received { count, whole, from: Some(IpEndpoint::new(family.outer(from.addr), from.port)) })
            }
            Err(RecvError::Exhausted | RecvError::Truncated) if datagrams.is_deaf => Ok(Received::default()),
            Err(RecvError::Exhausted | RecvError::Truncated) => {
                self.note_readiness(place);
                Err(Errno::EAGAIN)
            }
        }
    }

    /// The socket at `place` hears `group` from now on, or no more.
    ///
    /// # Errors
    /// `EINVAL`: it is no group, or no socket of UDP; `EADDRINUSE`: it hears it; `EADDRNOTAVAIL`: it does not; `ENOBUFS`: too many.
    pub(super) fn change_group(&mut self, place: u32, group: IpAddress, joins: bool) -> Result<(), Errno> {
        let Kind::Datagrams(datagrams) = &mut self.sockets.at(place)?.kind else { return Err(Errno::EINVAL) };
        if !group.is_multicast() {
            return Err(Errno::EINVAL);
        }
        let known = datagrams.groups.iter().position(|known| *known == Some(group));
        if joins {
            if known.is_some() {
                return Err(Errno::EADDRINUSE);
            }
            let free = datagrams.groups.iter_mut().find(|known| known.is_none()).ok_or(Errno::ENOBUFS)?;
            if let Some(wired) = self.wired.as_mut() {
                wired.iface.join_multicast_group(group).map_err(|_| Errno::ENOBUFS)?;
            }
            *free = Some(group);
        } else {
            datagrams.groups[known.ok_or(Errno::EADDRNOTAVAIL)?] = None;
            self.leave_group(group);
        }
        // The card tells the routers.
        self.house_due = self.wired.is_some().then_some(self.now);
        Ok(())
    }

    /// The card need not hear `group` any more, unless another socket does.
    pub(super) fn leave_group(&mut self, group: IpAddress) {
        let hears = |socket: &Socket<A>| matches!(&socket.kind, Kind::Datagrams(datagrams) if datagrams.groups.contains(&Some(group)));
        let is_heard = (0..self.sockets.places()).any(|place| self.sockets.peek(place).is_some_and(hears));
        if let Some(wired) = self.wired.as_mut().filter(|_| !is_heard) {
            let _ = wired.iface.leave_multicast_group(group);
            self.house_due = Some(self.now);
        }
    }
}

/// Copies what fits; how much.
fn copy(bytes: &[u8], into: &mut [MaybeUninit<u8>]) -> usize {
    let count = bytes.len().min(into.len());
    into[..count].write_copy_of_slice(&bytes[..count]);
    count
}
