//! `cargo xtask bench`: what things cost, against what they may cost, and against what they cost elsewhere ([`against`]).
//!
//! The programs `bench` and `c/bench` print rows, which [`log`] reads; [`mod@boot`] has what no program can measure of itself, [`net`] what
//! others see of a server, and [`page`] draws.

mod against;
mod boot;
mod columns;
mod log;
mod net;
mod page;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::baseline::{Baseline, Versions};
use crate::board::{Board, Machine};
use crate::explain;
use crate::figures::{COUNTED, Row};
use crate::guest::{self, Ending, Input};
use crate::house;
use crate::packages;
use crate::program::{Builder, Profile, Std};
use crate::project::Project;
use crate::readme;
use crate::run::{Boot, Settings, Surroundings};
use crate::tally::Tally;
use crate::toolchain;
use against::{Comparison, System};
use log::{Condition, Findings, Histogram};

/// Which figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    /// From reset to main; the image's size; the least memory; QEMU's start to the first line.
    Boot,
    /// Yields.
    Threads,
    /// Locks, the clock, memory, spawning, by way of std.
    Std,
    /// Futexes, futaphores, semaphores, shared memory.
    Sync,
    /// Blocks of the heap, copies, pages.
    Memory,
    /// How late threads run that were woken, by threads and by the clock: on all cores and by the host's clock.
    Latency,
    /// What several threads do together, on all cores and by the host's clock.
    Scale,
    /// Threads, memory, the clock, locks and queues, by way of C.
    Posix,
    /// A server, asked over the network: by the host's clock.
    Net,
}

impl Group {
    /// Its name on the command line, which programs know it by.
    const fn name(self) -> &'static str {
        match self {
            Self::Boot => "boot",
            Self::Threads => "threads",
            Self::Std => "std",
            Self::Sync => "sync",
            Self::Memory => "memory",
            Self::Latency => "latency",
            Self::Scale => "scale",
            Self::Posix => "posix",
            Self::Net => "net",
        }
    }
}

/// Measures, and compares with the figures that the house keeps; counted in instructions on one core, but for `latency`, `scale` and
/// `net`.
#[derive(Clone, Debug, Args)]
pub struct Bench {
    /// Which figures; all, if none is named.
    #[arg(value_enum, value_name = "GROUP")]
    groups: Vec<Group>,
    /// On which board.
    #[arg(long, value_enum, default_value = "virt")]
    board: Board,
    /// How many cores.
    #[arg(long, value_name = "1..4", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    cores: u8,
    /// Measure by the host's clock, not in instructions.
    #[arg(long)]
    wall: bool,
    /// Say where the instructions of this row go, by function, in place of measuring; `c/ROW`: of the one in C, where both languages have it.
    #[arg(long, value_name = "ROW", conflicts_with_all = ["groups", "wall", "json", "html"])]
    explain: Option<String>,
    /// Compare with the same source on Linux, in the same machine: rows in C of threads, sync, posix and memory, rows in Rust of threads, std
    /// and memory, and if they are named, latency and net.
    #[arg(long, value_enum, value_name = "SYSTEM", conflicts_with_all = ["explain", "compare"])]
    against: Option<System>,
    /// Write the table into the README, of the board that is asked.
    #[arg(long, requires = "against")]
    readme: bool,
    /// Read what a board printed, in place of measuring: the log of its serial line, on which `cargo xtask image bench` or `image c/bench` ran.
    #[arg(long, value_name = "LOG", conflicts_with_all = ["groups", "board", "cores", "wall", "explain", "against"])]
    from: Option<PathBuf>,
    /// Write the rows to this file, in place of `target/bench.json`.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the page with tables and pictures to this file, in place of `target/bench.html`.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Say what has changed since such a file was written; status 1 if a gate is more than 3 % worse.
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Install nothing and fetch nothing.
    #[arg(long)]
    offline: bool,
}

/// The file that `--json` writes.
#[derive(Debug, Serialize)]
struct Report<'a> {
    commit: String,
    versions: Versions,
    rows: &'a [Row],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    histograms: &'a [Histogram],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    conditions: &'a [Condition],
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<&'a Comparison>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a net::Comparison>,
}

