//! Names of machines: what stands under musl's `getaddrinfo`, `gethostbyname` and `getnameinfo`, which are as they are.
//!
//! musl would read files and speak with servers itself. Here the kernel asks those that DHCP or the boot options have told, and waits for
//! the card's address if it must; `localhost` is this machine. There are no files of names, of servers or of services.
#![allow(unsafe_code, reason = "musl's own names; structs and strings that it names by their address")]

use core::ffi::{CStr, c_char, c_int};
use core::slice;

use skete::calls::net::use_network;
use skete::files::socket::{Family, IpAddress};
use skete::net::names::{MOST, look_up, servers};
use skete_abi::Errno;

use crate::signal;
use crate::sockets::address::{INTERNET, INTERNET_6, UNSPECIFIED};

/// `AI_…` (`netdb.h`).
const PASSIVE: c_int = 0x1;
const NUMERIC: c_int = 0x4;
const MAPPED: c_int = 0x8;
const ALL: c_int = 0x10;

/// `EAI_…`.
const NO_NAME: c_int = -2;
const AGAIN: c_int = -3;

/// The longest name, with its NUL.
const NAME_BYTES: usize = 256;

/// musl's `struct address` (1.2.3, `src/network/lookup.h`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Address {
    family: c_int,
    scope: u32,
    bytes: [u8; 16],
    sort_key: c_int,
}

impl Address {
    const NONE: Self = Self { family: 0, scope: 0, bytes: [0; 16], sort_key: 0 };

    fn of(address: IpAddress) -> Self {
        let mut bytes = [0; 16];
        let family = match address {
            IpAddress::Ipv4(address) => {
                bytes[..4].copy_from_slice(&address.octets());
                INTERNET
            }
            IpAddress::Ipv6(address) => {
                bytes = address.octets();
                INTERNET_6
            }
        };
        Self { family, bytes, ..Self::NONE }
    }

    /// One of IPv4 as IPv6 has it.
    fn mapped(self) -> Self {
        if self.family != INTERNET {
            return self;
        }
        let mut bytes = [0; 16];
        bytes[10..12].fill(0xff);
        bytes[12..].copy_from_slice(&self.bytes[..4]);
        Self { family: INTERNET_6, bytes, ..self }
    }
}

unsafe extern "C" {
    /// musl's: the address that is written out in a name; 0: none is.
    fn __lookup_ipliteral(place: *mut Address, name: *const c_char, family: c_int) -> c_int;
}

/// Addresses that were found.
struct Found {
    all: [Address; MOST],
    count: usize,
}

impl Found {
    fn put(&mut self, addresses: &[IpAddress], family: c_int) {
        for address in addresses.iter().map(|address| Address::of(*address)) {
            if (family == UNSPECIFIED || family == address.family) && self.count < MOST {
                self.all[self.count] = address;
                self.count += 1;
            }
        }
    }

    /// Asks those who know names.
    fn ask(&mut self, name: &str, family: c_int) -> Result<(), c_int> {
        let mut reason = NO_NAME;
        for (wanted, kind) in [(INTERNET, Family::V4), (INTERNET_6, Family::V6)] {
            if family != UNSPECIFIED && family != wanted {
                continue;
            }
            let mut addresses = [IpAddress::v4(0, 0, 0, 0); MOST];
            loop {
                match look_up(name, kind, &mut addresses) {
                    Ok(count) => self.put(&addresses[..count], family),
                    Err(Errno::EINTR) => {
                        signal::while_locking();
                        continue;
                    }
                    Err(Errno::ENOENT | Errno::EINVAL) => {}
                    Err(_) => reason = AGAIN,
                }
                break;
            }
        }
        if self.count == 0 { Err(reason) } else { Ok(()) }
    }

    /// Makes all addresses ones of IPv6; those of IPv4 go where there are others, unless all are wanted.
    fn map(&mut self, wants_all: bool) {
        let has_6 = self.all[..self.count].iter().any(|address| address.family == INTERNET_6);
        let mut kept = 0;
        for at in 0..self.count {
            if wants_all || !has_6 || self.all[at].family == INTERNET_6 {
                self.all[kept] = self.all[at].mapped();
                kept += 1;
            }
        }
        self.count = kept;
    }
}

