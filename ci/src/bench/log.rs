//! What a bench program printed, read: from QEMU, or out of the log of a board's serial line.
//!
//! ```text
//! suite bench begins on raspi3b *xx
//! group threads begins *xx
//! board clock 1200000000 temperature 47236 throttled 0x0 *xx
//! row yield.alone 6.0 ns 0.00 switches 0.00 entries 6.0 cycles *xx
//! histogram wake.idle ns 3584:12 4096:961 *xx
//! group threads ends, 2 rows *xx
//! suite bench ends, 6 groups *xx
//! ```
//!
//! Behind the star stand all bytes of the line before ` *` XORed. In a log other lines may stand between, and before the suite whatever the
//! firmware said; a line of ours that was cut or garbled is a fault with its number, as is a group or a suite without its end.

use std::collections::BTreeSet;
use std::fmt;

use anyhow::{Context as _, Result};
use serde::Serialize;
use skete_drivers::mailbox::Throttled;

use crate::figures::Row;

/// The first words of the lines that are ours.
const OURS: [&str; 5] = ["suite", "group", "board", "row", "histogram"];

/// What was read.
#[derive(Debug, Default)]
pub struct Findings {
    /// The rows.
    pub rows: Vec<Row>,
    /// How often what was how late.
    pub histograms: Vec<Histogram>,
    /// How the board was doing.
    pub conditions: Vec<Condition>,
    /// What is wrong, with the numbers of lines.
    pub faults: Vec<String>,
}

/// How often each range of values was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// As its rows begin.
    pub name: String,
    /// What the values are.
    pub unit: String,
    /// On which board.
    pub board: String,
    /// The least value of a range, and how many were in it.
    pub buckets: Vec<(u64, u64)>,
}

/// How the board was doing, each as far as the firmware told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Before or after which group.
    pub group: String,
    /// Whether after it.
    pub is_after: bool,
    /// The cores' rate, in Hz.
    pub arm_hz: Option<u32>,
    /// Thousandths of a degree Celsius.
    pub millidegrees: Option<u32>,
    /// Why the clocks are held down, or were.
    pub throttled: Option<u32>,
}

impl fmt::Display for Condition {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}: ", if self.is_after { "after" } else { "before" }, self.group)?;
        match self.arm_hz {
            Some(hz) => write!(out, "{} MHz, ", hz / 1_000_000)?,
            None => out.write_str("clock not told, ")?,
        }
        match self.millidegrees {
            Some(degrees) => write!(out, "{:.1} °C, ", f64::from(degrees) / 1e3)?,
            None => out.write_str("temperature not told, ")?,
        }
        match self.throttled.map(Throttled::from_bits_retain) {
            Some(bits) if bits.is_empty() => out.write_str("never throttled"),
            Some(bits) => out.write_str(&bits.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join(", ")),
            None => out.write_str("throttling not told"),
        }
    }
}

/// Where the text is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// A program in QEMU: what it printed came whole.
    Program,
    /// A serial line.
    Serial,
}

/// Reads what a program in QEMU printed for one group.
pub fn printed(text: &str, board: &str, mode: &str) -> Findings {
    let mut reader = Reader::new(Source::Program, board, mode);
    for (at, line) in text.lines().enumerate() {
        reader.take(at + 1, line);
    }
    reader.end()
}

/// Reads the log of a serial line. The last suite in it counts: a board that was reset began anew.
///
/// # Errors
/// There is no suite in it.
pub fn logged(bytes: &[u8]) -> Result<Findings> {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<&str> = text.split('\n').map(|line| line.trim_matches(['\r', '\0', ' '])).collect();
    let begins = |line: &str| whole(line).is_some_and(|words| words.starts_with("suite ") && words.contains(" begins on "));
    let first = lines.iter().rposition(|line| begins(line));
    let first = first.context("no line `suite … begins` came whole: no log of what `cargo xtask image bench` boots")?;
    let board = whole(lines[first]).and_then(|words| words.rsplit(' ').next()).unwrap_or_default();
    let mut reader = Reader::new(Source::Serial, board, "board");
    for (at, line) in lines.iter().enumerate().skip(first) {
        reader.take(at + 1, line);
    }
    Ok(reader.end())
}

/// A line without its check, if it has one and that is right.
fn whole(line: &str) -> Option<&str> {
    let (words, check) = split(line)?;
    (words.bytes().fold(0, |check, byte| check ^ byte) == check).then_some(words)
}

/// A line that ends with a check: the words before it, and what it says.
fn split(line: &str) -> Option<(&str, u8)> {
    let (words, check) = line.rsplit_once(" *")?;
    let is_check = check.len() == 2 && check.bytes().all(|digit| digit.is_ascii_hexdigit());
    Some((words, u8::from_str_radix(check, 16).ok().filter(|_| is_check)?))
}

/// A group that has begun.
struct Open {
    name: String,
    line: usize,
    rows: usize,
}

