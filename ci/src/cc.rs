//! `cargo xtask cc`: a C compiler for programs of this kernel, as `musl-gcc` is one for musl's.
//!
//! A stock [`compiler`] does the work. Here it gets its headers and flags ([`line`] tells what it is asked for), and at the link the
//! kernel and the C face ([`shim`]) in front of musl's `libc.a` ([`sysroot`]); what of that must not be in a program is found by
//! [`remainder`]. A folder's program may be others', as a [`recipe`] says.

pub mod compiler;
mod line;
pub mod linux;
pub mod recipe;
mod remainder;
pub mod shim;
mod sysroot;

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::house;
use crate::packages;
use crate::program::Profile;
use crate::toolchain::Linker;
use crate::wrapper;
use compiler::{Compiler, Kind};
use line::{Line, Wish};
use recipe::Recipe;
use sysroot::Sysroot;

/// Compiles C for this kernel, with the words of gcc: `cc -o app app.c -O2 -lpthread`; `cc --path` tells where the compiler is, for
/// Makefiles: `make CC="$(cargo xtask cc --path)"`. With SKETE_CC=clang in the environment clang does it.
#[derive(Clone, Debug, Args)]
#[command(disable_help_flag = true, disable_version_flag = true)]
pub struct Task {
    /// What gcc takes, or `--path` alone.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "WORDS")]
    words: Vec<OsString>,
}

/// Set for crates that compile C: the build that they are part of may install and fetch nothing.
pub const OFFLINE: &str = "SKETE_OFFLINE";
/// The variable by which this tool tells its own compiler which archive to link.
pub const ARCHIVE: &str = "SKETE_ARCHIVE";

/// What the linker is told beyond what every program's is (`flags.rs`).
const LINK: [&str; 7] =
    ["-static-pie", "-nostdlib", "-nostartfiles", "-fuse-ld=lld", "-Wl,-znow", "-Wl,--no-undefined-version", "-Wl,--wrap=sysconf"];

impl Task {
    /// Does it; the exit status is the compiler's.
    ///
    /// # Errors
    /// Something is missing, what is asked for cannot be, or the link is refused.
    pub fn carry_out(self) -> Result<u8> {
        let offline = std::env::var_os(OFFLINE).is_some();
        if self.words == ["--path"] {
            println!("{}", driver(offline)?.display());
            return Ok(0);
        }
        let tools = Tools::find(offline)?;
        let line = Line::parse(&self.words);
        match line.wish {
            Wish::Library => {
                bail!("-shared: there are no shared libraries here, a program and its kernel are one file; leave it out, or use -r")
            }
            Wish::OtherLanguage => {
                bail!(
                    "C++ is not supported: its libraries (libstdc++, libc++) are built for glibc, with its locales, and the C library here is musl's"
                )
            }
            Wish::Link => tools.link(&line),
            Wish::Compile | Wish::Other => {
                // Where `libc.a` is (`-print-file-name`): musl's.
                let libraries = (line.wish == Wish::Other).then(|| ["-B".into(), tools.sysroot.libraries().as_os_str().to_owned()]);
                let error = tools.compiler(&line).args(libraries.into_iter().flatten()).exec();
                Err(error).with_context(|| format!("{} does not start", tools.compiler.program().display()))
            }
        }
    }
}

/// The compiler as a program of its own, with all that it needs.
///
/// # Errors
/// Something is missing, or cannot be built.
pub fn driver(offline: bool) -> Result<PathBuf> {
    let tools = Tools::find(offline)?;
    shim::build(tools.sysroot.libraries(), offline)?;
    shim::driver(Kind::chosen()?)
}

/// The archive that [`driver`] has built: kernel and C face.
pub fn archive() -> PathBuf {
    shim::path()
}

