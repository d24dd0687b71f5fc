//! The file tree: everything under `/`, in memory.
//!
//! It decides what POSIX leaves to no one else: what a path means, what a flag does, which error comes first. It holds no lock
//! and knows no clock: the kernel keeps it under one lock and hands in the time. All growth can fail and is then `ENOSPC`.
//! Contents and names that came with the boot archive stay in the archive's memory (`'a`) until they are written.
//!
//! - [`node`]: what stands in the tree, and how it looks from outside
//! - [`walk`]: from a path to a place
//! - [`bytes`]: contents and names, copied at the first write
//! - [`change`]: other names, rights and times
//! - [`archive`]: filling the tree from a cpio archive
//! - [`visit`]: every file under a directory

mod archive;
mod bytes;
mod change;
mod node;
mod visit;
mod walk;

use core::mem::MaybeUninit;

use allocator_api2::alloc::Allocator;
use bitflags::bitflags;
use skete_abi::{Errno, files};

use crate::slab::Slab;
pub use archive::{BadArchive, Cause};
use bytes::Bytes;
pub use change::Change;
use node::{Body, Directory, Node};
pub use node::{Entry, Kind, NodeId, Status, Times};
use walk::{Last, Place};

/// The directory `/`.
pub const ROOT: NodeId = NodeId(0);

bitflags! {
    /// How a file is opened; the bits are those of `open(2)`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OpenFlags: i32 {
        /// For writing only. Without this and [`OpenFlags::BOTH`]: for reading only.
        const WRITE_ONLY = files::O_WRONLY;
        /// For reading and writing.
        const BOTH = files::O_RDWR;
        /// Make the file if there is none.
        const CREATE = files::O_CREAT;
        /// With `CREATE`: refuse if there is one.
        const EXCLUSIVE = files::O_EXCL;
        /// Cut the file to nothing.
        const TRUNCATE = files::O_TRUNC;
        /// Each write goes to the end.
        const APPEND = files::O_APPEND;
        /// Answer `EAGAIN` instead of waiting.
        const NONBLOCKING = files::O_NONBLOCK;
        /// Refuse what is not a directory.
        const DIRECTORY = files::O_DIRECTORY;
    }
}

impl OpenFlags {
    /// Whether who finds nothing to read, or no room to write, waits for it.
    #[must_use]
    pub const fn waiting(is_nonblocking: bool) -> Self {
        if is_nonblocking { Self::NONBLOCKING } else { Self::empty() }
    }

    /// Whether reads are allowed.
    #[must_use]
    pub const fn is_readable(self) -> bool {
        !self.contains(Self::WRITE_ONLY)
    }

    /// Whether writes are allowed.
    #[must_use]
    pub const fn is_writable(self) -> bool {
        self.intersects(Self::WRITE_ONLY.union(Self::BOTH))
    }

    const fn wants_new(self) -> bool {
        self.contains(Self::CREATE.union(Self::EXCLUSIVE))
    }
}

/// The tree. Nodes, names and contents live in memory from `A`.
pub struct Tree<'a, A: Allocator + Clone> {
    nodes: Slab<Node<'a, A>, A>,
    space: A,
}

impl<'a, A: Allocator + Clone> Tree<'a, A> {
    /// A tree with nothing but `/`.
    ///
    /// # Errors
    /// `ENOSPC`.
    pub fn new(space: A, now_ns: u64) -> Result<Self, Errno> {
        let mut nodes = Slab::new(space.clone());
        let mut root = Node::new(Body::Directory(Directory::new(ROOT, space.clone())), 0o755, now_ns);
        root.names = 1;
        nodes.insert(root).map_err(|_| Errno::ENOSPC)?;
        Ok(Self { nodes, space })
    }

