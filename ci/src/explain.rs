//! `cargo xtask bench --explain ROW`: where a row's instructions go, from QEMU's trace of every one of them.
//!
//! The bench program runs that row alone and calls [`BEGIN`] and [`END`] round its rounds. QEMU writes the address of each instruction into
//! a pipe, and what lies between the two is counted here: by function as linked, and within it by what was inlined there. Where the
//! program is in memory the loader's last instruction tells, for the next one is the program's entry.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use object::{Object as _, ObjectSymbol as _};

use crate::board::Machine;
use crate::elf::{self, Function};
use crate::gdb;
use crate::guest::{Ending, Input};
use crate::program::Builder;
use crate::run::{Boot, Settings, Surroundings};

/// The functions that stand round the rounds: of `apps/bench`, of `apps/c/bench`.
const BEGIN: [&str; 2] = ["bench::meter::begin", "mark_begin"];
const END: [&str; 2] = ["bench::meter::end", "mark_end"];
/// `O_NONBLOCK` of Linux: to open a pipe that nobody may read any more.
const NONBLOCK: i32 = 0o4000;

/// A program's functions, and where it is.
struct Map {
    functions: Vec<Function>,
    /// What else has a name: places in assembly.
    labels: BTreeMap<u64, String>,
    entry: u64,
    /// The loader's last instruction.
    jump: u64,
}

impl Map {
    fn of(builder: &Builder, program: &Path, machine: &Machine) -> Result<Self> {
        let bytes = std::fs::read(program).with_context(|| format!("{} cannot be read", program.display()))?;
        let (entry, jump) = (gdb::entry(program)?, gdb::jump(builder, machine.board)?);
        let object = object::File::parse(&*bytes).with_context(|| format!("{} cannot be read", program.display()))?;
        let named = object.symbols().filter_map(|symbol| Some((symbol.address(), symbol.name().ok()?.to_owned())));
        // `$x` and `$d` say what kind of bytes follow.
        let labels = named.filter(|(_, name)| !name.is_empty() && !name.starts_with('$')).collect();
        Ok(Self { functions: elf::functions(&bytes)?, labels, entry, jump })
    }

    /// What the function or the piece of assembly is called that holds this address.
    fn name(&self, address: u64) -> &str {
        let label = || self.labels.range(..=address).next_back().map_or("nobody knows", |(_, name)| name.as_str());
        self.function(address).map_or_else(label, |function| &function.name)
    }

    /// The function that holds this address, counted from the program's start.
    fn function(&self, address: u64) -> Option<&Function> {
        let after = self.functions.partition_point(|function| u64::from(function.start) <= address);
        self.functions[..after].last().filter(|function| address < u64::from(function.end))
    }

    /// Where the function begins that has one of these names.
    fn start(&self, names: &[&str]) -> Result<u64> {
        let function = self.functions.iter().find(|function| names.contains(&function.name.as_str()));
        Ok(u64::from(function.with_context(|| format!("the program has no function {}", names.join(" or ")))?.start))
    }
}

/// How often each address between the marks was executed, and how often the marks were passed.
#[derive(Debug, Default, PartialEq)]
struct Count {
    executed: BTreeMap<u64, u64>,
    spans: u64,
}

/// Reads a trace: one line an instruction, `Trace 0: … […/ADDRESS/…]`.
fn count(trace: impl BufRead, map: &Map) -> Result<Count> {
    let (begin, end) = (map.start(&BEGIN)?, map.start(&END)?);
    let mut count = Count::default();
    let (mut base, mut has_jumped, mut is_between) = (None, false, false);
    for line in trace.split(b'\n') {
        let Some(address) = address(&line.context("the trace breaks off")?) else { continue };
        let Some(base) = base else {
            if has_jumped {
                base = Some(address.wrapping_sub(map.entry));
            }
            has_jumped = address == map.jump;
            continue;
        };
        let address = address.wrapping_sub(base);
        if address == begin {
            is_between = true;
            count.spans += 1;
        } else if address == end {
            is_between = false;
        }
        if is_between {
            *count.executed.entry(address).or_default() += 1;
        }
    }
    Ok(count)
}

fn address(line: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix("Trace ")?;
    u64::from_str_radix(text.split('[').nth(1)?.split('/').nth(1)?, 16).ok()
}

/// Prints where the instructions of `row` go; false: the program has no such row that a mean of rounds is taken of.
///
/// # Errors
/// The program does not end well, or QEMU does not trace.
pub fn explain(builder: &Builder, program: &Path, machine: &Machine, row: &str) -> Result<bool> {
    let map = Map::of(builder, program, machine)?;
    let scratch = tempfile::tempdir().context("no folder for the trace")?;
    let pipe = scratch.path().join("trace");
    let made = Command::new("mkfifo").arg(&pipe).status().context("mkfifo does not start")?;
    ensure!(made.success(), "no pipe for the trace can be made");
    let mut words: Vec<String> = ["-singlestep", "-d", "exec,nochain", "-D"].map(String::from).into();
    words.push(pipe.display().to_string());
    let settings = Settings { arguments: vec!["explain".into(), row.into()], ..Settings::default() };
    let surroundings = Surroundings { settings, timeout: Some(300.0), qemu: words, ..Surroundings::default() };
    let boot = Boot { machine, surroundings: &surroundings, elf: program, input: Input::None, offline: true };
    let mut output = Vec::new();
    let (ending, counted) = thread::scope(|scope| {
        let counter =
            scope.spawn(|| count(BufReader::with_capacity(1 << 20, File::open(&pipe).context("the trace cannot be read")?), &map));
        let ending = boot.carry_out(builder, &mut |piece| output.extend_from_slice(piece));
        // If QEMU never wrote, the counter still waits for somebody who does. If nobody waits any more, that is an error, and well.
        let _ = OpenOptions::new().write(true).custom_flags(NONBLOCK).open(&pipe);
        (ending, counter.join())
    });
    let output = String::from_utf8_lossy(&output);
    let (ending, Ok(counted)) = (ending?, counted) else { bail!("the trace's reader broke off") };
    ensure!(ending == Ending::Status(0), "the bench program ended with {ending:?}; its output:\n{output}");
    let rounds = output.lines().find_map(|line| line.strip_prefix("explained ")?.trim().parse::<u64>().ok());
    let Some(rounds) = rounds else { return Ok(false) };
    let counted = counted?;
    ensure!(counted.spans > 0, "QEMU traced nothing between the marks");
    print(&map, &counted, &Inlined::open(program), row, rounds);
    Ok(true)
}

