//! The Ethernet of a Raspberry Pi 3, which QEMU has not: the driver's [model of the chip](skete_drivers::usb::smsc95xx::model) in this
//! process, plugged into QEMU's USB by `usb-redir`, and its cable into QEMU's network by a socket.
//!
//! - [`redir`]: the words of `usb-redir` · [`ping`]: a machine on the cable that asks for echoes
//!
//! A device that is not ready is one whose answer QEMU waits for; the model is asked again until it is.

mod ping;
mod redir;

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use skete_drivers::card::Pace;
use skete_drivers::usb::request::Setup;
use skete_drivers::usb::smsc95xx::model::mischief::Done;
use skete_drivers::usb::smsc95xx::model::{Answer, DEVICE, IN, Model, OUT, PACKET};

use crate::link;

use self::ping::Asker;
use self::redir::{Endpoint, Heard, Status};

/// How soon a device that was not ready is asked again.
const AGAIN: Duration = Duration::from_millis(1);
/// How long nothing may happen until the rest is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// What the cable is while nothing goes wrong.
const PACE: Pace = Pace { mbit: 100, is_full: true };
/// After how many looks at the PHY it is plugged in where things go wrong: after the program has begun.
const LATE_LOOKS: u32 = 8;
/// The bulk endpoint that sends, as USB and QEMU number it.
const IN_ADDRESS: u8 = IN | 0x80;

/// What happens to the model.
enum Event {
    /// QEMU says this over `usb-redir`.
    Said(Heard),
    /// A frame comes over the cable.
    Frame(Vec<u8>),
    /// QEMU has gone.
    Gone,
}

/// What came of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What the driver must not have done.
    pub objections: Vec<String>,
    /// What went wrong as the seed said.
    pub done: Done,
    /// Whether anything was to go wrong.
    pub is_faulty: bool,
    /// What became of the pings, if any were sent.
    pub pings: Option<ping::Report>,
}

impl Report {
    /// Tells what went wrong as it was to, and judges the rest.
    ///
    /// # Errors
    /// The chip was not treated as one must be, or pings were not answered as they must be.
    pub fn judge(&self) -> Result<()> {
        if self.is_faulty {
            eprintln!("xtask: {self}");
        }
        ensure!(self.objections.is_empty(), "the model of the lan9514 objects:\n  {}", self.objections.join("\n  "));
        if let Some(pings) = self.pings {
            let is_answered = pings.answered > 0 && pings.wrong == 0 && (pings.lost == 0 || self.is_faulty);
            ensure!(is_answered, "pings to the guest: {pings:?}");
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Done { naks, stalls, damaged, nonsense, cables } = self.done;
        write!(out, "lan9514: {naks} answers withheld, {stalls} refused, {damaged} frames damaged, {nonsense} transfers no frames, ")?;
        write!(out, "{cables} times another cable")
    }
}

/// A chip that waits for QEMU.
#[derive(Debug)]
pub struct Lan9514 {
    /// Where QEMU finds `usb-redir`, and the cable.
    ports: [u16; 2],
    is_over: Arc<AtomicBool>,
    model: Option<JoinHandle<Report>>,
}

impl Lan9514 {
    /// A chip in which things go wrong as `seed` says, and with whose guest somebody plays ping, if asked for.
    ///
    /// # Errors
    /// This machine has no ports left.
    pub fn start(seed: Option<u64>, pings: bool) -> io::Result<Self> {
        let (sender, events) = mpsc::channel();
        let is_over = Arc::new(AtomicBool::new(false));
        let usb = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let cable = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let ports = [usb.local_addr()?.port(), cable.local_addr()?.port()];
        let ends = Arc::clone(&is_over);
        let model = thread::spawn(move || {
            let accept =
                |listener: &TcpListener| listener.accept().ok().filter(|_| !ends.load(Ordering::Relaxed)).map(|(stream, _)| stream);
            let (Some(usb), Some(cable)) = (accept(&usb), accept(&cable)) else { return Report::default() };
            match Machine::new(seed, pings, usb, cable, sender) {
                Ok(machine) => machine.run(&events),
                Err(error) => Report { objections: vec![format!("the model cannot speak with QEMU: {error}")], ..Report::default() },
            }
        });
        Ok(Self { ports, is_over, model: Some(model) })
    }

