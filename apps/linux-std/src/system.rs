//! Files, environment, and what crate `libc` asks for.
#![allow(unsafe_code, reason = "C's functions")]

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::{env, process, thread};

use crate::Check;

pub const CHECKS: &[Check] = &[
    ("a file keeps what is written", files),
    ("a folder is made, listed and removed", folders),
    ("what is not there is told", missing),
    ("a pipe leads from one thread to another", pipe),
    ("a file has another name", renamed),
    ("what Linux has and this kernel has not is an error", refused),
    ("the environment can be read and changed", environment),
    ("hash maps have a seed", seeds),
    ("libc's own calls are answered", calls),
];

fn files() {
    let mut file = File::create("/note").expect("it can be made");
    writeln!(file, "one").and_then(|()| file.write_all(b"two\n")).expect("there is room");
    assert_eq!(fs::read_to_string("/note").expect("it is there"), "one\ntwo\n");
    let mut file = OpenOptions::new().append(true).read(true).open("/note").expect("it is there");
    file.write_all(b"three\n").and_then(|()| file.sync_all()).expect("there is room");
    file.seek(SeekFrom::Start(4)).expect("it is a file");
    let lines: Vec<String> = BufReader::new(&file).lines().map(|line| line.expect("it is text")).collect();
    assert_eq!(lines, ["two", "three"]);
    assert_eq!(file.metadata().expect("it is open").len(), 14);
    assert!(fs::metadata("/note").expect("it is there").is_file());
    file.set_len(3).expect("it can be cut");
    assert_eq!(fs::read("/note").expect("it is there"), b"one");
    let mut again = file.try_clone().expect("a number is free");
    again.rewind().expect("it is a file");
    let mut text = String::new();
    again.read_to_string(&mut text).expect("it is text");
    assert_eq!(text, "one");
    assert_eq!(fs::copy("/note", "/copy").expect("there is room"), 3);
    assert_eq!(fs::read("/copy").expect("it is there"), b"one");
    fs::remove_file("/note").and_then(|()| fs::remove_file("/copy")).expect("they are there");
}

fn folders() {
    fs::create_dir_all("/a/b").expect("it can be made");
    fs::write("/a/c", "c").expect("it can be written");
    let mut names: Vec<String> = fs::read_dir("/a").expect("it is there").map(name).collect();
    names.sort();
    assert_eq!(names, ["b", "c"]);
    assert_eq!(fs::read_dir("/a/b").expect("it is there").count(), 0);
    fs::remove_file("/a/c").expect("it is there");
    fs::remove_dir("/a/b").and_then(|()| fs::remove_dir("/a")).expect("they are empty");
}

fn name(entry: io::Result<fs::DirEntry>) -> String {
    entry.expect("it can be read").file_name().to_string_lossy().into_owned()
}

fn missing() {
    assert_eq!(File::open("/nothing").expect_err("it is not there").kind(), ErrorKind::NotFound);
    assert_eq!(fs::read_dir("/nothing").expect_err("it is not there").kind(), ErrorKind::NotFound);
    assert!(!fs::exists("/nothing").expect("that can be told"));
    assert!(process::Command::new("/nothing").spawn().is_err(), "there is one program");
}

fn pipe() {
    let (mut reader, mut writer) = io::pipe().expect("there is room");
    let sent: Vec<u8> = (0..200_000_u32).map(|number| number.to_le_bytes()[1]).collect();
    let copy = sent.clone();
    let writing = thread::spawn(move || writer.write_all(&copy));
    let mut received = Vec::new();
    reader.read_to_end(&mut received).expect("it ends with its writer");
    writing.join().expect("it does not panic").expect("somebody reads");
    assert_eq!(received, sent);
}

fn renamed() {
    fs::write("/one", "1").expect("it can be made");
    fs::rename("/one", "/other").expect("it is there");
    assert_eq!((fs::exists("/one").expect("that can be told"), fs::read("/other").expect("it is there")), (false, b"1".into()));
    fs::remove_file("/other").expect("it is there");
}

fn refused() {
    assert_eq!(process::Command::new("/bin/true").status().expect_err("there is one program").kind(), ErrorKind::Unsupported);
}

fn environment() {
    assert_eq!(env::var("GREETING").expect("the case sets it"), "good day");
    // SAFETY: there is one thread.
    unsafe { env::set_var("OTHER", "1") };
    assert_eq!(env::var("OTHER").as_deref(), Ok("1"));
    assert!(env::vars().any(|(name, _)| name == "OTHER"));
    assert_eq!(env::current_dir().expect("there is one").to_str(), Some("/"));
    assert_eq!(process::id(), 1);
}

fn seeds() {
    let words: HashMap<&str, usize> = ["one", "two", "three"].into_iter().zip(1..).collect();
    assert_eq!(words["two"], 2);
}

fn calls() {
    // SAFETY: it only asks.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    assert_eq!(page, 4096);
    // SAFETY: as above.
    let own = unsafe { libc::syscall(libc::SYS_gettid) };
    // SAFETY: as above.
    assert_eq!(own, unsafe { libc::gettid() }.into());
    let mut bytes = [0_u8; 32];
    // SAFETY: there is room.
    let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    assert!(filled == 32 && bytes != [0; 32]);
    // SAFETY: it only asks.
    let abilities = unsafe { libc::getauxval(libc::AT_HWCAP) };
    assert_eq!(abilities & (libc::HWCAP_FP | libc::HWCAP_ASIMD), libc::HWCAP_FP | libc::HWCAP_ASIMD);
    // SAFETY: the number names no call.
    assert_eq!(unsafe { libc::syscall(libc::SYS_reboot) }, -1);
    assert_eq!(io::Error::last_os_error().raw_os_error(), Some(libc::ENOSYS));
}
