//! Frames of unusual make, which belong to somebody or to nobody.

use skete_abi::Errno;
use skete_net::socket::{Family, Type};
use skete_net::{Duration, Instant};

use crate::forge::{mend, put_hop_by_hop};
use crate::honest::advertisement;
use crate::world::{LIMITS, Machine, OTHER, OTHER_V6, World, listen_on, receive};

/// A connection, and the frame with which one machine says a word in it, which has not arrived yet.
fn word(family: Family) -> (World, u32, u32, Vec<u8>) {
    let mut world = World::new();
    let to = if family == Family::V4 { OTHER } else { OTHER_V6 };
    let listener = listen_on(&mut world.other.net, family, to.port, 4);
    let near = world.one.net.open(family, Type::Stream).unwrap();
    assert_eq!(world.one.net.connect(near, to), Err(Errno::EINPROGRESS));
    assert!(world.run_until(Duration::from_secs(5), |world| world.one.net.connected(near) == Ok(())));
    let (far, _) = world.other.net.accept(listener).unwrap();
    world.one.net.send(near, b"a word", None).unwrap();
    world.one.net.turn(world.now);
    let frame = world.one.card.cable().sent.pop_front().unwrap();
    assert!(frame.ends_with(b"a word"));
    (world, near, far, frame)
}

#[test]
fn a_segment_behind_a_hop_by_hop_header_is_heard_by_its_connection() {
    let (mut world, near, far, mut frame) = word(Family::V6);
    assert!(put_hop_by_hop(&mut frame));
    world.other.card.cable().arriving.push_back(frame);
    world.settle();
    assert_eq!(receive(&mut world.other.net, far).as_deref(), Ok(&b"a word"[..]));
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::EAGAIN), "and nobody breaks it");
}

#[test]
fn a_piece_of_a_packet_is_nobodys_and_breaks_nothing() {
    let (mut world, near, far, frame) = word(Family::V4);
    // RFC 791 3.1: more fragments follow, and that it is not the first.
    for (at, bits) in [(20, 0x20), (21, 1)] {
        let mut piece = frame.clone();
        piece[at] |= bits;
        mend(&mut piece);
        world.other.card.cable().arriving.push_back(piece);
        world.other.net.turn(world.now);
        assert_eq!(receive(&mut world.other.net, far), Err(Errno::EAGAIN));
        assert_eq!(world.other.card.cable().sent.pop_front(), None, "nobody answers");
    }
    world.other.card.cable().arriving.push_back(frame);
    world.settle();
    assert_eq!(receive(&mut world.other.net, far).as_deref(), Ok(&b"a word"[..]));
    assert_eq!(receive(&mut world.one.net, near), Err(Errno::EAGAIN));
}

/// A machine that hears these advertisements of a router's, one each second; how many addresses it has then.
fn addresses(advertisements: impl IntoIterator<Item = Vec<u8>>, is_extended: bool) -> usize {
    let mut machine = Machine::new(2, Some("10.0.0.2/24"), LIMITS);
    for (mut frame, seconds) in advertisements.into_iter().zip(1..) {
        assert!(!is_extended || put_hop_by_hop(&mut frame));
        machine.card.cable().arriving.push_back(frame);
        machine.net.turn(Instant::from_secs(seconds));
    }
    machine.net.turn(Instant::from_secs(10));
    machine.net.wired().unwrap().iface.ip_addrs().len()
}

#[test]
fn a_prefix_that_no_card_can_have_is_not_taken_whatever_stands_before_it() {
    let good = advertisement(&[0x20; 16]);
    let mut long = good.clone();
    // Behind the heads of Ethernet, IPv6 and the message, the third byte of the option (RFC 4861 4.6.2).
    long[14 + 40 + 16 + 2] = 129;
    mend(&mut long);
    for is_extended in [false, true] {
        for bad in [advertisement(&[0xff; 16]), long.clone()] {
            assert_eq!(addresses([bad.clone()], is_extended), 2, "its own, of each kind");
            assert_eq!(addresses([bad, good.clone()], is_extended), 3, "and of a prefix that one can have");
        }
    }
}
