//! UDP over loopback.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};

use super::Check;

pub const CHECKS: &[Check] = &[
    ("a datagram stays whole", whole),
    ("who speaks with one hears one, and its refusal", connected),
    ("a group is heard by its members", group),
    ("datagrams over IPv6", version_six),
];

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    socket.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a time");
    socket
}

fn whole() {
    let (near, far) = (socket(), socket());
    let to = far.local_addr().expect("it has one");
    let mut buffer = [0; 16_500];
    for length in [0, 1, 1472, 9000, 16_408] {
        assert_eq!(near.send_to(&vec![7; length], to).ok(), Some(length));
        assert_eq!(far.peek(&mut buffer).ok(), Some(length));
        let (count, from) = far.recv_from(&mut buffer).expect("it comes");
        assert_eq!((count, Some(from)), (length, near.local_addr().ok()));
    }
    assert!(near.send_to(&buffer, to).is_err(), "too long");
    near.send_to(b"long", to).expect("it is heard");
    assert_eq!(far.recv(&mut buffer[..2]).ok(), Some(2), "what does not fit is gone");
    near.send_to(b"next", to).expect("it is heard");
    assert_eq!(far.recv(&mut buffer).ok(), Some(4));
}

fn connected() {
    let (near, far, stranger) = (socket(), socket(), socket());
    near.connect(far.local_addr().expect("it has one")).expect("it is one");
    let to = near.local_addr().expect("it has one");
    stranger.send_to(b"stranger", to).expect("it is sent");
    far.send_to(b"friend", to).expect("it is sent");
    let mut buffer = [0; 16];
    assert_eq!(near.recv(&mut buffer).ok(), Some(6));
    assert_eq!(near.peer_addr().ok(), far.local_addr().ok());
    drop(far);
    near.send(b"nobody").expect("it is sent");
    assert_eq!(near.recv(&mut buffer).map_err(|error| error.kind()), Err(ErrorKind::ConnectionRefused));
}

fn group() {
    let group = Ipv4Addr::new(239, 7, 7, 7);
    let member = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port is free");
    member.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("a time");
    let port = member.local_addr().expect("it has one").port();
    member.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED).expect("it is a group");
    let near = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a port is free");
    near.send_to(b"all", (group, port)).expect("it is sent");
    let mut buffer = [0; 16];
    assert_eq!(member.recv(&mut buffer).ok(), Some(3));
    member.leave_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED).expect("it was a member");
    member.set_nonblocking(true).expect("it is open");
    near.send_to(b"all", (group, port)).expect("it is sent");
    assert_eq!(member.recv(&mut buffer).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    assert!(near.send_to(b"all", ("255.255.255.255", port)).is_err(), "it did not ask to send to all");
}

fn version_six() {
    let far = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("a port is free");
    let near = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("a port is free");
    near.send_to(b"six", far.local_addr().expect("it has one")).expect("it is sent");
    let mut buffer = [0; 16];
    let (count, from) = far.recv_from(&mut buffer).expect("it comes");
    assert_eq!((count, Some(from)), (3, near.local_addr().ok()));
}
