//! `cargo xtask`: build, boot, test and measure.
//!
//! - [`run`]: a program in QEMU; made of [`project`] (which one), [`program`] (built with [`toolchain`], [`wrapper`], [`flags`]),
//!   [`image`] ([`elf`], [`archive`], [`options`]), [`board`], [`qemu`] and [`network`] (the machine), [`lan9514`] (a part that
//!   QEMU has not), [`link`] (one that loses frames), [`guest`] (the process), [`backtrace`], [`gdb`]
//! - [`mod@image`], [`sd`], [`push`]: what a board is started from; [`new`] and [`boot`]: programs outside of this workspace
//! - [`cc`]: C programs; others' are brought as [`source`]s, Debian's by [`apt`]
//! - [`conformance`]: what of POSIX holds, by a suite brought so too
//! - [`bench`], [`size`]: figures, what they are to be ([`figures`]) and were ([`baseline`]), and where they come from ([`explain`])
//! - [`test`]: what holds when it runs, with the tables of [`suite`], and std's own [`std_tests`]; [`check`]: what holds of the source
//! - [`stress`]: servers under load; [`fuzz`]: the network stack under frames that are none
//! - [`packages`]: what is missing, and its remedy; [`doctor`] tells of all of it
//! - [`house`]: where things stand; [`readme`]: the tables that the tool writes there

mod apt;
mod archive;
mod backtrace;
mod baseline;
mod bench;
mod board;
mod boot;
mod cc;
mod check;
mod conformance;
mod doctor;
mod elf;
mod explain;
mod figures;
mod flags;
mod fuzz;
mod gdb;
mod guest;
mod house;
mod image;
mod input;
mod lan9514;
mod link;
mod linux;
mod network;
mod new;
mod options;
mod packages;
mod peer;
mod program;
mod project;
mod push;
mod qemu;
mod readme;
mod run;
mod sd;
mod size;
mod source;
mod std_tests;
mod stress;
mod suite;
mod tally;
mod test;
mod toolchain;
mod wrapper;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use tally::Tally;

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
    Image(image::Task),
    Sd(sd::Sd),
    Push(push::Push),
    New(new::New),
    #[command(hide = true)]
    Boot(boot::Runner),
    Size(size::Size),
    Cc(cc::Task),
    Conformance(conformance::Conformance),
    Bench(bench::Bench),
    Stress(stress::Stress),
    Fuzz(fuzz::Fuzz),
    Doctor(doctor::Doctor),
    Test(test::Test),
    Check(check::Check),
    /// Runs the loom models of the locks and queues: every interleaving, and the mutants they must catch.
    Model,
    /// Runs what a change must pass: check, test, a short load on each board, the figures against those of ci/bench-baseline.json, and the score of POSIX threads.
    Ci,
}

fn main() -> ExitCode {
    match carry_out(Line::parse().task) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("xtask: {error:#}");
            if guest::is_interrupted() { ExitCode::from(guest::INTERRUPTED) } else { ExitCode::FAILURE }
        }
    }
}

fn carry_out(task: Task) -> anyhow::Result<u8> {
    let mut tally = Tally::default();
    match task {
        Task::Run(run) => return run.carry_out(),
        Task::Push(push) => return push.carry_out(),
        Task::Cc(cc) => return cc.carry_out(),
        Task::Boot(runner) => return runner.carry_out(),
        Task::Doctor(doctor) => return doctor.carry_out(),
        Task::Bench(bench) => return bench.carry_out(),
        Task::Stress(stress) => return stress.carry_out(),
        Task::Fuzz(fuzz) => return fuzz.carry_out(),
        Task::Image(image) => return image.carry_out().map(|()| 0),
        Task::Sd(sd) => return sd.carry_out().map(|()| 0),
        Task::New(new) => return new.carry_out().map(|()| 0),
        Task::Size(size) => return size.carry_out().map(|()| 0),
        Task::Test(test) => test.carry_out(&mut tally)?,
        Task::Check(check) => check.carry_out(&mut tally)?,
        Task::Conformance(conformance) => conformance.carry_out(&mut tally)?,
        Task::Model => test::models(&mut tally)?,
        Task::Ci => {
            tally.during("check", |tally| check::Check::default().carry_out(tally))?;
            test::Test::default().carry_out(&mut tally)?;
            tally.during("stress", stress::guard)?;
            tally.during("figures", bench::guard)?;
            tally.during("conformance", conformance::guard)?;
        }
    }
    Ok(tally.close())
}
