//! The virtio network card. Source: VIRTIO 1.1, 5.1.
//!
//! Each frame has a buffer of its own that never moves, in memory that the device may read and write; what is received or sent is copied,
//! for neither stacks nor a program's memory is such memory. Of the features only the card's address and the state of the link are used:
//! QEMU's user network offers no checksums, and a frame is one buffer.
//!
//! The device is not believed: a buffer that it hands back and never had makes the card [broken](Card::is_broken), and from then on it does
//! nothing; a length is cut to what the buffer holds. The interrupt is acknowledged by [`acknowledge`], which needs no more than the slot's
//! registers, so that an interrupt handler can do it while the card is in use.
#![allow(unsafe_code, reason = "buffers are lent to the device by address, through virtio-drivers' unsafe queue functions")]

use bitflags::bitflags;
use virtio_drivers::queue::VirtQueue;
use virtio_drivers::transport::{DeviceStatus, Transport};
use virtio_drivers::{Error, Hal};

use crate::card::{Abilities, Card, Full, LONGEST, Mac, is_single};
use crate::window::Registers;

mod buffers;

use buffers::{BYTES, Buffers};

const RECEIVE_QUEUE: u16 = 0;
const TRANSMIT_QUEUE: u16 = 1;

/// Buffers for frames that come. QEMU's queues hold 256.
const RECEIVE: usize = 128;
/// Buffers for frames that leave.
const TRANSMIT: usize = 64;

/// Bytes before a frame in its buffer (5.1.6), of which nothing is used; the legacy transport has no `num_buffers`.
const HEADER: usize = 12;
const LEGACY_HEADER: usize = 10;

/// The configuration space (5.1.4): the address, then the status.
const STATUS_OFFSET: usize = 6;
const LINK_UP: u16 = 1;

const INTERRUPT_STATUS: usize = 0x060;
const INTERRUPT_ACK: usize = 0x064;

bitflags! {
    /// The features that are used, of those in 5.1.3 and 6.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    struct Features: u64 {
        const MAC = 1 << 5;
        const STATUS = 1 << 16;
        const VERSION_1 = 1 << 32;
    }
}

/// Makes the device in the slot behind `registers` silent; to be called at its interrupt.
pub fn acknowledge(registers: &impl Registers) {
    let pending = registers.read(INTERRUPT_STATUS);
    if pending != 0 {
        registers.write(INTERRUPT_ACK, pending);
    }
}

/// A virtio network card.
pub struct Net<H: Hal, T: Transport> {
    transport: T,
    receive: VirtQueue<H, RECEIVE>,
    transmit: VirtQueue<H, TRANSMIT>,
    arriving: Buffers<H, RECEIVE>,
    leaving: Buffers<H, TRANSMIT>,
    mac: Mac,
    header: usize,
    tells_link: bool,
    is_broken: bool,
}

impl<H: Hal, T: Transport> Net<H, T> {
    /// Sets up the device behind this transport.
    ///
    /// # Errors
    /// [`Error::DmaError`] if there is no memory for its queues; [`Error::Unsupported`] if it has no usable address; others if it is no
    /// network card, or broken.
    pub fn new(mut transport: T) -> Result<Self, Error> {
        let features = transport.begin_init(Features::all());
        let mac: Mac = transport.read_config_space(0)?;
        if !features.contains(Features::MAC) || !is_single(mac) {
            return Err(Error::Unsupported);
        }
        let receive = VirtQueue::new(&mut transport, RECEIVE_QUEUE, false, false)?;
        let mut transmit = VirtQueue::new(&mut transport, TRANSMIT_QUEUE, false, false)?;
        // That a frame has left is seen when the next one wants its buffer.
        transmit.set_dev_notify(false);
        let (arriving, leaving) = (Buffers::new()?, Buffers::new()?);
        transport.finish_init();
        let header = if features.contains(Features::VERSION_1) { HEADER } else { LEGACY_HEADER };
        let tells_link = features.contains(Features::STATUS);
        let mut net = Self { transport, receive, transmit, arriving, leaving, mac, header, tells_link, is_broken: false };
        net.offer();
        Ok(net)
    }

