//! The same rows on Linux: one machine, one source, two systems in turn; in C Linux with both of its C libraries, in Rust with musl.

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use serde::Serialize;

use super::log::Histogram;
use super::{Bench, Group, columns};
use crate::cc;
use crate::cc::linux::{self as for_linux, Libc};
use crate::figures::Row;
use crate::linux::Linux;
use crate::program::{Builder, Profile, Std};
use crate::project::Project;

/// Whom to compare with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum System {
    /// Debian's kernel for arm64, with a program in C that is linked with glibc, and with musl, and one in Rust.
    Linux,
}

/// The groups that are compared if none is named: those that are counted.
const GROUPS: [Group; 5] = [Group::Threads, Group::Std, Group::Sync, Group::Posix, Group::Memory];
/// The groups with rows in C, and the program that has them.
const OF_C: [Group; 4] = [Group::Threads, Group::Sync, Group::Posix, Group::Memory];
const PROGRAM: &str = "c/bench";
/// The groups with rows in Rust that ask nothing but std, and for cores; and the program that has them.
const OF_RUST: [Group; 4] = [Group::Threads, Group::Std, Group::Memory, Group::Latency];
const PROGRAM_OF_RUST: &str = "bench";
/// The libraries of Linux's, in the table's order.
const LIBRARIES: [Libc; 2] = [Libc::Glibc, Libc::Musl];

/// A row on both systems.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// As both programs print it.
    pub name: String,
    /// `C` or `Rust`.
    pub language: &'static str,
    /// What it counts.
    pub unit: String,
    board: String,
    mode: String,
    /// On Linux, with glibc; a program in Rust has musl alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub glibc: Option<f64>,
    /// On Linux, with musl.
    pub musl: f64,
    /// Here.
    pub skete: f64,
    /// What it cannot do without, if it is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
}

impl Pair {
    /// How many times less it takes here, of the faster of the two.
    pub fn times(&self) -> f64 {
        self.glibc.unwrap_or(f64::INFINITY).min(self.musl) / self.skete
    }

    /// As a table and a picture name it.
    pub fn title(&self) -> String {
        if self.language == "C" { self.name.clone() } else { format!("{}, {}", self.name, self.language) }
    }

    /// How many times its floor it takes here.
    pub fn above_floor(&self) -> Option<f64> {
        Some(self.skete / self.floor?)
    }
}

/// The table, and what was said of it.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// The package of the kernel's that was compared with, and its version.
    pub linux: String,
    /// The rows that both have.
    pub rows: Vec<Pair>,
    /// How often what was how late, here and there.
    #[serde(skip)]
    pub histograms: Vec<Histogram>,
    /// Rows that were not the same twice, or are on one side only.
    #[serde(skip)]
    pub faults: Vec<String>,
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.rows.first() else { return Ok(()) };
        let head = [
            format!("{}, {}", first.board, if first.mode == "icount" { "instructions" } else { "nanoseconds of the host's" }),
            "Linux, glibc".into(),
            "Linux, musl".into(),
            "Skete".into(),
            "times less".into(),
            "floor".into(),
            "times it".into(),
        ];
        let mut lines = vec![head];
        for pair in &self.rows {
            let glibc = pair.glibc.map_or_else(String::new, grouped);
            let [musl, skete] = [pair.musl, pair.skete].map(grouped);
            let floor = pair.floor.map_or_else(String::new, |floor| format!("{floor:.0}"));
            let above = pair.above_floor().map_or_else(String::new, |above| format!("{above:.1}"));
            lines.push([pair.title(), glibc, musl, skete, format!("{:.1}", pair.times()), floor, above]);
        }
        out.write_str(&columns::table(&lines))?;
        write!(out, "\nLinux is {}; it is compared by the faster of its two libraries.", self.linux)
    }
}

