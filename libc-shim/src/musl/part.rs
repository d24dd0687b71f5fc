//! musl in a Rust program: what boot does for it before std's start.
//!
//! std begins threads of its own, of which nobody tells musl: so its locks are taken from the beginning. The environment is std's alone.
#![allow(unsafe_code, reason = "an entry in the kernel's list of parts")]

/// Boot calls what stands in this section (`kernel/src/start/program.rs`).
#[used(linker)]
#[unsafe(link_section = "skete_parts")]
static PART: fn() = begin;

fn begin() {
    super::state::begin();
    super::threads::begin();
}
