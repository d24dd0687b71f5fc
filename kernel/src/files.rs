//! Open files: from a number to what is behind it, and the waiting that all of them share.
//!
//! - [`class`]: what a kind of file can do
//! - [`console`]: the terminal
//! - [`devices`]: `/dev/null`, `/dev/zero`
//! - [`event`]: eventfd
//! - [`epoll`]: watches many, and tells which are ready
//! - [`pipe`]: pipes
//! - [`stored`]: the file tree
//! - [`out`]: hands `/out` to the host
//! - [`socket`]: sockets: the network's, and pairs
//! - [`poll`]: waits for the first of several
//! - [`changes`]: how a waiter learns that something happened
//!
//! A class never waits: it answers `EAGAIN`, and [`transfer`] waits. All numbers and descriptions are under one lock; a class may take
//! its own lock under it. A class is named only by the function that opens it, so a program that opens no file carries no tree.

pub mod changes;
pub mod class;
pub mod console;
mod devices;
pub mod epoll;
pub mod event;
mod out;
pub mod pipe;
pub mod poll;
pub mod socket;
pub mod stored;

use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU8, Ordering};

use hermit_sync::OnceCell;
use lock_api::{MappedMutexGuard, MutexGuard};
use skete_abi::{Errno, files as numbers};
pub use skete_logic::fds::LIMIT;
use skete_logic::fds::{Description, Fds, Held};
pub use skete_logic::tree::Change;
use skete_logic::tree::{OpenFlags, Status};

use crate::memory::Heap;
use crate::sched::mutex::{RawSleep, Sleep};
use changes::Seen;
use class::Handle;
use socket::Opened;

pub use out::hand_out;
pub use stored::init;

type Table = Fds<Handle, Heap>;

/// An opening of a file of any class.
pub type Open = Description<Handle>;

static TABLE: Sleep<Option<Table>> = Sleep::new(None);

/// One bit for each of the numbers 0, 1 and 2 that nobody has closed: they are the console, and a write to them needs no lock, so that
/// whoever panics with the table locked can still say so.
static STANDARD: AtomicU8 = AtomicU8::new(0b111);

/// Writes to what is not the console of the beginning. Known once there is a table, and before that nothing else is open: so a program that
/// only writes to the console carries no table.
static WRITER: OnceCell<Writer> = OnceCell::new();

/// What is done with numbers that are not the console of the beginning.
struct Writer {
    write: fn(i32, &[u8]) -> Result<usize, Errno>,
    is_whole: fn(i32) -> bool,
}

/// The table of open files; the first caller opens the console as 0, 1 and 2.
fn table() -> Result<MappedMutexGuard<'static, RawSleep, Table>, Errno> {
    let mut guard = TABLE.lock();
    if guard.is_none() {
        let mut table = Table::new(Heap);
        let console = Handle { class: &console::CONSOLE, item: 0 };
        for _ in 0..3 {
            table.open(console, OpenFlags::BOTH)?;
        }
        *guard = Some(table);
        let is_whole = |fd| self::table().is_ok_and(|mut table| table.get(fd).is_ok_and(|open| open.object.class.is_whole()));
        let _ = WRITER.set(Writer { write: write_all, is_whole });
    }
    MutexGuard::try_map(guard, Option::as_mut).map_err(|_| Errno::ENOMEM)
}

/// Gives `handle` a number; closes it if there is none.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
fn install(handle: Handle, flags: OpenFlags) -> Result<i32, Errno> {
    table().and_then(|mut table| table.open(handle, flags)).inspect_err(|_| handle.class.close(handle.item))
}

/// Closes a number.
///
/// # Errors
/// `EBADF`.
pub fn close(fd: i32) -> Result<(), Errno> {
    epoll::closes(fd);
    let closed = {
        let mut table = table()?;
        let closed = table.close(fd)?;
        if let 0..=2 = fd {
            STANDARD.fetch_and(!(1 << fd), Ordering::Relaxed);
        }
        closed
    };
    if let Some(handle) = closed {
        handle.class.close(handle.item);
    }
    Ok(())
}

/// A second number for the same opening, not below `least`.
///
/// # Errors
/// `EBADF`, `EINVAL`, `EMFILE`, `ENOMEM`.
pub fn duplicate(fd: i32, least: i32) -> Result<i32, Errno> {
    table()?.duplicate(fd, least)
}

