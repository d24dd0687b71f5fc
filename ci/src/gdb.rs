//! `cargo xtask run --gdb`: QEMU waits for a debugger, and this is what the debugger is told.
//!
//! A program is linked at 0, and where it comes to be the loader finds out at run time. So the debugger is led to the loader's last
//! instruction, where x2 holds the program's entry: from there it knows every symbol's address.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use object::{Object as _, ObjectSymbol as _};

use crate::board::Board;
use crate::house;
use crate::program::Builder;
use crate::toolchain;

/// QEMU's words: stop before the first instruction, listen on this machine only.
pub const WORDS: [&str; 3] = ["-gdb", "tcp:127.0.0.1:1234", "-S"];
/// The loader's last instruction (`loader/src/machine/memory.rs`).
const JUMP: &str = "skete_loader_jump";
/// The debuggers that know the machine, the first choice first.
const DEBUGGERS: [&str; 3] = ["gdb-multiarch", "aarch64-linux-gnu-gdb", "gdb"];

/// Writes the debugger's script for a program on `board`, and says how to attach.
///
/// # Errors
/// The loader or the program cannot be read, or the script not be written.
pub fn prepare(builder: &Builder, elf: &Path, board: Board) -> Result<()> {
    let elf = std::path::absolute(elf).context("no such program can be")?;
    let jump = jump(builder, board)?;
    let path = house::target_dir().join("run.gdb");
    fs::write(&path, script(&elf, entry(&elf)?, jump)?).with_context(|| format!("{} cannot be written", path.display()))?;
    let debugger = DEBUGGERS.into_iter().find(|name| toolchain::on_path(name).is_some());
    eprintln!("xtask: waiting for a debugger; in another terminal: {} -x {}", debugger.unwrap_or(DEBUGGERS[0]), house::quoted(&path));
    if debugger.is_none() {
        eprintln!("xtask: no debugger is here; on Debian: sudo apt-get install {}", DEBUGGERS[0]);
    }
    Ok(())
}

/// Where the loader's last instruction is.
///
/// # Errors
/// The loader cannot be built or read.
pub fn jump(builder: &Builder, board: Board) -> Result<u64> {
    Ok(image_address(board) + symbol(&builder.loader()?, JUMP)?)
}

/// Where QEMU puts the image: 2 MiB behind the start of memory, as its header asks for.
const fn image_address(board: Board) -> u64 {
    match board {
        Board::Raspi3b => 0x20_0000,
        Board::Virt => 0x4020_0000,
    }
}

fn script(elf: &Path, entry: u64, jump: u64) -> Result<String> {
    let shown = elf.to_str().filter(|path| !path.contains(['\'', '\n'])).context("the program's path has a quote or a line end in it")?;
    Ok(format!(
        "# From reset to the loader's last instruction, then the program's symbols where the program is.\n\
         set confirm off\n\
         set pagination off\n\
         set auto-load python-scripts off\n\
         file '{shown}'\n\
         target remote 127.0.0.1:1234\n\
         hbreak *{jump:#x}\n\
         continue\n\
         delete\n\
         symbol-file -o $x2-{entry:#x} '{shown}'\n\
         echo The program is in memory: set breakpoints (such as `break main.rs:10` or `break FUNCTION`), then `continue`.\\n\n"
    ))
}

/// The program's entry, counted from its start.
///
/// # Errors
/// It cannot be read.
pub fn entry(elf: &Path) -> Result<u64> {
    with_object(elf, |object| Ok(object.entry()))
}

fn symbol(elf: &Path, name: &str) -> Result<u64> {
    with_object(elf, |object| {
        let symbol = object.symbols().find(|symbol| symbol.name() == Ok(name));
        symbol.map(|symbol| symbol.address()).with_context(|| format!("{} has no symbol {name}", elf.display()))
    })
}

fn with_object<T>(elf: &Path, ask: impl FnOnce(&object::File<'_>) -> Result<T>) -> Result<T> {
    let told = || format!("{} cannot be read", elf.display());
    let bytes = fs::read(elf).with_context(told)?;
    let object = object::File::parse(&*bytes).with_context(told)?;
    ensure!(object.is_64(), "{} is no program of this machine", elf.display());
    ask(&object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debugger_goes_to_the_jump_and_then_knows_the_program() {
        let text = script(Path::new("/a b/hello"), 0x9270, 0x20_1234).expect("a plain path");
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let shown = "'/a b/hello'";
        let moved = format!("symbol-file -o $x2-0x9270 {shown}");
        assert_eq!(lines[3..6], [&format!("file {shown}"), "target remote 127.0.0.1:1234", "hbreak *0x201234"]);
        assert_eq!(lines[6..9], ["continue", "delete", &moved]);
    }

    #[test]
    fn a_path_that_would_break_the_script_is_refused() {
        assert!(script(Path::new("/it's/hello"), 0, 0).is_err());
    }
}
