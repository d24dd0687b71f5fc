//! The options of sockets: `setsockopt` and `getsockopt`, with Linux's numbers (`socket(7)`, `ip(7)`, `ipv6(7)`, `tcp(7)`).
#![allow(unsafe_code, reason = "exported names; values that the program names by their address")]

use core::ffi::{c_int, c_void};

use skete::files;
use skete::files::socket::{Domain, Duration, IpAddress, Manner, Opened, Options, ends, mailbox};
use skete_abi::Errno;

use super::address::{INTERNET, INTERNET_6, UNIX};
use super::kind;
use crate::errno;
use crate::linux::process::PID;

/// Of every socket.
mod socket {
    pub const LEVEL: i32 = 1;
    pub const REUSE_ADDRESS: i32 = 2;
    pub const TYPE: i32 = 3;
    pub const ERROR: i32 = 4;
    pub const BROADCAST: i32 = 6;
    pub const SEND_BYTES: i32 = 7;
    pub const RECEIVE_BYTES: i32 = 8;
    pub const KEEP_ALIVE: i32 = 9;
    pub const LINGER: i32 = 13;
    pub const REUSE_PORT: i32 = 15;
    pub const PEER: i32 = 17;
    pub const RECEIVE_TIMEOUT: i32 = 20;
    pub const SEND_TIMEOUT: i32 = 21;
    pub const LISTENS: i32 = 30;
    pub const PROTOCOL: i32 = 38;
    pub const DOMAIN: i32 = 39;
}

/// Of IPv4.
mod ip {
    pub const LEVEL: i32 = 0;
    pub const SERVICE: i32 = 1;
    pub const HOPS: i32 = 2;
    pub const GROUP_CARD: i32 = 32;
    pub const GROUP_HOPS: i32 = 33;
    pub const GROUP_LOOP: i32 = 34;
    pub const JOIN: i32 = 35;
    pub const LEAVE: i32 = 36;
}

/// Of IPv6.
mod ip6 {
    pub const LEVEL: i32 = 41;
    pub const HOPS: i32 = 16;
    pub const GROUP_CARD: i32 = 17;
    pub const GROUP_HOPS: i32 = 18;
    pub const GROUP_LOOP: i32 = 19;
    pub const JOIN: i32 = 20;
    pub const LEAVE: i32 = 21;
    pub const V6_ONLY: i32 = 26;
    pub const SERVICE: i32 = 67;
}

/// Of TCP.
mod tcp {
    pub const LEVEL: i32 = 6;
    pub const NO_DELAY: i32 = 1;
}

/// `IPPROTO_UDP`.
const UDP: i32 = 17;

/// `struct timeval`.
#[repr(C)]
#[derive(Clone, Copy)]
struct TimeVal {
    seconds: i64,
    microseconds: i64,
}

/// Reads the value of an option.
///
/// # Safety
/// If not null, `length` bytes can be read from `value` on.
unsafe fn read<T: Copy>(value: *const c_void, length: u32) -> Result<T, Errno> {
    if value.is_null() {
        return Err(Errno::EFAULT);
    }
    if (length as usize) < size_of::<T>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as many bytes as it has, of any alignment.
    Ok(unsafe { value.cast::<T>().read_unaligned() })
}

/// Reads an `int`, which may be a byte alone (`ip(7)`).
///
/// # Safety
/// As [`read`].
unsafe fn read_int(value: *const c_void, length: u32, level: i32) -> Result<i32, Errno> {
    if level == ip::LEVEL && (1..4).contains(&length) {
        // SAFETY: the caller's promise.
        return unsafe { read::<u8>(value, length) }.map(Into::into);
    }
    // SAFETY: the caller's promise.
    unsafe { read(value, length) }
}