/// What another system was measured at too.
#[derive(Debug, Default)]
struct Both {
    counted: Option<Comparison>,
    served: Option<net::Comparison>,
}

/// The figures of an earlier commit that no later one may be much worse than.
const BASELINE: &str = "ci/bench-baseline.json";

impl Bench {
    /// What every change must keep: the groups that are counted, as `cargo xtask bench --compare ci/bench-baseline.json` has them.
    fn guard() -> Self {
        let groups = vec![Group::Boot, Group::Threads, Group::Std, Group::Sync, Group::Posix, Group::Memory];
        let compare = Some(house::root().join(BASELINE));
        Self {
            groups,
            board: Board::Virt,
            cores: 1,
            wall: false,
            explain: None,
            against: None,
            readme: false,
            from: None,
            json: None,
            html: None,
            compare,
            offline: false,
        }
    }

    /// Does it; status 1 if a figure that is a gate is beyond its bound, is not the same twice, or is worse than it was.
    ///
    /// # Errors
    /// A program cannot be built, or does not end well; the file to compare with is none.
    pub fn carry_out(&self) -> Result<u8> {
        let before = self.compare.as_deref().map(Baseline::read).transpose()?;
        let (findings, both, versions) = match &self.from {
            Some(log) => {
                let bytes = fs::read(log).with_context(|| format!("{} cannot be read", log.display()))?;
                (log::logged(&bytes).with_context(|| log.display().to_string())?, Both::default(), Versions::of_a_board())
            }
            None => {
                let builder = Builder::new(self.offline)?;
                if let Some(row) = &self.explain {
                    self.explained(&builder, row)?;
                    return Ok(0);
                }
                let (findings, both) = self.figures(&builder)?;
                (findings, both, Versions::of(builder.rustc(), Path::new(toolchain::GCC), &packages::qemu(self.offline)?.0))
            }
        };
        let Findings { rows, histograms, conditions, mut faults } = findings;
        for row in &rows {
            print(row);
            faults.extend(complaint(row));
        }
        conditions.iter().for_each(|condition| println!("{condition}"));
        let counted = both.counted.as_ref().map(|against| ("bench", "against Linux", against.to_string()));
        let served = both.served.as_ref().map(|network| ("bench net", "network against Linux", network.to_string()));
        for (command, name, table) in counted.into_iter().chain(served) {
            println!("{table}");
            if self.readme {
                readme::write(&format!("{command} --against linux --readme"), &[(format!("{} {name}", self.board), table)])?;
            }
        }
        if let Some(before) = before {
            faults.extend(compared(&before, &rows, &versions));
        }
        let (histograms, conditions) = (&histograms, &conditions);
        let (against, network) = (both.counted.as_ref(), both.served.as_ref());
        self.write(&Report { commit: commit(), versions, rows: &rows, histograms, conditions, against, network })?;
        for fault in &faults {
            eprintln!("xtask: {fault}");
        }
        Ok(u8::from(!faults.is_empty()))
    }

    /// Writes what was measured, for other programs and for people.
    fn write(&self, report: &Report<'_>) -> Result<()> {
        let place = |asked: &Option<PathBuf>, name: &str| asked.clone().unwrap_or_else(|| house::root().join("target").join(name));
        let texts = [
            (place(&self.json, "bench.json"), serde_json::to_string_pretty(report)? + "\n"),
            (place(&self.html, "bench.html"), page::page(report)?),
        ];
        for (path, text) in texts {
            fs::write(&path, text).with_context(|| format!("{} cannot be written", path.display()))?;
            eprintln!("xtask: {} is written", house::shown(&path));
        }
        Ok(())
    }

