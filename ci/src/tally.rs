//! Passed and failed: each told on a line of its own as it happens, both counted at the end.

use std::fmt;
use std::time::Duration;

/// How many passed and failed so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    passed: usize,
    failed: usize,
}

impl Tally {
    /// Tells of one more, with what is wrong with it.
    pub fn add(&mut self, name: &str, took: Duration, faults: &[String]) {
        let word = if faults.is_empty() { "ok  " } else { "FAIL" };
        println!("{word} {:6.1} s  {name}", took.as_secs_f64());
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

    /// Prints the count, alone on its line, and returns the exit status.
    pub fn close(self) -> u8 {
        println!("{self}");
        u8::from(self.failed > 0 || self.passed == 0)
    }
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
    fn one_failure_among_many_is_failure() {
        let mut tally = Tally::default();
        tally.count(10, 0);
        assert_eq!(tally.close(), 0);
        tally.add("x", Duration::ZERO, &["because".into()]);
        assert_eq!(tally.to_string(), "10 passed, 1 failed");
        assert_eq!(tally.close(), 1);
    }
}
