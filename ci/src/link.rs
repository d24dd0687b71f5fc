//! A link between the guest's card and QEMU's user network, which loses, repeats and reorders frames as a seed says.
//!
//! - [`lane`]: one direction of it, without sockets or a clock
//!
//! QEMU connects two of its socket netdevs to us: the card stands behind the one, and the user network, by a hub, behind the other. So the
//! user network stays what it is, with its ports that lead to the guest. (Its `filter-redirector` takes four character devices for the same,
//! and its answers to DHCP did not come through.)

mod lane;

use std::io::{self, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use lane::{Done, Faults, Percent};

use lane::Lane;

/// The longest frame that is taken from QEMU's network.
const LONGEST: usize = 1 << 16;
/// Frames that may wait to be sent on; then QEMU waits.
const ROOM: usize = 256;
/// How long nothing may happen until the rest is looked at.
const LOOK: Duration = Duration::from_secs(3600);

/// Where QEMU finds a link: the side of the card, and that of the user network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    card: u16,
    network: u16,
}

impl Ends {
    /// What the card's netdev is called.
    pub const CARD: &str = "inside";

    /// QEMU's words for a link between `network` and [`Self::CARD`].
    pub fn words(&self, network: &str) -> Vec<String> {
        let words = [
            "-netdev",
            &format!("socket,id={},connect=127.0.0.1:{}", Self::CARD, self.card),
            "-netdev",
            &format!("socket,id=outside,connect=127.0.0.1:{}", self.network),
            "-netdev",
            &format!("hubport,id=link0,hubid=1,netdev={network}"),
            "-netdev",
            "hubport,id=link1,hubid=1,netdev=outside",
        ];
        words.map(String::from).to_vec()
    }
}

/// What came of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// What went to the guest.
    pub to_guest: Done,
    /// What came from it.
    pub from_guest: Done,
}

/// A link that waits for QEMU.
#[derive(Debug)]
pub struct Link {
    ends: Ends,
    is_over: Arc<AtomicBool>,
    carriers: Option<JoinHandle<Report>>,
}

impl Link {
    /// A link with these faults, the same for the same seed.
    ///
    /// # Errors
    /// This machine has no ports left.
    pub fn start(faults: Faults, seed: u64) -> io::Result<Self> {
        let [card, network] = [TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?, TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?];
        let ends = Ends { card: card.local_addr()?.port(), network: network.local_addr()?.port() };
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let carriers = thread::spawn(move || {
            let accept = |listener: &TcpListener| {
                let stream = listener.accept().ok().filter(|_| !over.load(Ordering::Relaxed)).map(|(stream, _)| stream)?;
                stream.set_nodelay(true).ok()?;
                Some(stream)
            };
            let (Some(card), Some(network)) = (accept(&card), accept(&network)) else { return Report::default() };
            let (Ok(from_card), Ok(from_network)) = (card.try_clone(), network.try_clone()) else { return Report::default() };
            thread::scope(|scope| {
                let to_guest = scope.spawn(|| carry(from_network, card, Lane::new(faults, seed, 0)));
                let from_guest = carry(from_card, network, Lane::new(faults, seed, 1));
                Report { to_guest: to_guest.join().unwrap_or_default(), from_guest }
            })
        });
        Ok(Self { ends, is_over, carriers: Some(carriers) })
    }

    /// Where QEMU finds it.
    pub const fn ends(&self) -> Ends {
        self.ends
    }

    /// QEMU has ended: what came of it.
    pub fn finish(mut self) -> Report {
        self.end()
    }

    fn end(&mut self) -> Report {
        self.is_over.store(true, Ordering::Relaxed);
        // Whoever still waits for QEMU gets a connection, and sees that it is over.
        for port in [self.ends.card, self.ends.network] {
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        }
        self.carriers.take().and_then(|carriers| carriers.join().ok()).unwrap_or_default()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if self.carriers.is_some() {
            self.end();
        }
    }
}

