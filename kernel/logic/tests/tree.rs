//! The file tree against a plain model, and the cases that POSIX singles out.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
#![allow(unsafe_code, reason = "an allocator that fails on demand, and buffers that were filled")]

mod tree {
    pub mod model;
    pub mod scarce;
}

use core::mem::MaybeUninit;

use allocator_api2::alloc::{Allocator, Global};
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::tree::{Change, Kind, NodeId, OpenFlags, Tree};
use tree::model::{Model, Open};
use tree::scarce::Scarce;

const READ: OpenFlags = OpenFlags::empty();
const MAKE: OpenFlags = OpenFlags::CREATE.union(OpenFlags::BOTH);
const MAKE_NEW: OpenFlags = MAKE.union(OpenFlags::EXCLUSIVE);

fn new_tree() -> Tree<'static, Global> {
    Tree::new(Global, 1).unwrap()
}

fn read<A: Allocator + Clone>(tree: &mut Tree<'_, A>, node: NodeId, at: u64, len: usize) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![MaybeUninit::new(0xee_u8); len];
    let count = tree.read(node, at, &mut buffer, 2)?;
    // SAFETY: every byte was given a value above.
    Ok(buffer[..count].iter().map(|byte| unsafe { byte.assume_init() }).collect())
}

fn names<A: Allocator + Clone>(tree: &Tree<'_, A>, node: NodeId) -> Result<Vec<(String, bool)>, Errno> {
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ok(tree.entries(node, 0)?.map(|entry| (name(entry.name), entry.kind == Kind::Directory)).collect())
}

#[derive(Clone, Debug)]
enum Step {
    Open(String, OpenFlags),
    Close(usize),
    Read(usize, u64, usize),
    Write(usize, u64, Vec<u8>),
    MakeDirectory(String),
    Unlink(String),
    RemoveDirectory(String),
    Rename(String, String),
    List(String),
}

fn path() -> impl Strategy<Value = String> {
    let name = prop_oneof![8 => Just("a"), 8 => Just("b"), 4 => Just("long-name"), 1 => Just("."), 1 => Just("..")];
    let slash = prop_oneof![8 => Just("/"), 1 => Just("//")];
    let components = prop::collection::vec((name, slash.clone()), 0..4);
    (prop::option::of(slash.clone()), components, prop::option::weighted(0.1, slash)).prop_map(|(first, inner, last)| {
        let mut path = first.unwrap_or_default().to_owned();
        let count = inner.len();
        for (index, (name, slash)) in inner.into_iter().enumerate() {
            path.push_str(name);
            path.push_str(if index + 1 < count { slash } else { last.unwrap_or_default() });
        }
        path
    })
}

