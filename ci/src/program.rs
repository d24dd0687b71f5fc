//! A program, built: cargo called with the target's flags, its answers read, the linked ELF found.

mod kind;

use std::collections::BTreeMap;
use std::env;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{Message, Target, TargetKind};

use crate::cc;
use crate::flags::{self, LINUX_TARGET, LOADER_TARGET};
use crate::house;
use crate::packages;
use crate::project::{self, Project};
use crate::toolchain::{self, Toolchain};
use crate::wrapper::Wrapper;
pub use kind::Std;

/// How much the compiler is to optimise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Profile {
    /// Checked arithmetic and assertions.
    Dev,
    /// Link-time optimisation; what is measured and shipped.
    Release,
}

impl Profile {
    /// As cargo spells it in `--profile`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}

/// What builds for the target: compiler, linker, and the wrapper round them.
#[derive(Debug)]
pub struct Builder {
    toolchain: Toolchain,
    wrapper: Wrapper,
    offline: bool,
    /// The loader, once it is built.
    loader: Mutex<Option<PathBuf>>,
}

impl Builder {
    /// Finds the toolchain, or installs it, and says on standard error what it is.
    ///
    /// # Errors
    /// Something is missing; the message has the remedy.
    pub fn new(offline: bool) -> Result<Self> {
        let toolchain = packages::toolchain(offline)?;
        eprintln!("xtask: {toolchain}");
        let wrapper = Wrapper::make(&toolchain.compiler)?;
        Ok(Self { toolchain, wrapper, offline, loader: Mutex::new(None) })
    }

    /// The compiler.
    pub fn rustc(&self) -> &Path {
        &self.toolchain.compiler.rustc
    }

    /// Builds a package with this std or a folder of C, or takes the ELF as it is.
    ///
    /// # Errors
    /// The build failed (cargo has said why), or made no program.
    pub fn program(&self, project: &Project, std: Std, profile: Profile, features: &[String]) -> Result<PathBuf> {
        let (folder, name) = match project {
            Project::Elf(path) => return Ok(path.clone()),
            Project::C(folder) => return cc::program(folder, profile, self.offline),
            Project::Package { folder, name } => (folder, name),
        };
        let target = if name.is_some() { house::target_dir() } else { folder.join("target/skete") };
        let mut cargo = self.program_cargo(folder, &target, std, profile, &[])?;
        if let Some(name) = name {
            // A package may be called otherwise than its folder.
            cargo.arg("--manifest-path").arg(project::folder(name).join("Cargo.toml"));
        }
        cargo.args(features.iter().flat_map(|feature| ["--features", feature]));
        let programs = artefacts(&mut cargo, |target| target.is_kind(TargetKind::Bin))?;
        one(programs)
    }

    /// Builds packages of this workspace side by side, as far as they can be built: each is then asked for by [`Self::program`], which finds
    /// it done, or says what is wrong. Worth it because the optimisation of a whole program takes one core.
    ///
    /// # Errors
    /// Cargo does not start.
    pub fn ahead(&self, names: &[&str], std: Std, profile: Profile) -> Result<()> {
        let mut cargo = self.program_cargo(house::root(), &house::target_dir(), std, profile, &[])?;
        cargo.args(names.iter().flat_map(|name| ["--package".into(), of_the_house(name)])).arg("--keep-going");
        // What cannot be built is told by whoever asks for it.
        let _ = artefacts(&mut cargo, |_| false);
        Ok(())
    }

    /// Builds a package of this workspace for Linux itself: without the kernel, with musl, and as a panic is the end with ours too.
    ///
    /// # Errors
    /// Something is missing, or the build failed (cargo has said why).
    pub fn for_linux(&self, name: &str) -> Result<PathBuf> {
        let mut cargo = self.cargo(house::root(), "build");
        cargo.args(["-Zbuild-std=std,panic_abort", "-Zbuild-std-features=", "--target", LINUX_TARGET, "--profile", "release"]);
        cargo.arg("--target-dir").arg(house::root().join("target/linux/rust"));
        cargo.arg("--manifest-path").arg(project::folder(name).join("Cargo.toml"));
        cargo.env("CARGO_ENCODED_RUSTFLAGS", cc::linux::rustc_words(self.offline)?.join("\x1f"));
        one(artefacts(&mut cargo, |target| target.is_kind(TargetKind::Bin))?)
    }

