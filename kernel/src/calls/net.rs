//! The Hermit ABI's socket calls. Each checks its pointers, asks [`crate::net`], and turns the answer into a number; options are in
//! [`super::sockopt`], names in [`super::lookup`].
//!
//! The calls without which there is no socket lead to [`PART`], by which boot begins the network.
#![allow(unsafe_code, reason = "the face towards programs: symbols and their pointers")]

use core::arch::asm;
use core::ffi::c_void;
use core::mem::MaybeUninit;

use skete_abi::Errno;
use skete_abi::net::{self as numbers, SockAddrIn, SockAddrIn6};
use skete_net::socket::{Family, Received, Type};
use skete_net::stack::Half;
use skete_net::{IpAddress, IpEndpoint};

use super::files::{buffer, bytes, count, done};
use super::{answer, answer_int};
use crate::files::{self, socket::network};
use crate::net::{self, transfer};

/// What boot does for a program that uses the network. By its name the tool knows such a program.
#[unsafe(export_name = "skete_network")]
#[unsafe(link_section = "skete_parts")]
static PART: fn() = net::begin;

/// Links [`PART`] with whoever calls this, and does nothing.
#[inline(always)]
pub fn use_network() {
    // SAFETY: a relocation that changes nothing, and no instruction.
    unsafe { asm!(".reloc ., R_AARCH64_NONE, {part}", part = sym PART, options(nomem, nostack, preserves_flags)) };
}

/// The address that a program gave.
///
/// # Safety
/// If not null, `len` bytes can be read from `name` on.
unsafe fn address(name: *const c_void, len: u32) -> Result<IpEndpoint, Errno> {
    if name.is_null() {
        return Err(Errno::EFAULT);
    }
    let len = len as usize;
    if len < 2 {
        return Err(Errno::EINVAL);
    }
    // SAFETY: the second byte is the family's, in every struct of an address.
    let family = i32::from(unsafe { name.cast::<u8>().add(1).read() });
    match family {
        numbers::AF_INET if len >= size_of::<SockAddrIn>() => {
            // SAFETY: as many bytes as it has; of any alignment.
            let name = unsafe { name.cast::<SockAddrIn>().read_unaligned() };
            Ok(IpEndpoint::new(IpAddress::Ipv4(name.sin_addr.into()), u16::from_be(name.sin_port)))
        }
        numbers::AF_INET6 if len >= size_of::<SockAddrIn6>() => {
            // SAFETY: as above.
            let name = unsafe { name.cast::<SockAddrIn6>().read_unaligned() };
            Ok(IpEndpoint::new(IpAddress::Ipv6(name.sin6_addr.into()), u16::from_be(name.sin6_port)))
        }
        numbers::AF_INET | numbers::AF_INET6 => Err(Errno::EINVAL),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Either struct of an address: as many bytes as it has.
pub(super) enum Name {
    /// IPv4.
    V4(SockAddrIn),
    /// IPv6.
    V6(SockAddrIn6),
}

impl Name {
    /// An address as programs have it.
    pub(super) fn of(name: IpEndpoint) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "sizes and families are small")]
        match name.addr {
            IpAddress::Ipv4(address) => Self::V4(SockAddrIn {
                sin_len: size_of::<SockAddrIn>() as u8,
                sin_family: numbers::AF_INET as u8,
                sin_port: name.port.to_be(),
                sin_addr: address.octets(),
                sin_zero: [0; 8],
            }),
            IpAddress::Ipv6(address) => Self::V6(SockAddrIn6 {
                sin6_len: size_of::<SockAddrIn6>() as u8,
                sin6_family: numbers::AF_INET6 as u8,
                sin6_port: name.port.to_be(),
                sin6_addr: address.octets(),
                ..SockAddrIn6::default()
            }),
        }
    }

    /// Where it is, as the struct of any address.
    pub(super) fn start(&mut self) -> *mut u8 {
        match self {
            Self::V4(name) => (&raw mut *name).cast(),
            Self::V6(name) => (&raw mut *name).cast(),
        }
    }

    /// Its bytes.
    fn bytes(&self) -> &[u8] {
        let (start, length) = match self {
            Self::V4(name) => ((&raw const *name).cast::<u8>(), size_of::<SockAddrIn>()),
            Self::V6(name) => ((&raw const *name).cast::<u8>(), size_of::<SockAddrIn6>()),
        };
        // SAFETY: a struct of integers without holes, as long as it is borrowed.
        unsafe { core::slice::from_raw_parts(start, length) }
    }
}

