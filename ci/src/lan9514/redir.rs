//! The words that QEMU's `usb-redir` speaks with who has the device: parsed, and written. Source: USB Network Redirection protocol 0.7.
//!
//! Numbers are little endian, structures without gaps. Here QEMU is the protocol's guest, and we its host.

use std::io::{self, Read};

use skete_drivers::usb::request::Setup;

/// What we can: the device's version in its description, and the size of its endpoints' packets. QEMU can it too.
const ABILITIES: u32 = 1 << 1 | 1 << 4;
const VERSION_BYTES: usize = 64;
/// The longest message that is read: one of 64 KiB, and what stands in front.
const LONGEST: usize = (1 << 16) + 64;
/// Endpoints that a device can have: 0 to 15 each way, first those that leave the host.
const ENDPOINTS: usize = 32;

/// Kinds of messages.
const HELLO: u32 = 0;
const DEVICE_CONNECT: u32 = 1;
const RESET: u32 = 3;
const INTERFACE_INFO: u32 = 4;
const ENDPOINT_INFO: u32 = 5;
const SET_CONFIGURATION: u32 = 6;
const CONFIGURATION_STATUS: u32 = 8;
const CANCEL: u32 = 21;
const CONTROL: u32 = 100;
const BULK: u32 = 101;

/// How what QEMU asked for has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Well.
    Success = 0,
    /// QEMU has taken it back.
    Cancelled = 1,
    /// The endpoint refuses.
    Stall = 4,
}

/// A bulk endpoint, or one of interrupts, as the device is described to QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its number, and 0x80 if it sends.
    pub address: u8,
    /// Its kind: 2 bulk, 3 interrupt.
    pub kind: u8,
    /// Bytes of a packet.
    pub packet: u16,
    /// How often it wants to be asked.
    pub interval: u8,
}

/// What QEMU says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is there.
    Hello,
    /// The device's port is reset.
    Reset,
    /// The device is to be configured so.
    Configure {
        /// Whose answer it is.
        id: u32,
        /// The configuration.
        value: u8,
    },
    /// A request.
    Control {
        /// Whose answer it is.
        id: u32,
        /// The request.
        setup: Setup,
        /// What came with it.
        data: Vec<u8>,
    },
    /// Bytes to an endpoint, or room for those that come.
    Bulk {
        /// Whose answer it is.
        id: u32,
        /// The endpoint's number, and 0x80 if it sends.
        endpoint: u8,
        /// How much room there is.
        room: usize,
        /// The bytes.
        data: Vec<u8>,
    },
    /// What was asked under this number is not wanted any more.
    Cancel {
        /// The number.
        id: u32,
    },
    /// Of no matter here.
    Other {
        /// Its kind.
        kind: u32,
    },
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("usb-redir: {what}"))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

