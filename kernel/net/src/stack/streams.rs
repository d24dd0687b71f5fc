//! Connections: what comes for them, what they send, and how they end.

use core::mem::MaybeUninit;

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use smoltcp::iface::PollResult;
use smoltcp::socket::tcp::State;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpEndpoint;

use super::{ROOM, SEGMENTS, Stack, toward};
use crate::ends::{End, RECEIVE_BYTES, Role};
use crate::link::Side;
use crate::socket::{Kind, Stream};

/// How long a connection may take to begin, on our side and on the other.
const CONNECTING: Duration = Duration::from_secs(60);
const OPENING: Duration = Duration::from_secs(10);
/// How long the other side may be silent while something waits to be acknowledged.
const SILENCE: Duration = Duration::from_secs(120);
/// How long a connection that nobody holds any more may take to end (Linux: `tcp_fin_timeout`).
const ENDING: Duration = Duration::from_secs(60);
/// How often an idle connection with SO_KEEPALIVE is tried, and after how many tries it is given up.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_ALIVE_TRIES: u32 = 4;

/// What is known of a connection that has just closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing but its state.
    None,
    /// A segment came.
    Segment,
    /// The other side did not answer in time.
    Silence,
    /// Somebody on the way says that it cannot be reached.
    Refused(Errno),
}

/// When a connection is given up.
fn expiry(end: &End) -> Option<Instant> {
    let patience = match (end.role, end.state) {
        (_, State::Closed) => return None,
        (_, State::SynSent) => CONNECTING,
        (Role::Opening(_), _) => OPENING,
        (Role::Left, State::TimeWait) => return None,
        (Role::Left, _) => ENDING,
        _ if end.is_owed => SILENCE,
        _ => end.keep_alive? * KEEP_ALIVE_TRIES,
    };
    Some(end.heard + patience)
}

