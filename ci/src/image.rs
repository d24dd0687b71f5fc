//! `kernel8.img`: the flat loader with the payload behind it, one file for every board.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use skete_loader::image;
use skete_loader::payload::{self, Kind};

use crate::archive;
use crate::elf;
use crate::options::Options;
use crate::program::Builder;
use crate::run::{Choice, Settings};

/// What goes into an image.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// The linked program, unstripped.
    pub elf: PathBuf,
    /// The folder that fills the file tree.
    pub root: Option<PathBuf>,
    /// Boot options.
    pub options: Options,
}

impl Contents {
    /// The parts: program, files, options, function names.
    ///
    /// # Errors
    /// A file cannot be read, or the program is none.
    fn parts(&self) -> Result<Vec<(Kind, Vec<u8>)>> {
        let bytes = fs::read(&self.elf).with_context(|| format!("{} cannot be read", self.elf.display()))?;
        let told = || format!("{} is not a program of ours", self.elf.display());
        let mut parts = vec![(Kind::Program, elf::strip(&bytes).with_context(told)?)];
        if let Some(folder) = &self.root {
            parts.push((Kind::Root, archive::pack(folder)?));
        }
        parts.push((Kind::Options, self.options.to_string().into_bytes()));
        parts.push((Kind::Names, names(&bytes).with_context(told)?));
        Ok(parts)
    }

    /// The payload: the parts with their directory.
    ///
    /// # Errors
    /// As [`Self::parts`].
    pub fn payload(&self) -> Result<Vec<u8>> {
        let parts = self.parts()?;
        let borrowed: Vec<(Kind, &[u8])> = parts.iter().map(|(kind, body)| (*kind, body.as_slice())).collect();
        Ok(payload::emit_packed(&borrowed))
    }
}

/// Writes kernel8.img: a program with the loader in front, for every board.
#[derive(Clone, Debug, Args)]
pub struct Task {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    settings: Settings,
    /// The loader alone: it waits for `cargo xtask push` on the board's serial line.
    #[arg(long, conflicts_with = "program")]
    loader: bool,
    /// The file to write.
    #[arg(short, long, value_name = "FILE", default_value = "kernel8.img")]
    output: PathBuf,
}

impl Task {
    /// Does it.
    ///
    /// # Errors
    /// The program cannot be built, or the file not be written.
    pub fn carry_out(self) -> Result<()> {
        self.settings.check()?;
        if self.loader {
            let image = assemble(&Builder::new(self.choice.offline)?, &[])?;
            fs::write(&self.output, image).with_context(|| format!("{} cannot be written", self.output.display()))?;
        } else {
            let (builder, elf) = self.choice.build()?;
            let mut options = Options::default();
            self.settings.tell(&self.choice.name(), &mut options)?;
            write(&builder, &Contents { elf, root: self.settings.root, options }, &self.output)?;
        }
        let bytes = fs::metadata(&self.output).map_or(0, |about| about.len());
        println!("{}: {bytes} bytes", self.output.display());
        Ok(())
    }
}

/// A function's name without the types it was made for: `a::b::<C<D>>::e` is `a::b::e`, `<A<B> as C>::d` is `<A as C>::d`. On the target a
/// backtrace wants to be short; `run` tells file and line.
fn short(name: &str) -> String {
    let mut kept = String::with_capacity(name.len());
    // How deep in brackets, and how many of those, the outermost ones, are kept: they open a path.
    let (mut depth, mut paths) = (0, 0);
    for c in name.chars() {
        let opens_path = c == '<' && depth == paths && kept.chars().last().is_none_or(|last| " (<&".contains(last));
        match c {
            '<' => depth += 1,
            '>' if kept.ends_with('-') || depth == 0 => kept.push(c),
            '>' => depth -= 1,
            _ if depth == paths => kept.push(c),
            _ => {}
        }
        let closes_path = c == '>' && depth < paths;
        if opens_path || closes_path {
            paths = depth;
            kept.push(c);
        } else if c == '<' && kept.ends_with("::") && depth == paths + 1 {
            kept.truncate(kept.len() - 2);
        }
    }
    kept
}

/// The names blob of a program: an empty name where a function ends and none begins.
fn names(elf: &[u8]) -> Result<Vec<u8>> {
    let mut functions = elf::functions(elf)?;
    for function in &mut functions {
        function.name = short(&function.name);
    }
    let mut entries: Vec<(u32, &str)> = Vec::new();
    let mut end = None;
    for function in &functions {
        if let Some(end) = end.filter(|end| *end < function.start) {
            entries.push((end, ""));
        }
        // A function of assembly may have no size: it reaches to the next one.
        end = (function.end > function.start).then_some(function.end);
        entries.push((function.start, &function.name));
    }
    entries.extend(end.map(|end| (end, "")));
    entries.retain(|(start, _)| start.is_multiple_of(4));
    Ok(skete_abi::names::emit(entries))
}

/// Builds the loader and puts `payload` behind it.
///
/// # Errors
/// The loader cannot be built, or is not an image.
pub fn assemble(builder: &Builder, payload: &[u8]) -> Result<Vec<u8>> {
    let path = builder.loader()?;
    let bytes = fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let flat = image::flatten(&bytes).map_err(|refusal| anyhow!("the loader cannot be flattened: {refusal}"))?;
    image::append(flat, payload).map_err(|refusal| anyhow!("the loader is no image: {refusal}"))
}

/// Writes an image with `contents` to `path`.
///
/// # Errors
/// It cannot be assembled or written.
pub fn write(builder: &Builder, contents: &Contents, path: &Path) -> Result<()> {
    let image = assemble(builder, &contents.payload()?)?;
    fs::write(path, image).with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn a_name_on_the_target_tells_no_types() {
        for (long, name) in [
            ("skete::sched::leave", "skete::sched::leave"),
            ("<hashbrown::raw::RawTable<(A, B<C>)>>::rehash::<D>::{closure#0}", "<hashbrown::raw::RawTable>::rehash::{closure#0}"),
            ("<Take<_> as Iterator>::try_fold::check::<u64, ()>", "<Take as Iterator>::try_fold::check"),
            ("a::spawn::<b::{closure#0}, ()>::{closure#1}", "a::spawn::{closure#1}"),
            ("<fn(A<B>) -> C as D>::call", "<fn(A) -> C as D>::call"),
        ] {
            assert_eq!(short(long), name);
        }
    }
}
