//! A running QEMU: started, listened to, bounded in time, and gone when we are.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::toolchain;

/// What a run ends with when its time is up (as `timeout(1)`).
pub const TIMED_OUT: u8 = 124;
/// What a run ends with after Ctrl-C: 128 and the signal's number.
pub const INTERRUPTED: u8 = 130;

/// The byte that asks the kernel for a report of every thread: Ctrl-].
const ASK_FOR_REPORT: u8 = 0x1d;
/// How long the report may take.
const REPORT_TIME: Duration = Duration::from_secs(2);

/// Where the guest's input comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// Our own standard input.
    Ours,
    /// This text, typed at once.
    Typed(&'a str),
    /// The text `with`, typed once the guest has said `to`.
    Reply {
        /// What is waited for.
        to: &'a str,
        /// What is typed then.
        with: &'a str,
    },
    /// Nowhere.
    None,
}

/// How long a guest may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as it likes.
    Endless,
    /// So long, from its start to its end.
    Whole(Duration),
    /// So long without a word; each word renews it.
    Silent(Duration),
}

impl From<Option<Duration>> for Patience {
    fn from(timeout: Option<Duration>) -> Self {
        timeout.map_or(Self::Endless, Self::Whole)
    }
}

impl Patience {
    /// The first deadline.
    fn deadline(self) -> Option<Instant> {
        match self {
            Self::Endless => None,
            Self::Whole(time) | Self::Silent(time) => Instant::now().checked_add(time),
        }
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this status.
    Status(u8),
    /// Stopped, for its time was up.
    TimedOut,
    /// Stopped by Ctrl-C.
    Interrupted,
}

impl Ending {
    /// The status that a shell should see.
    pub const fn status(self) -> u8 {
        match self {
            Self::Status(status) => status,
            Self::TimedOut => TIMED_OUT,
            Self::Interrupted => INTERRUPTED,
        }
    }
}

/// The children that Ctrl-C must take along.
static RUNNING: Mutex<Vec<Arc<Mutex<Running>>>> = Mutex::new(Vec::new());
/// Whether Ctrl-C came, or a signal that asks for an end.
static IS_INTERRUPTED: AtomicBool = AtomicBool::new(false);

struct Running {
    child: Child,
    is_interrupted: bool,
}

impl Running {
    fn interrupt(&mut self) {
        self.is_interrupted = true;
        self.kill();
    }

    /// Ends the child and whatever it has started. What has ended by itself this very moment is no error.
    fn kill(&mut self) {
        // A group's number is its first process's, and stays its own until that is waited for.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.kill();
    }
}

/// Starts `program` in `folder`, hands every piece of its output to `listener`, and waits for its end.
///
/// When `patience` is at its end, the guest is asked for a report of its threads, given two seconds to write it, and stopped.
///
/// # Errors
/// The program does not start.
pub fn run(
    program: &Path,
    arguments: &[String],
    folder: &Path,
    input: Input<'_>,
    patience: impl Into<Patience>,
    listener: &mut dyn FnMut(&[u8]),
) -> Result<Ending> {
    watch_for_interrupt();
    let mut command = tied_to_us(program);
    command.args(arguments).current_dir(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    // A group of its own, so that its own children can be ended with it. Ctrl-C then comes through us alone.
    command.process_group(0);
    let mut child = command.spawn().with_context(|| format!("{} does not start", program.display()))?;
    let output = child.stdout.take().context("the guest has no output")?;
    let keyboard = Arc::new(Mutex::new(child.stdin.take().context("the guest has no input")?));
    let running = Arc::new(Mutex::new(Running { child, is_interrupted: false }));
    lock(&RUNNING).push(Arc::clone(&running));
    if is_interrupted() {
        lock(&running).interrupt();
    }
    let hands = Arc::clone(&keyboard);
    match input {
        Input::Ours => {
            thread::spawn(move || {
                type_in(&hands, &mut std::io::stdin());
                // Where our input ends the program's does: Ctrl-D, twice, for a last line without its end takes the first one.
                type_in(&hands, &mut [END_OF_INPUT; 2].as_slice());
            });
        }
        Input::Typed(text) => {
            let text = text.to_owned();
            thread::spawn(move || type_in(&hands, &mut text.as_bytes()));
        }
        Input::Reply { .. } | Input::None => {}
    }
    let mut reply = Reply::new(input);
    let mut listener = |piece: &[u8]| {
        listener(piece);
        reply.hear(piece, &keyboard);
    };
    let is_timed_out = listen(output, &keyboard, patience.into(), &mut listener);
    let ending = end(&running, is_timed_out);
    lock(&RUNNING).retain(|other| !Arc::ptr_eq(other, &running));
    ending
}

/// What is still to be typed, and what was said so far.
struct Reply<'a> {
    pending: Option<(&'a str, &'a str)>,
    said: Vec<u8>,
}

impl<'a> Reply<'a> {
    const fn new(input: Input<'a>) -> Self {
        let pending = if let Input::Reply { to, with } = input { Some((to, with)) } else { None };
        Self { pending, said: Vec::new() }
    }