struct Reader<'a> {
    source: Source,
    board: &'a str,
    mode: &'a str,
    findings: Findings,
    names: BTreeSet<String>,
    group: Option<Open>,
    groups: usize,
    has_ended: bool,
}

impl<'a> Reader<'a> {
    fn new(source: Source, board: &'a str, mode: &'a str) -> Self {
        Self { source, board, mode, findings: Findings::default(), names: BTreeSet::new(), group: None, groups: 0, has_ended: false }
    }

    fn fault(&mut self, line: usize, matter: impl fmt::Display) {
        self.findings.faults.push(format!("line {line}: {matter}"));
    }

    /// Takes a line: ours if it begins with one of our words, or ends as ours do.
    fn take(&mut self, at: usize, line: &str) {
        let is_ours = line.split(' ').next().is_some_and(|word| OURS.contains(&word));
        let words = match (whole(line), split(line)) {
            (Some(words), _) => words,
            (None, Some(_)) => return self.fault(at, format_args!("garbled, its check is another: `{}`", shown(line))),
            (None, None) if !is_ours => return,
            (None, None) if self.source == Source::Program => line,
            (None, None) => return self.fault(at, format_args!("cut off, its check is missing: `{}`", shown(line))),
        };
        if self.words(at, words).is_none() && is_ours {
            self.fault(at, format_args!("is not what a bench program prints: `{}`", shown(line)));
        }
    }

    /// `None`: nothing that is known.
    fn words(&mut self, at: usize, words: &str) -> Option<()> {
        match *words.split(' ').collect::<Vec<_>>() {
            ["suite", _, "begins", ..] => {}
            ["suite", _, "ends,", groups, "groups"] => self.end_suite(at, groups.parse().ok()?),
            ["group", name, "begins"] => {
                self.end_group_unsaid();
                self.group = Some(Open { name: name.into(), line: at, rows: 0 });
            }
            ["group", name, "ends,", rows, "rows"] => self.end_group(at, name, rows.parse().ok()?),
            ["board", "clock", hz, "temperature", degrees, "throttled", bits] => {
                let (group, is_after) = self.group.as_ref().map_or_else(Default::default, |group| (group.name.clone(), group.rows > 0));
                let (arm_hz, millidegrees, throttled) = (told(hz, 10)?, told(degrees, 10)?, told(bits.trim_start_matches("0x"), 16)?);
                self.findings.conditions.push(Condition { group, is_after, arm_hz, millidegrees, throttled });
            }
            ["row", ..] => {
                let row = Row::parse(words, self.board, self.mode)?;
                self.row(at, row);
            }
            ["histogram", name, unit, ref buckets @ ..] => {
                let bucket = |word: &&str| word.split_once(':').and_then(|(least, count)| Some((least.parse().ok()?, count.parse().ok()?)));
                let buckets = buckets.iter().map(bucket).collect::<Option<Vec<_>>>()?;
                self.findings.histograms.push(Histogram { name: name.into(), unit: unit.into(), board: self.board.into(), buckets });
            }
            _ => return None,
        }
        Some(())
    }

    fn row(&mut self, at: usize, row: Row) {
        if !self.names.insert(row.name.clone()) {
            self.fault(at, format_args!("row {} is there twice", row.name));
            return;
        }
        match &mut self.group {
            Some(group) => group.rows += 1,
            None if self.source == Source::Serial => {
                self.fault(at, format_args!("row {} is of no group: its beginning is missing", row.name))
            }
            None => {}
        }
        self.findings.rows.push(row);
    }

    fn end_group(&mut self, at: usize, name: &str, rows: usize) {
        self.groups += 1;
        match self.group.take() {
            Some(group) if group.name == name && group.rows == rows => {}
            Some(group) if group.name == name => {
                self.fault(at, format_args!("group {name} had {rows} rows, of which {} came whole", group.rows));
            }
            Some(group) => self.fault(at, format_args!("group {name} ends, and {} had begun in line {}", group.name, group.line)),
            None => self.fault(at, format_args!("group {name} ends, and its beginning is missing")),
        }
    }

    /// A group is open and something else begins, or everything ends.
    fn end_group_unsaid(&mut self) {
        if let Some(Open { name, line, .. }) = self.group.take() {
            self.groups += 1;
            self.fault(line, format_args!("group {name} begins here and has no end"));
        }
    }

    fn end_suite(&mut self, at: usize, groups: usize) {
        self.end_group_unsaid();
        self.has_ended = true;
        let here = self.groups;
        if groups != here {
            self.fault(at, format_args!("the suite had {groups} groups, of which {here} are here"));
        }
    }

    fn end(mut self) -> Findings {
        self.end_group_unsaid();
        if self.source == Source::Serial && !self.has_ended {
            self.findings.faults.push("the log ends before the suite does".into());
        }
        self.findings
    }
}

/// A number, or `-` for what was not told. `None`: neither.
#[allow(clippy::option_option, reason = "whether it is a number, and whether one was told")]
fn told(word: &str, radix: u32) -> Option<Option<u32>> {
    if word == "-" { Some(None) } else { u32::from_str_radix(word, radix).ok().map(Some) }
}

