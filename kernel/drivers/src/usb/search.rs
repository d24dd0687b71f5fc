//! Who is there: what is plugged into the root port, and behind hubs, gets an address and says what it is, until a network card is found.
//!
//! A device that answers with nonsense, or refuses, is passed over; one that does not answer at all ends the search, for its transfer still
//! is the controller's.

use arrayvec::ArrayVec;

use super::descriptor::{self, Bulks, CONFIGURATION_BYTES, DEVICE_BYTES, Device, Function};
use super::dwc2::start;
use super::host::{Asked, Host};
use super::hub::Hub;
use super::memory::Memory;
use super::request::Setup;
use super::{Patience, Speed, UsbError};
use crate::card::Mac;
use crate::window::Registers;

/// Hubs that are looked behind.
const HUBS: usize = 8;
/// The most devices that get an address.
const DEVICES: u8 = 32;
/// Bytes of a configuration that are read.
const READ_BYTES: usize = 512;
/// Bytes of a text that are read: more than an address takes.
const TEXT_BYTES: usize = 64;
/// How long a device needs to take its address (USB 2.0, 9.2.6.3: 2 ms).
const ADDRESS_MS: u32 = 10;
/// The first bytes of a device's descriptor: up to the size of its packets.
const FIRST_BYTES: usize = 8;

/// SMSC's LAN9512 and LAN9514, behind the hub of the same chip.
const LAN951X: (u16, u16) = (0x0424, 0xEC00);

/// A network card of the class CDC-ECM, configured but for its setting in which frames flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundEcm {
    /// Whom to ask.
    pub asked: Asked,
    /// Where its parts are.
    pub function: Function,
    /// Its address.
    pub mac: Mac,
}

/// A LAN951x, configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundSmsc95xx {
    /// Whom to ask.
    pub asked: Asked,
    /// Where frames flow.
    pub bulks: Bulks,
}

/// A network card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundCard {
    /// One of a class.
    Ecm(FoundEcm),
    /// One of its maker's kind.
    Smsc95xx(FoundSmsc95xx),
}

/// What a device turned out to be.
enum Is {
    Hub(Hub),
    Card(FoundCard),
    Other,
}

/// The search.
struct Search<'a, R, M> {
    host: &'a mut Host<R, M>,
    patience: &'a mut dyn Patience,
    addresses: u8,
    hubs: ArrayVec<Hub, HUBS>,
}

/// Finds the first network card.
///
/// # Errors
/// [`UsbError::NoCard`]; those of [`start::root_port`]; [`UsbError::Silent`]; what the device at the root port answers.
pub fn card<R: Registers, M: Memory>(host: &mut Host<R, M>, patience: &mut dyn Patience) -> Result<FoundCard, UsbError> {
    let speed = start::root_port(&host.registers, patience)?;
    let mut search = Search { host, patience, addresses: 0, hubs: ArrayVec::new() };
    match search.meet(speed)? {
        Is::Card(card) => return Ok(card),
        Is::Hub(hub) => search.hubs.push(hub),
        Is::Other => {}
    }
    while let Some(hub) = search.hubs.pop_at(0) {
        match search.behind(hub) {
            Ok(Some(card)) => return Ok(card),
            Err(silent @ UsbError::Silent { .. }) => return Err(silent),
            // What is behind a hub that fails is not reached; others may be.
            Ok(None) | Err(_) => {}
        }
    }
    Err(UsbError::NoCard)
}

