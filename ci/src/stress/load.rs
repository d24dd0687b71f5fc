//! The connections of a load: opened one after the other, shared among threads, each of which says something on every one of its
//! connections and then hears all answers, again and again until the time is up.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Threads that speak at most.
const SPEAKERS: usize = 16;
/// Bytes that are said at once, at most.
const MOST: u64 = 2000;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Connections at a time.
    pub connections: usize,
    /// For how long.
    pub time: Duration,
    /// What is said.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// Connections at a time.
    pub connections: usize,
    /// Connections opened a second: QEMU's user network bounds it.
    pub opened_per_second: f64,
    /// Answers that were right.
    pub answers: u64,
    /// The same a second.
    pub answers_per_second: f64,
    /// Bytes that were said, and came back.
    pub bytes: u64,
    /// From saying to the last byte of the answer, in microseconds: half took no longer.
    pub p50_us: u64,
    /// Ninety-nine of a hundred took no longer.
    pub p99_us: u64,
    /// None took longer.
    pub max_us: u64,
    /// Connections whose answers were wrong, late or missing.
    pub broken: usize,
    /// What was wrong with the first of them.
    pub first: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "connections      {:>12}", self.connections)?;
        writeln!(out, "opened/s         {:>12.1}", self.opened_per_second)?;
        writeln!(out, "answers          {:>12}", self.answers)?;
        writeln!(out, "answers/s        {:>12.1}", self.answers_per_second)?;
        writeln!(out, "bytes each way   {:>12}", self.bytes)?;
        writeln!(out, "p50, p99, max us {:>12} {} {}", self.p50_us, self.p99_us, self.max_us)?;
        writeln!(out, "broken           {:>12}", self.broken)?;
        self.first.as_ref().map_or(Ok(()), |first| writeln!(out, "the first: {first}"))
    }
}

/// One connection, and what is said on it.
struct Speaker {
    stream: TcpStream,
    dice: u64,
    said: Vec<u8>,
    began: Instant,
}

impl Speaker {
    /// Opens a connection, and hears an answer: QEMU takes one before it knows whether the guest does.
    fn open(target: SocketAddr, seed: u64) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&target, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut speaker = Self { stream, dice: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, said: Vec::new(), began: Instant::now() };
        speaker.say()?;
        speaker.hear()?;
        Ok(speaker)
    }

    /// The next number (xorshift).
    fn roll(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice
    }

    fn say(&mut self) -> io::Result<()> {
        let length = self.roll() % MOST + 1;
        self.said.clear();
        for _ in 0..length {
            let [byte, ..] = self.roll().to_le_bytes();
            self.said.push(byte);
        }
        self.began = Instant::now();
        self.stream.write_all(&self.said)
    }

    /// Hears the answer; how long it took since it was asked for.
    fn hear(&mut self) -> io::Result<Duration> {
        let mut heard = vec![0; self.said.len()];
        self.stream.read_exact(&mut heard)?;
        if heard != self.said {
            let at = heard.iter().zip(&self.said).position(|(heard, said)| heard != said).unwrap_or(0);
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("byte {at} of {} is another", heard.len())));
        }
        Ok(self.began.elapsed())
    }

    /// Says that it has no more to say, and hears that the other side has not either.
    fn end(&mut self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)?;
        if self.stream.read(&mut [0])? == 0 { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "more than was said")) }
    }
}

/// What one thread has seen.
#[derive(Default)]
struct Seen {
    times_us: Vec<u64>,
    bytes: u64,
    broken: Vec<String>,
}

