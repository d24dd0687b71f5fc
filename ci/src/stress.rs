//! `cargo xtask stress`: many connections to a server, every byte of every answer verified.
//!
//! - [`load`]: the connections · [`script`]: what each of them says, by protocol
//! - [`rest`]: what the program's machine has when nobody is served
//!
//! The program runs in QEMU, or elsewhere (`--target`), on a board too. What is said depends on the seed alone, and so does what becomes of
//! the frames on the [`crate::link`] between card and user network, where one is asked for. QEMU's user network takes about two connections
//! that come at the same time: they are opened one after the other, and how many a second that is, is that network's.

pub mod load;
mod rest;
pub mod script;
pub mod voice;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use serde::Serialize;

use crate::board::{Board, Machine};
use crate::guest::{self, Ending, Input};
use crate::link::{self, Faults, Link, Percent};
use crate::network::{Card, Forward, Network, free_ports};
use crate::packages;
use crate::run::{Boot, Choice, Settings, Surroundings, seconds};
use crate::tally::{Tally, tail};
use load::Load;
use rest::{Rest, Watched};
use script::Protocol;
use voice::Voice;

/// How long the program may take to boot, and to end once nobody is connected any more.
const PATIENCE: Duration = Duration::from_secs(120);
/// The port that the program listens on.
const PORT: u16 = 7;
/// How many connections wait for their first answer at a time where frames are lost: those of some are sent again only after seconds.
const OPENERS: usize = 64;
/// How long a connection takes to open where frames are lost, on average, at most.
const OPENING: Duration = Duration::from_millis(500);

/// Loads a server, and verifies every byte of its answers; ends with status 1 if anything was not as it should be.
///
/// A program in QEMU is told PORT N EACH: it listens on PORT, ends after N connections, and tells of threads and memory whenever EACH have
/// come and gone (http is told PORT end). Loss, reordering and duplication strike each direction of the link between its card and QEMU's
/// user network: what becomes of the n-th frame is decided by the seed.
#[derive(Clone, Debug, Args)]
pub struct Stress {
    /// A server.
    #[arg(value_name = "NAME|PATH|ELF", default_value = "echo")]
    program: String,
    #[command(flatten)]
    machine: Machine,
    /// A server that runs already, in place of a program in QEMU.
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["loss", "reorder", "duplicate", "card", "card_faults"])]
    target: Option<SocketAddr>,
    /// What the server speaks: echo, unless it is called kv or http.
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    protocol: Option<Protocol>,
    /// How many connections at a time.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    connections: u32,
    /// For how long.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    seconds: f64,
    /// How many frames of a hundred are lost, each way.
    #[arg(long, value_name = "PERCENT", default_value = "0", allow_negative_numbers = true)]
    loss: Percent,
    /// How many are overtaken by up to four others.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_missing_value = "5%", num_args = 0..=1, require_equals = true)]
    reorder: Percent,
    /// How many come twice.
    #[arg(long, value_name = "PERCENT", default_value = "0", default_missing_value = "5%", num_args = 0..=1, require_equals = true)]
    duplicate: Percent,
    /// What is said, and what becomes of frames: the same for the same seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Which network card is plugged in; if nothing is said, virtio for virt, ecm for raspi3b.
    #[arg(long, value_enum, value_name = "CARD")]
    card: Option<Card>,
    /// Let things go wrong at a lan9514 as this seed says.
    #[arg(long, value_name = "SEED")]
    card_faults: Option<u64>,
    /// Write the figures to this file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Install nothing and fetch nothing.
    #[arg(long)]
    offline: bool,
}

/// A short load on each board, over a link that loses frames; counted in `tally`.
///
/// # Errors
/// As [`Stress::carry_out`].
pub fn guard(tally: &mut Tally) -> Result<()> {
    for (program, board) in [("kv", Board::Virt), ("echo", Board::Raspi3b)] {
        let started = Instant::now();
        let faults = Stress::guard(program, board).outcome().map_or_else(|error| vec![format!("{error:#}")], |outcome| outcome.faults);
        guest::go_on()?;
        tally.add(&format!("stress {program} [{board}], frames lost, late and twice"), started.elapsed(), &faults);
    }
    Ok(())
}

