//! The loader in QEMU: every way in, every board, every refusal. Needs `qemu-system-aarch64`, and in `SKETE_LOADER` the path of the
//! loader's ELF file:
//! ```text
//! SKETE_LOADER=… cargo test -p skete-loader --features emit --test boards -- --ignored
//! ```
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot set up its machine has failed"
)]

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use skete_loader::image;
use skete_loader::payload::{self, Kind};
use skete_loader::sample::Sample;

const PI: &[&str] = &["-M", "raspi3b"];
const LIMIT: Duration = Duration::from_secs(20);

/// What the machine said, and QEMU's exit status.
struct Outcome {
    text: String,
    status: Option<i32>,
}

/// Files for one machine, removed with it.
struct Bench {
    folder: PathBuf,
}

impl Bench {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("skete-loader-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().into()
    }

    /// Boots an image with more arguments, and waits for QEMU's end, or ends it.
    fn boot(&self, board: &[&str], image: &[u8], more: &[&str]) -> Outcome {
        let kernel = self.file("kernel8.img", image);
        let mut child = Command::new("qemu-system-aarch64")
            .args(board)
            .args([
                "-kernel", &kernel, "-display", "none", "-serial", "stdio", "-monitor", "none",
            ])
            .args(["-semihosting", "-no-reboot"])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status.code();
            }
            if start.elapsed() > LIMIT {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            thread::sleep(Duration::from_millis(20));
        };
        let mut text = String::new();
        child.stdout.unwrap().read_to_string(&mut text).unwrap();
        Outcome { text, status }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // What is left behind in the temporary folder harms nobody.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Outcome {
    #[track_caller]
    fn assert_ran(&self, level: u8) {
        assert_eq!(self.text.trim_end(), format!("relocated, at EL{level}"));
        assert_eq!(self.status, Some(42));
    }

    #[track_caller]
    fn assert_refused(&self, line: &str) {
        assert_eq!(self.text.trim_end(), format!("skete-loader: {line}"));
        assert_eq!(self.status, Some(1));
    }
}

fn virt(more: &str) -> Vec<String> {
    let machine = format!("virt{more}");
    ["-M", &machine, "-cpu", "cortex-a53", "-nic", "none"]
        .map(String::from)
        .to_vec()
}

fn loader() -> Vec<u8> {
    let path = env::var("SKETE_LOADER").expect("SKETE_LOADER names the loader's ELF file");
    image::flatten(&fs::read(path).unwrap()).unwrap()
}

fn carrying(program: &[u8]) -> Vec<u8> {
    image::append(loader(), &payload::emit(&[(Kind::Program, program)])).unwrap()
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn an_appended_program_starts_on_the_pi() {
    Bench::new("pi")
        .boot(PI, &carrying(&Sample::talking().emit()), &[])
        .assert_ran(2);
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn an_appended_program_starts_on_virt_from_8_mib_to_2_gib_with_either_gic() {
    let bench = Bench::new("virt");
    let image = carrying(&Sample::talking().emit());
    for gic in [",gic-version=2", ",gic-version=3"] {
        for mib in ["8", "64", "128", "2048"] {
            let board = virt(gic);
            let board: Vec<&str> = board.iter().map(String::as_str).collect();
            bench
                .boot(&board, &image, &["-m", mib, "-smp", "4"])
                .assert_ran(1);
        }
    }
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn the_entry_level_is_left_to_the_program() {
    let bench = Bench::new("level");
    let image = carrying(&Sample::talking().emit());
    for (more, level) in [
        (",virtualization=on", 2),
        (",secure=on", 1),
        (",secure=on,virtualization=on", 2),
    ] {
        let board = virt(more);
        let board: Vec<&str> = board.iter().map(String::as_str).collect();
        bench.boot(&board, &image, &[]).assert_ran(level);
    }
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn a_payload_or_a_bare_program_may_come_as_ramdisk() {
    let bench = Bench::new("ramdisk");
    let program = Sample::talking().emit();
    let bare = bench.file("program", &program);
    let packed = bench.file("payload", &payload::emit(&[(Kind::Program, &program)]));
    for ramdisk in [bare, packed] {
        bench
            .boot(PI, &loader(), &["-initrd", &ramdisk])
            .assert_ran(2);
        for mib in ["8", "2048"] {
            let board = virt("");
            let board: Vec<&str> = board.iter().map(String::as_str).collect();
            bench
                .boot(&board, &loader(), &["-initrd", &ramdisk, "-m", mib])
                .assert_ran(1);
        }
    }
}
