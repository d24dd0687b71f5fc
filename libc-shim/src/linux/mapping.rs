//! `mmap(2)` of files.
//!
//! The file tree keeps bytes, not pages, so a mapping is memory of its own: it is filled when it is made. What is written to a shared one
//! goes to the file at `msync`, `munmap` and `mprotect`; the book of shared mappings says where to. Two shared mappings of the same bytes
//! would not see each other's writes: the second is refused.
#![allow(unsafe_code, reason = "memory that the program names by its address; the book under its lock")]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ops::Range;

use skete::calls::files as face;
use skete::calls::memory::{sys_mprotect, sys_munmap};
use skete::files;
use skete_abi::Errno;
use skete_abi::files::{S_IFMT, S_IFREG, Stat};
use skete_sync::{Kind, Mutex};

use super::Answered;
use super::memory::{FIXED, KINDS, anonymous, refusal};
use crate::pthread::kernel::Kernel;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// `MAP_SHARED`.
const SHARED: i32 = 1;
/// `PROT_READ`, `PROT_WRITE`.
const READ: u32 = 1;
const WRITE: u32 = 2;
/// Nothing is longer: there are no such addresses.
const MOST: u64 = 1 << 36;
/// A mapping's own number for its file is not below this: the low ones are the program's.
const NUMBERS: i32 = 512;

/// A shared mapping that writes may have changed, or a part of one.
#[derive(Clone, Copy)]
struct Shared {
    start: u64,
    end: u64,
    /// Where in the file it begins.
    offset: u64,
    /// Its own number for the file.
    fd: i32,
    node: u64,
    protection: u32,
}

/// How many there may be.
const SLOTS: usize = 128;

struct Book {
    lock: Mutex,
    slots: UnsafeCell<[Option<Shared>; SLOTS]>,
}

// SAFETY: the slots are touched under the lock only.
unsafe impl Sync for Book {}

static BOOK: Book = Book { lock: Mutex::new(Kind::PLAIN), slots: UnsafeCell::new([None; SLOTS]) };

type Slots = [Option<Shared>; SLOTS];

#[optimize(size)]
fn locked<R>(work: impl FnOnce(&mut Slots) -> R) -> R {
    // A normal mutex has no errors.
    let _ = BOOK.lock.lock(&Kernel);
    // SAFETY: the lock is held.
    let result = work(unsafe { &mut *BOOK.slots.get() });
    let _ = BOOK.lock.unlock(&Kernel);
    result
}

/// `mmap(2)` of `bytes` of file `fd` from `offset` on.
///
/// # Errors
/// `EINVAL`, `EBADF`, `EACCES`, `ENODEV`, `EOVERFLOW`. `ENOMEM`: too many, too long, or shared by another mapping already. `EOPNOTSUPP`:
/// `MAP_FIXED` where nothing is mapped; writable and executable.
#[optimize(size)]
pub fn map(place: u64, bytes: u64, protection: u32, flags: i32, fd: i32, offset: u64) -> Answered {
    let is_fixed = flags & FIXED != 0;
    if !matches!(flags & KINDS, 1..=KINDS) || bytes == 0 || !offset.is_multiple_of(PAGE) || is_fixed && !place.is_multiple_of(PAGE) {
        return Err(Errno::EINVAL);
    }
    let is_shared = flags & SHARED != 0;
    let node = check(fd, is_shared && protection & WRITE != 0)?;
    if bytes > MOST {
        return Err(Errno::ENOMEM);
    }
    let last = offset.checked_add(bytes).filter(|end| i64::try_from(*end).is_ok()).ok_or(Errno::EOVERFLOW)?;
    let length = bytes.next_multiple_of(PAGE);
    locked(|slots| {
        let overlaps = |old: &Shared| old.node == node && old.offset < last && offset < old.offset + (old.end - old.start);
        if is_shared && slots.iter().flatten().any(overlaps) {
            return Err(Errno::ENOMEM);
        }
        let start = if is_fixed { replace(slots, place, length)? } else { anonymous(length, READ | WRITE)? };
        let new = Shared { start, end: start + length, offset, fd, node, protection };
        let made =
            fill(&new).and_then(|()| if is_shared { enter(slots, new).and_then(|()| restrict_to_file(&new)) } else { restrict(&new) });
        if made.is_err() {
            carve(slots, start..start + length, close)?;
            sys_munmap(start as *mut u8, length as usize);
        }
        made.map(|()| start.cast_signed())
    })
}

