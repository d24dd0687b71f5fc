//! What std::fs can do here. What it refuses on this target without asking the kernel is not tried: `copy`, `rename`, `set_len`,
//! `sync_all`, `set_permissions`, links, `canonicalize`, `remove_dir_all`; and `read_dir` takes an empty directory for an error.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::thread;
use std::time::SystemTime;

use super::Check;

/// Checks that need nothing.
pub const CHECKS: &[Check] = &[
    ("what is written is read back", write_and_read),
    ("create_new refuses what exists, open what does not", create),
    (
        "truncate empties, append goes to the end",
        truncate_and_append,
    ),
    ("a seek behind the end leaves zeros between", seek),
    ("vectored reads and writes keep their order", vectored),
    ("metadata tells kind, size and times", metadata),
    (
        "directories are made, listed, and removed when empty",
        directories,
    ),
    ("a listing holds every name, however many", long_listing),
    ("a removed file lives until it is closed", remove),
    (
        "threads that append to one file lose nothing",
        append_from_threads,
    ),
    ("a copy is equal, a large one too", copy),
    ("/dev/null swallows, /dev/zero gives zeros", devices),
];

/// Checks that need `--root apps/files/root`.
pub const ROOT: &[Check] = &[("the image's files are there, and can be changed", root)];

/// A fresh directory for a check.
fn room(name: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(name);
    fs::create_dir(&path).expect("/tmp is there, and the name is free");
    path
}

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn write_and_read() {
    let path = room("write").join("file");
    fs::write(&path, "some text").expect("it can be written");
    assert_eq!(fs::read_to_string(&path).expect("it is there"), "some text");
    assert!(path.exists() && path.is_file());
    let mut piece = [0; 4];
    let mut file = File::open(&path).expect("it is there");
    file.read_exact(&mut piece).expect("it is long enough");
    assert_eq!((&piece, file.stream_position().ok()), (b"some", Some(4)));
    assert!(file.write(b"x").is_err(), "opened for reading only");
}

fn create() {
    let room = room("create");
    let path = room.join("new");
    assert_eq!(kind(File::open(&path)), Some(ErrorKind::NotFound));
    assert_eq!(
        kind(File::create(room.join("no/such"))),
        Some(ErrorKind::NotFound)
    );
    File::create_new(&path).expect("it is new");
    assert_eq!(
        kind(File::create_new(&path)),
        Some(ErrorKind::AlreadyExists)
    );
    assert!(File::open(path.join("below a file")).is_err());
    assert!(
        File::create(&room).is_err(),
        "a directory cannot be written"
    );
}

fn truncate_and_append() {
    let path = room("append").join("file");
    fs::write(&path, "a long text").expect("it can be written");
    fs::write(&path, "short").expect("it can be written");
    let mut file = OpenOptions::new()
        .append(true)
        .open(&path)
        .expect("it is there");
    file.seek(SeekFrom::Start(0)).expect("files have positions");
    file.write_all(b"er").expect("there is memory");
    assert_eq!(fs::read(&path).expect("it is there"), b"shorter");
}

fn seek() {
    let path = room("seek").join("file");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
        .expect("it is new");
    file.write_all(b"ab").expect("there is memory");
    assert_eq!(file.seek(SeekFrom::Current(2)).ok(), Some(4));
    file.write_all(b"c").expect("there is memory");
    assert_eq!(file.seek(SeekFrom::End(-4)).ok(), Some(1));
    assert_eq!(
        kind(file.seek(SeekFrom::Current(-2))),
        Some(ErrorKind::InvalidInput)
    );
    file.rewind().expect("files have positions");
    let mut all = Vec::new();
    file.read_to_end(&mut all).expect("it is open for reading");
    assert_eq!(all, b"ab\0\0c");
}

fn vectored() {
    let path = room("vectored").join("file");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path)
        .expect("it is new");
    let written = file.write_vectored(&[
        IoSlice::new(b"one"),
        IoSlice::new(b""),
        IoSlice::new(b"two"),
    ]);
    assert_eq!(written.ok(), Some(6));
    file.rewind().expect("files have positions");
    let (mut head, mut tail) = ([0; 4], [0; 9]);
    let read = file.read_vectored(&mut [IoSliceMut::new(&mut head), IoSliceMut::new(&mut tail)]);
    assert_eq!(
        (read.ok(), &head, &tail[..2]),
        (Some(6), b"onet", &b"wo"[..])
    );
}

fn metadata() {
    let room = room("metadata");
    let path = room.join("file");
    let before = SystemTime::now();
    fs::write(&path, [7; 1000]).expect("it can be written");
    let metadata = fs::metadata(&path).expect("it is there");
    assert!(metadata.is_file() && metadata.len() == 1000 && !metadata.permissions().readonly());
    let modified = metadata.modified().expect("it has times");
    assert!(modified >= before && modified <= SystemTime::now());
    assert!(fs::metadata(&room).is_ok_and(|metadata| metadata.is_dir()));
    let file = File::open(&path).expect("it is there");
    assert_eq!(file.metadata().expect("it is open").len(), 1000);
}

