//! What nobody here wrote is built, not kept: source packages of the distribution and crates of the registry, brought by their own clients.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::Metadata;

use crate::apt::{self, Client, Kind};
use crate::house;
use crate::packages::{self, Need};
use crate::toolchain;

/// Where they are kept.
fn kept() -> PathBuf {
    house::root().join(".toolchain/sources")
}

/// In which state a source package is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As its authors released it.
    Original,
    /// With the distribution's patches.
    Patched,
}

/// The folder of a source package, unpacked; brought here the first time.
///
/// # Errors
/// The package client is missing, or does not have it, or `offline` forbids to ask.
pub fn package(name: &str, state: State, offline: bool) -> Result<PathBuf> {
    let place = kept().join(if state == State::Original { format!("{name}-original") } else { name.into() });
    if !place.exists() {
        ensure!(!offline, "--offline: the source of {name}, a source package of Debian's, was never fetched; leave --offline out once");
        fetch(name, state, &place).with_context(|| format!("the source of {name} cannot be brought here"))?;
    }
    Ok(place)
}

/// Brings it in a folder of its own.
fn fetch(name: &str, state: State, place: &Path) -> Result<()> {
    packages::provide_if(Need::Sources, false, || {
        ["apt-get", "dpkg-source", "patch", "cc"].iter().all(|program| toolchain::on_path(program).is_some())
    })?;
    let patches = if state == State::Original { " --skip-patches" } else { "" };
    let client = Client::new(Kind::Source, &[format!("DPkg::Source-Options=--no-check{patches} -x")], &kept())?;
    if let Err(error) = client.get(&["source", name]) {
        // A mirror may list what it has not, or not yet: then another version will do.
        let mut others = client.versions(name)?.into_iter().map(|version| format!("{name}={version}"));
        if !others.any(|other| client.get(&["source", &other]).is_ok()) {
            return Err(error);
        }
    }
    let folder = client.brought(Path::is_dir)?;
    apt::keep(&folder, place)
}

/// The folder of a crate of the registry, in a version that `version` allows as in a Cargo.toml; fetched by cargo the first time.
///
/// # Errors
/// cargo does not find it, or `offline` forbids to fetch it.
pub fn registry_crate(name: &str, version: &str, offline: bool) -> Result<PathBuf> {
    let place = kept().join("crates").join(name);
    fs::create_dir_all(place.join("src")).with_context(|| format!("{} cannot be made", place.display()))?;
    // cargo fetches what a package depends on; the lock file beside keeps the version that was chosen first.
    let manifest = format!(
        "[package]\nname = \"fetches\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[dependencies]\n{name} = \"{version}\"\n[workspace]\n"
    );
    fs::write(place.join("Cargo.toml"), manifest)?;
    fs::write(place.join("src/lib.rs"), "")?;
    let mut cargo = Command::new(house::host_cargo());
    cargo.args(["metadata", "--format-version=1", "--quiet", "--manifest-path"]).arg(place.join("Cargo.toml"));
    cargo.args(offline.then_some("--offline")).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = cargo.output().context("cargo does not start")?;
    let rule = if offline { " (--offline: leave that out once)" } else { "" };
    ensure!(output.status.success(), "crate {name} {version} cannot be fetched{rule}; cargo's own words stand above");
    let known: Metadata = serde_json::from_slice(&output.stdout).context("cargo's answer cannot be read")?;
    let found = known.packages.into_iter().find(|package| package.name.as_str() == name);
    let manifest = found.with_context(|| format!("cargo does not know where {name} is"))?.manifest_path;
    Ok(manifest.parent().context("a manifest has a folder")?.into())
}
