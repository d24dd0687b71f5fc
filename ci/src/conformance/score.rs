//! What passed, for each interface and in all; and why the rest did not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use super::Verdict;
use super::suite::{Subject, Test};
use crate::board::Board;
use crate::readme;
use crate::tally::{Tally, tail};

/// What each score is to be at least, in per cent.
const LEAST: [(Subject, f64); 3] = [(Subject::Threads, 97.0), (Subject::Signals, 90.0), (Subject::Nptl, 90.0)];

/// Why tests fail here that pass on Linux: `ci/conformance.toml`.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Reasons {
    #[serde(default)]
    group: Vec<Group>,
}

#[derive(Clone, Debug, Deserialize)]
struct Group {
    reason: String,
    tests: Vec<String>,
}

impl Reasons {
    /// Reads them.
    ///
    /// # Errors
    /// The file is not there, or says something else.
    pub fn read(path: &Path) -> Result<Self> {
        let told = || format!("{} cannot be read", path.display());
        toml::from_str(&fs::read_to_string(path).with_context(told)?).with_context(told)
    }

    fn of(&self, test: &str) -> Option<&str> {
        let group = self.group.iter().find(|group| group.tests.iter().any(|name| name == test));
        group.map(|group| group.reason.as_str())
    }
}

/// One test's end.
#[derive(Clone, Debug, Serialize)]
struct Line {
    test: String,
    interface: String,
    subject: &'static str,
    /// `passed`, `failed`, `not built` or `hung`.
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip)]
    said: String,
}

/// All of them.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    board: String,
    cores: u8,
    tests: Vec<Line>,
}

const fn title(subject: Subject) -> &'static str {
    match subject {
        Subject::Threads => "threads",
        Subject::Signals => "signals and timers",
        Subject::Nptl => "glibc's tests of threads",
    }
}

impl Report {
    /// Puts verdicts and reasons together.
    pub fn new(tests: &[Test], verdicts: &[Verdict], reasons: &Reasons, board: Board, cores: u8) -> Self {
        let line = |(test, verdict): (&Test, &Verdict)| {
            let (word, said) = match verdict {
                Verdict::Passed => ("passed", ""),
                Verdict::Failed(said) => ("failed", said.as_str()),
                Verdict::NotBuilt(said) => ("not built", said.as_str()),
                Verdict::Hung(said) => ("hung", said.as_str()),
            };
            Line {
                test: test.name.clone(),
                interface: test.interface.clone(),
                subject: title(test.subject),
                verdict: word,
                reason: reasons.of(&test.name).map(Into::into),
                said: said.into(),
            }
        };
        Self { board: board.to_string(), cores, tests: tests.iter().zip(verdicts).map(line).collect() }
    }

    /// Passed and all, of the tests that `is_wanted`.
    fn count(&self, is_wanted: impl Fn(&Line) -> bool) -> (usize, usize) {
        let wanted: Vec<&Line> = self.tests.iter().filter(|line| is_wanted(line)).collect();
        (wanted.iter().filter(|line| line.verdict == "passed").count(), wanted.len())
    }

    /// Prints every interface's score and what failed, and counts each subject's score in `tally`: it is to be high enough if `is_whole`,
    /// and each failure must have its reason if `is_strict`.
    pub fn tell(&self, is_verbose: bool, is_whole: bool, is_strict: bool, tally: &mut Tally) {
        for line in self.tests.iter().filter(|line| line.verdict != "passed") {
            println!("     {} {}: {}", line.verdict, line.test, line.reason.as_deref().unwrap_or("nobody has said why"));
            if is_verbose && line.reason.is_none() {
                println!("        {}", tail(&line.said, 12).replace('\n', "\n        "));
            }
        }
        for (subject, least) in LEAST {
            let of_subject = |line: &Line| line.subject == title(subject);
            let (passed, all) = self.count(of_subject);
            if all == 0 {
                continue;
            }
            for (interface, (passed, all)) in self.interfaces(subject) {
                println!("     {interface:36} {passed:>3} of {all}");
            }
            let score = percent(passed, all);
            let mut faults = Vec::new();
            if is_whole && score < least {
                faults.push(format!("it is to be {least} % at least"));
            }
            let is_unexplained = |line: &&Line| is_strict && of_subject(line) && line.verdict != "passed" && line.reason.is_none();
            let unexplained = self.tests.iter().filter(is_unexplained);
            faults
                .extend(unexplained.map(|line| format!("{} {}, and nobody has said why in ci/conformance.toml", line.test, line.verdict)));
            let name = format!("{}: {passed} of {all}, {score:.1} % [{} {}]", title(subject), self.board, self.cores);
            tally.add(&name, Duration::ZERO, &faults);
        }
    }