    fn hear(&mut self, piece: &[u8], keyboard: &Mutex<ChildStdin>) {
        let Some((to, with)) = self.pending else { return };
        self.said.extend_from_slice(piece);
        if self.said.windows(to.len()).any(|window| window == to.as_bytes()) {
            self.pending = None;
            // A guest that has just ended needs no reply.
            let mut keyboard = lock(keyboard);
            let _ = keyboard.write_all(with.as_bytes()).and_then(|()| keyboard.flush());
        }
    }
}

/// The command for a child that the system kills should this process die without a word.
fn tied_to_us(program: &Path) -> Command {
    match toolchain::on_path("setpriv") {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// Whether Ctrl-C came: then nothing more is to be started.
pub fn is_interrupted() -> bool {
    // Pairs with the store in the handler: a child is either seen there, or its starter sees the flag.
    IS_INTERRUPTED.load(Ordering::SeqCst)
}

/// Goes on unless Ctrl-C came.
///
/// # Errors
/// It came.
pub fn go_on() -> Result<()> {
    ensure!(!is_interrupted(), "interrupted");
    Ok(())
}

/// From now on Ctrl-C ends what runs, and [`run`] says so.
fn watch_for_interrupt() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let installed = ctrlc::set_handler(|| {
            IS_INTERRUPTED.store(true, Ordering::SeqCst);
            let running = lock(&RUNNING);
            if running.is_empty() {
                std::process::exit(INTERRUPTED.into());
            }
            running.iter().for_each(|running| lock(running).interrupt());
        });
        if let Err(error) = installed {
            eprintln!("xtask: Ctrl-C is not watched: {error}");
        }
    });
}