    /// Finds or makes what `path` names, as `flags` ask, and counts one opening of it, which [`Tree::close`] ends.
    ///
    /// # Errors
    /// Those of `open(2)`: `ENOENT`, `EEXIST`, `EISDIR`, `ENOTDIR`, `EINVAL`, `ENOSPC`, `ENXIO` for a socket's name, and the path's.
    pub fn open(&mut self, path: &[u8], flags: OpenFlags, permissions: u32, now_ns: u64) -> Result<NodeId, Errno> {
        if flags.contains(OpenFlags::WRITE_ONLY | OpenFlags::BOTH) {
            return Err(Errno::EINVAL);
        }
        let last = if flags.wants_new() { Last::Keep } else { Last::Follow };
        let node = match self.walk(path, last)? {
            Place::Node { .. } if flags.wants_new() => return Err(Errno::EEXIST),
            Place::Node { node, .. } => {
                self.admit(node, flags, now_ns)?;
                node
            }
            Place::Free { .. } if !flags.contains(OpenFlags::CREATE) => return Err(Errno::ENOENT),
            Place::Free { .. } if flags.contains(OpenFlags::DIRECTORY) => {
                return Err(Errno::EINVAL);
            }
            Place::Free { wants_directory: true, .. } => return Err(Errno::EISDIR),
            Place::Free { directory, index, name, .. } => {
                let name = Bytes::copy_of(name, &self.space)?;
                self.attach(directory, index, name, Node::new(Body::File(Bytes::empty()), permissions, now_ns))?
            }
        };
        self.node_mut(node)?.opens += 1;
        Ok(node)
    }

    /// Whether an existing node may be opened so; cuts it if asked.
    fn admit(&mut self, node: NodeId, flags: OpenFlags, now_ns: u64) -> Result<(), Errno> {
        let found = self.node_mut(node)?;
        match &mut found.body {
            Body::Directory(_) if flags.is_writable() || flags.contains(OpenFlags::CREATE) => Err(Errno::EISDIR),
            Body::Directory(_) => Ok(()),
            _ if flags.contains(OpenFlags::DIRECTORY) => Err(Errno::ENOTDIR),
            Body::File(contents) if flags.contains(OpenFlags::TRUNCATE) && flags.is_writable() => {
                *contents = Bytes::empty();
                found.times.write(now_ns);
                Ok(())
            }
            Body::File(_) | Body::Device(_) => Ok(()),
            Body::Socket => Err(Errno::ENXIO),
            // The walk follows links unless a new name is wanted, and then a link is in the way before this.
            Body::Link(_) => Err(Errno::ELOOP),
        }
    }

    /// Ends one opening; a node that has no name any more goes with the last.
    pub fn close(&mut self, node: NodeId) {
        if let Ok(closed) = self.node_mut(node) {
            closed.opens = closed.opens.saturating_sub(1);
            self.reap(node);
        }
    }

    /// Reads what lies from `at` on; says how many bytes. 0 is the end.
    ///
    /// # Errors
    /// `EISDIR`, or `EINVAL` for a device.
    pub fn read(&mut self, node: NodeId, at: u64, into: &mut [MaybeUninit<u8>], now_ns: u64) -> Result<usize, Errno> {
        let read = self.node_mut(node)?;
        let count = read.contents()?.read_at(at, into);
        read.times.accessed_ns = now_ns;
        Ok(count)
    }

    /// Writes all of `from` over what begins at `at`; a gap behind the end becomes zeros.
    ///
    /// # Errors
    /// `ENOSPC` and `EFBIG`, which change nothing; `EISDIR`, or `EINVAL` for a device.
    pub fn write(&mut self, node: NodeId, at: u64, from: &[u8], now_ns: u64) -> Result<(), Errno> {
        let space = self.space.clone();
        let written = self.node_mut(node)?;
        let contents = written.contents()?;
        let at = usize::try_from(at).map_err(|_| Errno::EFBIG)?;
        if at.checked_add(from.len()).is_none_or(|end| isize::try_from(end).is_err()) {
            return Err(Errno::EFBIG);
        }
        contents.write_at(at, from, &space)?;
        written.times.write(now_ns);
        Ok(())
    }

