//! `cargo xtask conformance`: how much of POSIX holds here, told by suites that no one here wrote.
//!
//! The suites ([`suite`]) are the Open POSIX Test Suite and glibc's own tests of threads, brought as Debian's source packages. Each test is a
//! C program that ends with status 0 or not. Those that pass on this machine's own Linux ([`host`]) are what there is to be had: each is
//! then built by our compiler driver, booted, and counted ([`score`]). What fails here and passes there has its reason in
//! `ci/conformance.toml`, or the run fails.

mod host;
mod score;
mod suite;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::board::{Board, Machine};
use crate::guest::{self, Ending, Input};
use crate::house;
use crate::packages;
use crate::program::Builder;
use crate::run::{Boot, Surroundings};
use crate::tally::Tally;
use score::{Reasons, Report};
use suite::{Subject, Suite, Test};

/// What every test is linked with.
const LIBRARIES: [&str; 3] = ["-lpthread", "-lrt", "-lm"];
/// How long a test may take: the longest that pass take half of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How many run at once: most of their time they sleep.
const WORKERS: usize = 4;

/// Runs the Open POSIX Test Suite and glibc's tests of threads on this machine's Linux and here, and tells what passes there and not here.
#[derive(Clone, Debug, Args)]
pub struct Conformance {
    /// Only tests whose name contains this, such as `pthread_cond`, `sem_wait/1-1` or `tst-barrier`.
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
    /// What is scored.
    #[arg(long = "subject", value_enum, value_name = "SUBJECT")]
    subjects: Vec<Subject>,
    /// On which board.
    #[arg(long, value_enum, default_value = "virt")]
    board: Board,
    /// How many cores.
    #[arg(long, value_name = "1..4", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=4))]
    cores: u8,
    /// Write every verdict to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the tables of scores into the README, of the subjects that are asked.
    #[arg(long)]
    readme: bool,
    /// Show what a test that failed has said.
    #[arg(long, short)]
    verbose: bool,
    /// Fail for a score that is too low only, not for a test that fails without a reason: some of the suite's race with themselves.
    #[arg(long)]
    lenient: bool,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// With status 0.
    Passed,
    /// With another status, or by a signal or a fault; and what it said.
    Failed(String),
    /// It did not compile or link.
    NotBuilt(String),
    /// It did not end.
    Hung(String),
}

/// What every change must hold: the threads' score on four cores.
///
/// # Errors
/// As [`Conformance::carry_out`].
pub fn guard(tally: &mut Tally) -> Result<()> {
    let threads = Conformance {
        filter: None,
        subjects: vec![Subject::Threads],
        board: Board::Virt,
        cores: 4,
        json: None,
        readme: false,
        verbose: true,
        lenient: true,
    };
    threads.carry_out(tally)
}

impl Conformance {
    /// Does it, and counts each score in `tally`.
    ///
    /// # Errors
    /// The suite or a compiler cannot be had.
    pub fn carry_out(&self, tally: &mut Tally) -> Result<()> {
        let machine = Machine::new(self.board, self.cores);
        let (mut tests, mut verdicts) = (Vec::new(), Vec::new());
        for suite in Suite::with(&self.subjects)? {
            let (asked, judged) = self.judge(suite, &machine)?;
            tests.extend(asked);
            verdicts.extend(judged);
        }
        ensure!(!tests.is_empty(), "no test's name contains `{}`", self.filter.as_deref().unwrap_or_default());
        let reasons = Reasons::read(&house::root().join("ci/conformance.toml"))?;
        let report = Report::new(&tests, &verdicts, &reasons, self.board, self.cores);
        report.tell(self.verbose, self.filter.is_none(), !self.lenient, tally);
        if let Some(path) = &self.json {
            fs::write(path, report.json()?).with_context(|| format!("{} cannot be written", path.display()))?;
        }
        if self.readme {
            ensure!(self.filter.is_none(), "--readme wants every test of a subject, and there is a filter");
            report.write_tables()?;
        }
        Ok(())
    }

    /// The wanted tests of a suite that pass on this machine's Linux, and their verdicts on the guest.
    fn judge(&self, mut suite: Suite, machine: &Machine) -> Result<(Vec<Test>, Vec<Verdict>)> {
        let tests: Vec<Test> = suite.tests.drain(..).filter(|test| self.wants(test)).collect();
        if tests.is_empty() {
            return Ok((tests, Vec::new()));
        }
        let (excluded, asked): (Vec<Test>, Vec<Test>) = tests.into_iter().partition(|test| test.excluded.is_some());
        let bench = Bench::new(suite)?;
        println!("     {} tests on this machine's Linux", asked.len());
        let host = each(&asked, |test| bench.on_host(test))?;
        let mut by_rule: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        excluded.iter().for_each(|test| by_rule.entry(test.excluded.unwrap_or_default()).or_default().push(&test.name));
        for (test, _) in asked.iter().zip(&host).filter(|(_, verdict)| matches!(verdict, Verdict::NotBuilt(_))) {
            by_rule.entry("its file alone makes no program on Linux").or_default().push(&test.name);
        }
        for (rule, names) in by_rule {
            println!("     not asked, {rule}: {} tests: {}", names.len(), names.join(" "));
        }
        let wanted: Vec<Test> =
            asked.into_iter().zip(host).filter(|(_, verdict)| *verdict == Verdict::Passed).map(|(test, _)| test).collect();
        println!("     {} of them pass there; those, on {} with {} cores", wanted.len(), self.board, self.cores);
        let verdicts = each(&wanted, |test| bench.on_guest(test, machine))?;
        Ok((wanted, verdicts))
    }