/// Writes the value of an option, as much of it as there is room for, and how long that is.
///
/// # Safety
/// If neither is null, `*length` bytes can be written from `to` on.
unsafe fn write<T: Copy>(value: T, to: *mut c_void, length: *mut u32) -> Result<(), Errno> {
    if to.is_null() || length.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: not null; the caller's.
    let bytes = (unsafe { length.read() } as usize).min(size_of::<T>());
    // SAFETY: no longer than the value, nor than the caller's room.
    unsafe { core::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), to.cast(), bytes) };
    // SAFETY: not null; the caller's.
    unsafe { length.write(u32::try_from(bytes).unwrap_or(0)) };
    Ok(())
}

/// A time to wait; none at all is for ever.
fn timeout_of(time: TimeVal) -> Result<Option<Duration>, Errno> {
    let micros = u64::try_from(time.microseconds).ok().filter(|micros| *micros < 1_000_000).ok_or(Errno::EDOM)?;
    // A time below none is over at once (`socket(7)`): the shortest that there is.
    let Ok(seconds) = u64::try_from(time.seconds) else { return Ok(Some(Duration::from_micros(1))) };
    let total = seconds.saturating_mul(1_000_000).saturating_add(micros);
    Ok((total > 0).then(|| Duration::from_micros(total)))
}

fn time_of(timeout: Option<Duration>) -> TimeVal {
    let micros = timeout.map_or(0, |timeout| timeout.total_micros());
    let part = |micros| i64::try_from(micros).unwrap_or(i64::MAX);
    TimeVal { seconds: part(micros / 1_000_000), microseconds: part(micros % 1_000_000) }
}

/// How far packets go: `least` to 255; −1 is what is usual.
fn hops(value: i32, least: u8, usual: u8) -> Result<u8, Errno> {
    if value == -1 { Ok(usual) } else { u8::try_from(value).ok().filter(|hops| *hops >= least).ok_or(Errno::EINVAL) }
}

/// POSIX `setsockopt`.
///
/// # Safety
/// As many bytes of a value are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn setsockopt(fd: c_int, level: c_int, option: c_int, value: *const c_void, length: u32) -> c_int {
    // SAFETY: the caller's promise.
    errno::answer(files::socket_of(fd).and_then(|opened| unsafe { set(&opened, level, option, value, length) }).map(|()| 0))
}

/// # Safety
/// As [`read`].
unsafe fn set(opened: &Opened, level: i32, option: i32, value: *const c_void, length: u32) -> Result<(), Errno> {
    let change = |mut change: &mut dyn FnMut(&mut Options)| opened.socket.set_options(opened.item, &mut change);
    // SAFETY: the caller's promise.
    let int = || unsafe { read_int(value, length, level) };
    match (level, option) {
        (socket::LEVEL, socket::RECEIVE_TIMEOUT | socket::SEND_TIMEOUT) => {
            // SAFETY: the caller's promise.
            let timeout = timeout_of(unsafe { read(value, length) }?)?;
            change(&mut |options| {
                *if option == socket::RECEIVE_TIMEOUT { &mut options.receive_timeout } else { &mut options.send_timeout } = timeout;
            })
        }
        (socket::LEVEL, socket::LINGER) => {
            // SAFETY: the caller's promise.
            let [is_on, seconds]: [i32; 2] = unsafe { read(value, length) }?;
            let seconds = u32::try_from(seconds).unwrap_or(0);
            change(&mut |options| options.linger = (is_on != 0).then_some(seconds))
        }
        (ip::LEVEL, ip::JOIN | ip::LEAVE) => {
            // `struct ip_mreq`, and the beginning of `struct ip_mreqn`.
            // SAFETY: the caller's promise.
            let [group, _]: [[u8; 4]; 2] = unsafe { read(value, length) }?;
            opened.socket.set_group(opened.item, IpAddress::Ipv4(group.into()), option == ip::JOIN)
        }
        (ip6::LEVEL, ip6::JOIN | ip6::LEAVE) => {
            // `struct ipv6_mreq`.
            // SAFETY: the caller's promise.
            let (group, _): ([u8; 16], u32) = unsafe { read(value, length) }?;
            opened.socket.set_group(opened.item, IpAddress::Ipv6(group.into()), option == ip6::JOIN)
        }
        (ip::LEVEL, ip::HOPS) => hops(int()?, 1, Options::NEW.hops).and_then(|hops| change(&mut |options| options.hops = hops)),
        (ip6::LEVEL, ip6::HOPS) => hops(int()?, 0, Options::NEW.hops).and_then(|hops| change(&mut |options| options.hops = hops)),
        (ip::LEVEL, ip::GROUP_HOPS) | (ip6::LEVEL, ip6::GROUP_HOPS) => {
            hops(int()?, 0, Options::NEW.group_hops).and_then(|hops| change(&mut |options| options.group_hops = hops))
        }
        _ => set_flag(opened, level, option, int()? != 0),
    }
}

