//! What a card and a serial line are given.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Outcome, Watched, plain_file, root, tool};

const FIRMWARE: [&str; 3] = ["bootcode.bin", "start_cd.elf", "fixup_cd.dat"];

fn sd(card: &Path, firmware: &Path) -> Outcome {
    Outcome::of(tool(root()).arg("sd").arg(card).arg("hello").arg("--firmware").arg(firmware))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
#[ignore = "needs the tool"]
fn a_card_is_filled_and_what_lacks_is_named_with_its_source() {
    let folder = tempfile::Builder::new().prefix("a card ").tempdir().unwrap();
    let (card, firmware) = (folder.path().join("sd"), folder.path().join("firmware"));
    fs::create_dir(&firmware).unwrap();
    let outcome = sd(&card, &firmware);
    outcome.assert(0, &["holds kernel8.img and config.txt", "package raspi-firmware, in component non-free-firmware", "--firmware DIR"]);
    outcome.assert(0, &FIRMWARE);
    assert_eq!(names(&card), ["config.txt", "kernel8.img"]);
    let image = fs::read(card.join("kernel8.img")).unwrap();
    assert_eq!(image[0x38..0x3c], *b"ARM\x64");

    // Again, now with the firmware: the same image, nothing else changed.
    for name in FIRMWARE {
        fs::write(firmware.join(name), name).unwrap();
    }
    let outcome = sd(&card, &firmware);
    outcome.assert(0, &["and the firmware"]);
    assert!(!outcome.text.contains("missing"), "{}", outcome.text);
    assert_eq!(names(&card), ["bootcode.bin", "config.txt", "fixup_cd.dat", "kernel8.img", "start_cd.elf"]);
    assert_eq!(fs::read(card.join("kernel8.img")).unwrap(), image);
    sd(&card, Path::new("/no/such/path")).assert(1, &["--firmware /no/such/path: there is no such folder"]);
}

#[test]
#[ignore = "needs the tool"]
fn a_card_that_cannot_be_written_is_said_to_be_so() {
    for card in [plain_file().as_path(), Path::new("/proc/card")] {
        let outcome = sd(card, &root().join("ci"));
        outcome.assert(1, &["cannot be"]);
        assert!(outcome.text.contains(&*card.to_string_lossy()), "{}", outcome.text);
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_program_is_pushed_shown_and_ends_with_its_status() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("kernel8.img");
    Outcome::of(tool(root()).args(["image", "--loader", "-o"]).arg(&image)).assert(0, &["bytes"]);
    // QEMU says which terminal is the board's line.
    let mut qemu = Command::new("qemu-system-aarch64");
    qemu.args(["-M", "raspi3b", "-display", "none", "-monitor", "none", "-serial", "pty", "-kernel"]).arg(&image);
    let mut qemu = Watched::start(qemu.stdin(Stdio::null()));
    assert!(qemu.read_until(" (label"), "{}", qemu.text);
    let line = qemu.text.split_whitespace().find(|word| word.starts_with("/dev/")).unwrap().to_owned();
    // Twice: the board comes back to the loader after a program has ended.
    let outcomes = ["status=7", "status=0"]
        .map(|status| Outcome::of(tool(root()).args(["push", "args", "--timeout", "60", "--port", &line, "--", status, "two words"])));
    qemu.child.kill().unwrap();
    qemu.child.wait().unwrap();
    outcomes[0].assert(7, &["argument 2: two words", "skete: status 7"]);
    outcomes[1].assert(0, &["argument 2: two words", "skete: status 0"]);
}
