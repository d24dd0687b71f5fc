//! Runs models, each in a process of its own, and tells the outcome as `cargo test` does.

use super::mutant::{self, Mutant};
use std::fs;
use std::io::{BufRead, BufReader};
use std::iter;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A model: a small program whose every interleaving (within the preemption bound) must hold.
#[derive(Clone, Copy)]
pub struct Model {
    /// A sentence.
    pub name: &'static str,
    /// What is explored.
    pub body: fn(),
    /// Faults that this model must find.
    pub mutants: &'static [Mutant],
}

/// How often a thread may be interrupted where it need not wait. Most faults of this kind need one or two.
const PREEMPTIONS: usize = 3;
/// The most that one run may compute.
const LIMIT: Duration = Duration::from_secs(60);
/// The most that it may take where it shares the host.
const PATIENCE: Duration = Duration::from_secs(300);
/// Says to a process which run it is.
const RUN: &str = "SKETE_MODEL_RUN";

/// Runs those of `models` whose names hold one of the arguments, or all, as many at once as the host has processors.
pub fn run(models: &[Model]) -> ExitCode {
    if let Ok(run) = std::env::var(RUN) {
        return explore(models, &run);
    }
    let wanted = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect::<Vec<_>>();
    let is_wanted = |model: &&Model| wanted.is_empty() || wanted.iter().any(|part| model.name.contains(part));
    let runs = Mutex::new(models.iter().filter(is_wanted).flat_map(runs_of));
    let (passed, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let next = || runs.lock().expect("nobody panics with it").next();
    let work = || {
        while let Some((model, mutant)) = next() {
            let is_good = is_good(model, mutant);
            if is_good { &passed } else { &failed }.fetch_add(1, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        (0..workers).for_each(|_| _ = scope.spawn(work));
    });
    let (passed, failed) = (passed.into_inner(), failed.into_inner());
    println!("\ntest result: {}. {passed} passed; {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A model as it ships, and with each fault that it must find.
fn runs_of(model: &Model) -> impl Iterator<Item = (&Model, Option<Mutant>)> {
    iter::once(None).chain(model.mutants.iter().copied().map(Some)).map(move |mutant| (model, mutant))
}

/// Carries out a run and tells of it: whether it came out as it must.
fn is_good(model: &Model, mutant: Option<Mutant>) -> bool {
    let name = full_name(model, mutant);
    let start = Instant::now();
    let outcome = outcome(&name);
    let took = start.elapsed().as_secs_f64();
    let goes_round = mutant.is_some_and(|mutant| ENDLESS.contains(&format!("{mutant:?}").as_str()));
    let is_good = match (&outcome, mutant) {
        (Outcome::Held(_), None) => true,
        (Outcome::Failed(told), Some(_)) => told.contains(GIVEN_UP) == goes_round,
        (Outcome::Failed(_), None) | (Outcome::Held(_), Some(_)) | (Outcome::Endless, _) => false,
    };
    println!("test {name} ... {} ({took:.1} s, {})", if is_good { "ok" } else { "FAILED" }, outcome.told());
    is_good
}

fn full_name(model: &Model, mutant: Option<Mutant>) -> String {
    match mutant {
        None => model.name.into(),
        Some(mutant) => format!("{}::finds_{mutant:?}", model.name),
    }
}

/// The inner process: explores the one run that is asked of it.
fn explore(models: &[Model], run: &str) -> ExitCode {
    let Some((model, mutant)) = models.iter().flat_map(runs_of).find(|(model, mutant)| full_name(model, *mutant) == run) else {
        return ExitCode::FAILURE;
    };
    if let Some(mutant) = mutant {
        mutant::plant(mutant);
    }
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_branches = 10_000;
    builder.max_duration = Some(PATIENCE);
    builder.checkpoint_interval = 100;
    let (start, body, count) = (Instant::now(), model.body, Arc::new(AtomicU64::new(0)));
    let counted = count.clone();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        body();
    });
    // Past its limit loom returns as if all were explored.
    if start.elapsed() < PATIENCE && computed().unwrap_or_else(|| start.elapsed()) < LIMIT {
        eprintln!("{HELD}{} interleavings", count.load(Ordering::Relaxed));
    }
    ExitCode::SUCCESS
}

/// For how long the calling thread, the process's first, has had a processor: what others have of the host is not counted.
fn computed() -> Option<Duration> {
    let told = fs::read_to_string("/proc/self/schedstat").ok()?;
    told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

const HELD: &str = "held: ";
/// What loom says when one run has no end.
const GIVEN_UP: &str = "Model exceeded maximum number of branches";
/// The mutants by which a thread goes round for ever: they, and no others, are found by loom's giving up.
const ENDLESS: [&str; 4] = ["InterruptionLeftWhileLetGo", "LentToTheNext", "NodesReservedInTwoSteps", "WaitedForSilently"];

/// What became of a run.
enum Outcome {
    /// Every interleaving ended well.
    Held(String),
    /// One did not: the panic's message.
    Failed(String),
    /// Not explored within the limit, or the process died without a panic.
    Endless,
}

impl Outcome {
    fn told(&self) -> &str {
        match self {
            Self::Held(told) | Self::Failed(told) => told,
            Self::Endless => "no end",
        }
    }
}

/// Runs the inner process and listens to it.
fn outcome(name: &str) -> Outcome {
    let program = std::env::current_exe().expect("a running test has a path");
    let mut child =
        Command::new(program).env(RUN, name).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("a test can run itself again");
    let told = listen(&mut child);
    let exit = child.wait().expect("a child ends");
    match told {
        Some(told) if exit.success() => Outcome::Held(told.trim_start_matches(HELD).into()),
        Some(told) if !told.starts_with(HELD) => Outcome::Failed(told),
        _ => Outcome::Endless,
    }
}

/// The first message of a panic, or what the run said at its end. To be read to the end: a run that is not heard stands still.
fn listen(child: &mut Child) -> Option<String> {
    let mut told = None;
    let mut panicked = false;
    for line in BufReader::new(child.stderr.take()?).lines().map_while(Result::ok) {
        if told.is_none() && (panicked || line.starts_with(HELD)) {
            told = Some(line);
        } else {
            panicked |= line.contains("panicked at");
        }
    }
    told
}
