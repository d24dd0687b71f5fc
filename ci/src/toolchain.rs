//! The compiler that can build std for the target, its linker, and QEMU: what this machine has of them.
//!
//! Either Debian's packages or any rustup toolchain with `rust-src` will do; both need `RUSTC_BOOTSTRAP=1`, because
//! building std is an unstable feature of cargo. [`Toolchain::find`] looks, `packages.rs` installs what is missing.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::packages::Need;

/// A compiler with std's source.
#[derive(Clone, Debug)]
pub struct Compiler {
    /// The `rustc` to call.
    pub rustc: PathBuf,
    /// The `cargo` that belongs to it.
    pub cargo: PathBuf,
    /// Its release.
    pub version: Version,
    /// Where it came from, in words.
    pub origin: String,
    /// Its sysroot.
    pub sysroot: PathBuf,
}

/// A program that links, and the flavour rustc must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linker {
    /// Name or path of the program.
    pub program: PathBuf,
}

/// Everything a build needs.
#[derive(Clone, Debug)]
pub struct Toolchain {
    /// Compiler and cargo.
    pub compiler: Compiler,
    /// Linker.
    pub linker: Linker,
}

/// A release number, `major.minor`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1, so far.
    pub major: u32,
    /// What counts the releases.
    pub minor: u32,
}

/// The oldest compiler that takes edition 2024 and every crate of the kernel's (smoltcp asks the most).
pub const OLDEST: Version = Version { major: 1, minor: 91 };

impl Version {
    /// Reads the release out of a line such as `rustc 1.96.0 (ac68faa20 2026-05-25)`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = release(text)?.split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        Some(Self { major, minor })
    }
}

/// The release in what a tool says of its version: the first word outside of parentheses that begins with a digit.
pub fn release(told: &str) -> Option<&str> {
    let mut depth = 0_usize;
    told.split_whitespace().find(|word| {
        let is_inside = depth > 0;
        depth = (depth + word.matches('(').count()).saturating_sub(word.matches(')').count());
        !is_inside && word.starts_with(|letter: char| letter.is_ascii_digit())
    })
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.major, self.minor)
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { compiler, linker } = self;
        write!(out, "rustc {} ({}), {}", compiler.version, compiler.origin, linker.program.display())
    }
}

impl Toolchain {
    /// Looks for a compiler and a linker.
    ///
    /// # Errors
    /// What is missing.
    pub fn find() -> Result<Self, Vec<Need>> {
        let compiler = Compiler::find();
        let linker = Linker::find(compiler.as_ref().map(|found| found.sysroot.as_path()));
        match (compiler, linker) {
            (Some(compiler), Some(linker)) => Ok(Self { compiler, linker }),
            (compiler, linker) => {
                let mut needs = Vec::new();
                if compiler.is_none() {
                    needs.push(Need::Compiler);
                }
                if linker.is_none() {
                    needs.push(Need::Linker);
                }
                Err(needs)
            }
        }
    }
}

impl Compiler {
    /// The best compiler here that has std's source: Debian's, else rustup's newest.
    pub fn find() -> Option<Self> {
        let debian = Self::at(Path::new("/usr"), "Debian");
        debian.or_else(|| {
            let mut found: Vec<Self> = rustup_toolchains()
                .iter()
                .filter_map(|folder| {
                    let name = folder.file_name()?.to_string_lossy().into_owned();
                    Self::at(folder, &format!("rustup {name}"))
                })
                .collect();
            found.sort_by_key(|compiler| compiler.version);
            found.pop()
        })
    }

    /// The compiler below `sysroot`, if it is recent enough and has the source of std.
    fn at(sysroot: &Path, origin: &str) -> Option<Self> {
        let (rustc, cargo) = (sysroot.join("bin/rustc"), sysroot.join("bin/cargo"));
        let source = sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml");
        if !(source.exists() && cargo.exists()) {
            return None;
        }
        let version = Version::parse(&said_by(Command::new(&rustc).arg("--version"))?)?;
        let compiler = Self { rustc, cargo, version, origin: origin.into(), sysroot: sysroot.into() };
        (version >= OLDEST).then_some(compiler)
    }
}

