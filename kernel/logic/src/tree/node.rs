//! What stands in the tree: directories, files, symbolic links, devices, names of sockets; and what `stat(2)` says of them.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_abi::Errno;

use super::bytes::Bytes;

/// A node's number: an inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NodeId(pub u32);

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Names of other nodes.
    Directory,
    /// Contents.
    File,
    /// A path to go on with.
    Link,
    /// The number of a device, which the tree does not know further.
    Device(u32),
    /// A socket; in the tree its name, which the tree does not know further.
    Socket,
    /// A pipe: never in the tree.
    Pipe,
}

/// When a node was last read, written, and changed in any way: nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Last read.
    pub accessed_ns: u64,
    /// Last write of contents, or change of a directory's entries.
    pub modified_ns: u64,
    /// Last change of anything.
    pub changed_ns: u64,
}

impl Times {
    /// All three are `now_ns`.
    #[must_use]
    pub const fn at(now_ns: u64) -> Self {
        Self { accessed_ns: now_ns, modified_ns: now_ns, changed_ns: now_ns }
    }

    pub(super) const fn write(&mut self, now_ns: u64) {
        self.modified_ns = now_ns;
        self.changed_ns = now_ns;
    }
}

/// A node seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its number.
    pub node: NodeId,
    /// What it is.
    pub kind: Kind,
    /// Permission bits: kept and told, not enforced (there is one user, who may do everything).
    pub permissions: u32,
    /// Names that lead to it; a directory counts its own `.` too.
    pub links: u32,
    /// Size in bytes; a directory's is its number of entries.
    pub bytes: u64,
    /// Its times.
    pub times: Times,
}

/// A name in a directory, as [`super::Tree::entries`] tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'t> {
    /// The name, without `/` and NUL.
    pub name: &'t [u8],
    /// The node behind it.
    pub node: NodeId,
    /// What that is.
    pub kind: Kind,
}

pub(super) struct Node<'a, A: Allocator> {
    pub(super) body: Body<'a, A>,
    pub(super) permissions: u32,
    /// Names in directories that lead here: 0 or 1, the tree has no hard links.
    pub(super) names: u32,
    /// Descriptions of open files that hold it: it lives while either count is above zero.
    pub(super) opens: u32,
    pub(super) times: Times,
}

pub(super) enum Body<'a, A: Allocator> {
    Directory(Directory<'a, A>),
    File(Bytes<'a, A>),
    Link(Bytes<'a, A>),
    Device(u32),
    Socket,
}

impl<'a, A: Allocator + Clone> Node<'a, A> {
    pub(super) const fn new(body: Body<'a, A>, permissions: u32, now_ns: u64) -> Self {
        Self { body, permissions: permissions & 0o7777, names: 0, opens: 0, times: Times::at(now_ns) }
    }

    pub(super) const fn kind(&self) -> Kind {
        match self.body {
            Body::Directory(_) => Kind::Directory,
            Body::File(_) => Kind::File,
            Body::Link(_) => Kind::Link,
            Body::Device(number) => Kind::Device(number),
            Body::Socket => Kind::Socket,
        }
    }

    /// What reads and writes go to.
    pub(super) const fn contents(&mut self) -> Result<&mut Bytes<'a, A>, Errno> {
        match &mut self.body {
            Body::File(contents) => Ok(contents),
            Body::Directory(_) => Err(Errno::EISDIR),
            Body::Link(_) | Body::Device(_) | Body::Socket => Err(Errno::EINVAL),
        }
    }

    pub(super) fn status(&self, node: NodeId) -> Status {
        let (links, bytes) = match &self.body {
            Body::Directory(directory) => (self.names + 1, directory.entries.len() as u64),
            Body::File(contents) | Body::Link(contents) => (self.names, contents.len()),
            Body::Device(_) | Body::Socket => (self.names, 0),
        };
        Status { node, kind: self.kind(), permissions: self.permissions, links, bytes, times: self.times }
    }
}

/// A directory's names, in ascending order of bytes.
pub(super) struct Directory<'a, A: Allocator> {
    entries: Vec<(Bytes<'a, A>, NodeId), A>,
    /// What `..` is; the root's is itself.
    pub(super) parent: NodeId,
}

impl<'a, A: Allocator + Clone> Directory<'a, A> {
    pub(super) const fn new(parent: NodeId, space: A) -> Self {
        Self { entries: Vec::new_in(space), parent }
    }

    /// The index of `name` and its node, or the index where it belongs.
    pub(super) fn find(&self, name: &[u8]) -> Result<(usize, NodeId), usize> {
        let index = self.entries.binary_search_by(|(other, _)| other.as_slice().cmp(name))?;
        Ok((index, self.entries[index].1))
    }

    /// The name and the node at `index`.
    pub(super) fn get(&self, index: usize) -> Option<(&[u8], NodeId)> {
        self.entries.get(index).map(|(name, node)| (name.as_slice(), *node))
    }

    /// Room for one more entry, or `ENOSPC`: so that [`Directory::insert`] cannot fail.
    #[inline(always)]
    pub(super) fn make_room(&mut self) -> Result<(), Errno> {
        self.entries.try_reserve(1).map_err(|_| Errno::ENOSPC)
    }

    /// Puts the entry at the `index` that [`Directory::find`] told, after [`Directory::make_room`].
    pub(super) fn insert(&mut self, index: usize, name: Bytes<'a, A>, node: NodeId) {
        self.entries.insert(index, (name, node));
    }

    /// Puts an entry where its name belongs, after [`Directory::make_room`]; no other has that name.
    pub(super) fn add(&mut self, name: Bytes<'a, A>, node: NodeId) {
        let index = self.find(name.as_slice()).map_or_else(|index| index, |(index, _)| index);
        self.insert(index, name, node);
    }

    /// The name at `index` leads to `node`.
    pub(super) fn set(&mut self, index: usize, node: NodeId) {
        self.entries[index].1 = node;
    }

    pub(super) fn remove(&mut self, index: usize) {
        self.entries.remove(index);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
