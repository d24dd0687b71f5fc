//! Loom models of this crate's shipping files, and the proof that each finds the faults it is there to find.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p skete-sync --release --test models [NAME…]`. Every model runs once unharmed, and must hold;
//! and once with each of its mutants, and must fail. Each run is a process of its own: a failed model cannot clean up after itself,
//! and loom writes a line to stderr at every lock.
#![cfg_attr(not(loom), allow(unused_crate_dependencies, reason = "nothing runs without loom"))]

#[cfg(loom)]
mod attention;
#[cfg(loom)]
mod condition;
#[cfg(loom)]
mod fake;
#[cfg(loom)]
mod first;
#[cfg(loom)]
mod leaving;
#[cfg(loom)]
mod mutex;
#[cfg(loom)]
mod others;
#[cfg(loom)]
#[path = "../../../../kernel/logic/tests/models/runner.rs"]
mod runner;
#[cfg(loom)]
mod rwlock;
#[cfg(loom)]
mod semaphore;

#[cfg(loom)]
use skete_sync::mutant;

#[cfg(loom)]
fn main() -> std::process::ExitCode {
    runner::run(
        &[
            mutex::MODELS,
            condition::MODELS,
            rwlock::MODELS,
            semaphore::MODELS,
            others::MODELS,
            attention::MODELS,
            first::MODELS,
            leaving::MODELS,
        ]
        .concat(),
    )
}

#[cfg(not(loom))]
fn main() {}
