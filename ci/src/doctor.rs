//! `cargo xtask doctor`: what this machine has of what the tool needs, and the remedy for what it has not.

use std::path::Path;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::house;
use crate::packages::{self, Need};
use crate::toolchain::{self, Compiler, Linker};
use crate::wrapper::Wrapper;

/// Says what is here of compiler, linker, emulator and C tools, and how to get what is missing.
#[derive(Clone, Copy, Debug, Args)]
pub struct Doctor {
    /// Install what is missing (as root, on Debian).
    #[arg(long)]
    install: bool,
}

/// One thing looked for.
struct Line {
    what: &'static str,
    found: Result<String, Need>,
    is_needed: bool,
}

impl Doctor {
    /// Does it; status 1 if something is missing that every build needs.
    ///
    /// # Errors
    /// Something cannot be installed.
    pub fn carry_out(self) -> Result<u8> {
        if self.install {
            packages::toolchain(false)?;
            packages::qemu(false)?;
        }
        println!("clone      {}", house::root().display());
        println!("host       {}", said(&house::host_cargo()));
        let lines = examine();
        for line in &lines {
            match &line.found {
                Ok(found) => println!("{:10} {found}", line.what),
                Err(need) => {
                    let weight = if line.is_needed { "MISSING" } else { "not here, needed by crates that compile C" };
                    println!("{:10} {weight}: {}\n{:10} Debian: sudo {}", line.what, need.remedy(), "", packages::command(&[*need]));
                }
            }
        }
        Ok(u8::from(lines.iter().any(|line| line.is_needed && line.found.is_err())))
    }
}

fn examine() -> Vec<Line> {
    let compiler = Compiler::find();
    let linker = Linker::find(compiler.as_ref().map(|compiler| compiler.sysroot.as_path()));
    let wrapper = compiler.as_ref().and_then(|compiler| Wrapper::make(compiler).ok());
    let wrapped = wrapper.map_or_else(String::new, |wrapper| format!(", wrapped as {}", house::shown(&wrapper.folder)));
    let compiler = compiler.map(|found| format!("rustc {} ({}, {}){wrapped}", found.version, found.origin, found.rustc.display()));
    let qemu = toolchain::qemu().map(|(path, version)| {
        let boards = if has_boards(&path) { "raspi3b and virt" } else { "WITHOUT raspi3b: too old" };
        format!("{version} ({}), {boards}", path.display())
    });
    let c = toolchain::c_tools().map(|(compiler, archiver)| format!("{}, {}", compiler.display(), archiver.display()));
    let line = |what, found: Option<String>, need, is_needed| Line { what, found: found.ok_or(need), is_needed };
    vec![
        line("compiler", compiler, Need::Compiler, true),
        line("linker", linker.map(|linker| linker.program.display().to_string()), Need::Linker, true),
        line("emulator", qemu, Need::Qemu, true),
        line("C", c, Need::C, false),
    ]
}

/// Whether this QEMU has both boards.
fn has_boards(qemu: &Path) -> bool {
    let said = Command::new(qemu).args(["-M", "help"]).output().map(|output| output.stdout).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    ["raspi3b ", "virt "].iter().all(|board| said.lines().any(|line| line.starts_with(board)))
}

fn said(cargo: &std::ffi::OsStr) -> String {
    let output = Command::new(cargo).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
