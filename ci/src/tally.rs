//! Passed and failed: each told on a line of its own as it happens, both counted at the end, and what each part of it took.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How many passed and failed so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: usize,
    failed: usize,
    /// Parts by name, and what they took.
    parts: Vec<(&'static str, Duration)>,
}

impl Tally {
    /// Tells of one more, with what is wrong with it.
    pub fn add(&mut self, name: &str, took: Duration, faults: &[String]) {
        tell(name, took, faults.is_empty());
        for fault in faults {
            println!("        {}", fault.replace('\n', "\n        "));
        }
        self.count(usize::from(faults.is_empty()), usize::from(!faults.is_empty()));
    }

    /// Counts what somebody else has told of.
    pub const fn count(&mut self, passed: usize, failed: usize) {
        self.passed += passed;
        self.failed += failed;
    }

    /// Does `part`, and notes what it takes.
    ///
    /// # Errors
    /// Those of `part`.
    pub fn during(&mut self, name: &'static str, part: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let started = Instant::now();
        part(self)?;
        self.parts.push((name, started.elapsed()));
        Ok(())
    }

    /// Does one thing beside another, each to its end; each counts here.
    ///
    /// # Errors
    /// Those of either.
    pub fn side_by_side(
        &mut self,
        one: impl FnOnce(&mut Self) -> Result<()> + Send,
        other: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let mut own = Self::default();
        let (one, other) = thread::scope(|scope| {
            let one = scope.spawn(|| one(&mut own));
            let other = other(self);
            (one.join().unwrap_or_else(|_| bail!("a part broke off")), other)
        });
        self.count(own.passed, own.failed);
        self.parts.append(&mut own.parts);
        one.and(other)
    }

    /// Prints what each part took, if there were several, and the count, alone on its line, and returns the exit status.
    pub fn close(self) -> u8 {
        if self.parts.len() > 1 {
            let parts: Vec<String> = self.parts.iter().map(|(name, took)| format!("{name} {:.0}", took.as_secs_f64())).collect();
            println!("seconds: {}", parts.join(", "));
        }
        println!("{self}");
        u8::from(self.failed > 0 || self.passed == 0)
    }
}

/// Characters of a line that [`tail`] shows: programs print lines of thousands to try the console.
const WIDEST: usize = 400;

/// Tells of something on a line, without counting it.
pub fn tell(name: &str, took: Duration, is_well: bool) {
    let word = if is_well { "ok  " } else { "FAIL" };
    println!("{word} {:6.1} s  {name}", took.as_secs_f64());
}

/// The last lines of a text; of a line longer than [`WIDEST`], its beginning.
pub fn tail(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let shown = lines[lines.len().saturating_sub(count)..].iter().map(|line| match line.char_indices().nth(WIDEST) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => (*line).to_owned(),
    });
    shown.collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_run_is_not_success() {
        assert_eq!(Tally::default().close(), 1);
    }

    #[test]
    fn the_tail_of_a_short_text_is_all_of_it() {
        assert_eq!(tail("a\nb\nc", 2), "b\nc");
        assert_eq!(tail("a", 2), "a");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let cut = tail(&"ä".repeat(WIDEST + 1), 1);
        assert_eq!(cut, format!("{}…", "ä".repeat(WIDEST)));
        assert_eq!(tail(&"ä".repeat(WIDEST), 1), "ä".repeat(WIDEST));
    }

    #[test]
    fn a_part_is_done_and_noted() {
        let mut tally = Tally::default();
        let passes = |tally: &mut Tally| {
            tally.count(1, 0);
            Ok(())
        };
        tally.during("x", passes).expect("nothing fails");
        assert_eq!((tally.passed, tally.parts.len(), tally.parts[0].0), (1, 1, "x"));
        tally.during("y", |_| anyhow::bail!("it cannot")).expect_err("it fails");
        assert_eq!(tally.parts.len(), 1);
    }

    #[test]
    fn what_is_done_side_by_side_counts() {
        let mut tally = Tally::default();
        let part = |name, failed| {
            move |tally: &mut Tally| {
                tally.count(1, failed);
                tally.during(name, |_| Ok(()))
            }
        };
        tally.side_by_side(part("x", 0), part("y", 2)).expect("nothing fails");
        assert_eq!((tally.passed, tally.failed, tally.parts.len()), (2, 2, 2));
        tally.side_by_side(part("x", 0), |_| bail!("it cannot")).expect_err("it fails");
        tally.side_by_side(|_| bail!("it cannot"), part("x", 0)).expect_err("it fails");
        assert_eq!(tally.passed, 4, "the other is done all the same");
    }

    #[test]
    fn one_failure_among_many_is_failure() {
        let mut tally = Tally::default();
        tally.count(10, 0);
        assert_eq!(tally.clone().close(), 0);
        tally.add("x", Duration::ZERO, &["because".into()]);
        assert_eq!(tally.to_string(), "10 passed, 1 failed");
        assert_eq!(tally.close(), 1);
    }
}
