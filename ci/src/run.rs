//! `cargo xtask run`: build a program, boot it, show its output, end with its status.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::backtrace::{Lines, Program, Stream};
use crate::board::{Board, Machine};
use crate::elf;
use crate::gdb;
use crate::guest::{self, Ending, Input, Patience};
use crate::house;
use crate::image::{self, Contents};
use crate::input;
use crate::network::Network;
use crate::options::Options;
use crate::packages;
use crate::program::{Builder, Profile, Std};
use crate::project::Project;
use crate::qemu;

/// What the program is given, wherever it runs.
#[derive(Clone, Debug, Default, Args)]
pub struct Settings {
    /// Set a variable of the program's environment; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub env: Vec<String>,
    /// Fill the program's file tree from this folder.
    #[arg(long, value_name = "DIR")]
    pub root: Option<PathBuf>,
    /// Preempt threads at random moments, the same ones for the same seed with --icount: to find races, and to find them again.
    #[arg(long, value_name = "SEED", value_parser = clap::value_parser!(u64).range(..1 << 62))]
    pub chaos: Option<u64>,
    /// The program's own arguments.
    #[arg(last = true, value_name = "ARGS")]
    pub arguments: Vec<String>,
}

impl Settings {
    /// Refuses what no program can be given, before anything is built.
    ///
    /// # Errors
    /// A variable without a name or a value, or a root that is no folder.
    pub fn check(&self) -> Result<()> {
        for variable in &self.env {
            ensure!(variable.find('=').is_some_and(|at| at > 0), "--env {variable}: a variable is given as KEY=VALUE");
        }
        if let Some(root) = &self.root {
            ensure!(root.is_dir(), "--root {}: there is no such folder", root.display());
        }
        Ok(())
    }

    /// The kernel's words for them, added to `options`; `name` is what the program finds as its own name.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn tell(&self, name: &str, options: &mut Options) -> Result<()> {
        self.check()?;
        options.set("name", name);
        for variable in &self.env {
            options.set("env", variable);
        }
        if let Some(seed) = self.chaos {
            options.set("chaos", seed);
        }
        options.pass(&self.arguments);
        Ok(())
    }
}

/// What else a run in QEMU is given, and how long it may take.
#[derive(Clone, Debug, Default, Args)]
pub struct Surroundings {
    #[command(flatten)]
    pub settings: Settings,
    /// Bring the program's /out back into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub network: Network,
    /// Stop after this many seconds, with a report of every thread and status 124.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub timeout: Option<f64>,
    /// One more argument for QEMU; may be repeated.
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    pub qemu: Vec<String>,
}

impl Surroundings {
    /// Refuses what no run can be given, before anything is built, and makes the folder for `/out`.
    ///
    /// # Errors
    /// As [`Settings::check`], or the folder cannot be made.
    pub fn check(&self) -> Result<()> {
        self.settings.check()?;
        if let Some(folder) = &self.out {
            fs::create_dir_all(folder).with_context(|| format!("--out {} cannot be made", folder.display()))?;
        }
        Ok(())
    }
}

/// Reads a time in seconds.
///
/// # Errors
/// It is no number, or no time.
pub fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(seconds).map(|_| seconds).map_err(|_| "no time that could pass".into())
}

/// Which program, and how it is compiled.
#[derive(Clone, Debug, Default, Args)]
pub struct Choice {
    /// A program of this workspace, a folder with a package, or a linked ELF.
    #[arg(value_name = "NAME|PATH|ELF", default_value = ".")]
    pub program: String,
    /// Compile with optimisation (the default).
    #[arg(long, conflicts_with = "dev")]
    pub release: bool,
    /// Compile with assertions, checked arithmetic and checks of the heap.
    #[arg(long)]
    pub dev: bool,
    /// Which std a program of Rust has: the kernel's own, or Linux's with unwinding. As its Cargo.toml says, if nothing is said.
    #[arg(long, value_enum, value_name = "STD")]
    pub std: Option<Std>,
    /// Cargo features of the program; may be repeated.
    #[arg(long, value_name = "FEATURE")]
    pub features: Vec<String>,
    /// Install nothing and fetch nothing.
    #[arg(long)]
    pub offline: bool,
}

impl Choice {
    /// The profile asked for.
    pub const fn profile(&self) -> Profile {
        if self.dev { Profile::Dev } else { Profile::Release }
    }