    /// QEMU's words for it, and for a cable to `network`.
    pub fn words(&self, network: &str) -> Vec<String> {
        let [usb, cable] = self.ports;
        let words = [
            "-chardev",
            &format!("socket,id=lan9514,host=127.0.0.1,port={usb},nodelay=on"),
            "-netdev",
            &format!("socket,id=cable,connect=127.0.0.1:{cable}"),
            "-netdev",
            &format!("hubport,id=port0,hubid=0,netdev={network}"),
            "-netdev",
            "hubport,id=port1,hubid=0,netdev=cable",
            "-device",
            // QEMU's own hub, which is slow, is not put in between.
            "usb-redir,chardev=lan9514,port=1",
        ];
        words.map(String::from).to_vec()
    }

    /// QEMU has ended: what came of it.
    pub fn finish(mut self) -> Report {
        self.end()
    }

    fn end(&mut self) -> Report {
        self.is_over.store(true, Ordering::Relaxed);
        // Whoever still waits for QEMU gets a connection, and sees that it is over.
        for port in self.ports {
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, port));
        }
        let panicked = || Report { objections: vec!["the model panicked".into()], ..Report::default() };
        self.model.take().map(|model| model.join().unwrap_or_else(|_| panicked())).unwrap_or_default()
    }
}

impl Drop for Lan9514 {
    fn drop(&mut self) {
        if self.model.is_some() {
            self.end();
        }
    }
}

/// What QEMU waits for.
#[derive(Debug)]
enum Waiting {
    /// A request's answer.
    Request(u32, Setup, Vec<u8>),
    /// Bytes that leave the guest: these, of which so many were taken.
    Leaving(u32, Vec<u8>, usize),
    /// Room for those that come.
    Coming(u32, usize),
}

impl Waiting {
    const fn id(&self) -> u32 {
        match self {
            Self::Request(id, ..) | Self::Leaving(id, ..) | Self::Coming(id, ..) => *id,
        }
    }
}

/// The chip, and those at its two ends.
struct Machine {
    model: Model,
    asker: Option<Asker>,
    usb: TcpStream,
    cable: TcpStream,
    /// By endpoint: requests, what leaves, what comes; in order.
    waiting: [VecDeque<Waiting>; 3],
    objections: Vec<String>,
    is_faulty: bool,
}

impl Machine {
    fn new(seed: Option<u64>, pings: bool, usb: TcpStream, cable: TcpStream, events: Sender<Event>) -> io::Result<Self> {
        usb.set_nodelay(true)?;
        cable.set_nodelay(true)?;
        let (from_usb, from_cable, frames) = (usb.try_clone()?, cable.try_clone()?, events.clone());
        thread::spawn(move || hear_usb(from_usb, &events));
        thread::spawn(move || hear_cable(from_cable, &frames));
        let mut model = Model::new(seed);
        match seed {
            None => model.plug(Some(PACE)),
            Some(_) => model.plug_later(PACE, LATE_LOOKS),
        }
        let asker = pings.then(Asker::about_packets);
        let mut machine = Self { model, asker, usb, cable, waiting: Default::default(), objections: Vec::new(), is_faulty: seed.is_some() };
        machine.say(&redir::hello());
        Ok(machine)
    }

