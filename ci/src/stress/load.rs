//! The connections of a load: opened, shared among threads, each of which says something on every one of its connections and then hears
//! all answers, again and again until the time is up.

use std::fmt;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use serde::Serialize;

use super::script::{END, Protocol, Script};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How soon a connection follows another that still waits for its first answer.
const PACE: Duration = Duration::from_millis(5);
/// Threads that speak at most.
const SPEAKERS: usize = 16;

/// What is to be done.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// What the server speaks.
    pub protocol: Protocol,
    /// Connections at a time.
    pub connections: usize,
    /// How many of them wait for their first answer at a time. They come one after the other all the same.
    pub openers: usize,
    /// For how long.
    pub time: Duration,
    /// What is said.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// What the server speaks.
    pub protocol: Protocol,
    /// What is said.
    pub seed: u64,
    /// Connections at a time.
    pub connections: usize,
    /// Connections opened a second: QEMU's user network bounds it.
    pub opened_per_second: f64,
    /// Answers that were right.
    pub answers: u64,
    /// The same a second.
    pub answers_per_second: f64,
    /// Bytes that were said, and answered.
    pub bytes: u64,
    /// From saying to the last byte of the answers, in microseconds: half took no longer.
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
        writeln!(out, "bytes said       {:>12}", self.bytes)?;
        writeln!(out, "p50, p99, max us {:>12} {} {}", self.p50_us, self.p99_us, self.max_us)?;
        writeln!(out, "broken           {:>12}", self.broken)?;
        self.first.as_ref().map_or(Ok(()), |first| writeln!(out, "the first: {first}"))
    }
}

/// One connection, and what is said on it.
struct Speaker {
    number: usize,
    stream: BufReader<TcpStream>,
    script: Box<dyn Script>,
    dice: fastrand::Rng,
    began: Instant,
    /// Bytes and answers of what was said last.
    said: (u64, u64),
}

fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&target, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

impl Speaker {
    /// Hears a first answer: QEMU takes a connection before it knows whether the guest does.
    fn begin(stream: TcpStream, load: &Load, number: usize) -> io::Result<Self> {
        let mut speaker = Self {
            number,
            stream: BufReader::new(stream),
            script: load.protocol.script(number),
            dice: fastrand::Rng::with_seed(load.seed.wrapping_add(number as u64)),
            began: Instant::now(),
            said: (0, 0),
        };
        speaker.say()?;
        speaker.hear()?;
        Ok(speaker)
    }

    fn say(&mut self) -> io::Result<()> {
        let said = self.script.say(&mut self.dice);
        self.say_this(said)
    }

    fn say_this(&mut self, (bytes, answers): (Vec<u8>, u64)) -> io::Result<()> {
        self.said = (bytes.len() as u64, answers);
        self.began = Instant::now();
        self.stream.get_mut().write_all(&bytes)
    }

    /// Hears the answers; how long they took since they were asked for.
    fn hear(&mut self) -> io::Result<Duration> {
        self.script.hear(&mut self.stream)?;
        Ok(self.began.elapsed())
    }

    /// Leaves nothing in the server, says that it has no more to say, and hears that the other side has not either.
    fn end(&mut self) -> io::Result<()> {
        if let Some(said) = self.script.clear() {
            self.say_this(said)?;
            self.hear()?;
        }
        self.stream.get_ref().shutdown(Shutdown::Write)?;
        if self.stream.read(&mut [0])? == 0 { Ok(()) } else { Err(io::Error::new(io::ErrorKind::InvalidData, "more than was said")) }
    }
}

/// What one thread has seen.
#[derive(Default)]
struct Seen {
    times_us: Vec<u64>,
    answers: u64,
    bytes: u64,
    broken: Vec<String>,
    /// When it had spoken: what follows are ends.
    spoke: Option<Instant>,
}

impl Load {
    /// Does it.
    ///
    /// # Errors
    /// A connection cannot be opened.
    pub fn carry_out(&self, target: SocketAddr) -> Result<Report> {
        let began = Instant::now();
        let speakers = self.open(target)?;
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
        let spoke = seen.iter().filter_map(|seen| seen.spoke).max().map_or_else(|| began.elapsed(), |spoke| spoke.duration_since(began));
        Ok(self.report(seen, opening, spoke))
    }