    /// Makes a file so many bytes long: what is behind them goes, and what was not there is zeros.
    ///
    /// # Errors
    /// `ENOSPC` and `EFBIG`, which change nothing; `EISDIR`, or `EINVAL` for a device.
    pub fn set_length(&mut self, node: NodeId, length: u64, now_ns: u64) -> Result<(), Errno> {
        let space = self.space.clone();
        let cut = self.node_mut(node)?;
        let contents = cut.contents()?;
        let length = usize::try_from(length).ok().filter(|length| isize::try_from(*length).is_ok()).ok_or(Errno::EFBIG)?;
        contents.set_length(length, &space)?;
        cut.times.write(now_ns);
        Ok(())
    }

    /// What there is to say of an open node.
    ///
    /// # Errors
    /// `EBADF`, if it is none.
    pub fn status(&self, node: NodeId) -> Result<Status, Errno> {
        Ok(self.node(node)?.status(node))
    }

    /// What there is to say of what `path` names; of a link itself unless `follows`.
    ///
    /// # Errors
    /// The path's.
    #[inline(always)]
    pub fn status_of(&self, path: &[u8], follows: bool) -> Result<Status, Errno> {
        match self.walk(path, if follows { Last::Follow } else { Last::Keep })? {
            Place::Node { node, .. } => self.status(node),
            Place::Free { .. } => Err(Errno::ENOENT),
        }
    }

    /// The contents of an open file, as they are now.
    ///
    /// # Errors
    /// `EISDIR`, or `EINVAL` for a device.
    pub fn contents(&self, node: NodeId) -> Result<&[u8], Errno> {
        match &self.node(node)?.body {
            Body::File(contents) => Ok(contents.as_slice()),
            Body::Directory(_) => Err(Errno::EISDIR),
            Body::Link(_) | Body::Device(_) | Body::Socket => Err(Errno::EINVAL),
        }
    }

    /// The entries of a directory from the `first` on, in ascending order of their names; `.` and `..` are not among them.
    ///
    /// # Errors
    /// `ENOTDIR`.
    pub fn entries(&self, node: NodeId, first: usize) -> Result<impl Iterator<Item = Entry<'_>>, Errno> {
        let directory = self.directory(node)?;
        Ok((first..).map_while(|index| {
            let (name, node) = directory.get(index)?;
            let kind = self.node(node).ok()?.kind();
            Some(Entry { name, node, kind })
        }))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// `EEXIST`, `ENOSPC` and the path's.
    pub fn make_directory(&mut self, path: &[u8], permissions: u32, now_ns: u64) -> Result<NodeId, Errno> {
        let Place::Free { directory, index, name, .. } = self.walk(path, Last::Keep)? else {
            return Err(Errno::EEXIST);
        };
        let name = Bytes::copy_of(name, &self.space)?;
        let body = Body::Directory(Directory::new(directory, self.space.clone()));
        self.attach(directory, index, name, Node::new(body, permissions, now_ns))
    }

    /// Makes a node that stands for the device `number`.
    ///
    /// # Errors
    /// `EEXIST`, `ENOSPC` and the path's.
    pub fn make_device(&mut self, path: &[u8], number: u32, permissions: u32, now_ns: u64) -> Result<NodeId, Errno> {
        let Place::Free { directory, index, name, wants_directory: false } = self.walk(path, Last::Keep)? else {
            return Err(Errno::EEXIST);
        };
        let name = Bytes::copy_of(name, &self.space)?;
        self.attach(directory, index, name, Node::new(Body::Device(number), permissions, now_ns))
    }

