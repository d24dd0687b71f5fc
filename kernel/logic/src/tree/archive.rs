//! Filling the tree from a cpio archive, without copying names or contents.
//!
//! The archive is read by `cpio_reader`: it needs no allocator, hands out slices of the archive itself, and checks every bound.
//! It takes a broken header for the end, so what follows the last entry is looked at here: it must be the trailer.

use core::fmt;

use allocator_api2::alloc::Allocator;
use cpio_reader::iter_files;
use skete_abi::{Errno, files};

use super::bytes::Bytes;
use super::node::{Body, Directory, Node};
use super::walk::{Last, Place};
use super::{Kind, NodeId, Tree};

/// Why an archive did not come in whole. What came before stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadArchive {
    /// How many entries came in before.
    pub entries: u32,
    /// What was wrong with the next.
    pub cause: Cause,
}

/// What was wrong with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No header where one belongs: cut off, damaged, or not an archive.
    Damaged,
    /// Neither directory, file, symbolic link nor device of characters.
    UnknownKind,
    /// It does not fit into the tree.
    Refused(Errno),
}

impl fmt::Display for BadArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "root archive: entry {}: ", self.entries + 1)?;
        match self.cause {
            Cause::Damaged => f.write_str("cut off or damaged"),
            Cause::UnknownKind => f.write_str("a kind of file that the tree has not"),
            Cause::Refused(errno) => write!(f, "{errno:?}"),
        }
    }
}

/// The fixed part of a newc header; the name follows (cpio(5)).
const HEADER_BYTES: usize = 110;
const TRAILER: &[u8] = b"TRAILER!!!";

impl<'a, A: Allocator + Clone> Tree<'a, A> {
    /// Brings in every entry of `archive` (newc); directories that it forgot to name are made. A later file of the same name
    /// takes the place of the earlier. Returns how many entries there were.
    ///
    /// # Errors
    /// [`BadArchive`], with what went wrong and where.
    pub fn fill(&mut self, archive: &'a [u8], now_ns: u64) -> Result<u32, BadArchive> {
        let mut entries = 0;
        let mut end = 0;
        if archive.is_empty() {
            return Ok(0);
        }
        for entry in iter_files(archive) {
            self.bring_in(&entry, now_ns).map_err(|cause| BadArchive { entries, cause })?;
            end = entry.file().as_ptr_range().end.addr() - archive.as_ptr().addr();
            entries += 1;
        }
        let trailer = archive.get(end.next_multiple_of(4)..).and_then(|rest| rest.get(HEADER_BYTES..)).unwrap_or_default();
        if !trailer.starts_with(TRAILER) {
            return Err(BadArchive { entries, cause: Cause::Damaged });
        }
        Ok(entries)
    }

    fn bring_in(&mut self, entry: &cpio_reader::Entry<'a>, now_ns: u64) -> Result<(), Cause> {
        let mode = entry.mode().bits();
        let path = entry.name().as_bytes();
        let now_ns = entry.mtime().checked_mul(1_000_000_000).filter(|&ns| ns > 0).unwrap_or(now_ns);
        let body = match mode & files::S_IFMT {
            files::S_IFDIR => None,
            files::S_IFREG => Some(Body::File(Bytes::Borrowed(entry.file()))),
            files::S_IFLNK => Some(Body::Link(Bytes::Borrowed(entry.file()))),
            files::S_IFCHR => {
                let (major, minor) = (entry.rdevmajor().unwrap_or(0), entry.rdevminor().unwrap_or(0));
                Some(Body::Device(device_number(major, minor)))
            }
            _ => return Err(Cause::UnknownKind),
        };
        self.place(path, body, mode, now_ns).map_err(Cause::Refused)
    }

    /// Puts `body` under `path`, or a directory if it is `None`.
    fn place(&mut self, path: &'a [u8], body: Option<Body<'a, A>>, mode: u32, now_ns: u64) -> Result<(), Errno> {
        let (directory, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (self.make_path(&path[..slash], now_ns)?, &path[slash + 1..]),
            None => (super::ROOT, path),
        };
        // `.` and `/` themselves, with the permissions that the root shall have.
        if name.is_empty() || name == b"." {
            let node = self.node_mut(directory)?;
            node.permissions = mode & 0o7777;
            return Ok(());
        }
        match (self.directory(directory)?.find(name), body) {
            (Ok((_, old)), None) if self.node(old)?.kind() == Kind::Directory => {
                self.node_mut(old)?.permissions = mode & 0o7777;
            }
            (Ok((_, old)), Some(body)) if self.node(old)?.kind() != Kind::Directory => {
                let old = self.node_mut(old)?;
                old.body = body;
                old.permissions = mode & 0o7777;
            }
            (Ok(_), _) => return Err(Errno::EEXIST),
            (Err(index), body) => {
                let body = body.unwrap_or_else(|| Body::Directory(Directory::new(directory, self.space.clone())));
                self.attach(directory, index, Bytes::Borrowed(name), Node::new(body, mode, now_ns))?;
            }
        }
        Ok(())
    }

    /// The directory `path`, made on the way if the archive did not name it before.
    fn make_path(&mut self, path: &'a [u8], now_ns: u64) -> Result<NodeId, Errno> {
        if path.is_empty() {
            return Ok(super::ROOT);
        }
        if let Ok(Place::Node { node, .. }) = self.walk(path, Last::Follow) {
            return Ok(node);
        }
        let ends = path.iter().enumerate().filter(|&(_, &byte)| byte == b'/').map(|(index, _)| index);
        for end in ends.chain([path.len()]).filter(|&end| end > 0) {
            match self.make_directory(&path[..end], 0o755, now_ns) {
                Ok(_) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno),
            }
        }
        match self.walk(path, Last::Follow)? {
            Place::Node { node, .. } => Ok(node),
            Place::Free { .. } => Err(Errno::ENOENT),
        }
    }
}

/// A device's number as `st_rdev` has it (makedev(3), for numbers below 256).
const fn device_number(major: u32, minor: u32) -> u32 {
    ((major & 0xfff) << 8) | (minor & 0xff)
}
