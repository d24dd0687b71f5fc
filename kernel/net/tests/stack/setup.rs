//! How a card gets its addresses: from a server that is honest, one that lies, and one that never answers.

use skete_abi::Errno;
use skete_net::setup::Origin;
use skete_net::socket::{Family, Type};
use skete_net::{Duration, Instant, IpAddress, IpEndpoint};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    DhcpMessageType, DhcpPacket, DhcpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, IpRepr, Ipv4Address, Ipv4Packet,
    UdpPacket, UdpRepr,
};

use crate::forge::mend;
use crate::world::{LIMITS, Machine, hits, stream};
use fastrand::Rng;

const SERVER: Ipv4Address = Ipv4Address::new(10, 0, 2, 2);

/// What a server answers.
#[derive(Clone, Copy)]
struct Offer {
    address: Ipv4Address,
    mask: Option<Ipv4Address>,
    router: Option<Ipv4Address>,
    /// Who knows names.
    names: [Option<Ipv4Address>; 2],
}

const HONEST: Offer = Offer {
    address: Ipv4Address::new(10, 0, 2, 15),
    mask: Some(Ipv4Address::new(255, 255, 255, 0)),
    router: Some(SERVER),
    names: [Some(Ipv4Address::new(10, 0, 2, 3)), Some(Ipv4Address::new(10, 0, 2, 4))],
};

/// The answer to what the machine has asked in `frame`, if it has asked for an address.
fn answer(frame: &[u8], offer: Offer) -> Option<Vec<u8>> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    let ip = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    let udp = UdpPacket::new_checked(ip.payload()).ok()?;
    if udp.dst_port() != 67 {
        return None;
    }
    let packet = DhcpPacket::new_checked(udp.payload()).ok()?;
    let asked = DhcpRepr::parse(&packet).ok()?;
    let kind = if asked.message_type == DhcpMessageType::Discover { DhcpMessageType::Offer } else { DhcpMessageType::Ack };
    // However the list of another message was, this one's is told.
    let mut names = asked.dns_servers.clone().unwrap_or_default();
    names.clear();
    names.extend(offer.names.into_iter().flatten());
    let reply = DhcpRepr {
        message_type: kind,
        your_ip: offer.address,
        server_ip: SERVER,
        router: offer.router,
        subnet_mask: offer.mask,
        server_identifier: Some(SERVER),
        lease_duration: Some(3600),
        dns_servers: Some(names).filter(|names| !names.is_empty()),
        requested_ip: None,
        client_identifier: None,
        parameter_request_list: None,
        max_size: None,
        ..asked
    };
    Some(packed(ethernet.src_addr(), &reply))
}

