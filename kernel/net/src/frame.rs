//! Whose a frame is: a look at its headers before smoltcp has it. Lengths are checked by smoltcp's own views; sums are not looked at, for
//! smoltcp does that, and hands a packet with a wrong one to nobody.

use skete_abi::Errno;
use smoltcp::phy::Medium;
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4Message, Icmpv4Packet, Icmpv6Message, Icmpv6Packet, IpAddress, IpEndpoint, IpProtocol,
    Ipv4Packet, Ipv6ExtHeader, Ipv6Packet, TcpPacket, UdpPacket,
};

/// What a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A segment of TCP.
    Segment {
        /// From whom.
        source: IpEndpoint,
        /// For whom.
        target: IpEndpoint,
        /// It wants to connect: SYN alone.
        is_opening: bool,
    },
    /// A datagram of UDP.
    Datagram {
        /// From whom.
        source: IpEndpoint,
        /// For whom.
        target: IpEndpoint,
    },
    /// Somebody on the way refuses what was sent from `local` to `remote`.
    Refusal {
        /// What was sent.
        protocol: Protocol,
        /// From which socket of ours.
        local: IpEndpoint,
        /// To whom.
        remote: IpEndpoint,
        /// Why not.
        reason: Errno,
    },
    /// A neighbour tells its address.
    Neighbour,
    /// Anything else: smoltcp knows what to do with it, or that nothing is to be done.
    Other,
    /// Nothing that anybody may see: it claims to come from this machine itself.
    Forged,
}

/// Which of the two protocols with ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// What `frame`, which came over a link of this medium, is about.
#[must_use]
pub fn subject(medium: Medium, frame: &[u8]) -> Subject {
    match medium {
        Medium::Ip => packet(frame).unwrap_or(Subject::Other),
        Medium::Ethernet => ethernet(frame).unwrap_or(Subject::Other),
    }
}

fn ethernet(frame: &[u8]) -> Option<Subject> {
    let frame = EthernetFrame::new_checked(frame).ok()?;
    match frame.ethertype() {
        EthernetProtocol::Arp => Some(Subject::Neighbour),
        EthernetProtocol::Ipv4 | EthernetProtocol::Ipv6 => {
            packet(frame.payload()).map(|subject| if is_forged(subject) { Subject::Forged } else { subject })
        }
        EthernetProtocol::Unknown(_) => None,
    }
}

/// Whether what came over a cable names an address that never leaves a machine.
fn is_forged(subject: Subject) -> bool {
    match subject {
        Subject::Segment { source, target, .. } | Subject::Datagram { source, target } => {
            is_loopback(source.addr) || is_loopback(target.addr)
        }
        _ => false,
    }
}

/// Whether an address means this machine, whatever others it has.
#[must_use]
pub fn is_loopback(address: IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(address) => address.is_loopback(),
        IpAddress::Ipv6(address) => address.is_loopback(),
    }
}

fn packet(bytes: &[u8]) -> Option<Subject> {
    match bytes.first()? >> 4 {
        4 => ipv4(bytes),
        6 => ipv6(bytes),
        _ => None,
    }
}

fn ipv4(bytes: &[u8]) -> Option<Subject> {
    let packet = Ipv4Packet::new_checked(bytes).ok()?;
    // Fragments are nobody's: the stack does not put them together.
    if packet.more_frags() || packet.frag_offset() != 0 {
        return None;
    }
    let (source, target) = (packet.src_addr().into(), packet.dst_addr().into());
    match packet.next_header() {
        IpProtocol::Icmp => refusal_v4(packet.payload()),
        protocol => transport(protocol, source, target, packet.payload()),
    }
}

fn ipv6(bytes: &[u8]) -> Option<Subject> {
    let packet = Ipv6Packet::new_checked(bytes).ok()?;
    let (source, target) = (packet.src_addr().into(), packet.dst_addr().into());
    let (protocol, payload) = behind_hop_by_hop(packet.next_header(), packet.payload())?;
    match protocol {
        IpProtocol::Icmpv6 => icmpv6(payload),
        protocol => transport(protocol, source, target, payload),
    }
}

