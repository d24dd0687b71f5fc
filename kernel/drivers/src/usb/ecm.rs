//! A network card of the class CDC-ECM: frames as they are, one a [transfer](super::bulk). Source: ECM 1.2.
//!
//! The device is not believed: a frame without bytes, or longer than one may be, is passed over. An endpoint that fails, or refuses, makes
//! the card [broken](Card::is_broken), and from then on it does nothing.

use super::bulk::{Bulk, Way};
use super::host::Host;
use super::memory::Memory;
use super::request::Setup;
use super::search::FoundEcm;
use super::{Patience, UsbError};
use crate::card::{Abilities, Card, Full, LONGEST, Mac};
use crate::window::Registers;

/// How many frames in a row are passed over before somebody else has a turn.
const PASSED: usize = 16;

/// What is to be handed on: what is for this card, for all, and for groups (ECM 1.2, table 8).
const FILTER: u16 = 1 << 1 | 1 << 2 | 1 << 3;

/// The card.
pub struct Ecm<R, M> {
    bulk: Bulk<R, M>,
    mac: Mac,
}

impl<R: Registers, M: Memory> Ecm<R, M> {
    /// Sets the card up that was found, and begins to receive.
    ///
    /// # Errors
    /// [`UsbError::Memory`]; those of [`Host::tell`].
    pub fn new(mut host: Host<R, M>, found: &FoundEcm, patience: &mut dyn Patience) -> Result<Self, UsbError> {
        let FoundEcm { asked, function, mac } = found;
        host.tell(asked, Setup::interface(function.data.0, function.data.1), patience)?;
        match host.tell(asked, Setup::packet_filter(function.control, FILTER), patience) {
            // Not every card has one (6.2.4): it hands on what is usual then.
            Ok(()) | Err(UsbError::Refused) => {}
            Err(error) => return Err(error),
        }
        let mut bulk = Bulk::new(host, asked, function.receive, function.transmit)?;
        bulk.begin();
        Ok(Self { bulk, mac: *mac })
    }

    /// Goes on with what leaves.
    fn send(&mut self) {
        self.bulk.send();
        self.notice();
    }

    /// Who refuses is not asked again.
    fn notice(&mut self) {
        if self.bulk.is_halted(Way::In) || self.bulk.is_halted(Way::Out) {
            self.bulk.break_down();
        }
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
        self.bulk.is_broken()
    }

    fn is_up(&mut self) -> bool {
        !self.is_broken()
    }

    fn receive(&mut self, into: &mut [u8]) -> Option<usize> {
        self.send();
        for _ in 0..PASSED {
            let Some((filled, bytes)) = self.bulk.take_back() else { break };
            if let Some(frame) = into.get_mut(..bytes).filter(|frame| !frame.is_empty()) {
                filled.take(&mut self.bulk.host.memory, frame);
                return Some(bytes);
            }
        }
        self.notice();
        self.bulk.listen();
        None
    }

    fn has_room(&mut self) -> bool {
        if !self.bulk.has_room() {
            self.send();
        }
        self.bulk.has_room()
    }

    fn transmit(&mut self, length: usize, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        if length > LONGEST || !self.has_room() || !self.bulk.put(length, fill) {
            return Err(Full);
        }
        self.send();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
