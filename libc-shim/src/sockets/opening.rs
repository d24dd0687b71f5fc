//! How sockets are opened, named, connected and shut down.
#![allow(unsafe_code, reason = "exported names; addresses that the program names by theirs")]

use core::ffi::{c_int, c_void};

use skete::calls::net::use_network;
use skete::files;
use skete::files::socket::{Domain, Family, Half, IpAddress, IpEndpoint, Manner, Opened, PATH, Type, Wait, named, network, pair};
use skete_abi::Errno;

use super::address::{self, Given, INTERNET, INTERNET_6, UNIX};
use super::numbers::use_numbers;
use super::{CLOSE_ON_EXEC, NONBLOCKING, find, kind, patiently};
use crate::errno;
use crate::thread::cancel;

/// `IPPROTO_TCP`, `IPPROTO_UDP`.
const TCP: c_int = 6;
const UDP: c_int = 17;

fn done(result: Result<(), Errno>) -> c_int {
    errno::answer(result.map(|()| 0))
}

fn close_on_exec(fd: c_int, flags: c_int) -> Result<c_int, Errno> {
    files::close_on_exec(fd, Some(flags & CLOSE_ON_EXEC != 0)).map(|_| fd)
}

/// POSIX `socket`, of IPv4, IPv6, or of those that are called by names in the file tree.
#[unsafe(no_mangle)]
pub extern "C" fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    use_network();
    use_numbers();
    errno::answer(open(domain, kind, protocol))
}

fn open(domain: c_int, kind: c_int, protocol: c_int) -> Result<c_int, Errno> {
    if domain == UNIX {
        let manner = match kind & !(NONBLOCKING | CLOSE_ON_EXEC) {
            kind::STREAM => Manner::Stream,
            kind::MESSAGES => Manner::Messages,
            // Datagrams have no names.
            kind::DATAGRAMS => return Err(Errno::EAFNOSUPPORT),
            _ => return Err(Errno::ESOCKTNOSUPPORT),
        };
        if protocol != 0 && protocol != UNIX {
            return Err(Errno::EPROTONOSUPPORT);
        }
        return named::open(manner, kind & NONBLOCKING != 0).and_then(|fd| close_on_exec(fd, kind));
    }
    let family = match domain {
        INTERNET => Family::V4,
        INTERNET_6 => Family::V6,
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    let kind_alone = kind & !(NONBLOCKING | CLOSE_ON_EXEC);
    let kind_of_ours = match (kind_alone, protocol) {
        (kind::STREAM, 0 | TCP) => Type::Stream,
        (kind::DATAGRAMS, 0 | UDP) => Type::Datagram,
        (kind::STREAM | kind::DATAGRAMS, _) => return Err(Errno::EPROTONOSUPPORT),
        (kind::RAW | kind::MESSAGES, _) => return Err(Errno::ESOCKTNOSUPPORT),
        _ => return Err(Errno::EINVAL),
    };
    network::open(family, kind_of_ours, kind & NONBLOCKING != 0).and_then(|fd| close_on_exec(fd, kind))
}

/// POSIX `socketpair`.
///
/// # Safety
/// There is room for two numbers, or it is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn socketpair(domain: c_int, kind: c_int, protocol: c_int, place: *mut [c_int; 2]) -> c_int {
    errno::answer(open_pair(domain, kind, protocol).and_then(|pair| {
        if place.is_null() {
            pair.map(files::close).into_iter().collect::<Result<(), Errno>>()?;
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's promise.
        unsafe { place.write(pair) };
        Ok(0)
    }))
}

fn open_pair(domain: c_int, kind: c_int, protocol: c_int) -> Result<[c_int; 2], Errno> {
    match domain {
        UNIX => {}
        INTERNET | INTERNET_6 => return Err(Errno::EOPNOTSUPP),
        _ => return Err(Errno::EAFNOSUPPORT),
    }
    let manner = match kind & !(NONBLOCKING | CLOSE_ON_EXEC) {
        kind::STREAM => Manner::Stream,
        kind::DATAGRAMS | kind::RAW => Manner::Datagrams,
        kind::MESSAGES => Manner::Messages,
        _ => return Err(Errno::ESOCKTNOSUPPORT),
    };
    if protocol != 0 && protocol != UNIX {
        return Err(Errno::EPROTONOSUPPORT);
    }
    let pair = pair::open(manner, kind & NONBLOCKING != 0)?;
    for side in pair {
        close_on_exec(side, kind)?;
    }
    Ok(pair)
}

/// POSIX `bind`.
///
/// # Safety
/// As many bytes of an address are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bind(fd: c_int, name: *const c_void, length: u32) -> c_int {
    done(files::socket_of(fd).and_then(|opened| {
        // SAFETY: the caller's promise.
        match unsafe { address::read(name, length) }? {
            Given::Path(path) => opened.socket.bind_path(opened.item, path.bytes()),
            name => opened.socket.bind(opened.item, name.ip()?),
        }
    }))
}

/// POSIX `listen`. Less than nothing is as much as there may be, as on Linux.
#[unsafe(no_mangle)]
pub extern "C" fn listen(fd: c_int, backlog: c_int) -> c_int {
    let backlog = if backlog < 0 { c_int::MAX } else { backlog };
    done(files::socket_of(fd).and_then(|opened| opened.socket.listen(opened.item, backlog)))
}

