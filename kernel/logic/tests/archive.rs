//! Filling the tree from cpio archives: whole, cut off, damaged, strange.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use allocator_api2::alloc::Global;
use proptest::prelude::*;
use skete_abi::Errno;
use skete_logic::tree::{BadArchive, Cause, Kind, OpenFlags, Tree};

const DIRECTORY: u32 = 0o04_0755;
const FILE: u32 = 0o10_0644;
const LINK: u32 = 0o12_0777;
const DEVICE: u32 = 0o02_0666;
const PIPE: u32 = 0o01_0644;

/// One newc entry: header, name, contents, each padded to four bytes (cpio(5)).
fn entry(name: &str, mode: u32, contents: &[u8], device: (u32, u32)) -> Vec<u8> {
    let (size, name_size) = (contents.len(), name.len() + 1);
    let fields = [
        1,
        mode,
        0,
        0,
        1,
        7,
        u32::try_from(size).unwrap(),
        0,
        0,
        device.0,
        device.1,
        u32::try_from(name_size).unwrap(),
        0,
    ];
    let mut bytes = b"070701".to_vec();
    for field in fields {
        bytes.extend(format!("{field:08x}").bytes());
    }
    bytes.extend(name.bytes().chain([0]));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(contents);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn archive(entries: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let mut bytes: Vec<u8> = entries
        .iter()
        .flat_map(|(name, mode, contents)| entry(name, *mode, contents, (0, 0)))
        .collect();
    bytes.extend(entry("TRAILER!!!", 0, b"", (0, 0)));
    bytes
}

fn contents<'t>(tree: &'t mut Tree<'_, Global>, path: &str) -> Result<&'t [u8], Errno> {
    let node = tree.open(path.as_bytes(), OpenFlags::empty(), 0, 2)?;
    tree.contents(node)
}

#[test]
fn contents_stay_in_the_archive_until_they_are_written() {
    let bytes = archive(&[
        (".", DIRECTORY, b""),
        ("etc", DIRECTORY, b""),
        ("etc/motd", FILE, b"welcome"),
        ("./usr/x", FILE, b"deep"),
    ]);
    let mut tree = Tree::new(Global, 1).unwrap();
    assert_eq!(tree.fill(&bytes, 1), Ok(4));
    let inside = |slice: &[u8]| bytes.as_ptr_range().contains(&slice.as_ptr());
    let motd = contents(&mut tree, "/etc/motd").unwrap();
    assert!(motd == b"welcome" && inside(motd));
    assert_eq!(contents(&mut tree, "/usr/x"), Ok(&b"deep"[..]));
    assert_eq!(
        tree.status_of(b"/etc/motd", true)
            .unwrap()
            .times
            .modified_ns,
        7_000_000_000
    );

    let node = tree.open(b"/etc/motd", OpenFlags::BOTH, 0, 2).unwrap();
    tree.write(node, 0, b"W", 2).unwrap();
    let motd = contents(&mut tree, "/etc/motd").unwrap();
    assert!(motd == b"Welcome" && !inside(motd));
    assert_eq!(contents(&mut tree, "etc/motd").map(<[u8]>::len), Ok(7));
}

#[test]
fn links_lead_on_and_a_ring_of_links_is_eloop() {
    let bytes = archive(&[
        ("d/file", FILE, b"x"),
        ("to-file", LINK, b"d/file"),
        ("d/up", LINK, b"../d"),
        ("to-nothing", LINK, b"d/new"),
        ("ring", LINK, b"ring2"),
        ("ring2", LINK, b"/ring"),
    ]);
    let mut tree = Tree::new(Global, 1).unwrap();
    tree.fill(&bytes, 1).unwrap();
    assert_eq!(contents(&mut tree, "/to-file"), Ok(&b"x"[..]));
    assert_eq!(contents(&mut tree, "/d/up/up/file"), Ok(&b"x"[..]));
    assert_eq!(tree.status_of(b"/to-file", false).unwrap().kind, Kind::Link);
    assert_eq!(tree.status_of(b"/to-file", true).unwrap().kind, Kind::File);
    assert_eq!(tree.status_of(b"/ring", true), Err(Errno::ELOOP));
    assert_eq!(tree.status_of(b"/to-nothing", true), Err(Errno::ENOENT));
    let make = OpenFlags::CREATE | OpenFlags::BOTH;
    assert_eq!(
        tree.open(b"/to-nothing", make | OpenFlags::EXCLUSIVE, 0, 2),
        Err(Errno::EEXIST)
    );
    tree.open(b"/to-nothing", make, 0o644, 2).unwrap();
    assert_eq!(tree.status_of(b"/d/new", false).unwrap().kind, Kind::File);
    tree.unlink(b"/to-file", 3).unwrap();
    assert_eq!(contents(&mut tree, "/d/file"), Ok(&b"x"[..]));
}

#[test]
fn a_device_keeps_its_number_and_a_later_file_replaces_an_earlier() {
    let mut bytes = entry("null", DEVICE, b"", (1, 3));
    bytes.extend(archive(&[("f", FILE, b"old"), ("f", FILE, b"new")]));
    let mut tree = Tree::new(Global, 1).unwrap();
    assert_eq!(tree.fill(&bytes, 1), Ok(3));
    assert_eq!(
        tree.status_of(b"null", true).unwrap().kind,
        Kind::Device(0x103)
    );
    assert_eq!(contents(&mut tree, "f"), Ok(&b"new"[..]));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let whole = archive(&[("a", FILE, b"aaaa"), ("b", FILE, b"bbbb")]);
    let bad = |bytes: &[u8]| Tree::new(Global, 1).unwrap().fill(bytes, 1);
    let one = whole.len()
        - entry("b", FILE, b"bbbb", (0, 0)).len()
        - entry("TRAILER!!!", 0, b"", (0, 0)).len();
    let mut damaged = whole.clone();
    damaged[one] = b'x';
    assert_eq!(
        bad(&damaged),
        Err(BadArchive {
            entries: 1,
            cause: Cause::Damaged
        })
    );
    assert_eq!(
        bad(&whole[..one]),
        Err(BadArchive {
            entries: 1,
            cause: Cause::Damaged
        })
    );
    assert_eq!(
        bad(b"not an archive"),
        Err(BadArchive {
            entries: 0,
            cause: Cause::Damaged
        })
    );
    assert_eq!(bad(b""), Ok(0));
    assert_eq!(
        bad(&archive(&[("p", PIPE, b"")])),
        Err(BadArchive {
            entries: 0,
            cause: Cause::UnknownKind
        })
    );
    let under_a_file = archive(&[("a", FILE, b""), ("a/b", FILE, b"")]);
    assert_eq!(
        bad(&under_a_file),
        Err(BadArchive {
            entries: 1,
            cause: Cause::Refused(Errno::ENOTDIR)
        })
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0_usize..600) {
        let _ = Tree::new(Global, 1).unwrap().fill(&bytes, 1);
        let mut whole = archive(&[("a/b/c", FILE, b"aaaa"), ("l", LINK, b"a/b"), ("l/d", FILE, b"bbbb")]);
        let at = at % whole.len();
        bytes.truncate(whole.len() - at);
        whole[at..at + bytes.len().min(4)].copy_from_slice(&bytes[..bytes.len().min(4)]);
        let _ = Tree::new(Global, 1).unwrap().fill(&whole, 1);
    }
}

#[test]
fn a_visit_shows_every_file_below_with_its_path_from_there() {
    let bytes = archive(&[
        ("out/z", FILE, b"1"),
        ("out/deep/er/x", FILE, b"2"),
        ("out/deep/a", FILE, b"3"),
        ("out/empty", DIRECTORY, b""),
        ("out/link", LINK, b"z"),
        ("elsewhere", FILE, b"4"),
    ]);
    let mut tree = Tree::new(Global, 1).unwrap();
    tree.fill(&bytes, 1).unwrap();
    let mut seen = Vec::new();
    tree.visit(b"/out", |path, contents| {
        seen.push((path.to_vec(), contents.to_vec()))
    })
    .unwrap();
    let expected: [(&[u8], &[u8]); 3] = [(b"deep/a", b"3"), (b"deep/er/x", b"2"), (b"z", b"1")];
    assert_eq!(
        seen,
        expected.map(|(path, contents)| (path.to_vec(), contents.to_vec()))
    );
    assert_eq!(tree.visit(b"/out/z", |_, _| ()), Err(Errno::ENOTDIR));
}
