//! Loom models of this crate's shipping files, and the proof that each finds the faults it is there to find.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p skete-logic --release --test models [NAME…]`. Every model runs once unharmed, and must hold;
//! and once with each of its mutants, and must fail. Each run is a process of its own: a failed model cannot clean up after itself,
//! and loom writes a line to stderr at every lock.
#![cfg_attr(not(loom), allow(unused_crate_dependencies, reason = "nothing runs without loom"))]

#[cfg(loom)]
mod end;
#[cfg(loom)]
mod futaphore;
#[cfg(loom)]
mod futex;
#[cfg(loom)]
mod lending;
#[cfg(loom)]
mod locks;
#[cfg(loom)]
mod machine;
#[cfg(loom)]
mod many;
#[cfg(loom)]
mod meter;
#[cfg(loom)]
mod pages;
#[cfg(loom)]
mod placement;
#[cfg(loom)]
mod requeue;
#[cfg(loom)]
mod runner;
#[cfg(loom)]
mod sleepers;
#[cfg(loom)]
mod sysv;
#[cfg(loom)]
mod token;

#[cfg(loom)]
use skete_logic::mutant;

#[cfg(loom)]
fn main() -> std::process::ExitCode {
    let futexes = [futex::MODELS, requeue::MODELS, end::MODELS, lending::MODELS, locks::MODELS].concat();
    let others = [many::MODELS, meter::MODELS, sleepers::MODELS, sysv::MODELS, pages::MODELS].concat();
    let models = [token::MODELS, &futexes, futaphore::MODELS, placement::MODELS, &others].concat();
    runner::run(&models)
}

#[cfg(not(loom))]
fn main() {}
