//! Questions and answers: requests over the controller's channel 0, one at a time, and where in the shared memory what lies. Who may wait
//! [asks](Host::ask); who may not, [begins](Host::begin), and [looks](Host::look) whenever the controller has interrupted.

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
/// How often the channel may interrupt in one request: it goes on after each error.
const LOOKS: u32 = 300;

/// Where a request lies.
const SETUP: Buffer = Buffer { start: 0, bytes: LINE };
/// Where its data lies, or comes.
const DATA: Buffer = Buffer { start: LINE, bytes: 1024 };
/// Where nothing comes, which says that all is well.
const STATUS: Buffer = Buffer { start: DATA.start + DATA.bytes, bytes: LINE };
/// Where the memory of requests ends; what is behind is a card's.
pub const REQUEST_BYTES: usize = STATUS.start + STATUS.bytes;
/// Bytes of the longest answer.
pub const LONGEST_ANSWER: usize = DATA.bytes;

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

/// The three stages of a request (USB 2.0, 8.5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Setup,
    Data,
    Status,
}

/// A request under way.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    asked: Asked,
    /// Its data comes.
    is_in: bool,
    /// How much data there may be.
    bytes: usize,
    /// How much there was.
    moved: usize,
    stage: Stage,
    transfer: Transfer,
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

    /// Begins a request; `data` is what it sends, if it sends anything. None is under way.
    ///
    /// # Errors
    /// [`UsbError::Silent`]: one was given up.
    pub fn begin(&mut self, asked: &Asked, setup: Setup, data: &[u8]) -> Result<Question, UsbError> {
        if self.is_lost {
            return Err(UsbError::Silent { address: asked.address, request: self.request });
        }
        let is_in = setup.is_answered();
        let data = &data[..data.len().min(LONGEST_ANSWER)];
        let length = if is_in { setup.length } else { u16::try_from(data.len()).unwrap_or(u16::MAX) };
        self.request = setup.request;
        SETUP.fill(&mut self.memory, &Setup { length, ..setup }.emit());
        DATA.fill(&mut self.memory, data);
        let bytes = usize::from(length);
        let transfer = self.enter(asked, Stage::Setup, is_in, bytes);
        Ok(Question { asked: *asked, is_in, bytes, moved: 0, stage: Stage::Setup, transfer })
    }

    /// What has become of a request, which goes on as far as it goes now: none, if it is still under way, and will interrupt; else how
    /// much it has moved.
    ///
    /// # Errors
    /// [`UsbError::Refused`], [`UsbError::Line`].
    pub fn look(&mut self, question: &mut Question) -> Option<Result<usize, UsbError>> {
        while let Some(halt) = self.requests.look(&self.registers) {
            match question.transfer.halted(&halt) {
                Step::Order(order) => self.requests.begin(&self.registers, question.transfer.pipe(), &order),
                Step::Failed(error) => return Some(Err(error)),
                Step::Done(moved) => {
                    let stage = match question.stage {
                        Stage::Setup if question.bytes > 0 => Stage::Data,
                        Stage::Setup => Stage::Status,
                        Stage::Data => {
                            question.moved = (moved as usize).min(question.bytes);
                            Stage::Status
                        }
                        Stage::Status => return Some(Ok(question.moved)),
                    };
                    question.stage = stage;
                    question.transfer = self.enter(&question.asked, stage, question.is_in, question.bytes);
                }
            }
        }
        self.requests.listen(&self.registers);
        None
    }

    /// Copies the front of the answer to the request that was the last one.
    pub fn answer(&mut self, into: &mut [u8]) {
        DATA.take(&mut self.memory, into);
    }

    /// Asks a device for something that brings no answer.
    ///
    /// # Errors
    /// [`UsbError::Silent`], [`UsbError::Refused`], [`UsbError::Line`].
    pub fn tell(&mut self, asked: &Asked, setup: Setup, patience: &mut dyn Patience) -> Result<(), UsbError> {
        self.give(asked, setup, &[], patience)
    }

    /// Sends a device `data`, [`LONGEST_ANSWER`] bytes at most, with a request.
    ///
    /// # Errors
    /// As [`Host::tell`].
    pub fn give(&mut self, asked: &Asked, setup: Setup, data: &[u8], patience: &mut dyn Patience) -> Result<(), UsbError> {
        let question = self.begin(asked, setup, data)?;
        self.wait(question, patience).map(drop)
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
        let length = u16::try_from(into.len().min(LONGEST_ANSWER)).unwrap_or(u16::MAX);
        let question = self.begin(asked, Setup { length, ..setup }, &[])?;
        let came = self.wait(question, patience)?;
        let into = &mut into[..came];
        self.answer(into);
        Ok(into)
    }

    fn wait(&mut self, mut question: Question, patience: &mut dyn Patience) -> Result<usize, UsbError> {
        for _ in 0..LOOKS {
            if let Some(result) = self.look(&mut question) {
                return result;
            }
            dwc2::open_gate(&self.registers);
            if !patience.is_interrupted(STAGE_MS) {
                break;
            }
        }
        self.is_lost = true;
        Err(UsbError::Silent { address: question.asked.address, request: self.request })
    }

    /// Begins a stage of a request that moves `bytes` of data.
    fn enter(&mut self, asked: &Asked, stage: Stage, is_in: bool, bytes: usize) -> Transfer {
        let &Asked { address, speed, packet } = asked;
        let (buffer, is_in, bytes, pid) = match stage {
            Stage::Setup => (SETUP, false, SETUP_BYTES, Pid::SETUP),
            Stage::Data if is_in => (DATA, true, bytes.next_multiple_of(packet.into()), Pid::DATA1),
            Stage::Data => (DATA, false, bytes, Pid::DATA1),
            Stage::Status if is_in && bytes > 0 => (SETUP, false, 0, Pid::DATA1),
            Stage::Status => (STATUS, true, 0, Pid::DATA1),
        };
        if is_in {
            self.memory.clean(buffer.front(bytes));
        }
        let pipe = Pipe { address, speed, endpoint: 0, kind: Kind::Control, is_in, packet };
        #[expect(clippy::cast_possible_truncation, reason = "a thousand at most")]
        let mut transfer = Transfer::new(pipe, self.address(buffer), bytes as u32, pid);
        let order = transfer.order();
        self.requests.begin(&self.registers, &pipe, &order);
        transfer
    }
}

#[cfg(test)]
mod tests;
