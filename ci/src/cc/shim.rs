//! `libskete.a`: kernel, C face and start, built for C programs, and the script that is their compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};

use crate::house;
use crate::program::Builder;
use crate::wrapper;

/// What the archive is made of: it is as old as the newest of it.
const SOURCES: [&str; 6] = ["kernel", "libc-shim", "Cargo.toml", "Cargo.lock", "ci/src/flags.rs", "ci/src/cc/shim.rs"];

/// Names that begin so are the kernel's own, and no program can call them: but for those of `<skete/sem.h>` and `<futaphore.h>`.
const FOR_C: [&str; 2] = ["skete_sem", "skete_fut"];
/// See there.
const OUR_OWN: [&str; 8] = ["sys_", "skete_", "_R", "_ZN", "__rust", "rust_", "runtime_entry", "__rg"];

/// The compiler as Makefiles name it.
///
/// # Errors
/// It cannot be written.
pub fn driver() -> Result<PathBuf> {
    let path = house::root().join(".toolchain/bin/skete-cc");
    let tool = std::env::current_exe().context("this tool cannot be found")?;
    let text = format!("#!/bin/sh\n# `cargo xtask cc`, for Makefiles.\nexec {} cc \"$@\"\n", house::quoted(&tool));
    fs::create_dir_all(path.parent().unwrap_or(&path)).context("no folder for the compiler")?;
    wrapper::write_script(&path, &text)?;
    Ok(path)
}

/// The archive, built anew if anything that it is made of has changed.
///
/// # Errors
/// It cannot be built.
pub fn build() -> Result<PathBuf> {
    let path = house::target_dir().join("libskete.a");
    if is_fresh(&path) {
        return Ok(path);
    }
    let started = SystemTime::now();
    let built = Builder::new(false)?.archive()?;
    finish(&built, &path)?;
    // As old as what it was made of: what changed meanwhile is newer.
    let file = fs::File::options().append(true).open(&path)?;
    file.set_modified(started).context("the archive's age cannot be set")?;
    Ok(path)
}

fn is_fresh(path: &Path) -> bool {
    let age = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).ok();
    let Some(built) = age(path) else { return false };
    let mut folders: Vec<PathBuf> = SOURCES.iter().map(|source| house::root().join(source)).collect();
    while let Some(next) = folders.pop() {
        if age(&next).is_none_or(|age| age > built) {
            return false;
        }
        folders.extend(fs::read_dir(&next).into_iter().flatten().flatten().map(|entry| entry.path()));
    }
    true
}

/// Makes the archive that programs are linked with: one object, in which the kernel's own names are nobody else's and every other gives
/// way to the program's. The compiler's helpers come from musl and gcc.
fn finish(built: &Path, path: &Path) -> Result<()> {
    let scratch = tempfile::Builder::new().prefix("archive-").tempdir_in(house::target_dir())?;
    let run = |program: &str, words: &[&str]| -> Result<String> {
        let output =
            Command::new(program).args(words).current_dir(scratch.path()).output().with_context(|| format!("{program} does not start"))?;
        ensure!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let built = built.to_str().context("the archive's path is not UTF-8")?;
    let members = run("aarch64-linux-gnu-ar", &["t", built])?;
    let ours: Vec<&str> = members.lines().filter(|member| !member.starts_with("compiler_builtins-")).collect();
    run("aarch64-linux-gnu-ar", &[["x", built].as_slice(), &ours].concat())?;
    run("aarch64-linux-gnu-ld", &[["-r", "-o", "all.o"].as_slice(), &ours].concat())?;
    let names = run("aarch64-linux-gnu-nm", &["--defined-only", "--extern-only", "--format=just-symbols", "all.o"])?;
    let names: Vec<&str> = names.lines().filter(|name| is_for_programs(name)).collect();
    fs::write(scratch.path().join("names"), names.join("\n"))?;
    run("aarch64-linux-gnu-objcopy", &["--keep-global-symbols=names", "--weaken-symbols=names", "all.o", "skete.o"])?;
    run("aarch64-linux-gnu-ar", &["crs", "libskete.a", "skete.o"])?;
    fs::rename(scratch.path().join("libskete.a"), path).context("the archive cannot be put in its place")
}

fn is_for_programs(name: &str) -> bool {
    FOR_C.iter().any(|face| name.starts_with(face)) || !OUR_OWN.iter().any(|own| name.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_call_what_c_knows_and_nothing_of_the_kernels() {
        assert!(is_for_programs("pthread_create") && is_for_programs("_start") && is_for_programs("skete_semop"));
        assert!(!is_for_programs("sys_write") && !is_for_programs("skete_leave") && !is_for_programs("_RNvCs_5skete4stop"));
    }
}
