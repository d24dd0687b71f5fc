//! Sockets that find each other by a name in the file tree: `unix(7)`.
//!
//! One that is connected is a side of a [pair]; until then it has a name, or waits for nobody, or listens and keeps the sides that others
//! have made by connecting. An item names a place and which of all sockets it was, as a pair's does.

use core::mem::MaybeUninit;

use allocator_api2::vec::Vec;
use skete_abi::Errno;
use skete_logic::slab::Slab;
use skete_logic::tree::{Kind, NodeId, OpenFlags, Status};
use skete_net::IpEndpoint;
use skete_net::socket::{Options, Received};
use skete_net::stack::Half;

use super::{Domain, Manner, Nature, PATH, Socket, Wait, pair, read, status, until, write};
use crate::files::class::{Class, Handle, Ready};
use crate::files::{self, Open, changes, stored};
use crate::memory::Heap;
use crate::sched::mutex::Sleep;

struct Named;

static CLASS: Named = Named;

/// A name in the file tree.
#[derive(Clone, Copy)]
struct Path {
    bytes: [u8; PATH],
    length: usize,
}

impl Path {
    const NONE: Self = Self { bytes: [0; PATH], length: 0 };

    fn of(path: &[u8]) -> Self {
        let mut bytes = [0; PATH];
        let length = path.len().min(PATH);
        bytes[..length].copy_from_slice(&path[..length]);
        Self { bytes, length }
    }
}

/// What a socket is by now.
enum State {
    /// Neither connected nor listening.
    Alone,
    /// Others connect to it: the sides of pairs that nobody has taken, the first of them first; no more of them than `most` and one.
    Listens { waiting: Vec<u32, Heap>, most: usize, is_shut: bool },
    /// A side of a pair.
    Connected(u32),
}

struct One {
    state: State,
    manner: Manner,
    options: Options,
    /// Its name, and the node in the tree that it holds for it.
    path: Path,
    node: Option<NodeId>,
    /// The other side's.
    peer: Path,
    changes: u32,
    /// Which of all sockets it is.
    count: u16,
}

struct All {
    sockets: Slab<One, Heap>,
    /// How many there ever were.
    count: u16,
}

static ALL: Sleep<All> = Sleep::new(All { sockets: Slab::new(Heap), count: 0 });

/// How an item is put together: the place, the count.
const COUNT_SHIFT: u32 = 16;
const PLACE: u32 = (1 << COUNT_SHIFT) - 1;

/// The most that wait to be taken (`SOMAXCONN`).
const MOST: i32 = 4096;

/// Opens a socket of this kind; its number among the files.
///
/// # Errors
/// `EMFILE`, `ENOMEM`.
pub fn open(manner: Manner, is_nonblocking: bool) -> Result<i32, Errno> {
    install(State::Alone, manner, Path::NONE, is_nonblocking)
}

fn install(state: State, manner: Manner, path: Path, is_nonblocking: bool) -> Result<i32, Errno> {
    let side = if let State::Connected(side) = state { Some(side) } else { None };
    let item = insert(state, manner, path).inspect_err(|_| side.into_iter().for_each(|side| pair::CLASS.close(side)))?;
    let flags = OpenFlags::BOTH | OpenFlags::waiting(is_nonblocking);
    files::install(Handle { class: &CLASS, item }, flags)
}

fn insert(state: State, manner: Manner, path: Path) -> Result<u32, Errno> {
    let mut all = ALL.lock();
    let count = all.count.wrapping_add(1);
    all.count = count;
    let one = One { state, manner, options: Options::NEW, path, node: None, peer: Path::NONE, changes: 0, count };
    let place = all.sockets.insert(one).map_err(|_| Errno::ENOMEM)?;
    Ok(u32::from(count) << COUNT_SHIFT | place)
}

fn with<R>(item: u32, act: impl FnOnce(&mut One) -> Result<R, Errno>) -> Result<R, Errno> {
    let mut all = ALL.lock();
    act(all.sockets.get_mut(item & PLACE).filter(|one| u32::from(one.count) == item >> COUNT_SHIFT).ok_or(Errno::EBADF)?)
}

