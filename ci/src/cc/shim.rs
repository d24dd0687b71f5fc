//! `libskete.a`: kernel, C face and start, built for C programs, and the script that is their compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};

use super::compiler::{self, Kind};
use crate::house;
use crate::program::Builder;
use crate::wrapper;

/// What the archive is made of: it is as old as the newest of it.
const SOURCES: [&str; 6] = ["kernel", "libc-shim", "Cargo.toml", "Cargo.lock", "ci/src/flags.rs", "ci/src/cc/shim.rs"];

/// Names that begin so are the kernel's own, and no program can call them: but for those of `<skete/sem.h>` and `<futaphore.h>`.
const FOR_C: [&str; 2] = ["skete_sem", "skete_fut"];
/// See there.
const OUR_OWN: [&str; 8] = ["sys_", "skete_", "_R", "_ZN", "__rust", "rust_", "runtime_entry", "__rg"];

/// The section that the archive's code goes to: its C name lets the linker tell where it begins and ends.
const TEXT: &str = "skete_text";
/// The section of what the archive uses of musl: memory and string functions that call nobody.
const MEM: &str = "skete_mem";
/// The names of its pieces, until all are put there: of two sections with one name the linker makes one.
const MEM_PIECE: &str = ".mem.";
/// Those functions. What of the program's own has their names is not for the kernel: it calls them by ours.
const MEM_FUNCTIONS: [&str; 5] = ["memcmp", "memcpy", "memmove", "memset", "strlen"];

/// The compiler as Makefiles name it.
///
/// # Errors
/// It cannot be written.
pub fn driver(kind: Kind) -> Result<PathBuf> {
    let path = house::root().join(".toolchain/bin").join(kind.driver());
    let tool = std::env::current_exe().context("this tool cannot be found")?;
    let choice = if kind == Kind::Clang { format!("export {}=clang\n", compiler::CHOICE) } else { String::new() };
    let text = format!("#!/bin/sh\n# `cargo xtask cc`, for Makefiles.\n{choice}exec {} cc \"$@\"\n", house::quoted(&tool));
    fs::create_dir_all(path.parent().unwrap_or(&path)).context("no folder for the compiler")?;
    wrapper::write_script(&path, &text)?;
    Ok(path)
}

/// Where the archive is.
pub fn path() -> PathBuf {
    house::target_dir().join("libskete.a")
}

