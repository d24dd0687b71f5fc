//! The card's addresses, where they come from, and how names are looked up.
//!
//! IPv4: by DHCP, or as the boot options say. IPv6: the link's own address from the card's, and those of the prefixes that routers
//! announce. Names: by the servers that DHCP or the boot options tell.

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_drivers::card::{Card, LONGEST, is_single};
use smoltcp::iface::{Config, Interface, PollResult, SocketHandle, SocketSet, SocketStorage};
use smoltcp::socket::dhcpv4::{self, Event};
use smoltcp::socket::dns::{self, GetQueryResultError, QueryHandle, StartQueryError};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{DnsQueryType, EthernetAddress, HardwareAddress, IpAddress, IpCidr, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr};

use crate::link::{Port, Wire};
use crate::row;

/// How long whoever wants to reach an address of IPv4 waits for the card to get one.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// The same of IPv6: routers answer at once (RFC 4861 6.2.6), after at most three questions, four seconds apart; nobody waits for the last.
const PATIENCE_V6: Duration = Duration::from_secs(5);
/// How often a DHCP server is looked for: so often that one that comes up late is found before patience ends.
const DISCOVERY: Duration = Duration::from_secs(2);
/// How often the interface is looked at, if what it says it has to do cannot be done now.
const AGAIN: Duration = Duration::from_secs(1);
/// Who knows names, at most: as many as DHCP tells.
pub const SERVERS: usize = 3;
/// Names that can be looked up at the same time.
pub const QUERIES: usize = 16;
/// How long one server is asked for a name: smoltcp gives it ten seconds, and looks whether they are over when it asks again.
const PATIENCE_NAMES: Duration = Duration::from_secs(11);
/// Packets that DHCP, names and neighbours may send in one go.
const BURST: usize = 32;

/// An address of IPv4 that the boot options fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The address, and how much of it is the network's.
    pub address: Ipv4Cidr,
    /// Who knows the way to other networks.
    pub gateway: Option<Ipv4Address>,
    /// Who knows names.
    pub names: Option<Ipv4Address>,
}

impl Fixed {
    /// Reads `ADDRESS/BITS[,GATEWAY[,NAMES]]`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(',');
        let (address, bits) = parts.next()?.split_once('/')?;
        let bits = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let address: Ipv4Address = address.parse().ok().filter(is_usable)?;
        let mut other = || {
            parts
                .next()
                .filter(|part| !part.is_empty())
                .map(|part| part.parse().ok().filter(is_usable))
                .map_or(Some(None), |part| part.map(Some))
        };
        let (gateway, names) = (other()?, other()?);
        parts.next().is_none().then_some(Self { address: Ipv4Cidr::new(address, bits), gateway, names })
    }
}

/// Whether one machine can have this address.
fn is_usable(address: &Ipv4Address) -> bool {
    !(address.is_unspecified() || address.is_multicast() || address.is_broadcast() || address.is_loopback())
}

/// How the card came to its address of IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A DHCP server told it.
    Dhcp,
    /// The boot options fix it.
    Fixed,
}

/// A name that is being looked up.
#[derive(Clone, Copy)]
pub struct Question {
    handle: QueryHandle,
    /// Nobody answers it any more. smoltcp forgets to count the seconds of a question behind one that cannot be sent.
    until: Instant,
}

/// The card, its addresses, and what they are asked for.
pub struct Wired {
    /// smoltcp's view of it.
    pub iface: Interface,
    /// Where frames leave.
    pub way: Wire,
    house: SocketSet<'static>,
    dhcp: Option<SocketHandle>,
    dns: SocketHandle,
    servers: [Option<IpAddress>; SERVERS],
    link_address: Ipv6Cidr,
    began: Instant,
    link: Option<bool>,
    /// Grows whenever the addresses change.
    pub changes: u32,
}