/// Tells a program an address: as much of it as there is room for, and how long it is.
///
/// # Safety
/// If neither is null, `*len` bytes can be written from `name` on.
unsafe fn tell(name: IpEndpoint, to: *mut c_void, len: *mut u32) -> Result<i32, Errno> {
    if to.is_null() || len.is_null() {
        return Err(Errno::EFAULT);
    }
    let name = Name::of(name);
    let all = name.bytes();
    // SAFETY: not null; the caller's.
    let room = unsafe { len.read() } as usize;
    // SAFETY: not null, and `room` bytes long, by the caller.
    unsafe { core::ptr::copy_nonoverlapping(all.as_ptr(), to.cast(), all.len().min(room)) };
    // SAFETY: not null; the caller's.
    unsafe { len.write(u32::try_from(all.len()).unwrap_or(0)) };
    Ok(0)
}

/// The number of the network's socket behind a number, and whether its opening is non-blocking.
pub(super) fn socket_of(fd: i32) -> Result<(u32, bool), Errno> {
    let opened = files::socket_of(fd)?;
    opened.socket.number(opened.item).map(|number| (number, opened.is_nonblocking)).ok_or(Errno::EOPNOTSUPP)
}

/// Begins the network, which has begun at boot.
#[unsafe(no_mangle)]
pub extern "C" fn sys_network_init() -> i32 {
    use_network();
    0
}

/// Opens a socket (`socket(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_socket(domain: i32, kind: i32, protocol: i32) -> i32 {
    use_network();
    answer_int(open(domain, kind, protocol))
}

fn open(domain: i32, kind: i32, protocol: i32) -> Result<i32, Errno> {
    const FLAGS: i32 = numbers::SOCK_NONBLOCK | numbers::SOCK_CLOEXEC;
    let family = match domain {
        numbers::AF_INET => Family::V4,
        numbers::AF_INET6 => Family::V6,
        _ => return Err(Errno::EAFNOSUPPORT),
    };
    let (flags, kind) = (kind & FLAGS, kind & !FLAGS);
    let kind = match (kind, protocol) {
        (numbers::SOCK_STREAM, 0 | numbers::IPPROTO_TCP) => Type::Stream,
        (numbers::SOCK_DGRAM, 0 | numbers::IPPROTO_UDP) => Type::Datagram,
        (numbers::SOCK_STREAM | numbers::SOCK_DGRAM, _) => return Err(Errno::EPROTONOSUPPORT),
        _ => return Err(Errno::EINVAL),
    };
    let number = net::with(|stack| stack.open(family, kind))?;
    let fd = network::install(number, flags & numbers::SOCK_NONBLOCK != 0)?;
    files::close_on_exec(fd, Some(flags & numbers::SOCK_CLOEXEC != 0))?;
    Ok(fd)
}

/// Gives a socket an address (`bind(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_bind(fd: i32, name: *const c_void, len: u32) -> i32 {
    // SAFETY: the caller's address, by the ABI.
    let name = unsafe { address(name, len) };
    done(socket_of(fd).and_then(|(number, _)| net::with(|stack| stack.bind(number, name?))))
}

/// Lets connections come (`listen(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_listen(fd: i32, backlog: i32) -> i32 {
    done(socket_of(fd).and_then(|(number, _)| net::with(|stack| stack.listen(number, backlog))))
}

/// Takes a connection (`accept(2)`); who is at its other end goes to `name`, unless that is null.
#[unsafe(no_mangle)]
pub extern "C" fn sys_accept(fd: i32, name: *mut c_void, len: *mut u32) -> i32 {
    let accepted = socket_of(fd).and_then(|(number, is_nonblocking)| transfer::accept(number, is_nonblocking));
    answer_int(accepted.and_then(|(number, peer)| {
        let fd = network::install(number, false)?;
        if !name.is_null() {
            // SAFETY: the caller's room for an address, by the ABI.
            unsafe { tell(peer, name, len) }.inspect_err(|_| _ = files::close(fd))?;
        }
        Ok(fd)
    }))
}