/// Reads one message.
///
/// # Errors
/// There is no more, or it is none.
pub fn hear(from: &mut impl Read) -> io::Result<Heard> {
    let mut words = [[0; 4]; 3];
    for word in &mut words {
        from.read_exact(word)?;
    }
    let [kind, length, id] = words.map(u32::from_le_bytes);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(invalid("a message is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body)?;
    parse(kind, id, &body).ok_or_else(|| invalid("a message is cut short"))
}

fn parse(kind: u32, id: u32, body: &[u8]) -> Option<Heard> {
    Some(match kind {
        HELLO => {
            let abilities = body.get(VERSION_BYTES..)?.first_chunk::<4>().map_or(0, |word| u32::from_le_bytes(*word));
            (abilities & ABILITIES == ABILITIES).then_some(Heard::Hello)?
        }
        RESET => Heard::Reset,
        SET_CONFIGURATION => Heard::Configure { id, value: *body.first()? },
        CONTROL => {
            let &[_, request, kind, _, ..] = body else { return None };
            let setup = Setup { kind, request, value: half(body, 4)?, index: half(body, 6)?, length: half(body, 8)? };
            Heard::Control { id, setup, data: body.get(10..)?.to_vec() }
        }
        BULK => Heard::Bulk { id, endpoint: *body.first()?, room: half(body, 2)?.into(), data: body.get(8..)?.to_vec() },
        CANCEL => Heard::Cancel { id },
        kind => Heard::Other { kind },
    })
}

fn message(kind: u32, id: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&kind.to_le_bytes()[..], &length.to_le_bytes(), &id.to_le_bytes(), body].concat()
}

/// What is said first.
pub fn hello() -> Vec<u8> {
    let mut body = vec![0; VERSION_BYTES];
    body[..5].copy_from_slice(b"skete");
    body.extend(ABILITIES.to_le_bytes());
    message(HELLO, 0, &body)
}

/// The device is plugged in: of high speed, with one interface of its maker's own kind, which has these endpoints. `device` is its descriptor.
pub fn connect(device: &[u8; 18], endpoints: &[Endpoint]) -> Vec<u8> {
    let [_, _, _, _, class, subclass, protocol, _, a, b, c, d, e, f, ..] = *device;
    let mut interfaces = vec![0; 4 + 4 * ENDPOINTS];
    (interfaces[0], interfaces[4 + ENDPOINTS], interfaces[4 + 3 * ENDPOINTS]) = (1, 0xFF, 0xFF);
    let mut info = vec![0; 5 * ENDPOINTS];
    info[..ENDPOINTS].fill(0xFF);
    let control = [0x00, 0x80].map(|address| Endpoint { address, kind: 0, packet: 64, interval: 0 });
    for Endpoint { address, kind, packet, interval } in control.iter().chain(endpoints) {
        let at = usize::from(address & 0xF) + if address & 0x80 == 0 { 0 } else { ENDPOINTS / 2 };
        (info[at], info[ENDPOINTS + at]) = (*kind, *interval);
        info[3 * ENDPOINTS + 2 * at..][..2].copy_from_slice(&packet.to_le_bytes());
    }
    let high_speed = 2;
    let device = [high_speed, class, subclass, protocol, a, b, c, d, e, f];
    [message(INTERFACE_INFO, 0, &interfaces), message(ENDPOINT_INFO, 0, &info), message(DEVICE_CONNECT, 0, &device)].concat()
}

/// The device is configured so.
pub fn configured(id: u32, value: u8) -> Vec<u8> {
    message(CONFIGURATION_STATUS, id, &[Status::Success as u8, value])
}

/// The answer to a request.
pub fn answered(id: u32, setup: Setup, status: Status, data: &[u8]) -> Vec<u8> {
    let Setup { kind, request, value, index, length } = setup;
    // What came with a request was taken as a whole.
    let length = if setup.is_answered() { u16::try_from(data.len()).unwrap_or(u16::MAX) } else { length };
    let [[a, b], [c, d], [e, f]] = [value, index, length].map(u16::to_le_bytes);
    let endpoint = if setup.is_answered() { 0x80 } else { 0 };
    message(CONTROL, id, &[&[endpoint, request, kind, status as u8, a, b, c, d, e, f], data].concat())
}

/// What became of bytes to an endpoint, or of the room for those that come: `moved` bytes, which are `data` if they come.
pub fn moved(id: u32, endpoint: u8, status: Status, moved: usize, data: &[u8]) -> Vec<u8> {
    let [a, b] = u16::try_from(moved).unwrap_or(u16::MAX).to_le_bytes();
    message(BULK, id, &[&[endpoint, status as u8, a, b, 0, 0, 0, 0], data].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(bytes: &[u8]) -> io::Result<Heard> {
        hear(&mut &bytes[..])
    }

    #[test]
    fn qemus_messages_are_read() {
        assert_eq!(heard(&hello()).expect("it is one"), Heard::Hello);
        assert_eq!(heard(&[3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).expect("it is one"), Heard::Reset);
        let setup = Setup::write_register(0x14);
        let body = [0, 0xA0, 0x40, 0, 0, 0, 0x14, 0, 4, 0, 8, 0, 0, 0];
        let control = Heard::Control { id: 7, setup, data: vec![8, 0, 0, 0] };
        assert_eq!(heard(&message(100, 7, &body)).expect("it is one"), control);
        let bulk = Heard::Bulk { id: 8, endpoint: 2, room: 3, data: vec![1, 2, 3] };
        assert_eq!(heard(&message(101, 8, &[2, 0, 3, 0, 0, 0, 0, 0, 1, 2, 3])).expect("it is one"), bulk);
        assert_eq!(heard(&message(21, 9, &[])).expect("it is one"), Heard::Cancel { id: 9 });
        assert_eq!(heard(&message(77, 9, &[])).expect("it is one"), Heard::Other { kind: 77 });
    }

    #[test]
    fn what_is_cut_short_or_endless_is_none() {
        for body in [&[][..], &[0; 9]] {
            for kind in [0, 6, 100, 101] {
                assert!(heard(&message(kind, 0, body)).is_err() || kind == 6 || kind == 101 && body.len() > 8);
            }
        }
        assert!(heard(&[0; 8]).is_err());
        assert!(heard(&[101, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]).is_err());
        let deaf = message(0, 0, &[0; 68]);
        assert!(heard(&deaf).is_err(), "one that cannot what we need");
    }

    #[test]
    fn what_is_said_has_the_lengths_of_the_protocol() {
        assert_eq!(hello().len(), 12 + 68);
        let endpoints = [Endpoint { address: 0x81, kind: 2, packet: 512, interval: 0 }];
        let said = connect(&[0; 18], &endpoints);
        assert_eq!(said.len(), 12 + 132 + 12 + 160 + 12 + 10);
        let info = &said[12 + 132 + 12..];
        assert_eq!((info[0], info[1], info[16], info[17]), (0, 0xFF, 0, 2));
        assert_eq!(info[96 + 2 * 17..][..2], [0, 2]);
        assert_eq!(
            answered(1, Setup::read_register(0), Status::Success, &[1, 2, 3, 4])[12..],
            [0x80, 0xA1, 0xC0, 0, 0, 0, 0, 0, 4, 0, 1, 2, 3, 4]
        );
        assert_eq!(moved(1, 2, Status::Stall, 0, &[])[12..], [2, 4, 0, 0, 0, 0, 0, 0]);
        assert_eq!(configured(1, 1)[12..], [0, 1]);
    }
}
