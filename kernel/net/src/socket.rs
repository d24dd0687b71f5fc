//! What a socket is: its kind, its options, its signals.

use core::sync::atomic::{AtomicU32, Ordering};

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
pub use skete_logic::readiness::Ready;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint};

use crate::listener::Listener;
use crate::ports::NONE;

/// Which addresses a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6, and IPv4 as `::ffff:a.b.c.d` unless option `v6_only` is set (RFC 3493 3.7).
    V6,
}

impl Family {
    /// An address that a program gave, as packets carry it.
    ///
    /// # Errors
    /// `EAFNOSUPPORT`: it is not of this family.
    pub fn inner(self, address: IpAddress) -> Result<IpAddress, Errno> {
        match (self, address) {
            (Self::V4, IpAddress::Ipv4(_)) => Ok(address),
            (Self::V6, IpAddress::Ipv6(v6)) => Ok(v6.to_ipv4_mapped().map_or(address, IpAddress::Ipv4)),
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// An address that packets carry, as a program of this family sees it.
    #[must_use]
    pub fn outer(self, address: IpAddress) -> IpAddress {
        match (self, address) {
            (Self::V6, IpAddress::Ipv4(v4)) => IpAddress::Ipv6(v4.to_ipv6_mapped()),
            _ => address,
        }
    }

    /// The address that means any.
    #[must_use]
    pub const fn any(self) -> IpAddress {
        match self {
            Self::V4 => IpAddress::Ipv4(core::net::Ipv4Addr::UNSPECIFIED),
            Self::V6 => IpAddress::Ipv6(core::net::Ipv6Addr::UNSPECIFIED),
        }
    }
}

/// What kind of socket is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// TCP.
    Stream,
    /// UDP.
    Datagram,
}

/// The words that tell waiters of a socket to look again. They live for ever, and serve the socket's successors too.
///
/// A word grows whenever somebody may go on; who waits notes it before looking. It grows under the lock that also guards the socket, so
/// whoever looked and found nothing holds a number that is still the word's, or is about to be woken.
#[derive(Debug, Default)]
pub struct Signals {
    /// For those who read or accept.
    pub read: AtomicU32,
    /// For those who write or connect.
    pub write: AtomicU32,
}

impl Signals {
    /// Both words, as they are now.
    #[must_use]
    pub fn seen(&self) -> [u32; 2] {
        [self.read.load(Ordering::Relaxed), self.write.load(Ordering::Relaxed)]
    }
}

/// What was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// Bytes that are in the buffer now.
    pub count: usize,
    /// Bytes that there were: of a datagram more, if it did not fit.
    pub whole: usize,
    /// Who sent them, where that is not known anyway.
    pub from: Option<IpEndpoint>,
}

/// The options of a socket (`socket(7)`, `ip(7)`, `ipv6(7)`, `tcp(7)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// SO_RCVTIMEO.
    pub receive_timeout: Option<Duration>,
    /// SO_SNDTIMEO.
    pub send_timeout: Option<Duration>,
    /// SO_REUSEADDR.
    pub may_reuse: bool,
    /// SO_BROADCAST.
    pub may_broadcast: bool,
    /// SO_KEEPALIVE.
    pub keeps_alive: bool,
    /// SO_LINGER, in seconds.
    pub linger: Option<u32>,
    /// TCP_NODELAY.
    pub has_no_delay: bool,
    /// IP_TTL, IPV6_UNICAST_HOPS.
    pub hops: u8,
    /// IP_MULTICAST_TTL.
    pub group_hops: u8,
    /// IP_MULTICAST_LOOP, IPV6_MULTICAST_LOOP.
    pub loops_groups: bool,
    /// IPV6_V6ONLY.
    pub v6_only: bool,
}

impl Options {
    /// A new socket's.
    pub const NEW: Self = Self {
        receive_timeout: None,
        send_timeout: None,
        may_reuse: false,
        may_broadcast: false,
        keeps_alive: false,
        linger: None,
        has_no_delay: false,
        hops: 64,
        group_hops: 1,
        loops_groups: true,
        v6_only: false,
    };
}

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Neither connected nor connecting.
    Idle,
    /// It will connect once the card has an address, if it gets one before `until`.
    Awaiting {
        /// To whom.
        peer: IpEndpoint,
        /// Until when.
        until: Instant,
    },
    /// It connects.
    Connecting {
        /// Its end.
        end: u32,
        /// To whom.
        peer: IpEndpoint,
    },
    /// It is or was connected.
    Connected {
        /// Its end.
        end: u32,
        /// To whom.
        peer: IpEndpoint,
        /// Nobody reads any more.
        is_deaf: bool,
        /// Nobody writes any more.
        is_mute: bool,
    },
}

/// How many groups a socket can be in.
pub const GROUPS: usize = 8;

/// What a socket of UDP knows beside its datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagrams {
    /// Its datagrams.
    pub mailbox: u32,
    /// Whom alone it speaks with.
    pub peer: Option<IpEndpoint>,
    /// The groups that it hears.
    pub groups: [Option<IpAddress>; GROUPS],
    /// Nobody reads any more.
    pub is_deaf: bool,
    /// Nobody writes any more.
    pub is_mute: bool,
}

/// What a socket does.
pub enum Kind<A: Allocator> {
    /// It is one end of a connection, or will be.
    Stream(Stream),
    /// It takes connections.
    Listener(Listener<A>),
    /// It sends and receives datagrams.
    Datagrams(Datagrams),
}

/// A socket.
pub struct Socket<A: Allocator> {
    /// Which addresses it speaks.
    pub family: Family,
    /// What it does.
    pub kind: Kind<A>,
    /// Its options.
    pub options: Options,
    /// Its own address; none: all of this machine's.
    pub address: Option<IpAddress>,
    /// Its own port; 0: none yet.
    pub port: u16,
    /// The error that the next call is told.
    pub error: Option<Errno>,
    /// What tells its waiters.
    pub signals: &'static Signals,
    /// Whether somebody polls it, and is to be told of any change.
    pub is_watched: bool,
    /// What it was ready for when it was last looked at.
    pub ready: Ready,
    /// Grows with whatever happens to it.
    pub changes: u32,
    /// The next socket of its chain of ports, if it has a port of its own.
    pub next: u32,
    /// Whether it is in a chain: an accepted socket has its listener's port.
    pub is_chained: bool,
}

impl<A: Allocator> Socket<A> {
    /// A socket without a port.
    pub const fn new(family: Family, kind: Kind<A>, signals: &'static Signals) -> Self {
        let options = Options::NEW;
        let ready = Ready { read: false, write: false, error: false, hangup: false, ended: false };
        Self {
            family,
            kind,
            options,
            address: None,
            port: 0,
            error: None,
            signals,
            is_watched: false,
            ready,
            changes: 0,
            next: NONE,
            is_chained: false,
        }
    }

    /// Whether packets for `address` of this machine can be for this socket.
    pub fn hears(&self, address: IpAddress) -> bool {
        match (self.address, self.family, address) {
            (Some(own), ..) => own == address,
            (None, Family::V4, IpAddress::Ipv4(_)) | (None, Family::V6, IpAddress::Ipv6(_)) => true,
            (None, Family::V6, IpAddress::Ipv4(_)) => !self.options.v6_only,
            (None, Family::V4, IpAddress::Ipv6(_)) => false,
        }
    }

    /// Its own address and port, as its program sees them.
    pub fn name(&self, bound: Option<IpAddress>) -> IpEndpoint {
        let address = bound.or(self.address).map_or(self.family.any(), |address| self.family.outer(address));
        IpEndpoint::new(address, self.port)
    }
}
