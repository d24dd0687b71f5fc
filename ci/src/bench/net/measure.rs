//! What is measured of one boot: by this machine's clock, by one who calls from this machine. Every byte that comes back is compared.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::Ports;
use crate::stress::load::{Load, Report};
use crate::stress::script::{Protocol, SHORT};

/// What is better: less of it, or more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    /// As with times.
    Less,
    /// As with rates.
    More,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// What is better.
    pub better: Better,
}

const fn time(name: &'static str) -> Kind {
    Kind { name, unit: "us", better: Better::Less }
}

const fn rate(name: &'static str, unit: &'static str) -> Kind {
    Kind { name, unit, better: Better::More }
}

/// The rows, in the order of [`Figures::values`].
pub const KINDS: [Kind; 10] = [
    // 64 bytes there and back on one connection: half of all times are shorter, and how many of them a second.
    time("net.tcp.echo.p50"),
    rate("net.tcp.echo.rate", "requests/s"),
    // The same on several at once.
    rate("net.tcp.requests.10", "requests/s"),
    rate("net.tcp.requests.100", "requests/s"),
    rate("net.tcp.requests.1000", "requests/s"),
    // How many of the thousand were opened a second, one by one, each with a first request: QEMU's user network takes no two at once.
    rate("net.tcp.opened", "connections/s"),
    // One connection, one request on it, and its end on both sides, again and again.
    rate("net.tcp.churn", "connections/s"),
    // A stream into the guest until the last byte was counted there, and one out of it.
    rate("net.tcp.into", "MB/s"),
    rate("net.tcp.out", "MB/s"),
    // 64 bytes there and back in datagrams.
    time("net.udp.echo.p50"),
];

/// How long each row takes, where it is not the number of connections that decides.
const TIME: Duration = Duration::from_millis(1500);
/// How long the first words may take and go for, before anything counts: neighbours ask for addresses.
const WARMING: Duration = Duration::from_millis(200);
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a sink may take for what this machine and QEMU still hold when all was said: megabytes, and USB takes a fifth of one a second.
const SINK_PATIENCE: Duration = Duration::from_secs(120);
/// How long a datagram's answer may take until it counts as lost.
const DATAGRAM_PATIENCE: Duration = Duration::from_secs(1);
/// The source's bytes count from 0 to one less than this, again and again (`apps/c/echo/services.c`).
const PERIOD: usize = 251;
/// Bytes that are written or read at once.
const PIECE: usize = 64 << 10;

/// The rows of one boot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figures {
    /// As [`KINDS`] names them.
    pub values: Vec<f64>,
    /// How many threads of this machine's were ready to run, in the last minute.
    pub load: f64,
    /// Answers that were wrong, late or missing.
    pub broken: Vec<String>,
}

/// Measures a server that listens.
///
/// # Errors
/// It does not take connections.
pub fn measure(ports: &Ports) -> Result<Figures> {
    let mut broken = Vec::new();
    let echo = local(ports.echo);
    let mut loaded = |connections, time| -> Result<Report> {
        let report = Load { protocol: Protocol::Short, connections, openers: 1, time, seed: 1 }.carry_out(echo)?;
        broken.extend(report.first.iter().map(|first| format!("{} of {connections} connections: {first}", report.broken)));
        Ok(report)
    };
    loaded(1, WARMING)?;
    let one = loaded(1, TIME)?;
    let datagrams = datagrams(local(ports.echo), TIME);
    let ten = loaded(10, TIME)?;
    let churned = churn(echo, TIME);
    let [into, out] = [into(local(ports.sink), TIME), out(local(ports.source), TIME)];
    // The most last: a thousand threads take time to end, which is none of the other rows'.
    let [hundred, thousand] = [loaded(100, TIME)?, loaded(1000, TIME)?];
    let mut told = |name: &str, result: io::Result<f64>| {
        result.unwrap_or_else(|error| {
            broken.push(format!("{name}: {error}"));
            0.0
        })
    };
    let requests = [&one, &ten, &hundred, &thousand].map(|report| report.answers_per_second);
    #[allow(clippy::cast_precision_loss, reason = "a time in microseconds")]
    let mut values = vec![one.p50_us as f64];
    values.extend(requests);
    values.push(thousand.opened_per_second);
    values.extend([told("churn", churned), told("into", into), told("out", out), told("datagrams", datagrams)]);
    Ok(Figures { values, load: load(), broken })
}

/// How busy this machine is (`proc_loadavg(5)`); 0 where it does not tell.
fn load() -> f64 {
    let told = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    told.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default()
}

/// A port of this machine's.
pub fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// A connection whose every call is bounded in time.
///
/// # Errors
/// Nobody listens there.
pub fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&target, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[allow(clippy::cast_precision_loss, reason = "counts of what happens in seconds")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64().max(1e-9)
}

