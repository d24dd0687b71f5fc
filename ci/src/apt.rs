//! Debian's package client in a folder of its own: it brings packages here, without a change to what is configured and installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::toolchain;

/// Where the package client has its sources.
const CONFIGURED: &str = "/etc/apt";

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Packages of this architecture, from wherever is configured.
    Binary(&'static str),
    /// Source packages of the distribution's own.
    Source,
}

/// The client, with lists and a cache of its own.
#[derive(Debug)]
pub struct Client {
    kind: Kind,
    /// Settings of the client's own, `KEY=VALUE` (`apt.conf(5)`).
    settings: Vec<String>,
    scratch: tempfile::TempDir,
}

impl Client {
    /// A client whose folder is made in `parent`, with new lists.
    ///
    /// # Errors
    /// There is no such client here, or it does not reach its sources.
    pub fn new(kind: Kind, settings: &[String], parent: &Path) -> Result<Self> {
        ensure!(toolchain::on_path("apt-get").is_some(), "no apt-get here");
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
        let client = Self { kind, settings: settings.into(), scratch: tempfile::Builder::new().prefix("fetch-").tempdir_in(parent)? };
        for inner in ["lists/partial", "cache/archives/partial", "etc", "here"] {
            fs::create_dir_all(client.at(inner))?;
        }
        if kind == Kind::Source {
            ensure!(configure(Path::new(CONFIGURED), &client.at("etc"))? > 0, "no package source of Debian's is configured");
        }
        client.get(&["update"])?;
        Ok(client)
    }

    /// Where what it brings comes to lie.
    pub fn here(&self) -> PathBuf {
        self.at("here")
    }

    /// Calls `apt-get`.
    ///
    /// # Errors
    /// It fails, and has said why.
    pub fn get(&self, words: &[&str]) -> Result<()> {
        eprintln!("xtask: apt-get {}, in a folder of its own", words.join(" "));
        let status = self.command("apt-get").args(words).stdout(Stdio::null()).status().context("apt-get does not start")?;
        ensure!(status.success(), "`apt-get {}` failed; its own words stand above", words.join(" "));
        Ok(())
    }

    /// Brings a binary package: its file.
    ///
    /// # Errors
    /// There is none, or it cannot be brought.
    pub fn download(&self, package: &str) -> Result<PathBuf> {
        let is_package = |path: &Path| path.extension().is_some_and(|end| end == "deb");
        for older in fs::read_dir(self.here())?.flatten().filter(|entry| is_package(&entry.path())) {
            fs::remove_file(older.path())?;
        }
        self.get(&["download", package])?;
        self.brought(is_package)
    }

    /// Brings a binary package and unpacks it: its file, and the folder with what it would install.
    ///
    /// # Errors
    /// As [`download`](Self::download), or it cannot be unpacked.
    pub fn unpacked(&self, package: &str) -> Result<(PathBuf, PathBuf)> {
        ensure!(toolchain::on_path("dpkg-deb").is_some(), "no dpkg-deb here");
        let (file, folder) = (self.download(package)?, self.here().join("unpacked"));
        let status = Command::new("dpkg-deb").arg("-x").arg(&file).arg(&folder).status().context("dpkg-deb does not start")?;
        ensure!(status.success(), "{} cannot be unpacked", file.display());
        Ok((file, folder))
    }

    /// Every version of a source package that the lists name.
    ///
    /// # Errors
    /// The client does not start.
    pub fn versions(&self, package: &str) -> Result<Vec<String>> {
        let output = self.command("apt-cache").args(["showsrc", package]).output().context("apt-cache does not start")?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter_map(|line| line.strip_prefix("Version: ")).map(String::from).collect())
    }

    /// The one thing in [`Self::here`] that `wanted` takes.
    ///
    /// # Errors
    /// There is none.
    pub fn brought(&self, wanted: impl Fn(&Path) -> bool) -> Result<PathBuf> {
        let found = fs::read_dir(self.here())?.flatten().map(|entry| entry.path()).find(|path| wanted(path));
        let Some(found) = found else { bail!("the package client has brought nothing") };
        Ok(found)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-qq", "-o", "APT::Sandbox::User="]).current_dir(self.here()).stdin(Stdio::null());
        command.args(self.settings.iter().flat_map(|setting| ["-o", setting]));
        let folders: &[(&str, &str)] = match self.kind {
            Kind::Binary(architecture) => {
                for key in ["Architecture", "Architectures"] {
                    command.arg("-o").arg(format!("APT::{key}={architecture}"));
                }
                &[]
            }
            Kind::Source => {
                command.args(["-o", "Dir::Etc::sourcelist=/dev/null"]);
                &[("Dir::Etc::sourceparts", "etc")]
            }
        };
        for (key, folder) in [("Dir::State::lists", "lists"), ("Dir::Cache", "cache")].iter().chain(folders) {
            command.arg("-o").arg(format!("{key}={}/", self.at(folder).display()));
        }
        command
    }

    fn at(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }
}

/// Puts a folder that was brought where it is kept. Another run may have been faster: then its folder is as good.
///
/// # Errors
/// It cannot be put there.
pub fn keep(folder: &Path, place: &Path) -> Result<()> {
    if fs::rename(folder, place).is_err() {
        ensure!(place.exists(), "{} cannot be made", place.display());
    }
    Ok(())
}

/// Writes the distribution's own sources, asked for source packages, into `into`; how many files.
fn configure(from: &Path, into: &Path) -> Result<usize> {
    let parts = fs::read_dir(from.join("sources.list.d")).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_debians = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        ["debian", "ubuntu", "raspbian", "raspi"].iter().any(|name| stem.starts_with(name))
    };
    let mut count = 0;
    for path in parts.filter(is_debians).chain([from.join("sources.list")]) {
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let is_stanzas = path.extension().is_some_and(|end| end == "sources");
        let text = if is_stanzas { stanzas(&text) } else { lines(&text) };
        fs::write(into.join(path.file_name().unwrap_or_default()), text)?;
        count += 1;
    }
    Ok(count)
}

/// A file of stanzas (deb822-style, `sources.list(5)`) that asks for source packages.
fn stanzas(text: &str) -> String {
    text.lines().map(|line| if line.starts_with("Types:") { "Types: deb-src\n".into() } else { format!("{line}\n") }).collect()
}

/// A file of lines (one-line-style) that asks for source packages.
fn lines(text: &str) -> String {
    text.lines().filter_map(|line| line.strip_prefix("deb ")).map(|rest| format!("deb-src {rest}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_styles_are_asked_for_sources() {
        assert_eq!(stanzas("Types: deb\nSuites: a b\n"), "Types: deb-src\nSuites: a b\n");
        assert_eq!(lines("# deb x\ndeb [arch=a] x y main\ndeb-src x y main\n"), "deb-src [arch=a] x y main\n");
    }

    #[test]
    fn only_the_distributions_own_files_are_taken() {
        let (from, into) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let parts = from.path().join("sources.list.d");
        fs::create_dir(&parts).expect("it is new");
        for name in ["debian.sources", "elsewhere.sources"] {
            fs::write(parts.join(name), "Types: deb\n").expect("it is ours");
        }
        assert_eq!(configure(from.path(), into.path()).expect("both can be read"), 1);
        assert_eq!(fs::read_to_string(into.path().join("debian.sources")).expect("it is written"), "Types: deb-src\n");
    }
}