/// Reads from where the opening stands; 0 is the end.
///
/// # Errors
/// `EBADF`, `EAGAIN`, `EINTR`, and those of the class.
pub fn read(fd: i32, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    transfer(fd, OpenFlags::is_readable, |open| open.object.class.read(open, into))
}

/// Writes where the opening stands, or at the end if it appends.
///
/// # Errors
/// `EBADF`, `EAGAIN`, and those of the class.
#[inline]
pub fn write(fd: i32, from: &[u8]) -> Result<usize, Errno> {
    if let 0..=2 = fd
        && STANDARD.load(Ordering::Relaxed) & 1 << fd != 0
    {
        console::write(from);
        return Ok(from.len());
    }
    WRITER.get().map_or(Err(Errno::EBADF), |writer| (writer.write)(fd, from))
}

/// Writes; on and on where a write goes on until all is written. What was written before an error counts.
fn write_all(fd: i32, from: &[u8]) -> Result<usize, Errno> {
    let mut written = 0;
    loop {
        let mut goes_on = false;
        let step = |open: &mut Open| {
            let class = open.object.class;
            goes_on = class.is_whole() && !class.waits_itself() && !open.flags.contains(OpenFlags::NONBLOCKING);
            class.write(open, &from[written..])
        };
        match transfer(fd, OpenFlags::is_writable, step) {
            Ok(count) => written += count,
            Err(errno) if written == 0 => return Err(errno),
            Err(_) => return Ok(written),
        }
        if !goes_on || written == from.len() {
            return Ok(written);
        }
    }
}

/// Whether several buffers are read or written as one: what waits by itself does so once a call, and a datagram is one.
pub fn is_whole(fd: i32) -> bool {
    WRITER.get().is_some_and(|writer| (writer.is_whole)(fd))
}

/// Reads from `position` on; where the opening stands does not change.
///
/// # Errors
/// `EBADF`, and those of the class; `ESPIPE`: it has no positions.
pub fn read_at(fd: i32, position: u64, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    at(fd, position, OpenFlags::is_readable, |open| open.object.class.read(open, into))
}

/// Writes from `position` on, even if the opening appends; where it stands does not change.
///
/// # Errors
/// As [`read_at`].
pub fn write_at(fd: i32, position: u64, from: &[u8]) -> Result<usize, Errno> {
    at(fd, position, OpenFlags::is_writable, |open| open.object.class.write(open, from))
}

/// Does `step` on an opening that `may`, as if it stood at `position`.
fn at(fd: i32, position: u64, may: fn(OpenFlags) -> bool, step: impl FnOnce(&mut Open) -> Result<usize, Errno>) -> Result<usize, Errno> {
    let mut table = table()?;
    let open = table.get(fd)?;
    if !may(open.flags) {
        return Err(Errno::EBADF);
    }
    open.object.class.length(open.object.item)?;
    let before = (open.position, open.flags);
    (open.position, open.flags) = (position, open.flags - OpenFlags::APPEND);
    let result = step(open);
    (open.position, open.flags) = before;
    result
}

/// Does `step` on an opening that `may`; as long as it answers `EAGAIN`, waits for a change and tries again, unless the opening is
/// non-blocking.
fn transfer(fd: i32, may: fn(OpenFlags) -> bool, mut step: impl FnMut(&mut Open) -> Result<usize, Errno>) -> Result<usize, Errno> {
    let seen = changes::seen();
    let mut table = table()?;
    let open = table.get(fd)?;
    if !may(open.flags) {
        return Err(Errno::EBADF);
    }
    if open.object.class.waits_itself() {
        let mut copy = open.detached();
        drop(table);
        return step(&mut copy);
    }
    let first = step(open);
    if first != Err(Errno::EAGAIN) || open.flags.contains(OpenFlags::NONBLOCKING) {
        return first;
    }
    let held = table.hold(fd)?;
    drop(table);
    wait_for(held, seen, &mut step)
}