/// POSIX `accept`: a cancellation point.
///
/// # Safety
/// As [`accept4`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accept(fd: c_int, name: *mut c_void, length: *mut u32) -> c_int {
    // SAFETY: the caller's promise.
    unsafe { accept4(fd, name, length, 0) }
}

/// See `accept4(2)`: a cancellation point.
///
/// # Safety
/// There is room for an address of the length that is told, or `name` is null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn accept4(fd: c_int, name: *mut c_void, length: *mut u32, flags: c_int) -> c_int {
    errno::answer(take(fd, !name.is_null() && length.is_null(), flags).and_then(|(fd, peer)| {
        if !name.is_null() {
            // SAFETY: the caller's promise.
            unsafe { address::tell(peer, name, length) }?;
        }
        Ok(fd)
    }))
}

fn take(fd: c_int, has_no_length: bool, flags: c_int) -> Result<(c_int, Option<IpEndpoint>), Errno> {
    if flags & !(NONBLOCKING | CLOSE_ON_EXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    let (opened, manner) = find(fd)?;
    if manner == Manner::Datagrams {
        return Err(Errno::EOPNOTSUPP);
    }
    if has_no_length {
        return Err(Errno::EFAULT);
    }
    let (socket, item) = (opened.socket, opened.item);
    let timeout = || Ok(socket.options(item)?.receive_timeout);
    let taken = patiently(!opened.is_nonblocking, timeout, |wait| socket.accept(item, flags & NONBLOCKING != 0, wait));
    taken.and_then(|(fd, peer)| close_on_exec(fd, flags).map(|fd| (fd, peer)))
}

/// POSIX `connect`: a cancellation point.
///
/// # Safety
/// As many bytes of an address are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn connect(fd: c_int, name: *const c_void, length: u32) -> c_int {
    // SAFETY: the caller's promise.
    done(files::socket_of(fd).and_then(|_| unsafe { address::read(name, length) }).and_then(|name| reach(fd, name)))
}

fn reach(fd: c_int, name: Given) -> Result<(), Errno> {
    let opened = files::socket_of(fd)?;
    let (socket, item) = (opened.socket, opened.item);
    let nature = socket.nature(item)?;
    let peer = match name {
        Given::Ip(peer) => peer,
        // Who speaks with one alone speaks with all again.
        Given::Nobody if nature.manner == Manner::Datagrams => {
            let any = if nature.domain == Domain::V6 { IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0) } else { IpAddress::v4(0, 0, 0, 0) };
            IpEndpoint::new(any, 0)
        }
        Given::Nobody => return Err(Errno::EAFNOSUPPORT),
        Given::Path(path) => {
            let timeout = || Ok(socket.options(item)?.send_timeout);
            return patiently(!opened.is_nonblocking, timeout, |wait| socket.connect_path(item, path.bytes(), wait));
        }
    };
    cancel::point();
    match socket.connect(item, peer) {
        Err(Errno::EINPROGRESS) if !opened.is_nonblocking => {}
        done => return done,
    }
    let timeout = || Ok(socket.options(item)?.send_timeout);
    patiently(true, timeout, |wait| match socket.connected(item, wait) {
        Err(Errno::EINPROGRESS) if wait == Wait::No => Err(Errno::EAGAIN),
        answer => answer,
    })
}

/// POSIX `shutdown`.
#[unsafe(no_mangle)]
pub extern "C" fn shutdown(fd: c_int, how: c_int) -> c_int {
    done(files::socket_of(fd).and_then(|opened| {
        let half = match how {
            0 => Half::Read,
            1 => Half::Write,
            2 => Half::Both,
            _ => return Err(Errno::EINVAL),
        };
        opened.socket.shut_down(opened.item, half)
    }))
}

/// POSIX `getsockname`.
///
/// # Safety
/// There is room for an address of the length that is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getsockname(fd: c_int, name: *mut c_void, length: *mut u32) -> c_int {
    // SAFETY: the caller's promise.
    done(files::socket_of(fd).and_then(|opened| unsafe { tell(&opened, false, name, length) }))
}

/// POSIX `getpeername`.
///
/// # Safety
/// As [`getsockname`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getpeername(fd: c_int, name: *mut c_void, length: *mut u32) -> c_int {
    // SAFETY: the caller's promise.
    done(files::socket_of(fd).and_then(|opened| unsafe { tell(&opened, true, name, length) }))
}

/// Tells the name of a socket, or its peer's.
///
/// # Safety
/// As [`address::tell`].
unsafe fn tell(opened: &Opened, is_peers: bool, name: *mut c_void, length: *mut u32) -> Result<(), Errno> {
    let (socket, item) = (opened.socket, opened.item);
    if let Some(ip) = if is_peers { socket.peer(item) } else { socket.name(item) }? {
        // SAFETY: the caller's promise.
        return unsafe { address::tell(Some(ip), name, length) };
    }
    let mut path = [0; PATH];
    let bytes = socket.path(item, is_peers, &mut path)?;
    // SAFETY: the caller's promise.
    unsafe { address::tell_path(&path, bytes, name, length) }
}
