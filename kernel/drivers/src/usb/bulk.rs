//! Transfers of frames, both ways, over two bulk endpoints: each ended by a packet that is not full.
//!
//! One receive is always with the controller, which has a second buffer as soon as the first is full. What is sent waits in slots, in order;
//! one transfer at a time. Nothing waits here: what the controller has not done when it is looked at, it tells by an interrupt
//! ([`super::dwc2`]), after which all is to be looked at again.
//!
//! A transfer that fails breaks it for good. An endpoint that refuses is [halted](Bulk::is_halted), until its device was told to
//! [go on](Bulk::go_on).

use super::UsbError;
use super::descriptor::Endpoint;
use super::dwc2::channel::{Channel, Kind, Pid, Pipe};
use super::dwc2::open_gate;
use super::dwc2::transfer::{Step, Transfer};
use super::host::{Asked, Host, REQUEST_BYTES};
use super::memory::{Buffer, Memory};
use crate::window::Registers;

const RECEIVE: u8 = 1;
const TRANSMIT: u8 = 2;

/// Bytes of a buffer for what comes: so many that QEMU fills it at once, and a multiple of every packet.
const RECEIVE_BYTES: usize = 2048;
/// Bytes of a slot for what leaves.
const SLOT_BYTES: usize = 1536;
/// Transfers that may be on their way out.
pub const SLOTS: usize = 16;
/// Bytes of memory that are needed, with what requests need.
pub const MEMORY_BYTES: usize = REQUEST_BYTES + 2 * RECEIVE_BYTES + SLOTS * SLOT_BYTES;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the device.
    In,
    /// To it.
    Out,
}

/// The two endpoints.
pub struct Bulk<R, M> {
    /// The controller.
    pub host: Host<R, M>,
    coming: Channel,
    leaving: Channel,
    from: Pipe,
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
    /// Who refuses: what comes, what leaves.
    halted: [bool; 2],
    is_broken: bool,
}

fn receive_buffer(number: usize) -> Buffer {
    Buffer { start: REQUEST_BYTES + number * RECEIVE_BYTES, bytes: RECEIVE_BYTES }
}

fn slot(number: usize) -> Buffer {
    Buffer { start: REQUEST_BYTES + 2 * RECEIVE_BYTES + number * SLOT_BYTES, bytes: SLOT_BYTES }
}

impl<R: Registers, M: Memory> Bulk<R, M> {
    /// The endpoints of a device, which begin with DATA0. Nothing moves before [`Bulk::begin`].
    ///
    /// # Errors
    /// [`UsbError::Memory`].
    pub fn new(host: Host<R, M>, asked: &Asked, receive: Endpoint, transmit: Endpoint) -> Result<Self, UsbError> {
        if host.memory.bytes() < MEMORY_BYTES {
            return Err(UsbError::Memory);
        }
        let pipe = |endpoint: Endpoint, is_in| Pipe {
            address: asked.address,
            speed: asked.speed,
            endpoint: endpoint.number,
            kind: Kind::Bulk,
            is_in,
            packet: endpoint.packet,
        };
        let (from, to) = (pipe(receive, true), pipe(transmit, false));
        Ok(Self {
            host,
            coming: Channel::new(RECEIVE),
            leaving: Channel::new(TRANSMIT),
            from,
            receiving: Transfer::new(from, 0, 0, Pid::DATA0),
            buffer: 0,
            to,
            pid: Pid::DATA0,
            sending: None,
            lengths: [0; SLOTS],
            first: 0,
            count: 0,
            halted: [false; 2],
            is_broken: false,
        })
    }

    /// Begins to receive.
    pub fn begin(&mut self) {
        self.lend(Pid::DATA0);
    }

    /// Whether it failed: it does nothing any more.
    pub fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// It is of no use any more.
    pub fn break_down(&mut self) {
        self.is_broken = true;
    }

    /// Whether the endpoint of this way refuses.
    pub fn is_halted(&self, way: Way) -> bool {
        self.halted[way as usize]
    }

    /// The number of the endpoint of this way.
    pub fn endpoint(&self, way: Way) -> u8 {
        match way {
            Way::In => self.from.endpoint,
            Way::Out => self.to.endpoint,
        }
    }

