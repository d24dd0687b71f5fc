//! Group `net`: a server of C's in the guest, called from this machine through QEMU's user network; on Linux the same source, in the same
//! machine with the same card.
//!
//! - [`measure`]: what one boot is asked · [`compared`]: both systems side by side
//!
//! All goes by the host's clock, and half of what it shows is QEMU's: so each system is booted in turn, several times, what counts is the
//! median, and a ratio says more than a figure.

mod compared;
mod measure;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use super::log::Findings;
use super::{Bench, Group};
use crate::board::Machine;
use crate::cc;
use crate::cc::linux::{self as for_linux, Libc};
use crate::figures::Row;
use crate::guest::{self, Ending, Input};
use crate::linux::{self, Linux};
use crate::network::{Forward, Network, free_ports};
use crate::program::{Builder, Profile, Std};
use crate::project::Project;
use crate::run::{Boot, Settings, Surroundings};
use crate::stress::voice::Voice;
use crate::tally::tail;
pub use compared::{Comparison, Pair};
use measure::{Figures, KINDS};

/// The server.
const PROGRAM: &str = "c/echo";
/// Its first port; the others follow (`apps/c/echo/services.c`).
const FIRST: u16 = 7000;
/// How often each system is booted.
const ROUNDS: usize = 5;
/// How long a boot and all that is asked may take, and a boot alone.
const MOST_SECONDS: f64 = 300.0;
const BOOTING: Duration = Duration::from_secs(180);

/// This machine's ports that lead to the server's.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// To who says everything back, in connections and in datagrams.
    pub echo: u16,
    /// To who takes everything.
    pub sink: u16,
    /// To who says without an end.
    pub source: u16,
    /// To the program's end.
    pub end: u16,
}

impl Ports {
    fn free() -> Result<Self> {
        let [echo, sink, source, end] = free_ports()?;
        Ok(Self { echo, sink, source, end })
    }

    /// The guest's network, the same for each system.
    fn network(&self) -> Network {
        let tcp = [self.echo, self.sink, self.source, self.end].into_iter().zip(FIRST..).map(|(here, there)| Forward::tcp(here, there));
        Network { forward: tcp.chain([Forward::udp(self.echo, FIRST)]).collect(), ip: Some(linux::ADDRESS.into()), ..Network::default() }
    }
}

impl Bench {
    /// The rows of ours alone.
    ///
    /// # Errors
    /// The program cannot be built, or does not end well.
    pub(super) fn network(&self, builder: &Builder) -> Result<Findings> {
        let ours = Ours { bench: self, builder, elf: elf(builder)? };
        let rounds = (1..=ROUNDS).map(|round| ours.round(round)).collect::<Result<Vec<_>>>()?;
        let mode = |kind: &measure::Kind, value| Row::new(kind.name, kind.unit, value, &self.board.to_string(), "wall");
        let rows = KINDS.iter().zip(medians(&rounds)).map(|(kind, value)| mode(kind, value)).collect();
        Ok(Findings { rows, faults: faults("Skete", &rounds), ..Findings::default() })
    }

    /// Both systems, in turn.
    ///
    /// # Errors
    /// A program or a kernel cannot be had, or does not end well.
    pub(super) fn network_against(&self, builder: &Builder) -> Result<Comparison> {
        let Project::C(folder) = Project::find(PROGRAM)? else { bail!("{PROGRAM} is no program of C's") };
        let program = for_linux::program(&cc::files(&folder)?, Libc::Glibc, "echo", self.offline)?;
        let linux = Linux::find(self.offline)?;
        let machine = self.machine(Group::Net);
        let ours = Ours { bench: self, builder, elf: elf(builder)? };
        let (mut theirs, mut own) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            eprintln!("xtask: net, round {round} of {ROUNDS}, Linux");
            theirs.push(called(|network, listener| {
                linux.run_with(&machine, Some(network), &program, &words(), self.offline, listener).map(drop)
            })?);
            own.push(ours.round(round)?);
        }
        let mut comparison = Comparison::new(self.board, linux.version, &theirs, &own);
        comparison.faults = [faults("Linux", &theirs), faults("Skete", &own)].concat();
        Ok(comparison)
    }
}

