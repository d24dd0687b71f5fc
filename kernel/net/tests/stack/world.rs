//! Two machines and the cable between them, which loses, repeats and reorders frames as a seed says.
#![allow(unsafe_code, reason = "what was received into memory without values has them then")]

use std::collections::VecDeque;
use std::mem::MaybeUninit;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use allocator_api2::alloc::Global;
use fastrand::Rng;
use skete_abi::Errno;
use skete_drivers::card::fake::Fake;
use skete_net::setup::Fixed;
use skete_net::socket::{Family, Options, Type};
use skete_net::stack::{Limits, Waker};
use skete_net::{Duration, Instant, IpAddress, IpEndpoint, Stack};

pub type Net = Stack<Global>;

/// Who is told of wakes: it counts.
pub struct Bell(pub Mutex<u32>);

impl Waker for Bell {
    fn wake(&self, _: &'static AtomicU32, _: u32) {}
    fn announce(&self) {
        *self.0.lock().unwrap() += 1;
    }
}

pub static BELL: Bell = Bell(Mutex::new(0));

pub const LIMITS: Limits = Limits { connections: 64, mailboxes: 16 };

/// True this many times of a hundred.
pub fn hits(dice: &mut Rng, percent: u64) -> bool {
    dice.u64(..100) < percent
}

/// A machine.
pub struct Machine {
    pub net: Net,
    pub card: Fake,
}

impl Machine {
    /// A machine with a card, whose address is fixed or comes by DHCP.
    pub fn new(last: u8, fixed: Option<&str>, limits: Limits) -> Self {
        Self::seeded(last, fixed, limits, last.into())
    }

    /// The same, whose numbers that others must not guess follow from `seed`.
    pub fn seeded(last: u8, fixed: Option<&str>, limits: Limits, seed: u64) -> Self {
        let card = Fake::new([2, 0, 0, 0, 0, last]);
        let mut net = Net::new(Global, &BELL, limits, seed.wrapping_mul(77), Instant::ZERO).expect("there is memory");
        let fixed = fixed.map(|text| Fixed::parse(text).expect("an address"));
        assert!(net.attach(Box::leak(Box::new(card.clone())), fixed, seed, Instant::ZERO));
        Self { net, card }
    }
}

/// What the cable does to frames, in percent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    pub loses: u64,
    pub repeats: u64,
    pub reorders: u64,
}

/// Two machines, 10.0.0.1 and 10.0.0.2.
pub struct World {
    pub one: Machine,
    pub other: Machine,
    pub now: Instant,
    pub faults: Faults,
    pub dice: Rng,
    held: VecDeque<(bool, Vec<u8>)>,
}

impl World {
    pub fn new() -> Self {
        Self::with(Faults::default(), 1, LIMITS)
    }

    pub fn with(faults: Faults, seed: u64, limits: Limits) -> Self {
        let one = Machine::new(1, Some("10.0.0.1/24"), limits);
        let other = Machine::new(2, Some("10.0.0.2/24"), limits);
        let dice = Rng::with_seed(seed);
        Self { one, other, now: Instant::from_millis(1), faults, dice, held: VecDeque::new() }
    }

    /// Moves every frame that left to the other side; whether any did.
    fn carry(&mut self) -> bool {
        let mut carried = false;
        loop {
            let from_one = self.one.card.cable().sent.pop_front().map(|frame| (true, frame));
            let from_other = self.other.card.cable().sent.pop_front().map(|frame| (false, frame));
            if from_one.is_none() && from_other.is_none() {
                break;
            }
            carried = true;
            for (is_from_one, frame) in [from_one, from_other].into_iter().flatten() {
                self.carry_one(is_from_one, frame);
            }
        }
        if !carried && let Some((is_from_one, frame)) = self.held.pop_front() {
            self.arrive(is_from_one, frame);
            carried = true;
        }
        carried
    }

    fn carry_one(&mut self, is_from_one: bool, frame: Vec<u8>) {
        if hits(&mut self.dice, self.faults.loses) {
            return;
        }
        if hits(&mut self.dice, self.faults.repeats) {
            self.arrive(is_from_one, frame.clone());
        }
        if hits(&mut self.dice, self.faults.reorders) {
            self.held.push_back((is_from_one, frame));
        } else {
            self.arrive(is_from_one, frame);
        }
    }

    fn arrive(&mut self, is_from_one: bool, frame: Vec<u8>) {
        let card = if is_from_one { &self.other.card } else { &self.one.card };
        card.cable().arriving.push_back(frame);
    }

