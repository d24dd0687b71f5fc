//! glibc's own tests of its threads (`nptl`), over a driver of ours (`ci/nptl`) that runs a test in its own process.
//!
//! Asked are those that one file and public headers make a program: what needs another process, a dynamic library, or what is inside of
//! glibc, is not.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::{Rules, Subject, Suite, Test, code};
use crate::house;

/// The source package.
pub const PACKAGE: &str = "glibc";

/// Where its tests of threads are.
const FOLDERS: [&str; 2] = ["nptl", "sysdeps/pthread"];

const FLAGS: [&str; 4] = ["-std=gnu11", "-O2", "-w", "-D_GNU_SOURCE"];

/// What a test may not do.
pub const RULES: &[(&str, &str)] = &[
    ("another process (fork)", r"\b(?:x?v?fork|popen|posix_spawnp?|support_capture_subprocess|support_subprocess)\s*\("),
    ("another program (exec, system)", r"\b(?:exec[lv]p?e?|x?system)\s*\("),
    ("dynamic libraries", r"\bx?dlopen\s*\("),
    ("users and permissions", r"\b(?:set(?:e|re|res)?[ug]id|setgroups)\s*\("),
    ("what is inside of glibc", r"\b__data\b|\b__SC_THREAD_STACK_MIN_VALUE\b|<elf/|\bNEGATIVE_SIGN\b"),
    ("its end is judged from outside", r"\bEXPECTED_(?:SIGNAL|STATUS)\b"),
];

/// The suite, with every test, sorted by name.
///
/// # Errors
/// A folder cannot be read.
pub fn suite(folder: &Path) -> Result<Suite> {
    let driver = house::root().join("ci/nptl");
    let mut flags: Vec<String> = FLAGS.map(String::from).into();
    flags.push(format!("-I{}", driver.display()));
    for quoted in FOLDERS.into_iter().chain(["sysdeps"]) {
        flags.extend(["-iquote".into(), folder.join(quoted).display().to_string()]);
    }
    // For what a test takes from another one's folder; after all headers.
    flags.extend(["-idirafter".into(), folder.display().to_string()]);
    let guest_flags = vec![format!("-I{}", driver.join("guest").display())];
    let support = driver.join("support");
    let mut ground: Vec<PathBuf> = fs::read_dir(&support)
        .with_context(|| format!("{} cannot be read", support.display()))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    ground.sort();
    Ok(Suite { tests: tests(folder)?, flags, guest_flags, ground })
}

fn tests(folder: &Path) -> Result<Vec<Test>> {
    let rules = Rules::new(RULES);
    let mut found = Vec::new();
    for place in FOLDERS.map(|name| folder.join(name)) {
        for entry in fs::read_dir(&place).with_context(|| format!("{} cannot be read", place.display()))?.flatten() {
            let source = entry.path();
            let Some(name) = test_name(&source) else { continue };
            let excluded = rules.forbid(&whole_code(&source, folder)?);
            found.push(Test { interface: family(&name), name, subject: Subject::Nptl, source, is_built_only: false, excluded });
        }
    }
    found.sort();
    found.dedup_by(|later, earlier| later.name == earlier.name);
    Ok(found)
}

/// The name of a file that is a test, and not a part of one.
fn test_name(source: &Path) -> Option<String> {
    let name = source.file_name()?.to_str()?.strip_suffix(".c")?;
    let is_part = name.trim_end_matches(|letter: char| letter.is_ascii_digit()).ends_with("mod")
        || ["-common", "-lib"].iter().any(|end| name.ends_with(end));
    (name.starts_with("tst-") && !is_part).then(|| name.into())
}

/// What a test stands with: its name without the number.
fn family(name: &str) -> String {
    let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
    stem.trim_end_matches('-').into()
}

/// The code of a test and of the tests that it includes.
fn whole_code(source: &Path, folder: &Path) -> Result<String> {
    let mut whole = code(source)?;
    let included: Vec<String> = whole.lines().filter_map(included_test).collect();
    for path in included {
        let beside = source.parent().unwrap_or(folder).join(&path);
        let elsewhere = FOLDERS.map(|inner| folder.join(inner).join(&path));
        let place = [beside, folder.join(&path)].into_iter().chain(elsewhere).find(|path| path.exists() && path != source);
        if let Some(place) = place {
            whole += &whole_code(&place, folder)?;
        }
    }
    Ok(whole)
}

/// The path of the test that this line includes, if it does.
fn included_test(line: &str) -> Option<String> {
    let path = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?.trim().trim_matches(['"', '<', '>']);
    let name = path.rsplit('/').next()?;
    (name.starts_with("tst-") && name.ends_with(".c")).then(|| path.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_from_their_parts() {
        let name = |path: &str| test_name(Path::new(path));
        assert_eq!(name("nptl/tst-cond1.c").as_deref(), Some("tst-cond1"));
        assert_eq!((name("nptl/tst-create1mod.c"), name("nptl/tst-cancel4-common.c"), name("nptl/cond.c")), (None, None, None));
        assert_eq!(
            (family("tst-cond10"), family("tst-mutexpi5a"), family("tst-sem")),
            ("tst-cond".into(), "tst-mutexpi5a".into(), "tst-sem".into())
        );
    }

    #[test]
    fn what_an_included_test_does_forbids_the_one_that_includes_it() {
        let folder = tempfile::tempdir().expect("a folder");
        for inner in FOLDERS {
            fs::create_dir_all(folder.path().join(inner)).expect("it is new");
        }
        let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).expect("it is ours");
        write("nptl/tst-a1.c", "#define X\n# include \"tst-b1.c\"\n");
        write("sysdeps/pthread/tst-b1.c", "int do_test (void) { return xfork (); }");
        write("nptl/tst-c1.c", "#include <sysdeps/pthread/tst-d1.c>");
        write("sysdeps/pthread/tst-d1.c", "int do_test (void) { return 0; }");
        let found = tests(folder.path()).expect("it can be read");
        let told: Vec<_> = found.iter().map(|test| (test.name.as_str(), test.excluded.is_some())).collect();
        assert_eq!(told, [("tst-a1", true), ("tst-b1", true), ("tst-c1", false), ("tst-d1", false)]);
    }
}
