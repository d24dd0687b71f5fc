//! `cargo xtask push`: sends a program over the serial line to a board whose loader waits there, and shows what it says.
//!
//! The protocol is the loader's (`skete_loader::serial`); this opens the line, keeps the time, and afterwards is the console until
//! the kernel tells the status and resets the board into the loader.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use clap::Args;
use skete_loader::serial::{SendError, Sender};

use crate::backtrace::{Lines, Program, Stream};
use crate::image::Contents;
use crate::options::Options;
use crate::run::{self, Choice, Settings};

/// Sends a program to a board over its serial line, shows its output, and ends with its status.
#[derive(Clone, Debug, Args)]
pub struct Push {
    #[command(flatten)]
    choice: Choice,
    /// The serial line: /dev/ttyUSB0, a pty, or tcp:HOST:PORT.
    #[arg(long, value_name = "PORT")]
    port: String,
    #[command(flatten)]
    settings: Settings,
    /// Give up after this many seconds without an answer of the loader's, or of running.
    #[arg(long, value_name = "SECONDS", value_parser = run::seconds, allow_negative_numbers = true)]
    timeout: Option<f64>,
}

const BAUD: u32 = 115_200;
/// How long a frame waits for its reply before it is sent again.
const REPLY_TIME: Duration = Duration::from_secs(1);
/// How the kernel ends a program that came over the line (boot option `serial=1`).
const STATUS: &str = "skete: status ";

impl Push {
    /// Does it.
    ///
    /// # Errors
    /// The program cannot be built, the line not be opened, or nobody answers.
    pub fn carry_out(self) -> Result<u8> {
        self.settings.check()?;
        let (_, elf) = self.choice.build()?;
        let mut options = Options::default();
        options.set("serial", 1);
        if let Ok(now) = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            options.set("date", now.as_secs());
        }
        self.settings.tell(&self.choice.name(), &mut options)?;
        let lines = Program::open(&elf).ok();
        let contents = Contents { elf, root: self.settings.root, options };
        let payload = contents.payload()?;
        let limit = self.timeout.map(Duration::try_from_secs_f64).transpose().context("--timeout is no time")?;
        let mut port = open(&self.port)?;
        send(&mut port, &payload, limit, &mut progress)?;
        let lines = lines.as_ref().map(|program| program as &dyn Lines);
        watch(&mut port, lines, limit, &mut |bytes| run::show(bytes))
    }
}

/// A line that is read with a short patience: no byte within it is an error of kind `TimedOut` or `WouldBlock`.
trait Port: Read + Write {}
impl<T: Read + Write> Port for T {}

fn open(name: &str) -> Result<Box<dyn Port>> {
    let patience = Duration::from_millis(50);
    if let Some(address) = name.strip_prefix("tcp:") {
        ensure!(address.contains(':'), "--port {name}: a line over the network is given as tcp:HOST:PORT");
        let stream = TcpStream::connect(address).with_context(|| format!("{address} does not answer"))?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        return Ok(Box::new(stream));
    }
    let port = serialport::new(name, BAUD).timeout(patience).open();
    Ok(Box::new(port.with_context(|| format!("{name} cannot be opened as a serial line"))?))
}

fn progress(sent: usize, total: usize) {
    eprint!("\rxtask: {sent} of {total} bytes");
    if sent == total {
        eprintln!();
    }
}

/// Sends the payload, frame by frame.
fn send(port: &mut dyn Port, payload: &[u8], limit: Option<Duration>, told: &mut dyn FnMut(usize, usize)) -> Result<()> {
    let mut sender = Sender::new(payload).map_err(refusal)?;
    let mut answered = Instant::now();
    eprintln!("xtask: waiting for the loader; switch the board on, or reset it");
    while !sender.is_done() {
        write(port, &sender.frame(), limit)?;
        if await_reply(port, &mut sender)? {
            answered = Instant::now();
            let (sent, total) = sender.progress();
            told(sent, total);
        } else if limit.is_some_and(|limit| answered.elapsed() > limit) {
            bail!("no loader answers on this line");
        }
    }
    Ok(())
}

/// Writes all of `bytes`, however slowly the line takes them.
fn write(port: &mut dyn Port, mut bytes: &[u8], limit: Option<Duration>) -> Result<()> {
    let mut moved = Instant::now();
    while !bytes.is_empty() {
        match port.write(bytes) {
            Ok(0) => bail!("the line was closed at its other end"),
            Ok(count) => (bytes, moved) = (&bytes[count..], Instant::now()),
            Err(error) if is_slow(&error) && limit.is_none_or(|limit| moved.elapsed() <= limit) => {}
            Err(error) => return Err(error).context("the line is gone"),
        }
    }
    match port.flush() {
        Err(error) if !is_slow(&error) => Err(error).context("the line is gone"),
        _ => Ok(()),
    }
}

