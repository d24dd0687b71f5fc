//! Addresses as C has them: `struct sockaddr` and its kin, as Linux lays them out.
#![allow(unsafe_code, reason = "structs that the program names by their address")]

use core::ffi::c_void;

use skete::files::socket::{IpAddress, IpEndpoint, PATH};
use skete_abi::Errno;

/// `AF_UNSPEC`, `AF_UNIX`, `AF_INET`, `AF_INET6`.
pub const UNSPECIFIED: i32 = 0;
/// See there.
pub const UNIX: i32 = 1;
/// See there.
pub const INTERNET: i32 = 2;
/// See there.
pub const INTERNET_6: i32 = 10;

/// `struct sockaddr_in`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Address4 {
    family: u16,
    port: u16,
    address: [u8; 4],
    zero: [u8; 8],
}

/// `struct sockaddr_in6`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Address6 {
    family: u16,
    port: u16,
    flow: u32,
    address: [u8; 16],
    scope: u32,
}

/// Bytes of a `struct sockaddr_in6` without its last member, which older programs leave out (RFC 2133).
const LEAST_6: usize = 24;

/// `struct sockaddr_un` without the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    bytes: [u8; PATH],
    length: usize,
}

impl Path {
    /// The name, without its NUL.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What a program has given as an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// An address.
    Ip(IpEndpoint),
    /// A name in the file tree.
    Path(Path),
    /// `AF_UNSPEC`: nobody's.
    Nobody,
}

impl Given {
    /// The address, if it is one.
    ///
    /// # Errors
    /// `EAFNOSUPPORT`: it is none.
    pub fn ip(self) -> Result<IpEndpoint, Errno> {
        match self {
            Self::Ip(name) => Ok(name),
            Self::Path(_) | Self::Nobody => Err(Errno::EAFNOSUPPORT),
        }
    }
}

/// Reads an address.
///
/// # Errors
/// `EFAULT`, `EINVAL`: too short; `EAFNOSUPPORT`: of another family.
///
/// # Safety
/// If not null, `length` bytes can be read from `name` on.
pub unsafe fn read(name: *const c_void, length: u32) -> Result<Given, Errno> {
    let length = length as usize;
    if name.is_null() {
        return Err(Errno::EFAULT);
    }
    if length < size_of::<u16>() {
        return Err(Errno::EINVAL);
    }
    // SAFETY: as many bytes, of any alignment.
    let family = i32::from(unsafe { name.cast::<u16>().read_unaligned() });
    match family {
        UNSPECIFIED => Ok(Given::Nobody),
        INTERNET if length >= size_of::<Address4>() => {
            // SAFETY: as above.
            let name = unsafe { name.cast::<Address4>().read_unaligned() };
            Ok(Given::Ip(IpEndpoint::new(IpAddress::Ipv4(name.address.into()), u16::from_be(name.port))))
        }
        INTERNET_6 if length >= LEAST_6 => {
            let mut bytes = [0; LEAST_6];
            // SAFETY: as above.
            unsafe { core::ptr::copy_nonoverlapping(name.cast::<u8>(), bytes.as_mut_ptr(), LEAST_6) };
            let port = u16::from_be_bytes([bytes[2], bytes[3]]);
            let address: [u8; 16] = core::array::from_fn(|at| bytes[8 + at]);
            Ok(Given::Ip(IpEndpoint::new(IpAddress::Ipv6(address.into()), port)))
        }
        UNIX if (FAMILY + 1..=FAMILY + PATH).contains(&length) => {
            let mut bytes = [0; PATH];
            // SAFETY: as above.
            unsafe { core::ptr::copy_nonoverlapping(name.cast::<u8>().add(FAMILY), bytes.as_mut_ptr(), length - FAMILY) };
            let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(PATH);
            // A name that begins with a NUL is one of Linux's own, in no tree.
            if length == 0 { Err(Errno::EINVAL) } else { Ok(Given::Path(Path { bytes, length })) }
        }
        INTERNET | INTERNET_6 | UNIX => Err(Errno::EINVAL),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Bytes of a family.
const FAMILY: usize = size_of::<u16>();

/// Tells a program the address of one that is called by a name in the file tree, which has `length` bytes, as [`tell`] does.
///
/// # Errors
/// `EFAULT`.
///
/// # Safety
/// As [`tell`].
pub unsafe fn tell_path(path: &[u8; PATH], length: usize, to: *mut c_void, told: *mut u32) -> Result<(), Errno> {
    // SAFETY: the caller's promise. It writes the family, and how long that is.
    let room = unsafe { told.as_ref() }.map_or(0, |room| *room as usize);
    // SAFETY: as above.
    unsafe { tell(None, to, told) }?;
    let bytes = if length == 0 { 0 } else { length + 1 };
    // SAFETY: no more than there is room for behind the family.
    unsafe {
        core::ptr::copy_nonoverlapping(
            path.as_ptr(),
            to.cast::<u8>().wrapping_add(FAMILY),
            bytes.min(PATH).min(room.saturating_sub(FAMILY)),
        )
    };
    // SAFETY: not null, or it was an error above.
    unsafe { told.write(u32::try_from(FAMILY + bytes).unwrap_or(0)) };
    Ok(())
}

/// Either struct, or the family of those that have no name.
#[repr(C)]
union Any {
    v4: Address4,
    v6: Address6,
    family: u16,
}

/// Tells a program an address, or that of one of a pair, which has no name: as much of it as there is room for, and how long it is.
///
/// # Errors
/// `EFAULT`.
///
/// # Safety
/// If neither is null, `*length` bytes can be written from `to` on.
pub unsafe fn tell(name: Option<IpEndpoint>, to: *mut c_void, length: *mut u32) -> Result<(), Errno> {
    if to.is_null() || length.is_null() {
        return Err(Errno::EFAULT);
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "families are small")]
    let (any, bytes) = match name {
        Some(IpEndpoint { addr: IpAddress::Ipv4(address), port }) => {
            let v4 = Address4 { family: INTERNET as u16, port: port.to_be(), address: address.octets(), zero: [0; 8] };
            (Any { v4 }, size_of::<Address4>())
        }
        Some(IpEndpoint { addr: IpAddress::Ipv6(address), port }) => {
            let v6 = Address6 { family: INTERNET_6 as u16, port: port.to_be(), flow: 0, address: address.octets(), scope: 0 };
            (Any { v6 }, size_of::<Address6>())
        }
        None => (Any { family: UNIX as u16 }, size_of::<u16>()),
    };
    // SAFETY: not null; the caller's.
    let room = unsafe { length.read() } as usize;
    // SAFETY: not null, `room` bytes long by the caller; `bytes` of the union were written.
    unsafe { core::ptr::copy_nonoverlapping((&raw const any).cast::<u8>(), to.cast::<u8>(), bytes.min(room)) };
    // SAFETY: not null; the caller's.
    unsafe { length.write(u32::try_from(bytes).unwrap_or(0)) };
    Ok(())
}