impl Wired {
    /// Begins to use `card`; none, if its address is no card's or there is no memory.
    pub fn new<A: Allocator + Clone + 'static>(
        space: &A,
        card: &'static mut dyn Card,
        fixed: Option<Fixed>,
        seed: u64,
        now: Instant,
    ) -> Option<Self> {
        let mac = card.mac();
        if !is_single(mac) {
            return None;
        }
        let written = row(space.clone(), 0, LONGEST)?;
        let queries = crate::row_with(space.clone(), QUERIES, || None)?;
        let storage = crate::row_with(space.clone(), 2, || SocketStorage::EMPTY)?;
        let mut way = Wire { card, written: written.leak() };
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress(mac)));
        (config.random_seed, config.slaac) = (seed, true);
        let iface = Interface::new(config, &mut Port { arrived: None, way: &mut way }, now);
        let mut house = SocketSet::new(storage.leak());
        let dns = house.add(dns::Socket::new(&[], queries.leak()));
        let dhcp = fixed.is_none().then(|| {
            let mut dhcp = dhcpv4::Socket::new();
            let mut retry = dhcp.get_retry_config();
            retry.discover_timeout = DISCOVERY;
            dhcp.set_retry_config(retry);
            house.add(dhcp)
        });
        let link_address = Ipv6Cidr::new(link_local(mac), 64);
        let mut wired = Self { iface, way, house, dhcp, dns, servers: [None; SERVERS], link_address, began: now, link: None, changes: 0 };
        wired.keep_link_address();
        if let Some(fixed) = fixed {
            wired.use_address(fixed.address, fixed.gateway, fixed.names.as_slice());
        }
        Some(wired)
    }

    /// The link's own address is there, whatever routers say: smoltcp takes it for granted.
    fn keep_link_address(&mut self) {
        let address = IpCidr::Ipv6(self.link_address);
        if !self.iface.ip_addrs().contains(&address) {
            self.iface.update_ip_addrs(|addresses| {
                if addresses.is_full() {
                    addresses.pop();
                }
                let _ = addresses.insert(0, address);
            });
            self.changes = self.changes.wrapping_add(1);
        }
    }

    fn use_address(&mut self, address: Ipv4Cidr, gateway: Option<Ipv4Address>, names: &[Ipv4Address]) {
        self.iface.update_ip_addrs(|addresses| {
            addresses.retain(|address| matches!(address, IpCidr::Ipv6(_)));
            if addresses.is_full() {
                addresses.pop();
            }
            let _ = addresses.push(IpCidr::Ipv4(address));
        });
        self.iface.routes_mut().remove_default_ipv4_route();
        if let Some(gateway) = gateway.filter(is_usable) {
            // The table is full of routers' announcements at worst: then only the own network is reached.
            let _ = self.iface.routes_mut().add_default_ipv4_route(gateway);
        }
        let mut servers = [IpAddress::v4(0, 0, 0, 0); SERVERS];
        let mut count = 0;
        for (server, name) in servers.iter_mut().zip(names.iter().filter(|name| is_usable(name))) {
            *server = IpAddress::Ipv4(*name);
            count += 1;
        }
        self.house.get_mut::<dns::Socket<'_>>(self.dns).update_servers(&servers[..count]);
        self.servers = core::array::from_fn(|at| servers[..count].get(at).copied());
        self.changes = self.changes.wrapping_add(1);
    }

    fn forget_address(&mut self) {
        self.iface.update_ip_addrs(|addresses| addresses.retain(|address| matches!(address, IpCidr::Ipv6(_))));
        self.iface.routes_mut().remove_default_ipv4_route();
        self.changes = self.changes.wrapping_add(1);
    }

    /// A frame that is no socket's: for DHCP, for names, or for smoltcp itself.
    pub fn take_in(&mut self, frame: &[u8], now: Instant) {
        let mut port = Port { arrived: Some(frame), way: &mut self.way };
        self.iface.poll_ingress_single(now, &mut port, &mut self.house);
    }

    /// Does what is due; when to come again.
    pub fn turn(&mut self, now: Instant) -> Option<Instant> {
        let before = self.iface.ip_addrs().len();
        self.iface.poll_maintenance(now);
        self.keep_link_address();
        if self.iface.ip_addrs().len() != before {
            self.changes = self.changes.wrapping_add(1);
        }
        for _ in 0..BURST {
            let mut port = Port { arrived: None, way: &mut self.way };
            if self.iface.poll_egress(now, &mut port, &mut self.house) == PollResult::None {
                break;
            }
        }
        self.hear_dhcp();
        let at = self.iface.poll_at(now, &self.house);
        at.map(|at| if at <= now { now + AGAIN } else { at })
    }

    /// Lets the card do what is due; when to come again, if ever.
    pub fn tend_card(&mut self, now: Instant) -> Option<Instant> {
        let millis = u64::try_from(now.total_millis()).unwrap_or(0);
        let next = self.way.card.tend(millis)?;
        self.link.get_or_insert(false);
        Some(Instant::from_millis(i64::try_from(next.max(millis + 1)).unwrap_or(i64::MAX)))
    }

    /// Asks a card that is tended whether its cable leads somewhere; whether that is new. Where a cable was plugged in, a DHCP server is
    /// looked for at once, if there is no address yet.
    pub fn hear_link(&mut self) -> bool {
        let Some(was_up) = self.link else { return false };
        let is_up = self.way.card.is_up();
        self.link = Some(is_up);
        if is_up
            && !was_up
            && self.address().is_none()
            && let Some(dhcp) = self.dhcp
        {
            self.house.get_mut::<dhcpv4::Socket<'_>>(dhcp).reset();
        }
        is_up != was_up
    }

    /// Whether the card's cable leads somewhere; none, if the card does not tell.
    #[must_use]
    pub fn link(&self) -> Option<bool> {
        self.link
    }

    fn hear_dhcp(&mut self) {
        let Some(dhcp) = self.dhcp else { return };
        match self.house.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll() {
            None => {}
            Some(Event::Deconfigured) => self.forget_address(),
            Some(Event::Configured(lease)) if is_usable(&lease.address.address()) => {
                let (address, gateway, names) = (lease.address, lease.router, lease.dns_servers.clone());
                self.use_address(address, gateway, &names);
            }
            // A server that gives what nobody can have is as good as none.
            Some(Event::Configured(_)) => self.forget_address(),
        }
    }

    /// The address of IPv4, and where it came from.
    #[must_use]
    pub fn address(&self) -> Option<(Ipv4Cidr, Origin)> {
        let origin = if self.dhcp.is_some() { Origin::Dhcp } else { Origin::Fixed };
        self.iface.ip_addrs().iter().find_map(|address| match address {
            IpCidr::Ipv4(address) => Some((*address, origin)),
            IpCidr::Ipv6(_) => None,
        })
    }

    /// Whether packets for `address` know where to go.
    #[must_use]
    pub fn knows_the_way(&self, address: IpAddress) -> bool {
        let is_near = self.iface.ip_addrs().iter().any(|own| own.contains_addr(&address));
        let is_same =
            |own: &IpCidr| matches!((own, address), (IpCidr::Ipv4(_), IpAddress::Ipv4(_)) | (IpCidr::Ipv6(_), IpAddress::Ipv6(_)));
        let has_source = self.iface.ip_addrs().iter().any(is_same);
        is_near || has_source && (address.is_multicast() || address.is_broadcast() || self.has_gateway(address))
    }

    fn has_gateway(&self, address: IpAddress) -> bool {
        match address {
            IpAddress::Ipv4(_) => self.iface.routes().get_default_ipv4_route().is_some(),
            IpAddress::Ipv6(_) => self.iface.routes().get_default_ipv6_route().is_some(),
        }
    }

    /// Until when an address may still come, from which `address` could be reached; none, if it will not.
    #[must_use]
    pub fn hopes_until(&self, address: IpAddress, now: Instant) -> Option<Instant> {
        let until = match address {
            IpAddress::Ipv4(_) => (self.dhcp.is_some() && self.address().is_none()).then(|| self.began + PATIENCE)?,
            IpAddress::Ipv6(_) => self.began + PATIENCE_V6,
        };
        (now < until).then_some(until)
    }

    /// Bytes of the longest packet that the card sends.
    #[must_use]
    pub fn longest(&self) -> usize {
        crate::link::Way::capabilities(&self.way).ip_mtu()
    }

    /// Who knows names.
    #[must_use]
    pub const fn servers(&self) -> [Option<IpAddress>; SERVERS] {
        self.servers
    }

    /// Begins to look up the addresses of `name`.
    ///
    /// # Errors
    /// `EAGAIN`: as many names as can be are looked up now. `ENETUNREACH`: nobody to ask. `EINVAL`: it is no name.
    pub fn ask(&mut self, name: &str, kind: DnsQueryType, now: Instant) -> Result<Question, Errno> {
        if self.servers[0].is_none() {
            return Err(Errno::ENETUNREACH);
        }
        let dns = self.house.get_mut::<dns::Socket<'_>>(self.dns);
        let handle = dns.start_query(self.iface.context(), name, kind).map_err(|error| match error {
            StartQueryError::NoFreeSlot => Errno::EAGAIN,
            StartQueryError::InvalidName | StartQueryError::NameTooLong => Errno::EINVAL,
        })?;
        let until = self.servers.iter().flatten().fold(now, |until, _| until + PATIENCE_NAMES);
        Ok(Question { handle, until })
    }

    /// The addresses that a question brought, as many as fit; how many. The question is over then.
    ///
    /// # Errors
    /// `EAGAIN`: nobody has answered yet. `ENOENT`: there is no such name, or nobody answers; the question is over.
    pub fn answer(&mut self, question: Question, into: &mut [IpAddress], now: Instant) -> Result<usize, Errno> {
        let dns = self.house.get_mut::<dns::Socket<'_>>(self.dns);
        match dns.get_query_result(question.handle) {
            Err(GetQueryResultError::Pending) if now < question.until => Err(Errno::EAGAIN),
            Err(GetQueryResultError::Pending) => {
                dns.cancel_query(question.handle);
                Err(Errno::ENOENT)
            }
            Err(GetQueryResultError::Failed) => Err(Errno::ENOENT),
            Ok(addresses) => {
                into.iter_mut().zip(&addresses).for_each(|(place, address)| *place = *address);
                Ok(addresses.len().min(into.len()))
            }
        }
    }

    /// Nobody wants to know the answer any more.
    pub fn forget(&mut self, question: Question) {
        self.house.get_mut::<dns::Socket<'_>>(self.dns).cancel_query(question.handle);
    }
}

