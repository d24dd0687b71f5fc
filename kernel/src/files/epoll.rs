//! Epoll: watches many files, and tells which of them are ready (`epoll(7)`).
//!
//! A watched file is known by its number; it is forgotten when that is closed. An epoll does not watch another one.

use hermit_sync::OnceCell;
use skete_abi::Errno;
pub use skete_logic::interest::Told;
use skete_logic::interest::{Interests, State};
use skete_logic::slab::Slab;
use skete_logic::time::Instant;
use skete_logic::tree::OpenFlags;

use super::class::{Class, Handle, Ready};
use super::{changes, table};
use crate::memory::Heap;
use crate::sched::mutex::Sleep;
use crate::time;

/// Not without a byte, so that its address is nobody else's.
struct Epolls {
    _byte: u8,
}

static CLASS: Epolls = Epolls { _byte: 0 };

type Watches = Interests<Handle, Heap>;

static WATCHES: Sleep<Slab<Watches, Heap>> = Sleep::new(Slab::new(Heap));

/// Tells of a number that is closed, once there is an epoll: a program without one carries none.
static CLOSED: OnceCell<fn(i32)> = OnceCell::new();

/// What an epoll is told of a file.
#[derive(Clone, Copy, Debug)]
pub enum Wish {
    /// Watch it for these bits; the word is told with them.
    Add(u32, u64),
    /// Watch it for others.
    Change(u32, u64),
    /// Watch it no more.
    Remove,
}

/// Makes one and gives it a number.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn open() -> Result<i32, Errno> {
    let _ = CLOSED.set(forget);
    let item = WATCHES.lock().insert(Interests::new(Heap)).map_err(|_| Errno::ENOMEM)?;
    super::install(Handle { class: &CLASS, item }, OpenFlags::BOTH)
}

/// Number `fd` is about to be closed.
pub fn closes(fd: i32) {
    if let Some(forget) = CLOSED.get() {
        forget(fd);
    }
}

fn forget(fd: i32) {
    WATCHES.lock().iter_mut().for_each(|watches| {
        // Most do not watch it.
        let _ = watches.remove(fd);
    });
}

fn is_epoll(handle: Handle) -> bool {
    core::ptr::addr_eq(handle.class, &raw const CLASS)
}

/// Does what is wished of file `fd` with the epoll behind number `epoll`.
///
/// # Errors
/// `EBADF`. `EINVAL`: no epoll, or the file is one. `EPERM`: a file that is always ready. `EEXIST`, `ENOENT`, `ENOMEM`.
pub fn control(epoll: i32, fd: i32, wish: Wish) -> Result<(), Errno> {
    let (watcher, object) = {
        let mut table = table()?;
        (table.get(epoll)?.object, table.get(fd)?.object)
    };
    if !is_epoll(watcher) || is_epoll(object) {
        return Err(Errno::EINVAL);
    }
    if object.class.length(object.item).is_ok() {
        return Err(Errno::EPERM);
    }
    with(watcher.item, |watches| match wish {
        Wish::Add(asked, word) => watches.add(fd, object, asked, word),
        Wish::Change(asked, word) => watches.change(fd, asked, word),
        Wish::Remove => watches.remove(fd),
    })?;
    // Whoever waits looks at it too.
    changes::announce();
    Ok(())
}

/// Waits until some of the files that `epoll` watches are ready, until `deadline` at most; hands as many as `most` to `tell`, and says how
/// many those were.
///
/// # Errors
/// `EBADF`; `EINVAL`: no epoll. `EINTR`: somebody wanted the wait to end.
pub fn wait(epoll: i32, most: usize, deadline: Option<Instant>, mut tell: impl FnMut(Told)) -> Result<usize, Errno> {
    let watcher = table()?.get(epoll)?.object;
    if !is_epoll(watcher) {
        return Err(Errno::EINVAL);
    }
    loop {
        let seen = changes::seen();
        let count = with(watcher.item, |watches| Ok(watches.look(most, state, &mut tell)))?;
        if count > 0 || deadline.is_some_and(|deadline| time::now() >= deadline) {
            return Ok(count);
        }
        changes::wait(seen, deadline)?;
    }
}

fn with<R>(item: u32, act: impl FnOnce(&mut Watches) -> Result<R, Errno>) -> Result<R, Errno> {
    WATCHES.lock().get_mut(item).ok_or(Errno::EBADF).and_then(act)
}

/// What a file is ready for. The count is taken first: what happens meanwhile is told once more, not lost.
fn state(file: Handle) -> State {
    let count = file.class.changes(file.item);
    State { ready: u32::from(file.class.ready(file.item).bits().cast_unsigned()), count }
}

impl Class for Epolls {
    fn ready(&self, item: u32) -> Ready {
        let has_any = with(item, |watches| Ok(watches.has_any(state)));
        if has_any == Ok(true) { Ready::READ } else { Ready::empty() }
    }

    fn close(&self, item: u32) {
        WATCHES.lock().remove(item);
    }
}