    /// What the program is called: the last part of what was given.
    pub fn name(&self) -> String {
        let path = std::path::absolute(&self.program).unwrap_or_default();
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Builds it.
    ///
    /// # Errors
    /// There is no such program, or it cannot be built.
    pub fn build(&self) -> Result<(Builder, PathBuf)> {
        let project = Project::find(&self.program)?;
        let builder = Builder::new(self.offline)?;
        let std = self.std.map_or_else(|| project.std(), Ok)?;
        let elf = builder.program(&project, std, self.profile(), &self.features)?;
        Ok((builder, elf))
    }
}

/// Builds a program and boots it in QEMU; the exit status is the program's.
#[derive(Clone, Debug, Args)]
pub struct Run {
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    machine: Machine,
    #[command(flatten)]
    surroundings: Surroundings,
    /// Wait for a debugger on this machine's TCP port 1234 before the first instruction, and say how to attach one.
    #[arg(long)]
    gdb: bool,
}

impl Run {
    /// A run of a linked program on the default machine.
    pub fn of(elf: &Path, arguments: Vec<String>) -> Self {
        let settings = Settings { arguments, ..Settings::default() };
        Self {
            choice: Choice { program: elf.display().to_string(), ..Choice::default() },
            machine: Machine::new(Board::default(), 4),
            surroundings: Surroundings { settings, ..Surroundings::default() },
            gdb: false,
        }
    }

    /// Does it.
    ///
    /// # Errors
    /// Something is missing, or the program cannot be built or booted.
    pub fn carry_out(mut self) -> Result<u8> {
        self.machine.check()?;
        self.surroundings.check()?;
        self.surroundings.network.check(&self.machine)?;
        packages::all(self.choice.offline)?;
        let (builder, elf) = self.choice.build()?;
        if self.gdb {
            self.surroundings.qemu.extend(gdb::WORDS.map(String::from));
            gdb::prepare(&builder, &elf, self.machine.board)?;
        }
        let lines = Program::open(&elf).ok();
        let mut stream = Stream::default();
        let mut show = |piece: &[u8]| {
            let lines = lines.as_ref().map(|program| program as &dyn Lines);
            show(&stream.push(piece, lines));
        };
        let boot =
            Boot { machine: &self.machine, surroundings: &self.surroundings, elf: &elf, input: Input::Ours, offline: self.choice.offline };
        let ending = boot.carry_out(&builder, &mut show)?;
        self::show(&stream.finish());
        if ending == Ending::TimedOut {
            eprintln!("xtask: stopped after {} s", self.surroundings.timeout.unwrap_or_default());
        }
        Ok(ending.status())
    }
}

/// Writes to standard output at once.
pub fn show(bytes: &[u8]) {
    let mut out = std::io::stdout().lock();
    // Whoever listened may have gone (`| head`); the guest's status still counts.
    let _ = out.write_all(bytes).and_then(|()| out.flush());
}

/// One boot of a linked program in QEMU.
#[derive(Clone, Copy, Debug)]
pub struct Boot<'a> {
    /// On what.
    pub machine: &'a Machine,
    /// With what.
    pub surroundings: &'a Surroundings,
    /// The linked program.
    pub elf: &'a Path,
    /// Where its input comes from.
    pub input: Input<'a>,
    /// Install nothing.
    pub offline: bool,
}

impl Boot<'_> {
    /// Makes the image, runs QEMU in a folder of its own, and brings `/out` back.
    ///
    /// # Errors
    /// The image cannot be made, QEMU is missing, or `/out` cannot be brought back.
    pub fn carry_out(&self, builder: &Builder, listener: &mut dyn FnMut(&[u8])) -> Result<Ending> {
        let timeout = self.surroundings.timeout.map(Duration::try_from_secs_f64).transpose().context("--timeout is no time")?;
        self.carry_out_within(timeout.into(), builder, listener)
    }

    /// As [`Self::carry_out`], with `patience` in place of the surroundings' timeout.
    ///
    /// # Errors
    /// As [`Self::carry_out`].
    pub fn carry_out_within(&self, patience: Patience, builder: &Builder, listener: &mut dyn FnMut(&[u8])) -> Result<Ending> {
        let (qemu, _) = packages::qemu(self.offline)?;
        fs::create_dir_all(house::target_dir()).context("the target folder cannot be made")?;
        let scratch = tempfile::Builder::new().prefix("run-").tempdir_in(house::target_dir()).context("no folder to run in")?;
        let image = scratch.path().join("kernel8.img");
        let known = if self.machine.icount { input::known(self.input)? } else { None };
        let options = self.options(known.as_deref())?;
        let contents = Contents { elf: self.elf.into(), root: self.surroundings.settings.root.clone(), options };
        image::write(builder, &contents, &image)?;
        qemu::write_firmware(self.machine, &image).context("the firmware cannot be written")?;
        let mut arguments = qemu::arguments(self.machine, &image);
        let program = fs::read(self.elf).with_context(|| format!("{} cannot be read", self.elf.display()))?;
        let plugged = self.surroundings.network.plug(self.machine, elf::uses_network(&program)?)?;
        arguments.extend(plugged.words);
        arguments.extend_from_slice(&self.surroundings.qemu);
        fs::create_dir(scratch.path().join("out")).context("no folder for /out")?;
        let ending =
            guest::run(&qemu, &arguments, scratch.path(), if known.is_some() { Input::None } else { self.input }, patience, listener)?;
        if let Some(model) = plugged.lan9514 {
            model.finish().judge()?;
        }
        if let Some(folder) = &self.surroundings.out {
            bring_back(&scratch.path().join("out"), folder)?;
        }
        Ok(ending)
    }

    /// The kernel's words for this boot; its whole input, if that is `known`.
    fn options(&self, known: Option<&str>) -> Result<Options> {
        let mut options = Options::default();
        options.set("semihosting", 1);
        options.set("cores", self.machine.cores);
        if self.machine.icount {
            options.set("icount", 1);
            options.set("date", qemu::FIXED_DATE);
        } else if let Ok(now) = SystemTime::now().duration_since(UNIX_EPOCH) {
            options.set("date", now.as_secs());
        }
        if self.surroundings.out.is_some() {
            options.set("out", 1);
        }
        if let Some(address) = &self.surroundings.network.ip {
            options.set("ip", address);
        }
        if let Some(input) = known {
            options.set("input", input);
        }
        let name = self.elf.file_name().unwrap_or_default().to_string_lossy();
        self.surroundings.settings.tell(&name, &mut options)?;
        Ok(options)
    }
}

