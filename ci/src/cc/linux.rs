//! The same C source for Linux: compiled by the same compiler, linked statically with glibc or with musl.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::Tools;
use super::compiler::Kind;
use crate::flags;
use crate::house;

/// Which C library of Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Libc {
    /// Debian's own.
    Glibc,
    /// That of which our C programs have what is pure.
    Musl,
}

impl fmt::Display for Libc {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Glibc => "glibc",
            Self::Musl => "musl",
        })
    }
}

/// As programs for the board are compiled, and with all the frills that the library wants.
const CODE: [&str; 6] = ["-std=gnu17", "-O2", "-mcpu=cortex-a53", "-mno-outline-atomics", "-static", "-pthread"];

/// Compiles `files` and links them; the program, which is called `name` and built each time.
///
/// # Errors
/// Something is missing, or the build failed (the compiler has said why).
pub fn program(files: &[PathBuf], libc: Libc, name: &str, offline: bool) -> Result<PathBuf> {
    let tools = Tools::with(Kind::Gcc, offline)?;
    let place = house::target_dir().join("linux").join(libc.to_string());
    fs::create_dir_all(&place).with_context(|| format!("{} cannot be made", place.display()))?;
    let output = place.join(name);
    let mut command = Command::new(tools.compiler.program());
    command.args(CODE).arg("-o").arg(&output).args(words(&tools, libc, files));
    let status = command.status().with_context(|| format!("{} does not start", tools.compiler.program().display()))?;
    ensure!(status.success(), "the build for Linux failed; the compiler's own words stand above");
    Ok(output)
}

/// What rustc tells the linker for a static program of Linux's: musl's start and library, as for a program in C, in place of the compiler's own.
///
/// # Errors
/// Something is missing.
pub fn rustc_words(offline: bool) -> Result<Vec<String>> {
    let tools = Tools::with(Kind::Gcc, offline)?;
    let part = |name: &str| tools.sysroot.libraries().join(name).display().to_string();
    let mut words: Vec<String> = [
        &format!("linker={}", tools.compiler.program().display()),
        "linker-flavor=gcc",
        "link-self-contained=no",
        "relocation-model=static",
        "target-feature=+crt-static,-outline-atomics",
    ]
    .map(String::from)
    .into();
    // What rustc calls the unwinder is gcc's, told in a linker script.
    let own = house::target_dir().join("linux/unwinder");
    fs::create_dir_all(&own).and_then(|()| fs::write(own.join("libunwind.a"), "INPUT(-lgcc_eh)\n")).context("the unwinder's name")?;
    let folders = [own.as_path(), tools.sysroot.libraries()].map(|folder| format!("-L{}", folder.display()));
    let link = ["-nostdlib", "-static", "-no-pie"].map(String::from).into_iter().chain(folders);
    let parts = [part("crt1.o"), part("crti.o"), "-Wl,--start-group".into(), part("libc.a"), "-lgcc".into(), "-Wl,--end-group".into()];
    words.extend(link.chain(parts).chain([part("crtn.o")]).map(|word| format!("link-arg={word}")));
    words.extend(flags::CODE.map(String::from));
    Ok(words.into_iter().flat_map(|word| ["-C".into(), word]).collect())
}

/// Headers, files and libraries. Ours are looked into last: what Linux has is Linux's.
fn words(tools: &Tools, libc: Libc, files: &[PathBuf]) -> Vec<OsString> {
    let ours = house::root().join("libc-shim/include");
    let mut words: Vec<OsString> = vec!["-idirafter".into(), ours.into()];
    let files = files.iter().map(OsString::from);
    match libc {
        Libc::Glibc => words.extend(files),
        Libc::Musl => {
            let part = |name: &str| OsString::from(tools.sysroot.libraries().join(name));
            words.push("-nostdinc".into());
            for folder in tools.sysroot.headers().into_iter().skip(1) {
                words.extend(["-isystem".into(), folder.into()]);
            }
            words.extend(["-nostdlib".into(), "-no-pie".into(), part("crt1.o"), part("crti.o")]);
            words.extend(files);
            words.extend(["-Wl,--start-group".into(), part("libc.a"), "-lgcc".into(), "-Wl,--end-group".into(), part("crtn.o")]);
        }
    }
    words
}
