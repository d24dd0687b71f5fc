//! The loader in QEMU: every way in, every board, every refusal. Needs `qemu-system-aarch64`, and in `SKETE_LOADER` the path of the
//! loader's ELF file:
//! ```text
//! SKETE_LOADER=… cargo test -p skete-loader --features emit --test boards -- --ignored
//! ```
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its machine has failed")]

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use dtoolkit::model::{DeviceTree, DeviceTreeProperty};
use skete_loader::payload::{self, Kind};
use skete_loader::sample::{Sample, Segment};
use skete_loader::serial::Sender;
use skete_loader::{elf, image};

const PI: &[&str] = &["-M", "raspi3b"];
const NOT_ELF: &str = "the program is not a 64-bit little-endian ELF file";
/// The type of a segment that is not loaded.
const PT_NOTE: u32 = 4;
const LIMIT: Duration = Duration::from_secs(60);

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
        let mut child = qemu(board, &kernel, more).stdin(Stdio::null()).spawn().unwrap();
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

fn qemu(board: &[&str], kernel: &str, more: &[&str]) -> Command {
    let mut command = Command::new("qemu-system-aarch64");
    command.args(board).args(["-kernel", kernel, "-display", "none", "-serial", "stdio", "-monitor", "none"]);
    command.args(["-semihosting", "-no-reboot"]).args(more).stdout(Stdio::piped());
    command
}

