//! The wrapper toolchain: a folder with a `cargo` and a `rustc` that are the found compiler with std building turned on.
//!
//! xtask builds with it, and so does plain `cargo` in a project outside this workspace, whose `rust-toolchain.toml` names the
//! folder: rustup then asks for no toolchain, no component, and no variable. Its `cargo-xtask` is this clone's tool, built
//! when it is out of date.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::cc::compiler::Kind;
use crate::cc::shim;
use crate::house;
use crate::packages::{self, Need};
use crate::toolchain::Compiler;

/// The wrapper folder of this clone, with `bin/cargo` and `bin/rustc`.
#[derive(Clone, Debug)]
pub struct Wrapper {
    /// What `rust-toolchain.toml` names.
    pub folder: PathBuf,
}

impl Wrapper {
    /// Writes the folder for `compiler`, touching only what differs: cargo rebuilds everything when its rustc looks new.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn make(compiler: &Compiler) -> Result<Self> {
        let folder = house::root().join(".toolchain");
        let bin = folder.join("bin");
        fs::create_dir_all(&bin).with_context(|| format!("{} cannot be made", bin.display()))?;
        write_script(&bin.join("rustc"), &rustc(compiler))?;
        write_script(&bin.join("cargo"), &cargo(compiler, &bin))?;
        write_script(&bin.join("cargo-xtask"), &tool(house::root()))?;
        write_script(&bin.join("no-c-compiler"), &no_c_compiler())?;
        shim::driver(Kind::Gcc)?;
        Ok(Self { folder })
    }

    /// Its cargo.
    pub fn cargo(&self) -> PathBuf {
        self.folder.join("bin/cargo")
    }

    /// The script that is this tool, for projects elsewhere.
    pub fn tool(&self) -> PathBuf {
        self.folder.join("bin/cargo-xtask")
    }
}

/// rustc itself; with two complaints dropped: that it has no name of its own for LLVM's `fix-cortex-a53-835769`, and that `outline-atomics`
/// may change what it means.
fn rustc(compiler: &Compiler) -> String {
    format!(
        "#!/bin/bash\n\
         # {compiler}, without its warnings of features that LLVM has the names for.\n\
         export RUSTC_BOOTSTRAP=1\n\
         case \" $* \" in *fix-cortex-a53-835769*) ;; *) exec '{rustc}' \"$@\" ;; esac\n\
         {{ '{rustc}' \"$@\" 2>&1 >&3 | grep --line-buffered -Ev 'warning.*target-feature.*(fix-cortex-a53-835769|outline-atomics)' >&2; exit \"${{PIPESTATUS[0]}}\"; }} 3>&1\n",
        compiler = compiler.origin,
        rustc = compiler.rustc.display(),
    )
}

fn cargo(compiler: &Compiler, bin: &Path) -> String {
    format!(
        "#!/bin/sh\n\
         # {origin}'s cargo, told to build std. PATH finds `cargo xtask` beside it.\n\
         unset LD_LIBRARY_PATH\n\
         export RUSTC='{bin}/rustc' RUSTC_BOOTSTRAP=1 PATH='{bin}':\"$PATH\"\n\
         exec '{cargo}' \"$@\"\n",
        origin = compiler.origin,
        bin = bin.display(),
        cargo = compiler.cargo.display(),
    )
}

fn tool(root: &Path) -> String {
    format!(
        "#!/bin/sh\n\
         # This clone's `cargo xtask`, for projects outside of it: built with the host's own toolchain, then run here.\n\
         # The wrapper's variables and folder must not reach that build, so PATH loses its first entry.\n\
         set -e\n\
         case \"$1\" in xtask) shift ;; esac\n\
         (\n\
         \x20   unset RUSTC RUSTC_BOOTSTRAP RUSTUP_TOOLCHAIN RUSTFLAGS CARGO CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR\n\
         \x20   PATH=$(printf %s \"$PATH\" | tr : '\\n' | grep -vxF '{root}/.toolchain/bin' | paste -sd:)\n\
         \x20   cd '{root}'\n\
         \x20   cargo build --quiet --profile tool --package xtask\n\
         )\n\
         exec '{root}/target/tool/xtask' \"$@\"\n",
        root = root.display(),
    )
}

/// Stands in for the C compiler that is not here, so that nobody calls the host's instead.
fn no_c_compiler() -> String {
    let need = Need::C;
    format!(
        "#!/bin/sh\n# Called by build scripts in place of a C compiler that this machine has not.\n\
         echo '{}: sudo {}' >&2\nexit 1\n",
        need.remedy(),
        packages::command(&[need])
    )
}

/// Writes a script, unless it is there already.
///
/// # Errors
/// It cannot be written.
pub fn write_script(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    let failed = || format!("{} cannot be written", path.display());
    // Written beside and renamed, for another build may be running the old one.
    let folder = path.parent().unwrap_or(path);
    let mut file = tempfile::NamedTempFile::new_in(folder).with_context(failed)?;
    file.write_all(text.as_bytes()).with_context(failed)?;
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o755)).with_context(failed)?;
    file.persist(path).with_context(failed)?;
    Ok(())
}