    /// The endpoint of this way was told to go on: what was under way begins anew, with DATA0; what leaves, with the next
    /// [`Bulk::send`].
    pub fn go_on(&mut self, way: Way) {
        self.halted[way as usize] = false;
        match way {
            Way::In => self.lend(Pid::DATA0),
            Way::Out => (self.sending, self.pid) = (None, Pid::DATA0),
        }
    }

    /// Lends the controller the current buffer.
    fn lend(&mut self, pid: Pid) {
        let buffer = receive_buffer(self.buffer);
        self.host.memory.clean(buffer.front(RECEIVE_BYTES));
        #[expect(clippy::cast_possible_truncation, reason = "two thousand")]
        let mut transfer = Transfer::new(self.from, self.host.address(buffer), RECEIVE_BYTES as u32, pid);
        let order = transfer.order();
        self.receiving = transfer;
        self.coming.begin(&self.host.registers, &self.from, &order);
    }

    fn fail(&mut self, way: Way, error: UsbError) {
        match error {
            UsbError::Refused => self.halted[way as usize] = true,
            _ => self.is_broken = true,
        }
    }

    /// Takes the buffer back that the controller has filled, and lends the other; which, and how much of it.
    pub fn take_back(&mut self) -> Option<(Buffer, usize)> {
        while !self.is_broken
            && !self.is_halted(Way::In)
            && let Some(halt) = self.coming.look(&self.host.registers)
        {
            match self.receiving.halted(&halt) {
                Step::Order(order) => self.coming.begin(&self.host.registers, &self.from, &order),
                Step::Failed(error) => self.fail(Way::In, error),
                Step::Done(bytes) => {
                    let filled = receive_buffer(self.buffer);
                    self.buffer = 1 - self.buffer;
                    self.lend(self.receiving.pid());
                    return Some((filled, bytes as usize));
                }
            }
        }
        None
    }

    /// What comes interrupts from now on, or has come; nothing does any more, if it failed.
    pub fn listen(&mut self) {
        if !self.is_broken {
            self.coming.listen(&self.host.registers);
            open_gate(&self.host.registers);
        }
    }

    /// Goes on with what leaves, as far as it goes now; whether something has left.
    pub fn send(&mut self) -> bool {
        let mut has_left = false;
        while !self.is_broken && !self.is_halted(Way::Out) && self.count > 0 {
            let Some(sending) = &mut self.sending else {
                self.begin_slot();
                continue;
            };
            let Some(halt) = self.leaving.look(&self.host.registers) else {
                self.leaving.listen(&self.host.registers);
                break;
            };
            match sending.halted(&halt) {
                Step::Order(order) => self.leaving.begin(&self.host.registers, &self.to, &order),
                Step::Failed(error) => self.fail(Way::Out, error),
                Step::Done(_) => {
                    self.pid = sending.pid();
                    self.sending = None;
                    self.first = (self.first + 1) % SLOTS;
                    self.count -= 1;
                    has_left = true;
                }
            }
        }
        has_left
    }

    /// Begins to send the first slot in use.
    fn begin_slot(&mut self) {
        let address = self.host.address(slot(self.first));
        let mut transfer = Transfer::new(self.to, address, self.lengths[self.first].into(), self.pid).ending_short();
        let order = transfer.order();
        self.leaving.begin(&self.host.registers, &self.to, &order);
        self.sending = Some(transfer);
    }

    /// Whether there is a slot.
    pub fn has_room(&self) -> bool {
        !self.is_broken && self.count < SLOTS
    }

    /// Sends a transfer of `length` bytes, which `fill` writes; false, if there is no slot, or it is too small.
    pub fn put(&mut self, length: usize, fill: &mut dyn FnMut(&mut [u8])) -> bool {
        if length > SLOT_BYTES || !self.has_room() {
            return false;
        }
        let number = (self.first + self.count) % SLOTS;
        let range = slot(number).front(length);
        self.host.memory.lend(range.clone(), fill);
        self.host.memory.clean(range);
        self.lengths[number] = u16::try_from(length).unwrap_or(u16::MAX);
        self.count += 1;
        true
    }
}
