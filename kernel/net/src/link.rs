//! The two ways a packet can take: over the card, or home again, to a socket of the same machine.
//!
//! smoltcp sees a [`Port`] of one of them: at most one packet that came, and room for what leaves.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_drivers::card::{Card, LONGEST};
use smoltcp::phy::{Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::row;

/// Bytes of an Ethernet header.
const ETHERNET: usize = 14;
/// Bytes of the longest packet that goes home: sixteen thousand of payload, as Linux had it for long, so that a stream's buffers hold four.
pub const HOME_LONGEST: usize = 16_436;
/// Packets that may be on their way home.
const HOME_PACKETS: usize = 64;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// To this machine itself.
    Home,
    /// Over the card.
    Wire,
}

/// Where packets leave.
pub trait Way {
    /// What smoltcp must know of it.
    fn capabilities(&self) -> DeviceCapabilities;

    /// Whether one more packet can leave.
    fn has_room(&mut self) -> bool;

    /// Where the next packet is written, `length` bytes of it.
    fn buffer(&mut self, length: usize) -> &mut [u8];

    /// Sends what was written to [`Way::buffer`]. Where there is no room it is lost, as on a cable.
    fn send(&mut self, length: usize);
}

/// A card as a way.
pub struct Wire {
    /// The card.
    pub card: &'static mut dyn Card,
    /// [`LONGEST`] bytes, in which packets are written.
    pub written: &'static mut [u8],
}

impl Way for Wire {
    fn capabilities(&self) -> DeviceCapabilities {
        let abilities = self.card.abilities();
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        // RFC 8200 5: IPv6 asks for 1,280 at least.
        capabilities.max_transmission_unit = abilities.payload.clamp(1280, LONGEST - ETHERNET) + ETHERNET;
        if abilities.has_checked_sums {
            let sums = &mut capabilities.checksum;
            (sums.ipv4, sums.tcp, sums.udp) = (Checksum::Tx, Checksum::Tx, Checksum::Tx);
        }
        capabilities
    }

    fn has_room(&mut self) -> bool {
        self.card.has_room()
    }

    fn buffer(&mut self, length: usize) -> &mut [u8] {
        let length = length.min(self.written.len());
        &mut self.written[..length]
    }

    fn send(&mut self, length: usize) {
        let length = length.min(self.written.len());
        let written = &self.written[..length];
        // A card that is full loses it.
        let _ = self.card.transmit(length, &mut |frame| frame.copy_from_slice(written));
    }
}

/// A packet on its way home: a buffer of [`HOME_LONGEST`] bytes, of which the first are the packet.
pub struct Packet<A: Allocator> {
    buffer: Vec<u8, A>,
    length: usize,
}

impl<A: Allocator> Packet<A> {
    /// Its bytes.
    #[must_use]
    pub fn bytes(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.length]
    }
}

/// The way home: packets in the order in which they left. Their buffers come one by one, and stay.
pub struct Home<A: Allocator> {
    space: A,
    /// Packets, the oldest at `first`; as many as `count`.
    packets: [Option<Packet<A>>; HOME_PACKETS],
    first: usize,
    count: usize,
    spare: Vec<Vec<u8, A>, A>,
    /// The buffer that the next packet is written in.
    written: Vec<u8, A>,
}

impl<A: Allocator + Clone> Home<A> {
    /// Nothing is on its way; none, if there is no memory.
    pub fn new(space: A) -> Option<Self> {
        let written = room(space.clone())?;
        let spare = Vec::new_in(space.clone());
        Some(Self { space, packets: [const { None }; HOME_PACKETS], first: 0, count: 0, spare, written })
    }

    /// The packet that left first.
    pub fn take(&mut self) -> Option<Packet<A>> {
        if self.count == 0 {
            return None;
        }
        let packet = self.packets[self.first].take();
        self.first = (self.first + 1) % HOME_PACKETS;
        self.count -= 1;
        packet
    }

    /// Gives back the buffer of a packet that has arrived.
    pub fn give_back(&mut self, packet: Packet<A>) {
        if self.spare.try_reserve(1).is_ok() {
            self.spare.push(packet.buffer);
        }
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Room for one packet.
fn room<A: Allocator>(space: A) -> Option<Vec<u8, A>> {
    row(space, 0, HOME_LONGEST)
}

impl<A: Allocator + Clone> Way for Home<A> {
    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = HOME_LONGEST;
        // Memory does not err.
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities
    }

    fn has_room(&mut self) -> bool {
        self.count < HOME_PACKETS
    }

    fn buffer(&mut self, length: usize) -> &mut [u8] {
        &mut self.written[..length.min(HOME_LONGEST)]
    }

    fn send(&mut self, length: usize) {
        if self.has_room()
            && let Some(next) = self.spare.pop().or_else(|| room(self.space.clone()))
        {
            let buffer = core::mem::replace(&mut self.written, next);
            let packet = Packet { buffer, length: length.min(HOME_LONGEST) };
            self.packets[(self.first + self.count) % HOME_PACKETS] = Some(packet);
            self.count += 1;
        }
    }
}

/// A way as smoltcp sees it, with at most one packet that came over it.
pub struct Port<'a> {
    /// The packet.
    pub arrived: Option<&'a [u8]>,
    /// Where packets leave.
    pub way: &'a mut dyn Way,
}

/// The packet that came.
pub struct Arrived<'a>(&'a [u8]);

impl RxToken for Arrived<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// Room for one that leaves.
pub struct Leaving<'a>(&'a mut dyn Way);

impl TxToken for Leaving<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, write: F) -> R {
        let result = write(self.0.buffer(length));
        self.0.send(length);
        result
    }
}

impl Device for Port<'_> {
    type RxToken<'b>
        = Arrived<'b>
    where
        Self: 'b;
    type TxToken<'b>
        = Leaving<'b>
    where
        Self: 'b;

    fn receive(&mut self, _: Instant) -> Option<(Arrived<'_>, Leaving<'_>)> {
        self.arrived.take().map(|packet| (Arrived(packet), Leaving(self.way)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Leaving<'_>> {
        if self.way.has_room() { Some(Leaving(self.way)) } else { None }
    }

    fn capabilities(&self) -> DeviceCapabilities {
        self.way.capabilities()
    }
}
