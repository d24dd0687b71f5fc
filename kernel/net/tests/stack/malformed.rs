//! Frames that no honest machine sends. Nothing panics, what is kept stays bounded, and who was served before is served after.
//!
//! What they are like says [`crate::forge`]; they come between those of two conversations that go on meanwhile, over IPv4 and IPv6, and to a
//! machine that asks servers for its address and for names, which lie ([`crate::asker`]). `SKETE_NET_FRAMES` says how many there are, 200,000
//! unless it is set, and `SKETE_NET_SEED` which: `cargo xtask fuzz` sets both.

use skete_net::socket::{Family, Type};
use skete_net::{Duration, IpAddress, IpEndpoint};

use crate::asker::Asker;
use crate::conversation::Conversation;
use crate::forge::{Forge, SHAPES};
use crate::honest::honest;
use crate::world::{LIMITS, OTHER, OTHER_V6, World, hits, listen_on};
use fastrand::Rng;

/// Frames between two turns of the machines.
const AT_ONCE: u32 = 16;

fn told(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |text| text.parse().expect("a number"))
}

/// Those who talk while the frames come.
struct Scene {
    world: World,
    forge: Forge,
    dice: Rng,
    /// One over IPv4, one over IPv6.
    talks: [Conversation; 2],
    /// One that asks for its address, and for names.
    asker: Asker,
}

impl Scene {
    fn new(seed: u64) -> Self {
        let mut world = World::new();
        let talks = [Conversation::new(&mut world, Family::V4, OTHER), Conversation::new(&mut world, Family::V6, OTHER_V6)];
        let hearer = world.other.net.open(Family::V4, Type::Datagram).unwrap();
        world.other.net.bind(hearer, IpEndpoint::new(IpAddress::v4(0, 0, 0, 0), 53)).unwrap();
        let forge = Forge::new(seed, honest());
        let asker = Asker::new(seed.wrapping_mul(79) | 1);
        let dice = Rng::with_seed(seed.wrapping_mul(77) | 1);
        Self { world, forge, dice, talks, asker }
    }

    /// Some frames come, and then each machine has its turn.
    fn go_on(&mut self) {
        for _ in 0..AT_ONCE {
            let to_asker = hits(&mut self.dice, 20);
            let (mac, card) =
                if to_asker { ([2, 0, 0, 0, 0, 3], &self.asker.machine.card) } else { ([2, 0, 0, 0, 0, 2], &self.world.other.card) };
            card.cable().arriving.push_back(self.forge.frame(mac));
        }
        let speaker = self.dice.usize(..2);
        for (at, talk) in self.talks.iter_mut().enumerate() {
            talk.go_on(&mut self.world, (at == speaker).then_some(&mut self.dice));
        }
        self.carry();
        self.asker.go_on(self.world.now, &mut self.forge);
        self.world.now += Duration::from_millis(self.dice.u64(..) % 20);
        assert!(self.world.other.net.connections() <= LIMITS.connections);
        let opened: usize = self.talks.iter().map(Conversation::opened).sum();
        assert!(self.world.other.net.count() <= opened + 1, "sockets are those that somebody opened");
    }

    /// The two machines have their turns. What they send is remembered.
    fn carry(&mut self) {
        let Self { world, forge, .. } = self;
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
    let Scene { mut world, forge, talks, asker: Asker { outcome, .. }, .. } = scene;
    println!("{:?}", SHAPES.iter().zip(forge.counts).collect::<Vec<_>>());
    println!("of TCP over IPv6: {:?}", forge.six);
    println!("{talks:?}");
    println!("{outcome:?}");
    // There was something to be harmed, and every way to do it.
    assert!(forge.counts.iter().all(|count| *count > frames / 20), "every shape came");
    assert!(forge.six.iter().all(|count| *count > frames / 100), "and every shape of TCP over IPv6");
    assert!(outcome.leases > frames / 100 && outcome.right > frames / 500 && outcome.right_behind_wrong > frames / 1000, "{outcome:?}");
    assert!(outcome.void > frames / 10_000 && outcome.forgotten > frames / 10_000 && outcome.late > frames / 1000, "{outcome:?}");
    assert!(outcome.full > 0 && outcome.spoilt.iter().all(|count| *count > frames / 10_000), "{outcome:?}");
    for talk in &talks {
        assert!(talk.accepted > 10 && talk.heard > frames / 10 && talk.answered > frames / 10, "{talk:?}");
    }
    let listeners = talks.map(|talk| talk.end(&mut world));
    world.pass(Duration::from_secs(200));
    assert_eq!(world.other.net.connections(), 0, "nothing is left of any connection");
    // Others are served as before.
    for (listener, (family, to)) in listeners.into_iter().zip([(Family::V4, OTHER), (Family::V6, OTHER_V6)]) {
        world.other.net.close(listener).unwrap();
        let listener = listen_on(&mut world.other.net, family, 81, 4);
        let again = world.one.net.open(family, Type::Stream).unwrap();
        let _ = world.one.net.connect(again, IpEndpoint::new(to.addr, 81));
        assert!(world.run_until(Duration::from_secs(59), |world| world.other.net.accept(listener).is_ok()), "a new connection is served");
    }
}
