//! Names: what a machine asks, what an honest server answers, and what no server says.
//!
//! Every name that is asked for is `nNUMBER.example.org`, and its addresses follow from the number: so anybody can tell a right one.

mod spoilt;

use fastrand::Rng;
use skete_abi::Errno;
use skete_net::setup::{QUERIES, Question};
use skete_net::socket::Family;
use skete_net::{Duration, Instant, IpAddress};

use crate::forge::mend;
use crate::world::{LIMITS, Machine};

pub use spoilt::{SPOILS, Spoil};

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const AAAA: u16 = 28;
pub const INTERNET: u16 = 1;
/// The name that a question is about, told by where it stands (RFC 1035 4.1.4).
pub const ASKED: [u8; 2] = [0xc0, 12];
/// The most addresses that an honest server tells of a name.
const MOST: u16 = 12;

/// An address of IPv4 and a port.
pub type Place = ([u8; 4], u16);

/// A question as it came over the cable.
#[derive(Clone, Debug)]
pub struct Query {
    mac: [u8; 6],
    from: Place,
    to: Place,
    id: u16,
    /// The name as it is written there.
    name: Vec<u8>,
    kind: u16,
    /// The number in the name.
    pub number: u32,
}

impl Query {
    /// The question in a frame, if it is one.
    pub fn parse(frame: &[u8]) -> Option<Self> {
        let two = |at: usize| Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
        let place = |address: usize, port| Some((frame.get(address..address + 4)?.try_into().ok()?, two(port)?));
        let is_one = two(12)? == 0x800 && frame.get(14) == Some(&0x45) && frame.get(23) == Some(&17) && two(36)? == 53;
        let message = frame.get(42..).filter(|_| is_one)?;
        let end = 12 + message.get(12..)?.iter().position(|byte| *byte == 0)? + 1;
        let name = message[12..end].to_vec();
        let label = name.get(2..1 + usize::from(name[0]))?;
        let number = std::str::from_utf8(label).ok()?.parse().ok()?;
        assert_eq!(name, written(&text(number)), "nothing else is asked for");
        let mac = frame[6..12].try_into().ok()?;
        Some(Self { mac, from: place(26, 34)?, to: place(30, 36)?, id: two(42)?, name, kind: two(42 + end)?, number })
    }
}

/// The name of this number.
pub fn text(number: u32) -> String {
    format!("n{number}.example.org")
}

/// A name as messages have it.
pub fn written(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

/// One of the addresses of the name of this number.
fn right(number: u32, kind: u16, at: u16) -> Vec<u8> {
    let [_, b, c, d] = number.to_be_bytes();
    if kind == A { vec![100, 64 + at as u8, c, d] } else { vec![0x20, 1, 0xd, 0xb8, 0, at as u8, 0, 0, 0, 0, 0, 0, 0, b, c, d] }
}

/// An address that no name has.
pub fn wrong(dice: &mut Rng, kind: u16) -> Vec<u8> {
    let last = dice.u64(..) as u8;
    if kind == A { vec![203, 0, 113, last] } else { vec![0x20, 1, 0xd, 0xb8, 0xde, 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 0, last] }
}

/// Whether the name of this number has this address, of the kind that was asked for.
pub fn is_right(number: u32, family: Family, address: IpAddress) -> bool {
    let kind = if family == Family::V4 { A } else { AAAA };
    let bytes = match address {
        IpAddress::Ipv4(address) => address.octets().to_vec(),
        IpAddress::Ipv6(address) => address.octets().to_vec(),
    };
    (0..MOST).any(|at| right(number, kind, at) == bytes)
}

/// A record (RFC 1035 4.1.3).
pub fn record(name: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16).to_be_bytes();
    [name, &kind.to_be_bytes(), &INTERNET.to_be_bytes(), &[0, 0, 1, 0], &length, data].concat()
}

/// An answer in the making.
#[derive(Clone, Debug)]
pub struct Reply {
    mac: [u8; 6],
    from: Place,
    to: Place,
    id: u16,
    flags: u16,
    /// Of questions, of answers; those that come behind are other matters.
    counts: [u16; 4],
    name: Vec<u8>,
    kind: u16,
    class: u16,
    records: Vec<u8>,
}

impl Reply {
    /// An answer that brings nothing yet.
    pub fn to(query: &Query) -> Self {
        let Query { mac, from, to, id, name, kind, .. } = query.clone();
        Self { mac, from: to, to: from, id, flags: 0x8180, counts: [1, 0, 0, 0], name, kind, class: INTERNET, records: Vec::new() }
    }