/// Connections a second, each with one request, and ended by both sides.
fn churn(target: SocketAddr, time: Duration) -> io::Result<f64> {
    let mut dice = fastrand::Rng::with_seed(1);
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < time {
        let said: [u8; SHORT] = std::array::from_fn(|_| dice.u8(..));
        let (mut stream, mut heard) = (connect(target)?, [0; SHORT]);
        stream.write_all(&said)?;
        stream.read_exact(&mut heard)?;
        stream.shutdown(Shutdown::Write)?;
        if heard != said || stream.read(&mut heard)? != 0 {
            return Err(wrong("the answer is another"));
        }
        count += 1;
    }
    Ok(per_second(count, began.elapsed()))
}

/// Megabytes a second into a sink, which says at the end how many bytes came.
fn into(target: SocketAddr, time: Duration) -> io::Result<f64> {
    let (mut stream, piece) = (connect(target)?, pattern());
    let (began, mut bytes) = (Instant::now(), 0);
    while began.elapsed() < time {
        stream.write_all(&piece[..PIECE])?;
        bytes += PIECE as u64;
    }
    stream.shutdown(Shutdown::Write)?;
    stream.set_read_timeout(Some(SINK_PATIENCE))?;
    let mut counted = [0; 8];
    stream.read_exact(&mut counted)?;
    let passed = began.elapsed();
    if u64::from_be_bytes(counted) != bytes {
        return Err(wrong(&format!("{} bytes came, not {bytes}", u64::from_be_bytes(counted))));
    }
    Ok(per_second(bytes, passed) / 1e6)
}

/// Megabytes a second out of a source.
fn out(target: SocketAddr, time: Duration) -> io::Result<f64> {
    let (mut stream, wanted) = (connect(target)?, pattern());
    let mut piece = vec![0; PIECE];
    let (began, mut bytes) = (Instant::now(), 0_usize);
    while began.elapsed() < time {
        let count = stream.read(&mut piece)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if piece[..count] != wanted[bytes % PERIOD..][..count] {
            return Err(wrong(&format!("a byte behind {bytes} is another")));
        }
        bytes += count;
    }
    Ok(per_second(bytes as u64, began.elapsed()) / 1e6)
}

/// What the source says, from any place in its period on.
fn pattern() -> Vec<u8> {
    (0..PERIOD).filter_map(|byte| u8::try_from(byte).ok()).cycle().take(PIECE + PERIOD).collect()
}

/// Microseconds for a datagram there and back, of which half take less.
fn datagrams(target: SocketAddr, time: Duration) -> io::Result<f64> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(target)?;
    socket.set_read_timeout(Some(DATAGRAM_PATIENCE))?;
    let mut dice = fastrand::Rng::with_seed(2);
    let (mut times, began) = (Vec::new(), Instant::now());
    while began.elapsed() < time {
        let said: [u8; SHORT] = std::array::from_fn(|_| dice.u8(..));
        let (mut heard, sent) = ([0; 2 * SHORT], Instant::now());
        socket.send(&said)?;
        let count = socket.recv(&mut heard)?;
        times.push(sent.elapsed());
        if heard[..count] != said {
            return Err(wrong("the answer is another"));
        }
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).map_or(0.0, |time| time.as_secs_f64() * 1e6))
}

/// Tells the server that it is no longer needed.
///
/// # Errors
/// It does not take the connection.
pub fn finish(ports: &Ports) -> Result<()> {
    connect(local(ports.end)).map(drop).context("the server does not take its last connection")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    const BRIEF: Duration = Duration::from_millis(50);

    /// Does `act` with the first connection.
    fn served(act: impl FnOnce(TcpStream) -> io::Result<()> + Send + 'static) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let target = listener.local_addr().expect("it has one");
        thread::spawn(move || listener.accept().and_then(|(stream, _)| act(stream)));
        target
    }

    #[test]
    fn the_pattern_repeats_from_any_place_on() {
        let pattern = pattern();
        assert_eq!((pattern[250], pattern[251], pattern.len()), (250, 0, PIECE + PERIOD));
        assert_eq!(pattern[..PIECE], pattern[PERIOD..]);
    }

    #[test]
    fn a_sink_that_has_counted_otherwise_is_broken() {
        for lie in [0, 1] {
            let target = served(move |mut stream| {
                let count = io::copy(&mut stream, &mut io::sink())?;
                stream.write_all(&(count + lie).to_be_bytes())
            });
            assert_eq!(into(target, BRIEF).is_ok(), lie == 0);
        }
    }

    #[test]
    fn a_source_that_says_another_byte_is_broken() {
        for lie in [0, 1] {
            let target = served(move |mut stream| {
                let mut said: Vec<u8> = (0..=250).cycle().take(251 * 4000).collect();
                said[251 * 20] ^= lie;
                loop {
                    stream.write_all(&said)?;
                }
            });
            assert_eq!(out(target, BRIEF).is_ok(), lie == 0);
        }
    }

    #[test]
    fn datagrams_are_compared() {
        for lie in [0, 1] {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
            let target = socket.local_addr().expect("it has one");
            thread::spawn(move || -> io::Result<()> {
                let mut heard = [0; 100];
                loop {
                    let (count, from) = socket.recv_from(&mut heard)?;
                    heard[0] ^= lie;
                    socket.send_to(&heard[..count], from)?;
                }
            });
            assert_eq!(datagrams(target, BRIEF).is_ok(), lie == 0);
        }
    }
}
