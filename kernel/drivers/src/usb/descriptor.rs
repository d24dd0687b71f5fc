//! What a device says of itself: descriptors. Source: USB 2.0, 9.6; CDC 1.2, 5.2.3; ECM 1.2, 5.4.
//!
//! Nothing here is believed: a descriptor that is shorter than it must be, or longer than what came, ends the reading; an endpoint whose
//! packets no endpoint can have is none.

use crate::card::{Mac, is_single};

/// Kinds of descriptors (table 9-5; CDC 1.2, table 12).
pub const DEVICE: u8 = 1;
/// A configuration, with all that belongs to it.
pub const CONFIGURATION: u8 = 2;
/// Text.
pub const STRING: u8 = 3;
const INTERFACE: u8 = 4;
const ENDPOINT: u8 = 5;
const CLASS_INTERFACE: u8 = 0x24;

/// Bytes of a device's descriptor.
pub const DEVICE_BYTES: usize = 18;
/// Bytes of a configuration's own descriptor.
pub const CONFIGURATION_BYTES: usize = 9;

/// The class of a hub, which the device's descriptor tells.
const HUB_CLASS: u8 = 9;
/// Communications, and Ethernet's part of it (CDC 1.2, 4.2; ECM 1.2, 4).
const COMMUNICATIONS: (u8, u8) = (2, 6);
/// Data of a communications device.
const DATA_CLASS: u8 = 0x0A;
const UNION: u8 = 6;
const ETHERNET: u8 = 15;

/// A device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// It is a hub.
    pub is_hub: bool,
    /// Who made it, and what: numbers that the USB Implementers Forum and the maker give.
    pub made: (u16, u16),
    /// Bytes of a packet of its control endpoint.
    pub packet: u16,
    /// How many configurations it has.
    pub configurations: u8,
}

impl Device {
    /// Reads its descriptor.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let &[length, DEVICE, _, _, class, _, _, packet, a, b, c, d, ..] = bytes.first_chunk::<DEVICE_BYTES>()? else { return None };
        let packet = control_packet(packet)?;
        let made = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        (usize::from(length) >= DEVICE_BYTES).then_some(Self { is_hub: class == HUB_CLASS, made, packet, configurations: bytes[17] })
    }
}

/// The size of a control endpoint's packets, which the first eight bytes of a device's descriptor tell: one of four (9.6.1).
#[must_use]
pub fn control_packet(bytes: u8) -> Option<u16> {
    matches!(bytes, 8 | 16 | 32 | 64).then_some(u16::from(bytes))
}

/// How long a configuration's descriptor is with all that belongs to it, and the configuration's number.
#[must_use]
pub fn configuration(bytes: &[u8]) -> Option<(usize, u8)> {
    let &[length, CONFIGURATION, a, b, _, number, ..] = bytes.first_chunk::<CONFIGURATION_BYTES>()? else { return None };
    let total = usize::from(u16::from_le_bytes([a, b]));
    (usize::from(length) >= CONFIGURATION_BYTES && total >= usize::from(length)).then_some((total, number))
}

/// Descriptors one after the other: kind, and what follows the kind.
#[derive(Clone, Debug)]
pub struct Descriptors<'a>(pub &'a [u8]);

impl<'a> Iterator for Descriptors<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let &[length, kind, ..] = self.0 else { return None };
        let (one, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        one.get(2..).map(|body| (kind, body))
    }
}

/// A bulk endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its number, 1 to 15.
    pub number: u8,
    /// Bytes of a packet.
    pub packet: u16,
}

/// A bulk endpoint, and whether the device sends by it.
fn bulk(body: &[u8]) -> Option<(Endpoint, bool)> {
    let &[address, attributes, a, b, ..] = body else { return None };
    let (number, packet) = (address & 0xF, u16::from_le_bytes([a, b]));
    let is_good = attributes & 3 == 2 && number != 0 && matches!(packet, 8 | 16 | 32 | 64 | 512);
    is_good.then_some((Endpoint { number, packet }, address & 0x80 != 0))
}

/// A network card: where in a configuration its parts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// The configuration.
    pub configuration: u8,
    /// The interface that is asked.
    pub control: u8,
    /// The interface that frames take, and its setting in which they do.
    pub data: (u8, u8),
    /// The text with its address.
    pub mac: u8,
    /// Where frames come from.
    pub receive: Endpoint,
    /// Where they go to.
    pub transmit: Endpoint,
}