    /// The same with one more answer.
    pub fn with(mut self, record: &[u8]) -> Self {
        self.counts[1] += 1;
        self.records.extend_from_slice(record);
        self
    }

    fn message(&self) -> Vec<u8> {
        let numbers = [self.id, self.flags].into_iter().chain(self.counts);
        let head: Vec<u8> = numbers.flat_map(u16::to_be_bytes).collect();
        [&head, &self.name, &self.kind.to_be_bytes()[..], &self.class.to_be_bytes(), &self.records].concat()
    }

    pub fn frame(&self) -> Vec<u8> {
        datagram(self.mac, self.from, self.to, &self.message())
    }
}

/// A datagram of UDP over IPv4 in a frame.
fn datagram(mac: [u8; 6], from: Place, to: Place, payload: &[u8]) -> Vec<u8> {
    let two = |number: usize| (number as u16).to_be_bytes();
    let ip = [&[0x45, 0], &two(28 + payload.len())[..], &[0, 0, 0, 0, 64, 17, 0, 0], &from.0, &to.0].concat();
    let udp = [from.1.to_be_bytes(), to.1.to_be_bytes(), two(8 + payload.len()), [0, 0]].concat();
    let mut frame = [&mac[..], &[2, 9, 9, 9, 9, 9, 8, 0], &ip, &udp, payload].concat();
    mend(&mut frame);
    frame
}

/// The right answer: the name's addresses, or some, behind other names that it has or at once, and more that nobody asked for.
pub fn answer(query: &Query, dice: &mut Rng) -> Reply {
    let mut reply = Reply::to(query);
    let mut name = ASKED.to_vec();
    for hop in 0..dice.usize(..8).saturating_sub(4) {
        let next = [&[2, b'c', b'0' + hop as u8][..], &ASKED].concat();
        reply = reply.with(&record(&name, CNAME, &next));
        name = next;
    }
    for at in 0..=dice.u16(..MOST) {
        reply = reply.with(&record(&name, query.kind, &right(query.number, query.kind, at)));
    }
    reply.counts[3] = dice.u16(..3);
    reply.records.extend((0..dice.usize(..40)).map(|_| dice.u64(..) as u8));
    reply
}

/// An answer that is in order and brings no address.
pub fn void(query: &Query, dice: &mut Rng) -> Reply {
    let mut reply = Reply::to(query);
    let other = written("other.example.org");
    match dice.u64(..) % 7 {
        // No such name, and other failures (RFC 1035 4.1.1), with addresses that do not count.
        0 => reply.flags |= 3,
        1 => {
            reply = reply.with(&record(&ASKED, query.kind, &wrong(dice, query.kind)));
            reply.flags |= 1 + dice.u16(..15);
        }
        // It has none of this kind.
        2 => {}
        // It has another name, of which nothing is said, or that has the first.
        3 => reply = reply.with(&record(&ASKED, CNAME, &other)),
        4 => reply = reply.with(&record(&ASKED, CNAME, &other)).with(&record(&other, CNAME, &ASKED)),
        // Addresses of somebody else; something that is no address.
        5 => reply = reply.with(&record(&other, query.kind, &wrong(dice, query.kind))),
        _ => reply = reply.with(&record(&ASKED, 16, b"\x04text")),
    }
    reply
}

/// The answer to a question for the address of a neighbour, whoever it is: it is the server's machine.
pub fn neighbour(frame: &[u8]) -> Option<Vec<u8>> {
    let is_question = frame.len() >= 42 && frame[12..14] == [8, 6] && frame[20..22] == [0, 1];
    let answer = || {
        let (asker, asked) = (&frame[22..32], &frame[38..42]);
        let server = [2, 9, 9, 9, 9, 9];
        [&frame[6..12], &server, &frame[12..20], &[0, 2], &server, asked, asker].concat()
    };
    is_question.then(answer)
}

/// A machine that has asked for the name of number 7: the handle of its question, and the question.
fn asker(family: Family) -> (Machine, Instant, Question, Query) {
    let mut machine = Machine::new(3, Some("10.0.2.15/24,10.0.2.2,10.0.2.3"), LIMITS);
    let mut now = Instant::from_secs(1);
    machine.net.set_now(now);
    let handle = machine.net.ask(&text(7), family).unwrap();
    loop {
        machine.net.turn(now);
        let sent: Vec<Vec<u8>> = machine.card.cable().sent.drain(..).collect();
        machine.card.cable().arriving.extend(sent.iter().filter_map(|frame| neighbour(frame)));
        if let Some(query) = sent.iter().find_map(|frame| Query::parse(frame)) {
            return (machine, now, handle, query);
        }
        now += Duration::from_millis(100);
        assert!(now < Instant::from_secs(5), "it asks");
    }
}

