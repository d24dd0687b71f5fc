//! `cargo xtask test --only std`: std's own integration tests of threads, locks and time, run on the kernel.
//!
//! The found compiler's source of std has them ([`package`] makes a package of it). Each file is an image with libtest in it, which runs
//! its tests one by one and tells what happens in lines of JSON ([`events`]). With the kernel's std a panic ends the machine, so when a test
//! fails or hangs, the machine is booted again with those that are left: all of a file's tests are counted, whatever one of them does
//! ([`results`]). What cannot run at all stands in a table, with the reason ([`table`]). `--only std-linux` runs them with std as it is on
//! Linux, where panics unwind.

mod events;
mod package;
mod results;
mod table;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use self::events::Events;
use self::results::Results;
use self::table::Table;
use crate::backtrace::{Lines, Program, Stream};
use crate::board::{Board, Machine};
use crate::guest::{self, Ending, Input, Patience};
use crate::program::{Builder, Profile, Std};
use crate::run::{Boot, Settings, Surroundings};
use crate::tally::{self, Tally};

/// How long a test may say nothing until it counts as hanging. The longest counts to 2^30, which takes a busy host most of a minute.
const SILENCE: Duration = Duration::from_secs(150);
/// libtest's words, each time: one test after the other, in this process, nothing captured, every event a line of JSON.
const WORDS: [&str; 7] = ["-Zunstable-options", "--force-run-in-process", "--test-threads=1", "--nocapture", "--format", "json", "--exact"];

/// One of std's test files, linked, on one board.
struct File<'a> {
    builder: &'a Builder,
    elf: &'a Path,
    name: String,
    std: Std,
    machine: Machine,
}

/// What a std's tests are called in the report.
const fn label(std: Std) -> &'static str {
    match std {
        Std::Kernel => "std",
        Std::Linux => "std-linux",
    }
}

/// Builds them all, runs those whose name contains `filter` on both boards, and counts each in `tally`.
///
/// # Errors
/// They cannot be built, or a machine not be booted.
pub fn run(builder: &Builder, std: Std, filter: &str, tally: &mut Tally) -> Result<()> {
    let compiler = &builder.toolchain().compiler;
    let (label, place) = (label(std), table::place(std));
    let table = Table::read(std)?;
    println!("     {label}: the tests of std {}, built for {}", compiler.version, std.target());
    let package = package::make(compiler)?;
    let mut images = builder.tests(&package.folder, std, Profile::Release)?;
    images.sort();
    let mut was_found = false;
    for board in [Board::Virt, Board::Raspi3b] {
        let (mut passed, mut all, mut cannot) = (0, 0, 0);
        for elf in &images {
            let file = File { builder, elf, name: file_name(elf), std, machine: Machine::new(board, 4) };
            let started = Instant::now();
            let results = file.carry_out(&table, filter)?;
            was_found |= results.names().next().is_some();
            passed += results.passed.len();
            all += results.ran();
            cannot += results.cannot();
            file.tell(&results, started.elapsed(), tally);
            if filter.is_empty() && table.is_for(compiler.version) {
                let faults = table.faults(&file.name, board, &results, &package.words);
                if !faults.is_empty() {
                    tally.add(&format!("{label} {}: the table {place}", file.name), Duration::ZERO, &faults);
                }
            }
        }
        println!("     {label} {} [{board} 4]: {passed} of {all} passed; {cannot} cannot run here, see {place}", compiler.version);
    }
    if !was_found {
        bail!("no test of std's has a name that contains `{filter}`");
    }
    Ok(())
}

impl File<'_> {
    /// Runs every test of the file that can run and whose name contains `filter`, in as many boots as it takes.
    fn carry_out(&self, table: &Table, filter: &str) -> Result<Results> {
        let (ending, output) = self.boot(&["--list"], &[])?;
        let listed = Events::parse(&output);
        let mut results = Results::default();
        if ending != Ending::Status(0) || listed.discovered.is_empty() {
            results.fail(&format!("{}: the list of tests", self.name), ending, &output);
            return Ok(results);
        }
        let mut left = BTreeSet::new();
        for test in listed.discovered {
            let name = format!("{}::{}", self.name, test.name);
            if !name.contains(filter) {
                continue;
            } else if test.is_ignored {
                results.ignored.insert(name);
            } else if table.skips(&name, self.machine.board) {
                results.skipped.insert(name);
            } else {
                left.insert(test.name);
            }
        }
        results.run_all(&self.name, left, |names| self.boot(&[], names))?;
        Ok(results)
    }

    /// Boots the file with libtest's `words` and the names of tests; how it ended, and what it said.
    fn boot(&self, words: &[&str], names: &[&str]) -> Result<(Ending, String)> {
        let arguments = WORDS.iter().chain(words).chain(names).map(|&word| word.into()).collect();
        // libtest takes its unstable words from a nightly compiler, or from one who says this.
        let settings = Settings { env: vec!["RUSTC_BOOTSTRAP=1".into()], arguments, ..Settings::default() };
        let surroundings = Surroundings { settings, ..Surroundings::default() };
        let lines = Program::open(self.elf).ok();
        let lines = lines.as_ref().map(|program| program as &dyn Lines);
        let (mut stream, mut output) = (Stream::default(), Vec::new());
        let mut listener = |piece: &[u8]| output.extend(stream.push(piece, lines));
        let boot = Boot { machine: &self.machine, surroundings: &surroundings, elf: self.elf, input: Input::None, offline: true };
        let ending = boot.carry_out_within(Patience::Silent(SILENCE), self.builder, &mut listener)?;
        output.extend(stream.finish());
        guest::go_on()?;
        Ok((ending, String::from_utf8_lossy(&output).replace('\r', "")))
    }

    /// Tells of the file on a line, and of each failed test.
    fn tell(&self, results: &Results, took: Duration, tally: &mut Tally) {
        let label = label(self.std);
        for (name, fault) in &results.failed {
            tally.add(&format!("{label} {name} [{}]", self.machine), Duration::ZERO, std::slice::from_ref(fault));
        }
        let (passed, all) = (results.passed.len(), results.ran());
        if all > 0 {
            tally::tell(&format!("{label} {} [{}]: {passed} of {all} passed", self.name, self.machine), took, passed == all);
            tally.count(passed, 0);
        }
    }
}

/// The file's name in std: what cargo links is `NAME-HASH`.
fn file_name(elf: &Path) -> String {
    let name = elf.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.rsplit_once('-').map_or(name.clone(), |(name, _)| name.into())
}