impl Linker {
    /// LLVM's linker for ELF: `ld.lld`, a Debian package's newest `ld.lld-N`, or the `rust-lld` of the compiler.
    pub fn find(sysroot: Option<&Path>) -> Option<Self> {
        let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH").unwrap_or_default()).collect();
        let newest = newest_lld(&folders);
        let bundled = sysroot.and_then(|sysroot| {
            let mut hosts = sysroot.join("lib/rustlib").read_dir().ok()?;
            hosts.find_map(|host| Some(host.ok()?.path().join("bin/rust-lld")).filter(|path| path.exists()))
        });
        newest.or(bundled).map(|program| Self { program })
    }
}

/// The newest `ld.lld` or `ld.lld-N` in `folders`.
fn newest_lld(folders: &[PathBuf]) -> Option<PathBuf> {
    // The first folder's name wins among equals, and `max_by_key` takes the last.
    let names = folders.iter().rev().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
    names
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let age = match name.strip_prefix("ld.lld")? {
                "" => u32::MAX,
                suffix => suffix.strip_prefix('-')?.parse().ok()?,
            };
            Some((age, entry.path()))
        })
        .max_by_key(|(age, _)| *age)
        .map(|(_, path)| path)
}

/// The first program of this name on PATH.
pub fn on_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// QEMU for this architecture, and its version.
pub fn qemu() -> Option<(PathBuf, Version)> {
    let program = on_path("qemu-system-aarch64")?;
    let version = Version::parse(&said_by(Command::new(&program).arg("--version"))?)?;
    Some((program, version))
}

/// Where Debian's archiver for the target will be, once it is installed.
pub const DEBIANS_ARCHIVER: &str = "/usr/bin/aarch64-linux-gnu-ar";

/// The C compiler of Debian's for the target's machine.
pub const GCC: &str = "aarch64-linux-gnu-gcc";

/// The C compiler that makes objects of the target's machine, with its archiver.
pub fn c_tools() -> Option<(PathBuf, PathBuf)> {
    let cross = on_path(GCC).zip(on_path("aarch64-linux-gnu-ar"));
    cross.or_else(|| on_path("clang").zip(on_path("llvm-ar")))
}

fn rustup_toolchains() -> Vec<PathBuf> {
    let home = env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".rustup")));
    let folder = home.and_then(|home| home.join("toolchains").read_dir().ok());
    folder.into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// What a program prints when it succeeds.
fn said_by(command: &mut Command) -> Option<String> {
    let output = command.env_remove("LD_LIBRARY_PATH").output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_release_is_read_out_of_what_rustc_says() {
        let nightly = Version::parse("rustc 1.97.0-nightly (abcdef012 2026-05-01)");
        assert_eq!(nightly, Some(Version { major: 1, minor: 97 }));
        let qemu = Version::parse("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)");
        assert_eq!(qemu, Some(Version { major: 7, minor: 2 }));
        assert_eq!(Version::parse("no number here"), None);
    }

    #[test]
    fn a_release_is_no_revision_of_a_distribution() {
        assert_eq!(release("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)"), Some("7.2.22"));
        assert_eq!(release("aarch64-linux-gnu-gcc (Debian 12.2.0-14) 12.2.0"), Some("12.2.0"));
        assert_eq!(release("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"), Some("1.96.0"));
        assert_eq!(["measured on a board", ""].map(release), [None; 2]);
    }

    #[test]
    fn a_debian_too_old_for_edition_2024_is_not_taken() {
        assert!(Version { major: 1, minor: 63 } < OLDEST);
        assert!(Version { major: 2, minor: 0 } > OLDEST);
    }

    #[test]
    fn the_newest_numbered_linker_wins_and_the_plain_name_before_it() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let path = |name: &str| folder.path().join(name);
        for name in ["ld.lld-14", "ld.lld-19", "ld.lld-x", "ld"] {
            fs::write(path(name), "").expect("a file can be written there");
        }
        let folders = [folder.path().to_path_buf()];
        assert_eq!(newest_lld(&folders), Some(path("ld.lld-19")));
        fs::write(path("ld.lld"), "").expect("a file can be written there");
        assert_eq!(newest_lld(&folders), Some(path("ld.lld")));
    }
}
