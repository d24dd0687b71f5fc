//! `cargo xtask boot`: what plain `cargo run` calls in a project outside of this workspace.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::run::Run;

/// Boots a linked program on the default machine: cargo's runner in projects made by `new`.
#[derive(Clone, Debug, Args)]
pub struct Runner {
    /// The linked program.
    #[arg(value_name = "ELF")]
    elf: PathBuf,
    /// The program's own arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

impl Runner {
    /// Does it; the exit status is the program's.
    ///
    /// # Errors
    /// As [`Run::carry_out`].
    pub fn carry_out(self) -> Result<u8> {
        Run::of(&self.elf, self.arguments).carry_out()
    }
}
