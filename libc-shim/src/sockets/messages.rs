//! What is sent and received: `send`, `recv` and their kin, each a cancellation point.
#![allow(unsafe_code, reason = "exported names; buffers and structs that the program names by their address")]

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::{ptr, slice};

use skete::files::socket::{IpEndpoint, Manner, Received};
use skete_abi::Errno;
use skete_abi::files::{IOV_MAX, IoVec};

use super::{address, find, patiently};
use crate::errno;
use crate::heap::{free, malloc};
use crate::linux::files::tell_of_broken_pipe;

/// Linux's flags (`send(2)`, `recv(2)`).
mod flag {
    use core::ffi::c_int;

    pub const OUT_OF_BAND: c_int = 0x1;
    pub const PEEK: c_int = 0x2;
    pub const TRUNCATED: c_int = 0x20;
    pub const DO_NOT_WAIT: c_int = 0x40;
    pub const WAIT_FOR_ALL: c_int = 0x100;
    pub const ERRORS: c_int = 0x2000;
    pub const NO_SIGNAL: c_int = 0x4000;
    pub const FAST_OPEN: c_int = 0x2000_0000;
}

/// `struct msghdr`, as this processor has it.
#[repr(C)]
pub struct Header {
    name: *mut c_void,
    name_length: u32,
    buffers: *mut IoVec,
    buffer_count: c_int,
    nothing: c_int,
    control: *mut c_void,
    control_length: u32,
    nothing_either: c_int,
    flags: c_int,
}

/// The most bytes that several buffers are sent or received by as one: no message is longer.
const WHOLE: usize = 64 << 10;

/// Bytes on the heap.
struct Bytes {
    start: *mut u8,
    length: usize,
}

impl Bytes {
    fn new(length: usize) -> Result<Self, Errno> {
        let start = malloc(length.max(1)).cast::<u8>();
        if start.is_null() {
            return Err(Errno::ENOMEM);
        }
        // SAFETY: so many are there.
        unsafe { start.write_bytes(0, length) };
        Ok(Self { start, length })
    }

    fn all(&mut self) -> &mut [u8] {
        // SAFETY: ours alone, and written.
        unsafe { slice::from_raw_parts_mut(self.start, self.length) }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: of `malloc`.
        unsafe { free(self.start.cast()) };
    }
}

/// The program's bytes.
///
/// # Safety
/// If not null, `length` bytes are there.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Result<&'a [u8], Errno> {
    match length {
        0 => Ok(&[]),
        _ if start.is_null() => Err(Errno::EFAULT),
        // SAFETY: the caller's promise.
        _ if isize::try_from(length).is_ok() => Ok(unsafe { slice::from_raw_parts(start, length) }),
        _ => Err(Errno::EINVAL),
    }
}

/// The program's buffer.
///
/// # Safety
/// If not null, `length` bytes are there, and nobody else uses them.
unsafe fn buffer<'a>(start: *mut u8, length: usize) -> Result<&'a mut [MaybeUninit<u8>], Errno> {
    match length {
        0 => Ok(&mut []),
        _ if start.is_null() => Err(Errno::EFAULT),
        // SAFETY: the caller's promise.
        _ if isize::try_from(length).is_ok() => Ok(unsafe { slice::from_raw_parts_mut(start.cast(), length) }),
        _ => Err(Errno::EINVAL),
    }
}

/// Sends; a stream that may wait sends all, unless something ends that on the way.
fn send_bytes(fd: c_int, from: &[u8], flags: c_int, to: Option<IpEndpoint>) -> Result<usize, Errno> {
    let (opened, manner) = find(fd)?;
    if flags & (flag::OUT_OF_BAND | flag::FAST_OPEN) != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let (socket, item) = (opened.socket, opened.item);
    let waits = !opened.is_nonblocking && flags & flag::DO_NOT_WAIT == 0;
    let mut sent = 0;
    let timeout = || Ok(socket.options(item)?.send_timeout);
    let answer = patiently(waits, timeout, |wait| {
        sent += socket.send(item, &from[sent..], to, wait)?;
        if waits && sent < from.len() { Err(Errno::EAGAIN) } else { Ok(sent) }
    });
    match answer {
        Err(_) if sent > 0 => Ok(sent),
        Err(Errno::EPIPE) if flags & flag::NO_SIGNAL == 0 && manner == Manner::Stream => {
            tell_of_broken_pipe();
            crate::signal::point();
            Err(Errno::EPIPE)
        }
        answer => answer,
    }
}

