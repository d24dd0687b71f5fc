//! Files and directories of the tree in memory, which begins with what the image brought in its root archive.
//!
//! The tree is made when the first path is asked for: a program without files carries none of it.

use core::mem::MaybeUninit;

use hermit_sync::OnceCell;
use lock_api::{MappedMutexGuard, MutexGuard};
use skete_abi::Errno;
use skete_logic::dirent;
use skete_logic::tree::{Change, Kind, NodeId, OpenFlags, Status, Tree};

use super::class::{Class, Handle};
use super::{Open, console, devices, out};
use crate::memory::Heap;
use crate::sched::mutex::{RawSleep, Sleep};
use crate::{time, trace};

type Root = Tree<'static, Heap>;

static TREE: Sleep<Option<Root>> = Sleep::new(None);

/// The root archive, if the image has one.
static ARCHIVE: OnceCell<&'static [u8]> = OnceCell::new();

struct Stored;

static CLASS: Stored = Stored;

/// Keeps the root archive for the tree's beginning. Called once, at start; costs nothing by itself.
pub fn init(archive: &'static [u8]) {
    let _ = ARCHIVE.set(archive);
}

/// The tree; the first caller makes it.
fn tree() -> Result<MappedMutexGuard<'static, RawSleep, Root>, Errno> {
    let mut guard = TREE.lock();
    if guard.is_none() {
        *guard = Some(plant()?);
        out::expect(|sink| tree()?.visit(b"/out", sink));
    }
    MutexGuard::try_map(guard, Option::as_mut).map_err(|_| Errno::ENOMEM)
}

/// A tree with the root archive's files and the directories and devices that programs expect.
fn plant() -> Result<Root, Errno> {
    let now_ns = time::realtime_ns();
    let mut tree = Tree::new(Heap, now_ns)?;
    if let Err(bad) = tree.fill(ARCHIVE.get().copied().unwrap_or_default(), now_ns) {
        trace::say(format_args!("{bad}"));
    }
    for directory in [&b"/dev"[..], b"/dev/shm", b"/out", b"/tmp"] {
        allow_present(tree.make_directory(directory, 0o755, now_ns))?;
    }
    for (path, number) in [(&b"/dev/console"[..], console::DEVICE), (b"/dev/null", devices::NULL), (b"/dev/zero", devices::ZERO)] {
        allow_present(tree.make_device(path, number, 0o666, now_ns))?;
    }
    Ok(tree)
}

fn allow_present(made: Result<NodeId, Errno>) -> Result<(), Errno> {
    match made {
        Ok(_) | Err(Errno::EEXIST) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Opens what `path` names and gives it a number.
///
/// # Errors
/// Those of `open(2)`.
pub fn open(path: &[u8], flags: OpenFlags, permissions: u32) -> Result<i32, Errno> {
    let mut tree = tree()?;
    let node = tree.open(path, flags, permissions, time::realtime_ns())?;
    let handle = match tree.status(node)?.kind {
        Kind::Device(number) => {
            tree.close(node);
            devices::find(number)?
        }
        _ => Handle { class: &CLASS, item: node.0 },
    };
    drop(tree);
    super::install(handle, flags & (OpenFlags::BOTH | OpenFlags::WRITE_ONLY | OpenFlags::APPEND | OpenFlags::NONBLOCKING))
}

/// What there is to say of what `path` names; of a link itself unless `follows`.
///
/// # Errors
/// The path's.
pub fn status_of(path: &[u8], follows: bool) -> Result<Status, Errno> {
    tree()?.status_of(path, follows)
}

/// Makes a directory.
///
/// # Errors
/// Those of `mkdir(2)`.
pub fn make_directory(path: &[u8], permissions: u32) -> Result<(), Errno> {
    tree()?.make_directory(path, permissions, time::realtime_ns()).map(drop)
}

/// Makes a name for a socket, which holds it until it [lets it go](let_go).
///
/// # Errors
/// `EEXIST`, and the path's.
pub fn make_socket(path: &[u8], permissions: u32) -> Result<NodeId, Errno> {
    tree()?.make_socket(path, permissions, time::realtime_ns())
}

/// What [`make_socket`] has made is held no more; the name stays.
pub fn let_go(node: NodeId) {
    CLASS.close(node.0);
}

/// Removes an empty directory.
///
/// # Errors
/// Those of `rmdir(2)`.
pub fn remove_directory(path: &[u8]) -> Result<(), Errno> {
    tree()?.remove_directory(path, time::realtime_ns())
}

/// Takes a file's name away.
///
/// # Errors
/// Those of `unlink(2)`.
pub fn unlink(path: &[u8]) -> Result<(), Errno> {
    tree()?.unlink(path, time::realtime_ns())
}

/// What `from` names is named `to` from now on.
///
/// # Errors
/// Those of `rename(2)`.
pub fn rename(from: &[u8], to: &[u8]) -> Result<(), Errno> {
    tree()?.rename(from, to, time::realtime_ns())
}

/// Changes what `path` names; a link itself unless `follows`.
///
/// # Errors
/// The path's.
pub fn change(path: &[u8], follows: bool, change: Change) -> Result<(), Errno> {
    let mut tree = tree()?;
    let node = tree.status_of(path, follows)?.node;
    tree.change(node, change, time::realtime_ns())
}

/// Changes an open file or directory. No class does: who carries this carries it for the tree alone.
///
/// # Errors
/// `EBADF`; `EINVAL`: it is not of the tree.
pub fn change_open(fd: i32, change: Change) -> Result<(), Errno> {
    let status = super::status(fd)?;
    match status.kind {
        Kind::File | Kind::Directory => tree()?.change(status.node, change, time::realtime_ns()),
        _ => Err(Errno::EINVAL),
    }
}

impl Class for Stored {
    fn read(&self, open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        let count = tree()?.read(NodeId(open.object.item), open.position, into, time::realtime_ns())?;
        open.position += count as u64;
        Ok(count)
    }

    fn write(&self, open: &mut Open, from: &[u8]) -> Result<usize, Errno> {
        let mut tree = tree()?;
        let node = NodeId(open.object.item);
        if open.flags.contains(OpenFlags::APPEND) {
            open.position = tree.status(node)?.bytes;
        }
        tree.write(node, open.position, from, time::realtime_ns())?;
        open.position += from.len() as u64;
        Ok(from.len())
    }

    fn length(&self, item: u32) -> Result<u64, Errno> {
        Ok(tree()?.status(NodeId(item))?.bytes)
    }

    fn set_length(&self, item: u32, length: u64) -> Result<(), Errno> {
        tree()?.set_length(NodeId(item), length, time::realtime_ns())
    }

    fn status(&self, item: u32) -> Result<Status, Errno> {
        tree()?.status(NodeId(item))
    }

    fn entries(&self, open: &mut Open, into: &mut [MaybeUninit<u8>]) -> Result<usize, Errno> {
        let tree = tree()?;
        let mut position = open.position;
        let mut filled = 0;
        let first = usize::try_from(position).map_err(|_| Errno::EINVAL)?;
        for entry in tree.entries(NodeId(open.object.item), first)? {
            position += 1;
            filled += dirent::emit(&entry, position, &mut into[filled..]).ok_or(Errno::EINVAL)?;
        }
        open.position = position;
        Ok(filled)
    }

    fn close(&self, item: u32) {
        if let Ok(mut tree) = tree() {
            tree.close(NodeId(item));
        }
    }
}
