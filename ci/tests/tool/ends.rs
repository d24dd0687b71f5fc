//! Every way that a run ends, and that no QEMU outlives it.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{Outcome, Package, Watched, is_qemu, root, tool};

/// A program that never ends: two threads, each waits for the other to let go of a lock.
const DEADLOCK: &str = "use std::sync::{Barrier, Mutex};
static ONE: Mutex<()> = Mutex::new(());
static TWO: Mutex<()> = Mutex::new(());
static BOTH: Barrier = Barrier::new(2);
fn take(first: &Mutex<()>, second: &Mutex<()>) {
    let _first = first.lock();
    BOTH.wait();
    println!(\"ready\");
    let _second = second.lock();
}
fn main() {
    std::thread::scope(|scope| {
        scope.spawn(|| take(&ONE, &TWO));
        take(&TWO, &ONE);
    });
}";

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_timeout_is_status_124_and_tells_who_waits_for_what() {
    let package = Package::new("deadlock", DEADLOCK);
    let inside = package.path().join("src");
    for board in ["raspi3b", "virt"] {
        let outcome = Outcome::of(tool(&inside).args(["run", "--board", board, "--timeout", "3"]));
        outcome.assert(
            124,
            &["skete: report: 2 threads, 2 wait for a word", "thread 0 \"main\"", "waits for the word at 0x", "stopped after 3 s"],
        );
        assert!(outcome.text.contains("at main.rs:10"), "no frame names the program's own line:\n{}", outcome.text);
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn where_our_input_ends_the_programs_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    for (board, text) in [("raspi3b", "one\ntwo\n"), ("virt", "one\ntwo")] {
        std::fs::write(&path, text).unwrap();
        let input = std::fs::File::open(&path).unwrap();
        let words = ["run", "files", "--board", board, "--timeout", "60", "--", "stdin"];
        Outcome::of(tool(root()).args(words).stdin(input)).assert(0, &["ONE\n", "TWO\n"]);
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn an_input_that_is_known_is_read_to_its_end_where_instructions_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("input");
    for (board, lines) in [("raspi3b", 2), ("virt", 3000)] {
        std::fs::write(&path, "a line of it\n".repeat(lines) + "the last").unwrap();
        let words = ["run", "files", "--icount", "--board", board, "--timeout", "60", "--", "stdin"];
        let outcome = Outcome::of(tool(root()).args(words).stdin(std::fs::File::open(&path).unwrap()));
        outcome.assert(0, &["A LINE OF IT\n", "THE LAST"]);
        assert_eq!(outcome.text.matches("A LINE OF IT").count(), lines);
        // As the tool's tests have it, there is nothing to read.
        Outcome::of(tool(root()).args(words)).assert(0, &[]);
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn counted_runs_of_one_seed_are_the_same_to_the_digit_under_load() {
    // How often its threads met is in what it prints.
    let run = |board, cores| {
        let words = ["run", "futaphore", "--icount", "--chaos", "3", "--board", board, "--cores", cores, "--timeout", "200"];
        String::from_utf8(tool(root()).args(words).args(["--", "5000"]).output().unwrap().stdout).unwrap()
    };
    for (board, cores) in [("raspi3b", "4"), ("virt", "4"), ("virt", "1")] {
        let first = run(board, cores);
        assert!(first.contains("entered the kernel"), "{first}");
        let load = [(); 2].map(|()| Load(Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap()));
        for _ in 0..4 {
            assert_eq!(run(board, cores), first);
        }
        drop(load);
    }
}

/// A process that keeps the host busy as long as this lives.
struct Load(std::process::Child);

impl Drop for Load {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn ctrl_c_and_a_request_to_end_leave_no_qemu_behind() {
    let package = Package::new("deadlock", DEADLOCK);
    for (signal, is_for_group) in [("INT", true), ("INT", false), ("TERM", false), ("TERM", true), ("HUP", false)] {
        let run = Watched::start(tool(package.path()).arg("run"));
        assert_ends_with_its_qemus(run, "ready\nready", signal, is_for_group);
    }
    // Killed without a word: the system takes QEMU along.
    let run = Watched::start(tool(package.path()).arg("run"));
    assert_qemus_go(run, "ready\nready", "KILL", false);
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_test_run_that_is_ended_leaves_no_qemu_behind() {
    // Built before, so that the signal comes when machines run.
    let words = ["test", "--only", "programs", "suite: the suite, where time is exact"];
    for signal in ["INT", "TERM"] {
        let mut run = Watched::start(tool(root()).args(words));
        while run.qemus().is_empty() {
            assert!(run.child.try_wait().unwrap().is_none(), "it ended by itself");
            std::thread::yield_now();
        }
        assert_ends_with_its_qemus(run, "", signal, signal == "INT");
    }
}

/// What a killed process may take on a busy host until a core has been found for it to die on.
const TO_DIE: Duration = Duration::from_secs(20);

/// Waits for `word`, sends the signal, and looks for what is left.
#[track_caller]
fn assert_ends_with_its_qemus(run: Watched, word: &str, signal: &str, is_for_group: bool) {
    assert_eq!(assert_qemus_go(run, word, signal, is_for_group), Some(130), "after SIG{signal}");
}

#[track_caller]
fn assert_qemus_go(mut run: Watched, word: &str, signal: &str, is_for_group: bool) -> Option<i32> {
    assert!(run.read_until(word), "it ended by itself: {}", run.text);
    let qemus = run.qemus();
    assert!(!qemus.is_empty(), "no QEMU runs");
    run.signal(signal, is_for_group);
    // All that hold the output open have been told to go when it ends: a machine whose tool was killed is killed by the system then.
    run.read_until("\u{0}never said\u{0}");
    let status = run.child.wait().unwrap().code();
    let left = || qemus.iter().copied().filter(|id| is_qemu(*id)).collect::<Vec<u32>>();
    let told = Instant::now();
    while !left().is_empty() && told.elapsed() < TO_DIE {
        std::thread::yield_now();
    }
    assert!(left().is_empty(), "after SIG{signal} these are left: {:?}", left());
    status
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_program_may_be_given_by_its_path_from_anywhere() {
    let folder = tempfile::Builder::new().prefix("two words ").tempdir().unwrap();
    Outcome::of(tool(folder.path()).args(["run", "args", "--", "status=7", "two words"])).assert(7, &["argument 2: two words"]);
    let apps = root().join("apps/args/src");
    Outcome::of(tool(&apps).args(["run", "--", "status=6"])).assert(6, &[]);
    let elf = folder.path().join("a program");
    std::fs::copy(root().join("target/skete/aarch64-unknown-hermit/release/args"), &elf).unwrap();
    Outcome::of(tool(folder.path()).args(["run", "a program", "--", "status=5"])).assert(5, &["argument 1: status=5"]);
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_reader_that_leaves_does_not_change_the_status() {
    let script = "\"$SKETE_TOOL\" run args -- status=9 | head -c 1 > /dev/null; exit \"${PIPESTATUS[0]}\"";
    let mut shell = Command::new("bash");
    shell.args(["-c", script]).current_dir(root());
    Outcome::of(&mut shell).assert(9, &[]);
}