/// What a packet carries behind its hop-by-hop header, if it has one (RFC 8200 4.3): smoltcp looks there too, behind no other, nor a second.
fn behind_hop_by_hop(protocol: IpProtocol, payload: &[u8]) -> Option<(IpProtocol, &[u8])> {
    if protocol != IpProtocol::HopByHop {
        return Some((protocol, payload));
    }
    let header = Ipv6ExtHeader::new_checked(payload).ok()?;
    let rest = payload.get(8 + usize::from(header.header_len()) * 8..)?;
    Some((header.next_header(), rest))
}

fn transport(protocol: IpProtocol, source: IpAddress, target: IpAddress, payload: &[u8]) -> Option<Subject> {
    match protocol {
        IpProtocol::Tcp => {
            let segment = TcpPacket::new_checked(payload).ok()?;
            Some(Subject::Segment {
                source: IpEndpoint::new(source, segment.src_port()),
                target: IpEndpoint::new(target, segment.dst_port()),
                is_opening: segment.syn() && !segment.ack() && !segment.rst(),
            })
        }
        IpProtocol::Udp => {
            let datagram = UdpPacket::new_checked(payload).ok()?;
            Some(Subject::Datagram {
                source: IpEndpoint::new(source, datagram.src_port()),
                target: IpEndpoint::new(target, datagram.dst_port()),
            })
        }
        _ => None,
    }
}

fn refusal_v4(payload: &[u8]) -> Option<Subject> {
    let message = Icmpv4Packet::new_checked(payload).ok()?;
    if message.msg_type() != Icmpv4Message::DstUnreachable {
        return None;
    }
    // RFC 792: the code says what cannot be reached.
    let reason = match message.msg_code() {
        0 => Errno::ENETUNREACH,
        3 => Errno::ECONNREFUSED,
        1 | 2 | 9..=13 => Errno::EHOSTUNREACH,
        _ => return None,
    };
    let quoted = message.data();
    let head = Ipv4Packet::new_unchecked(quoted);
    // What is quoted ends early: only the head and eight bytes are certain to be there.
    if quoted.len() < 28 || quoted[0] >> 4 != 4 {
        return None;
    }
    let rest = quoted.get(usize::from(head.header_len())..)?;
    quoted_ports(head.next_header(), head.src_addr().into(), head.dst_addr().into(), rest, reason)
}

fn icmpv6(payload: &[u8]) -> Option<Subject> {
    let message = Icmpv6Packet::new_checked(payload).ok()?;
    let reason = match message.msg_type() {
        Icmpv6Message::NeighborAdvert => return Some(Subject::Neighbour),
        Icmpv6Message::RouterAdvert => return has_bad_prefix(payload).then_some(Subject::Forged),
        // RFC 4443 3.1.
        Icmpv6Message::DstUnreachable => match message.msg_code() {
            0 => Errno::ENETUNREACH,
            4 => Errno::ECONNREFUSED,
            _ => Errno::EHOSTUNREACH,
        },
        _ => return None,
    };
    let quoted = message.payload();
    if quoted.len() < 48 || quoted[0] >> 4 != 6 {
        return None;
    }
    let head = Ipv6Packet::new_unchecked(quoted);
    quoted_ports(head.next_header(), head.src_addr().into(), head.dst_addr().into(), &quoted[40..], reason)
}

/// Whether a router advertises a prefix that no card's address can have, or that is longer than an address (RFC 4861 4.6.2): smoltcp would
/// make an address of it, and panic.
fn has_bad_prefix(message: &[u8]) -> bool {
    let mut options = message.get(16..).unwrap_or(&[]);
    while let Some((&[kind, units], _)) = options.split_first_chunk() {
        let length = usize::from(units) * 8;
        if length == 0 || length > options.len() {
            return false;
        }
        let at = |at: usize| options.get(at).copied().unwrap_or(0);
        if kind == 3 && (at(2) > 128 || at(16) == 0xff) {
            return true;
        }
        options = &options[length..];
    }
    false
}

fn quoted_ports(protocol: IpProtocol, source: IpAddress, target: IpAddress, rest: &[u8], reason: Errno) -> Option<Subject> {
    let protocol = match protocol {
        IpProtocol::Tcp => Protocol::Tcp,
        IpProtocol::Udp => Protocol::Udp,
        _ => return None,
    };
    let &[a, b, c, d] = rest.first_chunk()?;
    let local = IpEndpoint::new(source, u16::from_be_bytes([a, b]));
    let remote = IpEndpoint::new(target, u16::from_be_bytes([c, d]));
    Some(Subject::Refusal { protocol, local, remote, reason })
}