/// The side of a pair that the socket is; `otherwise` if it is none.
fn side(item: u32, otherwise: Errno) -> Result<u32, Errno> {
    with(item, |one| if let State::Connected(side) = one.state { Ok(side) } else { Err(otherwise) })
}

/// Connects `item` to the socket whose name is `node`, without waiting.
fn connect(item: u32, node: NodeId) -> Result<(), Errno> {
    let mut all = ALL.lock();
    let manner = {
        let one = all.sockets.get_mut(item & PLACE).filter(|one| u32::from(one.count) == item >> COUNT_SHIFT).ok_or(Errno::EBADF)?;
        match one.state {
            State::Alone => one.manner,
            State::Connected(_) => return Err(Errno::EISCONN),
            State::Listens { .. } => return Err(Errno::EINVAL),
        }
    };
    let listener = all.sockets.iter_mut().find(|one| one.node == Some(node)).ok_or(Errno::ECONNREFUSED)?;
    if listener.manner != manner {
        return Err(Errno::EPROTOTYPE);
    }
    let name = listener.path;
    let State::Listens { waiting, most, is_shut: false } = &mut listener.state else { return Err(Errno::ECONNREFUSED) };
    if waiting.len() > *most {
        return Err(Errno::EAGAIN);
    }
    waiting.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    let [near, far] = pair::make(manner)?;
    waiting.push(far);
    listener.changes = listener.changes.wrapping_add(1);
    if let Some(one) = all.sockets.get_mut(item & PLACE) {
        (one.state, one.peer) = (State::Connected(near), name);
    }
    Ok(())
}

impl Class for Named {
    fn waits_itself(&self) -> bool {
        true
    }

    fn socket(&self) -> Option<&dyn Socket> {
        Some(&CLASS)
    }

    fn read(&self, open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        read(self, open, into)
    }

    fn write(&self, open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        write(self, open, from)
    }

    fn status(&self, item: u32) -> Result<Status, Errno> {
        let bytes = side(item, Errno::ENOTCONN).and_then(|side| pair::CLASS.status(side)).map_or(0, |status| status.bytes);
        Ok(status(item, bytes))
    }

    fn ready(&self, item: u32) -> Ready {
        let found = with(item, |one| {
            Ok(match &one.state {
                State::Alone => Err(Ready::WRITE | Ready::HANGUP),
                State::Listens { waiting, is_shut, .. } => Err(if waiting.is_empty() && !is_shut { Ready::empty() } else { Ready::READ }),
                State::Connected(side) => Ok(*side),
            })
        });
        found.map_or(Ready::empty(), |found| found.map_or_else(|ready| ready, |side| pair::CLASS.ready(side)))
    }

    fn changes(&self, item: u32) -> u32 {
        let found = with(item, |one| Ok((one.changes, if let State::Connected(side) = one.state { Some(side) } else { None })));
        found.map_or(0, |(own, side)| own.wrapping_add(side.map_or(0, |side| pair::CLASS.changes(side).wrapping_add(1))))
    }

    fn close(&self, item: u32) {
        let one = ALL.lock().sockets.remove(item & PLACE);
        let Some(one) = one else { return };
        match one.state {
            State::Alone => {}
            State::Listens { waiting, .. } => waiting.iter().for_each(|side| pair::CLASS.close(*side)),
            State::Connected(side) => pair::CLASS.close(side),
        }
        if let Some(node) = one.node {
            stored::let_go(node);
        }
        changes::announce();
    }
}

impl Socket for Named {
    fn nature(&self, item: u32) -> Result<Nature, Errno> {
        with(item, |one| Ok(Nature { domain: Domain::Pair, manner: one.manner, listens: matches!(one.state, State::Listens { .. }) }))
    }

