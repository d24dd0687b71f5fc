//! Everything together: what came, what leaves, what is due, and what sockets can do.
//!
//! - [`streams`]: connections · [`opening`]: how they begin
//! - [`datagrams`]: whose a datagram is, and where one goes
//! - [`calls`]: what every kind of socket can be asked · [`naming`]: who gets which address and port
//! - [`readiness`]: who may go on

mod calls;
mod datagrams;
mod naming;
mod opening;
mod readiness;
mod streams;

use core::sync::atomic::AtomicU32;

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_drivers::card::{Card, LONGEST};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::Medium;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use crate::due::Due;
use crate::ends::Ends;
use crate::frame::{self, Protocol, Subject};
use crate::link::{Home, Port, Side};
use crate::mailbox::Mailboxes;
use crate::ports::{Chooser, Ports};
use crate::row;
use crate::setup::{Fixed, Wired};
use crate::table::Table;

pub use calls::Half;
pub use streams::News;

/// Frames that are taken from a card before others have their turn.
const BURST: usize = 64;
/// Things that are due and done before others have their turn.
const DUE_AT_ONCE: usize = 256;
/// Packets that one connection sends in one go.
const SEGMENTS: usize = 128;
/// How soon a card that had no room is tried again: it does not tell when it has.
const ROOM: Duration = Duration::from_millis(1);
/// Wakes that are gathered until the lock is let go.
pub const WAKES: usize = 8;
/// A word that nobody waits for.
static NOBODY: AtomicU32 = AtomicU32::new(0);

/// How much there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections, those that are about to end among them. Each takes 128 KiB, once.
    pub connections: usize,
    /// Sockets of UDP. Each takes 192 KiB, once.
    pub mailboxes: usize,
}

impl Limits {
    /// Those of a machine with so much memory: a quarter of it for connections, a sixteenth for datagrams.
    #[must_use]
    pub fn of(bytes: u64) -> Self {
        let parts = |share: u64, unit: usize, most| {
            usize::try_from(bytes / share).unwrap_or(usize::MAX).checked_div(unit).unwrap_or(0).clamp(8, most)
        };
        Self {
            connections: parts(4, crate::ends::RECEIVE_BYTES + crate::ends::SEND_BYTES, 4096),
            mailboxes: parts(16, crate::mailbox::RECEIVE_BYTES + crate::mailbox::SEND_BYTES, 1024),
        }
    }
}

/// Who wakes those who wait.
pub trait Waker: Sync {
    /// Wakes at most `count` of those who wait for `word`.
    fn wake(&self, word: &'static AtomicU32, count: u32);

    /// Tells whoever polls several files that one of them changed.
    fn announce(&self);
}

/// What a [`Stack::turn`] leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// There is more to do at once.
    pub is_unfinished: bool,
    /// When there is more to do.
    pub next: Option<Instant>,
}