/// What came of it all.
#[derive(Clone, Debug, Serialize)]
struct Outcome {
    /// The load.
    #[serde(flatten)]
    load: load::Report,
    /// The link, if there was one.
    link: Option<link::Report>,
    /// The program's machine, if the program tells.
    watched: Option<Watched>,
    /// The program's status, if it ran in QEMU.
    status: Option<u8>,
    /// What was wrong.
    faults: Vec<String>,
}

impl Outcome {
    fn new(load: load::Report, guest: Option<(Watch, Ending)>, link: Option<link::Report>) -> Self {
        let mut faults = Vec::new();
        if load.broken > 0 {
            faults.push(format!("{} connections are broken", load.broken));
        }
        let (watched, status) = guest.map_or((None, None), |(watch, ending)| (watch.watched(), Some(ending.status())));
        faults.extend(watched.iter().flat_map(Watched::left_behind).map(|what| format!("left behind: {what}")));
        faults.extend(status.filter(|status| *status != 0).map(|status| format!("the program ended with {status}")));
        Self { load, link, watched, status, faults }
    }

    /// The table.
    fn show(&self) {
        print!("{}", self.load);
        if let Some(link::Report { to_guest, from_guest }) = self.link {
            println!("link: frames to the guest {to_guest}\n      and from it          {from_guest}");
        }
        match &self.watched {
            Some(Watched { before, after }) => {
                println!("threads, before and after          {:>9} {:>9}", before.threads, after.threads);
                println!("connections                        {:>9} {:>9}", before.connections, after.connections);
                println!("bytes of the kernel's              {:>9} {:>9}", before.kernel_bytes, after.kernel_bytes);
                println!("KiB taken                          {:>9} {:>9}", before.taken_kib, after.taken_kib);
            }
            None if self.status.is_some() => println!("the program tells nothing of threads and memory"),
            None => {}
        }
        self.faults.iter().for_each(|fault| println!("{fault}"));
    }
}

