//! The ends of TCP connections: smoltcp's sockets, each with its buffers and in a set of its own, and which connection each is the end of.
//!
//! An end comes when there is none to be used again, up to a number that depends on the memory, and is used again for ever.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::tcp::{self, CongestionControl, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint};

use crate::link::Side;
use crate::pool::Pool;
use crate::{one, row};

/// Bytes that a connection keeps of what came, the greatest window that it offers.
pub const RECEIVE_BYTES: usize = 64 << 10;
/// Bytes that a connection keeps of what was sent, until the other side has them.
pub const SEND_BYTES: usize = 64 << 10;
/// Chains of the table of connections.
const CHAINS: usize = 1024;
/// The end of a chain.
const NONE: u32 = u32::MAX;

/// Who waits for an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nobody: it is the end of no connection.
    Free,
    /// A listener: somebody began to connect to it.
    Opening(u32),
    /// A listener: the connection is there, and nobody has accepted it.
    Unaccepted(u32),
    /// A socket.
    Of(u32),
    /// Nobody any more, but there are things to send, or to keep off.
    Left,
}

/// An end of a connection.
pub struct End {
    set: SocketSet<'static>,
    handle: SocketHandle,
    /// Who waits for it.
    pub role: Role,
    /// Which way the other end is.
    pub side: Side,
    /// This end and the other, while there is a connection.
    pub pair: Option<(IpEndpoint, IpEndpoint)>,
    /// smoltcp's state when it was last looked at.
    pub state: State,
    /// When the other side was last heard of, or something was sent to it after silence.
    pub heard: Instant,
    /// Whether something waits to be acknowledged.
    pub is_owed: bool,
    /// Bytes that had come, and nobody had taken, when it was last looked at.
    pub queue: usize,
    /// How long the other side may be silent; none: for ever.
    pub keep_alive: Option<Duration>,
    next: u32,
}

impl End {
    /// smoltcp's socket.
    pub fn tcp(&mut self) -> &mut tcp::Socket<'static> {
        self.set.get_mut(self.handle)
    }

    /// smoltcp's socket, to be read.
    pub fn tcp_ref(&self) -> &tcp::Socket<'static> {
        self.set.get(self.handle)
    }

    /// The set that holds it alone.
    pub fn set(&mut self) -> &mut SocketSet<'static> {
        &mut self.set
    }
}

/// All ends.
pub struct Ends<A: Allocator> {
    space: A,
    pool: Pool<End, A>,
    chains: Vec<u32, A>,
}

