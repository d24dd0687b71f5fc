//! The Open POSIX Test Suite.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Rules, Subject, Suite, Test, code};

/// The source package.
pub const PACKAGE: &str = "posixtestsuite";

/// What the suite's own Makefile tells the compiler.
const FLAGS: [&str; 6] = ["-std=gnu99", "-O2", "-w", "-D_POSIX_C_SOURCE=200112L", "-D_XOPEN_SOURCE=600", "-D_GNU_SOURCE"];

/// What a test may not do.
pub const RULES: &[(&str, &str)] = &[
    ("it would set this machine's clock", r"\bclock_settime\s*\("),
    ("another process (fork)", r"\bfork\s*\("),
    ("another program (exec, system)", r"\b(?:exec[lv]p?e?|system|popen)\s*\("),
    ("users and permissions", r"\b(?:set(?:e|re)?[ug]id|getpw\w+)\s*\("),
];

/// The suite, with every test of our subjects, sorted by name.
///
/// # Errors
/// Its folder cannot be read.
pub fn suite(folder: &Path) -> Result<Suite> {
    let flags = FLAGS.map(String::from).into_iter().chain([format!("-I{}", folder.join("include").display())]);
    Ok(Suite { tests: tests(folder)?, flags: flags.collect(), guest_flags: Vec::new(), ground: Vec::new() })
}

/// What an interface belongs to; `None`: nothing that is asked here.
fn subject(interface: &str) -> Option<Subject> {
    let begins = |names: &[&str]| names.iter().any(|name| interface.starts_with(name));
    if begins(&["sig", "timer_"]) || ["raise", "kill", "killpg", "pthread_kill", "pthread_sigmask"].contains(&interface) {
        Some(Subject::Signals)
    } else if begins(&["pthread_", "sem_", "sched_", "clock_"]) || ["nanosleep", "mmap", "munmap"].contains(&interface) {
        Some(Subject::Threads)
    } else {
        None
    }
}

fn tests(folder: &Path) -> Result<Vec<Test>> {
    let rules = Rules::new(RULES);
    let interfaces = folder.join("conformance/interfaces");
    let mut found = Vec::new();
    for entry in fs::read_dir(&interfaces).with_context(|| format!("{} cannot be read", interfaces.display()))?.flatten() {
        let interface = entry.file_name().to_string_lossy().into_owned();
        let Some(subject) = subject(&interface) else { continue };
        for source in sources(&entry.path()) {
            let excluded = rules.forbid(&code(&source)?);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_told_by_the_interface() {
        assert_eq!(subject("pthread_create"), Some(Subject::Threads));
        assert_eq!(subject("pthread_kill"), Some(Subject::Signals));
        assert_eq!(subject("timer_create"), Some(Subject::Signals));
        assert_eq!((subject("mmap"), subject("aio_read")), (Some(Subject::Threads), None));
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
