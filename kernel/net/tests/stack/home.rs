//! Loopback, on a machine without a card: what one socket says another of the same machine hears.

use allocator_api2::alloc::Global;
use skete_abi::Errno;
use skete_net::socket::{Family, Type};
use skete_net::{Duration, Instant, IpAddress, IpEndpoint};

use crate::world::{BELL, LIMITS, Net, listen, listen_on, receive, receive_from, set, stream};

fn machine() -> Net {
    Net::new(Global, &BELL, LIMITS, 5, Instant::from_millis(1)).unwrap()
}

const V4: IpAddress = IpAddress::v4(127, 0, 0, 1);
const V6: IpAddress = IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1);
const ANY_V6: IpAddress = IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0);

#[test]
fn a_connection_home_is_there_at_once() {
    let mut net = machine();
    let listener = listen(&mut net, 7, 4);
    let near = stream(&mut net);
    assert_eq!(net.connect(near, IpEndpoint::new(V4, 7)), Ok(()));
    let (far, peer) = net.accept(listener).unwrap();
    assert_eq!(Ok(peer), net.name(near));
    assert_eq!(net.send(near, &[9; 40_000], None), Ok(40_000));
    let mut received = 0;
    while let Ok(bytes) = receive(&mut net, far) {
        received += bytes.len();
    }
    assert_eq!(received, 40_000);
    net.close(near).unwrap();
    assert_eq!(receive(&mut net, far).as_deref(), Ok(&b""[..]));
    net.close(far).unwrap();
    assert_eq!(net.connections(), 1, "one side keeps old segments off");
    let mut now = Instant::from_secs(20);
    while net.next().is_some() {
        net.turn(now);
        now += Duration::from_secs(1);
    }
    assert_eq!((net.connections(), net.count()), (0, 1), "and then nothing is left but the listener");
}

#[test]
fn version_six_hears_version_four_unless_it_is_told_not_to() {
    let mut net = machine();
    for (only, expected) in [(false, Ok(())), (true, Err(Errno::EINPROGRESS))] {
        let listener = net.open(Family::V6, Type::Stream).unwrap();
        net.set_options(listener, |options| {
            (options.v6_only, options.may_reuse) = (only, true);
            Ok(())
        })
        .unwrap();
        net.bind(listener, IpEndpoint::new(ANY_V6, 7)).unwrap();
        net.listen(listener, 4).unwrap();
        let near = stream(&mut net);
        assert_eq!(net.connect(near, IpEndpoint::new(V4, 7)), expected);
        if !only {
            let (far, peer) = net.accept(listener).unwrap();
            assert!(peer.addr.to_string().starts_with("::ffff:127.0.0.1"), "{peer}");
            assert!(net.name(far).unwrap().addr.to_string().starts_with("::ffff:"));
            net.close(far).unwrap();
        }
        let six = net.open(Family::V6, Type::Stream).unwrap();
        assert_eq!(net.connect(six, IpEndpoint::new(V6, 7)), Ok(()));
        net.close(listener).unwrap();
    }
}

#[test]
fn ports_are_refused_and_shared_as_posix_says() {
    let mut net = machine();
    let any = |port| IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), port);
    let first = listen(&mut net, 80, 1);
    let second = stream(&mut net);
    assert_eq!(net.bind(second, any(80)), Err(Errno::EADDRINUSE));
    assert_eq!(net.bind(second, IpEndpoint::new(IpAddress::v4(10, 9, 9, 9), 80)), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(net.bind(second, IpEndpoint::new(V6, 81)), Err(Errno::EAFNOSUPPORT));
    assert_eq!(net.bind(second, any(0)), Ok(()));
    assert!(net.name(second).unwrap().port >= 49_152);
    assert_eq!(net.bind(second, any(82)), Err(Errno::EINVAL), "it has one");
    let udp = net.open(Family::V4, Type::Datagram).unwrap();
    assert_eq!(net.bind(udp, any(80)), Ok(()), "another protocol");
    assert_eq!(net.listen(udp, 1), Err(Errno::EOPNOTSUPP));
    net.close(first).unwrap();
    let third = stream(&mut net);
    assert_eq!(net.bind(third, any(80)), Ok(()), "a port that was let go");
}

