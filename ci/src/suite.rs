//! What `cargo xtask test` runs of each program: the tables `apps/NAME/cases.toml`, and whether an outcome is what they expect.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use regex::Regex;
use serde::Deserialize;

use crate::board::{Board, Machine};
use crate::guest::Ending;
use crate::network::Card;
use crate::options::quoted;
use crate::program::{Profile, Std};
use crate::project;

/// How the cores run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// One thread of QEMU's counts instructions: every run is the same.
    Icount,
    /// A thread of QEMU's for each core, at whatever speed.
    Mttcg,
}

/// One row of a table: a program with arguments, and what it must do on every machine named.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Case {
    /// What the case shows; the program's name and arguments if left out.
    pub name: Option<String>,
    /// The program's arguments.
    pub arguments: Vec<String>,
    /// For how many seconds it runs, if it runs as long as it is told to: its last argument. `--soak` tells it otherwise.
    pub soak: Option<u64>,
    /// Variables, `KEY=VALUE`.
    pub env: Vec<String>,
    /// What is typed on the console; `\u0004` (Ctrl-D) ends it.
    pub input: Option<String>,
    /// The program's words after which that is typed; at once if left out.
    pub input_after: Option<String>,
    /// Whether this machine answers the program: on a port that is its last argument, as `10.0.2.2:PORT`.
    pub peer: bool,
    /// Which card a program has that uses the network; the board's usual one if left out.
    pub card: Option<Card>,
    /// The seed of what goes wrong at a card that is a model of ours.
    pub card_faults: Option<u64>,
    /// A folder beside the table that fills the file tree.
    pub root: Option<PathBuf>,
    /// The exit status.
    pub status: u8,
    /// Regular expressions, each found somewhere in the output; `^` and `$` are a line's ends.
    pub output: Vec<String>,
    /// Regular expressions that must not be found.
    pub never: Vec<String>,
    /// A file beside the table with exactly the program's output, the kernel's own lines left out.
    pub golden: Option<PathBuf>,
    /// Files that must come back in /out.
    pub files: Vec<String>,
    /// On which boards.
    pub boards: Vec<Board>,
    /// With how many cores.
    pub cores: Vec<u8>,
    /// Counted or not.
    pub modes: Vec<Mode>,
    /// Which interrupt controllers of virt; one case each.
    pub gic: Vec<u8>,
    /// Whether raspi3b's console is its mini UART.
    pub mini_uart: bool,
    /// Memory of virt in MiB.
    pub mem: Option<u32>,
    /// How often it runs once more with threads preempted at random moments, each time with another seed, where runs repeat.
    pub seeds: u64,
    /// Which std it has, if another than its Cargo.toml asks for.
    pub std: Option<Std>,
    /// How it is compiled.
    #[serde(with = "profile")]
    pub profile: Profile,
    /// Seconds of the host's time after which it hangs.
    pub timeout: f64,
    /// Further arguments for QEMU.
    pub qemu: Vec<String>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            name: None,
            arguments: Vec::new(),
            soak: None,
            env: Vec::new(),
            input: None,
            input_after: None,
            peer: false,
            card: None,
            card_faults: None,
            root: None,
            status: 0,
            output: Vec::new(),
            never: Vec::new(),
            golden: None,
            files: Vec::new(),
            boards: vec![Board::Raspi3b, Board::Virt],
            cores: vec![1, 4],
            modes: vec![Mode::Icount, Mode::Mttcg],
            gic: vec![2],
            mini_uart: false,
            mem: None,
            seeds: 0,
            std: None,
            profile: Profile::Release,
            timeout: 60.0,
            qemu: Vec::new(),
        }
    }
}

/// A program's table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(default)]
    case: Vec<Case>,
}

/// One case on one machine.
#[derive(Clone, Debug)]
pub struct Trial {
    /// The program.
    pub program: String,
    /// What it must do.
    pub case: Case,
    /// On what.
    pub machine: Machine,
    /// The seed of its preemptions, if they are random.
    pub seed: Option<u64>,
}

