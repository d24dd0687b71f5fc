//! Every file under a directory, with its path: how the kernel hands `/out` to the host.

use allocator_api2::alloc::Allocator;
use allocator_api2::vec::Vec;
use skete_abi::Errno;

use super::Tree;
use super::node::{Body, NodeId};
use super::walk::{Last, Place};

impl<A: Allocator + Clone> Tree<'_, A> {
    /// Shows `file` each file under the directory `path`: its path from there (`plots/a.png`) and its contents, in the order of names.
    /// Links and devices are passed over.
    ///
    /// # Errors
    /// `ENOTDIR` and the path's; `ENOMEM`, when some files may have been shown.
    pub fn visit(&self, path: &[u8], mut file: impl FnMut(&[u8], &[u8])) -> Result<(), Errno> {
        let Place::Node { node, .. } = self.walk(path, Last::Follow)? else {
            return Err(Errno::ENOENT);
        };
        let mut path: Vec<u8, A> = Vec::new_in(self.space.clone());
        // Directories on the way down: each with the index of its next entry and the length of its own path.
        let mut way: Vec<(NodeId, usize, usize), A> = Vec::new_in(self.space.clone());
        push(&mut way, (node, 0, 0))?;
        while let Some((directory, index, length)) = way.last_mut() {
            let Some((name, node)) = self.directory(*directory)?.get(*index) else {
                way.pop();
                continue;
            };
            *index += 1;
            path.truncate(*length);
            path.try_reserve(name.len() + 1).map_err(|_| Errno::ENOMEM)?;
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(name);
            match &self.node(node)?.body {
                Body::File(contents) => file(&path, contents.as_slice()),
                Body::Directory(_) => push(&mut way, (node, 0, path.len()))?,
                Body::Link(_) | Body::Device(_) | Body::Socket => {}
            }
        }
        Ok(())
    }
}

fn push<T, A: Allocator>(to: &mut Vec<T, A>, value: T) -> Result<(), Errno> {
    to.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
    to.push(value);
    Ok(())
}
