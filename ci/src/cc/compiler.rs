//! Which compiler compiles C: gcc, or clang if variable `SKETE_CC` says so.
//!
//! clang brings itself and its headers; `libgcc` is gcc's, whose package stays wanted.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::sysroot;
use crate::packages::{self, Need};
use crate::toolchain::{self, GCC};

/// The variable that chooses: `gcc` or `clang`.
pub const CHOICE: &str = "SKETE_CC";

/// As clang is called, and by the versions that Debian has.
const CLANG: [&str; 9] = ["clang", "clang-21", "clang-20", "clang-19", "clang-18", "clang-17", "clang-16", "clang-15", "clang-14"];

/// Code generation: frame pointers, which backtraces follow; no calls for atomics; the errata of the Cortex-A53; no tables for an unwinder
/// that is not there; sections of their own, so that what nobody calls goes.
const CODE: [&str; 9] = [
    "-fPIE",
    "-mno-outline-atomics",
    "-mfix-cortex-a53-835769",
    "-fno-omit-frame-pointer",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-ffunction-sections",
    "-fdata-sections",
    "-D__skete__=1",
];
/// Of the other erratum it is the linker that is told, which we do; gcc knows the word, and hands it on.
const GCC_CODE: [&str; 1] = ["-mfix-cortex-a53-843419"];
/// For which machine; and what an object does not need that is only linked is no fault.
const CLANG_CODE: [&str; 2] = ["--target=aarch64-linux-musl", "-Wno-unused-command-line-argument"];

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Debian's cross compiler.
    Gcc,
    /// LLVM's.
    Clang,
}

impl Kind {
    /// What the user has chosen.
    ///
    /// # Errors
    /// It is neither.
    pub fn chosen() -> Result<Self> {
        Self::named(env::var_os(CHOICE))
    }

    fn named(name: Option<OsString>) -> Result<Self> {
        match name.as_deref().map(|name| name.to_string_lossy()).as_deref() {
            None | Some("" | "gcc") => Ok(Self::Gcc),
            Some("clang") => Ok(Self::Clang),
            Some(other) => bail!("{CHOICE} is `{other}`: it may be `gcc` or `clang`"),
        }
    }

    /// The name of the driver that calls this tool with it.
    pub const fn driver(self) -> &'static str {
        match self {
            Self::Gcc => "skete-cc",
            Self::Clang => "skete-clang",
        }
    }
}

/// A compiler that is here.
#[derive(Clone, Debug)]
pub struct Compiler {
    kind: Kind,
    program: PathBuf,
    /// Its own headers (`stdarg.h` …).
    headers: PathBuf,
    /// Where gcc's own libraries are.
    libraries: PathBuf,
}

impl Compiler {
    /// Finds one of this kind, or installs it unless `offline`.
    ///
    /// # Errors
    /// It is not here, with the command that brings it.
    pub fn find(kind: Kind, offline: bool) -> Result<Self> {
        let gcc = gcc(offline)?;
        let libgcc = said(&gcc, "-print-libgcc-file-name")?;
        let libraries = libgcc.parent().context("libgcc is in no folder")?.into();
        if kind == Kind::Gcc {
            return Ok(Self { kind, headers: said(&gcc, "-print-file-name=include")?, program: gcc, libraries });
        }
        packages::provide_if(Need::Clang, offline, || clang().is_some())?;
        let program = clang().context("clang is not here")?;
        Ok(Self { kind, headers: said(&program, "-print-resource-dir")?.join("include"), program, libraries })
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its own headers.
    pub fn headers(&self) -> &Path {
        &self.headers
    }

    /// The folder of what it compiles of our programs, in the one for all that is built.
    pub const fn folder(&self) -> &'static str {
        match self.kind {
            Kind::Gcc => "c",
            Kind::Clang => "c-clang",
        }
    }

    /// What it is always told.
    pub fn code(&self) -> impl Iterator<Item = &'static str> {
        CODE.into_iter().chain(
            match self.kind {
                Kind::Gcc => GCC_CODE.as_slice(),
                Kind::Clang => CLANG_CODE.as_slice(),
            }
            .iter()
            .copied(),
        )
    }

    /// Where the linker looks for `libgcc`, which clang is told.
    pub fn libraries(&self) -> Option<&Path> {
        (self.kind == Kind::Clang).then_some(&self.libraries)
    }
}

/// gcc, with Linux's headers: found, else installed unless `offline`.
///
/// # Errors
/// The command that brings it.
fn gcc(offline: bool) -> Result<PathBuf> {
    packages::provide_if(Need::C, offline, || toolchain::on_path(GCC).is_some() && sysroot::has_kernel_headers())?;
    toolchain::on_path(GCC).with_context(|| format!("{GCC} is not here"))
}

fn clang() -> Option<PathBuf> {
    CLANG.into_iter().find_map(toolchain::on_path)
}

/// The path that a compiler tells when it is asked.
fn said(compiler: &Path, question: &str) -> Result<PathBuf> {
    let output = Command::new(compiler).arg(question).output().with_context(|| format!("{} does not start", compiler.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_is_gcc_or_clang() {
        let named = |name: &str| Kind::named(Some(name.into()));
        assert_eq!(Kind::named(None).ok(), Some(Kind::Gcc));
        assert_eq!((named("gcc").ok(), named("clang").ok()), (Some(Kind::Gcc), Some(Kind::Clang)));
        let refusal = named("tcc").expect_err("it is none").to_string();
        assert!(refusal.contains("SKETE_CC is `tcc`"), "{refusal}");
    }
}