    fn bind_path(&self, item: u32, path: &[u8]) -> Result<(), Errno> {
        with(item, |one| if one.node.is_none() { Ok(()) } else { Err(Errno::EINVAL) })?;
        let node = stored::make_socket(path, 0o777).map_err(|error| if error == Errno::EEXIST { Errno::EADDRINUSE } else { error })?;
        let bound = with(item, |one| {
            // Another thread may have been faster.
            if one.node.is_some() {
                return Err(Errno::EINVAL);
            }
            (one.node, one.path) = (Some(node), Path::of(path));
            Ok(())
        });
        if bound.is_err() {
            stored::let_go(node);
            stored::unlink(path)?;
        }
        bound
    }

    fn connect_path(&self, item: u32, path: &[u8], wait: Wait) -> Result<(), Errno> {
        until(wait, || {
            let status = stored::status_of(path, true)?;
            if status.kind == Kind::Socket { connect(item, status.node) } else { Err(Errno::ECONNREFUSED) }
        })?;
        changes::announce();
        Ok(())
    }

    fn path(&self, item: u32, is_peers: bool, place: &mut [u8; PATH]) -> Result<usize, Errno> {
        with(item, |one| {
            if is_peers && !matches!(one.state, State::Connected(_)) {
                return Err(Errno::ENOTCONN);
            }
            let path = if is_peers { &one.peer } else { &one.path };
            *place = path.bytes;
            Ok(path.length)
        })
    }

    fn listen(&self, item: u32, backlog: i32) -> Result<(), Errno> {
        let wanted = usize::try_from(backlog.min(MOST)).unwrap_or(0);
        with(item, |one| match &mut one.state {
            _ if one.node.is_none() => Err(Errno::EINVAL),
            State::Alone => {
                one.state = State::Listens { waiting: Vec::new_in(Heap), most: wanted, is_shut: false };
                Ok(())
            }
            State::Listens { most, .. } => {
                *most = wanted;
                Ok(())
            }
            State::Connected(_) => Err(Errno::EINVAL),
        })?;
        changes::announce();
        Ok(())
    }

    fn accept(&self, item: u32, is_nonblocking: bool, wait: Wait) -> Result<(i32, Option<IpEndpoint>), Errno> {
        let (side, manner, path) = until(wait, || {
            with(item, |one| {
                let State::Listens { waiting, is_shut, .. } = &mut one.state else { return Err(Errno::EINVAL) };
                if waiting.is_empty() {
                    return Err(if *is_shut { Errno::EINVAL } else { Errno::EAGAIN });
                }
                let side = waiting.remove(0);
                one.changes = one.changes.wrapping_add(1);
                Ok((side, one.manner, one.path))
            })
        })?;
        // There is room for another.
        changes::announce();
        Ok((install(State::Connected(side), manner, path, is_nonblocking)?, None))
    }

    fn send(&self, item: u32, bytes: &[u8], to: Option<IpEndpoint>, wait: Wait) -> Result<usize, Errno> {
        pair::CLASS.send(side(item, Errno::ENOTCONN)?, bytes, to, wait)
    }

    fn receive(&self, item: u32, into: &mut [MaybeUninit<u8>], peeks: bool, wait: Wait) -> Result<Received, Errno> {
        pair::CLASS.receive(side(item, Errno::EINVAL)?, into, peeks, wait)
    }

    fn shut_down(&self, item: u32, half: Half) -> Result<(), Errno> {
        let side = with(item, |one| match &mut one.state {
            State::Alone => Err(Errno::ENOTCONN),
            State::Listens { is_shut, .. } => {
                *is_shut |= half != Half::Write;
                Ok(None)
            }
            State::Connected(side) => Ok(Some(*side)),
        })?;
        if let Some(side) = side {
            return pair::CLASS.shut_down(side, half);
        }
        changes::announce();
        Ok(())
    }

    fn options(&self, item: u32) -> Result<Options, Errno> {
        with(item, |one| Ok(one.options))
    }

    fn set_options(&self, item: u32, change: &mut dyn FnMut(&mut Options)) -> Result<(), Errno> {
        with(item, |one| {
            change(&mut one.options);
            Ok(())
        })
    }

    fn take_error(&self, item: u32) -> Result<Option<Errno>, Errno> {
        side(item, Errno::ENOTCONN).map_or(Ok(None), |side| pair::CLASS.take_error(side))
    }
}
