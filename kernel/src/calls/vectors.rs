//! Several buffers in one call: `readv(2)` and `writev(2)`.
//!
//! Files are read and written buffer by buffer; what waits by itself, such as a socket, is as one, for it is one datagram, and one wait.
#![allow(unsafe_code, reason = "the face towards programs: symbols and their pointers")]

use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_abi::files::{self as numbers, IoVec};

use super::files::{buffer, bytes, count};
use crate::files;
use crate::memory::Heap;

/// Reads into one buffer after the other.
#[unsafe(no_mangle)]
pub extern "C" fn sys_readv(fd: i32, vectors: *const IoVec, len: usize) -> isize {
    if files::is_whole(fd) {
        // SAFETY: the caller's array and buffers, by the ABI.
        return count(unsafe { scatter(fd, vectors, len) });
    }
    // SAFETY: the caller's buffers, by the ABI.
    let one = |vector: &IoVec| unsafe { buffer(vector.iov_base, vector.iov_len) }.and_then(|into| files::read(fd, into));
    // SAFETY: the caller's array, by the ABI.
    count(unsafe { each(vectors, len, one) })
}

/// Writes one buffer after the other.
#[unsafe(no_mangle)]
pub extern "C" fn sys_writev(fd: i32, vectors: *const IoVec, len: usize) -> isize {
    if files::is_whole(fd) {
        // SAFETY: the caller's array and bytes, by the ABI.
        return count(unsafe { gather(fd, vectors, len) });
    }
    // SAFETY: the caller's bytes, by the ABI.
    let one = |vector: &IoVec| unsafe { bytes(vector.iov_base, vector.iov_len) }.and_then(|from| files::write(fd, from));
    // SAFETY: the caller's array, by the ABI.
    count(unsafe { each(vectors, len, one) })
}

/// The most bytes that are read or written as one where several buffers are: no datagram is longer.
const WHOLE: usize = 64 << 10;

/// Room for what the buffers of `vectors` hold together, [`WHOLE`] at most.
///
/// # Safety
/// If not null, `len` vectors can be read from `vectors` on.
unsafe fn whole(vectors: *const IoVec, len: usize) -> Result<Vec<u8, Heap>, Errno> {
    let mut all = Vec::new_in(Heap);
    let mut bytes = 0_usize;
    let sum = |vector: &IoVec| {
        bytes = bytes.saturating_add(vector.iov_len);
        Ok(vector.iov_len)
    };
    // SAFETY: by the caller.
    unsafe { each(vectors, len, sum) }?;
    all.try_reserve_exact(bytes.min(WHOLE)).map_err(|_| Errno::ENOMEM)?;
    Ok(all)
}

/// Writes what the buffers hold as one.
///
/// # Safety
/// As [`whole`], and each buffer is the caller's to lend.
#[cold]
unsafe fn gather(fd: i32, vectors: *const IoVec, len: usize) -> Result<usize, Errno> {
    // SAFETY: by the caller.
    let mut all = unsafe { whole(vectors, len) }?;
    let one = |vector: &IoVec| {
        // SAFETY: by the caller.
        let from = unsafe { bytes(vector.iov_base, vector.iov_len) }?;
        let room = all.capacity() - all.len();
        all.extend_from_slice(&from[..from.len().min(room)]);
        Ok(from.len().min(room))
    };
    // SAFETY: by the caller.
    unsafe { each(vectors, len, one) }?;
    files::write(fd, &all)
}

/// Reads once, and lays what came into one buffer after the other.
///
/// # Safety
/// As [`gather`].
#[cold]
unsafe fn scatter(fd: i32, vectors: *const IoVec, len: usize) -> Result<usize, Errno> {
    // SAFETY: by the caller.
    let mut all = unsafe { whole(vectors, len) }?;
    all.resize(all.capacity().min(WHOLE), 0);
    // SAFETY: bytes that have values may be given others.
    let into = unsafe { buffer(all.as_mut_ptr(), all.len()) }?;
    let mut rest = &all[..files::read(fd, into)?];
    let count = rest.len();
    let one = |vector: &IoVec| {
        // SAFETY: by the caller.
        let into = unsafe { buffer(vector.iov_base, vector.iov_len) }?;
        let (piece, after) = rest.split_at(rest.len().min(into.len()));
        into[..piece.len()].write_copy_of_slice(piece);
        rest = after;
        Ok(piece.len())
    };
    // SAFETY: by the caller.
    unsafe { each(vectors, len, one) }?;
    Ok(count)
}

/// Moves one buffer after the other, until one is not moved whole. An error counts only if nothing was moved before.
///
/// # Safety
/// If not null, `len` vectors can be read from `vectors` on.
unsafe fn each(vectors: *const IoVec, len: usize, mut one: impl FnMut(&IoVec) -> Result<usize, Errno>) -> Result<usize, Errno> {
    if len > numbers::IOV_MAX {
        return Err(Errno::EINVAL);
    }
    if vectors.is_null() && len > 0 {
        return Err(Errno::EFAULT);
    }
    let mut moved = 0_usize;
    for index in 0..len {
        // SAFETY: within the caller's array.
        let vector = unsafe { vectors.add(index).read() };
        if vector.iov_len == 0 {
            continue;
        }
        match one(&vector) {
            Ok(part) => {
                moved = moved.saturating_add(part);
                if part < vector.iov_len {
                    break;
                }
            }
            Err(_) if moved > 0 => break,
            Err(errno) => return Err(errno),
        }
    }
    Ok(moved)
}
