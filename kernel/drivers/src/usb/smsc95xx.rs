//! The Ethernet that a Raspberry Pi 3 B has on board: SMSC's LAN9514, of the family LAN95xx. It is a hub, and behind that a network card of
//! its maker's own kind. Sources: Linux' `smsc95xx.c` and `smsc95xx.h`; U-Boot's, Circle's and FreeBSD's drivers.
//!
//! - [`registers`]: names and bits · [`start`]: from whatever it was to a card that works
//! - [`frame`]: what stands in front of frames · [`link`]: whether the cable leads somewhere
//!
//! Frames flow as in [`super::bulk`], one a transfer. The chip's registers are reached by requests. After the start these are under way
//! beside the frames, and nobody waits for them: [`Card::tend`] begins to ask the PHY, [`Card::receive`] goes on with that.
//!
//! The chip is not believed: a frame with errors, or whose status lies, is dropped and counted. What is sent while the cable leads nowhere
//! is lost, as on a cable. An endpoint that refuses is told to go on; if that is of no use, or a request is not answered, the card is
//! [broken](Card::is_broken).

pub mod frame;
pub mod link;
#[cfg(any(test, feature = "fake"))]
pub mod model;
pub mod registers;
pub mod start;

use frame::{SEND_BYTES, STATUS_BYTES};
use link::{Access, Link};
use start::Start;

use super::bulk::{Bulk, Way};
use super::host::{Asked, Host, Question};
use super::memory::{Buffer, Memory};
use super::request::Setup;
use super::search::FoundSmsc95xx;
use super::{Patience, UsbError};
use crate::card::{Abilities, Card, Full, LONGEST, Mac, Pace};
use crate::window::Registers;

/// How many frames in a row are passed over before somebody else has a turn.
const PASSED: usize = 16;
/// How often the PHY is asked, in milliseconds: while the cable leads nowhere, and while it leads somewhere.
const DOWN_MS: u64 = 250;
const UP_MS: u64 = 1000;
/// How long one round of requests may take.
const PATIENCE_MS: u64 = 5000;
/// How often an endpoint may refuse before a frame goes well.
const REFUSALS: u32 = 8;

/// What the request under way is for.
#[derive(Clone, Copy, Debug)]
enum Task {
    /// An access of [`Link`]'s.
    Link(Access),
    /// The endpoint of this way is to go on.
    GoOn(Way),
}

/// The card.
pub struct Smsc95xx<R, M> {
    bulk: Bulk<R, M>,
    asked: Asked,
    mac: Mac,
    link: Link,
    request: Option<(Task, Question)>,
    /// When requests were last known to be answered, and when they are next begun, in milliseconds.
    answered: u64,
    due: u64,
    /// There is something to ask, or being asked.
    is_asking: bool,
    refusals: u32,
    dropped: u32,
}

impl<R: Registers, M: Memory> Smsc95xx<R, M> {
    /// Starts the chip that was found, with the address `mac` or its own, and begins to receive.
    ///
    /// # Errors
    /// [`UsbError::Memory`]; those of [`Start::carry_out`].
    pub fn new(mut host: Host<R, M>, found: &FoundSmsc95xx, mac: Option<Mac>, patience: &mut dyn Patience) -> Result<Self, UsbError> {
        let FoundSmsc95xx { asked, bulks } = found;
        let mac = Start { host: &mut host, asked, patience }.carry_out(mac)?;
        let mut bulk = Bulk::new(host, asked, bulks.receive, bulks.transmit)?;
        bulk.begin();
        Ok(Self {
            bulk,
            asked: *asked,
            mac,
            link: Link::default(),
            request: None,
            answered: 0,
            due: 0,
            is_asking: false,
            refusals: 0,
            dropped: 0,
        })
    }

    /// Goes on with what leaves, and with requests, as far as they go now.
    fn go_on(&mut self) {
        while !self.bulk.is_broken() {
            if self.bulk.send() {
                self.refusals = 0;
            }
            if let Some((task, question)) = &mut self.request {
                let Some(result) = self.bulk.host.look(question) else { return };
                let task = *task;
                self.request = None;
                self.finish(task, result);
                // What leaves may go on now.
                continue;
            }
            let Some((task, setup, data)) = self.next() else {
                self.is_asking = false;
                return;
            };
            let data = data.map(u32::to_le_bytes);
            let data = data.as_ref().map_or(&[][..], |data| &data[..]);
            match self.bulk.host.begin(&self.asked, setup, data) {
                Ok(question) => (self.request, self.is_asking) = (Some((task, question)), true),
                Err(_) => self.bulk.break_down(),
            }
        }
    }

