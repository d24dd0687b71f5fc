//! `ci/std-tests.toml` and `ci/std-tests-linux.toml`: the tests of std that cannot run with it, by name, in groups with the reason.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::Results;
use crate::board::Board;
use crate::house;
use crate::program::Std;
use crate::toolchain::Version;

/// How a group of tests is kept from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kept {
    /// std does not compile them.
    Absent,
    /// std marks them: libtest tells of them and passes them by.
    Ignored,
    /// We leave them out.
    Skipped,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    /// Why they cannot run; for a person who reads the table.
    #[allow(dead_code, reason = "must be there, and is read by people")]
    reason: String,
    kept: Kept,
    /// On these boards only; on both if there are none.
    #[serde(default)]
    boards: Vec<Board>,
    /// `file::module::name`.
    tests: BTreeSet<String>,
}

/// The table.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Of which release of std it tells all; another's may have more tests, and fewer.
    release: String,
    #[serde(rename = "group")]
    groups: Vec<Group>,
}

/// Where the table of a std's tests is, from the clone's root.
pub const fn place(std: Std) -> &'static str {
    match std {
        Std::Kernel => "ci/std-tests.toml",
        Std::Linux => "ci/std-tests-linux.toml",
    }
}

impl Table {
    /// Reads it.
    ///
    /// # Errors
    /// It cannot be read, or says what is not understood.
    pub fn read(std: Std) -> Result<Self> {
        let path = house::root().join(place(std));
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// Whether it tells all of this release.
    pub fn is_for(&self, version: Version) -> bool {
        self.release == version.to_string()
    }

    /// Whether a test is to be left out on `board`.
    pub fn skips(&self, name: &str, board: Board) -> bool {
        self.names(Kept::Skipped, board).any(|skipped| skipped == name)
    }

    fn names(&self, kept: Kept, board: Board) -> impl Iterator<Item = &str> {
        let is_here = move |group: &&Group| group.kept == kept && (group.boards.is_empty() || group.boards.contains(&board));
        self.groups.iter().filter(is_here).flat_map(|group| &group.tests).map(String::as_str)
    }

    /// Where the table does not tell what became of a file's tests. `words` are the identifiers in the sources.
    pub fn faults(&self, file: &str, board: Board, results: &Results, words: &BTreeSet<String>) -> Vec<String> {
        let of_file = |name: &&str| name.split_once("::").is_some_and(|(start, _)| start == file);
        let listed = |kept| self.names(kept, board).filter(of_file).collect::<BTreeSet<&str>>();
        let (absent, ignored, skipped) = (listed(Kept::Absent), listed(Kept::Ignored), listed(Kept::Skipped));
        let there: BTreeSet<&str> = results.names().collect();
        let reported: BTreeSet<&str> = results.ignored.iter().map(String::as_str).collect();
        let found = |names: BTreeSet<&str>, matter: &str| names.into_iter().map(|name| format!("{name} {matter}")).collect::<Vec<_>>();
        let mut faults = found(&reported - &ignored, "is ignored by std, and the table does not say why");
        faults.extend(found(&ignored - &reported, "is listed as ignored by std, and is not"));
        faults.extend(found(&skipped - &there, "is listed as skipped, and there is no such test"));
        faults.extend(found(&absent & &there, "is listed as absent, and is there"));
        faults.extend(found(absent.into_iter().filter(|name| !is_written(name, words)).collect(), "is listed as absent; no source has it"));
        faults
    }
}

/// Whether the sources have a test's function. std's macros make two of one, and put a word before its name.
fn is_written(name: &str, words: &BTreeSet<String>) -> bool {
    let function = name.rsplit("::").next().unwrap_or(name);
    let bare = function.strip_prefix("nonpoison_").or_else(|| function.strip_prefix("poison_")).unwrap_or(function);
    words.contains(function) || words.contains(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "release = \"1.96\"\n\
        [[group]]\nreason = \"a\"\nkept = \"ignored\"\ntests = [\"sync::a::poison\"]\n\
        [[group]]\nreason = \"b\"\nkept = \"skipped\"\nboards = [\"virt\"]\ntests = [\"sync::a::panics\"]\n\
        [[group]]\nreason = \"c\"\nkept = \"absent\"\ntests = [\"sync::a::nonpoison_unwinds\"]\n";

    fn judged(passed: &[&str], ignored: &[&str], skipped: &[&str]) -> Vec<String> {
        let table: Table = toml::from_str(TABLE).expect("the table is well-formed");
        let set = |names: &[&str]| names.iter().map(|&name| name.into()).collect();
        let results = Results { passed: set(passed), ignored: set(ignored), skipped: set(skipped), ..Results::default() };
        table.faults("sync", Board::Virt, &results, &set(&["unwinds"]))
    }

    #[test]
    fn a_table_that_tells_everything_has_no_faults() {
        assert_eq!(judged(&["sync::a::smoke"], &["sync::a::poison"], &["sync::a::panics"]), Vec::<String>::new());
    }

    #[test]
    fn what_it_does_not_tell_and_what_it_tells_wrongly_is_found() {
        let faults = judged(&["sync::a::poison", "sync::a::nonpoison_unwinds"], &["sync::a::other"], &[]);
        let expected = [
            "other is ignored by std,",
            "poison is listed as ignored",
            "panics is listed as skipped",
            "nonpoison_unwinds is listed as absent,",
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        assert!(faults.iter().zip(expected).all(|(fault, part)| fault.contains(part)), "{faults:?}");
    }

    #[test]
    fn a_group_may_be_for_one_board() {
        let table: Table = toml::from_str(TABLE).expect("the table is well-formed");
        assert!(table.skips("sync::a::panics", Board::Virt));
        assert!(!table.skips("sync::a::panics", Board::Raspi3b) && !table.skips("sync::a::smoke", Board::Virt));
    }

    #[test]
    fn the_tables_release_is_compared_with_the_compilers() {
        let table: Table = toml::from_str(TABLE).expect("the table is well-formed");
        assert!(table.is_for(Version { major: 1, minor: 96 }) && !table.is_for(Version { major: 1, minor: 97 }));
    }

    #[test]
    fn the_table_of_this_clone_can_be_read() {
        assert!([Std::Kernel, Std::Linux].into_iter().all(|std| Table::read(std).is_ok()));
    }
}
