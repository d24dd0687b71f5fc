//! `cargo xtask check`: what holds of the source, whatever it does.
//!
//! Formatting and lints by cargo's own tools; the walls of the house by reading the source as tokens: [`floors`] (imports run
//! downward), [`directions`] (so do dependencies), [`rooms`] (`unsafe` only where it may live), [`employed`] (crates that we say
//! we use, we use), [`models`] (models explore what ships), [`rows`] (what a figure cannot do without is counted).

mod directions;
mod employed;
mod floors;
mod models;
mod rooms;
mod rows;
mod source;

use std::fmt;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::flags::{LINUX_TARGET, LOADER_TARGET, PROGRAM_TARGET};
use crate::house;
use crate::program::{Builder, Std};
use crate::project;
use crate::tally::Tally;

/// Checks formatting, lints, docs, import floors, crate directions, unsafe rooms, the crates in use and the floors of figures.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Check {
    /// Install nothing and fetch nothing.
    #[arg(long)]
    pub offline: bool,
}

/// One thing wrong with the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, from the clone's root; its line, if it is about one.
    pub place: String,
    /// What is wrong, and what would be right.
    pub matter: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.matter)
    }
}

impl Check {
    /// Runs every check, and counts in `tally`.
    ///
    /// # Errors
    /// A check cannot be carried out at all.
    pub fn carry_out(self, tally: &mut Tally) -> Result<()> {
        let sources = source::all(house::root())?;
        told(tally, "import floors", || Ok(floors::check(&sources)))?;
        told(tally, "unsafe rooms", || Ok(rooms::check(&sources)))?;
        told(tally, "crates in use", || Ok(employed::check(&sources)))?;
        told(tally, "models", || models::check(house::root(), &sources))?;
        told(tally, "rows of figures", || rows::check(house::root()))?;
        told(tally, "crate directions", || Ok(directions::check(&directions::packages()?)))?;
        told(tally, "format", || host(&["fmt", "--all", "--check"]))?;
        told(tally, "lints and docs, host", || host(&["clippy", "--quiet", "--all-targets", "--", "-Dwarnings"]))?;
        let builder = Builder::new(self.offline)?;
        let programs = project::packages_with(Std::Kernel)?;
        let packages: Vec<&str> = ["skete", "skete-libc", "skete-archive"].into_iter().chain(programs.iter().map(String::as_str)).collect();
        told(tally, "lints and docs, kernel and programs", || Ok(refused(builder.lint(PROGRAM_TARGET, &packages)?)))?;
        let programs = project::packages_with(Std::Linux)?;
        let packages: Vec<&str> = ["hello", "bench"].into_iter().chain(programs.iter().map(String::as_str)).collect();
        told(tally, "lints and docs, programs with Linux's std", || Ok(refused(builder.lint(LINUX_TARGET, &packages)?)))?;
        told(tally, "lints and docs, loader", || Ok(refused(builder.lint(LOADER_TARGET, &["skete-loader"])?)))
    }
}

fn told(tally: &mut Tally, name: &str, check: impl FnOnce() -> Result<Vec<Finding>>) -> Result<()> {
    let started = Instant::now();
    let faults: Vec<String> = check()?.iter().map(ToString::to_string).collect();
    tally.add(name, started.elapsed(), &faults);
    Ok(())
}

/// Calls the host's cargo, which says itself what it does not like.
fn host(words: &[&str]) -> Result<Vec<Finding>> {
    let mut cargo = Command::new(house::host_cargo());
    cargo.args(words).current_dir(house::root());
    Ok(refused(cargo.status().context("cargo does not start")?.success()))
}

fn refused(is_content: bool) -> Vec<Finding> {
    let finding = Finding { place: "cargo".into(), matter: "refused; its own words stand above".into() };
    if is_content { Vec::new() } else { vec![finding] }
}