    /// What is to be asked next, and what is sent with it.
    fn next(&self) -> Option<(Task, Setup, Option<u32>)> {
        for way in [Way::In, Way::Out] {
            if self.bulk.is_halted(way) {
                return Some((Task::GoOn(way), Setup::clear_halt(self.bulk.endpoint(way), way == Way::In), None));
            }
        }
        let access = self.link.access()?;
        let (setup, data) = match access {
            Access::Read(register) => (Setup::read_register(register), None),
            Access::Write(register, value) => (Setup::write_register(register), Some(value)),
        };
        Some((Task::Link(access), setup, data))
    }

    fn finish(&mut self, task: Task, result: Result<usize, UsbError>) {
        match (task, result) {
            (Task::Link(Access::Read(_)), Ok(4)) => {
                let mut bytes = [0; 4];
                self.bulk.host.answer(&mut bytes);
                self.link.answered(Some(u32::from_le_bytes(bytes)));
            }
            (Task::Link(Access::Write(..)), Ok(_)) => self.link.answered(Some(0)),
            (Task::Link(_), _) => self.link.answered(None),
            (Task::GoOn(way), Ok(_)) if self.refusals < REFUSALS => {
                self.refusals += 1;
                self.bulk.go_on(way);
            }
            (Task::GoOn(_), _) => self.bulk.break_down(),
        }
    }

    /// The frame in a buffer that the chip has filled with `bytes`; none, if it is none.
    fn taken(&mut self, filled: Buffer, bytes: usize, into: &mut [u8]) -> Option<usize> {
        let mut status = [0; STATUS_BYTES];
        filled.take(&mut self.bulk.host.memory, &mut status);
        let frame = frame::received(status, bytes).and_then(|length| into.get_mut(..length));
        // The first one after the start has nothing in it.
        if frame.is_none() && bytes > 0 {
            self.dropped = self.dropped.saturating_add(1);
        }
        let frame = frame?;
        filled.take_behind(STATUS_BYTES, &mut self.bulk.host.memory, frame);
        self.refusals = 0;
        Some(frame.len())
    }
}

impl<R: Registers + Send, M: Memory> Card for Smsc95xx<R, M> {
    fn name(&self) -> &'static str {
        "smsc95xx"
    }

    fn mac(&self) -> Mac {
        self.mac
    }

    fn abilities(&self) -> Abilities {
        Abilities { payload: 1500, has_checked_sums: false }
    }

    fn is_broken(&self) -> bool {
        self.bulk.is_broken()
    }

    fn is_up(&mut self) -> bool {
        !self.is_broken() && self.link.pace().is_some()
    }

    fn pace(&self) -> Option<Pace> {
        self.link.pace()
    }

    fn dropped(&self) -> u32 {
        self.dropped
    }

    fn tend(&mut self, now: u64) -> Option<u64> {
        if self.is_broken() {
            return None;
        }
        if !self.is_asking {
            self.answered = now;
            if now >= self.due {
                self.is_asking = true;
                self.link.begin();
            }
        } else if now > self.answered + PATIENCE_MS {
            self.bulk.break_down();
            return None;
        }
        self.go_on();
        self.due = now + if self.link.pace().is_some() { UP_MS } else { DOWN_MS };
        Some(self.due)
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        self.go_on();
        for _ in 0..PASSED {
            let Some((filled, bytes)) = self.bulk.take_back() else { break };
            if let Some(length) = self.taken(filled, bytes, into) {
                return Some(length);
            }
        }
        // It may just have refused.
        self.go_on();
        self.bulk.listen();
        None
    }

    fn has_room(&mut self) -> bool {
        if !self.bulk.has_room() {
            self.go_on();
        }
        self.bulk.has_room()
    }

    fn transmit(&mut self, length: usize, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        if length > LONGEST || !self.has_room() {
            return Err(Full);
        }
        if self.link.pace().is_none() {
            return Ok(());
        }
        let is_put = self.bulk.put(SEND_BYTES + length, &mut |bytes| {
            let (words, frame) = bytes.split_at_mut(SEND_BYTES);
            words.copy_from_slice(&frame::words(length));
            fill(frame);
        });
        if !is_put {
            return Err(Full);
        }
        self.go_on();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