/// Passes output on until it ends; whether that had to be forced, for patience was at its end.
fn listen(
    mut output: impl Read + Send + 'static,
    keyboard: &Mutex<ChildStdin>,
    patience: Patience,
    listener: &mut dyn FnMut(&[u8]),
) -> bool {
    let (sender, pieces) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut deadline = patience.deadline();
    let mut is_report_asked = false;
    loop {
        if let Some(passed) = deadline.filter(|deadline| *deadline <= Instant::now()) {
            if is_report_asked {
                return true;
            }
            is_report_asked = true;
            deadline = Some(passed + REPORT_TIME);
            ask_for_report(keyboard);
        }
        let left = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        match pieces.recv_timeout(left) {
            Ok(piece) => {
                listener(&piece);
                if matches!(patience, Patience::Silent(_)) && !is_report_asked {
                    deadline = patience.deadline();
                }
            }
            Err(RecvTimeoutError::Disconnected) => return is_report_asked,
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

fn ask_for_report(keyboard: &Mutex<ChildStdin>) {
    eprintln!("xtask: time is up; asking for a report of every thread");
    let mut keyboard = lock(keyboard);
    // A guest that has just ended needs no asking.
    let _ = keyboard.write_all(&[ASK_FOR_REPORT]).and_then(|()| keyboard.flush());
}

fn end(running: &Mutex<Running>, is_timed_out: bool) -> Result<Ending> {
    let mut running = lock(running);
    if is_timed_out {
        // It may have ended by itself while reporting; it counts as late all the same.
        running.kill();
    }
    let status = running.child.wait().context("the guest is lost")?;
    Ok(match (is_timed_out, running.is_interrupted) {
        (_, true) => Ending::Interrupted,
        (true, _) => Ending::TimedOut,
        _ => Ending::Status(code(status)),
    })
}

fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let signal = status.signal().map(|signal| 128 + signal);
    status.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

/// Ctrl-D.
const END_OF_INPUT: u8 = 0x04;

/// Passes everything from `source` on to the guest.
fn type_in(keyboard: &Mutex<ChildStdin>, source: &mut dyn Read) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = source.read(&mut buffer) {
        let mut keyboard = lock(keyboard);
        if keyboard.write_all(&buffer[..count]).and_then(|()| keyboard.flush()).is_err() {
            return;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, timeout: Option<Duration>) -> (Ending, String) {
        let mut said = Vec::new();
        let arguments = ["-c".into(), script.into()];
        let mut listener = |piece: &[u8]| said.extend_from_slice(piece);
        let ending = run(Path::new("/bin/sh"), &arguments, Path::new("/"), Input::None, timeout, &mut listener);
        (ending.expect("a shell starts"), String::from_utf8_lossy(&said).into_owned())
    }

    #[test]
    fn the_status_and_all_of_the_output_come_back() {
        assert_eq!(shell("echo one; echo two; exit 42", None), (Ending::Status(42), "one\ntwo\n".into()));
    }

    #[test]
    fn a_silent_guest_is_asked_for_a_report_and_stopped() {
        let started = Instant::now();
        let script = "dd bs=1 count=1 2>/dev/null | od -An -tx1; exec sleep 60";
        let (ending, said) = shell(script, Some(Duration::from_millis(200)));
        assert_eq!(ending, Ending::TimedOut);
        assert_eq!(said.trim(), "1d");
        assert!(started.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_guest_that_talks_is_patiently_heard_until_it_falls_silent() {
        let mut said = Vec::new();
        let arguments = ["-c".into(), "for i in 1 2 3 4 5 6; do echo $i; sleep 0.3; done; exec sleep 60".into()];
        let mut listener = |piece: &[u8]| said.extend_from_slice(piece);
        let patience = Patience::Silent(Duration::from_millis(1500));
        let ending = run(Path::new("/bin/sh"), &arguments, Path::new("/"), Input::None, patience, &mut listener);
        assert_eq!((ending.expect("a shell starts"), said), (Ending::TimedOut, b"1\n2\n3\n4\n5\n6\n".to_vec()));
    }

    #[test]
    fn what_is_typed_arrives() {
        let mut said = Vec::new();
        let mut listener = |piece: &[u8]| said.extend_from_slice(piece);
        let arguments = ["-c".into(), "read -r line; echo \"<$line>\"".into()];
        let input = Input::Typed("abc\n");
        let ending = run(Path::new("/bin/sh"), &arguments, Path::new("/"), input, None, &mut listener);
        assert_eq!((ending.expect("a shell starts"), said), (Ending::Status(0), b"<abc>\n".to_vec()));
    }

    #[test]
    fn a_reply_waits_for_what_it_replies_to() {
        let mut said = Vec::new();
        let mut listener = |piece: &[u8]| said.extend_from_slice(piece);
        let script = "printf 'na'; read -t 0.1 -r early; printf 'me? '; read -r line; echo \"<$early$line>\"";
        let arguments = ["-c".into(), script.into()];
        let input = Input::Reply { to: "name? ", with: "abc\n" };
        let ending = run(Path::new("/bin/bash"), &arguments, Path::new("/"), input, None, &mut listener);
        assert_eq!((ending.expect("a shell starts"), said), (Ending::Status(0), b"name? <abc>\n".to_vec()));
    }

    #[test]
    fn what_a_guest_has_started_ends_with_it() {
        // Its own child says who it is, and holds the output open for as long as it lives.
        let (ending, said) = shell("sleep 600 & echo $!; wait", Some(Duration::from_millis(300)));
        assert_eq!(ending, Ending::TimedOut);
        // It has been killed: the system still has to find a core for it to die on.
        let state = || std::fs::read_to_string(format!("/proc/{}/stat", said.trim())).unwrap_or_default();
        let is_gone = || state().is_empty() || state().contains(") Z ");
        let killed = Instant::now();
        while !is_gone() && killed.elapsed() < Duration::from_secs(20) {
            thread::yield_now();
        }
        assert!(is_gone(), "{}", state());
    }

    #[test]
    fn a_guest_that_talks_for_ever_is_stopped_too() {
        let (ending, said) = shell("while :; do echo x; sleep 0.01; done", Some(Duration::from_millis(300)));
        assert_eq!(ending, Ending::TimedOut);
        assert!(said.starts_with("x\nx\n"));
    }
}