fn step() -> impl Strategy<Value = Step> {
    let flags = (0..3_i32, any::<[bool; 3]>(), prop::bool::weighted(0.1)).prop_map(|(access, [create, exclusive, truncate], directory)| {
        let mut flags = OpenFlags::from_bits_truncate(access);
        flags.set(OpenFlags::CREATE, create);
        flags.set(OpenFlags::EXCLUSIVE, exclusive && create);
        flags.set(OpenFlags::TRUNCATE, truncate);
        flags.set(OpenFlags::DIRECTORY, directory);
        flags
    });
    let bytes = prop::collection::vec(any::<u8>(), 0..40);
    prop_oneof![
        6 => (path(), flags).prop_map(|(path, flags)| Step::Open(path, flags)),
        2 => any::<usize>().prop_map(Step::Close),
        4 => (any::<usize>(), 0..100_u64, 0..100_usize).prop_map(|(open, at, len)| Step::Read(open, at, len)),
        4 => (any::<usize>(), 0..100_u64, bytes).prop_map(|(open, at, bytes)| Step::Write(open, at, bytes)),
        4 => path().prop_map(Step::MakeDirectory),
        2 => path().prop_map(Step::Unlink),
        2 => path().prop_map(Step::RemoveDirectory),
        4 => (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        2 => path().prop_map(Step::List),
    ]
}

/// The tree and its model side by side, with what both have open.
struct Pair {
    tree: Tree<'static, Global>,
    model: Model,
    open: Vec<(NodeId, Open)>,
}

impl Pair {
    fn run(&mut self, step: Step) {
        match step {
            Step::Open(path, flags) => match (self.tree.open(path.as_bytes(), flags, 0o644, 2), self.model.open(&path, flags)) {
                (Ok(node), Ok(open)) => self.open.push((node, open)),
                (ours, theirs) => {
                    assert_eq!(ours.map(drop), theirs.map(drop), "open {path} {flags:?}")
                }
            },
            Step::Close(open) if !self.open.is_empty() => {
                let (node, _) = self.open.remove(open % self.open.len());
                self.tree.close(node);
            }
            Step::Read(open, at, len) if !self.open.is_empty() => {
                let (node, open) = &self.open[open % self.open.len()];
                let ours = read(&mut self.tree, *node, at, len);
                let theirs = match open {
                    Open::Directory => Err(Errno::EISDIR),
                    Open::File(bytes) => {
                        let bytes = bytes.borrow();
                        Ok(bytes.iter().skip(usize::try_from(at).unwrap()).take(len).copied().collect::<Vec<u8>>())
                    }
                };
                assert_eq!(ours, theirs);
            }
            Step::Write(open, at, from) if !self.open.is_empty() => {
                let (node, open) = &self.open[open % self.open.len()];
                let ours = self.tree.write(*node, at, &from, 2);
                let Open::File(bytes) = open else {
                    return assert_eq!(ours, Err(Errno::EISDIR));
                };
                assert_eq!(ours, Ok(()));
                let mut bytes = bytes.borrow_mut();
                let (at, end) = (usize::try_from(at).unwrap(), usize::try_from(at).unwrap() + from.len());
                if !from.is_empty() {
                    let len = bytes.len().max(end);
                    bytes.resize(len, 0);
                    bytes[at..end].copy_from_slice(&from);
                }
            }
            Step::MakeDirectory(path) => {
                assert_eq!(self.tree.make_directory(path.as_bytes(), 0o755, 2).map(drop), self.model.make_directory(&path), "mkdir {path}")
            }
            Step::Unlink(path) => {
                assert_eq!(self.tree.unlink(path.as_bytes(), 2), self.model.unlink(&path), "unlink {path}");
            }
            Step::RemoveDirectory(path) => {
                assert_eq!(self.tree.remove_directory(path.as_bytes(), 2), self.model.remove_directory(&path), "rmdir {path}")
            }
            Step::Rename(from, to) => {
                let ours = self.tree.rename(from.as_bytes(), to.as_bytes(), 2);
                assert_eq!(ours, self.model.rename(&from, &to), "rename {from} {to}");
            }
            Step::List(path) => {
                let ours = self.tree.status_of(path.as_bytes(), true).and_then(|status| names(&self.tree, status.node));
                assert_eq!(ours, self.model.list(&path), "list {path}");
            }
            Step::Close(_) | Step::Read(..) | Step::Write(..) => {}
        }
    }
}

proptest! {
    #[test]
    fn the_tree_does_what_its_model_does(steps in prop::collection::vec(step(), 1..120)) {
        let mut pair = Pair { tree: new_tree(), model: Model::new(), open: Vec::new() };
        for step in steps {
            pair.run(step);
        }
    }

    #[test]
    fn when_memory_runs_out_the_call_says_so_and_nothing_else_changes(times in 1_u32..40, steps in prop::collection::vec(step(), 1..60)) {
        let scarce = Scarce::new(times);
        let Ok(mut tree) = Tree::new(scarce.clone(), 1) else { return Ok(()) };
        let mut open = Vec::new();
        for step in steps {
            let before = scarce.0.get();
            let result = match step {
                Step::Open(path, flags) => tree.open(path.as_bytes(), flags, 0o644, 2).map(|node| open.push(node)),
                Step::Write(number, at, bytes) if !open.is_empty() => {
                    let node = open[number % open.len()];
                    let old = tree.status(node).unwrap().bytes;
                    let result = tree.write(node, at, &bytes, 2);
                    if result == Err(Errno::ENOSPC) {
                        prop_assert_eq!(tree.status(node).unwrap().bytes, old);
                    }
                    result
                }
                Step::MakeDirectory(path) => {
                    let result = tree.make_directory(path.as_bytes(), 0o755, 2).map(drop);
                    if result == Err(Errno::ENOSPC) {
                        prop_assert_eq!(tree.status_of(path.as_bytes(), true), Err(Errno::ENOENT));
                    }
                    result
                }
                Step::Unlink(path) => tree.unlink(path.as_bytes(), 2),
                Step::Rename(from, to) => {
                    let old = tree.status_of(from.as_bytes(), false);
                    let result = tree.rename(from.as_bytes(), to.as_bytes(), 2);
                    if result == Err(Errno::ENOSPC) {
                        prop_assert_eq!(tree.status_of(from.as_bytes(), false), old);
                    }
                    result
                }
                _ => Ok(()),
            };
            prop_assert!(result != Err(Errno::ENOSPC) || scarce.0.get() == 0 || before == 0);
        }
    }
}

#[test]
fn an_unlinked_file_lives_until_its_last_close_and_its_number_is_free_then() {
    let mut tree = new_tree();
    let file = tree.open(b"/f", MAKE_NEW, 0o600, 1).unwrap();
    tree.write(file, 0, b"still here", 1).unwrap();
    tree.unlink(b"/f", 2).unwrap();
    assert_eq!(tree.open(b"/f", READ, 0, 2), Err(Errno::ENOENT));
    assert_eq!(tree.status(file).unwrap().links, 0);
    assert_eq!(read(&mut tree, file, 6, 99), Ok(b"here".to_vec()));
    tree.close(file);
    assert_eq!(tree.status(file), Err(Errno::EBADF));
    assert_eq!(tree.open(b"/g", MAKE_NEW, 0o600, 3), Ok(file));
}

#[test]
fn a_write_behind_the_end_leaves_zeros_between() {
    let mut tree = new_tree();
    let file = tree.open(b"f", MAKE, 0o644, 1).unwrap();
    tree.write(file, 0, b"ab", 1).unwrap();
    tree.write(file, 5, b"c", 1).unwrap();
    assert_eq!(read(&mut tree, file, 0, 99), Ok(b"ab\0\0\0c".to_vec()));
    assert_eq!(tree.write(file, u64::MAX, b"x", 1), Err(Errno::EFBIG));
    assert_eq!(tree.write(file, isize::MAX as u64, b"x", 1), Err(Errno::EFBIG));
    assert_eq!(tree.write(file, isize::MAX as u64 - 9, b"x", 1), Err(Errno::ENOSPC));
    assert_eq!(tree.status(file).unwrap().bytes, 6);
    tree.close(file);
    let again = tree.open(b"f", MAKE | OpenFlags::TRUNCATE, 0, 2).unwrap();
    assert_eq!(read(&mut tree, again, 0, 99), Ok(Vec::new()));
}

#[test]
fn a_length_cuts_and_adds_zeros() {
    let mut tree = new_tree();
    let file = tree.open(b"f", MAKE, 0o644, 1).unwrap();
    tree.write(file, 0, b"abcd", 1).unwrap();
    tree.set_length(file, 2, 5).unwrap();
    tree.set_length(file, 4, 6).unwrap();
    assert_eq!(read(&mut tree, file, 0, 99), Ok(b"ab\0\0".to_vec()));
    assert_eq!(tree.status(file).unwrap().times.modified_ns, 6);
    assert_eq!(tree.set_length(file, u64::MAX, 7), Err(Errno::EFBIG));
    assert_eq!(tree.set_length(file, isize::MAX as u64 - 9, 7), Err(Errno::ENOSPC));
    assert_eq!((tree.status(file).unwrap().bytes, tree.status(file).unwrap().times.modified_ns), (4, 6));
    assert_eq!(tree.set_length(NodeId(0), 1, 7), Err(Errno::EISDIR));
}

#[test]
fn names_and_paths_have_a_longest() {
    let mut tree = new_tree();
    assert!(tree.open(&[b'n'; 255], MAKE, 0, 1).is_ok());
    assert_eq!(tree.open(&[b'n'; 256], MAKE, 0, 1), Err(Errno::ENAMETOOLONG));
    assert!(tree.status_of(&b"/.".repeat(2047), true).is_ok());
    assert_eq!(tree.status_of(&b"/.".repeat(2048), true), Err(Errno::ENAMETOOLONG));
    assert_eq!(tree.status_of(b"", true), Err(Errno::ENOENT));
}

#[test]
fn times_tell_reads_writes_and_changes_apart() {
    let mut tree = new_tree();
    tree.make_directory(b"/d", 0o755, 10).unwrap();
    let file = tree.open(b"/d/f", MAKE, 0o644, 20).unwrap();
    assert_eq!(tree.status_of(b"/d", true).unwrap().times.modified_ns, 20);
    tree.write(file, 0, b"x", 30).unwrap();
    tree.read(file, 0, &mut [MaybeUninit::uninit()], 40).unwrap();
    let times = tree.status(file).unwrap().times;
    assert_eq!((times.accessed_ns, times.modified_ns, times.changed_ns), (40, 30, 30));
    tree.unlink(b"/d/f", 50).unwrap();
    assert_eq!(tree.status(file).unwrap().times.changed_ns, 50);
    assert_eq!(tree.status_of(b"/d", true).unwrap().times.modified_ns, 50);
}

#[test]
fn a_renamed_file_is_the_same_and_what_it_replaces_lives_until_its_last_close() {
    let mut tree = new_tree();
    let old = tree.open(b"/old", MAKE, 0o644, 1).unwrap();
    tree.write(old, 0, b"new contents", 1).unwrap();
    let other = tree.open(b"/other", MAKE, 0o644, 1).unwrap();
    tree.write(other, 0, b"before", 1).unwrap();
    tree.rename(b"/old", b"/other", 5).unwrap();
    assert_eq!(tree.status_of(b"/old", true), Err(Errno::ENOENT));
    let status = tree.status_of(b"/other", true).unwrap();
    assert_eq!((status.node, status.links, status.times.changed_ns, status.times.modified_ns), (old, 1, 5, 1));
    assert_eq!(tree.status_of(b"/", true).unwrap().times.modified_ns, 5);
    assert_eq!(read(&mut tree, other, 0, 99), Ok(b"before".to_vec()));
    tree.close(other);
    assert_eq!(tree.status(other), Err(Errno::EBADF));
    tree.rename(b"/other", b"/other", 6).unwrap();
    assert_eq!(read(&mut tree, old, 0, 99), Ok(b"new contents".to_vec()));
}

#[test]
fn a_directory_that_moves_knows_where_it_stands() {
    let mut tree = new_tree();
    for path in [&b"/a"[..], b"/a/b", b"/c"] {
        tree.make_directory(path, 0o755, 1).unwrap();
    }
    assert_eq!(tree.rename(b"/a", b"/a/b/d", 2), Err(Errno::EINVAL));
    assert_eq!(tree.rename(b"/", b"/e", 2), Err(Errno::EBUSY));
    assert_eq!(tree.rename(b"/a", b"/c/..", 2), Err(Errno::EBUSY));
    tree.rename(b"/a/b", b"/c/b/", 2).unwrap();
    let c = tree.status_of(b"/c", true).unwrap().node;
    assert_eq!(tree.status_of(b"/c/b/..", true).unwrap().node, c);
    tree.rename(b"/a", b"/c/b", 3).unwrap();
    assert_eq!(names(&tree, c), Ok(vec![("b".into(), true)]));
}

#[test]
fn rights_and_times_are_what_they_were_last_told() {
    let mut tree = new_tree();
    let file = tree.open(b"f", MAKE, 0o644, 1).unwrap();
    tree.change(file, Change::Permissions(0o100_600), 2).unwrap();
    tree.change(file, Change::Times { accessed_ns: Some(7), modified_ns: None }, 3).unwrap();
    let status = tree.status(file).unwrap();
    assert_eq!(status.permissions, 0o600);
    assert_eq!((status.times.accessed_ns, status.times.modified_ns, status.times.changed_ns), (7, 1, 3));
    tree.change(file, Change::Owner, 4).unwrap();
    assert_eq!(tree.status(file).unwrap().times.changed_ns, 4);
    assert_eq!(tree.change(NodeId(77), Change::Owner, 4), Err(Errno::EBADF));
}

#[test]
fn a_sockets_name_is_no_file() {
    let mut tree = Tree::new(Global, 0).unwrap();
    let node = tree.make_socket(b"/s", 0o777, 1).unwrap();
    assert_eq!(tree.make_socket(b"/s", 0o777, 1), Err(Errno::EEXIST));
    assert_eq!(tree.open(b"/s", OpenFlags::BOTH, 0, 1), Err(Errno::ENXIO));
    assert_eq!(tree.status_of(b"/s", true).unwrap().kind, Kind::Socket);
    tree.unlink(b"/s", 2).unwrap();
    // Its number is nobody else's as long as the socket holds it.
    let other = tree.make_socket(b"/s", 0o777, 3).unwrap();
    assert_ne!(node, other);
    tree.close(node);
    tree.close(other);
    assert_eq!(tree.status_of(b"/s", true).unwrap().node, other);
}

#[test]
fn a_device_is_named_but_not_read_by_the_tree() {
    let mut tree = new_tree();
    tree.make_device(b"/null", 0x103, 0o666, 1).unwrap();
    assert_eq!(tree.make_device(b"/null", 0x103, 0o666, 1), Err(Errno::EEXIST));
    assert_eq!(tree.status_of(b"/null", true).unwrap().kind, Kind::Device(0x103));
    let device = tree.open(b"/null", OpenFlags::BOTH | OpenFlags::TRUNCATE, 0, 1).unwrap();
    assert_eq!(tree.write(device, 0, b"x", 1), Err(Errno::EINVAL));
    assert_eq!(read(&mut tree, device, 0, 1), Err(Errno::EINVAL));
}