/// Sets an option that is on or off.
fn set_flag(opened: &Opened, level: i32, option: i32, is_on: bool) -> Result<(), Errno> {
    let (socket, item) = (opened.socket, opened.item);
    let nature = socket.nature(item)?;
    let place: fn(&mut Options) -> &mut bool = match (level, option) {
        (socket::LEVEL, socket::REUSE_ADDRESS) => |options| &mut options.may_reuse,
        (socket::LEVEL, socket::REUSE_PORT) if nature.manner == Manner::Datagrams => |options| &mut options.may_reuse,
        (socket::LEVEL, socket::KEEP_ALIVE) => |options| &mut options.keeps_alive,
        (socket::LEVEL, socket::BROADCAST) => |options| &mut options.may_broadcast,
        (tcp::LEVEL, tcp::NO_DELAY) if nature.domain != Domain::Pair && nature.manner == Manner::Stream => {
            |options| &mut options.has_no_delay
        }
        (ip::LEVEL, ip::GROUP_LOOP) if nature.domain != Domain::Pair => |options| &mut options.loops_groups,
        (ip6::LEVEL, ip6::GROUP_LOOP) if nature.domain == Domain::V6 => |options| &mut options.loops_groups,
        (ip6::LEVEL, ip6::V6_ONLY) if nature.domain == Domain::V6 => {
            if socket.name(item)?.is_some_and(|name| name.port != 0) {
                return Err(Errno::EINVAL);
            }
            |options| &mut options.v6_only
        }
        // Sizes are what they are, nobody on this machine looks at a type of service, and there is one card.
        (socket::LEVEL, socket::SEND_BYTES | socket::RECEIVE_BYTES)
        | (ip::LEVEL, ip::SERVICE | ip::GROUP_CARD)
        | (ip6::LEVEL, ip6::SERVICE | ip6::GROUP_CARD) => return Ok(()),
        _ => return Err(Errno::ENOPROTOOPT),
    };
    socket.set_options(item, &mut |options| *place(options) = is_on)
}

/// POSIX `getsockopt`.
///
/// # Safety
/// There is room for as many bytes as are told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockopt(fd: c_int, level: c_int, option: c_int, value: *mut c_void, length: *mut u32) -> c_int {
    // SAFETY: the caller's promise.
    errno::answer(files::socket_of(fd).and_then(|opened| unsafe { get(&opened, level, option, value, length) }).map(|()| 0))
}