    /// Makes a name for a socket, and counts one opening of it: as long as that is not [closed](Tree::close), no other node has its number.
    ///
    /// # Errors
    /// `EEXIST`, `ENOSPC` and the path's.
    pub fn make_socket(&mut self, path: &[u8], permissions: u32, now_ns: u64) -> Result<NodeId, Errno> {
        let Place::Free { directory, index, name, wants_directory: false } = self.walk(path, Last::Keep)? else {
            return Err(Errno::EEXIST);
        };
        let name = Bytes::copy_of(name, &self.space)?;
        let mut node = Node::new(Body::Socket, permissions, now_ns);
        node.opens = 1;
        self.attach(directory, index, name, node)
    }

    /// Takes a name away; what it named goes when nobody has it open.
    ///
    /// # Errors
    /// `EISDIR` for a directory, and the path's.
    pub fn unlink(&mut self, path: &[u8], now_ns: u64) -> Result<(), Errno> {
        match self.walk(path, Last::Keep)? {
            Place::Free { .. } => Err(Errno::ENOENT),
            Place::Node { node, .. } if self.node(node)?.kind() == Kind::Directory => Err(Errno::EISDIR),
            Place::Node { node, entry: Some(entry) } => self.detach(entry, node, now_ns),
            Place::Node { entry: None, .. } => Err(Errno::EISDIR),
        }
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `ENOTEMPTY`, `ENOTDIR`, `EBUSY` for the root, `EINVAL` for a path that ends in `.`, and the path's.
    pub fn remove_directory(&mut self, path: &[u8], now_ns: u64) -> Result<(), Errno> {
        let Place::Node { node, entry } = self.walk(path, Last::Keep)? else {
            return Err(Errno::ENOENT);
        };
        let is_empty = self.directory(node)?.is_empty();
        match entry {
            None if node == ROOT => Err(Errno::EBUSY),
            None if path.ends_with(b"..") => Err(Errno::ENOTEMPTY),
            None => Err(Errno::EINVAL),
            Some(_) if !is_empty => Err(Errno::ENOTEMPTY),
            Some(entry) => self.detach(entry, node, now_ns),
        }
    }

    /// Puts a new node under `name`. Fails before it changes anything.
    fn attach(&mut self, directory: NodeId, index: usize, name: Bytes<'a, A>, mut node: Node<'a, A>) -> Result<NodeId, Errno> {
        let now_ns = node.times.changed_ns;
        node.names = 1;
        self.directory_mut(directory)?.make_room()?;
        let number = NodeId(self.nodes.insert(node).map_err(|_| Errno::ENOSPC)?);
        self.directory_mut(directory)?.insert(index, name, number);
        self.node_mut(directory)?.times.write(now_ns);
        Ok(number)
    }

    /// Takes the entry `(directory, index)`, which names `node`, away.
    fn detach(&mut self, (directory, index): (NodeId, usize), node: NodeId, now_ns: u64) -> Result<(), Errno> {
        self.directory_mut(directory)?.remove(index);
        self.node_mut(directory)?.times.write(now_ns);
        self.lose_name(node, now_ns)
    }

    /// One name fewer leads to `node`.
    #[inline(always)]
    fn lose_name(&mut self, node: NodeId, now_ns: u64) -> Result<(), Errno> {
        let loser = self.node_mut(node)?;
        loser.names -= 1;
        loser.times.changed_ns = now_ns;
        self.reap(node);
        Ok(())
    }

    /// Frees a node that neither a name nor a description holds.
    fn reap(&mut self, node: NodeId) {
        if self.node(node).is_ok_and(|node| node.names == 0 && node.opens == 0) {
            self.nodes.remove(node.0);
        }
    }

    fn node(&self, node: NodeId) -> Result<&Node<'a, A>, Errno> {
        self.nodes.get(node.0).ok_or(Errno::EBADF)
    }

    fn node_mut(&mut self, node: NodeId) -> Result<&mut Node<'a, A>, Errno> {
        self.nodes.get_mut(node.0).ok_or(Errno::EBADF)
    }

    fn directory_mut(&mut self, node: NodeId) -> Result<&mut Directory<'a, A>, Errno> {
        match &mut self.node_mut(node)?.body {
            Body::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }
}