/// The first letters of a line, as a terminal bears them.
fn shown(line: &str) -> String {
    line.chars().take(60).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &str) -> String {
        format!("{words} *{:02x}", words.bytes().fold(0, |check, byte| check ^ byte))
    }

    const WORDS: [&str; 8] = [
        "suite bench begins on raspi3b",
        "group threads begins",
        "board clock 1200000000 temperature 47236 throttled -",
        "row yield.alone 6.0 ns 0.00 switches 0.00 entries 7.2 cycles",
        "histogram wake.idle ns 3584:12 4096:961",
        "board clock 600000000 temperature 80500 throttled 0x60002",
        "group threads ends, 1 rows",
        "suite bench ends, 1 groups",
    ];

    /// A log with noise before, between and behind, and carriage returns; its lines 3 to 10 are [`WORDS`], each as `change` makes it.
    fn log(change: impl Fn(usize, String) -> String) -> Vec<u8> {
        let ours = WORDS.iter().enumerate().map(|(at, words)| change(at, line(words)));
        let mut bytes = b"\xff\xfe\0Raspberry Pi Bootcode\r\r\nskete: 4 cores\r\n".to_vec();
        for line in ours {
            bytes.extend_from_slice(format!("{line}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"skete: the program has ended\r\n\xf0\x9f");
        bytes
    }

    fn read(bytes: &[u8]) -> Findings {
        logged(bytes).expect("there is a suite")
    }

    #[test]
    fn a_log_is_read_through_noise_and_carriage_returns() {
        let found = read(&log(|_, line| line));
        assert_eq!(found.faults, [""; 0]);
        let row = &found.rows[0];
        assert_eq!(
            (row.value, row.cycles, row.unit.as_str(), row.board.as_str(), row.mode.as_str()),
            (6.0, Some(7.2), "ns", "raspi3b", "board")
        );
        assert_eq!(found.histograms[0].buckets, [(3584, 12), (4096, 961)]);
        let told: Vec<String> = found.conditions.iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "before threads: 1200 MHz, 47.2 °C, throttling not told");
        assert_eq!(told[1], "after threads: 600 MHz, 80.5 °C, CAPPED, CAPPED_SEEN, THROTTLED_SEEN");
    }

    #[test]
    fn what_was_cut_or_garbled_is_named_with_its_line() {
        let of = |change: &dyn Fn(String) -> String| read(&log(|at, line| if at == 3 { change(line) } else { line })).faults;
        let cut = of(&|line| line[..20].into());
        assert_eq!(
            cut,
            ["line 6: cut off, its check is missing: `row yield.alone 6.0`", "line 9: group threads had 1 rows, of which 0 came whole"]
        );
        let garbled = of(&|line| line.replace("6.0", "8.0"));
        assert!(garbled[0].starts_with("line 6: garbled, its check is another: `row yield.alone 8.0"), "{garbled:?}");
        let headless = of(&|line| line.replace("row", "r\u{1}w"));
        assert!(headless[0].starts_with("line 6: garbled"), "{headless:?}");
        assert_eq!(of(&|_| String::new()).len(), 1, "a line that is missing altogether is missed by its group");
        assert_eq!(of(&|line| format!("{line}\r\n{line}")), ["line 7: row yield.alone is there twice"]);
        assert!(of(&|_| self::line("row yield.alone six ns"))[0].starts_with("line 6: is not what"));
    }

    #[test]
    fn a_log_that_breaks_off_says_so() {
        let whole = log(|_, line| line);
        for end in 0..whole.len() - 34 {
            // Before the suite has begun there is no log; behind that something is missing.
            assert!(logged(&whole[..end]).map_or(true, |found| !found.faults.is_empty()), "cut at {end}");
        }
        assert!(logged(b"").is_err_and(|error| error.to_string().contains("no line `suite")), "an empty one");
    }

    #[test]
    fn groups_without_a_beginning_or_an_end_are_named() {
        let without = |gone: usize| read(&log(|at, line| if at == gone { String::new() } else { line })).faults;
        assert_eq!(without(1)[0], "line 6: row yield.alone is of no group: its beginning is missing");
        assert_eq!(without(6)[0], "line 4: group threads begins here and has no end");
        assert_eq!(without(7), ["the log ends before the suite does"]);
    }

    #[test]
    fn of_two_boots_the_last_counts() {
        let both = [&log(|_, line| line)[..150], &log(|_, line| line)[..]].concat();
        let found = read(&both);
        assert_eq!((found.faults.len(), found.rows.len()), (0, 1));
    }

    #[test]
    fn a_programs_rows_need_no_group_and_no_check() {
        let found = printed("skete\nrow boot.main 1587136.0 ns\n", "virt", "icount");
        assert_eq!((found.rows.len(), found.faults.len(), found.rows[0].unit.as_str()), (1, 0, "instructions"));
        assert_eq!(printed("row boot.main 1.0 ns *00\n", "virt", "icount").faults.len(), 1);
    }
}
