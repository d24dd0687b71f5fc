//! What changes of a node but its contents: where it stands, its rights, its times.

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;

use super::bytes::Bytes;
use super::node::{Body, Kind, NodeId};
use super::walk::{Last, Place};
use super::{ROOT, Tree};

/// A change of what `stat(2)` tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its permission bits (`chmod(2)`).
    Permissions(u32),
    /// Its owner, to who owns it: there is one user (`chown(2)`).
    Owner,
    /// When it was last read and last written; what is `None` stays (`utimensat(2)`).
    Times {
        /// Nanoseconds since 1970.
        accessed_ns: Option<u64>,
        /// As above.
        modified_ns: Option<u64>,
    },
}

impl<A: Allocator + Clone> Tree<'_, A> {
    /// Makes a change to a node.
    ///
    /// # Errors
    /// `EBADF`, if it is none.
    pub fn change(&mut self, node: NodeId, change: Change, now_ns: u64) -> Result<(), Errno> {
        let changed = self.node_mut(node)?;
        changed.times.changed_ns = now_ns;
        match change {
            Change::Permissions(bits) => changed.permissions = bits & 0o7777,
            Change::Owner => {}
            Change::Times { accessed_ns, modified_ns } => {
                changed.times.accessed_ns = accessed_ns.unwrap_or(changed.times.accessed_ns);
                changed.times.modified_ns = modified_ns.unwrap_or(changed.times.modified_ns);
            }
        }
        Ok(())
    }

    /// What `from` names is named `to` from now on; what had that name loses it. Two names of one node stay as they are.
    ///
    /// # Errors
    /// Those of `rename(2)`, which change nothing: `EBUSY` for `/`, `.` and `..`; `EISDIR` and `ENOTDIR`, where one is a directory and the
    /// other is none; `ENOTEMPTY`; `EINVAL` for a directory that would stand below itself; `ENOSPC`, and the paths'.
    pub fn rename(&mut self, from: &[u8], to: &[u8], now_ns: u64) -> Result<(), Errno> {
        let (node, (old, index)) = match self.walk(from, Last::Keep)? {
            Place::Free { .. } => return Err(Errno::ENOENT),
            Place::Node { entry: None, .. } => return Err(Errno::EBUSY),
            Place::Node { node, entry: Some(entry) } => (node, entry),
        };
        let is_directory = self.node(node)?.kind() == Kind::Directory;
        let new = match self.walk(to, Last::Keep)? {
            Place::Node { entry: None, .. } => return Err(Errno::EBUSY),
            Place::Node { node: other, .. } if other == node => return Ok(()),
            Place::Node { node: other, entry: Some((new, at)) } => {
                self.may_replace(node, is_directory, other, new)?;
                self.directory_mut(new)?.set(at, node);
                self.lose_name(other, now_ns)?;
                new
            }
            Place::Free { wants_directory: true, .. } if !is_directory => return Err(Errno::ENOTDIR),
            Place::Free { directory: new, name, .. } => {
                if is_directory && self.is_below(new, node)? {
                    return Err(Errno::EINVAL);
                }
                let name = Bytes::copy_of(name, &self.space)?;
                self.directory_mut(new)?.make_room()?;
                self.directory_mut(old)?.remove(index);
                self.directory_mut(new)?.add(name, node);
                self.settle(node, new, now_ns)?;
                return self.written(old, new, now_ns);
            }
        };
        // An entry replaced in place has moved no other.
        self.directory_mut(old)?.remove(index);
        self.settle(node, new, now_ns)?;
        self.written(old, new, now_ns)
    }

    /// Whether `node` may take the name of `other`, which stands in `new`.
    fn may_replace(&self, node: NodeId, is_directory: bool, other: NodeId, new: NodeId) -> Result<(), Errno> {
        match &self.node(other)?.body {
            Body::Directory(_) if !is_directory => Err(Errno::EISDIR),
            Body::Directory(_) if self.is_below(new, node)? => Err(Errno::EINVAL),
            Body::Directory(entries) if !entries.is_empty() => Err(Errno::ENOTEMPTY),
            Body::Directory(_) => Ok(()),
            _ if is_directory => Err(Errno::ENOTDIR),
            _ => Ok(()),
        }
    }

    /// Whether directory `inner` is `outer` or stands anywhere below it.
    fn is_below(&self, inner: NodeId, outer: NodeId) -> Result<bool, Errno> {
        let mut here = inner;
        while here != outer && here != ROOT {
            here = self.directory(here)?.parent;
        }
        Ok(here == outer)
    }

    /// `node` stands in `directory` now.
    fn settle(&mut self, node: NodeId, directory: NodeId, now_ns: u64) -> Result<(), Errno> {
        let moved = self.node_mut(node)?;
        moved.times.changed_ns = now_ns;
        if let Body::Directory(entries) = &mut moved.body {
            entries.parent = directory;
        }
        Ok(())
    }

    fn written(&mut self, old: NodeId, new: NodeId, now_ns: u64) -> Result<(), Errno> {
        self.node_mut(old)?.times.write(now_ns);
        self.node_mut(new)?.times.write(now_ns);
        Ok(())
    }
}
