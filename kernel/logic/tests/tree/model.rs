//! What the tree shall do, written as plainly as can be: maps in maps, contents shared by reference counts.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use skete_abi::Errno;
use skete_logic::tree::OpenFlags;

pub type Contents = Rc<RefCell<Vec<u8>>>;

pub enum Thing {
    Directory(BTreeMap<String, Thing>),
    File(Contents),
}

/// What an opening got hold of.
#[derive(Clone)]
pub enum Open {
    Directory,
    File(Contents),
}

pub struct Model {
    root: Thing,
}

/// Where a path leads: the names from the root, and whether the last step was a name (not `.` or `..`).
struct Located {
    names: Vec<String>,
    named: bool,
}

impl Model {
    pub fn new() -> Self {
        Self { root: Thing::Directory(BTreeMap::new()) }
    }

    fn get(&self, names: &[String]) -> Option<&Thing> {
        names.iter().try_fold(&self.root, |thing, name| match thing {
            Thing::Directory(entries) => entries.get(name),
            Thing::File(_) => None,
        })
    }

    fn entries(&mut self, names: &[String]) -> &mut BTreeMap<String, Thing> {
        let mut thing = &mut self.root;
        for name in names {
            let Thing::Directory(entries) = thing else { panic!("located before") };
            thing = entries.get_mut(name).expect("located before");
        }
        match thing {
            Thing::Directory(entries) => entries,
            Thing::File(_) => panic!("located before"),
        }
    }

    fn locate(&self, path: &str) -> Result<Located, Errno> {
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        let mut names: Vec<String> = Vec::new();
        let mut named = false;
        for component in path.split('/').filter(|component| !component.is_empty()) {
            match self.get(&names) {
                None => return Err(Errno::ENOENT),
                Some(Thing::File(_)) => return Err(Errno::ENOTDIR),
                Some(Thing::Directory(_)) => {}
            }
            named = false;
            match component {
                "." => {}
                ".." => drop(names.pop()),
                name => {
                    named = true;
                    names.push(name.to_owned());
                }
            }
        }
        if path.ends_with('/') && matches!(self.get(&names), Some(Thing::File(_))) {
            return Err(Errno::ENOTDIR);
        }
        Ok(Located { names, named })
    }

    pub fn open(&mut self, path: &str, flags: OpenFlags) -> Result<Open, Errno> {
        let located = self.locate(path)?;
        let creates = flags.contains(OpenFlags::CREATE);
        match self.get(&located.names) {
            Some(_) if creates && flags.contains(OpenFlags::EXCLUSIVE) => Err(Errno::EEXIST),
            Some(Thing::Directory(_)) if creates || flags.is_writable() => Err(Errno::EISDIR),
            Some(Thing::Directory(_)) => Ok(Open::Directory),
            Some(Thing::File(_)) if flags.contains(OpenFlags::DIRECTORY) => Err(Errno::ENOTDIR),
            Some(Thing::File(contents)) => {
                if flags.is_writable() && flags.contains(OpenFlags::TRUNCATE) {
                    contents.borrow_mut().clear();
                }
                Ok(Open::File(contents.clone()))
            }
            None if !creates => Err(Errno::ENOENT),
            None if flags.contains(OpenFlags::DIRECTORY) => Err(Errno::EINVAL),
            None if path.ends_with('/') => Err(Errno::EISDIR),
            None => {
                let contents = Contents::default();
                let (name, parent) = located.names.split_last().expect("the root exists");
                self.entries(parent).insert(name.clone(), Thing::File(contents.clone()));
                Ok(Open::File(contents))
            }
        }
    }

    pub fn make_directory(&mut self, path: &str) -> Result<(), Errno> {
        let located = self.locate(path)?;
        if self.get(&located.names).is_some() {
            return Err(Errno::EEXIST);
        }
        let (name, parent) = located.names.split_last().expect("the root exists");
        self.entries(parent).insert(name.clone(), Thing::Directory(BTreeMap::new()));
        Ok(())
    }

    pub fn unlink(&mut self, path: &str) -> Result<(), Errno> {
        let located = self.locate(path)?;
        match self.get(&located.names) {
            None => Err(Errno::ENOENT),
            Some(Thing::Directory(_)) => Err(Errno::EISDIR),
            Some(Thing::File(_)) => {
                let (name, parent) = located.names.split_last().expect("the root is a directory");
                self.entries(parent).remove(name);
                Ok(())
            }
        }
    }

    pub fn remove_directory(&mut self, path: &str) -> Result<(), Errno> {
        let located = self.locate(path)?;
        match self.get(&located.names) {
            None => Err(Errno::ENOENT),
            Some(Thing::File(_)) => Err(Errno::ENOTDIR),
            Some(Thing::Directory(_)) if located.names.is_empty() && !located.named => Err(Errno::EBUSY),
            Some(Thing::Directory(_)) if !located.named && path.ends_with("..") => Err(Errno::ENOTEMPTY),
            Some(Thing::Directory(_)) if !located.named => Err(Errno::EINVAL),
            Some(Thing::Directory(entries)) if !entries.is_empty() => Err(Errno::ENOTEMPTY),
            Some(Thing::Directory(_)) => {
                let (name, parent) = located.names.split_last().expect("named");
                self.entries(parent).remove(name);
                Ok(())
            }
        }
    }

    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let old = self.locate(from)?;
        let is_directory = matches!(self.get(&old.names).ok_or(Errno::ENOENT)?, Thing::Directory(_));
        if !old.named {
            return Err(Errno::EBUSY);
        }
        let new = self.locate(to)?;
        match self.get(&new.names) {
            Some(_) if !new.named => return Err(Errno::EBUSY),
            Some(_) if new.names == old.names => return Ok(()),
            Some(Thing::Directory(_)) if !is_directory => return Err(Errno::EISDIR),
            Some(Thing::Directory(_)) if new.names.starts_with(&old.names) => return Err(Errno::EINVAL),
            Some(Thing::Directory(entries)) if !entries.is_empty() => return Err(Errno::ENOTEMPTY),
            Some(Thing::File(_)) if is_directory => return Err(Errno::ENOTDIR),
            None if to.ends_with('/') && !is_directory => return Err(Errno::ENOTDIR),
            None if is_directory && new.names.starts_with(&old.names) => return Err(Errno::EINVAL),
            _ => {}
        }
        let (name, parent) = old.names.split_last().expect("named");
        let thing = self.entries(parent).remove(name).expect("located");
        let (name, parent) = new.names.split_last().expect("named, or free");
        self.entries(parent).insert(name.clone(), thing);
        Ok(())
    }

    /// The names in a directory, each with whether it is one itself.
    pub fn list(&self, path: &str) -> Result<Vec<(String, bool)>, Errno> {
        match self.get(&self.locate(path)?.names) {
            None => Err(Errno::ENOENT),
            Some(Thing::File(_)) => Err(Errno::ENOTDIR),
            Some(Thing::Directory(entries)) => {
                Ok(entries.iter().map(|(name, thing)| (name.clone(), matches!(thing, Thing::Directory(_)))).collect())
            }
        }
    }
}