    /// Builds the integration tests of the package in `folder` with libtest, which with the kernel's std runs them where a panic is the
    /// end. It shares the programs' target folder, and with it their std.
    ///
    /// # Errors
    /// The build failed (cargo has said why).
    pub fn tests(&self, folder: &Path, std: Std, profile: Profile) -> Result<Vec<PathBuf>> {
        let mut cargo = self.program_cargo(folder, &house::target_dir(), std, profile, &["test"])?;
        cargo.arg("--tests").args((std == Std::Kernel).then_some("-Zpanic-abort-tests"));
        artefacts(&mut cargo, |target| target.is_kind(TargetKind::Test))
    }

    /// Builds kernel, C face and start as one archive, for C programs.
    ///
    /// # Errors
    /// The build failed (cargo has said why).
    pub fn archive(&self) -> Result<PathBuf> {
        let mut cargo = self.program_cargo(house::root(), &house::target_dir(), Std::Kernel, Profile::Release, &[])?;
        cargo.args(["--package", "skete-archive"]);
        one(artefacts(&mut cargo, |target| target.is_kind(TargetKind::StaticLib))?)
    }

    /// cargo's `build` in `folder` for programs with this std, whose crates and `more` of them are built along.
    fn program_cargo(&self, folder: &Path, into: &Path, std: Std, profile: Profile, more: &[&str]) -> Result<Command> {
        let mut cargo = self.cargo(folder, "build");
        let crates = [std.crates(), more].concat().join(",");
        cargo.arg(format!("-Zbuild-std={crates}")).args(["--target", std.target(), "--profile", profile.name()]);
        cargo.arg("--target-dir").arg(into);
        let mut words = match std {
            Std::Kernel => {
                cargo.arg("-Zbuild-std-features=compiler-builtins-mem");
                for package in flags::SMALL {
                    cargo.args(["--config", &format!("profile.release.package.{package}.opt-level='s'")]);
                }
                flags::program(&self.toolchain.linker)
            }
            Std::Linux => {
                if folder.starts_with(house::root()) {
                    cargo.args(kind::UNWINDING);
                }
                let driver = cc::driver(self.offline)?;
                for (name, value) in kind::c_variables(&driver) {
                    cargo.env(name, value);
                }
                cargo.env(cc::ARCHIVE, cc::archive());
                kind::forget_older(into, profile, &cc::archive())?;
                flags::linux(&driver)
            }
        };
        words.extend(self.users_flags(folder, std, &words));
        cargo.env("CARGO_ENCODED_RUSTFLAGS", words.join("\x1f"));
        Ok(cargo)
    }

    /// Builds the loader, the first time that it is asked for.
    ///
    /// # Errors
    /// The build failed.
    pub fn loader(&self) -> Result<PathBuf> {
        let mut known = self.loader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(path) = &*known {
            return Ok(path.clone());
        }
        let path = self.build_loader()?;
        Ok(known.insert(path).clone())
    }

    fn build_loader(&self) -> Result<PathBuf> {
        let mut cargo = self.cargo(house::root(), "build");
        cargo.arg("-Zbuild-std=core");
        cargo.args(["--target", LOADER_TARGET, "--profile", "loader"]);
        cargo.args(["--package", "skete-loader", "--bin", "skete-loader"]);
        cargo.arg("--target-dir").arg(house::target_dir());
        cargo.env("CARGO_ENCODED_RUSTFLAGS", flags::loader(&self.toolchain.linker).join("\x1f"));
        let programs = artefacts(&mut cargo, |target| target.is_kind(TargetKind::Bin))?;
        one(programs)
    }

    /// Lints packages that are compiled for `target` only, every warning an error; with clippy if this compiler has it.
    ///
    /// # Errors
    /// Cargo does not start.
    pub fn lint(&self, target: &str, packages: &[&str]) -> Result<bool> {
        let has_clippy = self.toolchain.compiler.sysroot.join("bin/cargo-clippy").exists();
        let mut cargo = self.cargo(house::root(), if has_clippy { "clippy" } else { "check" });
        let std = [Std::Kernel, Std::Linux].into_iter().find(|std| std.target() == target);
        cargo.args(if std == Some(Std::Linux) { &kind::UNWINDING[..] } else { &[] });
        let std = std.map_or(&["core"][..], Std::crates).join(",");
        cargo.arg(format!("-Zbuild-std={std}")).args(["-Zbuild-std-features=compiler-builtins-mem", "--target", target]);
        cargo.args(packages.iter().flat_map(|package| ["--package".into(), of_the_house(package)]));
        cargo.arg("--target-dir").arg(house::root().join("target/lint"));
        // Of our own crates only; cargo caps what others' crates are told.
        cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Dwarnings");
        Ok(artefacts(&mut cargo, |_| false).is_ok())
    }

