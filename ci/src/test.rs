//! `cargo xtask test`: host tests, models, the loader and the programs, each bounded in time.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};

use crate::backtrace::{Lines, Program, Stream};
use crate::guest::{self, Ending, Input};
use crate::house;
use crate::network::Network;
use crate::packages;
use crate::peer::Peer;
use crate::program::{Builder, Profile, Std};
use crate::project::{self, Project};
use crate::run::{Boot, Settings, Surroundings};
use crate::std_tests;
use crate::suite::{self, Trial, Wishes};
use crate::tally::{Tally, tail};

/// What can be tested apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Unit tests and properties, on this machine.
    Host,
    /// Every interleaving that loom finds.
    Models,
    /// The loader in QEMU: every way in, every refusal.
    Loader,
    /// The programs in QEMU, on both boards.
    Programs,
    /// std's own tests of threads, locks and time in QEMU, on both boards.
    Std,
    /// The same with std as it is on Linux, where panics unwind.
    StdLinux,
    /// The tool itself, as a person calls it.
    Tool,
}

/// How long a group may take before it counts as hanging.
const PATIENCE: Duration = Duration::from_secs(1200);

/// Runs every test, or those of one group; ends with `N passed, N failed`.
#[derive(Clone, Debug, Default, Args)]
pub struct Test {
    /// Only these groups.
    #[arg(long = "only", value_enum, value_name = "GROUP")]
    groups: Vec<Group>,
    /// Only programs' trials, or std's tests, whose name contains this, such as `hello`, `virt 4` or `sync::mutex`.
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// With how many seeds each program is preempted at random, where its table asks for any.
    #[arg(long, value_name = "N")]
    seeds: Option<u64>,
    /// Only the programs that run as long as they are told to, for so many minutes each.
    #[arg(long, value_name = "MINUTES", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    soak: Option<u64>,
    /// How often each trial of a program runs; one failure is a failure.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: Option<u32>,
    /// Install nothing and fetch nothing.
    #[arg(long)]
    offline: bool,
}

impl Test {
    /// Runs them, and counts in `tally`.
    ///
    /// # Errors
    /// A group cannot be started at all.
    pub fn carry_out(&self, tally: &mut Tally) -> Result<()> {
        let is_of_programs = self.filter.is_some() || self.soak.is_some();
        let is_wanted = |group| self.groups.contains(&group) || self.groups.is_empty() && (!is_of_programs || group == Group::Programs);
        if is_wanted(Group::Host) {
            tally.during("host", |tally| cargo("host", &["test", "--quiet", "--no-fail-fast"], &[], tally))?;
        }
        if is_wanted(Group::Models) {
            tally.during("models", models)?;
        }
        if [Group::Loader, Group::Programs, Group::Std, Group::StdLinux, Group::Tool].into_iter().any(is_wanted) {
            packages::all(self.offline)?;
            let builder = Builder::new(self.offline)?;
            if is_wanted(Group::Loader) {
                let loader = builder.loader()?.display().to_string();
                let words = ["test", "--quiet", "--package", "skete-loader", "--features", "emit", "--test", "boards", "--", "--ignored"];
                tally.during("loader", |tally| cargo("loader", &words, &[("SKETE_LOADER", &loader)], tally))?;
            }
            if is_wanted(Group::Programs) {
                tally.during("programs", |tally| self.programs(&builder, tally))?;
            }
            // Each uses a processor of the host, and waits for the emulator much of its time.
            let std = |tally: &mut Tally| {
                let of_std = [("std", Group::Std, Std::Kernel), ("std-linux", Group::StdLinux, Std::Linux)];
                let filter = self.filter.as_deref().unwrap_or_default();
                let mut wanted = of_std.into_iter().filter(|(_, group, _)| is_wanted(*group));
                wanted.try_for_each(|(name, _, std)| tally.during(name, |tally| std_tests::run(&builder, std, filter, tally)))
            };
            let tool = |tally: &mut Tally| {
                if is_wanted(Group::Tool) { tally.during("tool", |tally| self.tool(&builder, tally)) } else { Ok(()) }
            };
            tally.side_by_side(tool, std)?;
        }
        Ok(())
    }

    /// Builds what the tool's tests boot, and runs them with this very tool. One after the other: some count what runs.
    fn tool(&self, builder: &Builder, tally: &mut Tally) -> Result<()> {
        builder.loader()?;
        for program in ["args", "files", "hello", "suite"] {
            builder.program(&Project::find(program)?, Std::Kernel, Profile::Release, &[])?;
        }
        let tool = std::env::current_exe().context("this tool cannot be found")?.display().to_string();
        let words = ["test", "--quiet", "--package", "xtask", "--test", "tool", "--", "--ignored", "--test-threads=1"];
        let words = words.into_iter().chain(self.filter.as_deref()).collect::<Vec<&str>>();
        cargo("tool", &words, &[("SKETE_TOOL", &tool)], tally)
    }