/// The link's own address of a card: from its 48 bits, by RFC 4291 appendix A.
fn link_local(mac: [u8; 6]) -> Ipv6Address {
    let [a, b, c, d, e, f] = mac;
    Ipv6Address::from([0xfe, 0x80, 0, 0, 0, 0, 0, 0, a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_fixed_with_or_without_those_who_help() {
        let fixed = Fixed::parse("10.0.2.15/24,10.0.2.2,10.0.2.3").expect("it is one");
        assert_eq!(fixed.address, Ipv4Cidr::new(Ipv4Address::new(10, 0, 2, 15), 24));
        assert_eq!((fixed.gateway, fixed.names), (Some(Ipv4Address::new(10, 0, 2, 2)), Some(Ipv4Address::new(10, 0, 2, 3))));
        assert_eq!(Fixed::parse("10.0.2.15/24").map(|fixed| (fixed.gateway, fixed.names)), Some((None, None)));
        for text in ["", "10.0.2.15", "10.0.2.15/33", "10.0.2/24", "224.0.0.1/4", "10.0.2.15/24,x", "10.0.2.15/24,,,", "127.0.0.1/8"] {
            assert_eq!(Fixed::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_links_own_address_is_the_cards() {
        let address: Ipv6Address = "fe80::5054:ff:fe12:3456".parse().expect("it is one");
        assert_eq!(link_local([0x52, 0x54, 0, 0x12, 0x34, 0x56]), address);
    }
}
