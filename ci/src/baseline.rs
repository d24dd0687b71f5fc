//! Figures of an earlier day, and what has become of them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::figures::Row;
use crate::toolchain::release;

/// By how much a figure that is a gate may be more than it was.
const MARGIN: f64 = 0.03;

/// What figures depend on beside the source: each tool's own word for its version.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    rustc: String,
    /// Of programs in C.
    #[serde(default)]
    gcc: String,
    qemu: String,
}

impl Versions {
    /// Of figures that a board printed: with what its program was built is not known, and nothing emulated it.
    pub fn of_a_board() -> Self {
        Self { qemu: "measured on a board".into(), ..Self::default() }
    }

    /// Of what is used here; empty where a tool is missing.
    pub fn of(rustc: &Path, gcc: &Path, qemu: &Path) -> Self {
        Self { rustc: version(rustc), gcc: version(gcc), qemu: version(qemu) }
    }

    /// Whether figures can be compared: each tool is of the same release. How often a distribution has built it again says nothing.
    fn are_like(&self, others: &Self) -> bool {
        let is_like = |one: &str, other: &str| one == other || release(one).is_some() && release(one) == release(other);
        is_like(&self.rustc, &others.rustc) && is_like(&self.gcc, &others.gcc) && is_like(&self.qemu, &others.qemu)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<&str> =
            [&self.rustc, &self.gcc, &self.qemu].into_iter().map(String::as_str).filter(|word| !word.is_empty()).collect();
        out.write_str(&told.join("; "))
    }
}

/// The first line of what a program says of its version.
fn version(program: &Path) -> String {
    let said = Command::new(program).arg("--version").output();
    said.map(|said| String::from_utf8_lossy(&said.stdout).lines().next().unwrap_or_default().to_owned()).unwrap_or_default()
}

/// What `bench --json` has written.
#[derive(Debug, Deserialize)]
pub struct Baseline {
    versions: Versions,
    rows: Vec<Old>,
}

#[derive(Debug, Deserialize)]
struct Old {
    name: String,
    unit: String,
    board: String,
    value: f64,
}

/// How a figure differs from what it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub name: String,
    /// What it was.
    pub was: f64,
    /// What it is.
    pub is: f64,
    /// Whether it is a gate, and more than it may be.
    pub is_worse: bool,
}

impl Change {
    /// On one line, with the change in per cent.
    pub fn told(&self) -> String {
        let percent = (self.is / self.was - 1.0) * 100.0;
        let word = if self.is_worse { "WORSE" } else { "" };
        format!("{:28} {:>12.1} was {:>12.1} {percent:>+8.1} % {word}", self.name, self.is, self.was)
    }
}

impl Baseline {
    /// Reads one.
    ///
    /// # Errors
    /// It is not there, or nothing that `bench --json` writes.
    pub fn read(path: &Path) -> Result<Self> {
        let told = || format!("{} is no file that `bench --json` has written", path.display());
        serde_json::from_str(&fs::read_to_string(path).with_context(told)?).with_context(told)
    }

    /// Whether it was made with other tools, and with which.
    pub fn other_tools(&self, now: &Versions) -> Option<String> {
        (!self.versions.are_like(now)).then(|| self.versions.to_string())
    }

    /// What has changed by more than a rounding, of the rows that both have.
    pub fn compare(&self, rows: &[Row]) -> Vec<Change> {
        let now: BTreeMap<_, &Row> = rows.iter().map(|row| ((row.name.as_str(), row.unit.as_str(), row.board.as_str()), row)).collect();
        let changes = self.rows.iter().filter_map(|old| {
            let row = now.get(&(old.name.as_str(), old.unit.as_str(), old.board.as_str()))?;
            let is_worse = row.gate && row.value > old.value * (1.0 + MARGIN);
            (is_worse || (row.value - old.value).abs() > 0.05).then(|| Change {
                name: old.name.clone(),
                was: old.value,
                is: row.value,
                is_worse,
            })
        });
        changes.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Baseline {
        let text = r#"{"commit": "x", "versions": {"rustc": "rustc 1.96.0", "gcc": "gcc (Debian 12.2.0-14) 12.2.0", "qemu": "QEMU 7.2.22 (b2)"}, "rows": [
            {"name": "yield.alone", "unit": "instructions", "board": "virt", "value": 10.0, "gate": true},
            {"name": "futex.wake1_of_16", "unit": "instructions", "board": "virt", "value": 100.0, "gate": false}]}"#;
        serde_json::from_str(text).expect("it is what is written")
    }

    fn row(name: &str, value: f64) -> Row {
        Row::new(name, "instructions", value, "virt", "icount")
    }

    #[test]
    fn a_gate_may_be_three_per_cent_more_than_it_was() {
        let worse = |value| baseline().compare(&[row("yield.alone", value)]).iter().any(|change| change.is_worse);
        assert!(!worse(10.3) && !worse(2.0) && worse(10.31));
    }

    #[test]
    fn what_moves_with_the_layout_is_told_and_is_no_gate() {
        let changes = baseline().compare(&[row("futex.wake1_of_16", 200.0)]);
        assert_eq!((changes.len(), changes[0].is_worse), (1, false));
        assert!(changes[0].told().contains("+100.0 %"), "{}", changes[0].told());
    }

    #[test]
    fn other_boards_and_rows_are_not_compared() {
        assert_eq!(baseline().compare(&[Row::new("yield.alone", "instructions", 99.0, "raspi3b", "icount"), row("new", 1.0)]), []);
    }

    #[test]
    fn other_tools_are_named() {
        let same = Versions {
            rustc: "rustc 1.96.0 (0 2026)".into(),
            gcc: "gcc (Debian 12.2.0-15) 12.2.0".into(),
            qemu: "QEMU 7.2.22 (b3)".into(),
        };
        assert_eq!(baseline().other_tools(&same), None);
        for other in [Versions { qemu: "QEMU 7.2.23 (b2)".into(), ..same.clone() }, Versions { gcc: String::new(), ..same }] {
            assert!(baseline().other_tools(&other).is_some_and(|told| told.contains("QEMU 7.2.22 (b2)")));
        }
    }
}