impl Stress {
    /// A load of a few seconds.
    fn guard(program: &str, board: Board) -> Self {
        let percent = |text: &str| text.parse().unwrap_or_default();
        Self {
            program: program.into(),
            machine: Machine::new(board, 4),
            target: None,
            protocol: None,
            connections: 16,
            seconds: 5.0,
            loss: percent("1%"),
            reorder: percent("5%"),
            duplicate: percent("5%"),
            seed: 1,
            card: None,
            card_faults: None,
            json: None,
            offline: false,
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// The program cannot be built or booted, nobody answers, or the file cannot be written.
    pub fn carry_out(self) -> Result<u8> {
        let outcome = self.outcome()?;
        outcome.show();
        if let Some(file) = &self.json {
            fs::write(file, serde_json::to_string_pretty(&outcome)?).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        Ok(u8::from(!outcome.faults.is_empty()))
    }

    fn outcome(&self) -> Result<Outcome> {
        let load = self.load()?;
        match self.target {
            Some(target) => Ok(Outcome::new(load.carry_out(target)?, None, None)),
            None => self.in_qemu(&load),
        }
    }

    const fn faults(&self) -> Faults {
        Faults { loss: self.loss, reorder: self.reorder, duplicate: self.duplicate }
    }

    fn choice(&self) -> Choice {
        Choice { program: self.program.clone(), offline: self.offline, ..Choice::default() }
    }

    fn load(&self) -> Result<Load> {
        let by_name = || match self.choice().name().as_str() {
            "kv" => Protocol::Kv,
            "http" => Protocol::Http,
            _ => Protocol::Echo,
        };
        Ok(Load {
            protocol: self.protocol.unwrap_or_else(by_name),
            connections: self.connections as usize,
            openers: if self.faults().are_none() { 1 } else { OPENERS },
            time: Duration::try_from_secs_f64(self.seconds).context("--seconds is no time")?,
            seed: self.seed,
        })
    }

    /// Boots the program, loads it once it listens, and waits for its end.
    fn in_qemu(&self, load: &Load) -> Result<Outcome> {
        self.machine.check()?;
        let [port] = free_ports()?;
        let faults = self.faults();
        let link = (!faults.are_none()).then(|| Link::start(faults, self.seed)).transpose().context("there is no port for the link")?;
        let network = Network {
            forward: vec![Forward::tcp(port, PORT)],
            card: self.card,
            card_faults: self.card_faults,
            link: link.as_ref().map(Link::ends),
            ..Network::default()
        };
        network.check(&self.machine)?;
        packages::all(self.offline)?;
        let (builder, elf) = self.choice().build()?;
        let opening = if link.is_some() { OPENING * self.connections } else { Duration::ZERO };
        let surroundings = Surroundings {
            settings: Settings { arguments: arguments(load), ..Settings::default() },
            network,
            timeout: Some((load.time + 2 * opening + 3 * PATIENCE).as_secs_f64()),
            ..Surroundings::default()
        };
        let boot = Boot { machine: &self.machine, surroundings: &surroundings, elf: &elf, input: Input::None, offline: self.offline };
        let (mut listener, voice) = Voice::new();
        let target = SocketAddr::from(([127, 0, 0, 1], port));
        let mut watch = Watch { voice, rests: Vec::new() };
        let (report, ending) = thread::scope(|scope| {
            let guest = scope.spawn(move || boot.carry_out(&builder, &mut listener));
            let report = watch.load(load, target);
            let ending = guest.join().map_err(|_| anyhow!("the guest's thread panicked")).flatten();
            watch.hear_rest();
            (report, ending)
        });
        let link = link.map(Link::finish);
        let told = |ending: &Ending| format!("the program ended with {}; its output:\n{}", ending.status(), tail(&watch.voice.said, 60));
        let ending = ending?;
        let report = report.with_context(|| told(&ending))?;
        let outcome = Outcome::new(report, Some((watch, ending)), link);
        Ok(outcome)
    }
}

/// What the program is told: so many connections before the load, as many in it, and one at the end.
fn arguments(load: &Load) -> Vec<String> {
    match load.protocol {
        Protocol::Http => vec![PORT.to_string(), "end".into()],
        Protocol::Echo | Protocol::Short | Protocol::Kv => {
            vec![PORT.to_string(), (2 * load.connections + 1).to_string(), load.connections.to_string()]
        }
    }
}

/// The program, as its words tell.
struct Watch {
    voice: Voice,
    rests: Vec<Rest>,
}

impl Watch {
    /// What is said until the end.
    fn hear_rest(&mut self) {
        self.voice.hear_rest(|line| self.rests.extend(Rest::parse(line)));
    }

    /// Hears that the program is at rest for the `count`th time, if it tells such things at all.
    fn await_rest(&mut self, count: usize) -> Result<()> {
        if self.rests.is_empty() {
            return Ok(());
        }
        self.voice.hear_until(PATIENCE, "that it is at rest", |line| {
            self.rests.extend(Rest::parse(line));
            self.rests.len() >= count
        })
    }

    /// Loads it once it listens: a first time for as many connections as there are to be, so that what is kept once it was needed is there.
    fn load(&mut self, load: &Load, target: SocketAddr) -> Result<load::Report> {
        self.voice.hear_it_listen(PATIENCE, |line| self.rests.extend(Rest::parse(line)))?;
        Load { time: Duration::ZERO, ..*load }.carry_out(target)?;
        self.await_rest(2)?;
        let report = load.carry_out(target)?;
        if report.broken == 0 {
            self.await_rest(3)?;
        }
        load.finish(target);
        Ok(report)
    }

    /// Before the load, and after it.
    fn watched(&self) -> Option<Watched> {
        let [_, before, after, ..] = self.rests[..] else { return None };
        Some(Watched { before, after })
    }
}