impl<A: Allocator + Clone + 'static> Ends<A> {
    /// No end, and room for `most`; none, if there is no memory.
    pub fn new(space: A, most: usize) -> Option<Self> {
        let (pool, chains) = (Pool::new(space.clone(), most)?, row(space.clone(), NONE, CHAINS)?);
        Some(Self { space, pool, chains })
    }

    /// An end that was used before, for a new connection; none, if all are in use.
    pub fn take_used(&mut self) -> Option<u32> {
        self.pool.take_used()
    }

    /// A new end; none, if there are as many as there may be, or there is no memory for one more.
    pub fn grow(&mut self) -> Option<u32> {
        let Self { space, pool, .. } = self;
        pool.grow(|| {
            let (receive, send) = (row(space.clone(), 0, RECEIVE_BYTES)?, row(space.clone(), 0, SEND_BYTES)?);
            let storage = one(space.clone(), SocketStorage::EMPTY)?;
            // Nothing can fail any more: from here on the memory is the end's for ever.
            let mut set = SocketSet::new(storage.leak());
            let handle = set.add(tcp::Socket::new(tcp::SocketBuffer::new(receive.leak()), tcp::SocketBuffer::new(send.leak())));
            Some(End {
                set,
                handle,
                role: Role::Free,
                side: Side::Home,
                pair: None,
                state: State::Closed,
                heard: Instant::ZERO,
                is_owed: false,
                queue: 0,
                keep_alive: None,
                next: NONE,
            })
        })
    }

    /// Prepares an end that was taken for a connection of its own.
    pub fn begin(&mut self, number: u32, role: Role, side: Side, now: Instant) -> Option<&mut End> {
        let end = self.get(number)?;
        (end.role, end.side, end.pair, end.state, end.heard) = (role, side, None, State::Closed, now);
        (end.is_owed, end.queue, end.keep_alive) = (false, 0, None);
        let control = if side == Side::Wire { CongestionControl::Reno } else { CongestionControl::None };
        let tcp = end.tcp();
        tcp.set_congestion_control(control);
        tcp.set_keep_alive(None);
        tcp.set_nagle_enabled(true);
        tcp.set_hop_limit(None);
        Some(end)
    }

    /// Gives an end back, whatever it was about.
    pub fn give(&mut self, number: u32) {
        self.leave(number);
        let Some(end) = self.get(number).filter(|end| end.role != Role::Free) else { return };
        end.role = Role::Free;
        // It is silent from now on: without a connection, nothing is sent for one that is aborted.
        end.tcp().abort();
        self.pool.give(number);
    }

    /// The end of this number.
    pub fn get(&mut self, number: u32) -> Option<&mut End> {
        self.pool.get(number)
    }

    /// The end of this number, to be read.
    pub fn peek(&self, number: u32) -> Option<&End> {
        self.pool.peek(number)
    }

    /// Every end in use.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &End)> {
        (0..).zip(self.pool.iter()).filter(|(_, end)| end.role != Role::Free)
    }

    /// How many there are, in use or not: their numbers are those below.
    pub fn count(&self) -> u32 {
        u32::try_from(self.pool.count()).unwrap_or(NONE)
    }

    /// How many are in use.
    pub fn in_use(&self) -> usize {
        self.pool.in_use()
    }

    /// Packets from `remote` to `local` are for this end from now on.
    pub fn enter(&mut self, number: u32, local: IpEndpoint, remote: IpEndpoint) {
        let chain = chain_of(local, remote);
        let first = self.chains[chain];
        if let Some(end) = self.get(number) {
            (end.pair, end.next) = (Some((local, remote)), first);
            self.chains[chain] = number;
        }
    }

    /// No packets are for this end any more.
    pub fn leave(&mut self, number: u32) {
        let Some((pair, after)) = self.get(number).and_then(|end| Some((end.pair.take()?, end.next))) else { return };
        let chain = chain_of(pair.0, pair.1);
        if self.chains[chain] == number {
            self.chains[chain] = after;
            return;
        }
        let mut at = self.chains[chain];
        while let Some(end) = self.get(at) {
            if end.next == number {
                end.next = after;
                return;
            }
            at = end.next;
        }
    }

    /// The end that packets from `remote` to `local` are for.
    pub fn find(&self, local: IpEndpoint, remote: IpEndpoint) -> Option<u32> {
        let mut at = self.chains[chain_of(local, remote)];
        while let Some(end) = self.peek(at) {
            if end.pair == Some((local, remote)) {
                return Some(at);
            }
            at = end.next;
        }
        None
    }
}

/// The chain of a connection: both ports and the other's address decide.
fn chain_of(local: IpEndpoint, remote: IpEndpoint) -> usize {
    let address = match remote.addr {
        IpAddress::Ipv4(address) => address.to_bits(),
        IpAddress::Ipv6(address) => {
            address.octets().chunks(4).fold(0, |sum, part| sum ^ part.iter().fold(0, |word, &byte| word << 8 | u32::from(byte)))
        }
    };
    let ports = u32::from(local.port) << 16 | u32::from(remote.port);
    // A multiplication mixes upward: the upper bits decide.
    let mixed = (ports ^ address.rotate_left(7)).wrapping_mul(0x9E37_79B1);
    (mixed >> 22) as usize
}

#[cfg(test)]
mod tests {
    use allocator_api2::alloc::Global;

    use super::*;

    fn pair(number: u32) -> (IpEndpoint, IpEndpoint) {
        let port = u16::try_from(number * 1000).expect("there are few");
        (IpEndpoint::new(IpAddress::v4(10, 0, 2, 15), 80), IpEndpoint::new(IpAddress::v4(10, 0, 2, 2), port))
    }

    #[test]
    fn each_connection_finds_its_end_until_it_leaves() {
        let mut ends = Ends::new(Global, 64).expect("there is memory");
        let numbers: std::vec::Vec<u32> = (0..64).map(|_| ends.grow().expect("there is room")).collect();
        assert_eq!(ends.grow(), None, "there are no more");
        for &number in &numbers {
            let (local, remote) = pair(number);
            ends.begin(number, Role::Left, Side::Wire, Instant::ZERO);
            ends.enter(number, local, remote);
        }
        for &number in &numbers {
            let (local, remote) = pair(number);
            assert_eq!(ends.find(local, remote), Some(number));
        }
        for &number in numbers.iter().filter(|number| *number % 2 == 0) {
            ends.give(number);
        }
        for &number in &numbers {
            let (local, remote) = pair(number);
            assert_eq!(ends.find(local, remote), (number % 2 == 1).then_some(number));
        }
        assert_eq!(ends.in_use(), 32);
        assert!(ends.take_used().is_some(), "what was given back is taken again");
    }
}