/// Receives; a message whose end does not fit is told by [`Received::whole`].
fn receive_bytes(fd: c_int, into: &mut [MaybeUninit<u8>], flags: c_int) -> Result<(Received, Manner), Errno> {
    let (opened, manner) = find(fd)?;
    if flags & flag::OUT_OF_BAND != 0 {
        // Nothing is ever urgent here.
        return Err(Errno::EINVAL);
    }
    if flags & flag::ERRORS != 0 {
        return Err(Errno::EAGAIN);
    }
    if flags & flag::TRUNCATED != 0 && manner == Manner::Stream {
        return Err(Errno::EOPNOTSUPP);
    }
    let (socket, item) = (opened.socket, opened.item);
    let waits = !opened.is_nonblocking && flags & flag::DO_NOT_WAIT == 0;
    let peeks = flags & flag::PEEK != 0;
    let wants_all = waits && !peeks && flags & flag::WAIT_FOR_ALL != 0 && manner == Manner::Stream;
    let mut count = 0;
    let timeout = || Ok(socket.options(item)?.receive_timeout);
    let answer = patiently(waits, timeout, |wait| {
        loop {
            let received = socket.receive(item, &mut into[count..], peeks, wait)?;
            count += received.count;
            if !wants_all || received.count == 0 || count == into.len() {
                return Ok(received);
            }
        }
    });
    match answer {
        Ok(received) => Ok((Received { count, whole: received.whole.max(count), ..received }, manner)),
        Err(_) if count > 0 => Ok((Received { count, whole: count, from: None }, manner)),
        Err(error) => Err(error),
    }
}

/// What `recv` answers.
fn counted(received: &Received, flags: c_int) -> isize {
    (if flags & flag::TRUNCATED == 0 { received.count } else { received.whole }).cast_signed()
}

/// The address that is sent to, if there is one.
///
/// # Safety
/// If not null, `length` bytes are there.
unsafe fn target(to: *const c_void, length: u32) -> Result<Option<IpEndpoint>, Errno> {
    if to.is_null() || length == 0 {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    unsafe { address::read(to, length) }?.ip().map(Some)
}

/// POSIX `send`.
///
/// # Safety
/// So many bytes are there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn send(fd: c_int, from: *const u8, length: usize, flags: c_int) -> isize {
    // SAFETY: the caller's promise.
    unsafe { sendto(fd, from, length, flags, ptr::null(), 0) }
}

/// POSIX `sendto`.
///
/// # Safety
/// So many bytes are there, and of an address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendto(fd: c_int, from: *const u8, length: usize, flags: c_int, to: *const c_void, to_length: u32) -> isize {
    // SAFETY: the caller's promise.
    let from = unsafe { bytes(from, length) };
    // SAFETY: the caller's promise.
    let to = unsafe { target(to, to_length) };
    errno::answer(from.and_then(|from| send_bytes(fd, from, flags, to?)).map(usize::cast_signed))
}

/// POSIX `recv`.
///
/// # Safety
/// There is room for so many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recv(fd: c_int, into: *mut u8, length: usize, flags: c_int) -> isize {
    // SAFETY: the caller's promise.
    unsafe { recvfrom(fd, into, length, flags, ptr::null_mut(), ptr::null_mut()) }
}

/// POSIX `recvfrom`.
///
/// # Safety
/// There is room for so many bytes, and for an address of the length that is told.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvfrom(
    fd: c_int,
    into: *mut u8,
    length: usize,
    flags: c_int,
    from: *mut c_void,
    from_length: *mut u32,
) -> isize {
    // SAFETY: the caller's promise.
    let received = unsafe { buffer(into, length) }.and_then(|into| receive_bytes(fd, into, flags));
    errno::answer(received.and_then(|(received, _)| {
        if received.from.is_some() && !from.is_null() {
            // SAFETY: the caller's promise.
            unsafe { address::tell(received.from, from, from_length) }?;
        } else if !from.is_null() && !from_length.is_null() {
            // SAFETY: not null; the caller's.
            unsafe { from_length.write(0) };
        }
        Ok(counted(&received, flags))
    }))
}

/// The buffers of a message.
///
/// # Safety
/// As many as it says are there, or their address is null.
unsafe fn buffers<'a>(header: &Header) -> Result<&'a [IoVec], Errno> {
    let count = usize::try_from(header.buffer_count).ok().filter(|count| *count <= IOV_MAX).ok_or(Errno::EMSGSIZE)?;
    match count {
        0 => Ok(&[]),
        _ if header.buffers.is_null() => Err(Errno::EFAULT),
        // SAFETY: the caller's promise.
        _ => Ok(unsafe { slice::from_raw_parts(header.buffers, count) }),
    }
}

