//! Sockets as both sides see them: the numbers and structs of the Hermit ABI (crate `hermit-abi`, whose values a test compares).
//!
//! `kernel/src/calls/net.rs` turns them into what the network decides with; nothing else reads them.

/// Any family.
pub const AF_UNSPEC: i32 = 0;
/// IPv4.
pub const AF_INET: i32 = 3;
/// IPv6.
pub const AF_INET6: i32 = 1;

/// TCP.
pub const SOCK_STREAM: i32 = 1;
/// UDP.
pub const SOCK_DGRAM: i32 = 2;
/// With a type: calls answer `EAGAIN` instead of waiting.
pub const SOCK_NONBLOCK: i32 = 0o4000;
/// With a type: the number is closed when another program takes over.
pub const SOCK_CLOEXEC: i32 = 0o4_0000;

/// The level of options of IPv4, and the protocol that a type chooses by itself.
pub const IPPROTO_IP: i32 = 0;
/// TCP, and the level of its options.
pub const IPPROTO_TCP: i32 = 6;
/// UDP.
pub const IPPROTO_UDP: i32 = 17;
/// The level of options of IPv6.
pub const IPPROTO_IPV6: i32 = 41;
/// The level of options of every socket.
pub const SOL_SOCKET: i32 = 4095;

/// `int`: the port may be shared.
pub const SO_REUSEADDR: i32 = 0x4;
/// `int`, Linux's number where Hermit has none: which type it is.
pub const SO_TYPE: i32 = 0x1008;
/// `int`: an idle connection is tried.
pub const SO_KEEPALIVE: i32 = 0x8;
/// `int`: it may send to all.
pub const SO_BROADCAST: i32 = 0x20;
/// [`Linger`]: what closing does.
pub const SO_LINGER: i32 = 0x80;
/// `int`: bytes kept of what is sent.
pub const SO_SNDBUF: i32 = 0x1001;
/// `int`: bytes kept of what comes.
pub const SO_RCVBUF: i32 = 0x1002;
/// [`TimeVal`]: how long writing waits.
pub const SO_SNDTIMEO: i32 = 0x1005;
/// [`TimeVal`]: how long reading waits.
pub const SO_RCVTIMEO: i32 = 0x1006;
/// `int`: takes the error that waits to be told.
pub const SO_ERROR: i32 = 0x1007;

/// `int`: small segments are sent at once.
pub const TCP_NODELAY: i32 = 1;
/// `int`: the type of service: a wish that nobody heeds, told as 0.
pub const IP_TOS: i32 = 1;
/// `int`: how far packets go.
pub const IP_TTL: i32 = 2;
/// [`IpMreq`]: hear a group.
pub const IP_ADD_MEMBERSHIP: i32 = 3;
/// [`IpMreq`]: hear it no more.
pub const IP_DROP_MEMBERSHIP: i32 = 4;
/// `int`: how far packets to groups go.
pub const IP_MULTICAST_TTL: i32 = 5;
/// `int`: whether this machine hears them.
pub const IP_MULTICAST_LOOP: i32 = 7;
/// [`Ipv6Mreq`]: hear a group.
pub const IPV6_ADD_MEMBERSHIP: i32 = 12;
/// [`Ipv6Mreq`]: hear it no more.
pub const IPV6_DROP_MEMBERSHIP: i32 = 13;
/// `int`: whether this machine hears packets to groups.
pub const IPV6_MULTICAST_LOOP: i32 = 19;
/// `int`: IPv4 is not spoken.
pub const IPV6_V6ONLY: i32 = 27;

/// What came is looked at, and stays.
pub const MSG_PEEK: i32 = 1;

/// `shutdown`: nobody reads.
pub const SHUT_RD: i32 = 0;
/// `shutdown`: nobody writes.
pub const SHUT_WR: i32 = 1;
/// `shutdown`: neither.
pub const SHUT_RDWR: i32 = 2;

/// `getaddrinfo`: it may be known later.
pub const EAI_AGAIN: i32 = 2;
/// `getaddrinfo`: it never will.
pub const EAI_FAIL: i32 = 4;
/// `getaddrinfo`: no such family.
pub const EAI_FAMILY: i32 = 5;
/// `getaddrinfo`: no memory.
pub const EAI_MEMORY: i32 = 6;
/// `getaddrinfo`: no such name.
pub const EAI_NONAME: i32 = 8;
/// `getaddrinfo`: no such service.
pub const EAI_SERVICE: i32 = 9;
/// `getaddrinfo`: no such type.
pub const EAI_SOCKTYPE: i32 = 10;

/// `struct sockaddr_in`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SockAddrIn {
    /// Bytes of the whole.
    pub sin_len: u8,
    /// [`AF_INET`].
    pub sin_family: u8,
    /// The port, the upper byte first.
    pub sin_port: u16,
    /// The address, in its order.
    pub sin_addr: [u8; 4],
    /// Nothing.
    pub sin_zero: [u8; 8],
}

/// `struct sockaddr_in6`.
#[repr(C, align(4))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SockAddrIn6 {
    /// Bytes of the whole.
    pub sin6_len: u8,
    /// [`AF_INET6`].
    pub sin6_family: u8,
    /// The port, the upper byte first.
    pub sin6_port: u16,
    /// Kept by nobody.
    pub sin6_flowinfo: u32,
    /// The address, in its order.
    pub sin6_addr: [u8; 16],
    /// Which link.
    pub sin6_scope_id: u32,
}

/// `struct timeval`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeVal {
    /// Seconds.
    pub tv_sec: i64,
    /// Microseconds, below a million.
    pub tv_usec: i32,
}

/// `struct linger`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linger {
    /// Whether it counts.
    pub l_onoff: i32,
    /// Seconds.
    pub l_linger: i32,
}

/// `struct ip_mreq`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpMreq {
    /// The group.
    pub imr_multiaddr: [u8; 4],
    /// An address of the card that is to hear it.
    pub imr_interface: [u8; 4],
}

/// `struct ipv6_mreq`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ipv6Mreq {
    /// The group.
    pub ipv6mr_multiaddr: [u8; 16],
    /// The number of the card that is to hear it.
    pub ipv6mr_interface: u32,
}

/// `struct addrinfo`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct AddrInfo {
    /// `AI_…`.
    pub ai_flags: i32,
    /// `AF_…`.
    pub ai_family: i32,
    /// `SOCK_…`.
    pub ai_socktype: i32,
    /// `IPPROTO_…`.
    pub ai_protocol: i32,
    /// Bytes of the address.
    pub ai_addrlen: u32,
    /// The name as it is written in full.
    pub ai_canonname: *mut u8,
    /// The address.
    pub ai_addr: *mut u8,
    /// The next one.
    pub ai_next: *mut AddrInfo,
}
