//! What every kind of socket can be asked. Each call names the socket by its number, and none waits.

use core::mem::MaybeUninit;

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use smoltcp::wire::{DnsQueryType, IpAddress, IpEndpoint};

use super::Stack;
use crate::ends::Role;
use crate::frame::Protocol;
use crate::listener::Listener;
use crate::setup::{Question, SERVERS};
use crate::socket::{Datagrams, Family, GROUPS, Kind, Options, Ready, Received, Signals, Stream, Type};

/// Which direction of a connection ends (`shutdown(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Nobody reads any more.
    Read,
    /// Nobody writes any more.
    Write,
    /// Both.
    Both,
}

impl<A: Allocator + Clone + 'static> Stack<A> {
    /// Opens a socket; its number.
    ///
    /// # Errors
    /// `ENFILE`, `ENOMEM`; `ENOBUFS`: there are as many of UDP as there may be.
    pub fn open(&mut self, family: Family, kind: Type) -> Result<u32, Errno> {
        let kind = match kind {
            Type::Stream => Kind::Stream(Stream::Idle),
            Type::Datagram => {
                let mailbox = self.mailboxes.take().ok_or(Errno::ENOBUFS)?;
                Kind::Datagrams(Datagrams { mailbox, peer: None, groups: [None; GROUPS], is_deaf: false, is_mute: false })
            }
        };
        let mailbox = if let Kind::Datagrams(datagrams) = &kind { Some(datagrams.mailbox) } else { None };
        let number = self.sockets.open(family, kind).inspect_err(|_| {
            if let Some(mailbox) = mailbox {
                self.mailboxes.give(mailbox);
            }
        })?;
        let place = self.sockets.place(number)?;
        self.note_readiness(place);
        Ok(number)
    }

    /// Closes a socket. A connection ends in order, in the background, unless something that came was never read or SO_LINGER says 0: then
    /// the other side is told that it broke. Whoever waits for the socket is woken, and finds it gone.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn close(&mut self, number: u32) -> Result<(), Errno> {
        let place = self.sockets.place(number)?;
        self.leave_chain(place);
        let socket = self.sockets.close(place).ok_or(Errno::EBADF)?;
        for word in [&socket.signals.read, &socket.signals.write] {
            self.wake(word, u32::MAX);
        }
        self.announces |= socket.is_watched;
        match socket.kind {
            Kind::Stream(Stream::Idle | Stream::Awaiting { .. }) => {}
            Kind::Stream(Stream::Connecting { end, .. }) => self.let_go(end, true),
            Kind::Stream(Stream::Connected { end, .. }) => {
                let is_unread = self.ends.peek(end).is_some_and(|end| end.tcp_ref().recv_queue() > 0);
                self.let_go(end, is_unread || socket.options.linger == Some(0));
            }
            Kind::Listener(_) => self.abandon(place),
            Kind::Datagrams(datagrams) => {
                let key = self.limits.connections + datagrams.mailbox as usize;
                self.due.set(u16::try_from(key).unwrap_or(u16::MAX), None);
                self.mailboxes.give(datagrams.mailbox);
                datagrams.groups.into_iter().flatten().for_each(|group| self.leave_group(group));
            }
        }
        self.run_home();
        Ok(())
    }

    /// Breaks the connections that nobody will accept any more.
    fn abandon(&mut self, place: u32) {
        let of_it = |role| role == Role::Opening(place) || role == Role::Unaccepted(place);
        for number in 0..self.ends.count() {
            if self.ends.peek(number).is_some_and(|end| of_it(end.role)) {
                self.let_go(number, true);
            }
        }
    }

    /// Lets others connect to the socket of this number; again: only its backlog changes, for those who come.
    ///
    /// # Errors
    /// `EBADF`, `ENOMEM`; `EOPNOTSUPP`: it is none of TCP; `EINVAL`: it is connected; `EADDRINUSE`: another listens there.
    pub fn listen(&mut self, number: u32, backlog: i32) -> Result<(), Errno> {
        let place = self.sockets.place(number)?;
        match &self.sockets.at(place)?.kind {
            Kind::Stream(Stream::Idle) => {}
            Kind::Stream(_) => return Err(Errno::EINVAL),
            // What waits stays; a backlog is for the lifetime of its listener.
            Kind::Listener(_) => return Ok(()),
            Kind::Datagrams(_) => return Err(Errno::EOPNOTSUPP),
        }
        if self.sockets.at(place)?.port == 0 {
            self.take_name(place, None, 0)?;
        }
        if self.is_listened_to(place) {
            return Err(Errno::EADDRINUSE);
        }
        let listener = Listener::new(self.space.clone(), backlog)?;
        self.sockets.at(place)?.kind = Kind::Listener(listener);
        self.note_readiness(place);
        Ok(())
    }

    /// Connects the socket of this number to `peer`, or begins to; one of UDP speaks with `peer` alone from now on, or, with an address
    /// that is unspecified, with all again.
    ///
    /// # Errors
    /// `EBADF`, `EAFNOSUPPORT`; `EINPROGRESS`: it has begun; `EALREADY`, `EISCONN`; `EOPNOTSUPP`: it listens; `ENETUNREACH`,
    /// `ECONNREFUSED`, `EADDRINUSE`, `EADDRNOTAVAIL`, `ENOBUFS`.
    pub fn connect(&mut self, number: u32, peer: IpEndpoint) -> Result<(), Errno> {
        let place = self.sockets.place(number)?;
        let socket = self.sockets.at(place)?;
        let peer = IpEndpoint::new(socket.family.inner(peer.addr)?, peer.port);
        match &mut socket.kind {
            Kind::Stream(Stream::Idle) => {
                socket.error = None;
                self.connect_stream(place, peer)
            }
            Kind::Stream(Stream::Connected { .. }) => Err(Errno::EISCONN),
            Kind::Stream(_) => Err(Errno::EALREADY),
            Kind::Listener(_) => Err(Errno::EOPNOTSUPP),
            Kind::Datagrams(datagrams) => {
                datagrams.peer = (peer.port != 0)
                    .then_some(peer)
                    .map(|peer| if peer.addr.is_unspecified() { IpEndpoint::new(super::loopback(peer.addr), peer.port) } else { peer });
                let is_new = socket.port == 0;
                if is_new { self.take_name(place, None, 0) } else { Ok(()) }
            }
        }
    }

    /// Whether the connection that [`Stack::connect`] began is complete.
    ///
    /// # Errors
    /// `EBADF`; `EINPROGRESS`: not yet; what became of it.
    pub fn connected(&mut self, number: u32) -> Result<(), Errno> {
        let place = self.sockets.place(number)?;
        let socket = self.sockets.at(place)?;
        match &socket.kind {
            Kind::Stream(Stream::Awaiting { .. } | Stream::Connecting { .. }) => Err(Errno::EINPROGRESS),
            Kind::Stream(Stream::Idle) => Err(socket.error.take().unwrap_or(Errno::ENOTCONN)),
            _ => Ok(()),
        }
    }

    /// Sends `bytes`, or as much of them as there is room for; how many.
    ///
    /// # Errors
    /// `EBADF`, `EAGAIN`; `EINPROGRESS`: the card has no address yet; `EISCONN`: a connection goes where it goes; those of its kind.
    pub fn send(&mut self, number: u32, bytes: &[u8], to: Option<IpEndpoint>) -> Result<usize, Errno> {
        let place = self.sockets.place(number)?;
        let socket = self.sockets.at(place)?;
        match socket.kind {
            Kind::Stream(stream) => self.send_stream(place, stream, bytes),
            Kind::Listener(_) => Err(Errno::ENOTCONN),
            Kind::Datagrams(datagrams) => {
                let to = to.map(|to| socket.family.inner(to.addr).map(|address| IpEndpoint::new(address, to.port))).transpose()?;
                self.send_datagram(place, datagrams, bytes, to)
            }
        }
    }

    /// Takes what came, or looks at it: how much, and from whom, if that is not known anyway. 0 bytes of a stream: no more will come.
    ///
    /// # Errors
    /// `EBADF`, `EAGAIN`, those of its kind.
    pub fn receive(&mut self, number: u32, into: &mut [MaybeUninit<u8>], peeks: bool) -> Result<Received, Errno> {
        let place = self.sockets.place(number)?;
        match self.sockets.at(place)?.kind {
            Kind::Stream(stream) => {
                self.receive_stream(place, stream, into, peeks).map(|count| Received { count, whole: count, from: None })
            }
            Kind::Listener(_) => Err(Errno::ENOTCONN),
            Kind::Datagrams(datagrams) => self.receive_datagram(place, datagrams, into, peeks),
        }
    }

    /// Ends one direction or both. Who waits to write and can no more is told, who waits to read finds the end. A listener that is shut
    /// down for reading is none any more: who waits for a connection is told, and those that nobody has accepted are broken.
    ///
    /// # Errors
    /// `EBADF`, `ENOTCONN`.
    pub fn shut_down(&mut self, number: u32, half: Half) -> Result<(), Errno> {
        let place = self.sockets.place(number)?;
        let (reads, writes) = (half != Half::Write, half != Half::Read);
        let mut finishes = None;
        match &mut self.sockets.at(place)?.kind {
            Kind::Stream(Stream::Connected { end, is_deaf, is_mute, .. }) => {
                finishes = (writes && !*is_mute).then_some(*end);
                (*is_deaf, *is_mute) = (*is_deaf || reads, *is_mute || writes);
            }
            Kind::Datagrams(datagrams) if datagrams.peer.is_some() => {
                (datagrams.is_deaf, datagrams.is_mute) = (datagrams.is_deaf || reads, datagrams.is_mute || writes);
            }
            Kind::Listener(_) => {
                if reads {
                    self.abandon(place);
                    let socket = self.sockets.at(place)?;
                    (socket.kind, socket.changes) = (Kind::Stream(Stream::Idle), socket.changes.wrapping_add(1));
                    let (signals, is_watched) = (socket.signals, socket.is_watched);
                    self.wake(&signals.read, u32::MAX);
                    self.announces |= is_watched;
                    self.note_readiness(place);
                    self.run_home();
                }
                return Ok(());
            }
            _ => return Err(Errno::ENOTCONN),
        }
        let now = self.now;
        if let Some(number) = finishes
            && let Some(end) = self.ends.get(number)
        {
            end.heard = now;
            end.tcp().close();
            self.tend(number, super::News::None);
            self.run_home();
        }
        self.signal(place, false);
        Ok(())
    }

    /// The options of the socket of this number.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn options(&mut self, number: u32) -> Result<Options, Errno> {
        let place = self.sockets.place(number)?;
        Ok(self.sockets.at(place)?.options)
    }

    /// Changes the options of the socket of this number.
    ///
    /// # Errors
    /// `EBADF`, and what `change` answers: then nothing changed.
    pub fn set_options(&mut self, number: u32, change: impl FnOnce(&mut Options) -> Result<(), Errno>) -> Result<(), Errno> {
        let place = self.sockets.place(number)?;
        let socket = self.sockets.at(place)?;
        let mut options = socket.options;
        change(&mut options)?;
        socket.options = options;
        let end =
            if let Kind::Stream(Stream::Connecting { end, .. } | Stream::Connected { end, .. }) = socket.kind { Some(end) } else { None };
        self.apply_options(place);
        if let Some(end) = end {
            self.tend(end, super::News::None);
            self.run_home();
        }
        Ok(())
    }

    /// The socket of this number hears `group` from now on, or no more.
    ///
    /// # Errors
    /// `EBADF`, `EAFNOSUPPORT`, `EINVAL`, `EADDRINUSE`, `EADDRNOTAVAIL`, `ENOBUFS`.
    pub fn set_group(&mut self, number: u32, group: IpAddress, joins: bool) -> Result<(), Errno> {
        let place = self.sockets.place(number)?;
        self.change_group(place, group, joins)
    }

    /// Takes the error that waits to be told (SO_ERROR).
    ///
    /// # Errors
    /// `EBADF`.
    pub fn take_error(&mut self, number: u32) -> Result<Option<Errno>, Errno> {
        let place = self.sockets.place(number)?;
        let error = self.sockets.at(place)?.error.take();
        self.note_readiness(place);
        Ok(error)
    }

    /// What the socket of this number is: its family, its type, and whether it listens.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn nature(&mut self, number: u32) -> Result<(Family, Type, bool), Errno> {
        let place = self.sockets.place(number)?;
        let kind = if self.protocol(place) == Protocol::Udp { Type::Datagram } else { Type::Stream };
        let socket = self.sockets.at(place)?;
        Ok((socket.family, kind, matches!(socket.kind, Kind::Listener(_))))
    }

    /// What the socket of this number is ready for. Whoever asks is a poller, and is [told](super::Waker::announce) of the next change.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn ready(&mut self, number: u32) -> Result<Ready, Errno> {
        let place = self.sockets.place(number)?;
        let ready = self.note_readiness(place);
        self.sockets.at(place)?.is_watched = true;
        Ok(ready)
    }

    /// A number that grows with whatever happens to the socket of this number.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn changes(&self, number: u32) -> Result<u32, Errno> {
        let place = self.sockets.place(number)?;
        self.sockets.peek(place).map(|socket| socket.changes).ok_or(Errno::EBADF)
    }

    /// Bytes that can be received at once: of datagrams, those of the next.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn unread(&mut self, number: u32) -> Result<usize, Errno> {
        let place = self.sockets.place(number)?;
        Ok(match &self.sockets.at(place)?.kind {
            Kind::Stream(Stream::Connected { end, .. }) => self.ends.peek(*end).map_or(0, |end| end.tcp_ref().recv_queue()),
            Kind::Datagrams(datagrams) => {
                let mailbox = self.mailboxes.get(datagrams.mailbox).ok_or(Errno::EBADF)?;
                mailbox.udp().peek().map_or(0, |(bytes, _)| bytes.len())
            }
            Kind::Stream(_) | Kind::Listener(_) => 0,
        })
    }

    /// The words that tell waiters of the socket of this number to look again.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn signals(&self, number: u32) -> Result<&'static Signals, Errno> {
        let place = self.sockets.place(number)?;
        self.sockets.peek(place).map(|socket| socket.signals).ok_or(Errno::EBADF)
    }

    /// Bytes that have been sent and not arrived yet, or not left.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn unsent(&mut self, number: u32) -> Result<usize, Errno> {
        let place = self.sockets.place(number)?;
        match self.sockets.at(place)?.kind {
            Kind::Stream(Stream::Connected { end, .. }) => Ok(self.ends.peek(end).map_or(0, |end| end.tcp_ref().send_queue())),
            _ => Ok(0),
        }
    }

    /// Begins to look up the addresses of a name: those of IPv4, or of IPv6.
    ///
    /// # Errors
    /// `ENETUNREACH`: there is nobody to ask. `EAGAIN`: too many are asked for now. `EINVAL`: it is no name. `EINPROGRESS`: the card may
    /// get an address yet.
    pub fn ask(&mut self, name: &str, family: Family) -> Result<Question, Errno> {
        let now = self.now;
        let wired = self.wired.as_mut().ok_or(Errno::ENETUNREACH)?;
        let kind = if family == Family::V4 { DnsQueryType::A } else { DnsQueryType::Aaaa };
        let asked = wired.ask(name, kind, now);
        let hopes = wired.address().is_none() && wired.hopes_until(IpAddress::v4(0, 0, 0, 0), now).is_some();
        self.house_due = Some(now);
        asked.map_err(|error| if error == Errno::ENETUNREACH && hopes { Errno::EINPROGRESS } else { error })
    }

    /// Who knows names.
    ///
    /// # Errors
    /// `ENETUNREACH`: nobody. `EINPROGRESS`: the card may get an address yet.
    pub fn servers(&self) -> Result<[Option<IpAddress>; SERVERS], Errno> {
        let wired = self.wired.as_ref().ok_or(Errno::ENETUNREACH)?;
        match wired.servers() {
            [None, ..] if wired.hopes_until(IpAddress::v4(0, 0, 0, 0), self.now).is_some() => Err(Errno::EINPROGRESS),
            [None, ..] => Err(Errno::ENETUNREACH),
            servers => Ok(servers),
        }
    }

    /// The addresses that a question brought.
    ///
    /// # Errors
    /// `EAGAIN`: nobody has answered yet. `ENOENT`: there is no such name, or nobody answers.
    pub fn answer(&mut self, question: Question, into: &mut [IpAddress]) -> Result<usize, Errno> {
        let now = self.now;
        self.wired.as_mut().ok_or(Errno::ENOENT)?.answer(question, into, now)
    }

    /// Nobody wants to know the answer to a question any more.
    pub fn forget(&mut self, question: Question) {
        if let Some(wired) = self.wired.as_mut() {
            wired.forget(question);
        }
    }
}