/// Compiles and links the C files of a folder, and with them those that its recipe names.
///
/// # Errors
/// Something is missing, or the build failed (the compiler has said why).
pub fn program(folder: &Path, profile: Profile, offline: bool) -> Result<PathBuf> {
    let tools = Tools::find(offline)?;
    let name = folder.file_name().context("a folder of C has a name")?;
    let place = house::target_dir().join(tools.compiler.folder()).join(profile.name());
    fs::create_dir_all(&place).with_context(|| format!("{} cannot be made", place.display()))?;
    let output = place.join(name);
    let level = if profile == Profile::Dev { "-O1" } else { "-O2" };
    let mut words: Vec<OsString> = ["-std=gnu17", "-Wall", "-Wextra", "-g", level, "-o"].map(OsString::from).into();
    words.push(output.clone().into());
    words.extend(files(folder)?.into_iter().map(OsString::from));
    if let Some(recipe) = Recipe::find(folder, offline)? {
        words.extend(recipe.includes());
        words.extend(recipe.objects(&tools, level, &output.with_extension("parts"))?.into_iter().map(OsString::from));
    }
    match tools.link(&Line::parse(&words))? {
        0 => Ok(output),
        _ => bail!("the build failed; the compiler's own words stand above"),
    }
}

/// Every file of C in a folder, in the order of their names.
///
/// # Errors
/// It cannot be read.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "c"));
    files.sort();
    Ok(files)
}

/// What compiles and links.
pub struct Tools {
    compiler: Compiler,
    sysroot: Sysroot,
    offline: bool,
}

impl Tools {
    /// Finds them, or installs them unless `offline`: the compiler is the one that the user has chosen.
    fn find(offline: bool) -> Result<Self> {
        Self::with(Kind::chosen()?, offline)
    }

    /// [`find`](Self::find) with this compiler.
    fn with(kind: Kind, offline: bool) -> Result<Self> {
        let compiler = Compiler::find(kind, offline)?;
        Ok(Self { sysroot: Sysroot::find(compiler.headers(), offline)?, compiler, offline })
    }

    /// The compiler, with everything that it is always given and the words of the line.
    fn compiler(&self, line: &Line) -> Command {
        let mut command = Command::new(self.compiler.program());
        command.args(self.compiler.code()).arg("-nostdinc");
        for folder in self.sysroot.headers() {
            command.arg("-isystem").arg(folder);
        }
        command.args(&line.words);
        command
    }

    /// Compiles what is to be compiled and links; refuses what must not be in a program.
    fn link(&self, line: &Line) -> Result<u8> {
        // Under a cargo of ours it was built just now, and to build it anew would be to wait for that cargo.
        let archive = env::var_os(ARCHIVE).map_or_else(|| shim::build(self.sysroot.libraries(), self.offline), |path| Ok(path.into()))?;
        let scratch = tempfile::tempdir().context("no temporary folder can be made")?;
        let extracted = scratch.path().join("extracted");
        let mut command = self.compiler(line);
        command.args(LINK).arg("-B").arg(linker_folder(&packages::linker(self.offline)?)?);
        command.args(crate::flags::LINK_ARGS.map(|word| format!("-Wl,{word}")));
        command.arg(format!("-Wl,--why-extract={}", extracted.display()));
        command.arg("-L").arg(self.sysroot.libraries());
        if let Some(folder) = self.compiler.libraries() {
            command.arg("-L").arg(folder);
        }
        // The line may have said what language its files are in (`-x c -`): ours are what their names say.
        command.args(["-x", "none"]);
        command.arg(&archive).arg(self.sysroot.libraries().join("libc.a")).arg("-lgcc");
        let status = command.status().with_context(|| format!("{} does not start", self.compiler.program().display()))?;
        if !status.success() {
            return Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1));
        }
        if let Err(refusal) = remainder::check(&extracted, &archive, &self.sysroot.libraries().join("libc.a")) {
            let _ = fs::remove_file(line.output());
            return Err(refusal);
        }
        Ok(0)
    }
}

/// A folder in which gcc finds our linker under the name that it looks for. Of two errata gcc tells the linker too; this one knows one, and
/// needs no more: the compiler has dealt with the other.
fn linker_folder(linker: &Linker) -> Result<PathBuf> {
    let folder = house::root().join(".toolchain/c/bin");
    fs::create_dir_all(&folder).context("no folder for the linker")?;
    let text = format!(
        "#!/bin/sh\n# The linker, without the flag of gcc's that it does not know.\n\
         for word do shift; [ \"$word\" = --fix-cortex-a53-835769 ] || set -- \"$@\" \"$word\"; done\n\
         exec {} \"$@\"\n",
        house::quoted(&linker.program)
    );
    wrapper::write_script(&folder.join("ld.lld"), &text)?;
    Ok(folder)
}
