//! The Open POSIX Test Suite: which of its tests are asked here, and of what.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use regex::Regex;

/// What is scored apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Subject {
    /// Threads, their locks and clocks, semaphores, scheduling, mapped memory.
    Threads,
    /// Signals and timers.
    Signals,
}

impl Subject {
    /// What an interface belongs to; `None`: nothing that is asked here.
    fn of(interface: &str) -> Option<Self> {
        let begins = |names: &[&str]| names.iter().any(|name| interface.starts_with(name));
        if begins(&["sig", "timer_"]) || ["raise", "kill", "killpg", "pthread_kill", "pthread_sigmask"].contains(&interface) {
            Some(Self::Signals)
        } else if begins(&["pthread_", "sem_", "sched_", "clock_"]) || ["nanosleep", "mmap", "munmap"].contains(&interface) {
            Some(Self::Threads)
        } else {
            None
        }
    }
}

/// One test: a C program that ends with 0 if all is as POSIX says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    /// Interface and number, such as `pthread_create/1-1`.
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

/// What a test may do that is not to be, here or on the host, with a pattern of its source.
const RULES: [(&str, &str); 4] = [
    ("it would set this machine's clock", r"\bclock_settime\s*\("),
    ("another process (fork)", r"\bfork\s*\("),
    ("another program (exec, system)", r"\b(?:exec[lv]p?e?|system|popen)\s*\("),
    ("users and permissions", r"\b(?:set(?:e|re)?[ug]id|getpw\w+)\s*\("),
];

/// Every test of our subjects under `suite`, sorted by name.
///
/// # Errors
/// The suite's folder cannot be read.
pub fn tests(suite: &Path) -> Result<Vec<Test>> {
    let rules: Vec<(&'static str, Regex)> = RULES.iter().filter_map(|(what, text)| Some((*what, Regex::new(text).ok()?))).collect();
    let interfaces = suite.join("conformance/interfaces");
    let mut found = Vec::new();
    for entry in fs::read_dir(&interfaces).with_context(|| format!("{} cannot be read", interfaces.display()))?.flatten() {
        let interface = entry.file_name().to_string_lossy().into_owned();
        let Some(subject) = Subject::of(&interface) else { continue };
        for source in sources(&entry.path()) {
            let text = String::from_utf8_lossy(&fs::read(&source)?).into_owned();
            let code = without_comments(&text);
            let excluded = rules.iter().find(|(_, pattern)| pattern.is_match(&code)).map(|(what, _)| *what);
            let name = source.strip_prefix(&interfaces).unwrap_or(&source).with_extension("").display().to_string();
            let is_built_only = name.ends_with("buildonly");
            found.push(Test { name, interface: interface.clone(), subject, source, is_built_only, excluded });
        }
    }
    found.sort();
    Ok(found)
}

/// The files of a folder and its folders that are tests: their names begin with a number.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if name.starts_with(|letter: char| letter.is_ascii_digit()) && name.ends_with(".c") {
            found.push(path);
        }
    }
    found
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
    fn subjects_are_told_by_the_interface() {
        let of = |name| Subject::of(name);
        assert_eq!(of("pthread_create"), Some(Subject::Threads));
        assert_eq!(of("pthread_kill"), Some(Subject::Signals));
        assert_eq!(of("timer_create"), Some(Subject::Signals));
        assert_eq!((of("mmap"), of("aio_read")), (Some(Subject::Threads), None));
    }

    #[test]
    fn what_a_comment_says_is_not_done() {
        assert_eq!(without_comments("a /* fork() */ b // exec()\nc"), "a   b \nc");
        assert_eq!(without_comments("a /* endless"), "a  ");
    }

    #[test]
    fn tests_are_found_and_the_impossible_named() {
        let suite = tempfile::tempdir().expect("a folder");
        let folder = suite.path().join("conformance/interfaces/pthread_create/more");
        fs::create_dir_all(&folder).expect("it is new");
        fs::write(folder.join("1-1.c"), "/* fork() */ int main(void) { return 0; }").expect("it is ours");
        fs::write(folder.join("2-1.c"), "int main(void) { fork (); }").expect("it is ours");
        fs::write(folder.join("frame.c"), "").expect("it is ours");
        let found = tests(suite.path()).expect("it can be read");
        let told: Vec<_> = found.iter().map(|test| (test.name.as_str(), test.excluded.is_some())).collect();
        assert_eq!(told, [("pthread_create/more/1-1", false), ("pthread_create/more/2-1", true)]);
    }
}