    fn interfaces(&self, subject: Subject) -> BTreeMap<&str, (usize, usize)> {
        let of_subject = self.tests.iter().filter(|line| line.subject == title(subject));
        of_subject.map(|line| (line.interface.as_str(), self.count(|other| other.interface == line.interface))).collect()
    }

    /// Every verdict.
    ///
    /// # Errors
    /// None that anybody knows of.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Writes the table of each subject that was asked between its marks in the README; the others' stay.
    ///
    /// # Errors
    /// As [`readme::write`].
    pub fn write_tables(&self) -> Result<()> {
        let tables = LEAST.iter().filter_map(|(subject, _)| Some((title(*subject).to_owned(), self.table(*subject)?)));
        readme::write("conformance --readme", &tables.collect::<Vec<_>>())
    }

    /// A subject's scores in Markdown: a line an interface group, and the sum. `None`: it was not asked.
    fn table(&self, subject: Subject) -> Option<String> {
        let (passed, all) = self.count(|line| line.subject == title(subject));
        if all == 0 {
            return None;
        }
        let mut table = format!("| {} ({}, {} cores) | passed | of |\n|---|---|---|\n", title(subject), self.board, self.cores);
        // The names of glibc's tell what they are about to those who know them.
        let interfaces = if subject == Subject::Nptl { BTreeMap::new() } else { self.interfaces(subject) };
        let mut groups: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for (interface, (passed, all)) in interfaces {
            let sum = groups.entry(group(interface)).or_default();
            *sum = (sum.0 + passed, sum.1 + all);
        }
        for (name, (passed, all)) in groups {
            // Writing into a String cannot fail.
            let _ = writeln!(table, "| `{name}` | {passed} | {all} |");
        }
        let _ = writeln!(table, "| **in all** | **{passed}** | **{all}**, {:.1} % |", percent(passed, all));
        Some(table)
    }
}

/// The interfaces that an interface stands with: `pthread_cond_wait` with `pthread_cond_*`.
fn group(interface: &str) -> String {
    let parts: Vec<&str> = interface.split('_').collect();
    match parts[..] {
        ["pthread", "attr", _, ..] => "pthread_attr_*".into(),
        ["pthread", object, _, ..] => format!("pthread_{}_*", object.trim_end_matches("attr")),
        ["pthread", _] => "pthread_*".into(),
        [first @ ("sem" | "sched" | "clock" | "timer"), ..] => format!("{first}_*"),
        [one] if one.starts_with("sig") => "sig*".into(),
        _ => interface.into(),
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are fewer than 2^52 tests")]
fn percent(passed: usize, all: usize) -> f64 {
    passed as f64 * 100.0 / all as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str) -> Test {
        let interface = name.split('/').next().unwrap_or_default().to_owned();
        Test { name: name.into(), interface, subject: Subject::Threads, source: "x.c".into(), is_built_only: false, excluded: None }
    }

    fn report() -> Report {
        let tests = ["pthread_cond_wait/1-1", "pthread_cond_wait/2-1", "sem_wait/1-1"].map(test);
        let verdicts = [Verdict::Passed, Verdict::Hung("x".into()), Verdict::Passed];
        let reasons: Reasons = toml::from_str("[[group]]\nreason = \"so\"\ntests = [\"pthread_cond_wait/2-1\"]").expect("it is a group");
        Report::new(&tests, &verdicts, &reasons, Board::Virt, 4)
    }

    #[test]
    fn interfaces_are_counted_and_summed() {
        let report = report();
        assert_eq!(report.interfaces(Subject::Threads)["pthread_cond_wait"], (1, 2));
        let table = report.table(Subject::Threads).expect("there are some");
        assert!(table.contains("| `pthread_cond_*` | 1 | 2 |\n| `sem_*` | 1 | 1 |\n| **in all** | **2** | **3**, 66.7 % |"));
        assert_eq!(report.table(Subject::Signals), None);
    }

    #[test]
    fn a_low_score_and_a_failure_without_a_reason_are_faults() {
        let (mut low, mut part, mut unsaid) = (Tally::default(), Tally::default(), Tally::default());
        report().tell(false, true, true, &mut low);
        report().tell(false, false, true, &mut part);
        let mut report = report();
        report.tests[1].reason = None;
        report.tell(false, false, true, &mut unsaid);
        let mut lenient = Tally::default();
        report.tell(false, false, false, &mut lenient);
        assert_eq!(lenient.to_string(), "1 passed, 0 failed");
        assert_eq!([low, part, unsaid].map(Tally::close), [1, 0, 1]);
    }

    #[test]
    fn interfaces_stand_with_their_object() {
        let names =
            ["pthread_mutexattr_settype", "pthread_attr_init", "pthread_create", "sem_wait", "clock_nanosleep", "sigaction", "mmap"]
                .map(group);
        assert_eq!(names, ["pthread_mutex_*", "pthread_attr_*", "pthread_*", "sem_*", "clock_*", "sig*", "mmap"]);
    }
}