/// A figure with a comma at each thousand; with a digit behind the point where that says something.
pub fn grouped(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut told = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place != 0 && (digits.len() - place).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

impl Bench {
    /// Measures the groups that are asked for on both systems.
    ///
    /// # Errors
    /// A group has no rows in C; a program or a kernel cannot be had, or does not end well.
    pub(super) fn against(&self, system: System, builder: &Builder) -> Result<Comparison> {
        let System::Linux = system;
        let named = |groups: &[Group]| groups.iter().map(|group| group.name()).collect::<Vec<_>>().join(", ");
        // The network's is a table of its own.
        let asked = || self.groups.iter().copied().filter(|group| *group != Group::Net);
        let groups: Vec<Group> = if self.groups.is_empty() { GROUPS.into() } else { asked().collect() };
        if let Some(group) = groups.iter().find(|group| !OF_C.contains(group) && !OF_RUST.contains(group)) {
            let others = named(&GROUPS);
            bail!(
                "group {} has nothing to compare on Linux: {others}, {} and {} have",
                group.name(),
                Group::Latency.name(),
                Group::Net.name()
            );
        }
        let linux = Linux::find(self.offline)?;
        let mut comparison = Comparison { linux: linux.version.clone(), rows: Vec::new(), histograms: Vec::new(), faults: Vec::new() };
        let of_c = groups.iter().any(|group| OF_C.contains(group)).then(|| self.of_c(builder)).transpose()?;
        let of_rust = groups.iter().any(|group| OF_RUST.contains(group)).then(|| of_rust(builder)).transpose()?;
        for group in groups {
            let machine = self.machine(group);
            let sides = |programs: &[PathBuf], ours: &Path, faults: &mut Vec<String>| {
                let mut sides = Vec::new();
                for program in programs {
                    let theirs = || self.printed(&linux.run(&machine, program, &[group.name()], self.offline)?, group);
                    sides.push(self.twice(group, faults, theirs)?);
                }
                sides.push(self.twice(group, faults, || self.rows(builder, ours, group))?);
                anyhow::Ok(sides)
            };
            if let Some((programs, ours)) = of_c.as_ref().filter(|_| OF_C.contains(&group)) {
                let sides = sides(programs, ours, &mut comparison.faults)?;
                let [glibc, musl, skete] = &sides[..] else { bail!("three sides are measured") };
                comparison.add(group, "C", Some(&glibc.rows), &musl.rows, &skete.rows)?;
            }
            if let Some((programs, ours)) = of_rust.as_ref().filter(|_| OF_RUST.contains(&group)) {
                let mut sides = sides(programs, ours, &mut comparison.faults)?;
                let [musl, skete] = &mut sides[..] else { bail!("two sides are measured") };
                comparison.add(group, "Rust", None, &musl.rows, &skete.rows)?;
                musl.histograms.iter_mut().for_each(|histogram| histogram.board += ", Linux");
                comparison.histograms.extend(skete.histograms.drain(..).chain(musl.histograms.drain(..)));
            }
        }
        Ok(comparison)
    }

    /// The program in C for Linux, with each library, and for us.
    fn of_c(&self, builder: &Builder) -> Result<(Vec<PathBuf>, PathBuf)> {
        let project = Project::find(PROGRAM)?;
        let Project::C(folder) = &project else { bail!("{PROGRAM} is no program of C's") };
        let files = cc::files(folder)?;
        let build = |libc| for_linux::program(&files, libc, "bench", self.offline);
        let programs = LIBRARIES.into_iter().map(build).collect::<Result<Vec<_>>>()?;
        Ok((programs, builder.program(&project, Std::Kernel, Profile::Release, &[])?))
    }
}

/// The program in Rust for Linux, and for us.
fn of_rust(builder: &Builder) -> Result<(Vec<PathBuf>, PathBuf)> {
    let ours = builder.program(&Project::find(PROGRAM_OF_RUST)?, Std::Kernel, Profile::Release, &[])?;
    Ok((vec![builder.for_linux(PROGRAM_OF_RUST)?], ours))
}

impl Comparison {
    fn add(&mut self, group: Group, language: &'static str, glibc: Option<&[Row]>, musl: &[Row], skete: &[Row]) -> Result<()> {
        ensure!(!skete.is_empty(), "group {} has printed no row", group.name());
        for row in skete {
            let other = |side: &[Row]| side.iter().find(|other| other.name == row.name).map(|other| other.value);
            let (Some(musl), Some(glibc)) = (other(musl), glibc.map_or(Some(None), |glibc| other(glibc).map(Some))) else {
                self.faults.push(format!("{} has no fellow on Linux", row.name));
                continue;
            };
            let Row { name, unit, board, mode, value, floor, .. } = row.clone();
            self.rows.push(Pair { name, language, unit, board, mode, glibc, musl, skete: value, floor });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison() -> Comparison {
        let mut comparison = Comparison { linux: "linux-image-6 6.1".into(), rows: Vec::new(), histograms: Vec::new(), faults: Vec::new() };
        let rows = |value| [Row::new("futex.wake_nobody", "instructions", value, "virt", "icount")];
        comparison.add(Group::Sync, "C", Some(&rows(1673.0)), &rows(703.2), &rows(20.0)).expect("there is a row");
        comparison
    }

    #[test]
    fn the_table_is_one_of_markdowns_and_lines_up() {
        let text = comparison().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2], "| futex.wake_nobody  |        1,673 |         703 |  20.0 |       35.2 |    12 |      1.7 |");
        assert!(lines[1].starts_with("|--") && lines[1].ends_with(":|"), "{text}");
        assert!(lines[..3].iter().all(|line| line.len() == lines[0].len()), "{text}");
    }

    #[test]
    fn a_row_in_rust_has_one_library_to_be_compared_with() {
        let mut comparison = comparison();
        let rows = |value| [Row::new("std.spawn_join", "instructions", value, "virt", "icount")];
        comparison.add(Group::Std, "Rust", None, &rows(70_000.0), &rows(2000.0)).expect("there is a row");
        let text = comparison.to_string();
        assert!(text.contains("| std.spawn_join, Rust |              |      70,000 | 2,000 |       35.0 |"), "{text}");
    }

    #[test]
    fn a_row_that_linux_has_not_is_a_fault() {
        let mut comparison = comparison();
        let alone = [Row::new("ours", "instructions", 1.0, "virt", "icount")];
        comparison.add(Group::Sync, "C", Some(&[]), &[], &alone).expect("there is a row");
        assert_eq!((comparison.rows.len(), comparison.faults.len()), (1, 1));
        assert!(comparison.add(Group::Sync, "C", Some(&[]), &[], &[]).is_err());
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([9.96, 100.0, 999.6, 1_234_567.0].map(grouped), ["10.0", "100", "1,000", "1,234,567"]);
    }
}
