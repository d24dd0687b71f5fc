//! A package of std's test files, in the target folder: their sources are the found compiler's, and are nowhere in this clone.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use proc_macro2::{TokenStream, TokenTree};

use crate::house;
use crate::toolchain::Compiler;

/// The package's name.
const NAME: &str = "std-tests";
/// How the names of the test files begin that are ours to run: what std does by the kernel's threads, futex and clocks.
const CHOSEN: [&str; 3] = ["sync", "thread", "time"];
/// What the files share.
const COMMON: &str = "common";
/// Unstable parts that a file uses without saying so: std is built with all of them in reach.
const SILENT_FEATURES: [(&str, &str); 1] = [("sync", "sync_poison_mod")];

/// The package, as written.
#[derive(Debug)]
pub struct Package {
    /// Where it is.
    pub folder: PathBuf,
    /// Every identifier in the files.
    pub words: BTreeSet<String>,
}

/// Writes the package, touching only what differs, so that cargo builds again only what is new.
///
/// # Errors
/// This compiler's source has no such tests, or they cannot be copied.
pub fn make(compiler: &Compiler) -> Result<Package> {
    let std = compiler.sysroot.join("lib/rustlib/src/rust/library/std");
    let mut package = Package { folder: house::root().join("target").join(NAME), words: BTreeSet::new() };
    let chosen = chosen(&std.join("tests"))?;
    ensure!(!chosen.is_empty(), "{} holds none of the tests `{}`", std.join("tests").display(), CHOSEN.join("`, `"));
    let sync = read(&std.join("src/sync/mod.rs"))?;
    let mut roots = Vec::new();
    for (name, is_folder) in &chosen {
        let (path, root) = if *is_folder {
            (format!("tests/{name}"), format!("tests/{name}/lib.rs"))
        } else {
            (format!("tests/{name}.rs"), format!("tests/{name}.rs"))
        };
        package.copy(&std, Path::new(&path), &root, &features(name, &sync))?;
        roots.push((name.as_str(), root));
    }
    package.copy(&std, &Path::new("tests").join(COMMON), "", "")?;
    package.write(Path::new("src/lib.rs"), "//! Nothing: the tests are all there is.\n")?;
    package.write(Path::new("Cargo.toml"), &manifest(&roots, dependencies(&std)?, house::root())?)?;
    package.lock()?;
    Ok(package)
}

/// The test files that are ours to run, and whether each is a folder.
fn chosen(tests: &Path) -> Result<Vec<(String, bool)>> {
    let told = || format!("{} cannot be read", tests.display());
    let mut chosen = Vec::new();
    for entry in fs::read_dir(tests).with_context(told)? {
        let path = entry.with_context(told)?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if CHOSEN.iter().any(|start| name.starts_with(start)) {
            chosen.push((name, path.is_dir()));
        }
    }
    chosen.sort();
    Ok(chosen)
}

/// What the file `name` must say of [`SILENT_FEATURES`], as far as this std has them: `source` is that of `std::sync`.
fn features(name: &str, source: &str) -> String {
    let known = SILENT_FEATURES.iter().filter(|(file, feature)| *file == name && source.contains(&format!("feature = \"{feature}\"")));
    known.map(|(_, feature)| format!("#![feature({feature})]\n")).collect()
}