    /// Our own rows, or those that another system has too: counted ones, and the network's.
    fn figures(&self, builder: &Builder) -> Result<(Findings, Both)> {
        let Some(system) = self.against else {
            return Ok((self.measure(builder)?, Both::default()));
        };
        let (is_served, is_other) = (self.groups.contains(&Group::Net), self.groups.iter().any(|group| *group != Group::Net));
        let mut all = Findings::default();
        let mut counted = (is_other || !is_served).then(|| self.against(system, builder)).transpose()?;
        if let Some(comparison) = &mut counted {
            all.faults.append(&mut comparison.faults);
            all.histograms.append(&mut comparison.histograms);
        }
        let mut served = is_served.then(|| self.network_against(builder)).transpose()?;
        if let Some(comparison) = &mut served {
            all.faults.append(&mut comparison.faults);
        }
        Ok((all, Both { counted, served }))
    }

    /// Explains a row of whichever program has it.
    fn explained(&self, builder: &Builder, row: &str) -> Result<()> {
        let machine = Machine { icount: true, ..Machine::new(self.board, self.cores) };
        // Some rows are in both programs: `c/ROW` is the one in C.
        let (names, row) = row.strip_prefix("c/").map_or((&["bench", "c/bench"][..], row), |row| (&["c/bench"][..], row));
        for name in names {
            let elf = builder.program(&Project::find(name)?, Std::Kernel, Profile::Release, &[])?;
            if explain::explain(builder, &elf, &machine, row)? {
                return Ok(());
            }
        }
        bail!("no row is called {row} that a mean of rounds is taken of")
    }

    /// The rows of the groups asked for, and which counted ones were not the same twice.
    fn measure(&self, builder: &Builder) -> Result<Findings> {
        let every = Group::value_variants();
        let groups = if self.groups.is_empty() { every } else { &self.groups };
        let bench = builder.program(&Project::find("bench")?, Std::Kernel, Profile::Release, &[])?;
        let mut all = Findings::default();
        for group in groups {
            if *group == Group::Net {
                let found = self.network(builder)?;
                all.rows.extend(found.rows);
                all.faults.extend(found.faults);
                continue;
            }
            let elf = match group {
                Group::Boot => builder.program(&Project::find("boot")?, Std::Kernel, Profile::Release, &[])?,
                Group::Posix => builder.program(&Project::find("c/bench")?, Std::Kernel, Profile::Release, &[])?,
                _ => bench.clone(),
            };
            let found = self.twice(*group, &mut all.faults, || self.rows(builder, &elf, *group))?;
            all.rows.extend(found.rows);
            all.histograms.extend(found.histograms);
            match group {
                Group::Boot => all.rows.extend(boot::rows(builder, self.board)?),
                Group::Posix => {
                    let hello = builder.program(&Project::find("c/hello")?, Std::Kernel, Profile::Release, &[])?;
                    all.rows.push(boot::image(builder, "image.c_bytes", &hello, self.board)?);
                }
                _ => {}
            }
        }
        Ok(all)
    }

    /// The rows of a group as `measure` finds them. Counted ones are measured twice, and are to be the same.
    fn twice(&self, group: Group, faults: &mut Vec<String>, measure: impl Fn() -> Result<Findings>) -> Result<Findings> {
        let found = measure()?;
        if self.machine(group).icount {
            faults.extend(differences(&found.rows, &measure()?.rows));
        }
        Ok(found)
    }

    /// Where a group is measured, and whether in instructions. What cores do together shows only where each has a thread of the host's.
    fn machine(&self, group: Group) -> Machine {
        let is_timed = matches!(group, Group::Scale | Group::Latency | Group::Net);
        let (cores, icount) = if is_timed { (4, false) } else { (self.cores, !self.wall) };
        Machine { icount, ..Machine::new(self.board, cores) }
    }

    /// The rows that the bench program prints for a group.
    fn rows(&self, builder: &Builder, elf: &Path, group: Group) -> Result<Findings> {
        let name = group.name();
        let machine = self.machine(group);
        let (ending, output) = ended(builder, elf, &machine, &[name], 300.0)?;
        if ending != Ending::Status(0) {
            bail!("bench {name} ended with {ending:?}; its output:\n{output}");
        }
        self.printed(&output, group)
    }