/// The addresses of `name`, or of this machine if there is none (musl's, `src/network/lookup_name.c`): how many, or an `EAI_…`. IPv4's come
/// first.
///
/// # Safety
/// There is room for 48 addresses and for a name of 256 bytes; what is not null is a C string.
#[unsafe(no_mangle)]
unsafe extern "C" fn __lookup_name(
    place: *mut Address,
    canonical: *mut [u8; NAME_BYTES],
    name: *const c_char,
    family: c_int,
    flags: c_int,
) -> c_int {
    use_network();
    // SAFETY: the caller's promise.
    match unsafe { find(canonical, name, family, flags) } {
        Ok(found) => {
            // SAFETY: the caller's promise: more than `MOST`.
            unsafe { slice::from_raw_parts_mut(place, found.count) }.copy_from_slice(&found.all[..found.count]);
            c_int::try_from(found.count).unwrap_or(0)
        }
        Err(code) => code,
    }
}

/// # Safety
/// As [`__lookup_name`].
unsafe fn find(canonical: *mut [u8; NAME_BYTES], name: *const c_char, family: c_int, flags: c_int) -> Result<Found, c_int> {
    let mut found = Found { all: [Address::NONE; MOST], count: 0 };
    let is_mapped = flags & MAPPED != 0 && family == INTERNET_6;
    let family = if is_mapped { UNSPECIFIED } else { family };
    // SAFETY: the caller's promise.
    unsafe { (*canonical)[0] = 0 };
    let home = [IpAddress::v4(127, 0, 0, 1), IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 1)];
    if name.is_null() {
        let any = [IpAddress::v4(0, 0, 0, 0), IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0)];
        found.put(if flags & PASSIVE != 0 { &any } else { &home }, family);
    } else {
        // SAFETY: the caller's promise.
        let text = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
        if !(2..=NAME_BYTES - 1).contains(&text.len()) {
            return Err(NO_NAME);
        }
        // SAFETY: as long, by the caller.
        unsafe { (&mut *canonical)[..text.len()].copy_from_slice(text) };
        // SAFETY: there is room for one; a C string.
        match unsafe { __lookup_ipliteral(found.all.as_mut_ptr(), name, family) } {
            0 if flags & NUMERIC != 0 => return Err(NO_NAME),
            0 => {
                let text = core::str::from_utf8(&text[..text.len() - 1]).map_err(|_| NO_NAME)?;
                if text.eq_ignore_ascii_case("localhost") { found.put(&home, family) } else { found.ask(text, family)? }
            }
            code @ ..0 => return Err(code),
            _ => found.count = 1,
        }
    }
    if is_mapped {
        found.map(flags & ALL != 0);
    }
    if found.count == 0 { Err(NO_NAME) } else { Ok(found) }
}

/// musl's `struct resolvconf`.
#[repr(C)]
struct Servers {
    all: [Address; 3],
    count: u32,
    attempts: u32,
    dots: u32,
    timeout_s: u32,
}

/// Who knows names, for those who ask musl to speak with them: `getnameinfo`, `res_query` (musl's, `src/network/resolvconf.c`). −1: nobody.
///
/// # Safety
/// There is room for them, and for as many bytes of a list of suffixes, or none.
#[unsafe(no_mangle)]
unsafe extern "C" fn __get_resolv_conf(place: *mut Servers, suffixes: *mut c_char, bytes: usize) -> c_int {
    use_network();
    if !suffixes.is_null() && bytes > 0 {
        // SAFETY: the caller's promise.
        unsafe { suffixes.write(0) };
    }
    let mut known = Servers { all: [Address::NONE; 3], count: 0, attempts: 2, dots: 1, timeout_s: 5 };
    let found = loop {
        match servers() {
            Err(Errno::EINTR) => signal::while_locking(),
            found => break found,
        }
    };
    let Ok(found) = found else { return -1 };
    for (place, server) in known.all.iter_mut().zip(found.into_iter().flatten()) {
        *place = Address::of(server);
        known.count += 1;
    }
    if known.count == 0 {
        return -1;
    }
    // SAFETY: the caller's promise.
    unsafe { place.write(known) };
    0
}