impl Trial {
    /// What it is called in the report.
    pub fn name(&self) -> String {
        let default = || [std::slice::from_ref(&self.program), self.case.arguments.as_slice()].concat().join(" ");
        let name = self.case.name.clone().map_or_else(default, |name| format!("{}: {name}", self.program));
        let profile = if self.case.profile == Profile::Dev { " dev" } else { "" };
        let std = self.case.std.map_or_else(String::new, |std| format!(" {}", std.word()));
        let seed = self.seed.map_or_else(String::new, |seed| format!(" chaos {seed}"));
        format!("{name} [{}{std}{profile}{seed}]", self.machine)
    }

    /// The command for the same run: to be given at a terminal, and nothing typed but what the case has typed. `folder` is the program's.
    pub fn again(&self, folder: &Path) -> String {
        let (case, machine) = (&self.case, &self.machine);
        let mut words = vec!["run".into(), self.program.clone()];
        words.extend(case.std.iter().flat_map(|std| ["--std".into(), std.word().into()]));
        words.extend((case.profile == Profile::Dev).then(|| "--dev".into()));
        words.extend(["--board".into(), machine.board.to_string(), "--cores".into(), machine.cores.to_string()]);
        words.extend(machine.mem.iter().flat_map(|mem| ["--mem".into(), mem.to_string()]));
        words.extend(machine.gic.iter().flat_map(|gic| ["--gic".into(), gic.to_string()]));
        words.extend(machine.mini_uart.then(|| "--mini-uart".into()));
        words.extend(machine.icount.then(|| "--icount".into()));
        let faults = case.card_faults.iter().flat_map(|seed| ["--card-faults".into(), seed.to_string()]);
        words.extend(case.card.iter().flat_map(|card| ["--card".into(), card.to_string()]).chain(faults));
        words.extend(self.seed.iter().flat_map(|seed| ["--chaos".into(), seed.to_string()]));
        words.extend(case.root.iter().flat_map(|root| ["--root".into(), folder.join(root).display().to_string()]));
        words.extend((!case.files.is_empty()).then(|| ["--out".into(), "out".into()]).into_iter().flatten());
        words.extend(case.env.iter().flat_map(|variable| ["--env".into(), variable.clone()]));
        words.extend(case.qemu.iter().flat_map(|word| ["--qemu".into(), word.clone()]));
        words.extend(["--timeout".into(), case.timeout.to_string()]);
        if !case.arguments.is_empty() {
            words.push("--".into());
        }
        let words: Vec<String> =
            words.iter().chain(&case.arguments).map(|word| if word == "--" { word.clone() } else { quoted(word) }).collect();
        // Where instructions are counted, input that is known to be empty is part of the image, and so another run.
        let input = if machine.icount { "    # at a terminal" } else { "" };
        format!("cargo xtask {}{input}", words.join(" "))
    }
}

/// What is asked of all tables.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wishes {
    /// With how many seeds, in place of how many the tables ask for, where they ask for any.
    pub seeds: Option<u64>,
    /// Only what runs as long as it is told to, and for so many seconds.
    pub soak: Option<u64>,
}

/// Every trial of every program, in the order of the tables.
///
/// # Errors
/// A table cannot be read, or says what is not understood.
pub fn trials(wishes: Wishes) -> Result<Vec<Trial>> {
    let mut trials = Vec::new();
    for program in project::names() {
        let path = project::folder(&program).join("cases.toml");
        if path.exists() {
            let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            trials.extend(parse(&program, &text, wishes).with_context(|| path.display().to_string())?);
        }
    }
    Ok(trials)
}

fn parse(program: &str, text: &str, wishes: Wishes) -> Result<Vec<Trial>> {
    let table: Table = toml::from_str(text)?;
    let mut trials = Vec::new();
    for case in table.case.into_iter().filter_map(|case| lasting(case, wishes.soak)) {
        for pattern in case.output.iter().chain(&case.never) {
            regex(pattern)?;
        }
        for machine in machines(&case) {
            let seeds = if machine.icount && case.seeds > 0 { wishes.seeds.unwrap_or(case.seeds) } else { 0 };
            let seeds = std::iter::once(None).chain((1..=seeds).map(Some));
            trials.extend(seeds.map(|seed| Trial { program: program.into(), case: case.clone(), machine: machine.clone(), seed }));
        }
    }
    Ok(trials)
}

