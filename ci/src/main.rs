//! `cargo xtask`: build, boot, test and measure.
//!
//! - [`run`]: a program in QEMU; made of [`project`] (which one), [`program`] (built with [`toolchain`], [`wrapper`], [`flags`]),
//!   [`image`] ([`elf`], [`archive`], [`options`]), [`board`] and [`qemu`] (the machine), [`guest`] (the process), [`backtrace`]
//! - [`packages`]: what is missing, and its remedy
//! - [`house`]: where things stand

mod archive;
mod backtrace;
mod board;
mod elf;
mod flags;
mod guest;
mod house;
mod image;
mod options;
mod packages;
mod program;
mod project;
mod qemu;
mod run;
mod toolchain;
mod wrapper;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, boots, tests and measures programs on the Skete kernel.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Line {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    Run(run::Run),
}

fn main() -> ExitCode {
    let done = match Line::parse().task {
        Task::Run(run) => run.carry_out(),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