/// Moves the guest's files into `folder`. The guest cannot make folders here, so it writes `/` in a name as `%2F`, `%` as `%25`.
fn bring_back(from: &Path, folder: &Path) -> Result<()> {
    for entry in fs::read_dir(from).context("/out is gone")? {
        let entry = entry.context("/out cannot be read")?;
        let name = entry.file_name().to_string_lossy().replace("%2F", "/").replace("%25", "%");
        if name.starts_with('/') || name.split('/').any(|part| part == "..") {
            bail!("the program's /out holds a name that leads out of it: {name}");
        }
        let target = folder.join(name);
        let told = || format!("{} cannot be written", target.display());
        fs::create_dir_all(target.parent().unwrap_or(folder)).with_context(told)?;
        fs::copy(entry.path(), &target).with_context(told)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(machine: &Machine, surroundings: &Surroundings) -> String {
        let boot = Boot { machine, surroundings, elf: Path::new("program"), input: Input::None, offline: true };
        boot.options(None).expect("every variable has a value").to_string()
    }

    fn given(env: &str, arguments: &[&str]) -> Surroundings {
        let arguments = arguments.iter().map(|&word| word.into()).collect();
        let settings = Settings { env: vec![env.into()], arguments, ..Settings::default() };
        Surroundings { settings, ..Surroundings::default() }
    }

    #[test]
    fn the_kernel_is_told_cores_date_and_arguments() {
        let text = options(&Machine::new(Board::Raspi3b, 2), &given("A=1", &["panic"]));
        assert!(text.starts_with("semihosting=1 cores=2 date="), "{text}");
        assert!(text.ends_with("name=program env=A=1 -- panic"), "{text}");
    }

    #[test]
    fn an_input_that_is_known_is_part_of_the_image() {
        let (machine, surroundings) = (Machine::new(Board::Virt, 1), Surroundings::default());
        let boot = Boot { machine: &machine, surroundings: &surroundings, elf: Path::new("program"), input: Input::Ours, offline: true };
        let text = boot.options(Some("one\ntwo")).expect("no variable lacks a value").to_string();
        assert!(text.ends_with(" input='one\ntwo' name=program"), "{text}");
    }

    #[test]
    fn two_counted_runs_are_told_the_same() {
        let machine = Machine { icount: true, ..Machine::new(Board::Virt, 1) };
        let text = options(&machine, &Surroundings::default());
        assert_eq!(text, "semihosting=1 cores=1 icount=1 date=1767225600 name=program");
    }

    #[test]
    fn a_variable_without_a_value_is_refused() {
        let settings = given("A", &[]).settings;
        assert!(settings.tell("program", &mut Options::default()).is_err());
        assert!(given("=x", &[]).check().is_err() && given("A=", &[]).check().is_ok());
    }

    #[test]
    fn a_root_that_is_no_folder_is_refused_and_an_out_that_can_be_none_too() {
        let file = tempfile::NamedTempFile::new().expect("a file can be made");
        let settings = Settings { root: Some(file.path().into()), ..Settings::default() };
        assert!(settings.check().is_err());
        let surroundings = Surroundings { out: Some(file.path().into()), ..Surroundings::default() };
        assert!(surroundings.check().is_err());
    }

    #[test]
    fn a_timeout_is_a_time() {
        assert_eq!(seconds("1.5"), Ok(1.5));
        for text in ["-1", "nan", "1e30", "soon", ""] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }

    #[test]
    fn files_come_back_into_folders_and_never_out_of_them() {
        let (from, to) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        fs::write(from.path().join("a%2Fb%25.png"), "picture").expect("it can be written");
        bring_back(from.path(), to.path()).expect("it can be copied");
        assert_eq!(fs::read_to_string(to.path().join("a/b%.png")).expect("it is there"), "picture");
        fs::write(from.path().join("..%2Fb"), "").expect("it can be written");
        assert!(bring_back(from.path(), to.path()).is_err());
    }
}