/// The case with how long it runs as its last argument; none, if it is to run for `soak` seconds and does not run as long as it is told to.
fn lasting(mut case: Case, soak: Option<u64>) -> Option<Case> {
    let Some(own) = case.soak else { return soak.is_none().then_some(case) };
    let seconds = soak.unwrap_or(own);
    case.arguments.push(seconds.to_string());
    // What the rest of it takes does not grow.
    case.timeout += Duration::from_secs(seconds.saturating_sub(own)).as_secs_f64();
    Some(case)
}

fn machines(case: &Case) -> impl Iterator<Item = Machine> {
    let (mem, gics, modes, cores) = (case.mem, case.gic.clone(), case.modes.clone(), case.cores.clone());
    let mini_uart = case.mini_uart;
    case.boards.clone().into_iter().flat_map(move |board| {
        let gics = if board == Board::Virt { gics.clone() } else { vec![0] };
        let (modes, cores) = (modes.clone(), cores.clone());
        gics.into_iter().flat_map(move |gic| {
            let modes = modes.clone();
            cores.clone().into_iter().flat_map(move |cores| {
                modes.clone().into_iter().map(move |mode| Machine {
                    mem: mem.filter(|_| board == Board::Virt),
                    gic: (gic > 2).then_some(gic),
                    mini_uart,
                    icount: mode == Mode::Icount,
                    ..Machine::new(board, cores)
                })
            })
        })
    })
}

fn regex(pattern: &str) -> Result<Regex> {
    Regex::new(&format!("(?m){pattern}")).with_context(|| format!("`{pattern}` is no regular expression"))
}

/// What is wrong with an outcome; nothing, if it is as the case expects. `folder` is the program's, `out` what came back.
///
/// # Errors
/// The golden file cannot be read.
pub fn faults(case: &Case, folder: &Path, ending: Ending, output: &str, out: &Path) -> Result<Vec<String>> {
    let output = output.replace('\r', "");
    let mut faults = Vec::new();
    match ending {
        Ending::Status(status) if status == case.status => {}
        Ending::Status(status) => faults.push(format!("status {status}, not {}", case.status)),
        Ending::TimedOut => faults.push(format!("hangs: nothing ended it within {} s", case.timeout)),
        Ending::Interrupted => faults.push("interrupted".into()),
    }
    for pattern in &case.output {
        if !regex(pattern)?.is_match(&output) {
            faults.push(format!("nothing in the output matches `{pattern}`"));
        }
    }
    for pattern in &case.never {
        if regex(pattern)?.is_match(&output) {
            faults.push(format!("the output matches `{pattern}`"));
        }
    }
    if let Some(golden) = &case.golden {
        let path = folder.join(golden);
        let expected = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let ours: String = output.split_inclusive('\n').filter(|line| !line.starts_with("skete")).collect();
        if ours != expected {
            faults.push(format!("the output is not that of {}", golden.display()));
        }
    }
    faults.extend(case.files.iter().filter(|file| !out.join(file).exists()).map(|file| format!("/out/{file} did not come back")));
    Ok(faults)
}

mod profile {
    use serde::{Deserialize as _, Deserializer, de::Error as _};

