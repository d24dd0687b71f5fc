//! What the tests did on this machine's Linux: kept in the target folder, for a test's verdict there changes with its source and the
//! compiler alone.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Verdict;
use super::suite::{Suite, Test};

/// The first words of a verdict's file; the rest is for people.
const PASSED: &str = "passed";
const NOT_BUILT: &str = "not built: ";

/// Where verdicts are kept, and what all of them depend on.
#[derive(Debug)]
pub struct Known {
    folder: PathBuf,
    compiler: String,
}

/// The place of one test's verdict.
#[derive(Debug)]
pub struct Place(PathBuf);

impl Known {
    /// Verdicts of what this machine's compiler makes of the tests of `suite`, kept in `folder`.
    ///
    /// # Errors
    /// There is no compiler, or the folder cannot be made.
    pub fn new(folder: &Path, suite: &Suite) -> Result<Self> {
        let said = Command::new("cc").arg("--version").output().context("cc does not start")?;
        let mut compiler = format!("{}{:?}", String::from_utf8_lossy(&said.stdout), suite.flags);
        for path in &suite.ground {
            compiler += &fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
        }
        Self::made_by(folder, compiler)
    }

    fn made_by(folder: &Path, compiler: String) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self { folder: folder.into(), compiler })
    }

    /// Where the verdict of `test` is, or will be.
    ///
    /// # Errors
    /// Its source cannot be read.
    pub fn of(&self, test: &Test) -> Result<Place> {
        let mut hasher = DefaultHasher::new();
        self.compiler.hash(&mut hasher);
        fs::read(&test.source).with_context(|| format!("{} cannot be read", test.source.display()))?.hash(&mut hasher);
        Ok(Place(self.folder.join(format!("{}.{:016x}", test.name.replace('/', "_"), hasher.finish()))))
    }
}

impl Place {
    /// The verdict, if there is one.
    pub fn read(&self) -> Option<Verdict> {
        let text = fs::read_to_string(&self.0).ok()?;
        Some(match text.strip_prefix(NOT_BUILT) {
            Some(said) => Verdict::NotBuilt(said.into()),
            None if text == PASSED => Verdict::Passed,
            None => Verdict::Failed(text),
        })
    }

    /// Keeps the verdict.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, verdict: &Verdict) -> Result<()> {
        let text = match verdict {
            Verdict::Passed => PASSED.into(),
            Verdict::NotBuilt(said) => format!("{NOT_BUILT}{said}"),
            Verdict::Failed(_) | Verdict::Hung(_) => format!("{verdict:?}"),
        };
        fs::write(&self.0, text).with_context(|| format!("{} cannot be written", self.0.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::suite::Subject;

    #[test]
    fn a_verdict_is_kept_until_the_source_or_the_compiler_changes() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = folder.path().join("1-1.c");
        fs::write(&source, "int main;").expect("it is ours");
        let interface = "sem_wait".to_owned();
        let test = Test {
            name: "sem_wait/1-1".into(),
            interface,
            subject: Subject::Threads,
            source: source.clone(),
            is_built_only: false,
            excluded: None,
        };
        let known = |compiler: &str| Known::made_by(&folder.path().join("known"), compiler.into()).expect("it can be made");
        let read = |compiler: &str| known(compiler).of(&test).expect("it is there").read();
        assert_eq!(read("one"), None);
        known("one").of(&test).expect("it is there").write(&Verdict::Passed).expect("it can be written");
        assert_eq!((read("one"), read("two")), (Some(Verdict::Passed), None));
        fs::write(&source, "int other;").expect("it is ours");
        assert_eq!(read("one"), None);
        known("one").of(&test).expect("it is there").write(&Verdict::Hung("x".into())).expect("it can be written");
        assert!(matches!(read("one"), Some(Verdict::Failed(_))));
        known("one").of(&test).expect("it is there").write(&Verdict::NotBuilt("x".into())).expect("it can be written");
        assert_eq!(read("one"), Some(Verdict::NotBuilt("x".into())));
    }
}