/// Whether the file behind `fd` can be mapped so; which one it is.
#[optimize(size)]
fn check(fd: i32, is_written: bool) -> Result<u64, Errno> {
    let flags = files::flags(fd)?;
    let mut status = Stat::default();
    if face::sys_fstat(fd, &raw mut status) < 0 || status.st_mode & S_IFMT != S_IFREG {
        return Err(Errno::ENODEV);
    }
    if !flags.is_readable() || is_written && !flags.is_writable() { Err(Errno::EACCES) } else { Ok(status.st_ino) }
}

/// The mapped memory at `place`, zeroed, for another mapping.
#[optimize(size)]
fn replace(slots: &mut Slots, place: u64, length: u64) -> Result<u64, Errno> {
    carve(slots, place..place + length, retire)?;
    if sys_mprotect(place as *mut u8, length as usize, READ | WRITE) != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    // SAFETY: mapped, writable, and given up by the program.
    unsafe { (place as *mut u8).write_bytes(0, length as usize) };
    Ok(place)
}

/// Fills a new mapping from its file; what is behind the file's end is zero.
#[optimize(size)]
fn fill(new: &Shared) -> Result<(), Errno> {
    // SAFETY: the mapping is there, writable, and nobody else knows of it.
    let into = unsafe { core::slice::from_raw_parts_mut(new.start as *mut MaybeUninit<u8>, (new.end - new.start) as usize) };
    files::read_at(new.fd, new.offset, into).map(drop)
}

/// What lies behind an address where a thread has had a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// No page of a file's.
    Nothing,
    /// A page behind its file's end.
    End,
    /// A page that its file has grown to: it can be used from now on.
    Grown,
}

/// Looks whether a page that nobody may touch lies behind its file's end, and opens it if it does no more.
#[optimize(size)]
pub fn behind_the_end(address: u64) -> Behind {
    locked(|slots| {
        let is_there = |shared: &&Shared| (shared.start..shared.end).contains(&address) && shared.protection != 0;
        let Some(shared) = slots.iter().flatten().find(is_there).filter(|_| is_denied(address)) else { return Behind::Nothing };
        let page = address / PAGE * PAGE;
        if address >= shared.start + pages_of_file(shared) {
            return Behind::End;
        }
        let opened = Shared { start: page, end: page + PAGE, offset: shared.offset + (page - shared.start), ..*shared };
        if sys_mprotect(page as *mut u8, PAGE as usize, READ | WRITE) == 0 && fill(&opened).and_then(|()| restrict(&opened)).is_ok() {
            Behind::Grown
        } else {
            Behind::Nothing
        }
    })
}

fn is_denied(address: u64) -> bool {
    skete::memory::map::find(address).is_denied()
}

/// How many bytes of a mapping are pages that its file has, if only a part.
fn pages_of_file(mapping: &Shared) -> u64 {
    let mut status = Stat::default();
    if face::sys_fstat(mapping.fd, &raw mut status) < 0 {
        return 0;
    }
    let size = u64::try_from(status.st_size).unwrap_or(0);
    size.saturating_sub(mapping.offset).next_multiple_of(PAGE).min(mapping.end - mapping.start)
}

/// Puts a new mapping into the book, with a number of its own.
#[optimize(size)]
fn enter(slots: &mut Slots, new: Shared) -> Result<(), Errno> {
    let slot = slots.iter_mut().find(|slot| slot.is_none()).ok_or(Errno::ENOMEM)?;
    *slot = Some(Shared { fd: files::duplicate(new.fd, NUMBERS)?, ..new });
    Ok(())
}

/// From now on the program may do with it what it has asked for.
fn restrict(new: &Shared) -> Result<(), Errno> {
    allow(new.start..new.end, new.protection)
}

/// [`restrict`] a shared mapping: nobody may touch the pages behind the file's end, until the file grows ([`behind_the_end`]).
#[optimize(size)]
fn restrict_to_file(new: &Shared) -> Result<(), Errno> {
    let behind = new.start + pages_of_file(new);
    if behind == new.end {
        return restrict(new);
    }
    crate::signal::fault::matter();
    let before = if behind == new.start { Ok(()) } else { allow(new.start..behind, new.protection) };
    before.and_then(|()| allow(behind..new.end, 0))
}

