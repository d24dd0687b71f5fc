//! File and line for the addresses of a backtrace, added to the guest's output as it streams by.
//!
//! The kernel prints a frame as `skete:   #N 0xADDR name+0xOFF`, the address counted from the program's start. Such a line is held
//! until it is whole; everything else passes at once, byte by byte, so that a prompt without a line end is seen.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Result, anyhow};

use crate::house;

/// How the kernel begins the line of a frame.
const FRAME: &[u8] = b"skete:   #";

/// Knows where an address of the program was written.
pub trait Lines {
    /// The place, such as ` at src/main.rs:3`; empty if nobody knows. `is_return` says that the address is the one behind a call.
    fn place(&self, address: u64, is_return: bool) -> String;
}

/// The unstripped program's debugging lines.
pub struct Program {
    loader: addr2line::Loader,
}

impl Program {
    /// Reads them from the linked file.
    ///
    /// # Errors
    /// It is not a file that debugging lines can be read from.
    pub fn open(elf: &Path) -> Result<Self> {
        let loader = addr2line::Loader::new(elf).map_err(|error| anyhow!("{}: {error}", elf.display()))?;
        Ok(Self { loader })
    }

    fn chain(&self, address: u64) -> Option<String> {
        let mut frames = self.loader.find_frames(address).ok()?;
        let mut text = String::new();
        while let Ok(Some(frame)) = frames.next() {
            let Some((file, line)) = frame.location.and_then(|place| place.file.zip(place.line)) else {
                continue;
            };
            let word = if text.is_empty() { "at" } else { "inlined at" };
            // Writing into a String cannot fail.
            let _ = write!(text, " {word} {}:{line}", short(file));
        }
        Some(text)
    }
}

impl Lines for Program {
    fn place(&self, address: u64, is_return: bool) -> String {
        // A return address may belong to the next line, or to the next function: the call lies before it.
        let address = address.saturating_sub(u64::from(is_return));
        self.chain(address).unwrap_or_default()
    }
}

/// A file's path without what every path of this machine begins with.
fn short(file: &str) -> &str {
    let here = std::env::current_dir().unwrap_or_default();
    let ours = Path::new(file).strip_prefix(&here).or_else(|_| Path::new(file).strip_prefix(house::root()));
    let standard = file.find("/library/").filter(|_| file.contains("rustlib") || file.starts_with("/rustc/"));
    match standard {
        Some(at) => &file[at + 1..],
        None => ours.ok().and_then(Path::to_str).unwrap_or(file),
    }
}

/// The guest's output on its way to a person.
#[derive(Debug, Default)]
pub struct Stream {
    line: Vec<u8>,
    is_held: bool,
}

impl Stream {
    /// Takes a piece of the guest's output and returns what can be shown now, frames with their places.
    pub fn push(&mut self, piece: &[u8], lines: Option<&dyn Lines>) -> Vec<u8> {
        let mut shown = Vec::with_capacity(piece.len());
        for &byte in piece {
            if byte == b'\n' {
                self.end_line(&mut shown, lines);
                continue;
            }
            self.line.push(byte);
            let known = self.line.len().min(FRAME.len());
            let was_held = std::mem::replace(&mut self.is_held, self.line[..known] == FRAME[..known]);
            match (was_held || self.line.len() == 1, self.is_held) {
                (_, true) => {}
                (true, false) => shown.extend_from_slice(&self.line),
                (false, false) => shown.push(byte),
            }
        }
        shown
    }

    /// What is still held when the guest is gone.
    pub fn finish(&mut self) -> Vec<u8> {
        let held = std::mem::take(&mut self.is_held);
        let line = std::mem::take(&mut self.line);
        if held { line } else { Vec::new() }
    }

    fn end_line(&mut self, shown: &mut Vec<u8>, lines: Option<&dyn Lines>) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.is_held) {
            let text = line.strip_suffix(b"\r").unwrap_or(&line);
            shown.extend_from_slice(text);
            if let Some((lines, (number, address))) = lines.zip(frame(text)) {
                shown.extend_from_slice(lines.place(address, number > 0).as_bytes());
            }
            shown.extend_from_slice(&line[text.len()..]);
        }
        shown.push(b'\n');
    }
}

/// Number and address of a frame's line.
fn frame(line: &[u8]) -> Option<(u32, u64)> {
    let text = std::str::from_utf8(line.strip_prefix(FRAME)?).ok()?;
    let mut words = text.split_ascii_whitespace();
    let number = words.next()?.parse().ok()?;
    let address = u64::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    Some((number, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake;

    impl Lines for Fake {
        fn place(&self, address: u64, is_return: bool) -> String {
            format!(" at main.rs:{address}{}", if is_return { "r" } else { "" })
        }
    }

    fn streamed(pieces: &[&str]) -> Vec<String> {
        let mut stream = Stream::default();
        let mut shown: Vec<Vec<u8>> = pieces.iter().map(|piece| stream.push(piece.as_bytes(), Some(&Fake))).collect();
        shown.push(stream.finish());
        shown.into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
    }

    #[test]
    fn a_prompt_is_shown_before_its_line_ends() {
        assert_eq!(streamed(&["name? ", "x\n"]), ["name? ", "x\n", ""]);
    }

    #[test]
    fn a_frame_gets_its_place_even_in_pieces() {
        let shown = streamed(&["ske", "te:   #1 0x10 main+0x4", "\nskete: on\n"]);
        assert_eq!(shown.concat(), "skete:   #1 0x10 main+0x4 at main.rs:16r\nskete: on\n");
    }

    #[test]
    fn the_first_frame_is_where_it_is_not_where_it_returns_to() {
        assert_eq!(streamed(&["skete:   #0 0x10 f+0x0\r\n"]).concat(), "skete:   #0 0x10 f+0x0 at main.rs:16\r\n");
    }

    #[test]
    fn other_lines_of_the_kernel_pass_unchanged() {
        let text = "skete: 4 cores\nskete:   registers\nskete:   #x\n\nno frame skete:   #1 0x10\n";
        assert_eq!(streamed(&[text]).concat(), text);
        let bytes: Vec<&str> = text.split("").collect();
        assert_eq!(streamed(&bytes).concat(), text);
    }

    #[test]
    fn what_is_held_at_the_end_is_not_lost() {
        assert_eq!(streamed(&["skete:   #1 0x"]).concat(), "skete:   #1 0x");
    }

    #[test]
    fn paths_of_std_lose_the_machines_part() {
        assert_eq!(short("/usr/lib/rustlib/src/rust/library/std/src/rt.rs"), "library/std/src/rt.rs");
        assert_eq!(short("/elsewhere/src/main.rs"), "/elsewhere/src/main.rs");
        assert_eq!(short(&house::root().join("kernel/src/sched.rs").to_string_lossy()), "kernel/src/sched.rs");
    }
}