    fn programs(&self, builder: &Builder, tally: &mut Tally) -> Result<()> {
        let filter = self.filter.as_deref().unwrap_or_default();
        let trials: Vec<Trial> = suite::trials(Wishes { seeds: self.seeds, soak: self.soak.map(|minutes| minutes * 60) })?
            .into_iter()
            .filter(|trial| trial.name().contains(filter))
            .collect();
        if trials.is_empty() {
            bail!("no trial's name contains `{filter}`");
        }
        let built = build(builder, &trials);
        // Counted trials and those with one core use one core of the host each. The others want all there are: one at a time, beside narrow
        // ones, for a machine of four cores waits much of its time.
        let (narrow, wide): (Vec<&Trial>, Vec<&Trial>) = trials.iter().partition(|trial| trial.machine.icount || trial.machine.cores == 1);
        let (narrow, wide) = (Queue::new(narrow), Queue::new(wide));
        let workers = thread::available_parallelism().map_or(1, usize::from);
        let tally = Mutex::new(tally);
        let work = |trial: &Trial| {
            let started = Instant::now();
            let once = |_| attempt(trial, &built, builder).unwrap_or_else(|error| vec![format!("{error:#}")]);
            let runs = 0..self.repeat.unwrap_or(1);
            let faults = runs.map(once).find(|faults| !faults.is_empty()).unwrap_or_default();
            if !guest::is_interrupted() {
                tally.lock().unwrap_or_else(PoisonError::into_inner).add(&trial.name(), started.elapsed(), &faults);
            }
        };
        thread::scope(|scope| {
            for worker in 0..workers {
                let queues = if worker == 0 { vec![&wide, &narrow] } else { vec![&narrow] };
                scope.spawn(|| queues.into_iter().flat_map(Queue::rest).for_each(work));
            }
        });
        guest::go_on()
    }
}

/// The loom models: the shipping files, compiled with loom's atomics.
///
/// # Errors
/// Cargo does not start.
pub fn models(tally: &mut Tally) -> Result<()> {
    let target = house::root().join("target/loom").display().to_string();
    let variables = [("RUSTFLAGS", "--cfg loom"), ("CARGO_TARGET_DIR", target.as_str())];
    for (name, package) in [("models", "skete-logic"), ("models of locks", "skete-sync")] {
        cargo(name, &["test", "--quiet", "--release", "--package", package, "--test", "models"], &variables, tally)?;
    }
    Ok(())
}

/// What several threads take from, each the next one, until nothing is left or a person interrupts.
struct Queue<'a> {
    trials: Vec<&'a Trial>,
    next: AtomicUsize,
}

impl<'a> Queue<'a> {
    const fn new(trials: Vec<&'a Trial>) -> Self {
        Self { trials, next: AtomicUsize::new(0) }
    }

    fn rest(&self) -> impl Iterator<Item = &'a Trial> {
        iter::from_fn(|| self.trials.get(self.next.fetch_add(1, Ordering::Relaxed)).copied().filter(|_| !guest::is_interrupted()))
    }
}

/// Programs as linked, by name, std and profile, or why not.
type Built = BTreeMap<(String, Option<Std>, &'static str), Result<PathBuf, String>>;

fn key(trial: &Trial) -> (String, Option<Std>, &'static str) {
    (trial.program.clone(), trial.case.std, trial.case.profile.name())
}

/// What a trial boots, and the std that it has.
fn project_of(trial: &Trial) -> Result<(Project, Std)> {
    let project = Project::find(&trial.program)?;
    let std = trial.case.std.map_or_else(|| project.std(), Ok)?;
    Ok((project, std))
}

/// The packages among them that can be built together, by std and profile.
fn alike(trials: &[Trial]) -> BTreeMap<(Std, Profile), BTreeSet<String>> {
    let mut groups = BTreeMap::<_, BTreeSet<String>>::new();
    for trial in trials.iter().filter(|trial| matches!(project::is_plain(&trial.program), Ok(true))) {
        if let Ok((_, std)) = project_of(trial) {
            groups.entry((std, trial.case.profile)).or_default().insert(trial.program.clone());
        }
    }
    groups
}

/// Builds what the trials boot. One that cannot be built is a failure of its own trials only.
fn build(builder: &Builder, trials: &[Trial]) -> Built {
    let mut built = Built::new();
    for ((std, profile), names) in alike(trials) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        if names.len() > 1 && builder.ahead(&names, std, profile).is_err() {
            break;
        }
    }
    for trial in trials {
        if let Entry::Vacant(place) = built.entry(key(trial)) {
            let program = project_of(trial).and_then(|(project, std)| builder.program(&project, std, trial.case.profile, &[]));
            place.insert(program.map_err(|error| format!("it is not built: {error:#}")));
        }
    }
    built
}

