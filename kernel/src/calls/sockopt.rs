//! The options of sockets: `setsockopt(2)` and `getsockopt(2)`.
#![allow(unsafe_code, reason = "the face towards programs: symbols and their pointers")]

use core::ffi::c_void;

use skete_abi::Errno;
use skete_abi::net::{
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, IP_TOS, IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP,
    IPV6_ADD_MEMBERSHIP, IPV6_DROP_MEMBERSHIP, IPV6_MULTICAST_LOOP, IPV6_V6ONLY, IpMreq, Ipv6Mreq, Linger, SO_BROADCAST, SO_ERROR,
    SO_KEEPALIVE, SO_LINGER, SO_RCVBUF, SO_RCVTIMEO, SO_REUSEADDR, SO_SNDBUF, SO_SNDTIMEO, SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET,
    TCP_NODELAY, TimeVal,
};
use skete_net::socket::{Options, Type};
use skete_net::{Duration, IpAddress, ends, mailbox};

use super::answer_int;
use super::files::done;
use super::net::socket_of;
use crate::net;

/// Reads the value of an option.
///
/// # Safety
/// If not null, `len` bytes can be read from `value` on.
unsafe fn read<T: Copy>(value: *const c_void, len: u32) -> Result<T, Errno> {
    if value.is_null() {
        return Err(Errno::EFAULT);
    }
    if (len as usize) < size_of::<T>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as many bytes as it has, by the caller; of any alignment.
    Ok(unsafe { value.cast::<T>().read_unaligned() })
}

/// Writes the value of an option, as much of it as there is room for, and how long that is.
///
/// # Safety
/// If neither is null, `*len` bytes can be written from `to` on.
unsafe fn write<T: Copy>(value: T, to: *mut c_void, len: *mut u32) -> Result<i32, Errno> {
    if to.is_null() || len.is_null() {
        return Err(Errno::EFAULT);
    }
    // SAFETY: not null; the caller's.
    let length = (unsafe { len.read() } as usize).min(size_of::<T>());
    // SAFETY: no longer than the value, nor than the caller's room.
    unsafe { core::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), to.cast(), length) };
    // SAFETY: not null; the caller's.
    unsafe { len.write(u32::try_from(length).unwrap_or(0)) };
    Ok(0)
}

/// A time to wait; none at all is for ever.
fn timeout(time: TimeVal) -> Result<Option<Duration>, Errno> {
    let micros = u64::try_from(time.tv_usec).ok().filter(|micros| *micros < 1_000_000).ok_or(Errno::EDOM)?;
    // A time below none is over at once (`socket(7)`).
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let total = seconds.saturating_mul(1_000_000).saturating_add(micros);
    Ok((total > 0).then(|| Duration::from_micros(total)))
}

fn time_val(timeout: Option<Duration>) -> TimeVal {
    let micros = timeout.map_or(0, |timeout| timeout.total_micros());
    TimeVal { tv_sec: i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX), tv_usec: i32::try_from(micros % 1_000_000).unwrap_or(0) }
}

/// How far packets go: 1 to 255; −1 is what is usual.
fn hops(value: i32, usual: u8) -> Result<u8, Errno> {
    if value == -1 { Ok(usual) } else { u8::try_from(value).ok().filter(|hops| *hops > 0).ok_or(Errno::EINVAL) }
}

/// Sets an option (`setsockopt(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_setsockopt(fd: i32, level: i32, option: i32, value: *const c_void, len: u32) -> i32 {
    // SAFETY: the caller's value, by the ABI.
    done(socket_of(fd).and_then(|(number, _)| unsafe { set(number, level, option, value, len) }))
}

/// # Safety
/// As [`read`].
unsafe fn set(number: u32, level: i32, option: i32, value: *const c_void, len: u32) -> Result<(), Errno> {
    // SAFETY: by the caller, as every reading below.
    let int = || unsafe { read::<i32>(value, len) };
    let change = |change: &dyn Fn(&mut Options)| {
        net::with(|stack| {
            stack.set_options(number, |options| {
                change(options);
                Ok(())
            })
        })
    };
    match (level, option) {
        (SOL_SOCKET, SO_RCVTIMEO | SO_SNDTIMEO) => {
            // SAFETY: as above.
            let timeout = timeout(unsafe { read(value, len) }?)?;
            change(&|options| *if option == SO_RCVTIMEO { &mut options.receive_timeout } else { &mut options.send_timeout } = timeout)
        }
        (SOL_SOCKET, SO_LINGER) => {
            // SAFETY: as above.
            let linger: Linger = unsafe { read(value, len) }?;
            let seconds = u32::try_from(linger.l_linger).unwrap_or(0);
            change(&|options| options.linger = (linger.l_onoff != 0).then_some(seconds))
        }
        (IPPROTO_IP, IP_ADD_MEMBERSHIP | IP_DROP_MEMBERSHIP) => {
            // SAFETY: as above.
            let group: IpMreq = unsafe { read(value, len) }?;
            net::with(|stack| stack.set_group(number, IpAddress::Ipv4(group.imr_multiaddr.into()), option == IP_ADD_MEMBERSHIP))
        }
        (IPPROTO_IPV6, IPV6_ADD_MEMBERSHIP | IPV6_DROP_MEMBERSHIP) => {
            // SAFETY: as above.
            let group: Ipv6Mreq = unsafe { read(value, len) }?;
            net::with(|stack| stack.set_group(number, IpAddress::Ipv6(group.ipv6mr_multiaddr.into()), option == IPV6_ADD_MEMBERSHIP))
        }
        (IPPROTO_IP, IP_TTL) => hops(int()?, Options::NEW.hops).and_then(|hops| change(&|options| options.hops = hops)),
        (IPPROTO_IP, IP_MULTICAST_TTL) => {
            hops(int()?, Options::NEW.group_hops).and_then(|hops| change(&|options| options.group_hops = hops))
        }
        _ => set_flag(number, level, option, int()? != 0),
    }
}

