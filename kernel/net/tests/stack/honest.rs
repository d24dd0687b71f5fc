//! Frames that honest machines send each other: what the malformed ones are made of.

use skete_net::socket::{Family, Type};
use skete_net::{Duration, IpAddress, IpEndpoint};

use crate::forge::{mend, put_hop_by_hop};
use crate::world::{OTHER, OTHER_V6, World, listen_on};

/// Frames of every kind that the machines send each other.
pub fn honest() -> Vec<Vec<u8>> {
    let mut world = World::new();
    let mut frames = written();
    let group = IpAddress::v4(239, 1, 2, 3);
    let far = world.other.net.open(Family::V4, Type::Datagram).unwrap();
    world.other.net.bind(far, IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 53)).unwrap();
    world.other.net.set_group(far, group, true).unwrap();
    let near = world.one.net.open(Family::V4, Type::Datagram).unwrap();
    let near_v6 = world.one.net.open(Family::V6, Type::Datagram).unwrap();
    let talks = [(Family::V4, OTHER), (Family::V6, OTHER_V6)].map(|(family, to)| {
        let listener = listen_on(&mut world.other.net, family, to.port, 4);
        let stream = world.one.net.open(family, Type::Stream).unwrap();
        let _ = world.one.net.connect(stream, to);
        (listener, stream)
    });
    for round in 0..200 {
        world.one.net.turn(world.now);
        world.other.net.turn(world.now);
        for (from, to) in [(&world.one.card, &world.other.card), (&world.other.card, &world.one.card)] {
            let sent: Vec<Vec<u8>> = from.cable().sent.drain(..).collect();
            frames.extend(sent.iter().cloned());
            to.cable().arriving.extend(sent);
        }
        let to = IpEndpoint::new(if round % 2 == 0 { OTHER.addr } else { group }, 53 + round % 3);
        let _ = world.one.net.send(near, b"a datagram", Some(to));
        let _ = world.one.net.send(near_v6, b"a datagram", Some(IpEndpoint::new(OTHER_V6.addr, 53 + round % 3)));
        for (listener, stream) in talks {
            let _ = world.one.net.send(stream, b"a segment", None);
            let _ = world.other.net.accept(listener);
        }
        world.now += Duration::from_millis(50);
    }
    frames
}

/// Frames that these machines do not send each other: answers of servers and routers.
fn written() -> Vec<Vec<u8>> {
    let mut frames: Vec<Vec<u8>> = [[0xff; 16], [0; 16], [0xfe; 16], [0x20; 16]].iter().map(advertisement).collect();
    let with_options: Vec<Vec<u8>> = frames.iter().cloned().map(extended).collect();
    frames.extend(with_options);
    frames.push(head([8, 6], &hex("0001080006040001 020909090909 0a000009 000000000000 0a000002")));
    frames.push(head([8, 0], &hex("4500001c000000004001 66d7 0a000009 0a000002 0800f7ff00000000")));
    frames
}

/// A frame for the second machine.
fn head(kind: [u8; 2], payload: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, 2, 2, 9, 9, 9, 9, 9][..], &kind, payload].concat()
}

/// What a router says: that cards may have addresses of this prefix.
pub fn advertisement(prefix: &[u8; 16]) -> Vec<u8> {
    let addresses = hex("fe80000000000000000000000000000a ff020000000000000000000000000001");
    let mut message = hex("86000000 40000708 0000000000000000 0304 40c0 00015180 00003840 00000000");
    message.extend_from_slice(prefix);
    let mut packet = hex("60000000 0000 3aff");
    packet[4..6].copy_from_slice(&u16::try_from(message.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(&addresses);
    packet.extend_from_slice(&message);
    let mut frame = head([0x86, 0xdd], &packet);
    mend(&mut frame);
    frame
}

/// The same with a hop-by-hop header.
fn extended(mut frame: Vec<u8>) -> Vec<u8> {
    assert!(put_hop_by_hop(&mut frame), "it is one of IPv6");
    frame
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).map(|digit| char::from(digit).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
