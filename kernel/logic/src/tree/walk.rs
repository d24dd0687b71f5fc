//! From a path to a place in the tree: `.`, `..`, repeated and trailing slashes, symbolic links (POSIX 4.16, `path_resolution(7)`).

use allocator_api2::alloc::Allocator;
use skete_abi::Errno;
use skete_abi::files::{NAME_MAX, PATH_MAX};

use super::node::{Body, Directory, Kind, NodeId};
use super::{ROOT, Tree};

/// Links that one path may lead through: POSIX's least, `_POSIX_SYMLOOP_MAX`; the walk recurses once for each.
const LINKS_MAX: u32 = 8;

/// Whether a symbolic link at the end of the path is followed or meant itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Follow,
    Keep,
}

/// Where a path leads.
#[derive(Debug)]
pub(super) enum Place<'p> {
    /// To a node. `entry` is the directory and the index in it that name the node; `/`, `.` and `..` have none.
    Node { node: NodeId, entry: Option<(NodeId, usize)> },
    /// To a name that a directory has not yet, at the index where it would be.
    Free { directory: NodeId, index: usize, name: &'p [u8], wants_directory: bool },
}

impl<A: Allocator + Clone> Tree<'_, A> {
    /// Walks `path` from the root: there is no other current directory.
    pub(super) fn walk<'p>(&'p self, path: &'p [u8], last: Last) -> Result<Place<'p>, Errno> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        if path.len() >= PATH_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        self.walk_from(ROOT, path, last, &mut { LINKS_MAX })
    }

    fn walk_from<'p>(&'p self, start: NodeId, path: &'p [u8], last: Last, links: &mut u32) -> Result<Place<'p>, Errno> {
        let wants_directory = path.last() == Some(&b'/');
        let mut here = if path.first() == Some(&b'/') { ROOT } else { start };
        let mut entry = None;
        let mut names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let is_last = names.peek().is_none();
            let follows = !is_last || wants_directory || last == Last::Follow;
            match self.step(here, name, follows, links)? {
                Place::Node { node, entry: through } => (here, entry) = (node, through),
                Place::Free { .. } if !is_last => return Err(Errno::ENOENT),
                Place::Free { directory, index, name, wants_directory: behind } => {
                    let wants_directory = wants_directory || behind;
                    return Ok(Place::Free { directory, index, name, wants_directory });
                }
            }
        }
        if wants_directory && self.node(here)?.kind() != Kind::Directory {
            return Err(Errno::ENOTDIR);
        }
        Ok(Place::Node { node: here, entry })
    }

    /// One name further from `here`, through a link if `follows`.
    fn step<'p>(&'p self, here: NodeId, name: &'p [u8], follows: bool, links: &mut u32) -> Result<Place<'p>, Errno> {
        let directory = self.directory(here)?;
        let (index, node) = match name {
            b"." => {
                return Ok(Place::Node { node: here, entry: None });
            }
            b".." => {
                return Ok(Place::Node { node: directory.parent, entry: None });
            }
            _ if name.len() > NAME_MAX => return Err(Errno::ENAMETOOLONG),
            _ => match directory.find(name) {
                Ok(found) => found,
                Err(index) => {
                    return Ok(Place::Free { directory: here, index, name, wants_directory: false });
                }
            },
        };
        match &self.node(node)?.body {
            Body::Link(target) if follows => {
                *links = links.checked_sub(1).ok_or(Errno::ELOOP)?;
                self.walk_from(here, target.as_slice(), Last::Follow, links)
            }
            _ => Ok(Place::Node { node, entry: Some((here, index)) }),
        }
    }

    /// The directory `node`, or `ENOTDIR`.
    pub(super) fn directory(&self, node: NodeId) -> Result<&Directory<'_, A>, Errno> {
        match &self.node(node)?.body {
            Body::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }
}