    /// What a program has printed for a group.
    fn printed(&self, output: &str, group: Group) -> Result<Findings> {
        let mode = if self.machine(group).icount { "icount" } else { "wall" };
        let found = log::printed(output, &self.board.to_string(), mode);
        ensure!(found.faults.is_empty(), "what bench {} printed is broken: {}", group.name(), found.faults.join("; "));
        Ok(found)
    }
}

/// What is wrong with a row: beyond its bound, or without a floor.
fn complaint(row: &Row) -> Option<String> {
    if row.unit == COUNTED && row.floor.is_none() {
        return Some(format!("{} has no floor: see ci/src/check/rows.rs", row.name));
    }
    let bound = row.bound.filter(|_| !row.is_kept())?;
    Some(format!("{} is {:.1}, and may be {bound}", row.name, row.value))
}

/// Counted rows that are not what they were a moment ago.
fn differences(first: &[Row], second: &[Row]) -> Vec<String> {
    let differ = first.iter().zip(second).filter(|(one, other)| one != other);
    let mut told: Vec<String> = differ.map(|(one, other)| format!("{} is {} and then {}", one.name, one.value, other.value)).collect();
    if first.len() != second.len() {
        told.push(format!("{} rows, and then {}", first.len(), second.len()));
    }
    told
}

/// Says what has changed, and returns what is worse. Figures of other tools are told and prove nothing.
fn compared(before: &Baseline, rows: &[Row], versions: &Versions) -> Vec<String> {
    let changes = before.compare(rows);
    for change in &changes {
        println!("{}", change.told());
    }
    if let Some(tools) = before.other_tools(versions) {
        eprintln!("xtask: what is compared with was measured with other tools ({tools}); nothing follows from it");
        return Vec::new();
    }
    changes.into_iter().filter(|change| change.is_worse).map(|change| change.told()).collect()
}

/// Measures what every change must keep, as one more test.
///
/// # Errors
/// As [`Bench::carry_out`].
pub fn guard(tally: &mut Tally) -> Result<()> {
    let started = Instant::now();
    let faults = match Bench::guard().carry_out()? {
        0 => Vec::new(),
        _ => vec![format!("a figure is worse than {BASELINE} has it, or beyond its bound: see above")],
    };
    tally.add("figures", started.elapsed(), &faults);
    Ok(())
}

/// Boots a program; how it ended, and what it said.
fn ended(builder: &Builder, elf: &Path, machine: &Machine, arguments: &[&str], timeout: f64) -> Result<(Ending, String)> {
    let settings = Settings { arguments: arguments.iter().map(|&word| word.into()).collect(), ..Settings::default() };
    let surroundings = Surroundings { settings, timeout: Some(timeout), ..Surroundings::default() };
    let boot = Boot { machine, surroundings: &surroundings, elf, input: Input::None, offline: true };
    let mut output = Vec::new();
    let ending = boot.carry_out(builder, &mut |piece| output.extend_from_slice(piece))?;
    guest::go_on()?;
    Ok((ending, String::from_utf8_lossy(&output).into_owned()))
}

fn print(row: &Row) {
    let bound = row.bound.map_or_else(String::new, |bound| bound.to_string());
    let word = match (row.is_within(), row.bound) {
        (false, _) => "BEYOND",
        (true, Some(_)) => "ok",
        (true, None) => "",
    };
    let beside = |count: Option<f64>, word: &str| count.map_or_else(String::new, |count| format!("{count:.2} {word}"));
    let (switches, entries) = (beside(row.switches, "switches"), beside(row.entries, "entries"));
    let cycles = beside(row.cycles, "cycles");
    let times = row.floor.map_or_else(String::new, |floor| format!("{:.1} x floor", row.value / floor));
    let Row { name, value, unit, .. } = row;
    let digits = if unit == "times" { 2 } else { 1 };
    println!(
        "{name:28} {value:>12.digits$} {unit:12} {bound:16} {word:6} {times:12} {switches:14} {entries:12} {cycles:14} others: {}",
        row.others()
    );
}

fn commit() -> String {
    let git = Command::new("git").args(["rev-parse", "HEAD"]).current_dir(house::root()).output();
    git.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