    /// Lets the machines act until nothing moves, without time passing.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let turns = [self.one.net.turn(self.now), self.other.net.turn(self.now)];
            if !self.carry() && turns.iter().all(|turn| !turn.is_unfinished) {
                return;
            }
        }
        panic!("the machines never come to rest");
    }

    /// Lets time pass until `is_done`, at most `most`; whether it is.
    pub fn run_until(&mut self, most: Duration, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        let end = self.now + most;
        loop {
            self.settle();
            if is_done(self) {
                return true;
            }
            if self.now >= end {
                return false;
            }
            let next = [self.one.net.next(), self.other.net.next()].into_iter().flatten().min();
            self.now = next.unwrap_or(end).max(self.now + Duration::from_micros(100)).min(end);
        }
    }

    /// Lets so much time pass.
    pub fn pass(&mut self, time: Duration) {
        self.run_until(time, |_| false);
    }

    /// A connection from one machine to port 80 of the other: both ends, and the listener.
    pub fn connection(&mut self) -> (u32, u32, u32) {
        let listener = listen(&mut self.other.net, 80, 16);
        let (near, far) = self.connect_to(listener);
        (near, far, listener)
    }

    /// A connection from one machine to the listener at port 80 of the other.
    pub fn connect_to(&mut self, listener: u32) -> (u32, u32) {
        let near = stream(&mut self.one.net);
        assert_eq!(self.one.net.connect(near, OTHER), Err(Errno::EINPROGRESS));
        let mut far = None;
        let is_there = self.run_until(Duration::from_secs(50), |world| {
            far = far.or_else(|| world.other.net.accept(listener).ok().map(|(far, _)| far));
            far.is_some() && world.one.net.connected(near) == Ok(())
        });
        assert!(is_there, "they find each other");
        (near, far.unwrap())
    }
}

/// Port 80 of the other machine.
pub const OTHER: IpEndpoint = IpEndpoint { addr: IpAddress::v4(10, 0, 0, 2), port: 80 };

/// Port 80 of the other machine, at the link's own address.
pub const OTHER_V6: IpEndpoint = IpEndpoint { addr: IpAddress::v6(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 2), port: 80 };

pub fn stream(net: &mut Net) -> u32 {
    net.open(Family::V4, Type::Stream).unwrap()
}

pub fn listen(net: &mut Net, port: u16, backlog: i32) -> u32 {
    listen_on(net, Family::V4, port, backlog)
}

/// A listener for connections of this kind alone.
pub fn listen_on(net: &mut Net, family: Family, port: u16, backlog: i32) -> u32 {
    let listener = net.open(family, Type::Stream).unwrap();
    let any = if family == Family::V4 { IpAddress::v4(0, 0, 0, 0) } else { IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0) };
    set(net, listener, |options| options.v6_only = family == Family::V6);
    net.bind(listener, IpEndpoint::new(any, port)).unwrap();
    net.listen(listener, backlog).unwrap();
    listener
}

/// What comes, as far as it has.
pub fn receive(net: &mut Net, socket: u32) -> Result<Vec<u8>, Errno> {
    receive_from(net, socket).map(|(bytes, _)| bytes)
}

pub fn receive_from(net: &mut Net, socket: u32) -> Result<(Vec<u8>, Option<IpEndpoint>), Errno> {
    let mut buffer = [MaybeUninit::new(0); 2048];
    let received = net.receive(socket, &mut buffer, false)?;
    // Each byte was written with a number before.
    Ok((buffer[..received.count].iter().map(|byte| read(*byte)).collect(), received.from))
}

fn read(byte: MaybeUninit<u8>) -> u8 {
    // SAFETY: `receive_from` gave each byte a value before it was received into.
    unsafe { byte.assume_init() }
}

/// Changes the options of a socket.
pub fn set(net: &mut Net, socket: u32, change: impl FnOnce(&mut Options)) {
    net.set_options(socket, |options| {
        change(options);
        Ok(())
    })
    .unwrap();
}

/// How many of those who wait for `word` are to be woken, by each wake that was gathered.
pub fn woken(net: &mut Net, word: &AtomicU32) -> Vec<u32> {
    let wakes = std::iter::from_fn(|| net.take_wake()).filter(|(other, _)| std::ptr::eq(*other, word));
    wakes.map(|(_, count)| count).collect()
}

/// How often a word grew.
pub fn count(word: &AtomicU32) -> u32 {
    word.load(Ordering::Relaxed)
}