#[test]
fn connections_of_a_listener_that_is_gone_keep_its_port_from_those_who_want_it_alone() {
    let mut net = machine();
    let listener = listen(&mut net, 7, 4);
    let near = stream(&mut net);
    assert_eq!(net.connect(near, IpEndpoint::new(V4, 7)), Ok(()));
    let _far = net.accept(listener).unwrap();
    net.close(listener).unwrap();
    let again = stream(&mut net);
    assert_eq!(net.bind(again, IpEndpoint::new(V4, 7)), Err(Errno::EADDRINUSE));
    set(&mut net, again, |options| options.may_reuse = true);
    assert_eq!(net.bind(again, IpEndpoint::new(V4, 7)), Ok(()));
    assert_eq!(net.listen(again, 1), Ok(()));
}

#[test]
fn connections_of_version_four_do_not_keep_a_port_from_who_hears_version_six_alone() {
    let mut net = machine();
    for (address, family, other) in [(V4, Family::V4, Family::V6), (V6, Family::V6, Family::V4)] {
        let listener = listen_on(&mut net, family, 7, 4);
        let near = net.open(family, Type::Stream).unwrap();
        assert_eq!(net.connect(near, IpEndpoint::new(address, 7)), Ok(()));
        let (far, _) = net.accept(listener).unwrap();
        let beside = listen_on(&mut net, other, 7, 4);
        for socket in [near, far, listener, beside] {
            set(&mut net, socket, |options| options.linger = Some(0));
            net.close(socket).unwrap();
        }
    }
    let listener = listen_on(&mut net, Family::V4, 7, 4);
    let near = stream(&mut net);
    assert_eq!(net.connect(near, IpEndpoint::new(V4, 7)), Ok(()));
    let _far = net.accept(listener).unwrap();
    net.close(listener).unwrap();
    let both = net.open(Family::V6, Type::Stream).unwrap();
    set(&mut net, both, |options| options.v6_only = false);
    assert_eq!(net.bind(both, IpEndpoint::new(ANY_V6, 7)), Err(Errno::EADDRINUSE), "who hears both shares it");
}

#[test]
fn datagrams_home_are_refused_where_nobody_hears() {
    let mut net = machine();
    let near = net.open(Family::V4, Type::Datagram).unwrap();
    assert_eq!(net.connect(near, IpEndpoint::new(V4, 9)), Ok(()));
    assert_eq!(net.send(near, b"x", None), Ok(1));
    assert_eq!(receive(&mut net, near), Err(Errno::ECONNREFUSED));
    assert_eq!(receive(&mut net, near), Err(Errno::EAGAIN));
    let far = net.open(Family::V4, Type::Datagram).unwrap();
    net.bind(far, IpEndpoint::new(V4, 9)).unwrap();
    assert_eq!(net.send(near, b"xyz", None), Ok(3));
    let (bytes, from) = receive_from(&mut net, far).unwrap();
    assert_eq!((bytes.as_slice(), from), (&b"xyz"[..], net.name(near).ok()));
    assert_eq!(net.send(far, b"back", from), Ok(4));
    assert_eq!(receive(&mut net, near).as_deref(), Ok(&b"back"[..]));
    assert_eq!(net.send(near, &[0; 16_409], None), Err(Errno::EMSGSIZE));
    assert_eq!(net.send(near, &[0; 16_408], None), Ok(16_408));
}

#[test]
fn without_a_card_nothing_else_is_reached() {
    let mut net = machine();
    let near = stream(&mut net);
    assert_eq!(net.connect(near, IpEndpoint::new(IpAddress::v4(10, 0, 2, 2), 7)), Err(Errno::ENETUNREACH));
    let udp = net.open(Family::V4, Type::Datagram).unwrap();
    assert_eq!(net.send(udp, b"x", Some(IpEndpoint::new(IpAddress::v4(10, 0, 2, 2), 7))), Err(Errno::ENETUNREACH));
    assert_eq!(net.send(udp, b"x", None), Err(Errno::EDESTADDRREQ));
    assert!(net.ask("example.org", Family::V4).is_err());
    net.set_group(udp, IpAddress::v4(239, 1, 2, 3), true).unwrap();
    net.set_group(udp, IpAddress::v4(239, 1, 2, 3), false).unwrap();
    assert_eq!(net.next(), None, "nobody is busy");
}
