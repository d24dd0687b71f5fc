//! Which std a Rust program has: the one for this kernel, or Linux's over the C face. What each is built of and for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Deserialize;

use super::Profile;
use crate::flags::{LINUX_TARGET, PROGRAM_TARGET};

/// Which std a Rust program has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Std {
    /// The one for this kernel: every call of std's is one of the kernel's functions, and a panic is the end.
    #[default]
    Kernel,
    /// The one that crates know on Linux: panics unwind, and what calls `libc` works.
    Linux,
}

/// What cargo is told where this workspace's profiles say that a panic is the end.
pub const UNWINDING: [&str; 4] = ["--config", "profile.dev.panic='unwind'", "--config", "profile.release.panic='unwind'"];

impl Std {
    /// The target that it is built for.
    pub const fn target(self) -> &'static str {
        match self {
            Self::Kernel => PROGRAM_TARGET,
            Self::Linux => LINUX_TARGET,
        }
    }

    /// Its crates, as cargo is to build them.
    pub const fn crates(self) -> &'static [&'static str] {
        match self {
            Self::Kernel => &["std", "panic_abort"],
            Self::Linux => &["std", "panic_unwind"],
        }
    }

    /// As it is chosen on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Linux => "linux",
        }
    }
}

/// Variables by which build scripts (crate `cc`) choose C tools for a program with Linux's std: C is compiled as a program of C is.
pub fn c_variables(driver: &Path) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("CC_aarch64_unknown_linux_musl", driver.display().to_string()),
        ("AR_aarch64_unknown_linux_musl", "aarch64-linux-gnu-ar".into()),
    ])
}

/// Takes away the programs that were linked before the archive `with` was made, of which cargo knows nothing: it links them anew.
///
/// # Errors
/// The archive is not there.
pub fn forget_older(target: &Path, profile: Profile, with: &Path) -> Result<()> {
    let made = fs::metadata(with).and_then(|about| about.modified()).with_context(|| format!("{} is not there", with.display()))?;
    let folder = if profile == Profile::Dev { "debug" } else { profile.name() };
    let place = target.join(LINUX_TARGET).join(folder).join("deps");
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_older = entry.metadata().is_ok_and(|about| about.is_file() && about.modified().is_ok_and(|linked| linked < made));
        if is_older && path.extension().is_none() {
            fs::remove_file(&path).with_context(|| format!("{} cannot be removed", path.display()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_older_than_the_archive_is_linked_anew_and_nothing_else() {
        let target = tempfile::tempdir().expect("a folder");
        let deps = target.path().join(LINUX_TARGET).join("release/deps");
        fs::create_dir_all(&deps).expect("it can be made");
        let archive = target.path().join("libskete.a");
        for path in [deps.join("old-1"), deps.join("libold-1.rlib"), archive.clone(), deps.join("new-1")] {
            fs::write(&path, "").expect("it can be written");
        }
        let at = |path: &Path, seconds| {
            let file = fs::File::options().append(true).open(path).expect("it is there");
            file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds)).expect("it has an age");
        };
        at(&deps.join("old-1"), 1);
        at(&deps.join("libold-1.rlib"), 1);
        at(&archive, 2);
        at(&deps.join("new-1"), 3);
        forget_older(target.path(), Profile::Release, &archive).expect("the archive is there");
        let left = ["old-1", "libold-1.rlib", "new-1"].map(|name| deps.join(name).exists());
        assert_eq!(left, [false, true, true]);
    }
}