/// What the program is told.
fn words() -> [&'static str; 2] {
    const { ["services", "7000"] }
}

/// Our program.
fn elf(builder: &Builder) -> Result<PathBuf> {
    builder.program(&Project::find(PROGRAM)?, Std::Kernel, Profile::Release, &[])
}

/// Our side.
struct Ours<'a> {
    bench: &'a Bench,
    builder: &'a Builder,
    elf: PathBuf,
}

impl Ours<'_> {
    fn round(&self, round: usize) -> Result<Figures> {
        eprintln!("xtask: net, round {round} of {ROUNDS}, Skete");
        let machine: Machine = self.bench.machine(Group::Net);
        called(|network, listener| {
            let settings = Settings { arguments: words().map(String::from).into(), ..Settings::default() };
            let surroundings = Surroundings { settings, network: network.clone(), timeout: Some(MOST_SECONDS), ..Surroundings::default() };
            let boot =
                Boot { machine: &machine, surroundings: &surroundings, elf: &self.elf, input: Input::None, offline: self.bench.offline };
            let ending = boot.carry_out(self.builder, listener)?;
            ensure!(ending == Ending::Status(0), "the server ended with {}", ending.status());
            Ok(())
        })
    }
}

/// Boots, asks the server once it listens, and has it end.
fn called(boot: impl FnOnce(&Network, &mut dyn FnMut(&[u8])) -> Result<()> + Send) -> Result<Figures> {
    let ports = Ports::free()?;
    let network = ports.network();
    let (mut listener, mut voice) = Voice::new();
    let (figures, ended) = thread::scope(|scope| {
        let network = &network;
        let guest = scope.spawn(move || boot(network, &mut listener));
        let listening = voice.hear_it_listen(BOOTING, |_| ());
        let figures = listening.and_then(|()| measure::measure(&ports)).and_then(|figures| measure::finish(&ports).map(|()| figures));
        let ended = guest.join().map_err(|_| anyhow!("the guest's thread panicked")).flatten();
        voice.hear_rest(|_| ());
        (figures, ended)
    });
    guest::go_on()?;
    let told = || format!("what was printed:\n{}", tail(&voice.said, 60));
    let figures = figures.with_context(told)?;
    ended.with_context(told)?;
    Ok(figures)
}

/// The middle of each row's values.
fn medians(rounds: &[Figures]) -> Vec<f64> {
    (0..KINDS.len()).map(|place| median(rounds.iter().filter_map(|figures| figures.values.get(place).copied()))).collect()
}

/// The value in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Answers that were not as they must be.
fn faults(system: &str, rounds: &[Figures]) -> Vec<String> {
    let told = |(round, figures): (usize, &Figures)| -> Vec<String> {
        figures.broken.iter().map(|what| format!("net, {system}, round {}: broken: {what}", round + 1)).collect()
    };
    rounds.iter().enumerate().flat_map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_counts() {
        assert_eq!(median([3.0, 1.0, 2.0].into_iter()), 2.0);
        assert!(median(std::iter::empty()).is_nan());
    }

    #[test]
    fn each_port_of_this_machines_leads_to_one_of_the_servers() {
        let network = Ports { echo: 1, sink: 2, source: 3, end: 4 }.network();
        let line = network.plug(&Machine::new(crate::board::Board::Virt, 4), true).expect("virt has a card").words.join(" ");
        for (protocol, here, there) in [("tcp", 1, 7000), ("tcp", 2, 7001), ("tcp", 3, 7002), ("tcp", 4, 7003), ("udp", 1, 7000)] {
            assert!(line.contains(&format!("hostfwd={protocol}:127.0.0.1:{here}-:{there}")), "{line}");
        }
        assert_eq!(words()[1], FIRST.to_string());
    }

    #[test]
    fn what_is_broken_is_said_with_system_and_round() {
        let rounds = [Figures::default(), Figures { broken: vec!["out: late".into()], ..Figures::default() }];
        assert_eq!(faults("Linux", &rounds), ["net, Linux, round 2: broken: out: late"]);
    }
}