/// # Safety
/// As [`write`].
unsafe fn get(opened: &Opened, level: i32, option: i32, value: *mut c_void, length: *mut u32) -> Result<(), Errno> {
    let options = opened.socket.options(opened.item)?;
    match (level, option) {
        (socket::LEVEL, socket::RECEIVE_TIMEOUT | socket::SEND_TIMEOUT) => {
            let timeout = if option == socket::RECEIVE_TIMEOUT { options.receive_timeout } else { options.send_timeout };
            // SAFETY: the caller's promise.
            unsafe { write(time_of(timeout), value, length) }
        }
        (socket::LEVEL, socket::LINGER) => {
            let seconds = options.linger.map_or(0, |seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
            // SAFETY: the caller's promise.
            unsafe { write([i32::from(options.linger.is_some()), seconds], value, length) }
        }
        // `struct ucred`: the one program, and the one user.
        (socket::LEVEL, socket::PEER) if opened.socket.nature(opened.item)?.domain == Domain::Pair => {
            // SAFETY: the caller's promise.
            unsafe { write([PID, 0, 0], value, length) }
        }
        // SAFETY: the caller's promise.
        _ => unsafe { write(int_of(opened, level, option, &options)?, value, length) },
    }
}

/// The value of an option that is an `int`.
fn int_of(opened: &Opened, level: i32, option: i32, options: &Options) -> Result<i32, Errno> {
    let nature = opened.socket.nature(opened.item)?;
    let is_stream = nature.manner == Manner::Stream;
    let is_pair = nature.domain == Domain::Pair;
    let bytes = |stream: usize, datagrams: usize| i32::try_from(if is_stream { stream } else { datagrams }).unwrap_or(i32::MAX);
    Ok(match (level, option) {
        (socket::LEVEL, socket::ERROR) => opened.socket.take_error(opened.item)?.map_or(0, Errno::number),
        (socket::LEVEL, socket::TYPE) => match nature.manner {
            Manner::Stream => kind::STREAM,
            Manner::Datagrams => kind::DATAGRAMS,
            Manner::Messages => kind::MESSAGES,
        },
        (socket::LEVEL, socket::DOMAIN) => match nature.domain {
            Domain::V4 => INTERNET,
            Domain::V6 => INTERNET_6,
            Domain::Pair => UNIX,
        },
        (socket::LEVEL, socket::PROTOCOL) => match nature.domain {
            Domain::Pair => 0,
            _ if is_stream => tcp::LEVEL,
            _ => UDP,
        },
        (socket::LEVEL, socket::LISTENS) => nature.listens.into(),
        (socket::LEVEL, socket::REUSE_ADDRESS) => options.may_reuse.into(),
        (socket::LEVEL, socket::REUSE_PORT) if !is_stream => options.may_reuse.into(),
        (socket::LEVEL, socket::KEEP_ALIVE) => options.keeps_alive.into(),
        (socket::LEVEL, socket::BROADCAST) => options.may_broadcast.into(),
        (socket::LEVEL, socket::SEND_BYTES) => bytes(ends::SEND_BYTES, mailbox::SEND_BYTES),
        (socket::LEVEL, socket::RECEIVE_BYTES) => bytes(ends::RECEIVE_BYTES, mailbox::RECEIVE_BYTES),
        (tcp::LEVEL, tcp::NO_DELAY) if is_stream && !is_pair => options.has_no_delay.into(),
        (ip::LEVEL, ip::HOPS) if !is_pair => options.hops.into(),
        (ip::LEVEL, ip::SERVICE) if !is_pair => 0,
        (ip::LEVEL, ip::GROUP_HOPS) if !is_pair => options.group_hops.into(),
        (ip::LEVEL, ip::GROUP_LOOP) if !is_pair => options.loops_groups.into(),
        (ip6::LEVEL, _) if nature.domain != Domain::V6 => return Err(Errno::ENOPROTOOPT),
        (ip6::LEVEL, ip6::HOPS) => options.hops.into(),
        (ip6::LEVEL, ip6::SERVICE) => 0,
        (ip6::LEVEL, ip6::GROUP_HOPS) => options.group_hops.into(),
        (ip6::LEVEL, ip6::GROUP_LOOP) => options.loops_groups.into(),
        (ip6::LEVEL, ip6::V6_ONLY) => options.v6_only.into(),
        _ => return Err(Errno::ENOPROTOOPT),
    })
}