    /// Lives until QEMU has gone.
    fn run(mut self, events: &Receiver<Event>) -> Report {
        loop {
            let is_busy = self.model.has_frames() || !self.waiting[0].is_empty() || !self.waiting[1].is_empty();
            match events.recv_timeout(if is_busy { AGAIN } else { LOOK }) {
                Ok(Event::Said(heard)) => self.hear(heard),
                Ok(Event::Frame(frame)) => self.model.arrive(frame),
                Ok(Event::Gone) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.go_on();
        }
        self.objections.extend(self.model.objections());
        let pings = self.asker.as_ref().map(Asker::report);
        Report { objections: self.objections, done: self.model.done().clone(), is_faulty: self.is_faulty, pings }
    }

    /// Says something to QEMU, which may have gone; that is heard elsewhere.
    fn say(&mut self, bytes: &[u8]) {
        let _ = self.usb.write_all(bytes);
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Hello => {
                let bulk = |address| Endpoint { address, kind: 2, packet: u16::try_from(PACKET).unwrap_or(0), interval: 0 };
                let interrupt = Endpoint { address: 0x83, kind: 3, packet: 16, interval: 4 };
                self.say(&redir::connect(&DEVICE, &[bulk(IN_ADDRESS), bulk(OUT), interrupt]));
            }
            Heard::Reset => self.model.reset(),
            Heard::Configure { id, value } => {
                self.model.request(Setup::configuration(value), &[]);
                self.say(&redir::configured(id, value));
            }
            Heard::Control { id, setup, data } => self.waiting[0].push_back(Waiting::Request(id, setup, data)),
            Heard::Bulk { id, endpoint: OUT, data, .. } => self.waiting[1].push_back(Waiting::Leaving(id, data, 0)),
            Heard::Bulk { id, endpoint: IN_ADDRESS, room, .. } => self.waiting[2].push_back(Waiting::Coming(id, room)),
            Heard::Bulk { endpoint, .. } => self.objections.push(format!("endpoint {endpoint:#x} is asked, which it has not")),
            Heard::Cancel { id } => self.cancel(id),
            Heard::Other { .. } => {}
        }
    }

    /// What was asked under this number is not wanted any more. A channel that is stopped goes on in QEMU: no driver must do it.
    fn cancel(&mut self, id: u32) {
        for queue in &mut self.waiting {
            queue.retain(|waiting| waiting.id() != id);
        }
        self.say(&redir::moved(id, IN_ADDRESS, Status::Cancelled, 0, &[]));
    }

    /// Does all that can be done now.
    fn go_on(&mut self) {
        for queue in 0..self.waiting.len() {
            while let Some(mut waiting) = self.waiting[queue].pop_front() {
                let Some(answer) = self.answer(&mut waiting) else {
                    self.waiting[queue].push_front(waiting);
                    break;
                };
                self.say(&answer);
            }
        }
        let now = Instant::now();
        while let Some(frame) = self.model.take_sent() {
            let answers = self.asker.as_mut().map(|asker| asker.hear(&frame, now)).unwrap_or_default();
            answers.into_iter().for_each(|answer| self.model.arrive(answer));
            // It may have gone.
            let _ = link::write(&mut self.cable, &frame);
        }
        if let Some(question) = self.asker.as_mut().and_then(|asker| asker.go_on(now)) {
            self.model.arrive(question);
        }
    }

    /// The answer that QEMU waits for; none, if the chip is not ready.
    fn answer(&mut self, waiting: &mut Waiting) -> Option<Vec<u8>> {
        match waiting {
            Waiting::Request(id, setup, data) => match self.model.request(*setup, data) {
                Answer::Data(data) => Some(redir::answered(*id, *setup, Status::Success, &data)),
                Answer::Stall => Some(redir::answered(*id, *setup, Status::Stall, &[])),
                Answer::Nak => None,
            },
            Waiting::Leaving(id, data, taken) => loop {
                let packet = &data[*taken..data.len().min(*taken + PACKET)];
                match self.model.take(packet) {
                    Answer::Data(_) => *taken += packet.len(),
                    Answer::Stall => return Some(redir::moved(*id, OUT, Status::Stall, *taken, &[])),
                    Answer::Nak => return None,
                }
                if *taken == data.len() {
                    return Some(redir::moved(*id, OUT, Status::Success, *taken, &[]));
                }
            },
            Waiting::Coming(id, room) => match self.model.give(*room) {
                Answer::Data(data) => Some(redir::moved(*id, IN_ADDRESS, Status::Success, data.len(), &data)),
                Answer::Stall => Some(redir::moved(*id, IN_ADDRESS, Status::Stall, 0, &[])),
                Answer::Nak => None,
            },
        }
    }
}

fn hear_usb(usb: TcpStream, events: &Sender<Event>) {
    let mut usb = BufReader::new(usb);
    while let Ok(heard) = redir::hear(&mut usb) {
        if events.send(Event::Said(heard)).is_err() {
            return;
        }
    }
    // The model may have gone as well.
    let _ = events.send(Event::Gone);
}

fn hear_cable(cable: TcpStream, events: &Sender<Event>) {
    let mut cable = BufReader::new(cable);
    while let Ok(frame) = link::read(&mut cable) {
        if events.send(Event::Frame(frame)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
