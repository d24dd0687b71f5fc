//! `cargo xtask stress`: many connections to a program that says back what it hears, every byte of every answer verified.
//!
//! - [`load`]: the connections, and what each of them says
//!
//! The program runs in QEMU, or elsewhere (`--target`), on a board too. What is said depends on the seed alone. QEMU's user network takes
//! about two connections that come at the same time: they are opened one after the other, and how many a second that is, is that network's.

mod load;

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::board::Machine;
use crate::guest::{Ending, Input};
use crate::network::{Forward, Network};
use crate::packages;
use crate::run::{Boot, Choice, Settings, Surroundings, seconds};
use load::{Load, Report};

/// How long the program may take to boot, and to end once nobody is connected any more.
const PATIENCE: Duration = Duration::from_secs(120);
/// The port that `echo` listens on.
const PORT: u16 = 7;
/// What it says when it does.
const LISTENING: &str = "listening";

/// Loads a server that says back what it hears, and verifies every byte; ends with status 1 if anything was not as it should be.
#[derive(Clone, Debug, Args)]
pub struct Stress {
    /// A program that says back what it hears on the port of its first argument, and ends after as many connections as its second says.
    #[arg(value_name = "NAME|PATH|ELF", default_value = "echo")]
    program: String,
    #[command(flatten)]
    machine: Machine,
    /// A server that runs already, in place of a program in QEMU.
    #[arg(long, value_name = "HOST:PORT")]
    target: Option<SocketAddr>,
    /// How many connections at a time.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=60_000))]
    connections: u32,
    /// For how long.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    seconds: f64,
    /// What is said: the same for the same seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Write the figures to this file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Install nothing and fetch nothing.
    #[arg(long)]
    offline: bool,
}

impl Stress {
    /// Does it.
    ///
    /// # Errors
    /// The program cannot be built or booted, nobody answers, or the file cannot be written.
    pub fn carry_out(self) -> Result<u8> {
        let time = Duration::try_from_secs_f64(self.seconds).context("--seconds is no time")?;
        let load = Load { connections: self.connections as usize, time, seed: self.seed };
        let (report, ending) = match self.target {
            Some(target) => (load.carry_out(target)?, Ending::Status(0)),
            None => self.in_qemu(&load)?,
        };
        print!("{report}");
        if let Some(file) = &self.json {
            fs::write(file, serde_json::to_string_pretty(&report)?).with_context(|| format!("{} cannot be written", file.display()))?;
        }
        if ending != Ending::Status(0) {
            println!("the program ended with {}", ending.status());
        }
        Ok(u8::from(report.broken > 0 || ending != Ending::Status(0)))
    }

    /// Boots the program, loads it once it listens, and waits for its end.
    fn in_qemu(&self, load: &Load) -> Result<(Report, Ending)> {
        self.machine.check()?;
        let port = free_port()?;
        let network = Network { forward: vec![Forward::tcp(port, PORT)], ..Network::default() };
        packages::all(self.offline)?;
        let choice = Choice { program: self.program.clone(), offline: self.offline, ..Choice::default() };
        let (builder, elf) = choice.build()?;
        let settings = Settings { arguments: vec![PORT.to_string(), self.connections.to_string()], ..Settings::default() };
        let timeout = Some((load.time + 2 * PATIENCE).as_secs_f64());
        let surroundings = Surroundings { settings, network, timeout, ..Surroundings::default() };
        let boot = Boot { machine: &self.machine, surroundings: &surroundings, elf: &elf, input: Input::None, offline: self.offline };
        let (says, hears) = mpsc::channel();
        thread::scope(|scope| {
            let guest = scope.spawn(move || {
                let mut said = String::new();
                let mut listener = |piece: &[u8]| {
                    said.push_str(&String::from_utf8_lossy(piece));
                    if said.contains(LISTENING) {
                        // It may be told more than once, or to nobody any more.
                        let _ = says.send(());
                        said.clear();
                    }
                };
                boot.carry_out(&builder, &mut listener)
            });
            if hears.recv_timeout(PATIENCE).is_err() {
                let ending = guest.join().map_err(|_| anyhow::anyhow!("the guest's thread panicked"))??;
                bail!("the program does not say that it listens; it ended with {}", ending.status());
            }
            let report = load.carry_out(SocketAddr::from(([127, 0, 0, 1], port)));
            let ending = guest.join().map_err(|_| anyhow::anyhow!("the guest's thread panicked"))??;
            Ok((report?, ending))
        })
    }
}

/// A port of this machine's that nobody has.
fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr().context("no port is free")?.port())
}
