//! A UDP socket's datagrams: smoltcp's socket with its buffers, in a set of its own. Used again and never freed, as ends are.

use allocator_api2::alloc::Allocator;
use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::udp;

use crate::link::Side;
use crate::pool::Pool;
use crate::{one, row};

/// Bytes of datagrams that nobody has read yet, and how many they may be.
pub const RECEIVE_BYTES: usize = 128 << 10;
const RECEIVE_COUNT: usize = 128;
/// Bytes of datagrams that have not left yet, and how many they may be.
pub const SEND_BYTES: usize = 64 << 10;
const SEND_COUNT: usize = 32;

/// A socket's datagrams.
pub struct Mailbox {
    set: SocketSet<'static>,
    handle: SocketHandle,
    /// Whose they are.
    pub owner: u32,
    /// Which way those that have not left yet want to go.
    pub side: Side,
}

impl Mailbox {
    /// smoltcp's socket.
    pub fn udp(&mut self) -> &mut udp::Socket<'static> {
        self.set.get_mut(self.handle)
    }

    /// smoltcp's socket, to be read.
    pub fn udp_ref(&self) -> &udp::Socket<'static> {
        self.set.get(self.handle)
    }

    /// The set that holds it alone.
    pub fn set(&mut self) -> &mut SocketSet<'static> {
        &mut self.set
    }
}

/// All mailboxes.
pub struct Mailboxes<A: Allocator> {
    space: A,
    pool: Pool<Mailbox, A>,
}

impl<A: Allocator + Clone + 'static> Mailboxes<A> {
    /// None yet, and room for `most`; none at all, if there is no memory.
    pub fn new(space: A, most: usize) -> Option<Self> {
        Some(Self { pool: Pool::new(space.clone(), most)?, space })
    }

    /// A mailbox; none, if all are in use or there is no memory for one more.
    pub fn take(&mut self) -> Option<u32> {
        self.pool.take_used().or_else(|| self.grow())
    }

    fn grow(&mut self) -> Option<u32> {
        let Self { space, pool } = self;
        pool.grow(|| {
            let heads = |count| row(space.clone(), udp::PacketMetadata::EMPTY, count);
            let (came, leaves) = (heads(RECEIVE_COUNT)?, heads(SEND_COUNT)?);
            let (receive, send) = (row(space.clone(), 0, RECEIVE_BYTES)?, row(space.clone(), 0, SEND_BYTES)?);
            let storage = one(space.clone(), SocketStorage::EMPTY)?;
            // Nothing can fail any more: from here on the memory is the mailbox's for ever.
            let receive = udp::PacketBuffer::new(came.leak(), receive.leak());
            let socket = udp::Socket::new(receive, udp::PacketBuffer::new(leaves.leak(), send.leak()));
            let mut set = SocketSet::new(storage.leak());
            let handle = set.add(socket);
            Some(Mailbox { set, handle, owner: 0, side: Side::Home })
        })
    }

    /// Gives a mailbox back, and forgets what is in it.
    pub fn give(&mut self, number: u32) {
        if let Some(mailbox) = self.get(number) {
            mailbox.udp().close();
            mailbox.udp().set_hop_limit(None);
            self.pool.give(number);
        }
    }

    /// The mailbox of this number.
    pub fn get(&mut self, number: u32) -> Option<&mut Mailbox> {
        self.pool.get(number)
    }

    /// The mailbox of this number, to be read.
    pub fn peek(&self, number: u32) -> Option<&Mailbox> {
        self.pool.peek(number)
    }
}
