//! Names of machines: `getaddrinfo(3)`, as far as std asks.
//!
//! An address that is written out is itself, `localhost` is this machine; all other names are asked of the servers that DHCP or the boot
//! options have told, first for addresses of IPv4, then of IPv6.
#![allow(unsafe_code, reason = "the face towards programs: symbols and their pointers")]

use core::ffi::{CStr, c_char};
use core::net::IpAddr;
use core::ptr::{NonNull, null_mut};

use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_abi::net::{
    AF_INET, AF_INET6, AF_UNSPEC, AddrInfo, EAI_AGAIN, EAI_FAMILY, EAI_MEMORY, EAI_NONAME, EAI_SERVICE, EAI_SOCKTYPE, IPPROTO_TCP,
    IPPROTO_UDP, SOCK_DGRAM, SOCK_STREAM,
};
use skete_net::socket::Family;
use skete_net::{IpAddress, IpEndpoint};

use super::net::{Name, use_network};
use crate::memory::Heap;
use crate::net::names::{MOST, look_up};

/// One answer: the list's link, and the address behind it.
#[repr(C)]
struct Answer {
    info: AddrInfo,
    name: Name,
}

/// Looks a name up (`getaddrinfo(3)`): a list of addresses in `*result`, to be freed by [`sys_freeaddrinfo`], or an `EAI_…`.
#[unsafe(no_mangle)]
pub extern "C" fn sys_getaddrinfo(node: *const c_char, service: *const c_char, hints: *const AddrInfo, result: *mut *mut AddrInfo) -> i32 {
    use_network();
    // SAFETY: null, or a C string or a struct of the caller's, by the ABI.
    let found = unsafe { find(node, service, hints) };
    match found {
        Ok(list) if !result.is_null() => {
            // SAFETY: not null; the caller's.
            unsafe { result.write(list) };
            0
        }
        Ok(list) => {
            sys_freeaddrinfo(list);
            EAI_NONAME
        }
        Err(code) => code,
    }
}

/// # Safety
/// What is not null is a C string, or a struct.
unsafe fn find(node: *const c_char, service: *const c_char, hints: *const AddrInfo) -> Result<*mut AddrInfo, i32> {
    // SAFETY: null, or the caller's struct.
    let (family, kind) = unsafe { hints.as_ref() }.map_or((AF_UNSPEC, 0), |hints| (hints.ai_family, hints.ai_socktype));
    if !matches!(family, AF_UNSPEC | AF_INET | AF_INET6) {
        return Err(EAI_FAMILY);
    }
    if !matches!(kind, 0 | SOCK_STREAM | SOCK_DGRAM) {
        return Err(EAI_SOCKTYPE);
    }
    // SAFETY: by the caller.
    let port = match unsafe { text(service) }? {
        None => 0,
        Some(service) => service.parse().map_err(|_| EAI_SERVICE)?,
    };
    // SAFETY: by the caller.
    let node = unsafe { text(node) }?;
    let mut addresses = [IpAddress::v4(0, 0, 0, 0); MOST];
    let count = resolve(node, family, &mut addresses)?;
    let mut list = null_mut();
    for address in addresses[..count].iter().rev() {
        list = match link(IpEndpoint::new(*address, port), kind, list) {
            Some(longer) => longer,
            None => {
                sys_freeaddrinfo(list);
                return Err(EAI_MEMORY);
            }
        };
    }
    Ok(list)
}

/// # Safety
/// If not null, a C string.
unsafe fn text<'a>(start: *const c_char) -> Result<Option<&'a str>, i32> {
    if start.is_null() {
        return Ok(None);
    }
    // SAFETY: a C string, by the caller.
    unsafe { CStr::from_ptr(start) }.to_str().map(Some).map_err(|_| EAI_NONAME)
}

/// The addresses of `node`, or of this machine if there is none; how many.
fn resolve(node: Option<&str>, family: i32, into: &mut [IpAddress; MOST]) -> Result<usize, i32> {
    let (home_v4, home_v6) = (IpAddress::v4(127, 0, 0, 1), IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1));
    let known = match node {
        None | Some("localhost") => {
            (into[0], into[1]) = (home_v4, home_v6);
            2
        }
        Some(name) => {
            let Ok(address) = name.parse::<IpAddr>() else { return asked(name, family, into) };
            into[0] = address.into();
            1
        }
    };
    let mut count = 0;
    for at in 0..known {
        let is_v4 = matches!(into[at], IpAddress::Ipv4(_));
        if family == AF_UNSPEC || (family == AF_INET) == is_v4 {
            into[count] = into[at];
            count += 1;
        }
    }
    if count == 0 { Err(EAI_NONAME) } else { Ok(count) }
}

fn asked(name: &str, family: i32, into: &mut [IpAddress; MOST]) -> Result<usize, i32> {
    let mut count = 0;
    let mut reason = EAI_NONAME;
    for (wanted, kind) in [(AF_INET, Family::V4), (AF_INET6, Family::V6)] {
        if family != AF_UNSPEC && family != wanted {
            continue;
        }
        match look_up(name, kind, &mut into[count..]) {
            Ok(more) => count += more,
            Err(Errno::ENOENT | Errno::EINVAL) => {}
            Err(_) => reason = EAI_AGAIN,
        }
    }
    if count == 0 { Err(reason) } else { Ok(count) }
}

/// Puts one more address before `next`; none, if there is no memory.
fn link(name: IpEndpoint, kind: i32, next: *mut AddrInfo) -> Option<*mut AddrInfo> {
    let (family, length) = match name.addr {
        IpAddress::Ipv4(_) => (AF_INET, size_of::<skete_abi::net::SockAddrIn>()),
        IpAddress::Ipv6(_) => (AF_INET6, size_of::<skete_abi::net::SockAddrIn6>()),
    };
    let protocol = match kind {
        SOCK_STREAM => IPPROTO_TCP,
        SOCK_DGRAM => IPPROTO_UDP,
        _ => 0,
    };
    let info = AddrInfo {
        ai_flags: 0,
        ai_family: family,
        ai_socktype: kind,
        ai_protocol: protocol,
        ai_addrlen: u32::try_from(length).unwrap_or(0),
        ai_canonname: null_mut(),
        ai_addr: null_mut(),
        ai_next: next,
    };
    let mut home = Vec::new_in(Heap);
    home.try_reserve_exact(1).ok()?;
    home.push(Answer { info, name: Name::of(name) });
    let answer = home.leak().first_mut()?;
    answer.info.ai_addr = answer.name.start();
    Some((&raw mut *answer).cast())
}

/// Frees what [`sys_getaddrinfo`] gave.
#[unsafe(no_mangle)]
pub extern "C" fn sys_freeaddrinfo(list: *mut AddrInfo) {
    let mut at = NonNull::new(list.cast::<Answer>());
    while let Some(answer) = at {
        // SAFETY: an answer of `link`, of which this is the one owner.
        let home = unsafe { Vec::from_raw_parts_in(answer.as_ptr(), 1, 1, Heap) };
        at = home.first().and_then(|answer| NonNull::new(answer.info.ai_next.cast()));
    }
}