/// Carries frames from one side to the other until one of them has gone; what became of them.
fn carry(from: TcpStream, mut to: TcpStream, mut lane: Lane) -> Done {
    let (sender, frames) = mpsc::sync_channel(ROOM);
    let reader = thread::spawn(move || {
        let mut from = BufReader::new(from);
        while let Ok(frame) = read(&mut from) {
            if sender.send(frame).is_err() {
                return;
            }
        }
    });
    while let Some(passing) = next(&frames, &mut lane) {
        if passing.iter().any(|frame| write(&mut to, frame).is_err()) {
            break;
        }
    }
    // The other direction ends with this one, and so does who reads.
    let _ = to.shutdown(std::net::Shutdown::Both);
    drop(frames);
    let _ = reader.join();
    lane.done()
}

/// Waits for a frame, or for the time of one that is held back: what goes on then; none at the end.
fn next(frames: &Receiver<Vec<u8>>, lane: &mut Lane) -> Option<Vec<Vec<u8>>> {
    let wait = lane.due().map_or(LOOK, |due| due.saturating_duration_since(Instant::now()));
    match frames.recv_timeout(wait) {
        Ok(frame) => Some(lane.pass(frame, Instant::now())),
        Err(RecvTimeoutError::Timeout) => Some(lane.release(Instant::now())),
        Err(RecvTimeoutError::Disconnected) => None,
    }
}

/// Reads a frame of QEMU's network, which stands behind its length.
///
/// # Errors
/// There is no more, or it is longer than any frame.
pub fn read(from: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(frame)
}

/// Writes a frame as QEMU's network reads it.
///
/// # Errors
/// Nobody reads any more.
pub fn write(to: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).unwrap_or(0).to_be_bytes();
    to.write_all(&[&length, frame].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connect(link: &Link) -> (TcpStream, TcpStream) {
        let connect = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens");
        (connect(link.ends.card), connect(link.ends.network))
    }

    fn frame(number: u32) -> Vec<u8> {
        [&number.to_be_bytes()[..], &[0xA5; 60]].concat()
    }

    #[test]
    fn frames_go_both_ways_and_a_perfect_link_changes_nothing() {
        let link = Link::start(Faults::default(), 1).expect("there are ports");
        let (mut card, mut network) = connect(&link);
        for number in 0..100 {
            write(&mut card, &frame(number)).expect("it takes it");
            assert_eq!(read(&mut network).expect("it comes"), frame(number));
            write(&mut network, &frame(!number)).expect("it takes it");
            assert_eq!(read(&mut card).expect("it comes"), frame(!number));
        }
        drop((card, network));
        let report = link.finish();
        let all = Done { frames: 100, ..Done::default() };
        assert_eq!(report, Report { to_guest: all, from_guest: all });
    }

    #[test]
    fn what_arrives_is_what_was_counted() {
        let half = "50%".parse().expect("it is one");
        let link = Link::start(Faults { loss: half, duplicate: half, reorder: half }, 7).expect("there are ports");
        let (card, mut network) = connect(&link);
        (0..1000).for_each(|number| write(&mut network, &frame(number)).expect("it takes it"));
        // It ends its side: the link sends on what it has, and ends.
        network.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut card = BufReader::new(card);
        let arrived = std::iter::from_fn(|| read(&mut card).ok()).count() as u64;
        drop((card, network));
        let Done { frames, lost, twice, late } = link.finish().to_guest;
        assert_eq!(frames, 1000);
        assert!(lost > 400 && twice > 100 && late > 100, "{lost} {twice} {late}");
        // What is held back when a side goes is gone with it.
        let sent = frames - lost + twice;
        assert!(arrived <= sent && arrived + 8 >= sent, "{arrived} of {sent}");
    }

    #[test]
    fn a_link_that_nobody_comes_to_ends() {
        assert_eq!(Link::start(Faults::default(), 1).expect("there are ports").finish(), Report::default());
    }

    #[test]
    fn a_frame_that_is_too_long_is_none() {
        assert!(read(&mut &[0, 1, 0, 1, 0][..]).is_err() && read(&mut &[0, 0, 0, 2, 0][..]).is_err());
    }
}