/// Connects (`connect(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_connect(fd: i32, name: *const c_void, len: u32) -> i32 {
    // SAFETY: the caller's address, by the ABI.
    let name = unsafe { address(name, len) };
    done(socket_of(fd).and_then(|(number, is_nonblocking)| transfer::connect(number, name?, is_nonblocking)))
}

/// Sends to whom the socket is connected (`send(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_send(fd: i32, start: *const c_void, len: usize, flags: i32) -> isize {
    sys_sendto(fd, start, len, flags, core::ptr::null(), 0)
}

/// Sends to an address (`sendto(2)`), or to whom the socket is connected if `to` is null. No flag is known.
#[unsafe(no_mangle)]
pub extern "C" fn sys_sendto(fd: i32, start: *const c_void, len: usize, flags: i32, to: *const c_void, to_len: u32) -> isize {
    // SAFETY: the caller's bytes, by the ABI.
    let bytes = unsafe { bytes(start.cast(), len) };
    // SAFETY: the caller's address, by the ABI.
    let to = if to.is_null() { Ok(None) } else { unsafe { address(to, to_len) }.map(Some) };
    count(socket_of(fd).and_then(|(number, is_nonblocking)| {
        if flags != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        transfer::send(number, bytes?, to?, is_nonblocking)
    }))
}

/// Receives (`recv(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_recv(fd: i32, start: *mut u8, len: usize, flags: i32) -> isize {
    sys_recvfrom(fd, start, len, flags, core::ptr::null_mut(), core::ptr::null_mut())
}

/// Receives, and tells from where, unless `from` is null (`recvfrom(2)`). `MSG_PEEK` alone is known.
#[unsafe(no_mangle)]
pub extern "C" fn sys_recvfrom(fd: i32, start: *mut u8, len: usize, flags: i32, from: *mut c_void, from_len: *mut u32) -> isize {
    // SAFETY: the caller's buffer, by the ABI.
    let received = unsafe { buffer(start, len) }.and_then(|into| receive(fd, into, flags));
    count(received.and_then(|Received { count, from: peer, .. }| {
        if let Some(peer) = peer.filter(|_| !from.is_null()) {
            // SAFETY: the caller's room for an address, by the ABI.
            unsafe { tell(peer, from, from_len) }?;
        } else if !from_len.is_null() {
            // SAFETY: not null; the caller's.
            unsafe { from_len.write(0) };
        }
        Ok(count)
    }))
}

fn receive(fd: i32, into: &mut [MaybeUninit<u8>], flags: i32) -> Result<Received, Errno> {
    let (number, is_nonblocking) = socket_of(fd)?;
    if flags & !numbers::MSG_PEEK != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    transfer::receive(number, into, flags & numbers::MSG_PEEK != 0, is_nonblocking)
}

/// Ends one direction or both (`shutdown(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_shutdown(fd: i32, how: i32) -> i32 {
    let half = match how {
        numbers::SHUT_RD => Ok(Half::Read),
        numbers::SHUT_WR => Ok(Half::Write),
        numbers::SHUT_RDWR => Ok(Half::Both),
        _ => Err(Errno::EINVAL),
    };
    done(socket_of(fd).and_then(|(number, _)| net::with(|stack| stack.shut_down(number, half?))))
}

/// The older name of [`sys_shutdown`].
#[unsafe(no_mangle)]
pub extern "C" fn sys_shutdown_socket(fd: i32, how: i32) -> i32 {
    sys_shutdown(fd, how)
}

/// The other side's address (`getpeername(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_getpeername(fd: i32, name: *mut c_void, len: *mut u32) -> i32 {
    let peer = socket_of(fd).and_then(|(number, _)| net::with(|stack| stack.peer(number)));
    // SAFETY: the caller's room for an address, by the ABI.
    answer_int(peer.and_then(|peer| unsafe { tell(peer, name, len) }))
}

/// This side's address (`getsockname(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_getsockname(fd: i32, name: *mut c_void, len: *mut u32) -> i32 {
    let own = socket_of(fd).and_then(|(number, _)| net::with(|stack| stack.name(number)));
    // SAFETY: the caller's room for an address, by the ABI.
    answer_int(own.and_then(|own| unsafe { tell(own, name, len) }))
}

/// An older call of Hermit's, which no standard library uses: answers `ENOSYS`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getaddrbyname(_name: *const core::ffi::c_char, _address: *mut u8, _len: usize) -> i32 {
    answer(Err::<i64, _>(Errno::ENOSYS)) as i32
}
