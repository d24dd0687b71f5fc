//! What a machine may lack, and the remedy: Debian packages, installed when we are root, else the command to type.

use std::fs::{self, File};
use std::io;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::house;
use crate::toolchain::{self, OLDEST, Toolchain, Version};

/// Something a build or a run cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A recent rustc with the source of std.
    Compiler,
    /// LLVM's linker.
    Linker,
    /// The emulator.
    Qemu,
    /// A C compiler for the target.
    C,
    /// LLVM's C compiler, for who chooses it.
    Clang,
    /// What unpacks source packages, and a compiler for what is in them, to compare with.
    Sources,
}

impl Need {
    /// Debian's packages that bring it.
    pub const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Compiler => &["rustc-web", "cargo-web", "rust-web-src"],
            Self::Linker => &["lld-19"],
            Self::Qemu => &["qemu-system-arm"],
            Self::C => &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "linux-libc-dev-arm64-cross"],
            Self::Clang => &["clang-19"],
            Self::Sources => &["dpkg-dev", "patch", "gcc", "libc6-dev"],
        }
    }

    /// What is missing, and what else would do, in words.
    pub fn remedy(self) -> String {
        match self {
            Self::Compiler => format!(
                "no compiler here (rustc {OLDEST} or newer) has the source of std; elsewhere than on Debian 12: `rustup toolchain \
                 install nightly -c rust-src`"
            ),
            Self::Linker => "no LLVM linker (ld.lld) is here; elsewhere than on Debian: package `lld`".into(),
            Self::Qemu => "qemu-system-aarch64 (7.0 or newer) is not here; elsewhere than on Debian: package `qemu`".into(),
            Self::C => "no C compiler for aarch64 is here; `clang` with `llvm-ar` will do too".into(),
            Self::Clang => "clang (14 or newer) is not here; elsewhere than on Debian: package `clang`".into(),
            Self::Sources => "nothing here unpacks and builds source packages (dpkg-source, patch, cc)".into(),
        }
    }
}

/// Compiler and linker: those found, else installed.
///
/// # Errors
/// What is missing, and the command that brings it.
pub fn toolchain(offline: bool) -> Result<Toolchain> {
    match Toolchain::find() {
        Ok(found) => Ok(found),
        Err(needs) => {
            provide(&needs, offline)?;
            Toolchain::find().map_err(|needs| anyhow::anyhow!(explain(&needs)))
        }
    }
}

/// Sees to it that compiler, linker and QEMU are here: all that is missing is installed, or told, at once.
///
/// # Errors
/// What is missing, and the command that brings it.
pub fn all(offline: bool) -> Result<()> {
    let mut needs = Toolchain::find().err().unwrap_or_default();
    if toolchain::qemu().is_none() {
        needs.push(Need::Qemu);
    }
    if needs.is_empty() { Ok(()) } else { provide(&needs, offline) }
}

/// `need`, installed unless it is here. Of several that ask at once, as the files of a crate do that are compiled side by side, one installs.
///
/// # Errors
/// The command that brings it.
pub fn provide_if(need: Need, offline: bool, is_here: impl Fn() -> bool) -> Result<()> {
    if is_here() {
        return Ok(());
    }
    let folder = house::root().join(".toolchain");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let turn = File::create(folder.join("installing")).context("nobody can take turns in installing")?;
    turn.lock().context("nobody can take turns in installing")?;
    if is_here() { Ok(()) } else { provide(&[need], offline) }
}

/// LLVM's linker: found, else installed.
///
/// # Errors
/// The command that brings it.
pub fn linker(offline: bool) -> Result<toolchain::Linker> {
    if let Some(found) = toolchain::Linker::find(None) {
        return Ok(found);
    }
    toolchain(offline).map(|found| found.linker)
}

/// QEMU: found, else installed.
///
/// # Errors
/// The command that brings it.
pub fn qemu(offline: bool) -> Result<(std::path::PathBuf, Version)> {
    if let Some(found) = toolchain::qemu() {
        return Ok(found);
    }
    provide(&[Need::Qemu], offline)?;
    toolchain::qemu().with_context(|| explain(&[Need::Qemu]))
}

/// The command a person types to get `needs`.
pub fn command(needs: &[Need]) -> String {
    let packages: Vec<&str> = needs.iter().flat_map(|need| need.packages()).copied().collect();
    format!("apt-get install -y --no-install-recommends {}", packages.join(" "))
}

fn explain(needs: &[Need]) -> String {
    let remedies: Vec<String> = needs.iter().map(|need| need.remedy()).collect();
    format!("{}\nOn Debian: sudo apt-get update && sudo {}", remedies.join("\n"), command(needs))
}

/// Installs the packages for `needs`, or says how.
fn provide(needs: &[Need], offline: bool) -> Result<()> {
    if let Some(why_not) = why_not(offline) {
        bail!("{}\n({why_not}: nothing is installed)", explain(needs));
    }
    // The lists first: old ones name packages that are gone, or too old a compiler. Where that fails, what is on a local mirror may do.
    if let Err(error) = apt(&["update"]) {
        eprintln!("xtask: {error:#}");
    }
    let install = command(needs);
    let words: Vec<&str> = install.split(' ').skip(1).collect();
    apt(&words)?;
    Ok(())
}

/// Why nothing can be installed here; nothing if it can.
pub fn why_not(offline: bool) -> Option<&'static str> {
    if offline {
        Some("--offline")
    } else if toolchain::on_path("apt-get").is_none() {
        Some("no apt-get here")
    } else if !is_root() {
        Some("not root")
    } else {
        None
    }
}

fn apt(words: &[&str]) -> Result<()> {
    eprintln!("xtask: apt-get {}", words.join(" "));
    let mut command = Command::new("apt-get");
    // What it says is no answer of ours to whoever reads standard output.
    command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()).stdout(io::stderr());
    let status = command.status().context("apt-get does not start")?;
    if !status.success() {
        bail!("`apt-get {}` failed; its own words stand above", words.join(" "));
    }
    Ok(())
}

/// Whether we may install: the effective user id, as the kernel tells it.
fn is_root() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    ids.and_then(|ids| ids.split_whitespace().nth(1)) == Some("0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_names_every_package_once() {
        let line = command(&[Need::Compiler, Need::Qemu]);
        assert_eq!(line, "apt-get install -y --no-install-recommends rustc-web cargo-web rust-web-src qemu-system-arm");
    }

    #[test]
    fn what_is_missing_is_told_with_its_remedy() {
        let text = explain(&[Need::Linker]);
        assert!(text.contains("ld.lld") && text.contains("sudo apt-get install") || text.contains("lld-19"), "{text}");
    }
}