    /// Variables by which build scripts choose C tools.
    pub fn c_variables(&self) -> BTreeMap<&'static str, String> {
        c_variables(&self.wrapper.folder, self.offline)
    }

    /// The compiler and linker in use.
    pub const fn toolchain(&self) -> &Toolchain {
        &self.toolchain
    }

    /// The wrapper round the compiler.
    pub const fn wrapper(&self) -> &Wrapper {
        &self.wrapper
    }

    /// cargo's `task` in `folder`, without what the outer cargo left in the environment.
    fn cargo(&self, folder: &Path, task: &str) -> Command {
        let mut cargo = self.bare_cargo(folder);
        cargo.arg(task);
        // What future releases will say of std's own source is not the user's to mend.
        cargo.args(["--config", "future-incompat-report.frequency='never'"]);
        cargo.arg(format!("--message-format={}", message_format()));
        if self.offline {
            cargo.arg("--offline").env(cc::OFFLINE, "1");
        }
        // Lines and functions for backtraces: they stay in the linked file and never reach the image.
        // Whoever wants a debugger to know variables too says so by the same variables.
        for variable in ["CARGO_PROFILE_RELEASE_DEBUG", "CARGO_PROFILE_DEV_DEBUG"] {
            if env::var_os(variable).is_none() {
                cargo.env(variable, "line-tables-only");
            }
        }
        for (name, value) in self.c_variables() {
            cargo.env(name, value);
        }
        cargo
    }

    fn bare_cargo(&self, folder: &Path) -> Command {
        let mut cargo = Command::new(self.wrapper.cargo());
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            let is_outer = name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_BIN_");
            if is_outer || ["CARGO", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH", "RUSTUP_TOOLCHAIN", "RUSTFLAGS"].contains(&name.as_str())
            {
                cargo.env_remove(name);
            }
        }
        cargo.current_dir(folder).stdin(Stdio::null());
        cargo
    }

    /// The user's own flags: from the environment, else from the configuration files that cargo finds in `folder`.
    fn users_flags(&self, folder: &Path, std: Std, ours: &[String]) -> Vec<String> {
        if let Ok(encoded) = env::var("CARGO_ENCODED_RUSTFLAGS") {
            return encoded.split('\x1f').filter(|word| !word.is_empty()).map(String::from).collect();
        }
        if let Ok(plain) = env::var("RUSTFLAGS") {
            return plain.split_whitespace().map(String::from).collect();
        }
        let key = format!("target.{}.rustflags", std.target());
        let mut query = self.bare_cargo(folder);
        query.args(["-Zunstable-options", "config", "get", "--format", "json-value", &key]).stderr(Stdio::null());
        let said = query.output().map(|output| output.stdout).unwrap_or_default();
        let found: Vec<String> = serde_json::from_slice(&said).unwrap_or_default();
        // The template's configuration holds our flags already, for plain `cargo build`.
        found.strip_prefix(ours).map_or_else(|| found.clone(), <[String]>::to_vec)
    }
}