impl<A: Allocator + Clone + 'static> Stack<A> {
    /// A segment came.
    pub(super) fn segment(&mut self, side: Side, source: IpEndpoint, target: IpEndpoint, is_opening: bool, bytes: &[u8]) {
        if target.addr.is_multicast() || target.addr.is_broadcast() {
            return;
        }
        if let Some(number) = self.ends.find(target, source) {
            let is_past = self.ends.peek(number).is_some_and(|end| end.role == Role::Left && end.state == State::TimeWait);
            if !(is_opening && is_past) {
                self.feed(number, side, bytes);
                return;
            }
            // The other side begins anew: what was kept of the last connection is no use any more.
            self.drop_end(number);
        }
        if !(is_opening && self.admit(side, source, target, bytes)) {
            self.arrive_for_nobody(side, bytes);
        }
    }

    /// Hands an end a segment.
    pub(super) fn feed(&mut self, number: u32, side: Side, bytes: &[u8]) {
        let Self { ends, home, home_iface, wired, now, .. } = self;
        let Some(end) = ends.get(number) else { return };
        let Some((iface, mut port)) = toward(side, wired, home_iface, home, Some(bytes)) else { return };
        iface.poll_ingress_single(*now, &mut port, end.set());
        end.heard = *now;
        self.tend(number, News::Segment);
    }

    /// Lets an end send what it has to, sees what became of it, and notes when to look again.
    pub(super) fn tend(&mut self, number: u32, mut news: News) {
        let Some(end) = self.ends.get(number).filter(|end| end.role != Role::Free) else { return };
        // A segment that closes a connection does so before anything is sent.
        let mut is_closed = end.tcp().state() == State::Closed;
        if !is_closed && expiry(end).is_some_and(|at| at <= self.now) {
            end.tcp().abort();
            (news, is_closed) = (News::Silence, true);
        }
        let at = self.let_out(number);
        let Some(end) = self.ends.get(number) else { return };
        let (state, queue) = (end.tcp_ref().state(), end.tcp_ref().recv_queue());
        let before = core::mem::replace(&mut end.state, state);
        end.is_owed = end.tcp_ref().send_queue() > 0 || matches!(end.state, State::FinWait1 | State::Closing | State::LastAck);
        let came = queue > core::mem::replace(&mut end.queue, queue);
        let at = [at, expiry(end)].into_iter().flatten().min();
        let role = end.role;
        self.due.set(key(number), at);
        let news = if is_closed { news } else { News::None };
        match role {
            Role::Opening(listener) => self.opening(number, listener),
            Role::Of(place) => self.changed(place, before, news, came),
            Role::Left if self.ends.peek(number).is_some_and(|end| end.state == State::Closed) => self.drop_end(number),
            Role::Free | Role::Left | Role::Unaccepted(_) => {}
        }
    }

    /// Sends what an end has to send; when it has to again.
    fn let_out(&mut self, number: u32) -> Option<Instant> {
        let Self { ends, home, home_iface, wired, now, .. } = self;
        let end = ends.get(number)?;
        let (iface, mut port) = toward(end.side, wired, home_iface, home, None)?;
        // Asked first: most of what comes wants no answer yet, and most that is sent is one segment.
        for _ in 0..SEGMENTS {
            let at = iface.poll_at(*now, end.set())?;
            if at > *now {
                return Some(at);
            }
            if iface.poll_egress(*now, &mut port, end.set()) == PollResult::None {
                break;
            }
        }
        Some(*now + ROOM)
    }

    /// A socket's connection changed.
    fn changed(&mut self, place: u32, before: State, news: News, came: bool) {
        let Ok(socket) = self.sockets.at(place) else { return };
        let Kind::Stream(stream) = socket.kind else { return };
        match stream {
            Stream::Connecting { end, peer } => self.connecting_changed(place, end, peer, news),
            Stream::Connected { end, .. } => {
                let is_closed = self.ends.peek(end).is_some_and(|end| end.state == State::Closed);
                let was_open =
                    matches!(before, State::SynReceived | State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait);
                if is_closed && was_open {
                    socket.error = Some(match news {
                        News::Segment => Errno::ECONNRESET,
                        News::Silence => Errno::ETIMEDOUT,
                        News::Refused(reason) => reason,
                        News::None => Errno::ECONNABORTED,
                    });
                }
                self.signal(place, came);
            }
            Stream::Idle | Stream::Awaiting { .. } => {}
        }
    }

    /// An end is nobody's any more, and what is left of its connection is forgotten.
    pub(super) fn drop_end(&mut self, number: u32) {
        self.due.set(key(number), None);
        self.ends.give(number);
    }

    /// A socket lets go of its connection, which ends in order unless it `is_aborted`.
    pub(super) fn let_go(&mut self, number: u32, is_aborted: bool) {
        let now = self.now;
        let Some(end) = self.ends.get(number) else { return };
        (end.role, end.heard) = (Role::Left, now);
        if is_aborted {
            end.tcp().abort();
        } else {
            end.tcp().close();
        }
        self.tend(number, News::None);
    }

    /// Takes bytes to be sent over the connection of the socket at `place`; how many.
    ///
    /// # Errors
    /// `EAGAIN`, `ENOTCONN`, `EPIPE`, and what became of the connection.
    pub(super) fn send_stream(&mut self, place: u32, stream: Stream, bytes: &[u8]) -> Result<usize, Errno> {
        if let Some(error) = self.sockets.at(place)?.error.take() {
            return Err(error);
        }
        let Stream::Connected { end: number, is_mute, .. } = stream else {
            return Err(if stream == Stream::Idle { Errno::ENOTCONN } else { Errno::EAGAIN });
        };
        let now = self.now;
        let end = self.ends.get(number).ok_or(Errno::EPIPE)?;
        if is_mute || !end.tcp().may_send() {
            return Err(Errno::EPIPE);
        }
        if bytes.is_empty() {
            return Ok(0);
        }
        if end.tcp().send_queue() == 0 {
            end.heard = now;
        }
        let sent = end.tcp().send_slice(bytes).map_err(|_| Errno::EPIPE)?;
        if sent == 0 {
            self.note_readiness(place);
            return Err(Errno::EAGAIN);
        }
        self.tend(number, News::None);
        self.run_home();
        self.pass_on_writing(place);
        Ok(sent)
    }

    /// Takes bytes that came over the connection of the socket at `place`, or looks at them; how many. 0: no more will come.
    ///
    /// # Errors
    /// `EAGAIN`, `ENOTCONN`, and what became of the connection.
    pub(super) fn receive_stream(&mut self, place: u32, stream: Stream, into: &mut [MaybeUninit<u8>], peeks: bool) -> Result<usize, Errno> {
        let Stream::Connected { end: number, is_deaf, .. } = stream else {
            let error = self.sockets.at(place)?.error.take();
            return Err(error.unwrap_or(if stream == Stream::Idle { Errno::ENOTCONN } else { Errno::EAGAIN }));
        };
        let end = self.ends.get(number).ok_or(Errno::ENOTCONN)?;
        if is_deaf || into.is_empty() {
            return Ok(0);
        }
        let before = end.tcp().recv_queue();
        if before == 0 {
            if let Some(error) = self.sockets.at(place)?.error.take() {
                return Err(error);
            }
            return if self.note_readiness(place).read { Ok(0) } else { Err(Errno::EAGAIN) };
        }
        if peeks {
            let bytes = end.tcp().peek(into.len()).map_err(|_| Errno::EAGAIN)?;
            into[..bytes.len()].write_copy_of_slice(bytes);
            return Ok(bytes.len());
        }
        let taken = take(end, into);
        // The window was half closed or more: the other side is told that it opens.
        if before >= RECEIVE_BYTES / 2 {
            self.tend(number, News::None);
            self.run_home();
        }
        self.pass_on_reading(place);
        Ok(taken)
    }
}

/// Takes what came, in at most two pieces: it lies in a ring.
fn take(end: &mut End, into: &mut [MaybeUninit<u8>]) -> usize {
    let mut taken = 0;
    for _ in 0..2 {
        let rest = &mut into[taken..];
        let piece = end.tcp().recv(|bytes| {
            let length = bytes.len().min(rest.len());
            rest[..length].write_copy_of_slice(&bytes[..length]);
            (length, length)
        });
        taken += piece.unwrap_or(0);
    }
    end.queue = end.tcp_ref().recv_queue();
    taken
}

/// The number of an end among the deadlines.
pub(super) fn key(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(u16::MAX)
}