impl<R: Registers, M: Memory> Search<'_, R, M> {
    /// Looks behind a hub, port by port.
    fn behind(&mut self, hub: Hub) -> Result<Option<FoundCard>, UsbError> {
        hub.give_power(self.host, self.patience)?;
        for port in 1..=hub.ports {
            let met = match hub.reset(self.host, port, self.patience) {
                Ok(None) => continue,
                Ok(Some(speed)) if hub.asked.speed != Speed::High || speed == Speed::High => self.meet(speed),
                Ok(Some(_)) => Ok(Is::Other),
                Err(error) => Err(error),
            };
            match met {
                Ok(Is::Card(card)) => return Ok(Some(card)),
                Ok(Is::Hub(hub)) if !self.hubs.is_full() => self.hubs.push(hub),
                Err(silent @ UsbError::Silent { .. }) => return Err(silent),
                // It may still answer at address 0, where the next one is to.
                Ok(Is::Hub(_) | Is::Other) | Err(_) => hub.shut(self.host, port, self.patience)?,
            }
        }
        Ok(None)
    }

    fn ask<'a>(&mut self, asked: &Asked, setup: Setup, into: &'a mut [u8]) -> Result<&'a mut [u8], UsbError> {
        self.host.ask(asked, setup, into, self.patience)
    }

    /// Gives the device at address 0 an address, and finds out what it is.
    fn meet(&mut self, speed: Speed) -> Result<Is, UsbError> {
        // 5.5.3: a slow device has packets of eight bytes; of others, eight bytes come in one.
        let packet = if speed == Speed::Low { 8 } else { 64 };
        let mut asked = Asked { address: 0, speed, packet };
        let mut bytes = [0; DEVICE_BYTES];
        let first = self.ask(&asked, Setup::descriptor(descriptor::DEVICE, 0, 0), &mut bytes[..FIRST_BYTES])?;
        asked.packet = first.get(7).copied().and_then(descriptor::control_packet).ok_or(UsbError::Descriptor)?;
        if self.addresses == DEVICES {
            return Ok(Is::Other);
        }
        self.addresses += 1;
        self.host.tell(&asked, Setup::address(self.addresses), self.patience)?;
        self.patience.pause(ADDRESS_MS);
        asked.address = self.addresses;
        let device = self.ask(&asked, Setup::descriptor(descriptor::DEVICE, 0, 0), &mut bytes)?;
        let device = Device::parse(device).ok_or(UsbError::Descriptor)?;
        if device.is_hub { self.hub(asked).map(Is::Hub) } else { self.function(asked, &device) }
    }

    /// The configuration of this index, as much of it as is read.
    fn configuration<'a>(&mut self, asked: &Asked, index: u8, bytes: &'a mut [u8; READ_BYTES]) -> Result<&'a [u8], UsbError> {
        let setup = Setup::descriptor(descriptor::CONFIGURATION, index, 0);
        let first = self.ask(asked, setup, &mut bytes[..CONFIGURATION_BYTES])?;
        let (total, _) = descriptor::configuration(first).ok_or(UsbError::Descriptor)?;
        self.ask(asked, setup, &mut bytes[..total.min(READ_BYTES)]).map(|read| &*read)
    }

    fn hub(&mut self, asked: Asked) -> Result<Hub, UsbError> {
        let mut bytes = [0; READ_BYTES];
        let (_, number) = descriptor::configuration(self.configuration(&asked, 0, &mut bytes)?).ok_or(UsbError::Descriptor)?;
        self.host.tell(&asked, Setup::configuration(number), self.patience)?;
        Hub::new(self.host, asked, self.patience)
    }

    /// Looks through a device's configurations for a network card.
    fn function(&mut self, asked: Asked, device: &Device) -> Result<Is, UsbError> {
        let mut bytes = [0; READ_BYTES];
        for index in 0..device.configurations {
            let configuration = self.configuration(&asked, index, &mut bytes)?;
            if device.made == LAN951X
                && let Some(bulks) = Bulks::find(configuration)
            {
                self.host.tell(&asked, Setup::configuration(bulks.configuration), self.patience)?;
                return Ok(Is::Card(FoundCard::Smsc95xx(FoundSmsc95xx { asked, bulks })));
            }
            if let Some(function) = Function::find(configuration) {
                let mac = self.mac(&asked, function.mac)?;
                self.host.tell(&asked, Setup::configuration(function.configuration), self.patience)?;
                return Ok(Is::Card(FoundCard::Ecm(FoundEcm { asked, function, mac })));
            }
        }
        Ok(Is::Other)
    }

    /// The address in the text of this number.
    fn mac(&mut self, asked: &Asked, number: u8) -> Result<Mac, UsbError> {
        let mut bytes = [0; TEXT_BYTES];
        let setup = |number, language| Setup::descriptor(descriptor::STRING, number, language);
        let language = descriptor::language(self.ask(asked, setup(0, 0), &mut bytes)?).ok_or(UsbError::Descriptor)?;
        descriptor::mac(self.ask(asked, setup(number, language), &mut bytes)?).ok_or(UsbError::Descriptor)
    }
}

#[cfg(test)]
mod tests;
