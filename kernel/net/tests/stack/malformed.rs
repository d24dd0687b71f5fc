//! Frames that no honest machine sends. Nothing panics, what is kept stays bounded, and who was served before is served after.
//!
//! The frames are real ones with bytes changed, cut, lengthened or set to their extremes, and plain noise. `SKETE_NET_FRAMES` says how many
//! there are: 200,000 unless it is set.

use skete_net::socket::{Family, Type};
use skete_net::{Duration, IpAddress, IpEndpoint};

use crate::world::{Dice, LIMITS, World, listen, receive};

fn frames() -> u32 {
    std::env::var("SKETE_NET_FRAMES").ok().and_then(|text| text.parse().ok()).unwrap_or(200_000)
}

/// Frames of every kind that the machines send each other.
fn honest() -> Vec<Vec<u8>> {
    let mut world = World::new();
    let mut frames = Vec::new();
    let group = IpAddress::v4(239, 1, 2, 3);
    let far = world.other.net.open(Family::V4, Type::Datagram).unwrap();
    world.other.net.bind(far, IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 53)).unwrap();
    world.other.net.set_group(far, group, true).unwrap();
    let near = world.one.net.open(Family::V4, Type::Datagram).unwrap();
    let listener = listen(&mut world.other.net, 80, 4);
    let stream = world.one.net.open(Family::V4, Type::Stream).unwrap();
    let _ = world.one.net.connect(stream, crate::world::OTHER);
    for round in 0..200 {
        world.one.net.turn(world.now);
        world.other.net.turn(world.now);
        for (from, to) in [(&world.one.card, &world.other.card), (&world.other.card, &world.one.card)] {
            let sent: Vec<Vec<u8>> = from.cable().sent.drain(..).collect();
            frames.extend(sent.iter().cloned());
            to.cable().arriving.extend(sent);
        }
        let to = IpEndpoint::new(if round % 2 == 0 { crate::world::OTHER.addr } else { group }, 53 + round % 3);
        let _ = world.one.net.send(near, b"a datagram", Some(to));
        let _ = world.one.net.send(stream, b"a segment", None);
        let _ = world.other.net.accept(listener);
        world.now += Duration::from_millis(50);
    }
    frames.extend(written());
    frames
}

/// Frames that these machines do not send each other: answers of servers and routers.
fn written() -> Vec<Vec<u8>> {
    let head = |kind: [u8; 2], payload: &[u8]| [&[2, 0, 0, 0, 0, 2, 2, 9, 9, 9, 9, 9][..], &kind, payload].concat();
    let router = "fe80000000000000000000000000000a ff020000000000000000000000000001";
    let addresses: Vec<u8> = hex(router);
    let advertisement = |prefix: &[u8; 16]| {
        let mut message = hex("86000000 40000708 0000000000000000 0304 40c0 00015180 00003840 00000000");
        message.extend_from_slice(prefix);
        let mut packet = hex("60000000 0000 3aff");
        packet[4..6].copy_from_slice(&u16::try_from(message.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(&addresses);
        let sum = sum_v6(&addresses, &message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        packet.extend_from_slice(&message);
        head([0x86, 0xdd], &packet)
    };
    let mut frames: Vec<Vec<u8>> = [[0xff; 16], [0; 16], [0xfe; 16], [0x20; 16]].iter().map(advertisement).collect();
    frames.push(head([8, 6], &hex("0001080006040001 020909090909 0a000009 000000000000 0a000002")));
    frames.push(head([8, 0], &hex("4500001c000000004001 66c6 0a000009 0a000002 0800f7ff00000000")));
    frames
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).map(|digit| char::from(digit).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The sum of a message of ICMPv6 (RFC 4443 2.3).
fn sum_v6(addresses: &[u8], message: &[u8]) -> u16 {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let all = [addresses, &length, &[0, 0, 0, 58], message].concat();
    let mut sum: u32 = all.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// A frame that is spoilt.
fn spoilt(honest: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut frame = honest[dice.roll() as usize % honest.len()].clone();
    for _ in 0..=dice.roll() % 4 {
        let length = frame.len().max(1) as u64;
        let at = (dice.roll() % length) as usize;
        match dice.roll() % 8 {
            0 => frame.truncate(at),
            1 => frame.resize(at + (dice.roll() % 1600) as usize, 0xaa),
            2 if !frame.is_empty() => frame[at] = [0, 0xff, 0x7f, 0x80][(dice.roll() % 4) as usize],
            // Headers, mostly: that is where the lengths are.
            3..=5 if !frame.is_empty() => {
                let at = (dice.roll() % length.min(64)) as usize;
                frame[at] = dice.roll() as u8;
            }
            6 if !frame.is_empty() => frame[at] ^= 1 << (dice.roll() % 8),
            _ => frame = (0..dice.roll() % 200).map(|_| dice.roll() as u8).collect(),
        }
    }
    // Most are for this machine.
    if dice.hits(90) && frame.len() > 6 {
        frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, 2]);
    }
    frame
}

/// The sum of the header of IPv4 is made right, so that what is behind it is looked at.
fn mend(frame: &mut [u8]) {
    if frame.len() < 34 || frame[12..14] != [8, 0] || frame[14] != 0x45 {
        return;
    }
    frame[24..26].fill(0);
    let mut sum: u32 = frame[14..34].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let sum = !u16::try_from(sum).unwrap();
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
}

#[test]
fn no_frame_harms_anybody() {
    let honest = honest();
    assert!(honest.len() > 300, "{} honest frames", honest.len());
    let mut world = World::new();
    let (near, far, listener) = world.connection();
    let hearer = world.other.net.open(Family::V4, Type::Datagram).unwrap();
    world.other.net.bind(hearer, IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 53)).unwrap();
    let mut dice = Dice(0x5eed);
    for number in 0..frames() {
        let mut frame = spoilt(&honest, &mut dice);
        if dice.hits(70) {
            mend(&mut frame);
        }
        world.other.card.cable().arriving.push_back(frame);
        if number % 32 == 0 {
            world.other.net.turn(world.now);
            world.other.card.cable().sent.clear();
            while world.other.net.take_wake().is_some() {}
            let _ = receive(&mut world.other.net, hearer);
            if let Ok((guest, _)) = world.other.net.accept(listener) {
                world.other.net.close(guest).unwrap();
            }
            world.now += Duration::from_millis(dice.roll() % 20);
        }
        assert!(world.other.net.connections() <= LIMITS.connections);
    }
    world.pass(Duration::from_secs(200));
    // Who was connected all the time still is, or was told; and others are served as before.
    let _ = world.one.net.send(near, b"still there", None);
    world.settle();
    let _ = receive(&mut world.other.net, far);
    world.other.net.close(listener).unwrap();
    let listener = listen(&mut world.other.net, 81, 4);
    let again = world.one.net.open(Family::V4, Type::Stream).unwrap();
    let _ = world.one.net.connect(again, IpEndpoint::new(crate::world::OTHER.addr, 81));
    assert!(world.run_until(Duration::from_secs(59), |world| world.other.net.accept(listener).is_ok()), "a new connection is served");
}
