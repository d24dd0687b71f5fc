//! A network card of the class CDC-ECM: frames as they are, one a transfer, each ended by a packet that is not full. Source: ECM 1.2.
//!
//! One receive is always with the controller, which has a second buffer as soon as the first is full. What is sent waits in slots, in order;
//! one transfer at a time. Nothing waits here: what the controller has not done when it is looked at, it tells by an interrupt
//! ([`super::dwc2`]), after which [`Card::receive`] is to be called until it has nothing more.
//!
//! The device is not believed: a frame without bytes, or longer than one may be, is passed over. An endpoint that fails makes the card
//! [broken](Card::is_broken), and from then on it does nothing.

use super::dwc2::channel::{Channel, Kind, Pid, Pipe};
use super::dwc2::open_gate;
use super::dwc2::transfer::{Step, Transfer};
use super::host::{Host, REQUEST_BYTES};
use super::memory::{Buffer, Memory};
use super::request::Setup;
use super::search::FoundCard;
use super::{Patience, UsbError};
use crate::card::{Abilities, Card, Full, LONGEST, Mac};
use crate::window::Registers;

const RECEIVE: u8 = 1;
const TRANSMIT: u8 = 2;

/// Bytes of a buffer for a frame that comes: so many that QEMU fills it at once, and a multiple of every packet.
const RECEIVE_BYTES: usize = 2048;
/// Bytes of a slot for one that leaves.
const SLOT_BYTES: usize = 1536;
/// Frames that may be on their way out.
const SLOTS: usize = 16;
/// Bytes of memory that the card needs, with what requests need.
pub const MEMORY_BYTES: usize = REQUEST_BYTES + 2 * RECEIVE_BYTES + SLOTS * SLOT_BYTES;

/// How many frames in a row are passed over before somebody else has a turn.
const PASSED: usize = 16;

/// What is to be handed on: what is for this card, for all, and for groups (ECM 1.2, table 8).
const FILTER: u16 = 1 << 1 | 1 << 2 | 1 << 3;

/// The card.
pub struct Ecm<R, M> {
    host: Host<R, M>,
    mac: Mac,
    coming: Channel,
    leaving: Channel,
    receiving: Transfer,
    /// Which of the two buffers the controller has.
    buffer: usize,
    to: Pipe,
    /// The next packet that leaves.
    pid: Pid,
    /// The transfer of the first slot in use.
    sending: Option<Transfer>,
    /// Bytes in each slot; `count` slots from `first` on are in use.
    lengths: [u16; SLOTS],
    first: usize,
    count: usize,
    is_broken: bool,
}

fn receive_buffer(number: usize) -> Buffer {
    Buffer { start: REQUEST_BYTES + number * RECEIVE_BYTES, bytes: RECEIVE_BYTES }
}

fn slot(number: usize) -> Buffer {
    Buffer { start: REQUEST_BYTES + 2 * RECEIVE_BYTES + number * SLOT_BYTES, bytes: SLOT_BYTES }
}

impl<R: Registers, M: Memory> Ecm<R, M> {
    /// Sets the card up that was found, and begins to receive.
    ///
    /// # Errors
    /// [`UsbError::Memory`]; those of [`Host::tell`].
    pub fn new(mut host: Host<R, M>, found: &FoundCard, patience: &mut dyn Patience) -> Result<Self, UsbError> {
        if host.memory.bytes() < MEMORY_BYTES {
            return Err(UsbError::Memory);
        }
        let FoundCard { asked, function, mac } = found;
        host.tell(asked, Setup::interface(function.data.0, function.data.1), patience)?;
        match host.tell(asked, Setup::packet_filter(function.control, FILTER), patience) {
            // Not every card has one (6.2.4): it hands on what is usual then.
            Ok(()) | Err(UsbError::Refused) => {}
            Err(error) => return Err(error),
        }
        let pipe = |endpoint: super::descriptor::Endpoint, is_in| Pipe {
            address: asked.address,
            speed: asked.speed,
            endpoint: endpoint.number,
            kind: Kind::Bulk,
            is_in,
            packet: endpoint.packet,
        };
        let (from, to) = (pipe(function.receive, true), pipe(function.transmit, false));
        let receiving = Transfer::new(from, 0, 0, Pid::DATA0);
        let (lengths, pid) = ([0; SLOTS], Pid::DATA0);
        let mut card = Self {
            host,
            mac: *mac,
            coming: Channel::new(RECEIVE),
            leaving: Channel::new(TRANSMIT),
            receiving,
            buffer: 0,
            to,
            pid,
            sending: None,
            lengths,
            first: 0,
            count: 0,
            is_broken: false,
        };
        card.lend();
        Ok(card)
    }

