//! A program that others wrote, built as they wrote it: `source.toml` beside a program's own files says which package has it, which of
//! its files are compiled, and how. The package is fetched when it is first built; nothing of it is kept in this clone.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::Tools;
use super::line::Line;
use crate::house;
use crate::source::{self, State};

/// The recipe's name in a program's folder.
pub const FILE: &str = "source.toml";

/// What `source.toml` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Debian's source package, as its authors released it.
    package: Option<String>,
    /// Or a crate of the registry, and which versions will do.
    #[serde(rename = "crate")]
    registry: Option<Crate>,
    /// What is compiled, from the package's folder on: `src/a.c`, or all of a folder, `src/*.c`.
    files: Vec<String>,
    /// What of that is not.
    #[serde(default)]
    without: Vec<String>,
    /// Where its headers are, for our own files too.
    #[serde(default)]
    include: Vec<String>,
    /// What its files are told: `NAME` or `NAME=VALUE`.
    #[serde(default)]
    define: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Crate {
    name: String,
    version: String,
}

/// A recipe whose package is here.
#[derive(Clone, Debug)]
pub struct Recipe {
    table: Table,
    package: PathBuf,
}

impl Recipe {
    /// The recipe of the program in `folder`, if it has one, with its package, which is fetched the first time.
    ///
    /// # Errors
    /// The recipe cannot be understood, or the package not be had.
    pub fn find(folder: &Path, offline: bool) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let table: Table = toml::from_str(&text).with_context(|| path.display().to_string())?;
        let package = match (&table.package, &table.registry) {
            (Some(name), None) => source::package(name, State::Original, offline)?,
            (None, Some(wanted)) => source::registry_crate(&wanted.name, &wanted.version, offline)?,
            _ => bail!("{}: it names a `package` or a `crate`, one of the two", path.display()),
        };
        Ok(Some(Self { table, package }))
    }

    /// Words that let other files find its headers.
    pub fn includes(&self) -> Vec<OsString> {
        let folders = self.table.include.iter().map(|folder| self.package.join(folder));
        folders.flat_map(|folder| ["-I".into(), folder.into_os_string()]).collect()
    }

    /// Compiles its files at `level` into objects in `place`, those anew that are not as they were.
    ///
    /// # Errors
    /// A file is not there, or does not compile (the compiler has said why).
    pub fn objects(&self, tools: &Tools, level: &str, place: &Path) -> Result<Vec<PathBuf>> {
        fs::create_dir_all(place).with_context(|| format!("{} cannot be made", place.display()))?;
        let parts: Vec<Part> = self.files()?.iter().map(|file| self.part(file, tools, level, place)).collect();
        let stale: Vec<&Part> = parts.iter().filter(|part| !part.is_fresh()).collect();
        let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while let Some(part) = stale.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if let Err(error) = part.compile(tools) {
                            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        }
                    }
                });
            }
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => Err(error),
            None => Ok(parts.into_iter().map(|part| part.object).collect()),
        }
    }

    /// The files that are compiled, from the package's folder on.
    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for name in &self.table.files {
            let Some(folder) = name.strip_suffix("*.c") else {
                ensure!(self.package.join(name).exists(), "{} has no file {name}", self.package.display());
                found.push(PathBuf::from(name));
                continue;
            };
            let place = self.package.join(folder);
            let entries = fs::read_dir(&place).with_context(|| format!("{} cannot be read", place.display()))?;
            let names = entries.flatten().map(|entry| Path::new(folder).join(entry.file_name()));
            found.extend(names.filter(|name| name.extension().is_some_and(|end| end == "c")));
        }
        found.retain(|file| !self.table.without.iter().any(|name| file == Path::new(name)));
        found.sort();
        Ok(found)
    }

    fn part(&self, file: &Path, tools: &Tools, level: &str, place: &Path) -> Part {
        let source = self.package.join(file);
        let object = place.join(file.display().to_string().replace('/', "_")).with_extension("o");
        // Others' warnings are not ours to mend.
        let mut words: Vec<OsString> = ["-std=gnu17", "-w", "-g", level, "-c", "-o"].map(OsString::from).into();
        words.extend([object.clone().into_os_string(), source.clone().into_os_string()]);
        words.extend(self.includes());
        words.extend(self.table.define.iter().map(|name| format!("-D{name}").into()));
        let line = Line::parse(&words);
        let told = format!("{:?}", tools.compiler(&line));
        Part { source, object, line, told }
    }
}

/// One file to be compiled.
struct Part {
    source: PathBuf,
    object: PathBuf,
    line: Line,
    /// The whole command: with another the object is another.
    told: String,
}

impl Part {
    /// Where the command that made the object is kept.
    fn record(&self) -> PathBuf {
        self.object.with_extension("words")
    }

    /// Whether the object is there, made by this very command of what the file and our headers are now.
    fn is_fresh(&self) -> bool {
        let changed = |path: &Path| fs::metadata(path).ok().map(|about| (about.ctime(), about.ctime_nsec()));
        let Some(made) = changed(&self.record()) else { return false };
        let headers = fs::read_dir(house::root().join("libc-shim/include")).into_iter().flatten().flatten().map(|entry| entry.path());
        let is_older = |path: &Path| changed(path).is_some_and(|moment| moment < made);
        self.object.exists()
            && fs::read_to_string(self.record()).is_ok_and(|text| text == self.told)
            && headers.chain([self.source.clone()]).all(|path| is_older(&path))
    }

    fn compile(&self, tools: &Tools) -> Result<()> {
        let _ = fs::remove_file(self.record());
        let status = tools.compiler(&self.line).status().context("the compiler does not start")?;
        ensure!(status.success(), "{} does not compile; the compiler's own words stand above", self.source.display());
        fs::write(self.record(), &self.told).with_context(|| format!("{} cannot be written", self.record().display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_name_or_by_folder() {
        let package = tempfile::tempdir().expect("a folder can be made");
        for name in ["a.c", "b.c", "b.h"] {
            fs::write(package.path().join(name), "").expect("it can be written");
        }
        let files = |files: &str| {
            let table: Table = toml::from_str(&format!("package = \"x\"\nfiles = [{files}]\nwithout = [\"b.c\"]\n")).expect("it is whole");
            Recipe { table, package: package.path().into() }.files()
        };
        assert_eq!(files("\"*.c\"").expect("the folder is there"), [Path::new("a.c")]);
        assert_eq!(files("\"a.c\"").expect("it is there"), [Path::new("a.c")]);
        assert!(files("\"c.c\"").is_err() && files("\"src/*.c\"").is_err());
    }

    #[test]
    fn a_word_that_no_recipe_has_is_refused() {
        assert!(toml::from_str::<Table>("package = \"x\"\nfiles = []\ndefines = []\n").is_err());
    }
}