/// The board `virt` with more properties.
fn virt(properties: &'static str) -> Vec<&'static str> {
    vec!["-M", "virt", "-cpu", "cortex-a53", "-nic", "none", "-machine", properties]
}

fn loader() -> Vec<u8> {
    let path = env::var("SKETE_LOADER").expect("SKETE_LOADER names the loader's ELF file");
    image::flatten(&fs::read(path).unwrap()).unwrap()
}

/// A payload of one part, changed, with checksums that say nothing of it.
fn resealed(payload: &[u8], change: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut payload = payload.to_vec();
    change(&mut payload);
    let body_bytes = usize::try_from(u64::from_le_bytes(payload[48..56].try_into().unwrap())).unwrap();
    let body = crc32fast::hash(&payload[64..][..body_bytes]);
    payload[36..40].copy_from_slice(&body.to_le_bytes());
    let directory = crc32fast::hash(&payload[32..64]);
    payload[24..28].copy_from_slice(&directory.to_le_bytes());
    payload
}

fn carrying(program: &[u8]) -> Vec<u8> {
    image::append(loader(), &payload::emit(&[(Kind::Program, program)])).unwrap()
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn an_appended_program_starts_on_the_pi() {
    Bench::new("pi").boot(PI, &carrying(&Sample::talking().emit()), &[]).assert_ran(2);
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn a_devicetree_on_the_pi_is_read() {
    let mut tree = DeviceTree::new();
    for (name, value) in [
        ("compatible", b"raspberrypi,3-model-b\0brcm,bcm2837\0".as_slice()),
        ("#address-cells", &[0, 0, 0, 1]),
        ("#size-cells", &[0, 0, 0, 1]),
    ] {
        tree.root.add_property(DeviceTreeProperty::new_unchecked(name, value));
    }
    let bench = Bench::new("tree");
    let tree = bench.file("pi.dtb", &tree.to_dtb());
    let ramdisk = bench.file("program", &Sample::talking().emit());
    bench.boot(PI, &loader(), &["-dtb", &tree, "-initrd", &ramdisk]).assert_ran(2);
    let more = ["-dtb", &tree, "-append", "semihosting=1"];
    bench.boot(PI, &carrying(&[0; 64]), &more).assert_refused(NOT_ELF);
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn the_image_runs_at_the_old_address_too_and_at_el3_on_every_core() {
    let bench = Bench::new("address");
    let image = carrying(&Sample::talking().emit());
    // As an ELF file QEMU starts it on all four cores at once: three must wait, or the line came four times.
    let code = Segment::load(0x8_0000, elf::PF_R | elf::PF_X).with(image);
    let file = Sample { kind: 2, system: 0, entry: 0x8_0000, segments: vec![code], ..Sample::talking() };
    bench.boot(PI, &file.emit(), &[]).assert_ran(3);
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn an_appended_program_starts_on_virt_from_8_mib_to_2_gib_with_either_gic() {
    let bench = Bench::new("virt");
    let image = carrying(&Sample::talking().emit());
    for gic in ["gic-version=2", "gic-version=3"] {
        for mib in ["8", "64", "128", "2048"] {
            let board = virt(gic);
            bench.boot(&board, &image, &["-m", mib, "-smp", "4"]).assert_ran(1);
        }
    }
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn the_entry_level_is_left_to_the_program() {
    let bench = Bench::new("level");
    let image = carrying(&Sample::talking().emit());
    for (more, level) in [("virtualization=on", 2), ("secure=on", 1), ("secure=on,virtualization=on", 2)] {
        let board = virt(more);
        bench.boot(&board, &image, &[]).assert_ran(level);
    }
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn a_payload_or_a_bare_program_may_come_as_ramdisk() {
    let bench = Bench::new("ramdisk");
    let program = Sample::talking().emit();
    let bare = bench.file("program", &program);
    let plain = bench.file("payload", &payload::emit(&[(Kind::Program, &program)]));
    let packed = bench.file("packed", &payload::emit_packed(&[(Kind::Program, &program)]));
    for ramdisk in [bare, plain, packed] {
        bench.boot(PI, &loader(), &["-initrd", &ramdisk]).assert_ran(2);
        for mib in ["8", "2048"] {
            let board = virt("gic-version=2");
            bench.boot(&board, &loader(), &["-initrd", &ramdisk, "-m", mib]).assert_ran(1);
        }
    }
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn a_packed_program_is_unpacked_at_every_alignment() {
    let bench = Bench::new("packed");
    // Eight bytes and more that repeat are told in three: the code behind them comes from another alignment each time.
    for repeated in 8..16 {
        let mut filler: Vec<u8> = (0..16).collect();
        filler.extend_from_within(..repeated);
        filler.extend(100..200);
        filler.truncate(48);
        let mut program = Sample::talking();
        program.segments.insert(0, Segment { kind: PT_NOTE, ..Segment::load(0, 0) }.with(filler));
        let payload = payload::emit_packed(&[(Kind::Program, &program.emit())]);
        let image = image::append(loader(), &payload).unwrap();
        bench.boot(PI, &image, &[]).assert_ran(2);
        bench.boot(&virt("gic-version=2"), &image, &["-m", "8"]).assert_ran(1);
    }
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn every_refusal_is_one_clear_line_and_a_status() {
    let talking = Sample::talking();
    let mut overlapping = talking.clone();
    overlapping.segments[1].start = 0x80;
    let mut big = talking.clone();
    big.segments[1].memory_bytes = 0x3FFF_0000;
    let relocated = talking.clone().with_relocation(0x1000, 1032, 0);
    let programs = [
        (vec![0xA5; 4096], "the program is not a 64-bit little-endian ELF file"),
        (talking.emit()[..300].to_vec(), "the program is truncated"),
        (Sample { machine: 62, ..talking.clone() }.emit(), "the program is for another machine (ELF machine 62, not 183, AArch64)"),
        (overlapping.emit(), "segments of the program overlap or are out of order"),
        (relocated.emit(), "the program has a relocation that is not allowed: R_AARCH64_IRELATIVE"),
        (big.emit(), "the program is too big: no 1048520 KiB of memory in one piece"),
    ];
    let bench = Bench::new("refusals");
    for (program, line) in programs {
        // The word may come with the payload, or on the command line.
        let parts: [(Kind, &[u8]); 2] = [(Kind::Program, &program), (Kind::Options, b"semihosting=1")];
        let image = image::append(loader(), &payload::emit(&parts)).unwrap();
        bench.boot(PI, &image, &[]).assert_refused(line);
        bench.boot(&virt("gic-version=2"), &carrying(&program), &["-append", "semihosting=1"]).assert_refused(line);
    }
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn a_damaged_payload_is_refused() {
    let bench = Bench::new("damaged");
    let good = payload::emit(&[(Kind::Program, &Sample::talking().emit())]);
    let mut flipped = good.clone();
    flipped[100] ^= 1;
    let truncated = good[..good.len() - 16].to_vec();
    let empty = payload::emit(&[(Kind::Options, b"cores=1")]);
    let packed = payload::emit_packed(&[(Kind::Program, &Sample::talking().emit())]);
    let unlike = resealed(&packed, |payload| payload[64..80].fill(0xFF));
    let short = resealed(&packed, |payload| payload[56] += 1);
    let huge = resealed(&packed, |payload| payload[56..64].copy_from_slice(&(1u64 << 40).to_le_bytes()));
    for (payload, line) in [
        (flipped, "part 1 of the payload has a bad checksum"),
        (truncated, "the payload is truncated"),
        (empty, "the payload holds no program"),
        (unlike, "part 1 of the payload cannot be unpacked"),
        (short, "part 1 of the payload cannot be unpacked"),
        (huge, "the program is too big: no 1073741824 KiB of memory in one piece"),
        (b"what is this".to_vec(), "the initial ramdisk is neither a payload nor an ELF program"),
    ] {
        let ramdisk = bench.file("payload", &payload);
        for board in [PI, &virt("gic-version=2")] {
            let more = ["-initrd", &ramdisk, "-append", "semihosting=1"];
            bench.boot(board, &loader(), &more).assert_refused(line);
        }
    }
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn a_refusal_without_semihosting_switches_virt_off() {
    let outcome = Bench::new("off").boot(&virt("gic-version=2"), &carrying(&[0; 64]), &[]);
    assert_eq!(outcome.text.trim_end(), "skete-loader: the program is not a 64-bit little-endian ELF file");
    assert_eq!(outcome.status, Some(0));
}

#[test]
#[ignore = "needs QEMU and the loader"]
fn a_program_is_pushed_over_the_serial_line() {
    let bench = Bench::new("push");
    let kernel = bench.file("kernel8.img", &loader());
    // Long enough for a few blocks, packed too.
    let mut program = Sample::talking();
    let bytes = (0..20_000u32).map(|n| n.wrapping_mul(0x9E37_79B1).to_le_bytes()[3]).collect();
    program.segments.insert(2, Segment::load(0x2000, elf::PF_R).with(bytes));
    let plain = payload::emit(&[(Kind::Program, &program.emit())]);
    let packed = payload::emit_packed(&[(Kind::Program, &program.emit())]);
    for (board, payload, level) in [(PI, &plain, 2), (&virt("gic-version=3"), &plain, 1), (PI, &packed, 2)] {
        let mut child = qemu(board, &kernel, &[]).stdin(Stdio::piped()).spawn().unwrap();
        let (mut line, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut sender = Sender::new(payload).unwrap();
        let mut text = String::new();
        let mut byte = [0];
        while !text.ends_with('\n') {
            output.read_exact(&mut byte).unwrap();
            text.push(char::from(byte[0]));
        }
        assert!(text.starts_with("skete-loader: waiting for a program"), "{text}");
        while !sender.is_done() {
            line.write_all(&sender.frame()).unwrap();
            line.flush().unwrap();
            loop {
                output.read_exact(&mut byte).unwrap();
                if sender.take(byte[0]).unwrap() {
                    break;
                }
            }
        }
        let mut text = String::new();
        output.read_to_string(&mut text).unwrap();
        let status = child.wait().unwrap().code();
        Outcome { text, status }.assert_ran(level);
    }
}
