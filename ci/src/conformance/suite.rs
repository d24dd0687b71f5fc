//! The suites, and their tests: which are asked here, and of what.

mod nptl;
mod posix;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use regex::Regex;

use crate::source::{self, State};

/// What is scored apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Subject {
    /// Threads, their locks and clocks, semaphores, scheduling, mapped memory.
    Threads,
    /// Signals and timers.
    Signals,
    /// glibc's own tests of its threads, those that need neither another process nor what is inside of glibc.
    Nptl,
}

/// One test: a C program that ends with 0 if all is as POSIX says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    /// Interface and number, such as `pthread_create/1-1`, or its own, such as `tst-cond1`.
    pub name: String,
    /// The call it is about.
    pub interface: String,
    /// Which score it counts for.
    pub subject: Subject,
    /// Its source.
    pub source: PathBuf,
    /// Whether it is well when it compiles.
    pub is_built_only: bool,
    /// What it needs that no unikernel has, if so.
    pub excluded: Option<&'static str>,
}

/// Where tests come from, and how they are built.
#[derive(Clone, Debug)]
pub struct Suite {
    /// All of its tests that are of our subjects.
    pub tests: Vec<Test>,
    /// What the compiler is told, on this machine and for ours.
    pub flags: Vec<String>,
    /// What it is told for ours only.
    pub guest_flags: Vec<String>,
    /// What the verdicts on this machine depend on, beside the tests' sources, the flags and the compiler.
    pub ground: Vec<PathBuf>,
}

impl Suite {
    /// The suites with these subjects, or all: brought here the first time.
    ///
    /// # Errors
    /// A suite cannot be had.
    pub fn with(subjects: &[Subject]) -> Result<Vec<Self>> {
        let wants = |these: &[Subject]| subjects.is_empty() || these.iter().any(|subject| subjects.contains(subject));
        let mut suites = Vec::new();
        if wants(&[Subject::Threads, Subject::Signals]) {
            suites.push(posix::suite(&source::package(posix::PACKAGE, State::Patched, false)?)?);
        }
        if wants(&[Subject::Nptl]) {
            suites.push(nptl::suite(&source::package(nptl::PACKAGE, State::Patched, false)?)?);
        }
        Ok(suites)
    }
}

/// What a test may do that is not to be, here or on the host, with a pattern of its source.
struct Rules(Vec<(&'static str, Regex)>);

impl Rules {
    fn new(rules: &[(&'static str, &str)]) -> Self {
        Self(rules.iter().filter_map(|(what, text)| Some((*what, Regex::new(text).ok()?))).collect())
    }

    /// What forbids this code.
    fn forbid(&self, code: &str) -> Option<&'static str> {
        self.0.iter().find(|(_, pattern)| pattern.is_match(code)).map(|(what, _)| *what)
    }
}

/// A test's code.
fn code(source: &Path) -> Result<String> {
    let text = fs::read(source).with_context(|| format!("{} cannot be read", source.display()))?;
    Ok(without_comments(&String::from_utf8_lossy(&text)))
}

/// C without its comments: a test that only speaks of fork does not call it.
fn without_comments(text: &str) -> String {
    let mut rest = text;
    let mut code = String::new();
    while let Some(at) = rest.find("/*").into_iter().chain(rest.find("//")).min() {
        code.push_str(&rest[..at]);
        let end = if rest[at..].starts_with("/*") { "*/" } else { "\n" };
        rest = rest[at + 2..].split_once(end).map_or("", |(_, behind)| behind);
        code.push(if end == "\n" { '\n' } else { ' ' });
    }
    code + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_comment_says_is_not_done() {
        assert_eq!(without_comments("a /* fork() */ b // exec()\nc"), "a   b \nc");
        assert_eq!(without_comments("a /* endless"), "a  ");
    }

    #[test]
    fn every_rule_is_a_pattern() {
        assert_eq!(Rules::new(posix::RULES).0.len(), posix::RULES.len());
        assert_eq!(Rules::new(nptl::RULES).0.len(), nptl::RULES.len());
    }
}