/// Boots a trial; what is wrong with its outcome, and its output if anything is.
fn attempt(trial: &Trial, built: &Built, builder: &Builder) -> Result<Vec<String>> {
    let elf = match built.get(&key(trial)) {
        Some(Ok(elf)) => elf,
        Some(Err(why)) => return Ok(vec![why.clone()]),
        None => bail!("it was not built"),
    };
    let folder = project::folder(&trial.program);
    let out = tempfile::tempdir()?;
    let case = &trial.case;
    // It answers as long as the trial lasts.
    let peer = case.peer.then(Peer::start).transpose().context("nobody can answer the program")?;
    let address = peer.as_ref().map(|peer| peer.address().to_string());
    let settings = Settings {
        env: case.env.clone(),
        root: case.root.as_ref().map(|root| folder.join(root)),
        chaos: trial.seed,
        arguments: case.arguments.iter().cloned().chain(address).collect(),
    };
    let surroundings = Surroundings {
        settings,
        out: (!case.files.is_empty()).then(|| out.path().into()),
        timeout: Some(case.timeout),
        qemu: case.qemu.clone(),
        network: Network { card: case.card, card_faults: case.card_faults, pings: true, ..Network::default() },
    };
    let lines = Program::open(elf).ok();
    let lines = lines.as_ref().map(|program| program as &dyn Lines);
    let (mut stream, mut output) = (Stream::default(), Vec::new());
    let mut listener = |piece: &[u8]| output.extend(stream.push(piece, lines));
    let boot = Boot {
        machine: &trial.machine,
        surroundings: &surroundings,
        elf,
        input: match (case.input.as_deref(), case.input_after.as_deref()) {
            (Some(with), Some(to)) => Input::Reply { to, with },
            (Some(text), None) => Input::Typed(text),
            (None, _) => Input::None,
        },
        offline: true,
    };
    let ending = boot.carry_out(builder, &mut listener)?;
    output.extend(stream.finish());
    let output = String::from_utf8_lossy(&output);
    let mut faults = suite::faults(case, &folder, ending, &output, out.path())?;
    if !faults.is_empty() {
        faults.push(format!("to run it again: {}", trial.again(&folder)));
        faults.push(format!("its output:\n{}", tail(&output, 60)));
    }
    Ok(faults)
}

/// Runs the host's cargo on tests, shows what it says, and counts its tests.
fn cargo(name: &str, words: &[&str], variables: &[(&str, &str)], tally: &mut Tally) -> Result<()> {
    println!("     {name}: cargo {}", words.join(" "));
    let started = Instant::now();
    let mut arguments: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    arguments.push(house::host_cargo().to_string_lossy().into_owned());
    arguments.extend(words.iter().map(|&word| word.into()));
    let mut output = Vec::new();
    let mut listener = |piece: &[u8]| output.extend_from_slice(piece);
    let ending = guest::run(Path::new("env"), &arguments, house::root(), Input::None, Some(PATIENCE), &mut listener)?;
    guest::go_on()?;
    let output = String::from_utf8_lossy(&output);
    let (passed, failed) = counts(&output);
    tally.count(passed, failed);
    let mut faults = Vec::new();
    if ending != Ending::Status(0) {
        faults.push(format!("{ending:?}; its output:\n{}", tail(&output, 200)));
    }
    if ending != Ending::Status(0) && failed > 0 {
        // The failed tests are counted one by one.
        println!("FAIL {name}\n{}", faults.concat());
        return Ok(());
    }
    tally.add(&format!("{name}: {passed} tests"), started.elapsed(), &faults);
    Ok(())
}

/// Passed and failed, summed over libtest's lines `test result: ok. 3 passed; 0 failed; …`.
fn counts(output: &str) -> (usize, usize) {
    let results = output.lines().filter_map(|line| line.trim().strip_prefix("test result: "));
    let number = |line: &str, word: &str| {
        let before = line.split(word).next()?;
        before.rsplit([' ', '.']).find(|part| !part.is_empty())?.parse::<usize>().ok()
    };
    results.fold((0, 0), |(passed, failed), line| {
        (passed + number(line, " passed").unwrap_or(0), failed + number(line, " failed").unwrap_or(0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtests_results_are_summed() {
        let output = "\nrunning 3 tests\n...\ntest result: ok. 3 passed; 0 failed; 0 ignored; finished in 0.1s\n\
                      test result: FAILED. 12 passed; 2 failed; 1 ignored\n";
        assert_eq!(counts(output), (15, 2));
        assert_eq!(counts("no tests"), (0, 0));
    }
}