/// The crates that std's tests ask for, as its manifest writes them.
fn dependencies(std: &Path) -> Result<toml::Table> {
    let path = std.join("Cargo.toml");
    let manifest: toml::Table = read(&path)?.parse().with_context(|| path.display().to_string())?;
    let found = manifest.get("dev-dependencies").and_then(toml::Value::as_table);
    found.cloned().with_context(|| format!("{} has no dev-dependencies", path.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

fn manifest(roots: &[(&str, String)], dependencies: toml::Table, clone: &Path) -> Result<String> {
    let tests: String = roots.iter().map(|(name, root)| format!("[[test]]\nname = \"{name}\"\npath = \"{root}\"\n")).collect();
    let kernel = toml::Value::from(clone.join("kernel").display().to_string());
    let mut table: toml::Table = format!(
        "package = {{ name = \"{NAME}\", version = \"0.0.0\", edition = \"2024\", autotests = false }}\n\
         dependencies = {{ skete = {{ path = {kernel} }} }}\n\
         workspace = {{}}\n\
         [profile.release]\npanic = \"abort\"\nlto = \"fat\"\ncodegen-units = 1\n\
         # Their own code is small first: it takes half as long to build.\n\
         [profile.release.package.{NAME}]\nopt-level = \"s\"\n\
         {tests}"
    )
    .parse()?;
    table.insert("dev-dependencies".into(), dependencies.into());
    Ok(table.to_string())
}

impl Package {
    /// Copies a file or folder of std's; the crate's root `root` is linked with the kernel, and says which `features` it needs.
    fn copy(&mut self, std: &Path, path: &Path, root: &str, features: &str) -> Result<()> {
        let source = std.join(path);
        let told = || format!("{} cannot be read", source.display());
        if source.is_dir() {
            for entry in fs::read_dir(&source).with_context(told)? {
                self.copy(std, &path.join(entry.with_context(told)?.file_name()), root, features)?;
            }
            return Ok(());
        }
        let mut text = read(&source)?;
        if path == Path::new(root) {
            text = format!("{features}{text}\nuse skete as _;\n");
        }
        if let Ok(tokens) = text.parse::<TokenStream>() {
            collect(tokens, &mut self.words);
        }
        self.write(path, &text)
    }

    fn write(&self, path: &Path, text: &str) -> Result<()> {
        let path = self.folder.join(path);
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            return Ok(());
        }
        let told = || format!("{} cannot be written", path.display());
        fs::create_dir_all(path.parent().unwrap_or(&self.folder)).with_context(told)?;
        fs::write(&path, text).with_context(told)
    }

    /// Begins with the versions that this clone was tested with; cargo adds the tests' own crates, and keeps them until ours change.
    fn lock(&self) -> Result<()> {
        let ours = read(&house::root().join("Cargo.lock"))?;
        let begun = Path::new("Cargo.lock.begun");
        if fs::read_to_string(self.folder.join(begun)).is_ok_and(|found| found == ours) && self.folder.join("Cargo.lock").exists() {
            return Ok(());
        }
        self.write(Path::new("Cargo.lock"), &ours)?;
        self.write(begun, &ours)
    }
}

fn collect(tokens: TokenStream, words: &mut BTreeSet<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect(group.stream(), words),
            TokenTree::Ident(word) => _ = words.insert(word.to_string()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_folders_are_found_by_how_their_names_begin() {
        let tests = tempfile::tempdir().expect("a folder");
        for name in ["thread.rs", "time.rs", "env.rs"] {
            fs::write(tests.path().join(name), "").expect("it can be written");
        }
        for name in ["sync", "thread_local", "common"] {
            fs::create_dir(tests.path().join(name)).expect("it can be made");
        }
        let found = chosen(tests.path()).expect("it can be read");
        let expected = [("sync", true), ("thread", false), ("thread_local", true), ("time", false)];
        assert_eq!(found, expected.map(|(name, is_folder)| (name.into(), is_folder)));
    }

    #[test]
    fn a_silent_feature_is_said_where_it_is_used_and_known() {
        assert_eq!(features("sync", "#[unstable(feature = \"sync_poison_mod\")]"), "#![feature(sync_poison_mod)]\n");
        assert_eq!(features("sync", "") + &features("time", "feature = \"sync_poison_mod\""), "");
    }

    #[test]
    fn the_manifest_has_the_kernel_the_tests_crates_and_each_file() {
        let asked: toml::Table = "rand = { version = \"0.9\", default-features = false }".parse().expect("it is TOML");
        let text = manifest(&[("time", "tests/time.rs".into())], asked, Path::new("/a clone")).expect("it can be made");
        let table: toml::Table = text.parse().expect("it is TOML");
        assert_eq!(table["dependencies"]["skete"]["path"].as_str(), Some("/a clone/kernel"));
        assert_eq!(table["dev-dependencies"]["rand"]["version"].as_str(), Some("0.9"));
        assert_eq!(table["test"][0]["path"].as_str(), Some("tests/time.rs"));
    }
}