#[optimize(size)]
fn allow(pages: Range<u64>, protection: u32) -> Result<(), Errno> {
    match sys_mprotect(pages.start as *mut u8, (pages.end - pages.start) as usize, protection) {
        0 => Ok(()),
        answer => Err(refusal(answer)),
    }
}

/// Writes what lies in the mapping to the file, up to the file's end, unless it may not be read or was never written.
#[optimize(size)]
fn write_back(shared: &Shared) {
    let mut status = Stat::default();
    if shared.protection & WRITE == 0 || face::sys_fstat(shared.fd, &raw mut status) < 0 {
        return;
    }
    let rest = u64::try_from(status.st_size).unwrap_or(0).saturating_sub(shared.offset);
    let length = rest.min(shared.end - shared.start);
    let mut done = 0;
    while done < length {
        let page = shared.start + done;
        // Nobody has touched a page that the file has grown to until it was opened.
        let is_closed = is_denied(page);
        let same = (done..length).step_by(PAGE as usize).find(|at| is_denied(shared.start + at) != is_closed).unwrap_or(length);
        if !is_closed {
            // SAFETY: mapped and readable: the book is the mapping's.
            let from = unsafe { core::slice::from_raw_parts(page as *const u8, (same - done) as usize) };
            // A full memory loses what no file can hold; the program has its copy still.
            let _ = files::write_at(shared.fd, shared.offset + done, from);
        }
        done = same;
    }
}

fn close(shared: &mut Shared) -> bool {
    face::sys_close(shared.fd);
    false
}

fn retire(shared: &mut Shared) -> bool {
    write_back(shared);
    close(shared)
}

/// Cuts the book's mappings at both ends of `range`, and does `act` with each inside it; it stays if that says so.
#[optimize(size)]
fn carve(slots: &mut Slots, range: Range<u64>, act: impl Fn(&mut Shared) -> bool) -> Result<(), Errno> {
    for border in [range.start, range.end] {
        let Some(whole) = slots.iter_mut().flatten().find(|whole| whole.start < border && border < whole.end) else { continue };
        let behind = Shared { start: border, offset: whole.offset + (border - whole.start), ..*whole };
        whole.end = border;
        let is_entered = enter(slots, behind);
        if let Err(errno) = is_entered {
            let before = slots.iter_mut().flatten().find(|before| before.end == border && before.fd == behind.fd);
            before.into_iter().for_each(|before| before.end = behind.end);
            return Err(errno);
        }
    }
    for slot in slots {
        if let Some(shared) = slot
            && range.start <= shared.start
            && shared.end <= range.end
            && !act(shared)
        {
            *slot = None;
        }
    }
    Ok(())
}

/// The pages from `start` on are about to be unmapped.
///
/// # Errors
/// `ENOMEM`, `EMFILE`: the book is full.
#[optimize(size)]
pub fn forget(range: Range<u64>) -> Result<(), Errno> {
    locked(|slots| carve(slots, range, retire))
}

/// The pages from `start` on are about to be protected so.
///
/// # Errors
/// As [`forget`].
#[optimize(size)]
pub fn protect(start: u64, bytes: u64, protection: u32) -> Result<(), Errno> {
    let end = start.checked_add(bytes).and_then(|end| end.checked_next_multiple_of(PAGE)).ok_or(Errno::ENOMEM)?;
    locked(|slots| {
        carve(slots, start / PAGE * PAGE..end, |shared| {
            write_back(shared);
            shared.protection = protection;
            true
        })
    })
}

/// `msync(2)`: what shared mappings have of these pages is in their files now.
///
/// # Errors
/// `EINVAL`: no page begins there.
#[optimize(size)]
pub fn sync(start: u64, bytes: u64) -> Result<(), Errno> {
    let end = start.checked_add(bytes).filter(|_| start.is_multiple_of(PAGE)).ok_or(Errno::EINVAL)?;
    locked(|slots| slots.iter().flatten().filter(|shared| shared.start < end && start < shared.end).for_each(write_back));
    Ok(())
}
