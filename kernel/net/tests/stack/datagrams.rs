//! UDP between two machines: datagrams stay whole, groups are heard by their members, refusals come back.

use skete_abi::Errno;
use skete_net::socket::{Family, Type};
use skete_net::{Duration, IpAddress, IpEndpoint};

use crate::world::{Net, World, receive, receive_from, set};

fn datagrams(net: &mut Net, port: u16) -> u32 {
    let socket = net.open(Family::V4, Type::Datagram).unwrap();
    net.bind(socket, IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), port)).unwrap();
    socket
}

const OTHER: IpAddress = IpAddress::v4(10, 0, 0, 2);

#[test]
fn a_datagram_stays_whole_and_says_who_sent_it() {
    let mut world = World::new();
    let near = datagrams(&mut world.one.net, 1000);
    let far = datagrams(&mut world.other.net, 2000);
    for length in [0, 1, 1472] {
        assert_eq!(world.one.net.send(near, &vec![7; length], Some(IpEndpoint::new(OTHER, 2000))), Ok(length));
        world.settle();
        let (bytes, from) = receive_from(&mut world.other.net, far).unwrap();
        assert_eq!((bytes.len(), from), (length, Some(IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 1000))));
    }
    assert_eq!(world.one.net.send(near, &[7; 1473], Some(IpEndpoint::new(OTHER, 2000))), Err(Errno::EMSGSIZE));
}

#[test]
fn who_speaks_with_one_hears_one_and_is_told_of_its_refusal() {
    let mut world = World::new();
    let near = datagrams(&mut world.one.net, 1000);
    world.one.net.connect(near, IpEndpoint::new(OTHER, 2000)).unwrap();
    assert_eq!(world.one.net.send(near, b"x", None), Ok(1));
    world.settle();
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::ECONNREFUSED));
    let stranger = datagrams(&mut world.other.net, 3000);
    let to = Some(IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 1000));
    assert_eq!(world.other.net.send(stranger, b"x", to), Ok(1));
    world.settle();
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::EAGAIN), "a stranger");
    let friend = datagrams(&mut world.other.net, 2000);
    assert_eq!(world.other.net.send(friend, b"y", to), Ok(1));
    world.settle();
    assert_eq!(receive(&mut world.one.net, near).as_deref(), Ok(&b"y"[..]));
}

#[test]
fn a_group_is_heard_by_its_members_on_both_machines() {
    let mut world = World::new();
    let group = IpAddress::v4(239, 1, 2, 3);
    let near = datagrams(&mut world.one.net, 5000);
    let far = datagrams(&mut world.other.net, 5000);
    let send = |world: &mut World| {
        assert_eq!(world.one.net.send(near, b"all", Some(IpEndpoint::new(group, 5000))), Ok(3));
        world.settle();
        [receive(&mut world.one.net, near).is_ok(), receive(&mut world.other.net, far).is_ok()]
    };
    assert_eq!(send(&mut world), [false, false], "nobody is a member");
    assert_eq!(world.other.net.set_group(far, group, true), Ok(()));
    assert_eq!(world.other.net.set_group(far, group, true), Err(Errno::EADDRINUSE));
    world.settle();
    assert_eq!(send(&mut world), [false, true]);
    assert_eq!(world.one.net.set_group(near, group, true), Ok(()));
    world.settle();
    assert_eq!(send(&mut world), [true, true]);
    set(&mut world.one.net, near, |options| options.loops_groups = false);
    assert_eq!(send(&mut world), [false, true], "it does not want to hear itself");
    assert_eq!(world.other.net.set_group(far, group, false), Ok(()));
    assert_eq!(world.other.net.set_group(far, group, false), Err(Errno::EADDRNOTAVAIL));
    world.pass(Duration::from_secs(1));
    assert_eq!(send(&mut world), [false, false]);
    assert_eq!(world.one.net.set_group(near, OTHER, true), Err(Errno::EINVAL), "no group");
}

#[test]
fn broadcasts_are_for_those_who_ask() {
    let mut world = World::new();
    let near = datagrams(&mut world.one.net, 5000);
    let far = datagrams(&mut world.other.net, 5001);
    for address in [IpAddress::v4(255, 255, 255, 255), IpAddress::v4(10, 0, 0, 255)] {
        let all = Some(IpEndpoint::new(address, 5001));
        set(&mut world.one.net, near, |options| options.may_broadcast = false);
        assert_eq!(world.one.net.send(near, b"all", all), Err(Errno::EACCES));
        set(&mut world.one.net, near, |options| options.may_broadcast = true);
        assert_eq!(world.one.net.send(near, b"all", all), Ok(3));
        world.settle();
        assert_eq!(receive(&mut world.other.net, far).as_deref(), Ok(&b"all"[..]), "{address}");
    }
}

#[test]
fn what_nobody_reads_is_dropped_and_the_rest_is_whole() {
    let mut world = World::new();
    let near = datagrams(&mut world.one.net, 1000);
    let far = datagrams(&mut world.other.net, 2000);
    for number in 0..1000_u32 {
        assert_eq!(world.one.net.send(near, &number.to_le_bytes(), Some(IpEndpoint::new(OTHER, 2000))), Ok(4));
        world.settle();
    }
    let mut received = 0;
    while let Ok(bytes) = receive(&mut world.other.net, far) {
        assert_eq!(bytes, u32::to_le_bytes(received));
        received += 1;
    }
    assert_eq!(received, 128, "as many as a socket keeps");
}
