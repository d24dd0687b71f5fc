//! Frames that no honest machine sends. Nothing panics, what is kept stays bounded, and who was served before is served after.
//!
//! What they are like says [`crate::forge`]; they come between those of a conversation that goes on meanwhile, and to a machine that asks a
//! server for its address, which lies. `SKETE_NET_FRAMES` says how many there are, 200,000 unless it is set, and `SKETE_NET_SEED` which:
//! `cargo xtask fuzz` sets both.

use skete_net::socket::{Family, Type};
use skete_net::{Duration, IpAddress, IpEndpoint};

use crate::forge::{Forge, SHAPES};
use crate::setup::lie;
use crate::world::{LIMITS, Machine, OTHER, World, hits, listen, receive, stream};
use fastrand::Rng;

/// Frames between two turns of the machines.
const AT_ONCE: u32 = 16;

fn told(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// Frames of every kind that the machines send each other.
pub fn honest() -> Vec<Vec<u8>> {
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

/// Those who talk while the frames come.
struct Scene {
    world: World,
    forge: Forge,
    dice: Rng,
    listener: u32,
    /// The end of the connection that lives, on the honest side.
    near: u32,
    /// The ends that were accepted.
    far: Vec<u32>,
    accepted: u64,
    heard: u64,
    /// One that asks for its address.
    asker: Machine,
    leases: u64,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        let (near, far, listener) = world.connection();
        let hearer = world.other.net.open(Family::V4, Type::Datagram).unwrap();
        world.other.net.bind(hearer, IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 53)).unwrap();
        let forge = Forge::new(seed, honest());
        let asker = Machine::new(3, None, LIMITS);
        let dice = Rng::with_seed(seed.wrapping_mul(77) | 1);
        Self { world, forge, dice, listener, near, far: vec![far], accepted: 0, heard: 0, asker, leases: 0 }
    }

    /// Some frames come, and then each machine has its turn.
    fn go_on(&mut self) {
        for _ in 0..AT_ONCE {
            let to_asker = hits(&mut self.dice, 20);
            let (mac, card) = if to_asker { ([2, 0, 0, 0, 0, 3], &self.asker.card) } else { ([2, 0, 0, 0, 0, 2], &self.world.other.card) };
            card.cable().arriving.push_back(self.forge.frame(mac));
        }
        self.talk();
        self.ask();
        self.world.now += Duration::from_millis(self.dice.u64(..) % 20);
        assert!(self.world.other.net.connections() <= LIMITS.connections);
        assert!(self.world.other.net.count() <= self.far.len() + 2, "sockets are those that somebody opened");
    }

    /// The honest machine says something and reads; the other reads, and says it back. What they send is remembered.
    fn talk(&mut self) {
        let Self { world, forge, dice, near, far, .. } = self;
        let word = vec![b'x'; (dice.u64(..) % 2000) as usize];
        if world.one.net.send(*near, &word, None).is_err_and(|error| error != skete_abi::Errno::EAGAIN) {
            // It was reset, or never opened: another begins.
            let _ = world.one.net.close(*near);
            *near = stream(&mut world.one.net);
            let _ = world.one.net.connect(*near, OTHER);
        }
        let _ = receive(&mut world.one.net, *near);
        if let Ok((guest, _)) = world.other.net.accept(self.listener) {
            self.accepted += 1;
            far.push(guest);
        }
        // Those that came first are let go.
        if far.len() > 8 {
            world.other.net.close(far.remove(0)).unwrap();
        }
        for end in &*far {
            if let Ok(bytes) = receive(&mut world.other.net, *end) {
                self.heard += bytes.len() as u64;
                let _ = world.other.net.send(*end, &bytes, None);
            }
        }
        let cards = [world.other.card.clone(), world.one.card.clone()];
        for (from, to) in [&mut world.one, &mut world.other].into_iter().zip(cards) {
            from.net.turn(world.now);
            while from.net.take_wake().is_some() {}
            for frame in from.card.cable().sent.drain(..) {
                forge.remember(&frame);
                to.cable().arriving.push_back(frame);
            }
        }
    }

    /// The machine that asks for an address gets answers, most of them spoilt.
    fn ask(&mut self) {
        self.asker.net.turn(self.world.now);
        let sent: Vec<Vec<u8>> = self.asker.card.cable().sent.drain(..).collect();
        for frame in sent {
            let Some(answer) = lie(&frame, &mut self.dice) else { continue };
            self.forge.remember(&answer);
            self.asker.card.cable().arriving.push_back(answer);
        }
        self.leases += u64::from(self.asker.net.wired().unwrap().address().is_some());
    }
}

#[test]
fn no_frame_harms_anybody() {
    let honest = honest();
    assert!(honest.len() > 300, "{} honest frames", honest.len());
    let (frames, seed) = (told("SKETE_NET_FRAMES", 200_000), told("SKETE_NET_SEED", 1));
    let mut scene = Scene::new(seed);
    for _ in 0..frames / u64::from(AT_ONCE) {
        scene.go_on();
    }
    let Scene { mut world, forge, listener, near, far, accepted, heard, leases, .. } = scene;
    println!(
        "{:?}, {accepted} accepted, {heard} bytes heard, {leases} turns with a lease",
        SHAPES.iter().zip(forge.counts).collect::<Vec<_>>()
    );
    // There was something to be harmed, and every way to do it.
    assert!(forge.counts.iter().all(|count| *count > frames / 20), "every shape came");
    assert!(accepted > 10 && heard > frames / 10 && leases > 10, "{accepted} connections, {heard} bytes, {leases} turns with a lease");
    world.one.net.close(near).unwrap();
    far.into_iter().for_each(|end| world.other.net.close(end).unwrap());
    world.pass(Duration::from_secs(200));
    assert_eq!(world.other.net.connections(), 0, "nothing is left of any connection");
    // Others are served as before.
    world.other.net.close(listener).unwrap();
    let listener = listen(&mut world.other.net, 81, 4);
    let again = stream(&mut world.one.net);
    let _ = world.one.net.connect(again, IpEndpoint::new(OTHER.addr, 81));
    assert!(world.run_until(Duration::from_secs(59), |world| world.other.net.accept(listener).is_ok()), "a new connection is served");
}