impl Load {
    /// Does it.
    ///
    /// # Errors
    /// A connection cannot be opened.
    pub fn carry_out(&self, target: SocketAddr) -> Result<Report> {
        let began = Instant::now();
        let open = |number: usize| {
            let seed = self.seed.wrapping_add(number as u64);
            Speaker::open(target, seed).with_context(|| format!("connection {number} to {target} is not answered"))
        };
        let speakers = (0..self.connections).map(open).collect::<Result<Vec<Speaker>>>()?;
        let opening = began.elapsed();
        let began = Instant::now();
        let deadline = began + self.time;
        let share = self.connections.div_ceil(SPEAKERS);
        let mut rest = speakers.into_iter();
        let shares: Vec<Vec<Speaker>> =
            std::iter::from_fn(|| Some(rest.by_ref().take(share).collect::<Vec<_>>()).filter(|share| !share.is_empty())).collect();
        let seen: Vec<Seen> = thread::scope(|scope| {
            let threads: Vec<_> = shares.into_iter().map(|share| scope.spawn(move || speak(share, deadline))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        Ok(self.report(seen, opening, began.elapsed()))
    }

    fn report(&self, seen: Vec<Seen>, opening: Duration, time: Duration) -> Report {
        let mut times: Vec<u64> = seen.iter().flat_map(|seen| seen.times_us.iter().copied()).collect();
        times.sort_unstable();
        let part = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0);
        let per_second = |count: usize, time: Duration| count as f64 / time.as_secs_f64().max(1e-9);
        Report {
            connections: self.connections,
            opened_per_second: per_second(self.connections, opening),
            answers: times.len() as u64,
            answers_per_second: per_second(times.len(), time),
            bytes: seen.iter().map(|seen| seen.bytes).sum(),
            p50_us: part(50),
            p99_us: part(99),
            max_us: part(100),
            broken: seen.iter().map(|seen| seen.broken.len()).sum(),
            first: seen.into_iter().flat_map(|seen| seen.broken).next(),
        }
    }
}

/// Speaks on all of these connections until the deadline, and ends them. One that breaks is left alone.
fn speak(mut speakers: Vec<Speaker>, deadline: Instant) -> Seen {
    let mut seen = Seen::default();
    while Instant::now() < deadline && !speakers.is_empty() {
        keep(&mut speakers, &mut seen, |speaker, _| speaker.say());
        keep(&mut speakers, &mut seen, |speaker, seen| {
            let time = speaker.hear()?;
            seen.times_us.push(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
            seen.bytes += speaker.said.len() as u64;
            Ok(())
        });
    }
    keep(&mut speakers, &mut seen, |speaker, _| speaker.end());
    seen
}

/// Does `act` with each; those with which it fails are noted, and gone.
fn keep(speakers: &mut Vec<Speaker>, seen: &mut Seen, mut act: impl FnMut(&mut Speaker, &mut Seen) -> io::Result<()>) {
    speakers.retain_mut(|speaker| match act(speaker, seen) {
        Ok(()) => true,
        Err(error) => {
            seen.broken.push(error.to_string());
            false
        }
    });
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::peer::Peer;

    const SHORT: Load = Load { connections: 20, time: Duration::from_millis(200), seed: 5 };

    #[test]
    fn who_says_back_what_it_hears_breaks_nothing() {
        let peer = Peer::start().expect("there is a port");
        let report = SHORT.carry_out(SocketAddr::from(([127, 0, 0, 1], peer.address().port()))).expect("it answers");
        assert_eq!((report.connections, report.broken, &report.first), (20, 0, &None));
        assert!(report.answers >= 20 && report.p50_us <= report.p99_us && report.p99_us <= report.max_us, "{report}");
    }

    #[test]
    fn one_wrong_byte_is_noticed() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let target = listener.local_addr().expect("it has one");
        // It answers the first words right, and then one byte wrong.
        thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let (mut buffer, mut heard) = ([0; 4096], 0_u64);
            loop {
                let count = stream.read(&mut buffer)?;
                if count == 0 {
                    return io::Result::Ok(());
                }
                heard += count as u64;
                if heard > 20_000 {
                    buffer[0] ^= 1;
                }
                stream.write_all(&buffer[..count])?;
            }
        });
        let report = Load { connections: 1, time: Duration::from_secs(20), seed: 1 }.carry_out(target).expect("it answers");
        assert_eq!(report.broken, 1);
        assert!(report.first.is_some_and(|first| first.contains("is another")));
    }

    #[test]
    fn where_nobody_listens_that_is_said() {
        let port = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free").local_addr().expect("it has one").port();
        let error = SHORT.carry_out(SocketAddr::from(([127, 0, 0, 1], port))).expect_err("nobody listens");
        assert!(error.to_string().contains("connection 0"), "{error}");
    }
}