/// The archive, built anew if anything that it is made of has changed.
///
/// # Errors
/// It cannot be built.
pub fn build(musl: &Path, offline: bool) -> Result<PathBuf> {
    let path = path();
    if is_fresh(&path) {
        return Ok(path);
    }
    let started = SystemTime::now();
    let built = Builder::new(offline)?.archive()?;
    finish(&built, &path, musl)?;
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
/// way to the program's, and all code stands in sections by whose names a program knows it. The compiler's helpers come from musl and gcc.
fn finish(built: &Path, path: &Path, musl: &Path) -> Result<()> {
    let scratch = Scratch(tempfile::Builder::new().prefix("archive-").tempdir_in(house::target_dir())?);
    let built = built.to_str().context("the archive's path is not UTF-8")?;
    let libc = musl.join("libc.a");
    let members = scratch.run("ar", &["t", built])?;
    let ours: Vec<&str> = members.lines().filter(|member| !member.starts_with("compiler_builtins-")).collect();
    scratch.run("ar", &[["x", built].as_slice(), &ours].concat())?;
    scratch.run("ld", &[["-r", "-o", "code.o"].as_slice(), &ours].concat())?;
    scratch.write("ours", MEM_FUNCTIONS.iter().map(|name| format!("{name} {}", our_name(name))))?;
    scratch.run("objcopy", &["--redefine-syms=ours", "code.o"])?;
    let mem = scratch.mem(libc.to_str().context("the path of musl's libc.a is not UTF-8")?)?;
    scratch.run("ld", &[["-r", "-o", "all.o", "code.o"].as_slice(), &mem.iter().map(String::as_str).collect::<Vec<_>>()].concat())?;
    let names = scratch.run("nm", &["--defined-only", "--extern-only", "--format=just-symbols", "all.o"])?;
    scratch.write("names", names.lines().filter(|name| is_for_programs(name)).map(Into::into))?;
    let told = scratch.run("readelf", &["--section-headers", "--wide", "all.o"])?;
    let place = |name: &str| if name.starts_with(MEM_PIECE) { MEM } else { TEXT };
    scratch.write("sections", code_sections(&told).map(|name| format!("--rename-section {name}={}", place(name))))?;
    scratch.run("objcopy", &["@sections", "--keep-global-symbols=names", "--weaken-symbols=names", "all.o", "skete.o"])?;
    scratch.run("ar", &["crs", "libskete.a", "skete.o"])?;
    fs::rename(scratch.0.path().join("libskete.a"), path).context("the archive cannot be put in its place")
}

/// What the kernel calls a function of musl's.
fn our_name(name: &str) -> String {
    format!("skete_{name}")
}

/// A folder where the archive is put together.
struct Scratch(tempfile::TempDir);

impl Scratch {
    /// Runs one of the cross tools in it; what it says.
    fn run(&self, tool: &str, words: &[&str]) -> Result<String> {
        let program = format!("aarch64-linux-gnu-{tool}");
        let output =
            Command::new(&program).args(words).current_dir(self.0.path()).output().with_context(|| format!("{program} does not start"))?;
        ensure!(output.status.success(), "{program} failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn write(&self, name: &str, lines: impl Iterator<Item = String>) -> Result<()> {
        let text: String = lines.map(|line| line + "\n").collect();
        fs::write(self.0.path().join(name), text).with_context(|| format!("{name} cannot be written"))
    }

    /// The functions of musl's that the kernel uses, an object each, which have their own names and ours.
    fn mem(&self, musl: &str) -> Result<Vec<String>> {
        MEM_FUNCTIONS
            .iter()
            .map(|name| {
                let object = format!("{name}.lo");
                self.run("ar", &["x", musl, &object])?;
                let code = self.run("objdump", &["--disassemble", "--no-show-raw-insn", &object])?;
                ensure!(is_leaf(&code), "musl's {name} calls somebody or uses X30: where it was called from could not be told");
                let told = self.run("nm", &["--defined-only", "--format=posix", &object])?;
                let at_start = told.lines().any(|line| {
                    let mut words = line.split(' ');
                    words.next() == Some(name) && words.nth(1).is_some_and(|place| place.bytes().all(|digit| digit == b'0'))
                });
                let headers = self.run("readelf", &["--section-headers", "--wide", &object])?;
                let section = code_sections(&headers).last().context("it has no code")?.to_owned();
                ensure!(at_start, "musl's {name} does not begin where its section does");
                let words =
                    MEM_FUNCTIONS.iter().filter(|other| *other != name).map(|other| format!("--redefine-sym {other}={}", our_name(other)));
                let piece = format!("{MEM_PIECE}{name}");
                let added = format!("--add-symbol {}={piece}:0,function,global", our_name(name));
                self.write("ours", words.chain([added, format!("--rename-section {section}={piece}")]))?;
                self.run("objcopy", &["@ours", &object])?;
                Ok(object)
            })
            .collect()
    }
}

/// The sections of code in what `readelf --section-headers --wide` tells.
fn code_sections(told: &str) -> impl Iterator<Item = &str> {
    told.lines().filter_map(|line| {
        let (name, rest) = line.split_once("] ")?.1.split_once(char::is_whitespace)?;
        let mut words = rest.split_whitespace();
        (words.next()? == "PROGBITS" && words.nth(4)?.contains('X')).then_some(name)
    })
}

/// Whether a function leaves the place where it returns to alone, by what `objdump` tells: it calls nobody and has no other use for X30.
fn is_leaf(code: &str) -> bool {
    code.lines().all(|line| {
        let mut words = line.split([' ', '\t', ',', '[', ']']).filter(|word| !word.is_empty());
        !words.any(|word| matches!(word, "bl" | "blr" | "x30" | "w30"))
    })
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
        assert!(is_for_programs("memcpy") && !is_for_programs(&our_name("memcpy")));
    }

    #[test]
    fn sections_of_code_are_told_from_others() {
        let told = "  [ 1] .text             PROGBITS        0000000000000000 000040 000010 00  AX  0   0  4\n\
                    \x20 [12] .text.f           PROGBITS        0000000000000000 000040 000010 00 AXG  0   0  4\n\
                    \x20 [13] .rela.text.f      RELA            0000000000000000 000040 000010 18   I  0   0  8\n\
                    \x20 [14] .rodata           PROGBITS        0000000000000000 000040 000010 00   A  0   0  4\n";
        assert!(code_sections(told).eq([".text", ".text.f"]));
    }

    #[test]
    fn who_saves_where_it_returns_to_is_no_leaf() {
        assert!(is_leaf("   0:\tcbz\tx2, 10 <f+0x10>\n   4:\tb.eq\t0 <f>\n   8:\tret\n"));
        assert!(!is_leaf("   0:\tstp\tx29, x30, [sp, #-16]!\n") && !is_leaf("   0:\tbl\t10 <g>\n"));
    }
}
