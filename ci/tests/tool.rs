//! The tool, end to end: `cargo xtask test --only tool` names its own binary in `SKETE_TOOL`, and these tests call that as a person does,
//! in folders of their own.
//!
//! - [`words`]: what cannot be is refused on a line
//! - [`ends`]: every way a run ends, and that no QEMU outlives it
//! - [`network`]: a program that serves, and its clients on this machine
//! - [`packages`]: projects outside of the clone, and crates that compile C
//! - [`c`]: the C compiler, Makefiles, configure scripts
//! - [`debugger`]: QEMU waits for one, and the script leads it to the program
//! - [`figures`]: where a figure comes from
//! - [`board`]: what a card and a serial line are given
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot set up its folder has failed")]

#[path = "tool/board.rs"]
mod board;
#[path = "tool/c.rs"]
mod c;
#[path = "tool/debugger.rs"]
mod debugger;
#[path = "tool/ends.rs"]
mod ends;
#[path = "tool/figures.rs"]
mod figures;
#[path = "tool/network.rs"]
mod network;
#[path = "tool/packages.rs"]
mod packages;
#[path = "tool/words.rs"]
mod words;

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The clone.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// The tool, called in `folder`, with nothing of cargo's in its environment.
fn tool(folder: &Path) -> Command {
    let mut tool = Command::new(env::var_os("SKETE_TOOL").expect("SKETE_TOOL names the tool"));
    clean(&mut tool).current_dir(folder).stdin(Stdio::null());
    tool
}

/// Without what the cargo that runs these tests has set.
fn clean(command: &mut Command) -> &mut Command {
    command.env_clear().envs(["HOME", "PATH"].iter().filter_map(|name| Some((name, env::var_os(name)?))))
}

/// What a command said on both lines, and its exit status.
struct Outcome {
    text: String,
    status: Option<i32>,
}

impl Outcome {
    fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).replace('\r', "")).concat();
        Self { text, status: output.status.code() }
    }

    /// It ended with `status`, and said each of `parts`.
    #[track_caller]
    fn assert(&self, status: i32, parts: &[&str]) {
        assert_eq!(self.status, Some(status), "{}", self.text);
        for part in parts {
            assert!(self.text.contains(part), "`{part}` is missing in:\n{}", self.text);
        }
    }
}

/// A folder for one test, with a space in its path. Its place is always the same, so that what was built there is not built again.
fn place(name: &str) -> PathBuf {
    let mut hash = DefaultHasher::new();
    root().hash(&mut hash);
    env::temp_dir().join(format!("skete tool {:x}", hash.finish())).join(name)
}

/// A package of a test's. Its target folder is the clone's, so std is not built anew for it.
struct Package {
    folder: PathBuf,
}

impl Package {
    /// `name` is no other test's: they share a target folder.
    fn new(name: &str, main: &str) -> Self {
        let package = Self { folder: place(name) };
        fs::create_dir_all(package.path()).unwrap();
        // It may be there already.
        let _ = std::os::unix::fs::symlink(root().join("target"), package.path().join("target"));
        let name = format!("tool-{name}");
        package.write("Cargo.toml", &format!("{}\n[dependencies]\n{}", HEAD.replace("NAME", &name), kernel()));
        package.write("Cargo.lock", &fs::read_to_string(root().join("Cargo.lock")).unwrap());
        package.write("src/main.rs", &format!("use skete as _;\n{main}\n"));
        package
    }

    fn path(&self) -> &Path {
        &self.folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            return;
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// A manifest up to the dependencies, with the profile of the clone's own programs.
const HEAD: &str = "[package]\nname = \"NAME\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
                    [profile.release]\npanic = \"abort\"\nlto = \"fat\"\ncodegen-units = 1\n";

fn kernel() -> String {
    format!("skete = {{ path = {:?} }}\n", root().join("kernel"))
}

/// A process in a group of its own, whose output is read as it comes.
struct Watched {
    child: Child,
    text: String,
}

impl Watched {
    fn start(command: &mut Command) -> Self {
        let child = command.process_group(0).stdout(Stdio::piped()).spawn().unwrap();
        Self { child, text: String::new() }
    }

    /// Reads until the output holds `part`, or ends; whether it does.
    fn read_until(&mut self, part: &str) -> bool {
        let output = self.child.stdout.as_mut().unwrap();
        let mut byte = [0];
        while !self.text.contains(part) {
            if output.read(&mut byte).unwrap() == 0 {
                return false;
            }
            self.text.push(char::from(byte[0]));
        }
        true
    }

    /// Sends a signal to the process, or to its group.
    fn signal(&self, name: &str, is_for_group: bool) {
        let id = self.child.id();
        let target = if is_for_group { format!("-{id}") } else { id.to_string() };
        assert!(Command::new("kill").args([&format!("-{name}"), "--", &target]).status().unwrap().success());
    }

    /// The QEMUs that it has started and that are still there.
    fn qemus(&self) -> Vec<u32> {
        let parents: Vec<(u32, u32)> = processes().filter_map(|id| Some((id, parent(id)?))).collect();
        let mut family = vec![self.child.id()];
        let mut next = 0;
        while let Some(&id) = family.get(next) {
            family.extend(parents.iter().filter(|(_, parent)| *parent == id).map(|(id, _)| *id));
            next += 1;
        }
        family.retain(|id| is_qemu(*id));
        family
    }
}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn parent(id: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

/// Whether this process is a machine. One that has ended has no words left.
fn is_qemu(id: u32) -> bool {
    let line = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    words[0].ends_with(b"qemu-system-aarch64") && words.contains(&&b"-kernel"[..])
}

/// Something that exists, and is no folder and no program.
fn plain_file() -> PathBuf {
    root().join("README.md")
}