/// The network.
pub struct Stack<A: Allocator> {
    space: A,
    now: Instant,
    home: Home<A>,
    home_iface: Interface,
    nobody: SocketSet<'static>,
    wired: Option<Wired>,
    /// The addresses of the card as they were when sockets were last told.
    changes: u32,
    /// What the card receives into.
    frame: Vec<u8, A>,
    sockets: Table<A>,
    ends: Ends<A>,
    mailboxes: Mailboxes<A>,
    ports: Ports,
    chooser: Chooser,
    due: Due<A>,
    house_due: Option<Instant>,
    /// When the card wants to do something.
    card_due: Option<Instant>,
    /// When the first of the sockets that wait for an address gives up.
    hope_ends: Option<Instant>,
    /// Grows whenever an address, a name or a reason to give up hope may have come.
    outlook: u32,
    waker: &'static dyn Waker,
    /// The wakes that were gathered: the first of these.
    wakes: [(&'static AtomicU32, u32); WAKES],
    wake_count: usize,
    announces: bool,
    limits: Limits,
}

/// What leads to a side: smoltcp's interface there, and its port, with the packet that came over it if one `arrived`. `None`: there is no
/// card.
fn toward<'a, A: Allocator + Clone + 'static>(
    side: Side,
    wired: &'a mut Option<Wired>,
    home_iface: &'a mut Interface,
    home: &'a mut Home<A>,
    arrived: Option<&'a [u8]>,
) -> Option<(&'a mut Interface, Port<'a>)> {
    Some(match side {
        Side::Home => (home_iface, Port { arrived, way: home }),
        Side::Wire => wired.as_mut().map(|wired| (&mut wired.iface, Port { arrived, way: &mut wired.way }))?,
    })
}

impl<A: Allocator + Clone + 'static> Stack<A> {
    /// A network without a card; none, if there is no memory. `seed` makes what others must not guess.
    pub fn new(space: A, waker: &'static dyn Waker, limits: Limits, seed: u64, now: Instant) -> Option<Self> {
        let mut home = Home::new(space.clone())?;
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut home_iface = Interface::new(config, &mut Port { arrived: None, way: &mut home }, now);
        // All that goes home is for this machine, whatever its address.
        home_iface.set_any_ip(true);
        home_iface.update_ip_addrs(|addresses| {
            let _ = addresses.push(IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8));
            let _ = addresses.push(IpCidr::new(IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1), 128));
        });
        let keys = u16::try_from(limits.connections + limits.mailboxes).ok()?;
        Some(Self {
            now,
            home,
            home_iface,
            nobody: SocketSet::new(&mut [][..]),
            wired: None,
            changes: 0,
            frame: row(space.clone(), 0, LONGEST)?,
            sockets: Table::new(space.clone()),
            ends: Ends::new(space.clone(), limits.connections)?,
            mailboxes: Mailboxes::new(space.clone(), limits.mailboxes)?,
            ports: Ports::new(),
            chooser: Chooser::new(seed),
            due: Due::new(space.clone(), keys)?,
            house_due: None,
            card_due: None,
            hope_ends: None,
            outlook: 0,
            waker,
            wakes: [(&NOBODY, 0); WAKES],
            wake_count: 0,
            announces: false,
            limits,
            space,
        })
    }

    /// Uses `card` from now on; false if it cannot be used, or there is one already.
    pub fn attach(&mut self, card: &'static mut dyn Card, fixed: Option<Fixed>, seed: u64, now: Instant) -> bool {
        if self.wired.is_none() {
            self.wired = Wired::new(&self.space, card, fixed, seed, now);
            (self.house_due, self.card_due) = (Some(now), Some(now));
            return self.wired.is_some();
        }
        false
    }

    /// The card and its addresses.
    pub fn wired(&mut self) -> Option<&mut Wired> {
        self.wired.as_mut()
    }

    /// Grows whenever an address or a name may have come, or a reason to give up hope: whoever waits for one asks again.
    #[must_use]
    pub fn outlook(&self) -> u32 {
        self.outlook
    }

    /// How many connections there are, those that are about to end among them.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.ends.in_use()
    }

    /// How many sockets are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sockets.count()
    }

    /// Takes what came, does what is due; what is left to do.
    pub fn turn(&mut self, now: Instant) -> Turn {
        self.now = now;
        self.run_home();
        let received = self.take_frames();
        let mut done = 0;
        while done < DUE_AT_ONCE
            && let Some(number) = self.due.take(now)
        {
            self.tend_number(number);
            done += 1;
        }
        if let Some(wired) = self.wired.as_mut() {
            if self.card_due.is_some_and(|at| at <= now) {
                self.card_due = wired.tend_card(now);
            }
            if wired.hear_link() {
                self.house_due = Some(now);
            }
        }
        if let Some(wired) = self.wired.as_mut()
            && self.house_due.is_some_and(|at| at <= now)
        {
            self.house_due = wired.turn(now);
            self.outlook = self.outlook.wrapping_add(1);
        }
        self.tell_of_addresses();
        self.run_home();
        Turn { is_unfinished: received == BURST || done == DUE_AT_ONCE, next: self.next() }
    }

    /// When the next [`Stack::turn`] is due.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        let earlier = |one: Option<Instant>, other: Option<Instant>| match (one, other) {
            (Some(one), Some(other)) => Some(one.min(other)),
            _ => one.or(other),
        };
        earlier(earlier(self.due.earliest(), self.house_due), earlier(self.card_due, self.hope_ends))
    }

    /// Calls of sockets happen at this moment.
    pub fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    fn take_frames(&mut self) -> usize {
        let mut received = 0;
        while received < BURST {
            let mut frame = core::mem::replace(&mut self.frame, Vec::new_in(self.space.clone()));
            let length = self.wired.as_mut().and_then(|wired| wired.way.card.receive(&mut frame));
            if let Some(bytes) = length.and_then(|length| frame.get_mut(..length)) {
                self.arrive(Side::Wire, bytes);
            }
            self.frame = frame;
            if length.is_none() {
                break;
            }
            received += 1;
            self.run_home();
        }
        received
    }

    /// Lets everything arrive that is on its way home.
    fn run_home(&mut self) {
        while let Some(mut packet) = self.home.take() {
            self.arrive(Side::Home, packet.bytes());
            self.home.give_back(packet);
        }
    }

    fn arrive(&mut self, side: Side, bytes: &mut [u8]) {
        let medium = if side == Side::Home { Medium::Ip } else { Medium::Ethernet };
        match frame::subject(medium, bytes) {
            Subject::Segment { source, target, is_opening } => self.segment(side, source, target, is_opening, bytes),
            Subject::Datagram { source, target } => self.datagram(side, source, target, bytes),
            Subject::Refusal { protocol: Protocol::Tcp, local, remote, reason } => self.refused_connection(local, remote, reason),
            Subject::Refusal { protocol: Protocol::Udp, local, remote, reason } => self.refused_datagram(local, remote, reason),
            Subject::Neighbour => {
                self.arrive_for_nobody(side, bytes);
                self.tend_who_wait_for_neighbours();
            }
            Subject::Other => self.arrive_for_nobody(side, bytes),
            Subject::Forged => {}
        }
    }

    /// A packet that is no socket's: smoltcp answers what is to be answered.
    fn arrive_for_nobody(&mut self, side: Side, bytes: &[u8]) {
        let now = self.now;
        match (side, self.wired.as_mut()) {
            (Side::Wire, Some(wired)) => {
                wired.take_in(bytes, now);
                self.house_due = Some(now);
            }
            (Side::Wire, None) => {}
            (Side::Home, _) => {
                let mut port = Port { arrived: Some(bytes), way: &mut self.home };
                self.home_iface.poll_ingress_single(now, &mut port, &mut self.nobody);
            }
        }
    }

    /// Lets connections that waited for a neighbour's address go on: smoltcp asks again after a second, so they are due within one.
    fn tend_who_wait_for_neighbours(&mut self) {
        let soon = self.now + Duration::from_secs(1);
        let mut numbers = [0_u16; BURST];
        let mut count = 0;
        while count < BURST
            && let Some(number) = self.due.take(soon)
        {
            numbers[count] = number;
            count += 1;
        }
        for &number in &numbers[..count] {
            self.due.set(number, Some(self.now));
        }
    }

    /// Something with a deadline is due.
    fn tend_number(&mut self, number: u16) {
        let number = usize::from(number);
        let connections = self.limits.connections;
        if number < connections {
            self.tend(u32::try_from(number).unwrap_or(u32::MAX), News::None);
        } else {
            self.tend_mailbox(u32::try_from(number - connections).unwrap_or(u32::MAX));
        }
    }

    /// Lets sockets that wait for an address of the card's go on, if there may be one now, or none will come.
    fn tell_of_addresses(&mut self) {
        let changes = self.wired.as_ref().map_or(0, |wired| wired.changes);
        if changes != self.changes || self.hope_ends.is_some_and(|at| at <= self.now) {
            self.changes = changes;
            self.outlook = self.outlook.wrapping_add(1);
            self.go_on_connecting();
        }
    }

    /// Which way packets for `address` go.
    fn side_of(&self, address: IpAddress) -> Side {
        let is_own = self.wired.as_ref().is_some_and(|wired| wired.iface.ip_addrs().iter().any(|own| own.address() == address));
        if is_own || frame::is_loopback(address) || address.is_unspecified() { Side::Home } else { Side::Wire }
    }

    /// Whether this machine has `address`.
    fn is_own(&self, address: IpAddress) -> bool {
        self.side_of(address) == Side::Home && !address.is_unspecified()
    }

    /// The address that packets for `peer` come from.
    fn source_for(&self, peer: IpAddress) -> Option<IpAddress> {
        match self.side_of(peer) {
            Side::Home if frame::is_loopback(peer) => Some(loopback(peer)),
            Side::Home => Some(peer),
            Side::Wire => self.wired.as_ref()?.iface.get_source_address(&peer),
        }
    }
}

/// This machine's address towards itself, of the same kind as `address`.
fn loopback(address: IpAddress) -> IpAddress {
    match address {
        IpAddress::Ipv4(_) => IpAddress::v4(127, 0, 0, 1),
        IpAddress::Ipv6(_) => IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1),
    }
}
