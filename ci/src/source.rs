//! Source packages of the distribution, brought by its own package client: what nobody here wrote is built, not kept.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::house;
use crate::packages::{self, Need};
use crate::toolchain;

/// Where the package client has its sources.
const CONFIGURED: &str = "/etc/apt";

/// The folder of a source package, unpacked and with the distribution's patches; brought here the first time.
///
/// # Errors
/// The package client is missing, or does not have it.
pub fn unpacked(package: &str) -> Result<PathBuf> {
    let place = house::root().join(".toolchain/sources").join(package);
    if !place.exists() {
        fetch(package, &place).with_context(|| format!("the source of {package} cannot be brought here"))?;
    }
    Ok(place)
}

/// Brings it in a folder of its own, without a change to what is configured and installed.
fn fetch(package: &str, place: &Path) -> Result<()> {
    packages::provide_if(Need::Sources, || {
        ["apt-get", "dpkg-source", "patch", "cc"].iter().all(|name| toolchain::on_path(name).is_some())
    })?;
    let parent = place.parent().context("a place has a parent")?;
    fs::create_dir_all(parent)?;
    let scratch = tempfile::Builder::new().prefix("fetch-").tempdir_in(parent)?;
    let at = |name: &str| scratch.path().join(name);
    for inner in ["lists/partial", "cache/archives/partial", "etc", "unpacked"] {
        fs::create_dir_all(at(inner))?;
    }
    let count = configure(Path::new(CONFIGURED), &at("etc"))?;
    ensure!(count > 0, "no package source of Debian's is configured");
    let apt = |words: &[&str]| -> Result<()> {
        eprintln!("xtask: apt-get {}, in a folder of its own", words.join(" "));
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-o", "APT::Sandbox::User=", "-o", "Dir::Etc::sourcelist=/dev/null"]);
        for (key, folder) in [("Dir::Etc::sourceparts", "etc"), ("Dir::State::lists", "lists"), ("Dir::Cache", "cache")] {
            command.arg("-o").arg(format!("{key}={}/", at(folder).display()));
        }
        let status = command.args(words).current_dir(at("unpacked")).stdin(Stdio::null()).stdout(Stdio::null()).status();
        ensure!(status.context("apt-get does not start")?.success(), "`apt-get {}` failed; its own words stand above", words.join(" "));
        Ok(())
    };
    apt(&["update"])?;
    apt(&["source", package])?;
    let folders = fs::read_dir(at("unpacked"))?.flatten().map(|entry| entry.path());
    let Some(folder) = folders.into_iter().find(|path| path.is_dir()) else { bail!("apt-get has unpacked nothing") };
    // Another run may have been faster: then its folder is as good.
    if fs::rename(&folder, place).is_err() {
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
