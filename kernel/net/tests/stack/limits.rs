//! What is bounded stays so, whoever tries: sockets, connections, backlogs.

use skete_abi::Errno;
use skete_net::socket::{Family, Type};
use skete_net::stack::Limits;
use skete_net::{Duration, IpAddress, IpEndpoint};

use crate::world::{Faults, LIMITS, OTHER, World, listen, receive, stream};

#[test]
fn as_many_sockets_of_udp_as_there_may_be_and_again_after_they_were_closed() {
    let mut world = World::new();
    for _ in 0..2 {
        let sockets: Vec<u32> = (0..LIMITS.mailboxes).map(|_| world.one.net.open(Family::V4, Type::Datagram).unwrap()).collect();
        assert_eq!(world.one.net.open(Family::V4, Type::Datagram), Err(Errno::ENOBUFS));
        sockets.into_iter().for_each(|socket| world.one.net.close(socket).unwrap());
    }
    assert_eq!(world.one.net.count(), 0);
}

#[test]
fn a_full_table_refuses_and_serves_again() {
    let limits = Limits { connections: 8, mailboxes: 8 };
    let mut world = World::with(Faults::default(), 1, limits);
    let listener = listen(&mut world.other.net, 80, 64);
    let pairs: Vec<(u32, u32)> = (0..8).map(|_| world.connect_to(listener)).collect();
    let one_more = stream(&mut world.one.net);
    assert_eq!(world.one.net.connect(one_more, OTHER), Err(Errno::ENOBUFS));
    for (near, far) in pairs {
        world.other.net.close(far).unwrap();
        world.settle();
        world.one.net.close(near).unwrap();
        world.settle();
    }
    // The other machine keeps eight past connections in mind: they make room.
    assert_eq!(world.other.net.connections(), 8);
    for _ in 0..20 {
        let (near, far) = world.connect_to(listener);
        assert_eq!(world.one.net.send(near, b"served", None), Ok(6));
        world.settle();
        assert_eq!(receive(&mut world.other.net, far).as_deref(), Ok(&b"served"[..]));
        world.other.net.close(far).unwrap();
        world.settle();
        world.one.net.close(near).unwrap();
        world.settle();
    }
}

#[test]
fn a_full_backlog_answers_nobody_until_somebody_accepts() {
    let mut world = World::new();
    let listener = listen(&mut world.other.net, 80, 2);
    let sockets: Vec<u32> = (0..3).map(|_| stream(&mut world.one.net)).collect();
    for &socket in &sockets {
        assert_eq!(world.one.net.connect(socket, OTHER), Err(Errno::EINPROGRESS));
    }
    world.pass(Duration::from_millis(500));
    let connected: Vec<_> = sockets.iter().map(|&socket| world.one.net.connected(socket)).collect();
    assert_eq!(connected, [Ok(()), Ok(()), Err(Errno::EINPROGRESS)]);
    assert!(world.other.net.accept(listener).is_ok());
    assert!(world.run_until(Duration::from_secs(10), |world| world.one.net.connected(sockets[2]) == Ok(())), "it tried again");
}

/// A segment that opens a connection from a machine that does not exist and never answers, with its sums.
fn opening(number: u16) -> Vec<u8> {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, IpRepr, TcpControl, TcpPacket, TcpRepr, TcpSeqNumber,
        TcpTimestampRepr,
    };

    let _: Option<TcpTimestampRepr> = None;
    let source = IpAddress::v4(10, 0, 0, 100 + number.to_le_bytes()[0] % 100);
    let tcp = TcpRepr {
        src_port: 1024 + number,
        dst_port: 80,
        control: TcpControl::Syn,
        seq_number: TcpSeqNumber(i32::from(number)),
        ack_number: None,
        window_len: 1000,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let ip = IpRepr::new(source, OTHER.addr, IpProtocol::Tcp, tcp.buffer_len(), 64);
    let mut bytes = vec![0; 14 + ip.buffer_len()];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    frame.set_src_addr(EthernetAddress([2, 9, 9, 9, 9, 9]));
    frame.set_dst_addr(EthernetAddress([2, 0, 0, 0, 0, 2]));
    frame.set_ethertype(EthernetProtocol::Ipv4);
    ip.emit(&mut frame.payload_mut()[..], &ChecksumCapabilities::default());
    let mut packet = TcpPacket::new_unchecked(&mut frame.payload_mut()[ip.header_len()..]);
    tcp.emit(&mut packet, &source, &OTHER.addr, &ChecksumCapabilities::default());
    bytes
}

#[test]
fn a_flood_of_openings_keeps_nobody_out_and_leaves_nothing() {
    let mut world = World::new();
    let listener = listen(&mut world.other.net, 80, 8);
    for number in 0..5000 {
        world.other.card.cable().arriving.push_back(opening(number));
        if number % 64 == 0 {
            world.settle();
        }
    }
    world.settle();
    assert!(world.other.net.connections() <= 8, "{} have begun", world.other.net.connections());
    let (near, far) = world.connect_to(listener);
    assert_eq!(world.one.net.send(near, b"served", None), Ok(6));
    world.settle();
    assert_eq!(receive(&mut world.other.net, far).as_deref(), Ok(&b"served"[..]));
    world.pass(Duration::from_secs(30));
    assert_eq!(world.other.net.connections(), 1, "those that never went on are forgotten");
}

#[test]
fn a_listener_that_closes_breaks_what_it_never_gave() {
    let mut world = World::new();
    let listener = listen(&mut world.other.net, 80, 8);
    let near = stream(&mut world.one.net);
    assert_eq!(world.one.net.connect(near, OTHER), Err(Errno::EINPROGRESS));
    world.settle();
    assert_eq!(world.one.net.connected(near), Ok(()));
    world.other.net.close(listener).unwrap();
    world.settle();
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::ECONNRESET));
    assert_eq!(world.other.net.connections(), 0);
    let again = stream(&mut world.one.net);
    assert_eq!(world.one.net.connect(again, IpEndpoint::new(OTHER.addr, 80)), Err(Errno::EINPROGRESS));
    world.settle();
    assert_eq!(world.one.net.connected(again), Err(Errno::ECONNREFUSED));
}
