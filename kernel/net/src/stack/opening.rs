//! How connections begin: from here, and from elsewhere.

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use smoltcp::socket::tcp::State;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::naming::in_chain;
use super::streams::KEEP_ALIVE;
use super::{News, Stack};
use crate::ends::Role;
use crate::frame::Protocol;
use crate::link::Side;
use crate::listener::{Admission, Listener};
use crate::socket::{Kind, Options, Stream};

/// As many connections that only keep old segments off are kept before the oldest makes room for a new one (Linux: `tcp_max_tw_buckets`).
const PAST: usize = 128;
/// A connection that has been about to begin for so long makes room for another.
const HANDSHAKE: Duration = Duration::from_millis(500);

impl<A: Allocator + Clone + 'static> Stack<A> {
    /// An end for a new connection. Those of connections that are past make room, the oldest first.
    fn new_end(&mut self) -> Option<u32> {
        let past = |ends: &crate::ends::Ends<A>| {
            let past = ends.iter().filter(|(_, end)| end.role == Role::Left && end.state == State::TimeWait);
            past.fold((0, None), |(count, oldest): (usize, Option<(Instant, u32)>), (number, end)| {
                (count + 1, Some(oldest.map_or((end.heard, number), |oldest| oldest.min((end.heard, number)))))
            })
        };
        if let Some(end) = self.ends.take_used() {
            return Some(end);
        }
        let (count, oldest) = past(&self.ends);
        if count < PAST
            && let Some(end) = self.ends.grow()
        {
            return Some(end);
        }
        let (_, oldest) = oldest?;
        self.drop_end(oldest);
        self.ends.take_used()
    }

    /// Who listens where `target` is.
    fn listener_at(&self, target: IpEndpoint) -> Option<u32> {
        let all = in_chain(&self.sockets, self.ports.first(Protocol::Tcp, target.port));
        let listens =
            all.filter(|(_, socket)| socket.port == target.port && matches!(socket.kind, Kind::Listener(_)) && socket.hears(target.addr));
        // Who has this very address comes before who has all.
        listens.max_by_key(|(_, socket)| socket.address.is_some()).map(|(place, _)| place)
    }

    /// Somebody begins to connect: false if nobody listens there.
    pub(super) fn admit(&mut self, side: Side, source: IpEndpoint, target: IpEndpoint, bytes: &[u8]) -> bool {
        let Some(place) = self.listener_at(target) else { return false };
        match self.listener(place).map(|listener| listener.admission()) {
            Some(Admission::Welcome) => {}
            Some(Admission::InPlaceOfTheOldest) if self.drop_oldest_opening(place) => {}
            Some(Admission::InPlaceOfTheOldest | Admission::Unanswered) | None => return true,
        }
        let (now, options) = (self.now, self.sockets.peek(place).map_or(Options::NEW, |socket| socket.options));
        let Some(number) = self.new_end() else { return true };
        let Some(end) = self.ends.begin(number, Role::Opening(place), side, now) else { return true };
        end.tcp().set_hop_limit(Some(options.hops));
        if end.tcp().listen(target).is_err() {
            self.drop_end(number);
            return true;
        }
        end.state = State::Listen;
        self.ends.enter(number, target, source);
        if let Some(listener) = self.listener(place) {
            listener.begun += 1;
        }
        self.feed(number, side, bytes);
        true
    }

    pub(super) fn listener(&mut self, place: u32) -> Option<&mut Listener<A>> {
        match &mut self.sockets.at(place).ok()?.kind {
            Kind::Listener(listener) => Some(listener),
            _ => None,
        }
    }

    /// Drops the oldest connection that has only begun, if it is old enough; whether it did.
    fn drop_oldest_opening(&mut self, place: u32) -> bool {
        let of_it = self.ends.iter().filter(|(_, end)| end.role == Role::Opening(place));
        let oldest = of_it.map(|(number, end)| (end.heard, number)).min();
        let Some((_, number)) = oldest.filter(|(heard, _)| *heard + HANDSHAKE <= self.now) else { return false };
        self.forget_opening(number, place);
        true
    }

    fn forget_opening(&mut self, number: u32, place: u32) {
        self.drop_end(number);
        if let Some(listener) = self.listener(place) {
            listener.begun = listener.begun.saturating_sub(1);
        }
    }

    /// A connection that has begun may be complete now, or over.
    pub(super) fn opening(&mut self, number: u32, place: u32) {
        match self.ends.peek(number).map(|end| end.state) {
            Some(State::SynReceived) => {}
            None | Some(State::Listen | State::Closed | State::SynSent) => self.forget_opening(number, place),
            Some(_) => {
                let is_kept = self.listener(place).is_some_and(|listener| {
                    listener.begun = listener.begun.saturating_sub(1);
                    listener.push(number)
                });
                if is_kept {
                    if let Some(end) = self.ends.get(number) {
                        end.role = Role::Unaccepted(place);
                    }
                    self.signal(place, true);
                } else {
                    self.let_go(number, true);
                }
            }
        }
    }

    /// Takes the connection that has waited for longest at the listener of this number: the number of a new socket, and who is at the other
    /// end.
    ///
    /// # Errors
    /// `EAGAIN`: none waits. `EBADF`; `EINVAL`: it does not listen. `ENFILE`, `ENOMEM`: it goes on waiting.
    pub fn accept(&mut self, number: u32) -> Result<(u32, IpEndpoint), Errno> {
        let place = self.sockets.place(number)?;
        let socket = self.sockets.at(place)?;
        let (family, options, port) = (socket.family, socket.options, socket.port);
        let Kind::Listener(listener) = &mut socket.kind else { return Err(Errno::EINVAL) };
        if !listener.has_complete() {
            self.note_readiness(place);
            return Err(Errno::EAGAIN);
        }
        let new = self.sockets.open(family, Kind::Stream(Stream::Idle))?;
        let new_place = self.sockets.place(new)?;
        let end = self.listener(place).and_then(Listener::pop).ok_or(Errno::EAGAIN)?;
        let pair = self.ends.get(end).and_then(|end| {
            end.role = Role::Of(new_place);
            end.pair
        });
        let Some((local, peer)) = pair else {
            // It is gone; the socket is over before it began.
            self.sockets.close(new_place);
            return Err(Errno::ECONNABORTED);
        };
        let is_closed = self.ends.peek(end).is_some_and(|end| end.state == State::Closed);
        let socket = self.sockets.at(new_place)?;
        socket.kind = Kind::Stream(Stream::Connected { end, peer, is_deaf: false, is_mute: false });
        (socket.address, socket.port, socket.options) = (Some(local.addr), port, options);
        socket.error = is_closed.then_some(Errno::ECONNRESET);
        self.apply_options(new_place);
        self.note_readiness(new_place);
        self.pass_on_reading(place);
        Ok((new, IpEndpoint::new(family.outer(peer.addr), peer.port)))
    }

    /// Begins to connect the stream at `place` to `peer`.
    ///
    /// # Errors
    /// `EINPROGRESS`: it has begun. `ENETUNREACH`, `EADDRNOTAVAIL`, `EADDRINUSE`, `ENOBUFS`.
    pub(super) fn connect_stream(&mut self, place: u32, mut peer: IpEndpoint) -> Result<(), Errno> {
        if peer.addr.is_multicast() || peer.addr.is_broadcast() {
            return Err(Errno::ENETUNREACH);
        }
        if peer.addr.is_unspecified() {
            peer.addr = super::loopback(peer.addr);
        }
        if peer.port == 0 {
            return Err(Errno::ECONNREFUSED);
        }
        let is_far = self.side_of(peer.addr) == Side::Wire;
        if is_far && !self.wired.as_ref().is_some_and(|wired| wired.knows_the_way(peer.addr)) {
            let until = self.wired.as_ref().and_then(|wired| wired.hopes_until(peer.addr, self.now)).ok_or(Errno::ENETUNREACH)?;
            self.sockets.at(place)?.kind = Kind::Stream(Stream::Awaiting { peer, until });
            self.hope_ends = Some(self.hope_ends.map_or(until, |at| at.min(until)));
            return Err(Errno::EINPROGRESS);
        }
        self.begin_connecting(place, peer)?;
        self.run_home();
        match self.sockets.at(place)?.kind {
            Kind::Stream(Stream::Connected { .. }) => Ok(()),
            _ => Err(Errno::EINPROGRESS),
        }
    }

    fn begin_connecting(&mut self, place: u32, peer: IpEndpoint) -> Result<(), Errno> {
        let side = self.side_of(peer.addr);
        let own = self.sockets.at(place)?.address;
        let address = own.or_else(|| self.source_for(peer.addr)).ok_or(Errno::ENETUNREACH)?;
        let port = self.port_towards(place, address, peer)?;
        let local = IpEndpoint::new(address, port);
        if self.ends.find(local, peer).is_some() {
            return Err(Errno::EADDRINUSE);
        }
        let number = self.new_end().ok_or(Errno::ENOBUFS)?;
        let now = self.now;
        self.ends.begin(number, Role::Of(place), side, now);
        let end = self.ends.get(number).ok_or(Errno::ENOBUFS)?;
        let context = match (side, self.wired.as_mut()) {
            (Side::Wire, Some(wired)) => wired.iface.context(),
            _ => self.home_iface.context(),
        };
        if end.tcp().connect(context, peer, local).is_err() {
            self.drop_end(number);
            return Err(Errno::EADDRNOTAVAIL);
        }
        end.state = State::SynSent;
        self.ends.enter(number, local, peer);
        let socket = self.sockets.at(place)?;
        socket.kind = Kind::Stream(Stream::Connecting { end: number, peer });
        socket.address = Some(address);
        self.apply_options(place);
        self.note_readiness(place);
        self.tend(number, News::None);
        Ok(())
    }

    /// The port of the socket at `place`, or one that is free towards `peer`.
    fn port_towards(&mut self, place: u32, address: IpAddress, peer: IpEndpoint) -> Result<u16, Errno> {
        let own = self.sockets.at(place)?.port;
        if own != 0 {
            return Ok(own);
        }
        let Self { chooser, ports, sockets, ends, .. } = self;
        let has = |port| in_chain(sockets, ports.first(Protocol::Tcp, port)).any(|(_, socket)| socket.port == port);
        let is_free = |port| !has(port) && ends.find(IpEndpoint::new(address, port), peer).is_none();
        let port = chooser.choose(is_free).ok_or(Errno::EADDRNOTAVAIL)?;
        self.give_port(place, Protocol::Tcp, port);
        Ok(port)
    }

    /// A connection that begins here may be complete now, or refused.
    pub(super) fn connecting_changed(&mut self, place: u32, end: u32, peer: IpEndpoint, news: News) {
        let stream = match self.ends.peek(end).map(|end| end.state) {
            Some(State::SynSent | State::SynReceived) => return,
            None | Some(State::Closed | State::Listen) => Stream::Idle,
            Some(_) => Stream::Connected { end, peer, is_deaf: false, is_mute: false },
        };
        let Ok(socket) = self.sockets.at(place) else { return };
        socket.kind = Kind::Stream(stream);
        if stream == Stream::Idle {
            socket.error = Some(match news {
                News::Refused(reason) => reason,
                News::Silence => Errno::ETIMEDOUT,
                News::Segment => Errno::ECONNREFUSED,
                News::None => Errno::ENETUNREACH,
            });
            self.drop_end(end);
        }
        self.signal(place, false);
    }

    /// Somebody on the way says that `remote` cannot be reached from `local`: who connects there gives up, who is connected does not
    /// believe it.
    pub(super) fn refused_connection(&mut self, local: IpEndpoint, remote: IpEndpoint, reason: Errno) {
        let Some(number) = self.ends.find(local, remote) else { return };
        let Some(end) = self.ends.get(number).filter(|end| end.state == State::SynSent) else { return };
        end.tcp().abort();
        self.tend(number, News::Refused(reason));
    }

    /// Sockets that wait for an address of the card's begin to connect, or give up.
    pub(super) fn go_on_connecting(&mut self) {
        self.hope_ends = None;
        for next in 0..self.sockets.places() {
            let Some(Kind::Stream(Stream::Awaiting { peer, until })) = self.sockets.peek(next).map(|socket| &socket.kind) else { continue };
            let (peer, until) = (*peer, *until);
            let can_go = self.wired.as_ref().is_some_and(|wired| wired.knows_the_way(peer.addr));
            if !can_go && until > self.now {
                self.hope_ends = Some(self.hope_ends.map_or(until, |at| at.min(until)));
                continue;
            }
            let begun = if can_go { self.begin_connecting(next, peer) } else { Err(Errno::ENETUNREACH) };
            if let (Err(error), Ok(socket)) = (begun, self.sockets.at(next)) {
                (socket.kind, socket.error) = (Kind::Stream(Stream::Idle), Some(error));
                self.signal(next, false);
            }
        }
    }

    /// Lets the connection of the socket at `place` behave as its options say.
    pub(super) fn apply_options(&mut self, place: u32) {
        let Some(socket) = self.sockets.peek(place) else { return };
        let (Kind::Stream(Stream::Connecting { end, .. } | Stream::Connected { end, .. }), options) = (&socket.kind, socket.options) else {
            return;
        };
        let (number, now) = (*end, self.now);
        let Some(end) = self.ends.get(number) else { return };
        let keep_alive = options.keeps_alive.then_some(KEEP_ALIVE);
        if end.keep_alive != keep_alive {
            (end.keep_alive, end.heard) = (keep_alive, now);
            end.tcp().set_keep_alive(keep_alive);
        }
        end.tcp().set_nagle_enabled(!options.has_no_delay);
        end.tcp().set_hop_limit(Some(options.hops));
    }
}