/// Knows what was inlined where.
struct Inlined(Option<addr2line::Loader>);

impl Inlined {
    fn open(program: &Path) -> Self {
        Self(addr2line::Loader::new(program).ok())
    }

    /// The innermost function at an address, without its path's first parts and its parameters.
    fn innermost(&self, address: u64) -> Option<String> {
        let frame = self.0.as_ref()?.find_frames(address).ok()?.next().ok()??;
        Some(short(&frame.function?.demangle().ok()?))
    }
}

/// The last two parts of a function's path, without generic parameters.
fn short(name: &str) -> String {
    let mut depth = 0_u32;
    let mut plain = String::new();
    for (at, letter) in name.char_indices() {
        match letter {
            '<' => depth += 1,
            // Not the one of an arrow.
            '>' if !name[..at].ends_with('-') => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    let parts: Vec<&str> = plain.split("::").filter(|part| !part.is_empty()).collect();
    parts[parts.len().saturating_sub(2)..].join("::")
}

fn print(map: &Map, count: &Count, inlined: &Inlined, row: &str, rounds: u64) {
    #[allow(clippy::cast_precision_loss, reason = "counts of a few thousand")]
    let each = |total: u64| total as f64 / rounds as f64;
    let mut functions: BTreeMap<&str, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
    for (&address, &times) in &count.executed {
        let name = map.name(address);
        let (total, parts) = functions.entry(name).or_default();
        *total += times;
        *parts.entry(inlined.innermost(address).unwrap_or_else(|| short(name))).or_default() += times;
    }
    let all: u64 = count.executed.values().sum();
    println!("{row}: {:.1} instructions a round, the loop's own among them; the mean of {rounds}", each(all));
    for (name, (total, parts)) in descending(functions, |(total, _)| *total) {
        println!("{:>8.1}  {name}", each(total));
        for (part, times) in descending(parts, |times| *times) {
            println!("{:>17.1}  {part}", each(times));
        }
    }
}

fn descending<K, V>(map: BTreeMap<K, V>, size: impl Fn(&V) -> u64) -> Vec<(K, V)> {
    let mut list: Vec<(K, V)> = map.into_iter().collect();
    list.sort_by_key(|(_, value)| std::cmp::Reverse(size(value)));
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(start: u32, end: u32, name: &str) -> Function {
        Function { start, end, name: name.into() }
    }

    fn map() -> Map {
        let functions = vec![function(0x10, 0x20, BEGIN[0]), function(0x20, 0x30, END[0]), function(0x40, 0x60, "work")];
        let labels = [(0x38, "piece"), (0x70, "assembly")].map(|(address, name)| (address, name.to_owned()));
        Map { functions, labels: labels.into(), entry: 0x100, jump: 0x9000 }
    }

    fn trace(addresses: &[u64]) -> String {
        addresses.iter().map(|address| format!("Trace 0: 0x7f00 [00000000/{address:016x}/00000124/ff200000] \n")).collect()
    }

    #[test]
    fn what_lies_between_the_marks_is_counted_from_where_the_loader_jumped_to() {
        let text = trace(&[0x40, 0x9000, 0x8100, 0x8040, 0x8010, 0x8040, 0x8044, 0x8040, 0x8020, 0x8044]);
        let count = count(text.as_bytes(), &map()).expect("both marks are functions");
        assert_eq!(count.spans, 1);
        assert_eq!(count.executed, BTreeMap::from([(0x10, 1), (0x40, 2), (0x44, 1)]));
    }

    #[test]
    fn the_marks_of_the_c_program_are_marks_too() {
        let mut map = map();
        map.functions[0].name = BEGIN[1].into();
        map.functions[1].name = END[1].into();
        let count = count(trace(&[0x9000, 0x8100, 0x8010, 0x8040, 0x8020]).as_bytes(), &map).expect("both marks are functions");
        assert_eq!(count.executed, BTreeMap::from([(0x10, 1), (0x40, 1)]));
    }

    #[test]
    fn other_lines_of_the_trace_are_passed_over() {
        let count = count(&b"Linking TBs\nTrace 0: nothing\n\xff\n"[..], &map()).expect("both marks are functions");
        assert_eq!(count, Count::default());
    }

    #[test]
    fn an_address_belongs_to_the_function_that_holds_it_or_to_the_assembly_before_it() {
        let map = map();
        assert_eq!([0x44, 0x3c, 0x99, 0].map(|address| map.name(address)), ["work", "piece", "assembly", "nobody knows"]);
    }

    #[test]
    fn names_lose_their_paths_and_parameters() {
        assert_eq!(short("skete_logic::futex::Table<H, 256>::wake"), "Table::wake");
        assert_eq!(short("<core::option::Option<T> as core::ops::Try>::branch"), "branch");
        assert_eq!(short("core::ptr::write<fn() -> u32>"), "ptr::write");
        assert_eq!(short("main"), "main");
    }
}
