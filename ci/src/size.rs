//! `cargo xtask size`: where an image's bytes go.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use skete_loader::payload::{self, Payload};

use crate::elf::{self, Function};
use crate::image::{self, Contents};
use crate::run::Choice;

/// Tells where an image's bytes go: its parts, and the functions by crate.
#[derive(Clone, Debug, Args)]
pub struct Size {
    #[command(flatten)]
    choice: Choice,
    /// How many of the largest functions to name.
    #[arg(long, default_value_t = 10)]
    functions: usize,
}

impl Size {
    /// Does it.
    ///
    /// # Errors
    /// The program cannot be built.
    pub fn carry_out(&self) -> Result<()> {
        let (builder, elf) = self.choice.build()?;
        let contents = Contents { elf: elf.clone(), ..Contents::default() };
        let payload = contents.payload()?;
        let image = image::assemble(&builder, &payload)?.len();
        println!("{image:>9}  kernel8.img ({:.1} KiB)", kib(image));
        println!("{:>9}    loader", image - payload.len());
        let parts = Payload::parse(&payload, payload::checksum).map_err(|refusal| anyhow!("the payload is none: {refusal}"))?;
        for (kind, part) in parts.parts() {
            let packed = part.unpacked_bytes.map_or_else(String::new, |bytes| format!(", unpacked {bytes}"));
            println!("{:>9}    {}{packed}", part.bytes.len(), format!("{kind:?}").to_lowercase());
        }
        let bytes = fs::read(&elf).with_context(|| format!("{} cannot be read", elf.display()))?;
        let functions = elf::functions(&bytes)?;
        println!("\n{:>9}  bytes of functions, by crate", functions.iter().map(bytes_of).sum::<u32>());
        for (name, bytes) in by_crate(&functions) {
            println!("{bytes:>9}    {name}");
        }
        let mut largest: Vec<&Function> = functions.iter().collect();
        largest.sort_by_key(|function| std::cmp::Reverse(bytes_of(function)));
        println!("\n{:>9}  largest functions", "");
        for function in largest.iter().take(self.functions) {
            println!("{:>9}    {}", bytes_of(function), function.name);
        }
        Ok(())
    }
}

#[allow(clippy::cast_precision_loss, reason = "a size for a person to read")]
fn kib(bytes: usize) -> f64 {
    bytes as f64 / 1024.0
}

const fn bytes_of(function: &Function) -> u32 {
    function.end.saturating_sub(function.start)
}

/// Bytes of code by the crate that a function's name begins with, the largest first.
fn by_crate(functions: &[Function]) -> Vec<(String, u32)> {
    let mut sums: BTreeMap<String, u32> = BTreeMap::new();
    for function in functions {
        *sums.entry(crate_of(&function.name)).or_default() += bytes_of(function);
    }
    let mut sums: Vec<(String, u32)> = sums.into_iter().collect();
    sums.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    sums
}

/// The crate in `skete::sched::wake`, `<skete::lock::Spin as core::ops::Drop>::drop`; functions with C's names count as one.
fn crate_of(name: &str) -> String {
    let start = name.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '_');
    let start = start.strip_prefix("dyn ").or_else(|| start.strip_prefix("mut ")).unwrap_or(start);
    match start.split_once("::") {
        Some((name, _)) if name.chars().all(|c| c.is_alphanumeric() || c == '_') => name.into(),
        _ => "(C's names)".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_functions_crate_is_read_out_of_its_name() {
        assert_eq!(crate_of("skete::sched::wake"), "skete");
        assert_eq!(crate_of("<skete::lock::Spin as core::ops::Drop>::drop"), "skete");
        assert_eq!(crate_of("<&mut core::fmt::X as T>::f"), "core");
        assert_eq!(crate_of("sys_write"), "(C's names)");
    }

    #[test]
    fn crates_are_summed_the_largest_first() {
        let function = |start, end, name: &str| Function { start, end, name: name.into() };
        let sums = by_crate(&[function(0, 4, "a::f"), function(4, 12, "b::g"), function(12, 20, "a::h")]);
        assert_eq!(sums, [("a".into(), 12), ("b".into(), 8)]);
    }
}