/// Whether a line only took its time.
fn is_slow(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Reads until a reply is whole; false if none came in time.
fn await_reply(port: &mut dyn Port, sender: &mut Sender<'_>) -> Result<bool> {
    let deadline = Instant::now() + REPLY_TIME;
    let mut byte = [0];
    while Instant::now() < deadline {
        if read(port, &mut byte)? == 1 && sender.take(byte[0]).map_err(refusal)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Shows what the program says until the kernel tells its status.
fn watch(port: &mut dyn Port, lines: Option<&dyn Lines>, limit: Option<Duration>, show: &mut dyn FnMut(&[u8])) -> Result<u8> {
    let started = Instant::now();
    let (mut stream, mut line, mut buffer) = (Stream::default(), Vec::new(), [0; 512]);
    loop {
        let count = read(port, &mut buffer)?;
        show(&stream.push(&buffer[..count], lines));
        for &byte in &buffer[..count] {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            if let Some(status) = text.trim_end().rsplit_once(STATUS).map(|(_, status)| status) {
                return status.parse().with_context(|| format!("the kernel ends with `{text}`"));
            }
        }
        if limit.is_some_and(|limit| started.elapsed() > limit) {
            return Ok(crate::guest::TIMED_OUT);
        }
    }
}

/// What came, which may be nothing yet.
fn read(port: &mut dyn Port, buffer: &mut [u8]) -> Result<usize> {
    match port.read(buffer) {
        Ok(0) => bail!("the line was closed at its other end"),
        Ok(count) => Ok(count),
        Err(error) if is_slow(&error) => Ok(0),
        Err(error) => Err(error).context("the line is gone"),
    }
}

fn refusal(error: SendError) -> anyhow::Error {
    match error {
        SendError::NoRoom(room) => {
            anyhow!("the program is too big: the board's loader has room for {room} bytes")
        }
        SendError::TooLong => {
            anyhow!("the program is longer than the 4 GiB that the line's protocol can name")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use skete_loader::serial::Receiver;
    use std::collections::VecDeque;

    /// A board's end of the line: the loader's own receiver, which loses the first frame.
    struct Board<'m> {
        receiver: Receiver<'m>,
        said: VecDeque<u8>,
        lost: usize,
        /// Bytes that it takes at a time, after it was slow once.
        at_once: usize,
        is_slow: bool,
        /// How often it says each reply.
        times: usize,
        frames: usize,
    }

    impl<'m> Board<'m> {
        fn new(memory: &'m mut [u8], said: &[u8], lost: usize) -> Self {
            let receiver = Receiver::new(memory, crc32fast::hash);
            Self { receiver, said: VecDeque::from(said.to_vec()), lost, at_once: usize::MAX, is_slow: false, times: 1, frames: 0 }
        }
    }

    impl Read for Board<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some(byte) = self.said.pop_front() else {
                return Err(ErrorKind::TimedOut.into());
            };
            buffer[0] = byte;
            Ok(1)
        }
    }

    impl Write for Board<'_> {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if self.lost > 0 {
                self.lost -= 1;
                return Ok(bytes.len());
            }
            self.is_slow = !self.is_slow && self.at_once < usize::MAX;
            if self.is_slow {
                return Err(ErrorKind::TimedOut.into());
            }
            let bytes = &bytes[..bytes.len().min(self.at_once)];
            for &byte in bytes {
                if let Some(reply) = self.receiver.take(byte) {
                    self.frames += 1;
                    for _ in 0..self.times {
                        self.said.extend(reply.emit(crc32fast::hash));
                    }
                }
            }
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_payload_arrives_whole_though_a_frame_is_lost() {
        let payload: Vec<u8> = (0..5000_u32).flat_map(u32::to_le_bytes).collect();
        let mut memory = vec![0; payload.len()];
        let mut board = Board::new(&mut memory, b"skete-loader: waiting\r\n", 1);
        let mut last = (0, 0);
        send(&mut board, &payload, None, &mut |sent, total| last = (sent, total)).expect("the board answers");
        assert_eq!(last, (payload.len(), payload.len()));
        assert!(board.receiver.is_complete());
        assert_eq!(memory, payload);
    }

    #[test]
    fn a_reply_that_comes_twice_sends_no_frame_twice() {
        let payload: Vec<u8> = (0..5000_u32).flat_map(u32::to_le_bytes).collect();
        let mut memory = vec![0; payload.len()];
        let mut board = Board { times: 2, ..Board::new(&mut memory, b"", 0) };
        send(&mut board, &payload, None, &mut |_, _| ()).expect("the board answers");
        // The greeting, the blocks, the end.
        let frames = 2 + payload.len().div_ceil(skete_loader::serial::MOST_BODY_BYTES);
        assert_eq!((board.receiver.is_complete(), board.frames), (true, frames));
    }

    #[test]
    fn a_slow_line_is_not_a_dead_one() {
        let payload: Vec<u8> = (0..500_u32).flat_map(u32::to_le_bytes).collect();
        let mut memory = vec![0; payload.len()];
        let mut board = Board { at_once: 7, ..Board::new(&mut memory, b"", 0) };
        send(&mut board, &payload, Some(Duration::from_secs(5)), &mut |_, _| ()).expect("the board answers");
        assert!(board.receiver.is_complete());
    }

    #[test]
    fn a_line_where_nobody_answers_is_given_up() {
        let mut memory = [0; 16];
        let mut board = Board::new(&mut memory, b"", usize::MAX);
        assert!(send(&mut board, b"x", Some(Duration::from_millis(1)), &mut |_, _| ()).is_err());
    }

    #[test]
    fn the_programs_status_ends_the_watch() {
        let mut memory = [];
        let mut board = Board::new(&mut memory, b"hello\r\nskete: status 101\r\nskete-loader: waiting", 0);
        let mut shown = Vec::new();
        let status = watch(&mut board, None, None, &mut |bytes| shown.extend_from_slice(bytes)).expect("the line holds");
        assert_eq!((status, shown.as_slice()), (101, &b"hello\r\nskete: status 101\r\n"[..]));
    }
}