impl Function {
    /// Finds it in a configuration.
    #[must_use]
    pub fn find(bytes: &[u8]) -> Option<Self> {
        let (total, configuration) = configuration(bytes)?;
        let all = Descriptors(bytes.get(..total).unwrap_or(bytes));
        let (control, data, mac) = ethernet(all.clone())?;
        let (alternate, receive, transmit) = setting(all, data)?;
        Some(Self { configuration, control, data: (data, alternate), mac, receive, transmit })
    }
}

/// A network card of its maker's own kind: where frames come from, and go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bulks {
    /// The configuration.
    pub configuration: u8,
    /// Where frames come from.
    pub receive: Endpoint,
    /// Where they go to.
    pub transmit: Endpoint,
}

impl Bulks {
    /// Finds the first two bulk endpoints, one each way, of one interface of a configuration, which has no other setting.
    #[must_use]
    pub fn find(bytes: &[u8]) -> Option<Self> {
        let (total, configuration) = configuration(bytes)?;
        let (mut receive, mut transmit) = (None, None);
        for (kind, body) in Descriptors(bytes.get(..total).unwrap_or(bytes)) {
            match (kind, body) {
                (INTERFACE, _) => (receive, transmit) = (None, None),
                (ENDPOINT, body) => match bulk(body) {
                    Some((endpoint, true)) => receive = receive.or(Some(endpoint)),
                    Some((endpoint, false)) => transmit = transmit.or(Some(endpoint)),
                    None => {}
                },
                _ => {}
            }
            if let (Some(receive), Some(transmit)) = (receive, transmit) {
                return Some(Self { configuration, receive, transmit });
            }
        }
        None
    }
}

/// The interface of a network card, that of its frames, and the text with its address.
fn ethernet(all: Descriptors<'_>) -> Option<(u8, u8, u8)> {
    let mut control = None;
    let (mut data, mut mac) = (None, None);
    for (kind, body) in all {
        match (kind, body) {
            (INTERFACE, &[number, _, _, class, subclass, ..]) => {
                if control.is_some() && data.is_some() && mac.is_some() {
                    break;
                }
                (data, mac) = (None, None);
                control = ((class, subclass) == COMMUNICATIONS).then_some(number);
            }
            (CLASS_INTERFACE, &[UNION, _, first, ..]) => data = Some(first),
            (CLASS_INTERFACE, &[ETHERNET, text, ..]) if text != 0 => mac = Some(text),
            _ => {}
        }
    }
    Some((control?, data?, mac?))
}

/// The first setting of the interface `data` with an endpoint each way.
fn setting(all: Descriptors<'_>, data: u8) -> Option<(u8, Endpoint, Endpoint)> {
    let mut current = None;
    let (mut receive, mut transmit) = (None, None);
    for (kind, body) in all {
        match (kind, body) {
            (INTERFACE, &[number, alternate, _, class, ..]) => {
                current = (number == data && class == DATA_CLASS).then_some(alternate);
                (receive, transmit) = (None, None);
            }
            (ENDPOINT, body) => match bulk(body) {
                Some((endpoint, true)) => receive = receive.or(Some(endpoint)),
                Some((endpoint, false)) => transmit = transmit.or(Some(endpoint)),
                None => {}
            },
            _ => {}
        }
        if let (Some(alternate), Some(receive), Some(transmit)) = (current, receive, transmit) {
            return Some((alternate, receive, transmit));
        }
    }
    None
}

/// The first language of text that a device knows.
#[must_use]
pub fn language(bytes: &[u8]) -> Option<u16> {
    match Descriptors(bytes).next()? {
        (STRING, &[a, b, ..]) => Some(u16::from_le_bytes([a, b])),
        _ => None,
    }
}

/// The address of a network card in a text: twelve digits, of two bytes each (ECM 1.2, 5.4).
#[must_use]
pub fn mac(bytes: &[u8]) -> Option<Mac> {
    let (STRING, body) = Descriptors(bytes).next()? else { return None };
    let digits: &[u8; 24] = body.try_into().ok()?;
    let mut mac = [0; 6];
    for (byte, pair) in mac.iter_mut().zip(digits.chunks_exact(4)) {
        let &[high, 0, low, 0] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    is_single(mac).then_some(mac)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests;
