//! What became of a file's tests, in as many boots as it took.

use std::collections::BTreeSet;

use anyhow::Result;

use super::SILENCE;
use super::events::{self, Events, Outcome};
use crate::guest::Ending;
use crate::tally::tail;

/// After so many tests that ended the machine, the others of the file count as failed.
const MOST_ENDS: usize = 8;
/// How many lines of a failed test's output are shown.
const SHOWN: usize = 80;

/// The tests, each with the file's name before its own.
#[derive(Debug, Default)]
pub struct Results {
    /// Run, and well.
    pub passed: BTreeSet<String>,
    /// Run, and what is wrong.
    pub failed: Vec<(String, String)>,
    /// Not run, for std itself says that they cannot.
    pub ignored: BTreeSet<String>,
    /// Not run, for the table says that they cannot.
    pub skipped: BTreeSet<String>,
}

impl Results {
    /// Every test of the file.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let failed = self.failed.iter().map(|(name, _)| name);
        self.passed.iter().chain(failed).chain(&self.ignored).chain(&self.skipped).map(String::as_str)
    }

    /// How many were to run.
    pub fn ran(&self) -> usize {
        self.passed.len() + self.failed.len()
    }

    /// How many cannot.
    pub fn cannot(&self) -> usize {
        self.ignored.len() + self.skipped.len()
    }

    /// Runs the tests in `left`. `boot` runs those it is given one after the other, for as long as none of them ends the machine.
    ///
    /// # Errors
    /// Those of `boot`.
    pub fn run_all(
        &mut self,
        file: &str,
        mut left: BTreeSet<String>,
        mut boot: impl FnMut(&[&str]) -> Result<(Ending, String)>,
    ) -> Result<()> {
        let mut ends = 0;
        while !left.is_empty() {
            let names: Vec<&str> = left.iter().map(String::as_str).collect();
            let (ending, output) = boot(&names)?;
            let events = Events::parse(&output);
            for (name, outcome) in &events.outcomes {
                left.remove(name);
                self.add(file, name, *outcome);
            }
            let is_well = events.is_finished && matches!(ending, Ending::Status(0 | events::FAILED));
            if is_well && !events.outcomes.is_empty() {
                continue;
            }
            let Some(culprit) = events.running.clone().or_else(|| left.first().cloned()) else {
                self.fail(&format!("{file}: the end"), ending, &output);
                break;
            };
            left.remove(&culprit);
            self.fail(&format!("{file}::{culprit}"), ending, events.since_start(&output));
            ends += 1;
            if ends == MOST_ENDS {
                self.give_up(file, &left);
                break;
            }
        }
        Ok(())
    }

    /// Counts a failure by the way the machine ended, and what was said before.
    pub fn fail(&mut self, name: &str, ending: Ending, output: &str) {
        self.failed.push((name.into(), format!("{}; its output:\n{}", how(ending), tail(output, SHOWN))));
    }

    fn add(&mut self, file: &str, name: &str, outcome: Outcome) {
        let name = format!("{file}::{name}");
        match outcome {
            Outcome::Passed => _ = self.passed.insert(name),
            Outcome::Failed => self.failed.push((name, "it told libtest of an error".into())),
        }
    }

    fn give_up(&mut self, file: &str, left: &BTreeSet<String>) {
        let told = format!("not run: {MOST_ENDS} before it ended the machine");
        self.failed.extend(left.iter().map(|name| (format!("{file}::{name}"), told.clone())));
    }
}

fn how(ending: Ending) -> String {
    match ending {
        Ending::Status(status) => format!("it ended the machine with status {status}"),
        Ending::TimedOut => format!("it hangs: nothing was heard for {} s", SILENCE.as_secs()),
        Ending::Interrupted => "it was interrupted".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(name: &str) -> String {
        format!("{{ \"type\": \"test\", \"event\": \"started\", \"name\": \"{name}\" }}\n")
    }

    fn ok(name: &str) -> String {
        format!("{}{{ \"type\": \"test\", \"name\": \"{name}\", \"event\": \"ok\" }}\n", started(name))
    }

    const END: &str = "{ \"type\": \"suite\", \"event\": \"ok\" }\n";

    /// Runs `names` on machines where a test whose name begins with `dies` or `hangs` does so; what passed, and what failed with its first
    /// word.
    fn run(names: &[&str]) -> (Vec<String>, Vec<String>) {
        let mut results = Results::default();
        let boot = |names: &[&str]| {
            let mut said = String::from("skete: virt\n");
            for name in names {
                if name.starts_with("dies") {
                    return Ok((Ending::Status(101), said + &started(name) + "skete: panicked\n"));
                }
                if name.starts_with("hangs") {
                    return Ok((Ending::TimedOut, said + &started(name) + "skete: report\n"));
                }
                said += &ok(name);
            }
            Ok((Ending::Status(0), said + END))
        };
        results.run_all("f", names.iter().map(|&name| name.into()).collect(), boot).expect("the machines boot");
        let failed = results.failed.iter().map(|(name, said)| format!("{name} {}", said.replace('\n', " ")));
        (results.passed.iter().cloned().collect(), failed.collect())
    }

    #[test]
    fn the_others_are_counted_though_one_dies_and_one_hangs() {
        let (passed, failed) = run(&["a", "dies", "e", "hangs", "z"]);
        assert_eq!(passed, ["f::a", "f::e", "f::z"]);
        assert_eq!(failed.len(), 2);
        assert!(
            failed[0].starts_with("f::dies it ended the machine with status 101;") && failed[0].ends_with("skete: panicked"),
            "{failed:?}"
        );
        assert!(failed[1].starts_with("f::hangs it hangs:") && failed[1].ends_with("skete: report"), "{failed:?}");
    }

    #[test]
    fn after_many_ends_the_others_fail_unrun() {
        let names: Vec<String> = (0..=MOST_ENDS).map(|number| format!("dies{number}")).chain(["z".into()]).collect();
        let (passed, failed) = run(&names.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((passed.len(), failed.len()), (0, names.len()));
        assert!(failed.last().is_some_and(|last| last.starts_with("f::z not run")), "{failed:?}");
    }

    #[test]
    fn an_end_behind_the_last_test_is_a_failure_too() {
        let mut results = Results::default();
        results.run_all("f", ["a".into()].into(), |_| Ok((Ending::Status(139), ok("a")))).expect("it boots");
        assert_eq!((results.passed.len(), results.failed.len()), (1, 1));
    }

    #[test]
    fn a_machine_that_says_nothing_does_not_run_for_ever() {
        let mut boots = 0;
        let mut results = Results::default();
        let names = ["a".into(), "b".into()];
        let boot = |_: &[&str]| {
            boots += 1;
            Ok((Ending::Status(0), String::new()))
        };
        results.run_all("f", names.into(), boot).expect("it boots");
        assert_eq!((boots, results.failed.len()), (2, 2));
    }
}
