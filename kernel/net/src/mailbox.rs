//! A UDP socket's datagrams: smoltcp's socket with its buffers, in a set of its own. Used again and never freed, as ends are.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use smoltcp::iface::{SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::udp;

use crate::link::Side;
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
    all: Vec<Mailbox, A>,
    free: Vec<u32, A>,
    most: usize,
}

impl<A: Allocator + Clone + 'static> Mailboxes<A> {
    /// None yet, and room for `most`; none at all, if there is no memory.
    pub fn new(space: A, most: usize) -> Option<Self> {
        let (mut all, mut free) = (Vec::new_in(space.clone()), Vec::new_in(space.clone()));
        all.try_reserve_exact(most).ok()?;
        free.try_reserve_exact(most).ok()?;
        Some(Self { space, all, free, most })
    }

    /// A mailbox; none, if all are in use or there is no memory for one more.
    pub fn take(&mut self) -> Option<u32> {
        self.free.pop().or_else(|| self.grow())
    }

    fn grow(&mut self) -> Option<u32> {
        let number = u32::try_from(self.all.len()).ok().filter(|_| self.all.len() < self.most)?;
        let heads = |count| row(self.space.clone(), udp::PacketMetadata::EMPTY, count);
        let (came, leaves) = (heads(RECEIVE_COUNT)?, heads(SEND_COUNT)?);
        let (receive, send) = (row(self.space.clone(), 0, RECEIVE_BYTES)?, row(self.space.clone(), 0, SEND_BYTES)?);
        let storage = one(self.space.clone(), SocketStorage::EMPTY)?;
        // Nothing can fail any more: from here on the memory is the mailbox's for ever.
        let receive = udp::PacketBuffer::new(came.leak(), receive.leak());
        let socket = udp::Socket::new(receive, udp::PacketBuffer::new(leaves.leak(), send.leak()));
        let mut set = SocketSet::new(storage.leak());
        let handle = set.add(socket);
        self.all.push(Mailbox { set, handle, owner: 0, side: Side::Home });
        Some(number)
    }

    /// Gives a mailbox back, and forgets what is in it.
    pub fn give(&mut self, number: u32) {
        if let Some(mailbox) = self.get(number) {
            mailbox.udp().close();
            mailbox.udp().set_hop_limit(None);
            self.free.push(number);
        }
    }

    /// The mailbox of this number.
    pub fn get(&mut self, number: u32) -> Option<&mut Mailbox> {
        self.all.get_mut(number as usize)
    }

    /// The mailbox of this number, to be read.
    pub fn peek(&self, number: u32) -> Option<&Mailbox> {
        self.all.get(number as usize)
    }
}
