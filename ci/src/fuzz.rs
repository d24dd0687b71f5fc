//! `cargo xtask fuzz`: frames that no honest machine sends, to the network stack on this machine, millions of them.
//!
//! The test is the stack's own (`kernel/net/tests/stack/malformed.rs`), compiled with assertions and checked arithmetic; `cargo xtask test`
//! runs it with 200,000 frames.

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::guest::{self, Input};
use crate::house;
use crate::run::show;

/// The test's name.
const TEST: &str = "malformed::no_frame_harms_anybody";

/// Sends the network stack malformed, cut, overlong, tiny, late, repeated and lying frames; status 0 if nothing panicked and nothing was lost.
#[derive(Clone, Copy, Debug, Args)]
pub struct Fuzz {
    /// How many frames.
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(100_000..))]
    frames: u64,
    /// Which: the same for the same seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl Fuzz {
    /// Does it.
    ///
    /// # Errors
    /// Cargo does not start.
    pub fn carry_out(self) -> Result<u8> {
        let mut words = vec![format!("SKETE_NET_FRAMES={}", self.frames), format!("SKETE_NET_SEED={}", self.seed)];
        words.push(house::host_cargo().to_string_lossy().into_owned());
        let test = ["test", "--quiet", "--package", "skete-net", "--test", "stack", "--", "--exact", TEST, "--nocapture"];
        words.extend(test.map(String::from));
        Ok(guest::run(Path::new("env"), &words, house::root(), Input::None, None, &mut |piece| show(piece))?.status())
    }
}