/// What has become of a question when this frame came.
fn heard(machine: &mut Machine, now: Instant, handle: Question, frame: Vec<u8>) -> Result<Vec<IpAddress>, Errno> {
    machine.card.cable().arriving.push_back(frame);
    machine.net.turn(now);
    let mut into = [IpAddress::v4(0, 0, 0, 0); 16];
    let count = machine.net.answer(handle, &mut into)?;
    Ok(into[..count].to_vec())
}

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

#[test]
fn a_right_answer_is_found_behind_all_that_no_server_says() {
    let mut dice = Rng::with_seed(9);
    for family in FAMILIES {
        let (mut machine, now, mut handle, mut query) = asker(family);
        for spoil in SPOILS {
            for _ in 0..200 {
                let frame = spoil.reply(&query, &mut dice);
                let answered = heard(&mut machine, now, handle, frame);
                assert_eq!(answered, Err(Errno::EAGAIN), "{spoil:?} of {query:?}");
            }
            let found = heard(&mut machine, now, handle, answer(&query, &mut dice).frame()).unwrap();
            assert!(!found.is_empty() && found.iter().all(|address| is_right(7, family, *address)), "{found:?} behind {spoil:?}");
            (machine, _, handle, query) = asker(family);
        }
    }
}

#[test]
fn an_answer_that_brings_no_address_ends_the_question() {
    let mut dice = Rng::with_seed(9);
    for family in FAMILIES {
        for _ in 0..100 {
            let (mut machine, now, handle, query) = asker(family);
            assert_eq!(heard(&mut machine, now, handle, void(&query, &mut dice).frame()), Err(Errno::ENOENT));
        }
    }
}

#[test]
fn who_gave_a_question_up_is_not_answered_when_he_asks_again() {
    let mut dice = Rng::with_seed(9);
    let (mut machine, now, handle, query) = asker(Family::V4);
    machine.net.forget(handle);
    let handle = machine.net.ask(&text(7), Family::V4).unwrap();
    assert_eq!(heard(&mut machine, now, handle, answer(&query, &mut dice).frame()), Err(Errno::EAGAIN));
    let again = machine.card.cable().sent.iter().find_map(|frame| Query::parse(frame)).unwrap();
    assert!(heard(&mut machine, now, handle, answer(&again, &mut dice).frame()).is_ok());
}

#[test]
fn a_question_that_nobody_answers_ends_after_ten_seconds_and_some_repetitions() {
    let (mut machine, began, handle, _) = asker(Family::V6);
    let (mut now, mut sent) = (began, 0);
    let mut into = [IpAddress::v4(0, 0, 0, 0)];
    while machine.net.answer(handle, &mut into) == Err(Errno::EAGAIN) {
        sent += machine.card.cable().sent.drain(..).filter(|frame| Query::parse(frame).is_some()).count();
        now = machine.net.next().unwrap().max(now + Duration::from_millis(1));
        machine.net.turn(now);
        assert!(now < began + Duration::from_secs(20));
    }
    assert!(now > began + Duration::from_secs(9) && (2..10).contains(&sent), "{sent} repetitions until {now}");
}

#[test]
fn where_the_server_of_names_is_not_reached_no_question_waits_for_another() {
    let mut machine = Machine::new(3, Some("10.0.2.15/24,10.0.2.2,10.0.2.3"), LIMITS);
    let mut now = Instant::from_secs(1);
    machine.net.set_now(now);
    let mut open: Vec<Question> = (0..QUERIES).map(|number| machine.net.ask(&text(number as u32), Family::V4).unwrap()).collect();
    assert_eq!(machine.net.ask(&text(99), Family::V4).err(), Some(Errno::EAGAIN));
    let mut turns = 0;
    while !open.is_empty() {
        machine.net.turn(now);
        let mut into = [IpAddress::v4(0, 0, 0, 0)];
        open.retain(|question| machine.net.answer(*question, &mut into) == Err(Errno::EAGAIN));
        now = machine.net.next().unwrap().max(now + Duration::from_millis(1));
        turns += 1;
        assert!(now < Instant::from_secs(15) && turns < 100, "{} questions are open after {turns} turns, {now}", open.len());
    }
    assert!(machine.net.ask(&text(99), Family::V4).is_ok());
}