#[cold]
fn wait_for(held: Held, mut seen: Seen, step: &mut dyn FnMut(&mut Open) -> Result<usize, Errno>) -> Result<usize, Errno> {
    loop {
        let waited = changes::wait(seen, None);
        seen = changes::seen();
        let mut table = table()?;
        let result = waited.and_then(|()| step(table.held(&held)?));
        if result == Err(Errno::EAGAIN) {
            continue;
        }
        let closed = table.release(held);
        drop(table);
        if let Some(handle) = closed {
            handle.class.close(handle.item);
        }
        return result;
    }
}

/// Moves where an opening stands: by `offset` from the start, from where it stands, or from the end, as `whence` says. Returns where it
/// stands now.
///
/// # Errors
/// `EBADF`, `EINVAL`, `EOVERFLOW`, `ESPIPE`.
pub fn seek(fd: i32, offset: i64, whence: i32) -> Result<u64, Errno> {
    let mut table = table()?;
    let open = table.get(fd)?;
    let length = open.object.class.length(open.object.item)?;
    let base = match whence {
        numbers::SEEK_SET => 0,
        numbers::SEEK_CUR => open.position,
        numbers::SEEK_END => length,
        _ => return Err(Errno::EINVAL),
    };
    let position = base.checked_add_signed(offset).ok_or(Errno::EINVAL)?;
    if i64::try_from(position).is_err() {
        return Err(Errno::EOVERFLOW);
    }
    open.position = position;
    Ok(position)
}

/// Makes an open file so many bytes long.
///
/// # Errors
/// `EBADF`; `EINVAL`: it is not open for writing, or has no length; `EFBIG`, `ENOSPC`.
pub fn set_length(fd: i32, length: u64) -> Result<(), Errno> {
    let (object, flags) = {
        let mut table = table()?;
        let open = table.get(fd)?;
        (open.object, open.flags)
    };
    if flags.is_writable() { object.class.set_length(object.item, length) } else { Err(Errno::EINVAL) }
}

/// What there is to say of an open file.
///
/// # Errors
/// `EBADF`.
#[inline(always)]
pub fn status(fd: i32) -> Result<Status, Errno> {
    let object = table()?.get(fd)?.object;
    object.class.status(object.item)
}

/// Lays out the entries of a directory that come next, all of them, as `getdents64` does; 0 when none are left.
///
/// # Errors
/// `EBADF`, `ENOTDIR`; `EINVAL` if they do not all fit, and then none is taken: std asks again with more room, and never for a rest.
pub fn entries(fd: i32, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
    let mut table = table()?;
    let open = table.get(fd)?;
    open.object.class.entries(open, into)
}

/// The socket behind a number.
///
/// # Errors
/// `EBADF`; `ENOTSOCK`: it is none.
pub fn socket_of(fd: i32) -> Result<Opened, Errno> {
    let mut table = table()?;
    let open = table.get(fd)?;
    let socket = open.object.class.socket().ok_or(Errno::ENOTSOCK)?;
    Ok(Opened { socket, item: open.object.item, is_nonblocking: open.flags.contains(OpenFlags::NONBLOCKING) })
}

/// Checks that a number is open; everything written is in memory already.
///
/// # Errors
/// `EBADF`.
pub fn sync(fd: i32) -> Result<(), Errno> {
    table()?.get(fd).map(drop)
}

/// The flags of an opening.
///
/// # Errors
/// `EBADF`.
pub fn flags(fd: i32) -> Result<OpenFlags, Errno> {
    Ok(table()?.get(fd)?.flags)
}

/// Changes those of an opening's flags that can change: [`OpenFlags::APPEND`] and [`OpenFlags::NONBLOCKING`].
///
/// # Errors
/// `EBADF`.
pub fn set_flags(fd: i32, flags: OpenFlags) -> Result<(), Errno> {
    const CHANGEABLE: OpenFlags = OpenFlags::APPEND.union(OpenFlags::NONBLOCKING);
    let mut table = table()?;
    let open = table.get(fd)?;
    open.flags = open.flags - CHANGEABLE | flags & CHANGEABLE;
    Ok(())
}

/// Whether a number has `FD_CLOEXEC`; sets it if told to.
///
/// # Errors
/// `EBADF`.
pub fn close_on_exec(fd: i32, set: Option<bool>) -> Result<bool, Errno> {
    let mut table = table()?;
    let flag = table.close_on_exec(fd)?;
    *flag = set.unwrap_or(*flag);
    Ok(*flag)
}
