//! Questions and answers: requests over the controller's channel 0, one at a time, and where in the shared memory what lies.

use super::dwc2::channel::{Channel, Kind, Pid, Pipe};
use super::dwc2::transfer::{Step, Transfer};
use super::dwc2::{self, start};
use super::memory::{Buffer, LINE, Memory};
use super::request::{SETUP_BYTES, Setup};
use super::{Patience, Speed, UsbError};
use crate::window::Registers;

/// The channel of requests.
const REQUESTS: u8 = 0;
/// How long each of a request's three stages may take, in milliseconds. USB 2.0, 9.2.6.4, allows half a second until data comes.
const STAGE_MS: u32 = 1000;
/// How often the channel may interrupt in one stage: it goes on after each error.
const LOOKS: u32 = 100;

/// Where a request lies.
const SETUP: Buffer = Buffer { start: 0, bytes: LINE };
/// Where its answer comes.
const ANSWER: Buffer = Buffer { start: LINE, bytes: 1024 };
/// Where the memory of requests ends; what is behind is a card's.
pub const REQUEST_BYTES: usize = ANSWER.start + ANSWER.bytes;
/// Bytes of the longest answer.
pub const LONGEST_ANSWER: usize = ANSWER.bytes;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its address.
    pub address: u8,
    /// How fast it is.
    pub speed: Speed,
    /// Bytes of a packet of its control endpoint.
    pub packet: u16,
}

/// The controller and its memory.
pub struct Host<R, M> {
    /// The controller's registers.
    pub registers: R,
    /// The memory.
    pub memory: M,
    requests: Channel,
    /// What was asked last.
    request: u8,
    /// A transfer was given up: its channel and its memory are the controller's for ever.
    is_lost: bool,
}

impl<R: Registers, M: Memory> Host<R, M> {
    /// Starts the controller.
    ///
    /// # Errors
    /// [`UsbError::Memory`]; those of [`start::controller`].
    pub fn new(registers: R, memory: M, patience: &mut dyn Patience) -> Result<Self, UsbError> {
        if memory.bytes() < REQUEST_BYTES || !memory.bus_address().is_multiple_of(64) {
            return Err(UsbError::Memory);
        }
        start::controller(&registers, patience)?;
        Ok(Self { registers, memory, requests: Channel::new(REQUESTS), request: 0, is_lost: false })
    }

    /// Where a buffer is, as the controller sees it.
    #[must_use]
    pub fn address(&self, buffer: Buffer) -> u32 {
        self.memory.bus_address().wrapping_add(u32::try_from(buffer.start).unwrap_or(0))
    }

    /// Asks a device for something that brings no answer.
    ///
    /// # Errors
    /// [`UsbError::Silent`], [`UsbError::Refused`], [`UsbError::Line`].
    pub fn tell(&mut self, asked: &Asked, setup: Setup, patience: &mut dyn Patience) -> Result<(), UsbError> {
        self.request(asked, setup, patience)?;
        self.stage(asked, true, 0, Pid::DATA1, patience).map(drop)
    }

    /// Asks a device, whose answer comes to the front of `into`, which is told. It is no longer than `into`, nor than [`LONGEST_ANSWER`].
    ///
    /// # Errors
    /// As [`Host::tell`].
    pub fn ask<'a>(
        &mut self,
        asked: &Asked,
        setup: Setup,
        into: &'a mut [u8],
        patience: &mut dyn Patience,
    ) -> Result<&'a mut [u8], UsbError> {
        let most = into.len().min(LONGEST_ANSWER);
        let setup = Setup { length: u16::try_from(most).unwrap_or(u16::MAX), ..setup };
        self.request(asked, setup, patience)?;
        let whole = most.next_multiple_of(asked.packet.into());
        let came = self.stage(asked, true, whole, Pid::DATA1, patience)?.min(most);
        self.stage(asked, false, 0, Pid::DATA1, patience)?;
        let into = &mut into[..came];
        ANSWER.take(&mut self.memory, into);
        Ok(into)
    }

    fn request(&mut self, asked: &Asked, setup: Setup, patience: &mut dyn Patience) -> Result<(), UsbError> {
        let silent = UsbError::Silent { address: asked.address, request: self.request };
        if self.is_lost {
            return Err(silent);
        }
        self.request = setup.request;
        SETUP.fill(&mut self.memory, &setup.emit());
        self.stage(asked, false, SETUP_BYTES, Pid::SETUP, patience).map(drop)
    }

    /// One stage of a request: it, its answer, or that all is well. How much was moved.
    fn stage(&mut self, asked: &Asked, is_in: bool, bytes: usize, pid: Pid, patience: &mut dyn Patience) -> Result<usize, UsbError> {
        let &Asked { address, speed, packet } = asked;
        let buffer = if is_in { ANSWER } else { SETUP };
        if is_in {
            self.memory.clean(buffer.front(bytes));
        }
        let pipe = Pipe { address, speed, endpoint: 0, kind: Kind::Control, is_in, packet };
        #[expect(clippy::cast_possible_truncation, reason = "a thousand at most")]
        let mut transfer = Transfer::new(pipe, self.address(buffer), bytes as u32, pid);
        let mut order = transfer.order();
        self.requests.begin(&self.registers, &pipe, &order);
        for _ in 0..LOOKS {
            if let Some(halt) = self.requests.look(&self.registers) {
                match transfer.halted(&halt) {
                    Step::Done(moved) => return Ok(moved as usize),
                    Step::Failed(error) => return Err(error),
                    Step::Order(next) => order = next,
                }
                self.requests.begin(&self.registers, &pipe, &order);
                continue;
            }
            self.requests.listen(&self.registers);
            dwc2::open_gate(&self.registers);
            if !patience.is_interrupted(STAGE_MS) {
                break;
            }
        }
        self.is_lost = true;
        Err(UsbError::Silent { address, request: self.request })
    }
}

#[cfg(test)]
mod tests;