    /// Lends the controller the current buffer.
    fn lend(&mut self) {
        let buffer = receive_buffer(self.buffer);
        self.host.memory.clean(buffer.front(RECEIVE_BYTES));
        let pipe = *self.receiving.pipe();
        #[expect(clippy::cast_possible_truncation, reason = "two thousand")]
        let mut transfer = Transfer::new(pipe, self.host.address(buffer), RECEIVE_BYTES as u32, self.receiving.pid());
        let order = transfer.order();
        self.receiving = transfer;
        self.coming.begin(&self.host.registers, &pipe, &order);
    }

    /// Takes the buffer back that the controller has filled, and lends the other; which, and how much of it.
    fn take_back(&mut self) -> Option<(Buffer, usize)> {
        while !self.is_broken
            && let Some(halt) = self.coming.look(&self.host.registers)
        {
            match self.receiving.halted(&halt) {
                Step::Order(order) => self.coming.begin(&self.host.registers, self.receiving.pipe(), &order),
                Step::Failed(_) => self.is_broken = true,
                Step::Done(bytes) => {
                    let filled = receive_buffer(self.buffer);
                    self.buffer = 1 - self.buffer;
                    self.lend();
                    return Some((filled, bytes as usize));
                }
            }
        }
        None
    }

    /// Goes on with what leaves, as far as it goes now.
    fn send(&mut self) {
        while !self.is_broken && self.count > 0 {
            let Some(sending) = &mut self.sending else {
                self.begin_slot();
                continue;
            };
            let Some(halt) = self.leaving.look(&self.host.registers) else {
                self.leaving.listen(&self.host.registers);
                return;
            };
            match sending.halted(&halt) {
                Step::Order(order) => self.leaving.begin(&self.host.registers, &self.to, &order),
                Step::Failed(_) => self.is_broken = true,
                Step::Done(_) => {
                    self.pid = sending.pid();
                    self.sending = None;
                    self.first = (self.first + 1) % SLOTS;
                    self.count -= 1;
                }
            }
        }
    }

    /// Begins to send the first slot in use.
    fn begin_slot(&mut self) {
        let address = self.host.address(slot(self.first));
        let mut transfer = Transfer::new(self.to, address, self.lengths[self.first].into(), self.pid).ending_short();
        let order = transfer.order();
        self.leaving.begin(&self.host.registers, &self.to, &order);
        self.sending = Some(transfer);
    }
}

impl<R: Registers + Send, M: Memory> Card for Ecm<R, M> {
    fn name(&self) -> &'static str {
        "usb-ecm"
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
        !self.is_broken
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        self.send();
        for _ in 0..PASSED {
            let Some((filled, bytes)) = self.take_back() else { break };
            if let Some(frame) = into.get_mut(..bytes).filter(|frame| !frame.is_empty()) {
                filled.take(&mut self.host.memory, frame);
                return Some(bytes);
            }
        }
        if !self.is_broken {
            self.coming.listen(&self.host.registers);
            open_gate(&self.host.registers);
        }
        None
    }

    fn has_room(&mut self) -> bool {
        if self.count == SLOTS {
            self.send();
        }
        !self.is_broken && self.count < SLOTS
    }

    fn transmit(&mut self, length: usize, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        if length > LONGEST || !self.has_room() {
            return Err(Full);
        }
        let number = (self.first + self.count) % SLOTS;
        let range = slot(number).front(length);
        self.host.memory.lend(range.clone(), fill);
        self.host.memory.clean(range);
        self.lengths[number] = u16::try_from(length).unwrap_or(u16::MAX);
        self.count += 1;
        self.send();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