    /// Opens all connections: the next as soon as the last was taken, but with no more than [`Self::openers`] waiting for an answer.
    fn open(&self, target: SocketAddr) -> Result<Vec<Speaker>> {
        let (next, door) = (AtomicUsize::new(0), Mutex::new(()));
        let open_some = || {
            let mut mine = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= self.connections {
                    return Ok(mine);
                }
                let told = || format!("connection {number} to {target} is not answered");
                let stream = {
                    let _one_by_one = door.lock().unwrap_or_else(PoisonError::into_inner);
                    // QEMU's user network takes two that come at once; a third comes again after a second.
                    thread::sleep(if self.openers > 1 { PACE } else { Duration::ZERO });
                    connect(target)
                };
                match stream.and_then(|stream| Speaker::begin(stream, self, number)).with_context(told) {
                    Ok(speaker) => mine.push(speaker),
                    Err(error) => {
                        // The others need not try any more.
                        next.store(self.connections, Ordering::Relaxed);
                        return Err(error);
                    }
                }
            }
        };
        let opened: Result<Vec<Vec<Speaker>>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.openers).map(|_| scope.spawn(open_some)).collect();
            threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("an opening thread panicked"))?).collect()
        });
        let mut speakers: Vec<Speaker> = opened?.into_iter().flatten().collect();
        speakers.sort_by_key(|speaker| speaker.number);
        Ok(speakers)
    }

    /// Tells the server in QEMU that there are no more: by a last connection, or a request that says so.
    ///
    /// The machine ends with its program, and with what it still had to say; so nothing is heard here.
    pub fn finish(&self, target: SocketAddr) {
        let said = if self.protocol == Protocol::Http { END } else { "" };
        let _ = connect(target).and_then(|mut stream| {
            stream.write_all(said.as_bytes())?;
            stream.shutdown(Shutdown::Write)?;
            stream.read(&mut [0])
        });
    }

    fn report(&self, seen: Vec<Seen>, opening: Duration, time: Duration) -> Report {
        let mut times: Vec<u64> = seen.iter().flat_map(|seen| seen.times_us.iter().copied()).collect();
        times.sort_unstable();
        let part = |percent: usize| times.get(times.len().saturating_sub(1) * percent / 100).copied().unwrap_or(0);
        let per_second = |count: u64, time: Duration| count as f64 / time.as_secs_f64().max(1e-9);
        let answers = seen.iter().map(|seen| seen.answers).sum();
        Report {
            protocol: self.protocol,
            seed: self.seed,
            connections: self.connections,
            opened_per_second: per_second(self.connections as u64, opening),
            answers,
            answers_per_second: per_second(answers, time),
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
            seen.bytes += speaker.said.0;
            seen.answers += speaker.said.1;
            Ok(())
        });
    }
    seen.spoke = Some(Instant::now());
    keep(&mut speakers, &mut seen, |speaker, _| speaker.end());
    seen
}

/// Does `act` with each; those with which it fails are noted, and gone.
fn keep(speakers: &mut Vec<Speaker>, seen: &mut Seen, mut act: impl FnMut(&mut Speaker, &mut Seen) -> io::Result<()>) {
    speakers.retain_mut(|speaker| match act(speaker, seen) {
        Ok(()) => true,
        Err(error) => {
            seen.broken.push(format!("connection {}: {error}", speaker.number));
            false
        }
    });
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;
    use crate::peer::Peer;

    const SHORT: Load = Load { protocol: Protocol::Echo, connections: 20, openers: 4, time: Duration::from_millis(200), seed: 5 };

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
        let report = Load { connections: 1, openers: 1, time: Duration::from_secs(20), ..SHORT }.carry_out(target).expect("it answers");
        assert_eq!(report.broken, 1);
        assert!(report.first.is_some_and(|first| first.contains("is another")));
    }

    #[test]
    fn where_nobody_listens_that_is_said() {
        let port = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free").local_addr().expect("it has one").port();
        let error = SHORT.carry_out(SocketAddr::from(([127, 0, 0, 1], port))).expect_err("nobody listens");
        assert!(error.to_string().contains("is not answered"), "{error}");
    }
}