    fn wants(&self, test: &Test) -> bool {
        (self.subjects.is_empty() || self.subjects.contains(&test.subject))
            && self.filter.as_deref().is_none_or(|part| test.name.contains(part))
    }
}

/// Where tests are built and run.
struct Bench {
    suite: Suite,
    scratch: tempfile::TempDir,
    builder: Builder,
    driver: PathBuf,
    known: host::Known,
}

impl Bench {
    fn new(suite: Suite) -> Result<Self> {
        packages::all(false)?;
        let builder = Builder::new(false)?;
        let scratch = tempfile::Builder::new().prefix("conformance-").tempdir_in(house::target_dir()).context("no folder to build in")?;
        let known = host::Known::new(&house::target_dir().join("conformance"), &suite)?;
        Ok(Self { suite, scratch, builder, driver: crate::cc::driver(false)?, known })
    }

    /// Builds a test; `Err` is its verdict.
    fn build(&self, compiler: &Path, flags: &[String], test: &Test, name: &str) -> Result<PathBuf, Verdict> {
        let output = self.scratch.path().join(format!("{}.{name}", test.name.replace('/', "_")));
        let mut command = Command::new(compiler);
        command.args(&self.suite.flags).args(flags).arg(&test.source).arg("-o").arg(&output);
        if test.is_built_only {
            command.arg("-c");
        } else {
            command.args(LIBRARIES);
        }
        let said = command.output().map_err(|error| Verdict::NotBuilt(error.to_string()))?;
        if said.status.success() { Ok(output) } else { Err(Verdict::NotBuilt(String::from_utf8_lossy(&said.stderr).into_owned())) }
    }

    /// Whether a test passes on this machine's Linux: as it did before, if nothing has changed since.
    fn on_host(&self, test: &Test) -> Result<Verdict> {
        let known = self.known.of(test)?;
        if let Some(verdict) = known.read() {
            return Ok(verdict);
        }
        let verdict = self.on(Path::new("cc"), &[], test, "host", |program| {
            let folder = tempfile::tempdir_in(self.scratch.path()).context("no folder to run in")?;
            let mut output = Vec::new();
            let mut listener = |piece: &[u8]| output.extend_from_slice(piece);
            let arguments = ["-c", "exec \"$0\" 2>&1", &program.display().to_string()].map(String::from);
            let ending = guest::run(Path::new("sh"), &arguments, folder.path(), Input::None, Some(PATIENCE), &mut listener)?;
            Ok((ending, output))
        })?;
        guest::go_on()?;
        known.write(&verdict)?;
        Ok(verdict)
    }

    fn on_guest(&self, test: &Test, machine: &Machine) -> Result<Verdict> {
        self.on(&self.driver, &self.suite.guest_flags, test, "guest", |program| {
            let surroundings = Surroundings { timeout: Some(PATIENCE.as_secs_f64()), ..Surroundings::default() };
            let boot = Boot { machine, surroundings: &surroundings, elf: program, input: Input::None, offline: true };
            let mut output = Vec::new();
            let ending = boot.carry_out(&self.builder, &mut |piece| output.extend_from_slice(piece))?;
            Ok((ending, output))
        })
    }

    /// Builds with a compiler, runs, and judges; then what was built is in nobody's way.
    fn on(
        &self,
        compiler: &Path,
        flags: &[String],
        test: &Test,
        name: &str,
        run: impl FnOnce(&Path) -> Result<(Ending, Vec<u8>)>,
    ) -> Result<Verdict> {
        let program = match self.build(compiler, flags, test, name) {
            Ok(program) => program,
            Err(verdict) => return Ok(verdict),
        };
        let verdict = if test.is_built_only {
            Verdict::Passed
        } else {
            let (ending, output) = run(&program)?;
            let output = String::from_utf8_lossy(&output).into_owned();
            match ending {
                Ending::Status(0) => Verdict::Passed,
                Ending::Status(status) => Verdict::Failed(format!("status {status}\n{output}")),
                Ending::TimedOut => Verdict::Hung(output),
                Ending::Interrupted => Verdict::Failed("interrupted".into()),
            }
        };
        fs::remove_file(&program).context("what was built cannot be removed")?;
        Ok(verdict)
    }
}

/// A verdict for each test, several at once.
fn each(tests: &[Test], judge: impl Fn(&Test) -> Result<Verdict> + Sync) -> Result<Vec<Verdict>> {
    let verdicts = Mutex::new(vec![None; tests.len()]);
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(test) = tests.get(index) else { return Ok(()) };
            guest::go_on()?;
            let verdict = judge(test)?;
            verdicts.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(verdict);
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().unwrap_or_else(|_| anyhow::bail!("a worker broke off")))
    })?;
    let verdicts = verdicts.into_inner().unwrap_or_else(PoisonError::into_inner);
    verdicts.into_iter().collect::<Option<Vec<Verdict>>>().context("a test was not judged")
}