/// Variables by which build scripts (crate `cc`) choose C tools: without them they would make objects of the host's machine. The
/// distribution's cross compiler is called as for C programs, with musl's headers, and installed when it is first called, unless `offline`;
/// another compiles freestanding C.
fn c_variables(wrapper: &Path, offline: bool) -> BTreeMap<&'static str, String> {
    let flags = "-fPIC -fno-omit-frame-pointer";
    let (compiler, archiver, flags) = match toolchain::c_tools() {
        Some((compiler, archiver)) if compiler.ends_with("clang") => {
            let flags =
                "--target=aarch64-none-elf -ffreestanding -fPIC -mno-outline-atomics -mfix-cortex-a53-835769 -fno-omit-frame-pointer";
            (compiler, archiver, flags)
        }
        // With musl's headers and all other flags.
        Some((_, archiver)) => (wrapper.join("bin/skete-cc"), archiver, flags),
        None if packages::why_not(offline).is_none() => (wrapper.join("bin/skete-cc"), toolchain::DEBIANS_ARCHIVER.into(), flags),
        None => (wrapper.join("bin/no-c-compiler"), wrapper.join("bin/no-c-compiler"), flags),
    };
    BTreeMap::from([
        ("CC_aarch64_unknown_hermit", compiler.display().to_string()),
        ("AR_aarch64_unknown_hermit", archiver.display().to_string()),
        ("CFLAGS_aarch64_unknown_hermit", flags.into()),
    ])
}

fn message_format() -> &'static str {
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) { "json-diagnostic-rendered-ansi" } else { "json" }
}

/// A package of this workspace for cargo, with the house's version: a crate of others' may have the name of a program.
fn of_the_house(package: &str) -> String {
    format!("{package}@{}", env!("CARGO_PKG_VERSION"))
}

/// Runs cargo, shows what it says, and returns the linked files of the targets that `wanted` takes.
fn artefacts(cargo: &mut Command, wanted: impl Fn(&Target) -> bool) -> Result<Vec<PathBuf>> {
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cargo does not start")?;
    let output = child.stdout.take().context("cargo has no output")?;
    let mut found = Vec::new();
    let mut foreign = None;
    for message in Message::parse_stream(BufReader::new(output)) {
        match message.context("cargo's output breaks off")? {
            Message::CompilerMessage(message) => {
                let text = message.message.rendered.unwrap_or_default();
                eprint!("{text}");
                foreign = foreign.or_else(|| foreign_object(&text));
            }
            Message::CompilerArtifact(artifact) if wanted(&artifact.target) => {
                let archive = artifact.filenames.into_iter().find(|name| name.extension() == Some("a"));
                found.extend(artifact.executable.or(archive).map(PathBuf::from));
            }
            _ => {}
        }
    }
    let status = child.wait().context("cargo is lost")?;
    if let Some(object) = foreign {
        bail!(
            "crate `{object}` brings objects of another machine into the program: its build script called a compiler of the host. \
             It must respect CC_aarch64_unknown_hermit (crate `cc` does)"
        );
    }
    if !status.success() {
        bail!("the build failed; cargo's own words stand above");
    }
    Ok(found)
}

/// The crate whose object the linker refuses: out of `…/libNAME-HASH.rlib(x.o) is incompatible with …`.
fn foreign_object(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains("is incompatible with"))?;
    let path = line.split(" is incompatible with").next()?.rsplit(": ").next()?.trim();
    let file = path.split('(').next()?.rsplit('/').next()?;
    let stem = file.strip_prefix("lib").unwrap_or(file);
    let stem = stem.split_once(".rlib").or_else(|| stem.split_once(".a")).map_or(stem, |(stem, _)| stem);
    let name = stem.rsplit_once('-').map_or(stem, |(name, _)| name);
    Some(name.into())
}

fn one(mut programs: Vec<PathBuf>) -> Result<PathBuf> {
    match programs.pop() {
        Some(program) if programs.is_empty() => Ok(program),
        Some(_) => bail!("the package makes several programs; keep one, or name the ELF"),
        None => bail!("the package makes no program: it has no `src/main.rs`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_another_machine_is_blamed_on_its_crate() {
        let said = "ld.lld-19: error: /x/target/deps/libring-0123abcd.rlib(aes.o) is incompatible with aarch64linux";
        assert_eq!(foreign_object(said).as_deref(), Some("ring"));
        assert_eq!(
            foreign_object("  = note: ld.lld: error: /x/out/libsqlite3.a(sqlite3.o) is incompatible with /x/a.o").as_deref(),
            Some("sqlite3")
        );
        assert_eq!(foreign_object("error: undefined symbol"), None);
    }

    #[test]
    fn c_tools_are_named_for_the_target_and_nothing_else() {
        let variables = c_variables(Path::new("/wrapper"), true);
        assert!(variables.keys().all(|name| name.ends_with("aarch64_unknown_hermit")));
        assert!(!variables["CC_aarch64_unknown_hermit"].ends_with("/cc"));
    }
}