fn packed(to: EthernetAddress, reply: &DhcpRepr<'_>) -> Vec<u8> {
    let udp = UdpRepr { src_port: 67, dst_port: 68 };
    let (from, all) = (IpAddress::Ipv4(SERVER), IpAddress::v4(255, 255, 255, 255));
    let ip = IpRepr::new(from, all, IpProtocol::Udp, 8 + reply.buffer_len(), 64);
    let mut bytes = vec![0; 14 + ip.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(EthernetAddress([2, 9, 9, 9, 9, 9]));
    frame.set_dst_addr(to);
    frame.set_ethertype(EthernetProtocol::Ipv4);
    let sums = ChecksumCapabilities::default();
    ip.emit(&mut frame.payload_mut()[..], &sums);
    let mut packet = UdpPacket::new_unchecked(&mut frame.payload_mut()[ip.header_len()..]);
    udp.emit(
        &mut packet,
        &from,
        &all,
        reply.buffer_len(),
        |payload| reply.emit(&mut DhcpPacket::new_unchecked(payload)).expect("it fits"),
        &sums,
    );
    bytes
}

/// An answer to what the machine has asked in `frame`, of which anything may be a lie, or nonsense.
pub fn lie(frame: &[u8], dice: &mut Rng) -> Option<Vec<u8>> {
    let any = |dice: &mut Rng| Ipv4Address::from_bits(dice.u64(..) as u32);
    let mut offer = HONEST;
    match dice.u64(..) % 8 {
        0 => offer.address = any(dice),
        1 => offer.mask = Some(any(dice)),
        2 => offer.router = Some(any(dice)),
        3 => offer = Offer { address: any(dice), mask: None, router: None, names: [None; 2] },
        _ => {}
    }
    match dice.u64(..) % 8 {
        0 => offer.names = [Some(Ipv4Address::UNSPECIFIED), Some(any(dice))],
        1 => offer.names[0] = Some(any(dice)),
        2 => offer.names = [None; 2],
        _ => {}
    }
    let mut answer = answer(frame, offer)?;
    // Behind the fields of fixed length come the options, with lengths of their own (RFC 2131 2).
    let options = answer.len().min(14 + 20 + 8 + 236);
    for _ in 0..(dice.u64(..) % 6).saturating_sub(3) {
        let at = options + dice.u64(..) as usize % (answer.len() - options).max(1);
        if let Some(byte) = answer.get_mut(at) {
            *byte = dice.u64(..) as u8;
        }
    }
    if hits(dice, 5) {
        answer.truncate(options);
    }
    mend(&mut answer);
    Some(answer)
}

/// A machine that asks for an address, and gets this answer, or none, for so long.
fn machine(offer: Option<Offer>, time: Duration) -> (Machine, Instant) {
    let mut machine = Machine::new(1, None, LIMITS);
    let mut now = Instant::from_millis(1);
    let end = now + time;
    while now < end {
        machine.net.turn(now);
        let sent: Vec<Vec<u8>> = machine.card.cable().sent.drain(..).collect();
        for reply in sent.iter().filter_map(|frame| answer(frame, offer?)) {
            machine.card.cable().arriving.push_back(reply);
        }
        now += Duration::from_millis(50);
    }
    (machine, now)
}

fn address(machine: &mut Machine) -> Option<(String, Origin)> {
    machine.net.wired().unwrap().address().map(|(address, origin)| (address.to_string(), origin))
}

const FAR: IpEndpoint = IpEndpoint { addr: IpAddress::v4(192, 0, 2, 1), port: 80 };

#[test]
fn an_honest_server_gives_an_address_and_a_gateway() {
    let (mut machine, _) = machine(Some(HONEST), Duration::from_secs(2));
    assert_eq!(address(&mut machine), Some(("10.0.2.15/24".into(), Origin::Dhcp)));
    let near = stream(&mut machine.net);
    assert_eq!(machine.net.connect(near, FAR), Err(Errno::EINPROGRESS));
    assert_eq!(machine.net.name(near).unwrap().addr, IpAddress::v4(10, 0, 2, 15));
    let own = machine.net.open(Family::V4, Type::Stream).unwrap();
    assert_eq!(machine.net.bind(own, IpEndpoint::new(IpAddress::v4(10, 0, 2, 15), 80)), Ok(()));
    machine.net.listen(own, 1).unwrap();
    let home = stream(&mut machine.net);
    assert_eq!(machine.net.connect(home, IpEndpoint::new(IpAddress::v4(10, 0, 2, 15), 80)), Ok(()), "its own address is home");
}

#[test]
fn what_a_server_gives_that_nobody_can_have_is_not_taken() {
    let lies = [
        Offer { address: Ipv4Address::new(0, 0, 0, 0), ..HONEST },
        Offer { address: Ipv4Address::new(255, 255, 255, 255), ..HONEST },
        Offer { address: Ipv4Address::new(224, 0, 0, 1), ..HONEST },
        Offer { address: Ipv4Address::new(127, 0, 0, 1), ..HONEST },
        Offer { mask: Some(Ipv4Address::new(255, 0, 255, 0)), ..HONEST },
        Offer { mask: None, ..HONEST },
    ];
    for lie in lies {
        let (mut machine, _) = machine(Some(lie), Duration::from_secs(20));
        assert_eq!(address(&mut machine), None, "{}", lie.address);
    }
    let (mut machine, _) = machine(Some(Offer { router: Some(Ipv4Address::new(224, 0, 0, 1)), ..HONEST }), Duration::from_secs(2));
    assert!(address(&mut machine).is_some());
    let near = stream(&mut machine.net);
    assert_eq!(machine.net.connect(near, FAR), Err(Errno::ENETUNREACH), "a group is no gateway");
}

#[test]
fn who_connects_waits_for_the_address() {
    let (mut machine, mut now) = machine(None, Duration::from_secs(1));
    let near = stream(&mut machine.net);
    assert_eq!(machine.net.connect(near, FAR), Err(Errno::EINPROGRESS));
    while address(&mut machine).is_none() {
        machine.net.turn(now);
        let sent: Vec<Vec<u8>> = machine.card.cable().sent.drain(..).collect();
        machine.card.cable().arriving.extend(sent.iter().filter_map(|frame| answer(frame, HONEST)));
        now += Duration::from_millis(50);
        assert!(now < Instant::from_secs(10));
    }
    machine.net.turn(now);
    assert_eq!(machine.net.connected(near), Err(Errno::EINPROGRESS), "it connects");
    assert_eq!(machine.net.name(near).unwrap().addr, IpAddress::v4(10, 0, 2, 15));
}

#[test]
fn where_no_server_answers_one_is_unreachable_after_ten_seconds_and_nobody_is_busy() {
    let (mut machine, now) = machine(None, Duration::from_secs(5));
    let near = stream(&mut machine.net);
    machine.net.set_now(now);
    assert_eq!(machine.net.connect(near, FAR), Err(Errno::EINPROGRESS));
    let mut turns = 0;
    let mut now = now;
    while now < Instant::from_secs(100) {
        machine.net.turn(now);
        now = machine.net.next().unwrap().max(now + Duration::from_micros(1));
        turns += 1;
    }
    assert_eq!(machine.net.connected(near), Err(Errno::ENETUNREACH));
    assert!(turns < 300, "{turns} turns in a hundred seconds");
    assert_eq!(machine.net.connect(near, FAR), Err(Errno::ENETUNREACH));
}

#[test]
fn a_cable_that_is_plugged_in_later_brings_an_address_at_once() {
    let mut machine = Machine::new(1, None, LIMITS);
    (machine.card.cable().is_out, machine.card.cable().looks) = (true, Some(250));
    let mut now = Instant::from_millis(1);
    let mut turns = 0;
    while now < Instant::from_millis(7100) {
        machine.net.turn(now);
        now = machine.net.next().unwrap().max(now + Duration::from_micros(1));
        turns += 1;
    }
    assert!(turns < 100, "{turns} turns in seven seconds");
    assert_eq!((machine.net.wired().unwrap().link(), address(&mut machine)), (Some(false), None));
    machine.card.cable().is_out = false;
    let plugged = now;
    while address(&mut machine).is_none() {
        machine.net.turn(now);
        let sent: Vec<Vec<u8>> = machine.card.cable().sent.drain(..).collect();
        machine.card.cable().arriving.extend(sent.iter().filter_map(|frame| answer(frame, HONEST)));
        now += Duration::from_millis(10);
        assert!(now < plugged + Duration::from_millis(400));
    }
    assert_eq!(machine.net.wired().unwrap().link(), Some(true));
    machine.card.cable().is_out = true;
    machine.net.turn(now);
    assert_eq!(machine.net.wired().unwrap().link(), Some(false));
    assert_eq!(Machine::new(2, None, LIMITS).net.wired().unwrap().link(), None, "a card that tells nothing");
    assert!(address(&mut machine).is_some(), "a lease outlives a cable that is out for a moment");
}
