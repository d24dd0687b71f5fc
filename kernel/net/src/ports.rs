//! Who has which port. Sockets that were given one, or took one, stand in chains by port; connections that were accepted or opened are
//! found by both ends instead ([`crate::ends`]).

use smoltcp::wire::IpAddress;

use crate::frame::Protocol;

/// The first port that is given to whoever asks for any (RFC 6335 6).
pub const FIRST: u16 = 49_152;
/// How many there are.
const COUNT: u16 = u16::MAX - FIRST + 1;
/// Chains of each protocol.
const CHAINS: usize = 256;
/// The end of a chain.
pub const NONE: u32 = u32::MAX;

/// The first socket of each chain; the rest is linked through the sockets.
pub struct Ports {
    tcp: [u32; CHAINS],
    udp: [u32; CHAINS],
}

impl Ports {
    /// Nobody has a port.
    #[must_use]
    pub const fn new() -> Self {
        Self { tcp: [NONE; CHAINS], udp: [NONE; CHAINS] }
    }

    /// Where the chain of `port` begins.
    #[must_use]
    pub fn first(&self, protocol: Protocol, port: u16) -> u32 {
        let chains = match protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
        };
        chains[usize::from(port) % CHAINS]
    }

    /// The chain of `port` begins at `place`.
    pub fn set_first(&mut self, protocol: Protocol, port: u16, place: u32) {
        let chains = match protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        };
        chains[usize::from(port) % CHAINS] = place;
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self::new()
    }
}

/// Chooses ports for those who ask for any, one after the other.
pub struct Chooser {
    next: u16,
}

impl Chooser {
    /// The first port is one that `seed` chooses, so that they are hard to guess.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { next: u16::try_from(seed % u64::from(COUNT)).unwrap_or(0) }
    }

    /// The next port that `is_free`; none, if none is.
    pub fn choose(&mut self, mut is_free: impl FnMut(u16) -> bool) -> Option<u16> {
        for _ in 0..COUNT {
            let port = FIRST + self.next;
            self.next = (self.next + 1) % COUNT;
            if is_free(port) {
                return Some(port);
            }
        }
        None
    }
}

/// Whether two sockets of one port are in each other's way: a socket without an address has them all.
#[must_use]
pub fn overlap(one: Option<IpAddress>, other: Option<IpAddress>) -> bool {
    one.is_none() || other.is_none() || one == other
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_is_given_once_before_none_is_left() {
        let mut chooser = Chooser::new(16_000);
        let mut taken = std::collections::BTreeSet::new();
        while let Some(port) = chooser.choose(|port| !taken.contains(&port)) {
            assert!(port >= FIRST && taken.insert(port));
        }
        assert_eq!(taken.len(), usize::from(COUNT));
    }

    #[test]
    fn a_socket_without_an_address_has_them_all() {
        let [one, other] = [1, 2].map(|last| Some(IpAddress::v4(10, 0, 0, last)));
        assert!(overlap(None, one) && overlap(one, one) && !overlap(one, other));
    }
}