/// Sets an option that is on or off.
fn set_flag(number: u32, level: i32, option: i32, is_on: bool) -> Result<(), Errno> {
    let place: fn(&mut Options) -> &mut bool = match (level, option) {
        (SOL_SOCKET, SO_REUSEADDR) => |options| &mut options.may_reuse,
        (SOL_SOCKET, SO_KEEPALIVE) => |options| &mut options.keeps_alive,
        (SOL_SOCKET, SO_BROADCAST) => |options| &mut options.may_broadcast,
        (IPPROTO_TCP, TCP_NODELAY) => |options| &mut options.has_no_delay,
        (IPPROTO_IP, IP_MULTICAST_LOOP) | (IPPROTO_IPV6, IPV6_MULTICAST_LOOP) => |options| &mut options.loops_groups,
        (IPPROTO_IPV6, IPV6_V6ONLY) => |options| &mut options.v6_only,
        // Sizes are what they are, and who looks at a type of service is not on this machine: wishes, which may be granted or not.
        (SOL_SOCKET, SO_SNDBUF | SO_RCVBUF) | (IPPROTO_IP, IP_TOS) => return Ok(()),
        _ => return Err(Errno::ENOPROTOOPT),
    };
    net::with(|stack| {
        let (has_port, kind) = (stack.name(number)?.port != 0, stack.nature(number)?.1);
        if option == IPV6_V6ONLY && level == IPPROTO_IPV6 && has_port {
            return Err(Errno::EINVAL);
        }
        if level == IPPROTO_TCP && kind != Type::Stream {
            return Err(Errno::ENOPROTOOPT);
        }
        stack.set_options(number, |options| {
            *place(options) = is_on;
            Ok(())
        })
    })
}

/// Reads an option (`getsockopt(2)`).
#[unsafe(no_mangle)]
pub extern "C" fn sys_getsockopt(fd: i32, level: i32, option: i32, value: *mut c_void, len: *mut u32) -> i32 {
    // SAFETY: the caller's room, by the ABI.
    answer_int(socket_of(fd).and_then(|(number, _)| unsafe { get(number, level, option, value, len) }))
}

/// # Safety
/// As [`write`].
unsafe fn get(number: u32, level: i32, option: i32, value: *mut c_void, len: *mut u32) -> Result<i32, Errno> {
    let options = net::with(|stack| stack.options(number))?;
    match (level, option) {
        (SOL_SOCKET, SO_RCVTIMEO | SO_SNDTIMEO) => {
            let timeout = if option == SO_RCVTIMEO { options.receive_timeout } else { options.send_timeout };
            // SAFETY: by the caller.
            unsafe { write(time_val(timeout), value, len) }
        }
        (SOL_SOCKET, SO_LINGER) => {
            let seconds = options.linger.map_or(0, |seconds| i32::try_from(seconds).unwrap_or(i32::MAX));
            // SAFETY: by the caller.
            unsafe { write(Linger { l_onoff: options.linger.is_some().into(), l_linger: seconds }, value, len) }
        }
        // SAFETY: by the caller.
        _ => unsafe { write(int_of(number, level, option, &options)?, value, len) },
    }
}

/// The value of an option that is an `int`.
fn int_of(number: u32, level: i32, option: i32, options: &Options) -> Result<i32, Errno> {
    let (_, kind, _) = net::with(|stack| stack.nature(number))?;
    let bytes = |stream: usize, datagrams: usize| i32::try_from(if kind == Type::Stream { stream } else { datagrams }).unwrap_or(i32::MAX);
    Ok(match (level, option) {
        (SOL_SOCKET, SO_ERROR) => net::with(|stack| stack.take_error(number))?.map_or(0, Errno::number),
        (SOL_SOCKET, SO_TYPE) if kind == Type::Stream => SOCK_STREAM,
        (SOL_SOCKET, SO_TYPE) => SOCK_DGRAM,
        (SOL_SOCKET, SO_REUSEADDR) => options.may_reuse.into(),
        (SOL_SOCKET, SO_KEEPALIVE) => options.keeps_alive.into(),
        (SOL_SOCKET, SO_BROADCAST) => options.may_broadcast.into(),
        (SOL_SOCKET, SO_SNDBUF) => bytes(ends::SEND_BYTES, mailbox::SEND_BYTES),
        (SOL_SOCKET, SO_RCVBUF) => bytes(ends::RECEIVE_BYTES, mailbox::RECEIVE_BYTES),
        (IPPROTO_TCP, TCP_NODELAY) if kind == Type::Stream => options.has_no_delay.into(),
        (IPPROTO_IP, IP_TTL) => options.hops.into(),
        (IPPROTO_IP, IP_TOS) => 0,
        (IPPROTO_IP, IP_MULTICAST_TTL) => options.group_hops.into(),
        (IPPROTO_IP, IP_MULTICAST_LOOP) | (IPPROTO_IPV6, IPV6_MULTICAST_LOOP) => options.loops_groups.into(),
        (IPPROTO_IPV6, IPV6_V6ONLY) => options.v6_only.into(),
        _ => return Err(Errno::ENOPROTOOPT),
    })
}
