//! A conversation over TCP that goes on between the machines of a world, whatever else comes over the cable.

use fastrand::Rng;
use skete_abi::Errno;
use skete_net::socket::{Family, Type};
use skete_net::{Duration, IpEndpoint};

use crate::world::{World, listen_on, receive};

/// Connections that were accepted and are still heard, at most.
const HEARD: usize = 8;

/// One machine connects and talks; the other says back what it hears.
#[derive(Debug)]
pub struct Conversation {
    family: Family,
    to: IpEndpoint,
    listener: u32,
    /// The end of the connection that lives, on the side that connected.
    near: u32,
    /// The ends that were accepted.
    far: Vec<u32>,
    pub accepted: u64,
    /// Bytes that the other machine heard.
    pub heard: u64,
    /// Bytes that came back.
    pub answered: u64,
}

impl Conversation {
    /// It begins: one machine is connected to `to` at the other.
    pub fn new(world: &mut World, family: Family, to: IpEndpoint) -> Self {
        let listener = listen_on(&mut world.other.net, family, to.port, 16);
        let near = world.one.net.open(family, Type::Stream).unwrap();
        assert_eq!(world.one.net.connect(near, to), Err(Errno::EINPROGRESS));
        let mut far = Vec::new();
        let is_there = world.run_until(Duration::from_secs(50), |world| {
            far.extend(world.other.net.accept(listener).ok().map(|(far, _)| far));
            !far.is_empty() && world.one.net.connected(near) == Ok(())
        });
        assert!(is_there, "they find each other");
        Self { family, to, listener, near, far, accepted: 0, heard: 0, answered: 0 }
    }

    /// Sockets of the other machine that it has open.
    pub fn opened(&self) -> usize {
        self.far.len() + 1
    }

    /// One machine says something, if it is its turn, and reads; the other reads, and says it back.
    pub fn go_on(&mut self, world: &mut World, dice: Option<&mut Rng>) {
        if let Some(dice) = dice {
            self.say(world, &vec![b'x'; (dice.u64(..) % 2000) as usize]);
        }
        self.answered += receive(&mut world.one.net, self.near).map_or(0, |bytes| bytes.len() as u64);
        if let Ok((guest, _)) = world.other.net.accept(self.listener) {
            self.accepted += 1;
            self.far.push(guest);
        }
        // Those that came first are let go.
        if self.far.len() > HEARD {
            world.other.net.close(self.far.remove(0)).unwrap();
        }
        for end in &self.far {
            if let Ok(bytes) = receive(&mut world.other.net, *end) {
                self.heard += bytes.len() as u64;
                let _ = world.other.net.send(*end, &bytes, None);
            }
        }
    }

    fn say(&mut self, world: &mut World, word: &[u8]) {
        if world.one.net.send(self.near, word, None).is_err_and(|error| error != Errno::EAGAIN) {
            // It was reset, or never opened: another begins.
            let _ = world.one.net.close(self.near);
            self.near = world.one.net.open(self.family, Type::Stream).unwrap();
            let _ = world.one.net.connect(self.near, self.to);
        }
    }

    /// It ends; its listener, which is still there.
    pub fn end(self, world: &mut World) -> u32 {
        world.one.net.close(self.near).unwrap();
        self.far.into_iter().for_each(|end| world.other.net.close(end).unwrap());
        self.listener
    }
}
