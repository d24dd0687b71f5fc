//! What cannot be is refused on a line, with a status, before anything is built.

use std::fs;

use super::{Outcome, plain_file, root, tool};

/// Whether the tool refuses `words` with a line that has `part` in it.
#[track_caller]
fn assert_refused(words: &[&str], part: &str) {
    let outcome = Outcome::of(tool(root()).args(words));
    assert!(matches!(outcome.status, Some(1 | 2)), "{words:?}: {:?}", outcome.status);
    let lines: Vec<&str> = outcome.text.lines().filter(|line| line.contains(part)).collect();
    assert_eq!(lines.len(), 1, "{words:?}: {}", outcome.text);
    assert!(!outcome.text.contains("Compiling"), "{words:?}: {}", outcome.text);
}

#[test]
#[ignore = "needs the tool"]
fn words_that_mean_nothing_are_refused() {
    assert_refused(&["frob"], "unrecognized subcommand 'frob'");
    assert_refused(&["run", "hello", "--board", "pi4"], "invalid value 'pi4'");
    assert_refused(&["run", "hello", "--cores", "5"], "5 is not in 1..=4");
    assert_refused(&["run", "hello", "--mem", "64"], "QEMU's raspi3b always has 1 GiB");
    assert_refused(&["run", "hello", "--gic", "3"], "a Raspberry Pi 3 has no GIC");
    assert_refused(&["run", "hello", "--timeout", "-1"], "no time that could pass");
    assert_refused(&["run", "hello", "--timeout", "soon"], "not a number of seconds");
    assert_refused(&["run", "hello", "--env", "A"], "a variable is given as KEY=VALUE");
    assert_refused(&["run", "hello", "--dev", "--release"], "cannot be used with");
    assert_refused(&["test", "--only", "everything"], "invalid value 'everything'");
    assert_refused(&["push", "hello", "--port", "tcp:nowhere"], "tcp:HOST:PORT");
}

#[test]
#[ignore = "needs the tool"]
fn paths_that_lead_nowhere_are_refused() {
    let file = plain_file().display().to_string();
    assert_refused(&["run", "no-such-program"], "`no-such-program` is no program of this workspace (");
    assert_refused(&["run", "/no/such/path"], "`/no/such/path` is no program");
    assert_refused(&["run", &file], "is no program of this workspace");
    assert_refused(&["run"], "is no program: name one of");
    assert_refused(&["run", "loader"], "is no program: name one of");
    assert_refused(&["run", "hello", "--root", "/no/such/path"], "there is no such folder");
    assert_refused(&["run", "hello", "--root", &file], "there is no such folder");
    assert_refused(&["run", "hello", "--out", &file], "cannot be made");
    assert_refused(&["new", "apps/mine"], "lies in this workspace");
    assert_refused(&["new", "/tmp"], "is there already");
    assert_refused(&["new", "/tmp/two words"], "is no name for a package");
}

#[test]
#[ignore = "needs the tool"]
fn an_elf_of_another_machine_or_a_broken_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("program");
    let ours = fs::read(std::env::current_exe().unwrap()).unwrap();
    for (bytes, part) in [(&ours[..], "little-endian aarch64"), (&ours[..40], "not an ELF file"), (&ours[..4], "not an ELF file")] {
        fs::write(&path, bytes).unwrap();
        assert_refused(&["run", &path.display().to_string()], part);
    }
}
