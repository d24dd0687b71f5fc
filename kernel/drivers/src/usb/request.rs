//! What a device is asked over its control endpoint: eight bytes. Source: USB 2.0, 9.3; for hubs 11.24; for Ethernet ECM 1.2, 6.2; for the LAN95xx
//! Linux' `smsc95xx.c`.

/// Bytes of a request.
pub const SETUP_BYTES: usize = 8;

const TO_HOST: u8 = 0x80;
const CLASS: u8 = 0x20;
const VENDOR: u8 = 0x40;
const INTERFACE: u8 = 0x01;
const ENDPOINT: u8 = 0x02;
const OTHER: u8 = 0x03;

const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const SET_ADDRESS: u8 = 5;
const GET_DESCRIPTOR: u8 = 6;
const SET_CONFIGURATION: u8 = 9;
const SET_INTERFACE: u8 = 11;
const SET_ETHERNET_PACKET_FILTER: u8 = 0x43;
/// Of the LAN95xx (Linux' `smsc95xx.h`).
const WRITE_REGISTER: u8 = 0xA0;
const READ_REGISTER: u8 = 0xA1;
/// Bytes of such a register.
const REGISTER_BYTES: u16 = 4;
/// The feature of an endpoint that refuses everything (table 9-6).
const ENDPOINT_HALT: u16 = 0;

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup {
    /// Who answers whom, and of which kind the request is.
    pub kind: u8,
    /// Which.
    pub request: u8,
    /// What of.
    pub value: u16,
    /// Which part of the device.
    pub index: u16,
    /// Bytes that follow: whoever asks says how many there is room for.
    pub length: u16,
}

impl Setup {
    const fn new(kind: u8, request: u8, value: u16, index: u16) -> Self {
        Self { kind, request, value, index, length: 0 }
    }

    /// The device's descriptor of this kind and number; a text's in the language `index`.
    #[must_use]
    pub const fn descriptor(kind: u8, number: u8, index: u16) -> Self {
        Self::new(TO_HOST, GET_DESCRIPTOR, u16::from_be_bytes([kind, number]), index)
    }

    /// The device is to have this address.
    #[must_use]
    pub const fn address(address: u8) -> Self {
        Self::new(0, SET_ADDRESS, address as u16, 0)
    }

    /// It is to be what this configuration says.
    #[must_use]
    pub const fn configuration(value: u8) -> Self {
        Self::new(0, SET_CONFIGURATION, value as u16, 0)
    }

    /// An interface is to be as this alternate setting says.
    #[must_use]
    pub const fn interface(number: u8, alternate: u8) -> Self {
        Self::new(INTERFACE, SET_INTERFACE, alternate as u16, number as u16)
    }

    /// The hub's descriptor.
    #[must_use]
    pub const fn hub_descriptor() -> Self {
        Self::new(TO_HOST | CLASS, GET_DESCRIPTOR, 0x2900, 0)
    }

    /// How a port of the hub is.
    #[must_use]
    pub const fn port_status(port: u8) -> Self {
        Self::new(TO_HOST | CLASS | OTHER, GET_STATUS, 0, port as u16)
    }

    /// Sets a feature of a port of the hub.
    #[must_use]
    pub const fn set_port_feature(port: u8, feature: u16) -> Self {
        Self::new(CLASS | OTHER, SET_FEATURE, feature, port as u16)
    }

    /// Clears one.
    #[must_use]
    pub const fn clear_port_feature(port: u8, feature: u16) -> Self {
        Self::new(CLASS | OTHER, CLEAR_FEATURE, feature, port as u16)
    }

    /// Which frames a network card is to hand on.
    #[must_use]
    pub const fn packet_filter(interface: u8, filter: u16) -> Self {
        Self::new(CLASS | INTERFACE, SET_ETHERNET_PACKET_FILTER, filter, interface as u16)
    }

    /// An endpoint is to go on that refuses everything, with DATA0 (9.4.5).
    #[must_use]
    pub const fn clear_halt(endpoint: u8, is_in: bool) -> Self {
        let direction = if is_in { TO_HOST } else { 0 };
        Self::new(ENDPOINT, CLEAR_FEATURE, ENDPOINT_HALT, (endpoint | direction) as u16)
    }

    /// What a LAN95xx has in a register.
    #[must_use]
    pub const fn read_register(register: u16) -> Self {
        Self { length: REGISTER_BYTES, ..Self::new(TO_HOST | VENDOR, READ_REGISTER, 0, register) }
    }

    /// A register of a LAN95xx is to have the four bytes that follow.
    #[must_use]
    pub const fn write_register(register: u16) -> Self {
        Self { length: REGISTER_BYTES, ..Self::new(VENDOR, WRITE_REGISTER, 0, register) }
    }

    /// Whether what it moves, if anything, comes from the device.
    #[must_use]
    pub const fn is_answered(self) -> bool {
        self.kind & TO_HOST != 0
    }

    /// Its bytes on the line.
    #[must_use]
    pub const fn emit(self) -> [u8; SETUP_BYTES] {
        let ([a, b], [c, d], [e, f]) = (self.value.to_le_bytes(), self.index.to_le_bytes(), self.length.to_le_bytes());
        [self.kind, self.request, a, b, c, d, e, f]
    }

    /// The request in these bytes. The device's side, for models of it.
    #[must_use]
    pub const fn parse(bytes: [u8; SETUP_BYTES]) -> Self {
        let [kind, request, a, b, c, d, e, f] = bytes;
        let (value, index, length) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]), u16::from_le_bytes([e, f]));
        Self { kind, request, value, index, length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_as_the_specification_writes_them() {
        assert_eq!(Setup::descriptor(1, 0, 0).emit(), [0x80, 6, 0, 1, 0, 0, 0, 0]);
        assert_eq!(Setup::descriptor(3, 5, 0x409).emit(), [0x80, 6, 5, 3, 9, 4, 0, 0]);
        assert_eq!(Setup::address(3).emit(), [0, 5, 3, 0, 0, 0, 0, 0]);
        assert_eq!(Setup::configuration(1).emit(), [0, 9, 1, 0, 0, 0, 0, 0]);
        assert_eq!(Setup::interface(1, 2).emit(), [1, 11, 2, 0, 1, 0, 0, 0]);
        assert_eq!(Setup::hub_descriptor().emit(), [0xA0, 6, 0, 0x29, 0, 0, 0, 0]);
        assert_eq!(Setup::port_status(2).emit(), [0xA3, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(Setup::set_port_feature(1, 8).emit(), [0x23, 3, 8, 0, 1, 0, 0, 0]);
        assert_eq!(Setup::clear_port_feature(1, 20).emit(), [0x23, 1, 20, 0, 1, 0, 0, 0]);
        assert_eq!(Setup::clear_halt(1, true).emit(), [2, 1, 0, 0, 0x81, 0, 0, 0]);
        assert_eq!(Setup::read_register(0x100).emit(), [0xC0, 0xA1, 0, 0, 0, 1, 4, 0]);
        assert_eq!(Setup::write_register(0x14).emit(), [0x40, 0xA0, 0, 0, 0x14, 0, 4, 0]);
        assert_eq!(Setup::packet_filter(0, 0xF).emit(), [0x21, 0x43, 0xF, 0, 0, 0, 0, 0]);
    }

    proptest::proptest! {
        #[test]
        fn what_is_emitted_is_parsed_to_the_same(bytes: [u8; SETUP_BYTES]) {
            proptest::prop_assert_eq!(Setup::parse(bytes).emit(), bytes);
        }
    }
}