fn directories() {
    let room = room("directories");
    fs::create_dir_all(room.join("a/b/c")).expect("there is memory");
    assert_eq!(
        kind(fs::create_dir(room.join("a"))),
        Some(ErrorKind::AlreadyExists)
    );
    fs::write(room.join("a/file"), "x").expect("it can be written");
    assert_eq!(
        listing(&room.join("a")),
        [("b".to_owned(), true), ("file".to_owned(), false)]
    );
    assert!(fs::remove_dir(room.join("a")).is_err(), "it is not empty");
    for path in ["a/b/c", "a/b"] {
        fs::remove_dir(room.join(path)).expect("it is empty");
    }
    assert!(
        fs::remove_dir(room.join("a/file")).is_err(),
        "it is no directory"
    );
    assert!(
        fs::remove_file(room.join("a")).is_err(),
        "it is a directory"
    );
    assert!(
        Path::new("/")
            .join(".//tmp/../tmp/directories/./a/file")
            .exists()
    );
}

/// The names in a directory, sorted, each with whether it is one itself.
fn listing(path: &Path) -> Vec<(String, bool)> {
    let entry = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.expect("it is read at once");
        let is_directory = entry.file_type().expect("it is known").is_dir();
        (
            entry.file_name().into_string().expect("the name is UTF-8"),
            is_directory,
        )
    };
    let mut names: Vec<_> = fs::read_dir(path)
        .expect("it is a directory")
        .map(entry)
        .collect();
    names.sort();
    names
}

fn long_listing() {
    let room = room("listing");
    let expected: Vec<_> = (0..500)
        .map(|number| (format!("a file with number {number:03}"), false))
        .collect();
    for (name, _) in &expected {
        File::create_new(room.join(name)).expect("it is new");
    }
    assert_eq!(listing(&room), expected);
}

fn remove() {
    let path = room("remove").join("file");
    fs::write(&path, "still here").expect("it can be written");
    let mut file = File::open(&path).expect("it is there");
    fs::remove_file(&path).expect("it is there");
    assert!(!path.exists());
    assert_eq!(kind(fs::remove_file(&path)), Some(ErrorKind::NotFound));
    let mut text = String::new();
    file.read_to_string(&mut text).expect("it is open");
    assert_eq!(text, "still here");
}

fn append_from_threads() {
    const THREADS: usize = 8;
    const LINES: usize = 50;
    let path = room("threads").join("log");
    thread::scope(|scope| {
        for number in 0..THREADS {
            let path = &path;
            scope.spawn(move || {
                let mut log = OpenOptions::new()
                    .append(true)
                    .create(true)
                    .open(path)
                    .expect("it can be made");
                for line in 0..LINES {
                    log.write_all(format!("{number} {line}\n").as_bytes())
                        .expect("there is memory");
                }
            });
        }
    });
    let log = fs::read_to_string(&path).expect("it is there");
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), THREADS * LINES);
}

fn copy() {
    let room = room("copy");
    let large: Vec<u8> = (0..1_000_000_u32)
        .map(|number| number.to_le_bytes()[1])
        .collect();
    fs::write(room.join("large"), &large).expect("there is memory");
    let mut from = File::open(room.join("large")).expect("it is there");
    let mut to = File::create_new(room.join("copy")).expect("it is new");
    assert_eq!(io::copy(&mut from, &mut to).ok(), Some(1_000_000));
    assert!(fs::read(room.join("copy")).is_ok_and(|copy| copy == large));
}

fn devices() {
    fs::write("/dev/null", "gone").expect("it takes everything");
    assert!(fs::read("/dev/null").is_ok_and(|bytes| bytes.is_empty()));
    let mut bytes = [1; 64];
    File::open("/dev/zero")
        .and_then(|mut zero| zero.read_exact(&mut bytes))
        .expect("it gives for ever");
    assert_eq!(bytes, [0; 64]);
}

fn root() {
    assert!(
        fs::read_to_string("/greeting.txt")
            .is_ok_and(|text| text == "hello from the root archive\n")
    );
    assert!(fs::read_to_string("/deep/er.txt").is_ok_and(|text| text == "further down\n"));
    let mut file = OpenOptions::new()
        .append(true)
        .open("/deep/er.txt")
        .expect("it is there");
    file.write_all(b"and further\n").expect("there is memory");
    assert!(
        fs::read_to_string("/deep/er.txt").is_ok_and(|text| text == "further down\nand further\n")
    );
}