/// Sends what a message's buffers hold.
///
/// # Safety
/// Whatever it names is there.
pub unsafe fn send_message(fd: c_int, header: &Header, flags: c_int) -> Result<usize, Errno> {
    if header.control_length != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    // SAFETY: the caller's promise.
    let to = unsafe { target(header.name, header.name_length) }?;
    // SAFETY: the caller's promise.
    let buffers = unsafe { buffers(header) }?;
    if let [one] = buffers {
        // SAFETY: the caller's promise.
        return send_bytes(fd, unsafe { bytes(one.iov_base, one.iov_len) }?, flags, to);
    }
    let sum = buffers.iter().fold(0_usize, |sum, buffer| sum.saturating_add(buffer.iov_len));
    let is_message = find(fd)?.1 != Manner::Stream;
    if is_message && sum > WHOLE {
        return Err(Errno::EMSGSIZE);
    }
    // Of a stream too: what is sent at once leaves in as few segments as can be.
    if sum <= WHOLE {
        let mut all = Bytes::new(sum)?;
        let mut at = 0;
        for one in buffers {
            // SAFETY: the caller's promise.
            let from = unsafe { bytes(one.iov_base, one.iov_len) }?;
            all.all()[at..at + from.len()].copy_from_slice(from);
            at += from.len();
        }
        return send_bytes(fd, all.all(), flags, to);
    }
    let mut sent = 0;
    for one in buffers {
        // SAFETY: the caller's promise.
        let more = unsafe { bytes(one.iov_base, one.iov_len) }.and_then(|from| send_bytes(fd, from, flags, to));
        match more {
            Ok(more) => sent += more,
            Err(_) if sent > 0 => break,
            Err(error) => return Err(error),
        }
        if more != Ok(one.iov_len) {
            break;
        }
    }
    Ok(sent)
}

/// Receives a message into its buffers.
///
/// # Safety
/// Whatever it names is there.
pub unsafe fn receive_message(fd: c_int, header: &mut Header, flags: c_int) -> Result<usize, Errno> {
    // SAFETY: the caller's promise.
    let buffers = unsafe { buffers(header) }?;
    let (received, manner) = if let [one] = buffers {
        // SAFETY: the caller's promise.
        receive_bytes(fd, unsafe { buffer(one.iov_base, one.iov_len) }?, flags)?
    } else {
        let sum = buffers.iter().fold(0_usize, |sum, buffer| sum.saturating_add(buffer.iov_len));
        let mut all = Bytes::new(sum.min(WHOLE))?;
        // SAFETY: ours; bytes that have values may be given others.
        let received = receive_bytes(fd, unsafe { buffer(all.start, all.length) }?, flags)?;
        let mut rest = &all.all()[..received.0.count];
        for one in buffers {
            // SAFETY: the caller's promise.
            let into = unsafe { buffer(one.iov_base, one.iov_len) }?;
            let (piece, after) = rest.split_at(rest.len().min(into.len()));
            into[..piece.len()].write_copy_of_slice(piece);
            rest = after;
        }
        received
    };
    if header.name.is_null() || received.from.is_none() {
        header.name_length = 0;
    } else {
        // SAFETY: the caller's promise.
        unsafe { address::tell(received.from, header.name, &raw mut header.name_length) }?;
    }
    let is_cut = manner != Manner::Stream && received.whole > received.count;
    (header.control_length, header.flags) = (0, if is_cut { flag::TRUNCATED } else { 0 });
    Ok(counted(&received, flags).cast_unsigned())
}

/// POSIX `sendmsg`; with data of control: `EOPNOTSUPP`.
///
/// # Safety
/// A message is there, and whatever it names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sendmsg(fd: c_int, message: *const Header, flags: c_int) -> isize {
    // SAFETY: the caller's promise.
    let header = unsafe { message.as_ref() }.ok_or(Errno::EFAULT);
    // SAFETY: the caller's promise.
    errno::answer(header.and_then(|header| unsafe { send_message(fd, header, flags) }).map(usize::cast_signed))
}

/// POSIX `recvmsg`; there never is data of control.
///
/// # Safety
/// As [`sendmsg`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn recvmsg(fd: c_int, message: *mut Header, flags: c_int) -> isize {
    // SAFETY: the caller's promise.
    let header = unsafe { message.as_mut() }.ok_or(Errno::EFAULT);
    // SAFETY: the caller's promise.
    errno::answer(header.and_then(|header| unsafe { receive_message(fd, header, flags) }).map(usize::cast_signed))
}