    use crate::program::Profile;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Profile, D::Error> {
        match String::deserialize(input)?.as_str() {
            "dev" => Ok(Profile::Dev),
            "release" => Ok(Profile::Release),
            other => Err(D::Error::custom(format!("profile `{other}` is neither dev nor release"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "[[case]]\narguments = [\"null\"]\nstatus = 139\noutput = [\"^skete: fault\"]\nnever = [\"again\"]\n";

    fn case(table: &str) -> Case {
        parse("panic", table, Wishes::default()).expect("the table is well-formed").remove(0).case
    }

    fn judged(case: &Case, ending: Ending, output: &str) -> usize {
        faults(case, Path::new("."), ending, output, Path::new(".")).expect("nothing is read").len()
    }

    #[test]
    fn a_case_runs_on_both_boards_with_one_and_four_cores_counted_and_not() {
        let names: Vec<String> =
            parse("panic", TABLE, Wishes::default()).expect("the table is well-formed").iter().map(Trial::name).collect();
        assert_eq!(names.len(), 8);
        assert_eq!(names[0], "panic null [raspi3b 1 icount]");
        assert_eq!(names[7], "panic null [virt 4]");
    }

    #[test]
    fn the_other_gic_is_asked_for_on_virt_only() {
        let table = format!("{TABLE}gic = [2, 3]\ncores = [4]\nmodes = [\"mttcg\"]\nmem = 64\nprofile = \"dev\"\n");
        let names: Vec<String> = parse("x", &table, Wishes::default()).expect("the table is well-formed").iter().map(Trial::name).collect();
        assert_eq!(names, ["x null [raspi3b 4 dev]", "x null [virt 4 64M dev]", "x null [virt 4 gic3 64M dev]"]);
    }

    #[test]
    fn a_trial_says_how_it_is_run_again() {
        let table = "[[case]]\narguments = [\"two words\", \"5\"]\nroot = \"r\"\nboards = [\"virt\"]\ncores = [4]\nmodes = [\"icount\"]\nseeds = 1\n";
        let trials = parse("x", table, Wishes::default()).expect("the table is well-formed");
        let again = trials[1].again(Path::new("apps/x"));
        assert_eq!(
            again,
            "cargo xtask run x --board virt --cores 4 --icount --chaos 1 --root apps/x/r --timeout 60 -- 'two words' 5    # at a terminal"
        );
    }

    #[test]
    fn status_patterns_and_their_absence_are_judged() {
        let case = case(TABLE);
        assert_eq!(judged(&case, Ending::Status(139), "core 0\r\nskete: fault at 0\r\n"), 0);
        assert_eq!(judged(&case, Ending::Status(1), "skete: fault at 0\n"), 1);
        assert_eq!(judged(&case, Ending::Status(139), "no skete: fault at 0\n"), 1);
        assert_eq!(judged(&case, Ending::Status(139), "skete: fault\nagain\n"), 1);
        assert_eq!(judged(&case, Ending::TimedOut, ""), 2);
    }

    #[test]
    fn a_golden_file_is_compared_without_the_kernels_lines() {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        fs::write(folder.path().join("expected.txt"), "one\ntwo\n").expect("it can be written");
        let case = case("[[case]]\ngolden = \"expected.txt\"\n");
        let judged = |output| faults(&case, folder.path(), Ending::Status(0), output, folder.path()).expect("it can be read").len();
        assert_eq!(judged("skete: 4 cores\none\ntwo\n"), 0);
        assert_eq!(judged("one\n"), 1);
    }

    #[test]
    fn a_word_that_no_table_has_is_refused() {
        assert!(parse("x", "[[case]]\nstatsu = 1\n", Wishes::default()).is_err());
        assert!(parse("x", "[[case]]\noutput = [\"(\"]\n", Wishes::default()).is_err());
        assert!(parse("x", "[[case]]\nprofile = \"debug\"\n", Wishes::default()).is_err());
    }

    #[test]
    fn every_table_of_this_workspace_can_be_read() {
        assert!(trials(Wishes::default()).is_ok());
    }

    #[test]
    fn seeds_are_for_counted_runs_of_the_cases_that_ask_for_them() {
        let table = format!("{TABLE}boards = [\"virt\"]\ncores = [4]\nseeds = 2\n");
        let names = |seeds| {
            parse("x", &table, Wishes { seeds, soak: None }).expect("the table is well-formed").iter().map(Trial::name).collect::<Vec<_>>()
        };
        assert_eq!(
            names(None),
            ["x null [virt 4 icount]", "x null [virt 4 icount chaos 1]", "x null [virt 4 icount chaos 2]", "x null [virt 4]"]
        );
        assert_eq!(names(Some(20)).len(), 22);
        assert_eq!(parse("x", TABLE, Wishes { seeds: Some(20), soak: None }).expect("the table is well-formed").len(), 8);
    }

    #[test]
    fn a_case_that_lasts_is_told_how_long() {
        let table = format!("{TABLE}soak = 5\ntimeout = 60.0\n[[case]]\n");
        let told = |soak| {
            let trials = parse("x", &table, Wishes { seeds: None, soak }).expect("the table is well-formed");
            trials.into_iter().map(|trial| (trial.case.arguments, trial.case.timeout)).collect::<Vec<_>>()
        };
        let lasting = |seconds: &str, timeout| (vec!["null".to_owned(), seconds.to_owned()], timeout);
        assert_eq!(told(None)[7..9], [lasting("5", 60.0), (vec![], 60.0)]);
        assert_eq!(told(Some(600)), vec![lasting("600", 655.0); 8], "and no others run");
    }
}
