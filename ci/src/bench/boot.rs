//! What a program cannot measure of itself: its image, the memory it needs, and when its first line is there.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use skete_loader::payload::{self, Kind};
use skete_loader::sample::Sample;

use super::ended;
use crate::board::{Board, Machine};
use crate::figures::Row;
use crate::guest::{self, Ending, Input};
use crate::image::{self, Contents};
use crate::options::Options;
use crate::packages;
use crate::program::{Builder, Profile, Std};
use crate::project::Project;
use crate::qemu;

/// The rows of a board.
///
/// # Errors
/// hello cannot be built, or does not end well.
pub fn rows(builder: &Builder, board: Board) -> Result<Vec<Row>> {
    let elf = builder.program(&Project::find("hello")?, Std::Kernel, Profile::Release, &[])?;
    let name = board.to_string();
    let mut rows = vec![image(builder, "image.hello_bytes", &elf, board)?];
    if board == Board::Virt {
        let least = least_memory(builder, &elf)?;
        rows.push(Row::new("boot.least_memory_mib", "MiB", f64::from(least), &name, "icount"));
    }
    let machine = Machine::new(board, 1);
    rows.push(Row::new("boot.first_line_ms", "ms", first_line_ms(builder, &elf, &machine)?, &name, "wall"));
    rows.push(Row::new("boot.qemu_alone_ms", "ms", qemu_alone_ms(builder, &machine)?, &name, "wall"));
    Ok(rows)
}

/// How large a program's image is.
///
/// # Errors
/// It cannot be read.
pub fn image(builder: &Builder, row: &str, elf: &Path, board: Board) -> Result<Row> {
    let contents = Contents { elf: elf.into(), ..Contents::default() };
    let image = image::assemble(builder, &contents.payload()?)?;
    #[allow(clippy::cast_precision_loss, reason = "an image has far fewer than 2^52 bytes")]
    Ok(Row::new(row, "bytes", image.len() as f64, &board.to_string(), "build"))
}

/// The least memory of virt, in MiB, on which hello ends well.
fn least_memory(builder: &Builder, elf: &Path) -> Result<u32> {
    for mem in (2..=16).chain([24, 32, 64]) {
        let machine = Machine { mem: Some(mem), icount: true, ..Machine::new(Board::Virt, 1) };
        let (ending, _) = ended(builder, elf, &machine, &[], 10.0)?;
        if ending == Ending::Status(0) {
            return Ok(mem);
        }
    }
    bail!("hello does not end well even with 64 MiB")
}

/// How often the host's clock measures: the least of these counts, for the host does other things too.
const ROUNDS: usize = 5;

/// From QEMU's start to the program's first line.
fn first_line_ms(builder: &Builder, elf: &Path, machine: &Machine) -> Result<f64> {
    let contents = Contents { elf: elf.into(), root: None, options: quiet() };
    least_ms(machine, &image::assemble(builder, &contents.payload()?)?)
}

/// From QEMU's start to its end, with a program that does nothing but say so.
fn qemu_alone_ms(builder: &Builder, machine: &Machine) -> Result<f64> {
    let payload = payload::emit(&[(Kind::Program, &Sample::talking().emit()), (Kind::Options, b"semihosting=1")]);
    least_ms(machine, &image::assemble(builder, &payload)?)
}

/// Nothing but the program's own words, and an end.
fn quiet() -> Options {
    let mut options = Options::default();
    options.set("semihosting", 1);
    options.set("quiet", 1);
    options
}

/// The least time, in milliseconds, from QEMU's start to the first byte of output.
fn least_ms(machine: &Machine, image: &[u8]) -> Result<f64> {
    let (qemu, _) = packages::qemu(true)?;
    let scratch = tempfile::tempdir().context("no folder to run in")?;
    let path = scratch.path().join("kernel8.img");
    fs::write(&path, image).context("the image cannot be written")?;
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        let (started, mut first) = (Instant::now(), None);
        let mut listener = |_: &[u8]| _ = first.get_or_insert_with(|| started.elapsed());
        let limit = Some(Duration::from_secs(20));
        guest::run(&qemu, &qemu::arguments(machine, &path), scratch.path(), Input::None, limit, &mut listener)?;
        guest::go_on()?;
        let first = first.context("the program said nothing")?;
        least = least.min(first.as_secs_f64() * 1e3);
    }
    Ok(least)
}
