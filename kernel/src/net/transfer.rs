//! What callers do with sockets and may have to wait for.

use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_logic::time::Instant;
use skete_net::socket::Received;
use skete_net::{Duration, IpEndpoint};

use super::wait::{Direction, Wait, until, until_outlook};
use crate::time;

/// The moment after which a wait is over that an option bounds.
pub fn deadline_of(timeout: Option<Duration>) -> Option<Instant> {
    timeout.map(|timeout| time::now().saturating_add_ns(timeout.total_micros().saturating_mul(1000)))
}

/// How long an opening lets its calls wait, where an option may bound that.
fn wait_of(is_nonblocking: bool, timeout: Option<Duration>) -> Wait {
    if is_nonblocking { Wait::No } else { Wait::Until(deadline_of(timeout)) }
}

/// Receives from the socket of this number, or looks at what came.
///
/// # Errors
/// `EAGAIN`: nothing came, and the opening is non-blocking or SO_RCVTIMEO has passed; `EINTR`; those of the stack's `receive`.
pub fn receive(number: u32, into: &mut [MaybeUninit<u8>], peeks: bool, is_nonblocking: bool) -> Result<Received, Errno> {
    let first = receive_until(number, into, peeks, Wait::No);
    if first != Err(Errno::EAGAIN) || is_nonblocking {
        return first;
    }
    let timeout = super::with(|stack| stack.options(number))?.receive_timeout;
    receive_until(number, into, peeks, wait_of(false, timeout))
}

/// [`receive`], by a wait of the caller's own.
///
/// # Errors
/// As [`receive`]; `EAGAIN` after that wait.
pub fn receive_until(number: u32, into: &mut [MaybeUninit<u8>], peeks: bool, wait: Wait) -> Result<Received, Errno> {
    match wait {
        Wait::No => super::with(|stack| stack.receive(number, into, peeks)),
        Wait::Until(deadline) => until(number, Direction::Read, false, deadline, |stack| stack.receive(number, into, peeks)),
    }
}

/// Sends over the socket of this number; how much. A blocking opening of a stream sends all, unless something ends that on the way.
///
/// # Errors
/// `EAGAIN`: there is no room, and the opening is non-blocking or SO_SNDTIMEO has passed; `EINTR`; those of the stack's `send`;
/// `ENETUNREACH`: the card got no address in time.
pub fn send(number: u32, bytes: &[u8], to: Option<IpEndpoint>, is_nonblocking: bool) -> Result<usize, Errno> {
    let sent = match super::with(|stack| stack.send(number, bytes, to)) {
        Ok(sent) => sent,
        Err(Errno::EAGAIN) if !is_nonblocking => 0,
        Err(Errno::EINPROGRESS) => return send_later(number, bytes, to, is_nonblocking),
        Err(error) => return Err(error),
    };
    if sent == bytes.len() || is_nonblocking {
        return Ok(sent);
    }
    let timeout = super::with(|stack| stack.options(number))?.send_timeout;
    send_rest(number, bytes, sent, to, deadline_of(timeout))
}

/// [`send`], by a wait of the caller's own.
///
/// # Errors
/// As [`send`]; `EAGAIN` after that wait.
pub fn send_until(number: u32, bytes: &[u8], to: Option<IpEndpoint>, wait: Wait) -> Result<usize, Errno> {
    match (super::with(|stack| stack.send(number, bytes, to)), wait) {
        (Err(Errno::EINPROGRESS), _) => send_later(number, bytes, to, wait == Wait::No),
        (Err(Errno::EAGAIN), Wait::Until(deadline)) => send_rest(number, bytes, 0, to, deadline),
        (Ok(sent), Wait::Until(deadline)) if sent < bytes.len() => send_rest(number, bytes, sent, to, deadline),
        (answer, _) => answer,
    }
}

/// Sends what is left behind the first `sent` bytes; what was sent before an error counts.
fn send_rest(number: u32, bytes: &[u8], mut sent: usize, to: Option<IpEndpoint>, deadline: Option<Instant>) -> Result<usize, Errno> {
    while sent < bytes.len() {
        match until(number, Direction::Write, false, deadline, |stack| stack.send(number, &bytes[sent..], to)) {
            Ok(more) => sent += more,
            Err(_) if sent > 0 => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}

/// Sends a datagram once the card has an address.
fn send_later(number: u32, bytes: &[u8], to: Option<IpEndpoint>, is_nonblocking: bool) -> Result<usize, Errno> {
    if is_nonblocking {
        return Err(Errno::EAGAIN);
    }
    until_outlook(|stack| stack.send(number, bytes, to))
}

/// Takes the next connection of the listener of this number: the number of its socket, and who is at the other end.
///
/// # Errors
/// `EAGAIN`: none came, and the opening is non-blocking or SO_RCVTIMEO has passed; `EINTR`; those of the stack's `accept`.
pub fn accept(number: u32, is_nonblocking: bool) -> Result<(u32, IpEndpoint), Errno> {
    let timeout = super::with(|stack| stack.options(number))?.receive_timeout;
    accept_until(number, wait_of(is_nonblocking, timeout))
}

/// [`accept`], by a wait of the caller's own.
///
/// # Errors
/// As [`accept`]; `EAGAIN` after that wait.
pub fn accept_until(number: u32, wait: Wait) -> Result<(u32, IpEndpoint), Errno> {
    match wait {
        Wait::No => super::with(|stack| stack.accept(number)),
        Wait::Until(deadline) => until(number, Direction::Read, false, deadline, |stack| stack.accept(number)),
    }
}

/// Connects the socket of this number to `peer`.
///
/// # Errors
/// `EINPROGRESS`: it has begun, and the opening is non-blocking or SO_SNDTIMEO has passed; `EINTR`; those of the stack's `connect`, and
/// what became of it.
pub fn connect(number: u32, peer: IpEndpoint, is_nonblocking: bool) -> Result<(), Errno> {
    match super::with(|stack| stack.connect(number, peer)) {
        Err(Errno::EINPROGRESS) if !is_nonblocking => {}
        done => return done,
    }
    let timeout = super::with(|stack| stack.options(number))?.send_timeout;
    connected_until(number, deadline_of(timeout))
}

/// Waits until the connection that has begun is complete.
///
/// # Errors
/// `EINPROGRESS`: not until `deadline`; `EINTR`; what became of it.
pub fn connected_until(number: u32, deadline: Option<Instant>) -> Result<(), Errno> {
    let complete = until(number, Direction::Write, false, deadline, |stack| {
        stack.connected(number).map_err(|error| if error == Errno::EINPROGRESS { Errno::EAGAIN } else { error })
    });
    complete.map_err(|error| if error == Errno::EAGAIN { Errno::EINPROGRESS } else { error })
}