    /// Lends the device every free buffer to receive into.
    fn offer(&mut self) {
        let mut was_offered = false;
        while let Some(place) = self.arriving.free() {
            // SAFETY: the place is free: no device uses it.
            let buffer = unsafe { self.arriving.buffer(place) };
            // SAFETY: `lend` marks the place, which keeps everybody off the buffer until the device hands it back; the memory lives as long
            // as the queue.
            let Ok(token) = (unsafe { self.receive.add(&[], &mut [buffer]) }) else { break };
            self.arriving.lend(place, token);
            was_offered = true;
        }
        if was_offered && self.receive.should_notify() {
            self.transport.notify(RECEIVE_QUEUE);
        }
    }

    /// Takes one received buffer back: its place and how much of it the device says it wrote, cut to its size.
    fn take_back(&mut self) -> Option<(usize, usize)> {
        let token = self.receive.peek_used()?;
        let Some(place) = self.arriving.lent(token) else {
            self.is_broken = true;
            return None;
        };
        // SAFETY: the used ring says that the device is done with it.
        let buffer = unsafe { self.arriving.buffer(place) };
        // SAFETY: this is the buffer that was added under `token`.
        let written = unsafe { self.receive.pop_used(token, &[], &mut [buffer]) };
        self.arriving.take(token);
        written.ok().map(|written| (place, usize::try_from(written).map_or(BYTES, |written| written.min(BYTES))))
    }

    /// Takes back the buffers of frames that have left.
    fn reclaim(&mut self) {
        while let Some(token) = self.transmit.peek_used() {
            let Some(place) = self.leaving.lent(token) else {
                self.is_broken = true;
                return;
            };
            let length = self.leaving.length(place);
            // SAFETY: the used ring says that the device is done with it.
            let buffer = unsafe { self.leaving.buffer(place) };
            // SAFETY: this is the buffer that was added under `token`, as long as it was then.
            let _ = unsafe { self.transmit.pop_used(token, &[&buffer[..length]], &mut []) };
            self.leaving.take(token);
        }
    }
}

impl<H: Hal, T: Transport + Send> Card for Net<H, T> {
    fn name(&self) -> &'static str {
        "virtio-net"
    }

    fn mac(&self) -> Mac {
        self.mac
    }

    fn abilities(&self) -> Abilities {
        Abilities { payload: 1500, has_checked_sums: false }
    }

    fn is_broken(&self) -> bool {
        self.is_broken
    }

    fn is_up(&mut self) -> bool {
        let status = || self.transport.read_config_space::<u16>(STATUS_OFFSET);
        !self.is_broken && (!self.tells_link || status().is_ok_and(|status| status & LINK_UP != 0))
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        while !self.is_broken {
            let (place, written) = self.take_back()?;
            // SAFETY: taken back just now, and not lent again before `offer`.
            let buffer = unsafe { self.arriving.buffer(place) };
            let frame = buffer.get(self.header..written).filter(|frame| !frame.is_empty());
            let received = frame.and_then(|frame| {
                into.get_mut(..frame.len())?.copy_from_slice(frame);
                Some(frame.len())
            });
            self.offer();
            if received.is_some() {
                return received;
            }
        }
        None
    }

    fn has_room(&mut self) -> bool {
        if self.leaving.free().is_none() {
            self.reclaim();
        }
        !self.is_broken && self.leaving.free().is_some()
    }

    fn transmit(&mut self, length: usize, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        if !self.has_room() || length > LONGEST {
            return Err(Full);
        }
        let (place, end) = (self.leaving.free().ok_or(Full)?, self.header + length);
        // SAFETY: the place is free: no device uses it.
        let buffer = unsafe { self.leaving.buffer(place) };
        buffer[..self.header].fill(0);
        fill(&mut buffer[self.header..end]);
        // SAFETY: `lend` marks the place, which keeps everybody off the buffer until the device hands it back; the memory lives as long as
        // the queue.
        let token = unsafe { self.transmit.add(&[&buffer[..end]], &mut []) }.map_err(|_| Full)?;
        self.leaving.lend(place, token);
        self.leaving.set_length(place, end);
        if self.transmit.should_notify() {
            self.transport.notify(TRANSMIT_QUEUE);
        }
        Ok(())
    }
}

impl<H: Hal, T: Transport> Drop for Net<H, T> {
    fn drop(&mut self) {
        // A device that is reset forgets the memory that is about to be freed.
        self.transport.set_status(DeviceStatus::empty());
    }
}

#[cfg(test)]
mod tests;
